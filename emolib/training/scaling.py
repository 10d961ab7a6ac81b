"""Inputs of networks: min-max scaling (paper, equation 1), components, folds, order of rows.

Axes: ``K`` networks, ``S`` splits (a fold of a repetition), ``V`` views (a split's scaling of some
modalities), ``N`` rows of the data, ``M`` modalities, ``D`` features, ``C`` classes, ``T`` places
for training rows.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from emolib.data import EmotionData, Rows
from emolib.data.descriptors import Components
from emolib.folds import check_scaling, make_folds, row_numbers
from emolib.training import sweeps
from emolib.utils.cache import cached
from emolib.utils.validation import one_of

# The columns of a sweep that tell splits apart, and the batches of networks that learn from them.
SPLIT = ["protocol", "folds", "seed", "restart", "fold"]


def scale(data: EmotionData, modality: str, rows: Rows | None = None) -> NDArray[np.float32]:
    """Features of one modality, mapped linearly so that the smallest over ``rows`` becomes 0 and
    the largest 1.

    Where the data hold the descriptors, the principal components are fitted on ``rows`` as well.
    The distributed spreadsheet holds none: its components were fitted on all rows, test rows
    included.

    Args:
        rows: the rows that both are fitted on: the training rows of a fold. Not given, they are
            fitted on all rows, as the paper does, test rows included.

    Returns:
        ``[N, D]`` float32. Rows outside ``rows`` may fall a little outside 0..1; a constant feature
        becomes 0.

    Raises:
        ValueError: the data have no such modality or rows, or features that are not finite.
    """
    one_of("modality", modality, data.modalities)
    if rows is not None:
        rows = row_numbers("rows", rows, len(data))
    described = rows is not None and modality in data.descriptors
    given = (data.descriptors if described else data.features)[modality]
    finite = np.isfinite(given).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{data.source}: {modality} of row {finite.argmin()} is missing or infinite, and "
            "cannot be scaled"
        )
    if described:  # kept, because many networks share a fold
        given = cached(_components, data, modality, rows, code=("data", "training.scaling"))
    values = given.astype(float)
    seen = values if rows is None else values[rows]
    return min_max(values, seen.min(0), np.ptp(seen, 0))


def min_max(
    values: NDArray[np.floating], low: NDArray[np.floating], span: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Features ``[N, D]`` less their smallest value ``low``, over ``span`` (paper, equation 1); a
    constant one becomes 0, one far outside infinite. float32.
    """
    with np.errstate(over="ignore"):
        return ((values - low) / np.where(span == 0, 1, span)).astype(np.float32)


def _components(data: EmotionData, modality: str, rows: Rows) -> NDArray[np.float32]:
    """Components fitted on a fold's training rows, ``[N, P]``."""
    descriptors, count = data.descriptors[modality], data.features[modality].shape[1]
    few = len(rows) <= descriptors.shape[1]
    products = _products(data, modality)[np.ix_(rows, rows)] if few else None
    return Components.fit(descriptors[rows], count, products).transform(descriptors)


@lru_cache(maxsize=4)
def _products(data: EmotionData, modality: str) -> NDArray[np.float64]:
    """Inner products of all rows' descriptors, ``[N, N]``."""
    descriptors = data.descriptors[modality].astype(float)
    return np.asarray(descriptors @ descriptors.T)


class FoldInputs:
    """Training inputs of some rows of a sweep; each split and view is held once, however many
    networks share it.

    Args:
        precision: of inputs and targets.

    Attributes:
        split: ``[K]``, which split a network learns from.
        view: ``[K]``, which inputs it sees.
        pairs: training and test rows of each split.
        inputs: ``[V, N, M, D]``.
        targets: one-hot ``[N, C]``.
        order: training rows of each split in this epoch's order, ``[S, T]``; ``length`` ``[S]``
            says how many.
    """

    def __init__(
        self, data: EmotionData, rows: list[sweeps.Row], precision: str = "float32"
    ) -> None:
        self.split, splits = pd.factorize(
            pd.Series([tuple(row[column] for column in SPLIT) for row in rows])
        )
        self.pairs = [
            make_folds(data, protocol, seed, folds)[fold]
            for protocol, folds, seed, _, fold in splits
        ]
        self.view, views = pd.factorize(
            pd.Series(
                [
                    (split, row["scaling"], *sweeps.features_of(row))
                    for split, row in zip(self.split, rows, strict=True)
                ]
            )
        )
        self.inputs = np.stack([self._inputs(data, *view) for view in views]).astype(precision)
        self.targets = np.eye(len(data.classes), dtype=precision)[data.labels]
        self.length = np.array([len(training) for training, _ in self.pairs])
        self.rows = np.array(
            [np.resize(training, self.length.max()) for training, _ in self.pairs], np.int32
        )
        self.order = self.rows.copy()
        self.generators = [
            torch.Generator().manual_seed(sweeps.seeds(seed, fold, restart)[1])
            for _, _, seed, restart, fold in splits
        ]

    def _inputs(
        self, data: EmotionData, split: int, scaling: str, *modalities: str
    ) -> NDArray[np.float32]:
        """``[N, M, D]``: every row of the data as one split's networks see it."""
        fitted_on = None if scaling == "all rows" else self.pairs[split][0]
        if not modalities:  # of a network that looks at the image alone
            return np.zeros((len(data), 0, 0), np.float32)
        if scaling == "as they come":
            return np.stack([data.features[name] for name in modalities], axis=1)
        parts = [scale(data, name, fitted_on) for name in modalities]
        if fitted_on is not None:
            for part in parts:
                check_scaling(part, fitted_on)
        if scaling == "standardised":
            parts = [StandardScaler().fit(x[fitted_on]).transform(x) for x in parts]
        return np.stack(parts, axis=1)

    def shuffle(self, splits: Rows) -> None:
        """Draws a fresh order of the training rows of some splits: an epoch is a permutation."""
        for split in splits:
            drawn = torch.randperm(self.length[split], generator=self.generators[split])
            self.order[split, : len(drawn)] = self.rows[split, drawn]
