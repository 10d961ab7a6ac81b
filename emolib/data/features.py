"""Ten numbers a face: two image descriptors and their principal components.

Images are grey, uint8 or float.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``Y`` × ``X`` pixels that have a code or a gradient, ``M`` window side,
``D`` descriptor values.
"""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import convolve1d, correlate1d
from sklearn.decomposition import PCA

CHUNK = 16  # images filtered at a time: what lies between two steps stays in the processor's cache


def lpq(images: np.ndarray, window: int = 7, blocks: int = 3, decorrelate: bool = False) -> np.ndarray:
    """Local phase quantisation: histograms of :func:`lpq_codes` over a grid of blocks.

    Blurring an image by a symmetric kernel leaves the phase at low frequencies as it was, so the descriptor changes
    little with focus (Ojansivu and Heikkilä 2008). The paper writes LBP for it in places.

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
    n, height, width = codes.shape
    row = np.arange(height) * blocks // height
    column = np.arange(width) * blocks // width
    histogram = _cell_histogram(codes, 256, row, column, blocks)
    return (histogram / histogram.sum(-1, keepdims=True)).reshape(n, -1).astype(np.float32)


def lpq_codes(images: np.ndarray, window: int = 7, decorrelate: bool = False) -> np.ndarray:
    """The eight phase signs around each pixel as one byte.

    The Fourier transform ``F(u, x) = Σ_y f(x - y) exp(-2πi u·y)`` over the ``M`` × ``M`` window at ``x`` is taken at
    ``u = (a, 0), (0, a), (a, a), (a, -a)``, ``a = 1 / M``, first axis horizontal. Bits from the lowest: ``Re``, ``Im``
    of each in this order, set where the part is not negative (Ojansivu and Heikkilä 2008, equations 5 to 8).

    Many parts are zero by symmetry (a flat wall, a straight edge) and come out as rounding noise of either sign. Values
    within ``1e-9`` of the largest possible sum therefore count as zero, so that a code depends on the image and not on
    the order in which a processor adds.

    Args:
        images: ``[N, H, W]``.
        window: side ``M`` of the window.
        decorrelate: whether the eight numbers are rotated by :func:`lpq_whitening` before their signs are taken.

    Returns:
        ``[N, Y, X]`` uint8, ``Y = H - M + 1`` and ``X = W - M + 1``.

    Raises:
        ValueError: ``window`` is even, less than 3, or does not fit in the image.
    """
    images = np.asarray(images)
    if window % 2 == 0 or not 3 <= window <= min(images.shape[1:]):
        raise ValueError(f"window must be odd, at least 3 and at most the image's side, not {window}")
    rotation = lpq_whitening(window).T if decorrelate else np.eye(8)
    return np.concatenate([_codes(chunk, window, rotation) for chunk in _chunks(images)])


def _codes(images: np.ndarray, window: int, rotation: np.ndarray) -> np.ndarray:
    """:func:`lpq_codes` of one chunk; ``rotation`` ``[8, 8]`` acts on the eight parts of a pixel."""
    r = window // 2
    angle = 2 * np.pi * np.arange(-r, r + 1) / window
    inner = slice(r, -r)

    def across(kernel: np.ndarray) -> np.ndarray:
        return convolve1d(images, kernel, axis=2)[:, :, inner]

    def down(rows: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return convolve1d(rows, kernel, axis=1)[:, inner]

    one, cos, sin = np.ones(window), np.cos(angle), np.sin(angle)
    x_one, x_cos, x_sin = across(one), across(cos), across(sin)
    # exp(-i(p ± q)) in products of cosines and sines: the two diagonals share four filters
    cos_cos, sin_sin = down(x_cos, cos), down(x_sin, sin)
    sin_cos, cos_sin = down(x_sin, cos), down(x_cos, sin)
    parts = np.stack([
        down(x_cos, one), -down(x_sin, one),
        down(x_one, cos), -down(x_one, sin),
        cos_cos - sin_sin, -sin_cos - cos_sin,
        cos_cos + sin_sin, cos_sin - sin_cos,
    ])
    parts = np.tensordot(rotation, parts, axes=1)                                # [8, N, Y, X]
    zero = -1e-9 * window**2 * np.abs(images).max(axis=(1, 2))[:, None, None]
    return np.packbits(parts >= zero, axis=0, bitorder="little")[0]


def lpq_whitening(window: int, rho: float = 0.9) -> np.ndarray:
    """Directions in which the eight LPQ parts are uncorrelated.

    Pixels ``d`` apart are taken to correlate by ``rho**d`` (a first-order Gauss-Markov field); the parts then have
    covariance ``D = B C Bᵀ``, with ``B`` the transform and ``C`` the pixels' correlation, and ``V`` of its singular
    value decomposition whitens them by ``Vᵀ`` (Ojansivu and Heikkilä 2008, equations 9 to 13). Scaling is left out: it
    changes no sign.

    Args:
        window: side ``M`` of the window.
        rho: correlation of neighbouring pixels.

    Returns:
        ``[8, 8]``, orthogonal; the columns are the directions.
    """
    r = window // 2
    y, x = (axis.ravel() for axis in np.mgrid[-r:r + 1, -r:r + 1])
    phase = 2 * np.pi / window * np.stack([x, y, x + y, x - y])
    basis = np.stack([np.cos(phase), -np.sin(phase)], axis=1).reshape(8, -1)
    covariance = basis @ rho ** np.hypot(x[:, None] - x, y[:, None] - y) @ basis.T
    # Swapping the axes leaves C as it is, so directions come in pairs of equal variance and any rotation
    # within a pair would do. Slightly unequal weights, as in the authors' own code, settle which one.
    weight = 1 + 1e-6 * np.arange(7, -1, -1)
    v = np.linalg.svd(weight[:, None] * covariance * weight)[2].T
    return v * np.sign(v[np.abs(v).argmax(axis=0), np.arange(8)])


def phog(images: np.ndarray, bins: int = 8, levels: int = 3, span: float = 360) -> np.ndarray:
    """Pyramid histogram of oriented gradients (Bosch et al. 2007).

    Level ``l`` divides the image into ``2**l`` × ``2**l`` cells; each has a histogram of gradient orientation, weighted
    by gradient magnitude. An orientation falls wholly into its bin ``[k * span / bins, (k + 1) * span / bins)``. 0° is
    brightness growing to the right, 90° downwards. Bosch et al. keep only pixels on Canny edges; here every pixel
    counts, by its Sobel magnitude: no thresholds to choose, and weak edges weigh little anyway.

    Args:
        images: ``[N, H, W]``.
        bins: in the histogram of a cell.
        levels: the finest level; the coarsest is 0.
        span: degrees of orientation. With 360 dark-to-bright and bright-to-dark differ, with 180 they do not.

    Returns:
        ``[N, D]`` float32, ``D = bins * (4**(levels + 1) - 1) / 3``; coarse level first, cells row by row, summing to 1
        (an image without any gradient gives zeros).

    Example:
        >>> phog(np.eye(96)[None], bins=8, levels=3).shape
        (1, 680)
    """
    return np.concatenate([_pyramid(chunk, bins, levels, span) for chunk in _chunks(np.asarray(images))])


def _pyramid(images: np.ndarray, bins: int, levels: int, span: float) -> np.ndarray:
    """:func:`phog` of one chunk."""
    n, height, width = images.shape
    dx = _along(_along(images, [1, 2, 1], 1), [-1, 0, 1], 2)
    dy = _along(_along(images, [1, 2, 1], 2), [-1, 0, 1], 1)
    index = np.floor(np.degrees(np.arctan2(dy, dx)) * (bins / span)).astype(np.intp) % bins
    cells = 2**levels
    row, column = np.arange(height) * cells // height, np.arange(width) * cells // width
    finest = _cell_histogram(index, bins, row, column, cells, np.sqrt(dx * dx + dy * dy))
    pyramid = []
    for side in 2 ** np.arange(levels + 1):
        pooled = finest.reshape(n, side, cells // side, side, cells // side, bins).sum(axis=(2, 4))
        pyramid.append(pooled.reshape(n, -1))
    values = np.concatenate(pyramid, axis=1)
    total = values.sum(axis=1, keepdims=True)
    return (values / np.where(total > 0, total, 1)).astype(np.float32)


def _along(images: np.ndarray, kernel: list[float], axis: int) -> np.ndarray:
    return correlate1d(images, kernel, axis=axis, mode="nearest")


def principal_components(descriptors: np.ndarray, count: int = 5) -> np.ndarray:
    """The first principal components of descriptors.

    Fitted on all rows, as the distributed SFEW spreadsheet was: test rows have a say in the axes, though no label has.
    Signs are fixed by scikit-learn, and the full decomposition draws no random numbers.

    Args:
        descriptors: ``[N, D]``.
        count: how many components.

    Returns:
        ``[N, count]`` float32.
    """
    return PCA(count, svd_solver="full").fit_transform(np.asarray(descriptors, np.float64)).astype(np.float32)


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), CHUNK):
        yield images[start:start + CHUNK].astype(np.float64)


def _cell_histogram(
    index: np.ndarray, bins: int, row: np.ndarray, column: np.ndarray, cells: int, weights: np.ndarray | None = None,
) -> np.ndarray:
    """Histograms over a ``cells`` × ``cells`` grid: ``index`` ``[N, Y, X]``, in ``0..bins-1``, to
    ``[N, cells, cells, bins]``.
    """
    n = len(index)
    cell = (np.arange(n)[:, None, None] * cells + row[:, None]) * cells + column
    flat = (cell * bins + index).ravel()
    weights = None if weights is None else weights.ravel()
    return np.bincount(flat, weights, minlength=n * cells**2 * bins).reshape(n, cells, cells, bins)
