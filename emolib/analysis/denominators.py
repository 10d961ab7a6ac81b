"""Denominators: sizes of a test set that could print given figures as recall.

A recall of ``n`` rows is one of ``n + 1`` proportions, and few of them print as a given two-digit
figure. A mean over seeds takes more values, and a precision has a denominator of its own for each
model; both say nothing about the rows that were tested.

Axes: ``E`` emotions, ``M`` models, ``R`` sizes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WAYS = ("rounded", "truncated")
LARGEST = 100  # rows; so many, and any more, can print every two-digit figure
# The margins of a table of possible sizes.
EVERY, ALL = "every emotion", "all models"


def printable(percent: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.bool]:
    """Whether some count of rows is printed as a percentage, rounded or truncated: ``[2, …]``.

    Whole numbers throughout; a proportion half-way between two percentages may be rounded to
    either.

    Args:
        percent: ``[…]``, the printed figure in percent.
        rows: ``[…]``, the size of the test set.

    Example:
        >>> printable(np.array(33), np.array([2, 3]))
        array([[False,  True],
               [False,  True]])
    """
    most = (2 * percent + 1) * rows // 200  # that are rounded to no more than the figure
    fewest = -(-percent * rows // 100)  # that reach the figure
    return np.stack([200 * most >= (2 * percent - 1) * rows, 100 * fewest < (percent + 1) * rows])


def possible_sizes(printed: Mapping[str, Sequence[float]], emotions: Sequence[str]) -> pd.DataFrame:
    """Whether a test set of up to :data:`LARGEST` rows of an emotion could print a model's figure.

    Args:
        printed: ``[E]`` two-digit figures for each of ``M`` models.
        emotions: their names.

    Returns:
        Rows by ``printed`` (:data:`WAYS`), ``emotion`` (those given, and :data:`EVERY`: as many
        rows of each) and ``rows``; a column for each model, and :data:`ALL`: on one test set.
    """
    percent = np.rint(100 * np.transpose(list(printed.values()))).astype(int)  # [E, M]
    rows = np.arange(1, LARGEST + 1)
    found = printable(percent[:, None], rows[:, None])  # [2, E, R, M]
    found = np.concatenate([found, found.all(1, keepdims=True)], 1)
    found = np.concatenate([found, found.all(-1, keepdims=True)], -1)
    return pd.DataFrame(
        found.reshape(-1, len(printed) + 1),
        pd.MultiIndex.from_product(
            [WAYS, [*emotions, EVERY], rows], names=["printed", "emotion", "rows"]
        ),
        [*printed, ALL],
    )


def smallest_size(possible: pd.DataFrame) -> pd.DataFrame:
    """Smallest test set that could print each figure of :func:`possible_sizes`, by ``printed`` and
    ``emotion``.
    """
    rows = possible.index.get_level_values("rows").to_numpy()
    sizes = np.where(possible, rows[:, None], LARGEST)
    return (
        pd.DataFrame(sizes, possible.index, possible.columns)
        .groupby(level=["printed", "emotion"], sort=False)
        .min()
    )


def printed_by(possible: pd.DataFrame, rows: Mapping[str, float]) -> pd.DataFrame:
    """Whether a test set of given sizes could print each figure, by ``printed`` and ``emotion``.

    Args:
        possible: see :func:`possible_sizes`.
        rows: of each emotion; a fraction stands for either of its neighbours.
    """
    emotion, size = (possible.index.get_level_values(name) for name in ("emotion", "rows"))
    near = (size - emotion.map(rows)).to_series().abs().to_numpy() < 1
    return possible[near].groupby(level=["printed", "emotion"], sort=False).any()
