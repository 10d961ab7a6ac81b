"""What random folds let a model see of the people it is tested on.

Axes: ``N`` rows of the data, ``D`` features of all modalities together.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from emolib.data import EmotionData, Rows
from emolib.training.scaling import scale

# Two frames of one person are near-duplicates when they are as close as only one row in a hundred
# is to its nearest stranger.
CLOSE = 0.01


def clips(data: EmotionData) -> NDArray[np.str_]:
    """``[N]``: the name of each row without its last number, which counts the frames of one clip."""
    return np.array([re.sub(r"[_-]\d+(\.\w+)?$", "", name) for name in data.names])


def near_duplicates(data: EmotionData) -> pd.Series:
    """How many rows have a twin, and how often it gives the emotion away.

    Returns:
        ``rows``; ``clips``; ``rows in a clip of several``; ``rows with a near-duplicate of the same
        person``; ``... of the same emotion`` (share of those); ``nearest neighbour is the same
        person`` and ``nearest neighbour has the same emotion`` (shares of all rows), and the latter
        ``among other persons only``.
    """
    features = np.hstack([scale(data, modality) for modality in data.modalities])  # [N, D]
    distance, near = NearestNeighbors(n_neighbors=len(data)).fit(features).kneighbors(features)
    other = near != np.arange(len(data))[:, None]  # a row is no neighbour of its own
    stranger = data.groups[near] != data.groups[:, None]
    first = _first(other)
    first_stranger = _first(stranger)
    same_person = other & ~stranger
    first_same = _first(same_person)
    rows = np.arange(len(data))
    limit = np.quantile(distance[rows, first_stranger], CLOSE)
    twin = same_person.any(1) & (distance[rows, first_same] < limit)
    nearest, twin_row, stranger_row = (
        near[rows, first],
        near[rows, first_same],
        near[rows, first_stranger],
    )
    _, clip, size = np.unique(clips(data), return_inverse=True, return_counts=True)
    return pd.Series(
        {
            "rows": len(data),
            "clips": len(size),
            "rows in a clip of several": int((size[clip] > 1).sum()),
            "rows with a near-duplicate of the same person": int(twin.sum()),
            "near-duplicate has the same emotion": (data.labels[twin_row] == data.labels)[
                twin
            ].mean()
            if twin.any()
            else np.nan,
            "nearest neighbour is the same person": (data.groups[nearest] == data.groups).mean(),
            "nearest neighbour has the same emotion": (data.labels[nearest] == data.labels).mean(),
            "nearest stranger has the same emotion": (
                data.labels[stranger_row] == data.labels
            ).mean(),
        }
    )


def _first(wanted: NDArray[np.bool]) -> Rows:
    """Place of the first true value in each row; 0 where there is none."""
    first: Rows = wanted.argmax(1)
    return first
