"""Checks of the walkthrough from face to ten numbers, and the variance between groups."""

from typing import Any

import numpy as np

from emolib.data.descriptors import lpq_codes
from emolib.walkthroughs.lesson import array, check, check_with, judged, number, tried


def phase_parts(patch: np.ndarray) -> np.ndarray:
    """The eight numbers whose signs are the LPQ code of a patch's middle pixel, straight from the
    definition.

    Args:
        patch: ``[M, M]``, grey.

    Returns:
        Real and imaginary part of ``F(u) = Σ_y f(-y) exp(-2πi u·y)`` at ``u = (a, 0), (0, a), (a,
        a), (a, -a)``, ``a = 1 / M`` (Ojansivu and Heikkilä 2008), ``[8]``.
    """
    side = len(patch)
    down, across = np.mgrid[:side, :side] - side // 2
    parts = []
    for u, v in ((1, 0), (0, 1), (1, 1), (1, -1)):
        wave = np.exp(-2j * np.pi * (u * across + v * down) / side)
        transform = (patch[::-1, ::-1] * wave).sum()
        parts += [transform.real, transform.imag]
    return np.array(parts)


def share_between(values: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance of ``values`` ``[N, D]`` that lies between the means of ``groups``
    ``[N]``, from 0 to 1 (eta squared).
    """
    centred = values - values.mean(0)
    means = np.stack([centred[groups == group].mean(0) for group in groups])
    return float(np.square(means).sum() / np.square(centred).sum())


@check_with
def lpq_code(answer: Any, patch: np.ndarray) -> str:
    """The LPQ code of one patch ``[M, M]``, a whole number from 0 to 255."""
    signs = phase_parts(patch) >= 0
    code = int(lpq_codes(patch[None], len(patch))[0, 0, 0])
    worth, backwards = 2 ** np.arange(8), 2 ** np.arange(7, -1, -1)
    value = number(answer)
    return judged(
        value,
        code,
        f"{code} is the library's code of this pixel; 90 × 90 of them make the code image.",
        [
            (
                255 - code,
                "your bits are the wrong way round: a bit is 1 where the part is not negative.",
            ),
            (
                (signs * backwards).sum(),
                "you read the bits from the other end: the first part is the lowest bit, worth "
                "1, the last is worth 128.",
            ),
            (
                signs.sum(),
                "you counted the bits that are set; bit k is worth 2 to the k (k from 0), and "
                "the code is their sum.",
            ),
            (2 * code, "your code is twice too large: the first bit is worth 2⁰ = 1, not 2."),
            (
                (~signs * backwards).sum(),
                "two things: a bit is 1 where the part is not negative, and the first part is "
                "the lowest bit, worth 1.",
            ),
            *[
                (
                    code ^ int(worth[k]),
                    f"one bit is wrong, that of part {k}: it is worth {worth[k]}, and part {k} "
                    f"is {'not negative' if signs[k] else 'negative'}.",
                )
                for k in range(8)
            ],
            (
                value not in range(256),
                f"eight bits make a whole number from 0 to 255; {value:g} is none. Are the "
                "parts reduced to their signs?",
            ),
        ],
        "the sum should be of 2**k over those k (from 0 to 7) whose part is not negative.",
        tolerance=0,
    )


@check
def phog_length(answer: Any) -> str:
    """Number of values of PHOG with 8 bins and levels 0, 1 and 2."""
    return judged(
        number(answer),
        8 * (1 + 4 + 16),
        "8 bins in each of 1 + 4 + 16 cells. With one level more, as in the data, it is 680.",
        [
            (
                8 * (1 + 2 + 4),
                "a level has 2^l cells along each side, so 4^l in all: 1, 4 and 16, not 1, 2 and "
                "4.",
            ),
            (8 * 16, "this is the finest level alone; the pyramid keeps the coarser ones too."),
            (1 + 4 + 16, "this is the number of cells; each has a histogram of 8 bins."),
            (8 * (1 + 4), "level 2 is missing: levels 0, 1 and 2 are three."),
            (
                8 * (4 + 16 + 64),
                "level 0 is the whole picture, one cell; level 1 has four.",
            ),
            (8 * (1 + 4 + 16 + 64), "this is with level 3; the question stops at level 2."),
        ],
        "count the cells of each level (2^l along each side), add them up, and give each cell 8 "
        "bins.",
        tolerance=0,
    )


@check
def min_max(answer: Any) -> str:
    """A function ``(values [N, D], train)`` that scales each feature by its extremes over the
    training rows.
    """
    values = np.random.default_rng(3).normal([0, 50, -3], [1, 20, 0.1], (40, 3))
    train = np.arange(5, 30)
    seen = values[train]
    low, high, mean = seen.min(0), seen.max(0), seen.mean(0)
    found = array(
        tried(
            answer,
            values.copy(),
            train,
            error=(ValueError,),
            sentence="the shapes do not fit ({}). The extremes of each column come from "
            "min(axis=0) and max(axis=0).",
        ),
        values.shape,
        {
            seen.shape: "only the training rows came back; the extremes are theirs, but all rows "
            "are scaled."
        },
    )
    offset = "the smallest training value should become 0; subtract the minimum first."
    right = (values - low) / (high - low)
    return judged(
        found,
        right,
        "a test row may fall a little outside 0 to 1, as it should: it had no influence.",
        [
            (values, "nothing was scaled: the values came back as they were."),
            (
                (values - values.min()) / (values.max() - values.min()),
                "two things: each column has extremes of its own, min(axis=0), and they are those "
                "of values[train].",
            ),
            (
                (values - values.min(0)) / (values.max(0) - values.min(0)),
                "your extremes are over all rows. That is the paper's way, and it lets the test "
                "rows take part: use values[train].",
            ),
            (
                (values - seen.min()) / (seen.max() - seen.min()),
                "you took one minimum and one maximum for all features; each column has its own: "
                "min(axis=0).",
            ),
            (
                (values - mean) / (high - low),
                "you took the mean off; take the minimum off, so that the smallest training value "
                "becomes 0.",
            ),
            (2 * right - 1, "yours run from -1 to 1; equation 1 maps to 0 to 1."),
            (values / high, offset),
            (values / (high - low), offset),
            (
                (values - low) / high,
                "divide by the range, maximum less minimum, not by the maximum.",
            ),
            (
                (values - mean) / seen.std(0),
                "this is standardising, mean 0 and deviation 1; min-max maps the smallest to 0 "
                "and the largest to 1.",
            ),
            (
                np.clip(right, 0, 1),
                "do not clip: a test value outside the training range is a fact that the network "
                "may see.",
            ),
        ],
        "x becomes (x - minimum) / (maximum - minimum), column by column, with the extremes of "
        "values[train].",
    )
