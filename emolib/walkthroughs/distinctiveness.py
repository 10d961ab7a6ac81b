"""Checks of the walkthrough on distinctiveness."""

from functools import partial
from typing import Any

import numpy as np
import torch

from emolib.paper import TABLE_1, TABLE_2
from emolib.pruning import angles, prune
from emolib.walkthroughs.lesson import Wrong, array, check, close, judged, number, tried

TABLE = np.array(TABLE_1)
ANGLES = angles(TABLE, 0.0).numpy()  # degrees between its units, activations as they are


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
    """The angle between units 3 and 4 of the paper's Table 1, in degrees, without a shift."""
    value, (a, b), right = number(answer), TABLE[:, 2:4].T, ANGLES[2, 3]
    return judged(
        value,
        right,
        f"{right:.2f}°; the paper's Table 2 prints {TABLE_2[3, 4]}° for units 3 and 4.",
        [
            (
                bool(np.isnan(value)),
                "nan: np.arccos got a number above 1. A cosine is a·b divided by the lengths of "
                "both vectors.",
            ),
            # these are small numbers, so rounding must not hide which of them it is
            (
                np.cos(np.radians(right)),
                "this is the cosine of the angle; np.arccos takes it to the angle itself.",
                0.002,
            ),
            (
                np.radians(right),
                "this is the angle in radians; the table is in degrees (np.degrees).",
                0.002,
            ),
            (
                a @ b,
                "this is the dot product; divide it by the lengths of both vectors first.",
                0.01,
            ),
            (
                np.linalg.norm(a - b),
                "this is the distance between the two vectors; the angle does not depend on their "
                "lengths.",
                0.005,
            ),
            (
                angles(TABLE, 0.5)[2, 3],
                "you took 0.5 off the activations, as Gedeon and Harris do; Table 2 takes them as "
                "they are.",
            ),
            (
                angles(TABLE.T, 0.0)[2, 3],
                "these are rows 3 and 4, two patterns; a unit is a column: activations[:, 2] and "
                "activations[:, 3].",
            ),
            (
                ANGLES[3, 4],
                "these are units 4 and 5; Python counts from 0, so units 3 and 4 are columns 2 "
                "and 3.",
            ),
            (
                180 - right,
                "this is the angle to the opposite of a vector, 180° less; is there a minus too "
                "many?",
            ),
        ],
        "take the arc cosine of a·b / (|a| |b|), in degrees.",
        tolerance=0.15,
    )


@partial(check, options=range(1, 7))
def units_that_stay(answer: Any) -> str:
    """The units of Table 1 that stay at a minimal angle of 15°, activations as they are: of each
    pair the later one goes.
    """
    if isinstance(answer, int | float):
        raise Wrong("the units are asked for, not their number: a set such as {1, 6}.")
    if isinstance(answer, str | dict) or not all(
        isinstance(unit, int | np.integer) and not isinstance(unit, bool) for unit in answer
    ):
        raise Wrong("write a set of unit numbers, such as {1, 6}.")
    units = sorted({int(unit) for unit in answer})
    near = sorted((ANGLES[a - 1, b - 1], (a, b)) for a, b in TABLE_2 if {a, b} <= {*units})
    degrees, (a, b) = near[0] if near else (np.inf, (0, 0))
    return judged(
        units,
        sorted(units_left(15, 0.0)),
        "units 4, 5 and 6 are all within 15° of unit 3, which does the work of the four.",
        [
            ([4, 5, 6], "these are the units that go; the ones that stay are asked for."),
            ([0, 1, 2], "the units are numbered from 1, as in the tables."),
            (
                [1, 2, 3, 5, 6],
                "you stopped after the closest pair, 3 and 4. Units 3 and 5 are "
                f"{ANGLES[2, 4]:.1f}° apart, and both are still there.",
            ),
            (
                [1, 2],
                "of a similar pair one unit goes, not both: something must go on doing that work.",
            ),
            (
                4 in units and 3 not in units,
                "of a pair the later unit goes, so of 3 and 4 it is unit 4.",
            ),
            (not {*units} <= {*range(1, 7)}, "there are six units, 1 to 6."),
            (
                degrees < 15,
                f"units {a} and {b} both stay in your answer, and are only {degrees:.1f}° apart.",
            ),
            (
                [1, 3],
                "unit 2 is within 15° of unit 4 alone, and 4 went before: which unit that is still "
                "there does 2 resemble?",
            ),
        ],
        "a unit went that is no less than 15° from every other that was still there; take "
        "pairs from the smallest angle on, one at a time.",
    )


@check
def hand_over(answer: Any) -> str:
    """A function ``(outgoing [C, H], stays, goes)`` that merges a unit into another by the rule of
    Gedeon and Harris.
    """
    outgoing = np.random.default_rng(2).normal(size=(3, 4))
    given, total = outgoing.copy(), outgoing[:, 1] + outgoing[:, 2]
    found = tried(answer, given, 1, 2)
    if not close(given, outgoing):
        raise Wrong(
            "your function changes the weights that it was given; begin with outgoing = "
            "outgoing.copy()."
        )
    found = array(
        found,
        outgoing.shape,
        {
            (3,): "this is one column; the whole matrix is asked for, with that column in its "
            "place.",
            (3, 3): "you took the column out; leave it in its place, as zeros, so that units keep "
            "their numbers.",
        },
    )
    return judged(
        found,
        np.column_stack([outgoing[:, 0], total, np.zeros(3), outgoing[:, 3]]),
        "two units of the same activation now give the same outputs as one.",
        [
            (
                close(found[:, 1:3], np.stack([np.zeros(3), total], axis=1)),
                "you swapped the two: the unit that stays gets the sum, the one that goes the "
                "zeros.",
            ),
            (
                close(found[:, 2], outgoing[:, 2]),
                "the unit that goes still has its outgoing weights; set that column to 0.",
            ),
            (
                close(found[:, 1], total / 2),
                "you took the mean of both columns. Two units of activation h give "
                "w₁h + w₂h = (w₁ + w₂)h: the sum.",
            ),
            (
                close(found[:, 1], outgoing[:, 1]),
                "the unit that stays has its old weights; the weights of the one that went are "
                "lost. That is the paper's rule, not theirs.",
            ),
            (
                close(found[1], outgoing[1] + outgoing[2]),
                "these are rows; a row is an emotion, a column a hidden unit: outgoing[:, stays].",
            ),
        ],
        "the column of the unit that stays should be the sum of both, and every other column as "
        "it was.",
    )
