"""Checks of the walkthrough on distinctiveness."""

from typing import Any

import numpy as np
import torch

from emolib.paper import TABLE_1, TABLE_2
from emolib.pruning import prune
from emolib.walkthroughs.verdict import Wrong, array, check, close, function, number


def units_left(angle: float, activation_shift: float) -> set[int]:
    """The units of Table 1, numbered from 1, that :func:`~emolib.pruning.prune` leaves; ``angle``
    in degrees, ``activation_shift`` taken off the activations.
    """
    activations = torch.tensor(TABLE_1)[None]  # a stack of one network
    units, classes = activations.shape[2], 7
    alive, *_ = prune(
        activations,
        torch.ones(1, units, dtype=torch.bool),
        torch.zeros(1, classes, units),
        torch.zeros(1, classes),
        angle=torch.tensor([float(angle)]),
        activation_shift=torch.tensor([activation_shift]),
        merge_weights=torch.tensor([False]),
    )
    return {unit + 1 for unit in range(units) if alive[0, unit]}


@check
def angle_of_3_and_4(answer: Any) -> str:
    """The angle between units 3 and 4 of the paper's Table 1, in degrees, activations as they are."""
    value = number(answer)
    activations = np.array(TABLE_1)
    a, b = activations[:, 2], activations[:, 3]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    if close(value, np.degrees(np.arccos(cosine)), 0.15):
        return f"{value:.2f}°; the paper's Table 2 prints {TABLE_2[3, 4]}° for units 3 and 4."
    if np.isnan(value):
        raise Wrong(
            "nan: np.arccos got a number above 1. A cosine is a·b divided by the lengths of both vectors."
        )
    if close(value, cosine, 0.002):
        raise Wrong("this is the cosine of the angle; np.arccos takes it to the angle itself.")
    if close(value, np.arccos(cosine), 0.002):
        raise Wrong("this is the angle in radians; the table is in degrees (np.degrees).")
    if close(value, a @ b, 0.01):
        raise Wrong("this is the dot product; divide it by the lengths of both vectors first.")
    if close(value, _degrees(a - 0.5, b - 0.5), 0.15):
        raise Wrong(
            "you took 0.5 off the activations, as Gedeon and Harris do; Table 2 takes them as they are."
        )
    if close(value, _degrees(activations[2], activations[3]), 0.15):
        raise Wrong(
            "these are rows 3 and 4, two patterns; a unit is a column: activations[:, 2] and activations[:, 3]."
        )
    if close(value, _degrees(activations[:, 3], activations[:, 4]), 0.15):
        raise Wrong(
            "these are units 4 and 5; Python counts from 0, so units 3 and 4 are columns 2 and 3."
        )
    if close(value, 180 - np.degrees(np.arccos(cosine)), 0.15):
        raise Wrong(
            "this is the angle to the opposite of a vector, 180° less; is there a minus too many?"
        )
    if close(value, np.linalg.norm(a - b), 0.005):
        raise Wrong(
            "this is the distance between the two vectors; the angle does not ask how long they are."
        )
    raise Wrong(
        f"{value:.4g} is not the angle; take the arc cosine of a·b / (|a| |b|), in degrees."
    )


@check
def units_that_stay(answer: Any) -> str:
    """The units of Table 1 that stay at a minimal angle of 15°, activations as they are: of each
    pair the later one goes.
    """
    if isinstance(answer, int | float):
        raise Wrong("the units are asked for, not how many: a set such as {1, 6}.")
    if isinstance(answer, str | dict) or not all(
        isinstance(unit, int | np.integer) and not isinstance(unit, bool) for unit in answer
    ):
        raise Wrong("write a set of unit numbers, such as {1, 6}.")
    units = {int(unit) for unit in answer}
    if units == units_left(15, 0.0):
        return "units 4, 5 and 6 are all within 15° of unit 3, which does the work of the four."
    if units == {4, 5, 6}:
        raise Wrong("these are the units that go; the ones that stay are asked for.")
    if units == {0, 1, 2}:
        raise Wrong("the units are numbered from 1, as in the tables.")
    if units == {1, 2, 3, 5, 6}:
        raise Wrong(
            f"you stopped after the closest pair, 3 and 4. Units 3 and 5 are {apart(3, 5):.1f}° apart, and both are still there."
        )
    if units == {1, 2}:
        raise Wrong(
            "of a similar pair one unit goes, not both: something must go on doing that work."
        )
    if 4 in units and 3 not in units:
        raise Wrong("of a pair the later unit goes, so of 3 and 4 it is unit 4.")
    if units - {1, 2, 3, 4, 5, 6}:
        raise Wrong("there are six units, 1 to 6.")
    left = sorted(
        (apart(*pair), pair) for pair in TABLE_2 if set(pair) <= units and apart(*pair) < 15
    )
    if left:
        degrees, (a, b) = left[0]
        raise Wrong(
            f"units {a} and {b} both stay in your answer, and are only {degrees:.1f}° apart."
        )
    if units == {1, 3}:
        raise Wrong(
            "unit 2 is within 15° of unit 4 alone, and 4 went before: whom does 2 resemble that is still there?"
        )
    raise Wrong(
        "a unit went that is no less than 15° from every other that was still there; take pairs from the smallest angle on, one at a time."
    )


@check
def hand_over(answer: Any) -> str:
    """A function ``(outgoing [C, H], stays, goes)`` that merges a unit into another by the rule of
    Gedeon and Harris.
    """
    merge = function(answer)
    rng = np.random.default_rng(2)
    outgoing = rng.normal(size=(3, 4))
    given = outgoing.copy()
    found = merge(given, 1, 2)
    if not close(given, outgoing):
        raise Wrong(
            "your function changes the weights that it was given; begin with outgoing = outgoing.copy()."
        )
    if np.shape(found) == (3,):
        raise Wrong(
            "this is one column; the whole matrix is asked for, with that column in its place."
        )
    if np.shape(found) == (3, 3):
        raise Wrong(
            "you took the column out; leave it in its place, as zeros, so that units keep their numbers."
        )
    found = array(found, outgoing.shape)
    right = outgoing.copy()
    right[:, 1] += right[:, 2]
    right[:, 2] = 0
    if close(found, right):
        return "two units of the same activation now give the same outputs as one."
    if close(found[:, 2], outgoing[:, 1] + outgoing[:, 2]) and close(found[:, 1], np.zeros(3)):
        raise Wrong(
            "you swapped the two: the unit that stays gets the sum, the one that goes the zeros."
        )
    if close(found[:, 2], outgoing[:, 2]):
        raise Wrong("the unit that goes still has its outgoing weights; set that column to 0.")
    if close(found[:, 1], (outgoing[:, 1] + outgoing[:, 2]) / 2):
        raise Wrong(
            "you took the mean of both columns. Two units of activation h give w₁h + w₂h = (w₁ + w₂)h: the sum."
        )
    if close(found[:, 1], outgoing[:, 1]):
        raise Wrong(
            "the unit that stays has its old weights; the weights of the one that went are lost. That is the paper's rule, not theirs."
        )
    if close(found[1], outgoing[1] + outgoing[2]):
        raise Wrong(
            "these are rows; a row is an emotion, a column a hidden unit: outgoing[:, stays]."
        )
    raise Wrong(
        "the column of the unit that stays should be the sum of both, and every other column as it was."
    )


def apart(a: int, b: int) -> float:
    """Degrees between two units of Table 1, numbered from 1, activations as they are."""
    activations = np.array(TABLE_1)
    return _degrees(activations[:, a - 1], activations[:, b - 1])


def _degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))
