"""Checks of the walkthrough from face to ten numbers, the patch that it looks at, and what
components tell apart.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from emolib.data.descriptors import lpq_codes
from emolib.walkthroughs.verdict import Verdict, Wrong, array, check, close, function, number

BINS = 8


def phase_parts(patch: np.ndarray) -> np.ndarray:
    """The eight numbers whose signs are the LPQ code of the pixel in a patch's middle, straight
    from the definition.

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
    """The share of the variance of ``values`` ``[N, D]`` that lies between the means of ``groups``
    ``[N]``, from 0 to 1 (eta squared).
    """
    centred = values - values.mean(0)
    means = np.stack([centred[groups == group].mean(0) for group in groups])
    return float(np.square(means).sum() / np.square(centred).sum())


def lpq_code(patch: np.ndarray) -> Callable[[Any], Verdict]:
    """A check of the LPQ code of one patch ``[M, M]``, as a whole number from 0 to 255."""
    signs = phase_parts(patch) >= 0
    code = int(lpq_codes(patch[None], len(patch))[0, 0, 0])

    @check
    def judge(answer: Any) -> str:
        value = number(answer)
        if value == code:
            return f"{code} is what the library finds for this pixel; 90 × 90 of them make the code image."
        if value == 255 - code:
            raise Wrong(
                "your bits are the wrong way round: a bit is 1 where the part is not negative."
            )
        if value == int((signs * 2 ** np.arange(7, -1, -1)).sum()):
            raise Wrong(
                "you read the bits from the other end: the first part is the lowest bit, worth 1, the last is worth 128."
            )
        if value == signs.sum():
            raise Wrong(
                "you counted the bits that are set; bit k is worth 2 to the k (k from 0), and the code is their sum."
            )
        if value == (signs * 2 ** np.arange(1, 9)).sum():
            raise Wrong("your code is twice too large: the first bit is worth 2⁰ = 1, not 2.")
        if value == (~signs * 2 ** np.arange(7, -1, -1)).sum():
            raise Wrong(
                "two things: a bit is 1 where the part is not negative, and the first part is the lowest bit, worth 1."
            )
        if 0 <= value <= 255 and value == int(value) and bin(int(value) ^ code).count("1") == 1:
            k = (int(value) ^ code).bit_length() - 1
            raise Wrong(
                f"one bit is wrong, that of part {k}: it is worth {2**k}, and part {k} is {'not negative' if signs[k] else 'negative'}."
            )
        if not 0 <= value <= 255 or value != int(value):
            raise Wrong(
                f"eight bits make a whole number from 0 to 255; {value:g} is none. Are the parts reduced to their signs?"
            )
        raise Wrong(
            "the sum should be of 2**k over those k (from 0 to 7) whose part is not negative."
        )

    return judge


@check
def phog_length(answer: Any) -> str:
    """How many numbers PHOG with 8 bins and levels 0, 1 and 2 has."""
    value = number(answer)
    if value == BINS * (1 + 4 + 16):
        return "8 bins in each of 1 + 4 + 16 cells. With a level more, as in the data, it is 680."
    if value == BINS * (1 + 2 + 4):
        raise Wrong(
            "a level has 2^l cells along each side, so 4^l in all: 1, 4 and 16, not 1, 2 and 4."
        )
    if value == BINS * 16:
        raise Wrong("this is the finest level alone; the pyramid keeps the coarser levels too.")
    if value == 1 + 4 + 16:
        raise Wrong("this is the number of cells; each has a histogram of 8 bins.")
    if value == BINS * (1 + 4):
        raise Wrong("level 2 is missing: levels 0, 1 and 2 are three.")
    if value == BINS * 4 * (1 + 4 + 16) or value == BINS * (4 + 16 + 64):
        raise Wrong("level 0 is the whole picture, one cell; level 1 has four.")
    if value == BINS * (1 + 4 + 16 + 64):
        raise Wrong("this is with level 3; the question stops at level 2.")
    raise Wrong(
        "count the cells of each level (2^l along each side), add them up, and give each cell 8 bins."
    )


@check
def min_max(answer: Any) -> str:
    """A function ``(values [N, D], train)`` that scales each feature by its extremes over the
    training rows.
    """
    scaled = function(answer)
    values = np.random.default_rng(3).normal([0, 50, -3], [1, 20, 0.1], (40, 3))
    train = np.arange(5, 30)
    low, high = values[train].min(0), values[train].max(0)
    try:
        given = scaled(values.copy(), train)
    except ValueError as error:
        raise Wrong(
            f"the shapes do not fit ({error}). The extremes of each column come from min(axis=0) and max(axis=0)."
        ) from None
    if np.shape(given) == (len(train), values.shape[1]):
        raise Wrong(
            "only the training rows came back; the extremes are theirs, but all rows are scaled."
        )
    found = array(given, values.shape)
    if close(found, (values - low) / (high - low)):
        return "a test row may fall a little outside 0 to 1, and that is as it should be: it had no say."
    if close(found, values):
        raise Wrong("nothing was scaled: the values came back as they were.")
    if close(found, (values - values.min()) / (values.max() - values.min())):
        raise Wrong(
            "two things: each column has extremes of its own, min(axis=0), and they are those of values[train]."
        )
    if close(found, (values - values.min(0)) / (values.max(0) - values.min(0))):
        raise Wrong(
            "your extremes are over all rows. That is the paper's way; then the test rows have a say: use values[train]."
        )
    if close(found, (values - values[train].min()) / (values[train].max() - values[train].min())):
        raise Wrong(
            "you took one minimum and one maximum for all features; each column has its own: min(axis=0)."
        )
    centred = (values - values[train].mean(0)) / (high - low)
    if close(found, centred):
        raise Wrong(
            "you took the mean off; take the minimum off, so that the smallest training value becomes 0."
        )
    if close(found, 2 * (values - low) / (high - low) - 1):
        raise Wrong("yours run from -1 to 1; equation 1 maps to 0 to 1.")
    if close(found, values / high) or close(found, values / (high - low)):
        raise Wrong("the smallest training value should become 0; subtract the minimum first.")
    if close(found, (values - low) / high):
        raise Wrong("divide by the range, maximum less minimum, not by the maximum.")
    if close(found, (values - values[train].mean(0)) / values[train].std(0)):
        raise Wrong(
            "this is standardising, mean 0 and deviation 1; min-max maps the smallest to 0 and the largest to 1."
        )
    if close(found, np.clip((values - low) / (high - low), 0, 1)):
        raise Wrong(
            "do not clip: a test value outside the training range is a fact that the network may see."
        )
    raise Wrong(
        "x becomes (x - minimum) / (maximum - minimum), column by column, with the extremes of values[train]."
    )
