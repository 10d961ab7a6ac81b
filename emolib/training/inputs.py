"""Inputs of a stack of networks: folds, features as each fold scales them, and the order of rows.

Axes: ``K`` networks, ``S`` splits (a fold of a repetition), ``V`` views (a split's scaling of some
modalities), ``N`` rows of the data, ``M`` modalities, ``D`` features, ``C`` classes, ``T`` places
for training rows.
"""

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from emolib.data import EmotionData, Rows
from emolib.folds import check_scaling, make_folds
from emolib.training import sweeps
from emolib.training.scaling import scale
from emolib.training.sweeps import Row

Key = TypeVar("Key")


class FoldInputs:
    """Training inputs of some rows of a sweep; each split and view is held once, however many
    networks share it.

    Args:
        kind: the precision of inputs and targets.

    Attributes:
        split: ``[K]``, which split a network learns from.
        view: ``[K]``, which inputs it sees.
        pairs: training and test rows of each split.
        inputs: ``[V, N, M, D]``.
        targets: one-hot ``[N, C]``.
        labels: ``[N]``.
        order: training rows of each split in this epoch's order, ``[S, T]``; ``length`` ``[S]``
            says how many.
    """

    def __init__(
        self, data: EmotionData, rows: list[Row], kind: type[np.floating] = np.float32
    ) -> None:
        splits = [(row["protocol"], row["seed"], row["folds"], row["fold"]) for row in rows]
        views = [
            (*split, row["scaling"], row["modality"])
            for split, row in zip(splits, rows, strict=True)
        ]
        split_keys, self.split = _unique(splits)
        view_keys, self.view = _unique(views)
        self.pairs = [
            make_folds(data, protocol, seed, count)[fold]
            for protocol, seed, count, fold in split_keys
        ]
        self.inputs = np.stack([_inputs(data, *key) for key in view_keys]).astype(kind)
        self.labels = data.labels
        self.targets = np.eye(len(data.classes), dtype=kind)[data.labels]
        self.length = np.array([len(training) for training, _ in self.pairs])
        self.order = np.zeros((len(split_keys), self.length.max()), np.int32)
        self.generators = [
            torch.Generator().manual_seed(sweeps.seeds(seed, fold)[1])
            for _, seed, _, fold in split_keys
        ]

    def shuffle(self, splits: Rows) -> None:
        """Draws a fresh order of the training rows of some splits: an epoch is a permutation."""
        for split in splits:
            training, _ = self.pairs[split]
            order = torch.randperm(len(training), generator=self.generators[split])
            self.order[split, : len(training)] = training[order.numpy()]


def _unique(keys: list[Key]) -> tuple[list[Key], Rows]:
    """Distinct keys in the order of their first use, and where each of the given ones is among
    them.
    """
    place: dict[Key, int] = {}
    where = np.array([place.setdefault(key, len(place)) for key in keys])
    return list(place), where


def _inputs(
    data: EmotionData, protocol: str, seed: int, count: int, fold: int, scaling: str, modality: str
) -> NDArray[np.float32]:
    """``[N, M, D]``: every row of the data as one split's networks see it."""
    training, _ = make_folds(data, protocol, seed, count)[fold]
    fitted_on = training if scaling == "training rows" else None
    parts = [scale(data, part, fitted_on) for part in modality.split("+")]
    if fitted_on is not None:
        for part in parts:
            check_scaling(part, fitted_on)
    return np.stack(parts, axis=1)
