"""Image descriptors: local phase quantisation (LPQ) and the pyramid histogram of oriented gradients
(PHOG).

Images are grey, uint8 or float. They pass through in tiles that stay in the processor's cache, so
memory is bounded by the descriptors and not by what lies between two steps.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``Y`` × ``X`` pixels that have a code or a gradient, ``M``
window side, ``D`` descriptor values.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from emolib.data.gradients import diamond, oriented_gradients
from emolib.data.phase import block_counts, phase_codes

# Pixels in work at a time, in each thread.
TILE = 1 << 16

# Settings of the two papers: the features that the course distributes, and Dhall et al. 2011.
PRESETS = {
    "wang": {"lpq": {"blocks": 3}, "phog": {"bins": 8, "levels": 3}},
    "dhall": {"lpq": {"blocks": 4}, "phog": {"bins": 16, "levels": 4}},
}


def lpq(
    images: np.ndarray, window: int = 7, blocks: int = 3, decorrelate: bool = False
) -> NDArray[np.float32]:
    """Local phase quantisation: histograms of :func:`lpq_codes` over a grid of blocks.

    Blurring an image by a symmetric kernel leaves the phase at low frequencies as it was, so the
    descriptor changes little with focus (Ojansivu and Heikkilä 2008). The paper writes LBP for it
    in places.

    Args:
        images: ``[N, H, W]``.
        window: side ``M`` of the window, see :func:`lpq_codes`.
        blocks: along each side of the grid.
        decorrelate: see :func:`lpq_codes`.

    Returns:
        ``[N, D]`` float32, ``D = blocks * blocks * 256``; blocks row by row, each summing to 1.

    Raises:
        ValueError: see :func:`lpq_codes`.

    Example:
        >>> lpq(np.zeros((2, 96, 96))).shape
        (2, 2304)
    """
    codes = lpq_codes(images, window, decorrelate)
    counts = np.zeros((len(codes), blocks**2, 256), np.int64)
    _each_tile(
        lambda part, _: block_counts(codes[part], blocks, counts[part]),
        len(codes),
        1,
        codes[0].size,
    )
    shares: NDArray[np.float64] = counts / counts.sum(-1, keepdims=True)
    return shares.reshape(len(codes), -1).astype(np.float32)


def lpq_codes(images: np.ndarray, window: int = 7, decorrelate: bool = False) -> NDArray[np.uint8]:
    """The eight phase signs around each pixel as one byte.

    The Fourier transform ``F(u, x) = Σ_y f(x - y) exp(-2πi u·y)`` over the ``M`` × ``M`` window at
    ``x`` is taken at ``u = (a, 0), (0, a), (a, a), (a, -a)``, ``a = 1 / M``, first axis horizontal.
    Bits from the lowest: ``Re``, ``Im`` of each in this order, set where the part is not negative
    (Ojansivu and Heikkilä 2008, equations 5 to 8).

    Many parts are zero by symmetry (a flat wall, a straight edge) and come out as rounding noise of
    either sign. Values within ``1e-9`` of the largest possible sum therefore count as zero, so that
    a code depends on the image and not on the order in which a processor adds.

    Args:
        images: ``[N, H, W]``.
        window: side ``M`` of the window.
        decorrelate: whether the eight numbers are rotated by :func:`lpq_whitening` before their
            signs are taken.

    Returns:
        ``[N, Y, X]`` uint8, ``Y = H - M + 1`` and ``X = W - M + 1``.

    Raises:
        ValueError: ``window`` is even, less than 3, or does not fit in the image.
    """
    images = np.asarray(images)
    if window % 2 == 0 or not 3 <= window <= min(images.shape[1:]):
        raise ValueError(
            f"window must be odd, at least 3 and at most the image's side, not {window}"
        )
    kernel = _transform(window)[:, ::-1]  # convolution turns the window over
    if decorrelate:
        kernel = lpq_whitening(window).T @ kernel
    # Along a row, and along a column, every kernel is a sum of three waves, orthogonal to each
    # other.
    angle = 2 * np.pi / window * np.arange(-(window // 2), window // 2 + 1)
    waves = np.stack([np.ones(window), np.cos(angle), np.sin(angle)])
    shares = waves / np.square(waves).sum(1, keepdims=True)
    mix = np.einsum("kyx,by,ax->kba", kernel.reshape(8, window, window), shares, shares).reshape(
        8, 9
    )
    mix[np.abs(mix) < 1e-12] = 0  # what is not there costs no time
    cosine, sine = waves[1:, window // 2 + 1 :]
    n, height, width = images.shape
    codes = np.zeros((n, height - window + 1, width - window + 1), np.uint8)
    tolerance = (
        1e-9
        * window**2
        * np.maximum(images.max((1, 2)).astype(float), -images.min((1, 2)).astype(float))
    )

    def fill(part: slice, band: slice) -> None:
        phase_codes(
            _plain(images[part, band.start : band.stop + window - 1]),
            cosine,
            sine,
            mix,
            tolerance[part],
            codes[part, band],
        )

    _each_tile(fill, *codes.shape)
    return codes


def _transform(window: int) -> NDArray[np.float64]:
    """Real and imaginary parts of ``exp(-2πi u·y)`` at the four frequencies, over the window: ``[8,
    M * M]``.
    """
    r = window // 2
    y, x = (axis.ravel() for axis in np.mgrid[-r : r + 1, -r : r + 1])
    phase = 2 * np.pi / window * np.stack([x, y, x + y, x - y])
    return np.stack([np.cos(phase), -np.sin(phase)], axis=1).reshape(8, -1)


def lpq_whitening(window: int, rho: float = 0.9) -> NDArray[np.float64]:
    """Directions in which the eight LPQ parts are uncorrelated.

    Pixels ``d`` apart are taken to correlate by ``rho**d`` (a first-order Gauss-Markov field); the
    parts then have covariance ``D = B C Bᵀ``, with ``B`` the transform and ``C`` the pixels'
    correlation, and ``V`` of its singular value decomposition whitens them by ``Vᵀ`` (Ojansivu and
    Heikkilä 2008, equations 9 to 13). Scaling is left out: it changes no sign.

    Args:
        window: side ``M`` of the window.
        rho: correlation of neighbouring pixels.

    Returns:
        ``[8, 8]``, orthogonal; the columns are the directions.
    """
    r = window // 2
    y, x = (axis.ravel() for axis in np.mgrid[-r : r + 1, -r : r + 1])
    basis = _transform(window)
    covariance = basis @ rho ** np.hypot(x[:, None] - x, y[:, None] - y) @ basis.T
    # Swapping the axes leaves C as it is, so directions come in pairs of equal variance and any
    # rotation within a pair would do. Slightly unequal weights, as in the authors' own code, settle
    # which one.
    weight = 1 + 1e-6 * np.arange(7, -1, -1)
    v = np.linalg.svd(weight[:, None] * covariance * weight)[2].T
    directions: NDArray[np.float64] = v * np.sign(v[np.abs(v).argmax(axis=0), np.arange(8)])
    return directions


def phog(
    images: np.ndarray, bins: int = 8, levels: int = 3, span: float = 360
) -> NDArray[np.float32]:
    """Pyramid histogram of oriented gradients (Bosch et al. 2007).

    Level ``l`` divides the image into ``2**l`` × ``2**l`` cells; each has a histogram of gradient
    orientation, weighted by gradient magnitude. An orientation falls wholly into its bin ``[k *
    span / bins, (k + 1) * span / bins)``. 0° is brightness growing to the right, 90° downwards.
    Bosch et al. keep only pixels on Canny edges; here every pixel counts, by its Sobel magnitude:
    no thresholds to choose, and weak edges weigh little anyway.

    Args:
        images: ``[N, H, W]``.
        bins: in the histogram of a cell.
        levels: the finest level; the coarsest is 0.
        span: degrees of orientation. With 360 dark-to-bright and bright-to-dark differ, with 180
            they do not.

    Returns:
        ``[N, D]`` float32, ``D = bins * (4**(levels + 1) - 1) / 3``; coarse level first, cells row
        by row, summing to 1 (an image without any gradient gives zeros).

    Raises:
        ValueError: ``span`` is neither 180 nor 360.

    Example:
        >>> phog(np.eye(96)[None], bins=8, levels=3).shape
        (1, 680)
    """
    images = np.asarray(images)
    if span not in (180, 360):
        raise ValueError(f"span is {span}; orientations span 180 or 360 degrees")
    n, height, width = images.shape
    # Integer gradients that differ are further apart than 1e-9 of a bin: an angle on a bin's edge
    # counts as on it.
    edges = diamond(np.radians((np.arange(1, 360 // span * bins + 1) - 1e-9) * span / bins))
    sums = np.zeros((n, 2**levels, 2**levels, len(edges) + 1))
    _each_tile(
        lambda part, _: oriented_gradients(_plain(images[part]), edges, sums[part]),
        n,
        1,
        height * width,
    )
    finest = sums[..., :bins].copy()
    for turn in range(bins, len(edges) + 1):  # after a whole span the bins begin again
        finest[..., turn % bins] += sums[..., turn]
    pyramid = []
    for side in 2 ** np.arange(levels + 1):
        pooled = finest.reshape(n, side, 2**levels // side, side, 2**levels // side, bins).sum(
            axis=(2, 4)
        )
        pyramid.append(pooled.reshape(n, -1))
    values = np.concatenate(pyramid, axis=1)
    total = values.sum(axis=1, keepdims=True)
    return (values / np.where(total > 0, total, 1)).astype(np.float32)


def pixels(images: np.ndarray, side: int = 32) -> NDArray[np.float32]:
    """The faces themselves, small: averaged over a grid, then each brought to mean 0 and variance
    1, so that light and contrast of the picture do not count.

    Args:
        images: ``[N, H, W]``.
        side: cells along each side of the grid.

    Returns:
        ``[N, side * side]`` float32, row by row; zeros for an image of one grey.
    """
    small = (
        F.adaptive_avg_pool2d(torch.from_numpy(np.asarray(images, np.float32)), side)
        .flatten(1)
        .double()
    )
    centred = small - small.mean(1, keepdim=True)
    return (centred / centred.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)).float().numpy()


def _each_tile(work: Callable[[slice, slice], None], n: int, height: int, width: int) -> None:
    """Lets ``work`` do each tile: images and bands of their rows that hold :data:`TILE` pixels, one
    row at least.

    Tiles are shared out among threads, as many as PyTorch has; compiled code waits for no other.
    """
    rows, images = min(max(TILE // width, 1), height), max(TILE // (height * width), 1)
    parts = [slice(first, min(first + images, n)) for first in range(0, n, images)]
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(lambda tile: work(*tile), product(parts, bands)))


def _plain(images: np.ndarray) -> np.ndarray:
    """Bytes as they are, all else as float64, in one piece: what is compiled knows two kinds of
    images.
    """
    return np.ascontiguousarray(images, images.dtype if images.dtype == np.uint8 else np.float64)
