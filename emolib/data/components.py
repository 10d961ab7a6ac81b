"""Principal components of descriptors, fitted on training rows.

Axes: ``N`` rows, ``D`` descriptor values, ``P`` components.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh


@dataclass(frozen=True)
class Components:
    """The directions in which descriptors vary most.

    The same as :class:`sklearn.decomposition.PCA`, signs included, but from the smaller of the two
    matrices of second moments, which is fast where rows are few.

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
            ValueError: there are no more rows, or no more values per row, than components.
        """
        n, width = descriptors.shape
        if min(n - 1, width) < count:
            raise ValueError(
                f"{count} principal components need more than {count} images and values each, not "
                f"{n} × {width}"
            )
        mean = descriptors.mean(axis=0, dtype=np.float64)
        centred = descriptors - mean
        few = n <= width
        moments = centred @ centred.T if few else centred.T @ centred
        size, vectors = eigh(moments, subset_by_index=[len(moments) - count, len(moments) - 1])
        size, axes = size[::-1], vectors.T[::-1]  # the largest first
        if few:
            axes = axes @ centred
            axes /= np.linalg.norm(axes, axis=1, keepdims=True).clip(np.finfo(float).tiny)
        axes[size <= 1e-12 * max(size[0], np.finfo(float).tiny)] = 0
        sign = np.sign(axes[np.arange(count), np.abs(axes).argmax(axis=1)])
        return cls(mean, axes * sign[:, None])

    def transform(self, descriptors: NDArray[np.floating]) -> NDArray[np.float32]:
        """``[N, D]`` to ``[N, P]`` float32."""
        return ((descriptors - self.mean) @ self.axes.T).astype(np.float32)
