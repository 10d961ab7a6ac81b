"""Leakage: near-duplicates and persons on both sides of random folds.

Axes: ``N`` rows of the data, ``D`` features of all modalities together.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from emolib.data import EmotionData
from emolib.training.scaling import scale

# Two frames of one person are near-duplicates when they are as close as only one row in a hundred
# is to its nearest stranger.
CLOSE = 0.01
PART = 2**23  # distances in memory at a time, 64 MiB


def clips(data: EmotionData) -> NDArray[np.str_]:
    """Clip of each row ``[N]``: its name without the last number, which counts the frames."""
    return np.array([re.sub(r"[_-]\d+(\.\w+)?$", "", name) for name in data.names])


def near_duplicates(data: EmotionData) -> pd.Series:
    """Near-duplicates: rows with a twin of the same person, and nearest neighbours of one emotion.

    Distances are Euclidean, over all scaled features, between all pairs of rows.

    Returns:
        ``rows``; ``clips``; ``rows in a clip of several``; ``rows with a near-duplicate of the same
        person``; ``near-duplicate has the same emotion`` (share of those); ``nearest neighbour is
        the same person`` and ``nearest neighbour has the same emotion`` (shares of all rows); and
        ``nearest stranger has the same emotion``, among other persons only (share of the rows that
        have a stranger). Results on persons are NaN where the data do not say who is who.
    """
    features = np.hstack([scale(data, m) for m in data.modalities]).astype(float)  # [N, D]
    count, known = len(data), data.groups is not None
    person = np.unique(data.resampling_units, return_inverse=True)[1]
    near = {kind: np.zeros(count, int) for kind in ("other", "same", "stranger")}
    distance = {kind: np.full(count, np.inf) for kind in near}  # infinite: there is no such row
    for rows in np.array_split(np.arange(count), -(-(count**2) // PART)):
        here, same = np.arange(len(rows)), person[rows, None] == person
        other = cdist(features[rows], features)
        other[here, rows] = np.inf  # a row is no neighbour of its own
        allowed = (other, np.where(same, other, np.inf), np.where(same, np.inf, other))
        for kind, between in zip(near, allowed, strict=True):
            near[kind][rows] = between.argmin(1)
            distance[kind][rows] = between[here, near[kind][rows]]

    def share(of: NDArray[np.int_], kind: str, among: NDArray[np.bool]) -> float:
        return float((of[near[kind]] == of)[among].mean()) if among.any() else np.nan

    exists = {kind: np.isfinite(found) for kind, found in distance.items()}
    strangers = distance["stranger"][exists["stranger"]]
    limit = np.quantile(strangers, CLOSE) if len(strangers) else -np.inf
    twin = distance["same"] < limit
    _, clip, size = np.unique(clips(data), return_inverse=True, return_counts=True)
    found = {
        "rows": count,
        "clips": len(size),
        "rows in a clip of several": int((size[clip] > 1).sum()),
        "rows with a near-duplicate of the same person": int(twin.sum()),
        "near-duplicate has the same emotion": share(data.labels, "same", twin),
        "nearest neighbour is the same person": share(person, "other", exists["other"]),
        "nearest neighbour has the same emotion": share(data.labels, "other", exists["other"]),
        "nearest stranger has the same emotion": share(data.labels, "stranger", exists["stranger"]),
    }
    always = ("rows", "nearest neighbour has the same emotion")
    return pd.Series({k: v if known or k in always else np.nan for k, v in found.items()})
