"""Checks of the walkthrough on distinctiveness."""

from typing import Any

import numpy as np

from emolib.paper import TABLE_1, TABLE_2
from emolib.walkthroughs.verdict import Wrong, array, check, close, function, number


@check
def angle_of_3_and_4(answer: Any) -> str:
    """The angle between units 3 and 4 of the paper's Table 1, in degrees, activations as they are."""
    value = number(answer)
    activations = np.array(TABLE_1)
    a, b = activations[:, 2], activations[:, 3]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    if close(value, np.degrees(np.arccos(cosine)), 0.15):
        return f"{value:.2f}°; the paper's Table 2 prints {TABLE_2[3, 4]}° for units 3 and 4."
    if close(value, cosine, 0.002):
        raise Wrong("this is the cosine of the angle; np.arccos takes it to the angle itself.")
    if close(value, np.arccos(cosine), 0.002):
        raise Wrong("this is the angle in radians; the table is in degrees (np.degrees).")
    if close(value, a @ b, 0.01):
        raise Wrong("this is the dot product; divide it by the lengths of both vectors first.")
    if close(value, _degrees(a - 0.5, b - 0.5), 0.15):
        raise Wrong("you took 0.5 off the activations, as Gedeon and Harris do; Table 2 takes them as they are.")
    if close(value, _degrees(activations[2], activations[3]), 0.15):
        raise Wrong("these are rows 3 and 4, two patterns; a unit is a column: activations[:, 2] and activations[:, 3].")
    if close(value, _degrees(activations[:, 3], activations[:, 4]), 0.15):
        raise Wrong("these are units 4 and 5; Python counts from 0, so units 3 and 4 are columns 2 and 3.")
    raise Wrong(f"{value:.4g} is not the angle; take the arc cosine of a·b / (|a| |b|), in degrees.")


@check
def units_that_stay(answer: Any) -> str:
    """The units of Table 1 that stay at a minimal angle of 15°, activations as they are: of each pair the later one goes."""
    if isinstance(answer, int | float):
        raise Wrong("the units are asked for, not how many: a set such as {1, 6}.")
    units = {int(unit) for unit in answer}
    if units == {1, 2, 3}:
        return "units 4, 5 and 6 are all within 15° of unit 3, which does the work of the four."
    if units == {4, 5, 6}:
        raise Wrong("these are the units that go; the ones that stay are asked for.")
    if units == {0, 1, 2}:
        raise Wrong("the units are numbered from 1, as in the tables.")
    if units == {1, 2, 3, 5, 6}:
        raise Wrong("you stopped after the closest pair, 3 and 4. Units 3 and 5 are 8.8° apart, and both are still there.")
    if units == {1, 2}:
        raise Wrong("of a similar pair one unit goes, not both: something must go on doing that work.")
    if 4 in units and 3 not in units:
        raise Wrong("of a pair the later unit goes, so of 3 and 4 it is unit 4.")
    if units - {1, 2, 3, 4, 5, 6}:
        raise Wrong("there are six units, 1 to 6.")
    left = sorted((pair for pair in TABLE_2 if set(pair) <= units and TABLE_2[pair] < 15), key=lambda pair: TABLE_2[pair])
    if left:
        raise Wrong(f"units {left[0][0]} and {left[0][1]} both stay in your answer, and are only {TABLE_2[left[0]]}° apart.")
    raise Wrong("a unit went that is no less than 15° from every other that was still there; take pairs from the smallest angle on, one at a time.")


@check
def hand_over(answer: Any) -> str:
    """A function ``(outgoing [C, H], stays, goes)`` that merges a unit into another by the rule of Gedeon and Harris."""
    merge = function(answer)
    rng = np.random.default_rng(2)
    outgoing = rng.normal(size=(3, 4))
    given = outgoing.copy()
    found = merge(given, 1, 2)
    if not close(given, outgoing):
        raise Wrong("your function changes the weights that it was given; begin with outgoing = outgoing.copy().")
    found = array(found, outgoing.shape)
    right = outgoing.copy()
    right[:, 1] += right[:, 2]
    right[:, 2] = 0
    if close(found, right):
        return "two units of the same activation now give the same outputs as one."
    if close(found[:, 2], outgoing[:, 2]):
        raise Wrong("the unit that goes still has its outgoing weights; set that column to 0.")
    if close(found[:, 1], (outgoing[:, 1] + outgoing[:, 2]) / 2):
        raise Wrong("you took the mean of both columns. Two units of activation h give w₁h + w₂h = (w₁ + w₂)h: the sum.")
    if close(found[:, 1], outgoing[:, 1]):
        raise Wrong("the unit that stays has its old weights; the weights of the one that went are lost. That is the paper's rule, not theirs.")
    if close(found[1], outgoing[1] + outgoing[2]):
        raise Wrong("these are rows; a row is an emotion, a column a hidden unit: outgoing[:, stays].")
    raise Wrong("the column of the unit that stays should be the sum of both, and every other column as it was.")


def _degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))
