"""LPQ and PHOG as scikit-learn transformers, for pipelines and searches of one's own.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``D`` descriptor values.
"""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from emolib.data.descriptors import lpq, phog


class _Descriptor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Images ``[N, H, W]`` to descriptors ``[N, D]``; only their number ``D`` is learnt."""

    @abstractmethod
    def _describe(self, images: np.ndarray) -> NDArray[np.float32]:
        """``[N, H, W]`` to ``[N, D]``."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Checks the parameters on the first image."""
        self._n_features_out = self._describe(_images(X)[:1]).shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """``[N, H, W]`` to ``[N, D]`` float32."""
        check_is_fitted(self, "_n_features_out")
        return self._describe(_images(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags


class LPQ(_Descriptor):
    """Local phase quantisation, see :func:`emolib.data.descriptors.lpq`.

    Args:
        window, blocks: as there.

    Example:
        >>> make_pipeline(LPQ(blocks=4), PCA(5), SVC()).fit(images, labels)
    """

    def __init__(self, window: int = 7, blocks: int = 3) -> None:
        self.window = window
        self.blocks = blocks

    def _describe(self, images: np.ndarray) -> NDArray[np.float32]:
        return lpq(images, self.window, self.blocks)


class PHOG(_Descriptor):
    """Pyramid histogram of oriented gradients, see :func:`emolib.data.descriptors.phog`.

    Args:
        bins, levels, span: as there.
    """

    def __init__(self, bins: int = 8, levels: int = 3, span: float = 360) -> None:
        self.bins = bins
        self.levels = levels
        self.span = span

    def _describe(self, images: np.ndarray) -> NDArray[np.float32]:
        return phog(images, self.bins, self.levels, self.span)


def _images(X: ArrayLike) -> np.ndarray:
    """Grey images ``[N, H, W]``; raises ValueError for anything else."""
    images: np.ndarray = check_array(X, allow_nd=True, ensure_2d=False, dtype="numeric")
    if images.ndim != 3:
        raise ValueError(f"grey images have the shape [N, H, W], not {list(images.shape)}")
    return images
