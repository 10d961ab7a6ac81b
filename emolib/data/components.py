"""Principal components of descriptors, fitted on the rows that may be looked at.

Axes: ``N`` rows, ``D`` descriptor values, ``P`` components.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

CHUNK = 1024  # rows in float64 at a time


@dataclass(frozen=True)
class Components:
    """The directions in which descriptors vary most.

    The same as :class:`sklearn.decomposition.PCA`, signs included, but from the smaller of the two
    matrices of second moments, gathered a chunk of rows at a time: fast where rows are few, and
    bounded in memory where they are many.

    Attributes:
        mean: ``[D]``.
        axes: ``[P, D]``, orthonormal, the largest variance first; zeros where nothing is left to
            vary.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def fit(cls, descriptors: NDArray[np.floating], count: int = 5) -> "Components":
        """Components of ``descriptors`` ``[N, D]``.

        Raises:
            ValueError: there are no more rows, or no more values a row, than components.
        """
        n, width = descriptors.shape
        if min(n - 1, width) < count:
            raise ValueError(
                f"{count} principal components need more than {count} images and values each, not {n} × {width}"
            )
        mean = descriptors.mean(axis=0, dtype=np.float64)
        if n <= width:
            centred = descriptors - mean
            size, vectors = _largest(centred @ centred.T, count)
            axes = vectors.T @ centred
            axes /= np.linalg.norm(axes, axis=1, keepdims=True).clip(np.finfo(float).tiny)
        else:
            moments = np.zeros((width, width))
            for start in range(0, n, CHUNK):
                centred = descriptors[start : start + CHUNK] - mean
                moments += centred.T @ centred
            size, vectors = _largest(moments, count)
            axes = vectors.T
        axes[size <= 1e-12 * max(size[0], np.finfo(float).tiny)] = 0
        sign = np.sign(axes[np.arange(count), np.abs(axes).argmax(axis=1)])
        return cls(mean, axes * sign[:, None])

    def transform(self, descriptors: NDArray[np.floating]) -> NDArray[np.float32]:
        """``[N, D]`` to ``[N, P]`` float32."""
        values = np.empty((len(descriptors), len(self.axes)), np.float32)
        for start in range(0, len(descriptors), CHUNK):
            values[start : start + CHUNK] = (
                descriptors[start : start + CHUNK] - self.mean
            ) @ self.axes.T
        return values


def _largest(
    moments: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues ``[P]`` and their vectors ``[., P]``, in falling order."""
    n = len(moments)
    size, vectors = eigh(moments, subset_by_index=[n - count, n - 1])
    return size[::-1], vectors[:, ::-1]
