"""The arithmetic of oriented gradients, compiled: each pixel of a row to its bin and magnitude, and
into its cell's histogram.

No arctangent is taken. Along the diamond ``|x| + |y| = 1`` places grow with the angle, from 0 to 4
once around, so the edges of the bins are brought there once and each pixel is compared with them.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``E`` edges of bins once around.
"""

import numpy as np
from numpy.typing import NDArray

from emolib.training.kernels.compiler import Floats, compiled

TINY = np.finfo(float).tiny


def diamond(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the diamond, from 0 to 4, of angles from 0 to 2π."""
    x, y = np.cos(angle), np.sin(angle)
    along = np.abs(y) / (np.abs(x) + np.abs(y))
    quarter = np.floor(angle / (np.pi / 2))
    place: NDArray[np.float64] = quarter + np.where(quarter % 2 == 0, along, 1 - along)
    return place


@compiled
def oriented_gradients(images: np.ndarray, edges: Floats, sums: Floats) -> None:
    """Adds the magnitude of each pixel's Sobel gradient to the sum of its cell and orientation.

    A pixel's orientation is the number of ``edges`` that its gradient does not lie before. Past its
    border an image repeats itself.

    Args:
        images: ``[N, H, W]``.
        edges: ``[E]``, on the diamond.
        sums: ``[N, cells, cells, E + 1]``, filled with 0.
    """
    number, height, width = images.shape
    cells = sums.shape[1]
    cell = np.arange(width) * cells // width
    upper, lower, down = np.empty(width + 2), np.empty(width + 2), np.empty(width + 2)
    place, magnitude, orientation = np.empty(width), np.empty(width), np.empty(width, np.int64)
    for n in range(number):
        for y in range(height):
            above, here, below = (
                images[n, max(y - 1, 0)],
                images[n, y],
                images[n, min(y + 1, height - 1)],
            )
            for x in range(width):
                upper[x + 1], lower[x + 1] = above[x], below[x]
                down[x + 1] = upper[x + 1] + 2 * np.float64(here[x]) + lower[x + 1]
            for row in (upper, lower, down):
                row[0], row[width + 1] = row[1], row[width]
            for x in range(width):
                dx = down[x + 2] - down[x]
                dy = (lower[x] + 2 * lower[x + 1] + lower[x + 2]) - (
                    upper[x] + 2 * upper[x + 1] + upper[x + 2]
                )
                along = dy / max(
                    abs(dx) + abs(dy), TINY
                )  # 0 where there is no gradient, and nothing is added
                place[x] = 2 - along if dx < 0 else along if dy >= 0 else 4 + along
                magnitude[x] = np.sqrt(dx * dx + dy * dy)
            orientation[:] = 0
            for edge in edges:
                for x in range(width):
                    orientation[x] += place[x] >= edge
            histograms = sums[n, y * cells // height]
            for x in range(width):
                histograms[cell[x], orientation[x]] += magnitude[x]
