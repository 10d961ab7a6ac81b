"""The arithmetic of local phase quantisation, compiled: a row of pixels at a time, in double
precision.

Along an axis each of its eight kernels is a sum of three waves: constant, cosine and sine. So three
sums across and three down serve them all. Places as far to either side of the middle come in pairs:
their sum is all that the first two waves see of them, their difference all that the sine does.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``Y`` × ``X`` pixels that have a code, ``R`` places to
either side of a window's middle.
"""

import numpy as np
from numpy.typing import NDArray

from emolib.training.kernels.compiler import Floats, compiled

WAVES = 3


@compiled
def _begin(middle: Floats, flat: Floats, even: Floats, odd: Floats) -> None:
    for x in range(flat.shape[0]):
        flat[x], even[x], odd[x] = middle[x], middle[x], 0.0


@compiled
def _add(
    before: Floats,
    after: Floats,
    cosine: float,
    sine: float,
    flat: Floats,
    even: Floats,
    odd: Floats,
) -> None:
    for x in range(flat.shape[0]):
        both = before[x] + after[x]
        flat[x] += both
        even[x] += cosine * both
        odd[x] += sine * (after[x] - before[x])


@compiled
def phase_codes(
    images: np.ndarray,
    cosine: Floats,
    sine: Floats,
    mix: Floats,
    tolerance: Floats,
    codes: NDArray[np.uint8],
) -> None:
    """Writes the signs of eight numbers at each pixel as one byte.

    Args:
        images: ``[N, H, W]``.
        cosine, sine: ``[R]``, from the middle's neighbour on.
        mix: what each number takes of the nine products of a wave down and a wave across, ``[8,
            9]``.
        tolerance: ``[N]``; what is not further below zero counts as zero, and sets its bit.
        codes: ``[N, Y, X]``, filled with 0.
    """
    number, height, width = images.shape
    reach, columns = cosine.shape[0], codes.shape[2]
    pixels = np.empty(width)
    across = np.empty((WAVES, height, columns))
    both, part = np.empty((WAVES, WAVES, columns)), np.empty(columns)
    for n in range(number):
        for y in range(height):
            for x in range(width):
                pixels[x] = images[n, y, x]
            flat, even, odd = across[0, y], across[1, y], across[2, y]
            _begin(pixels[reach:], flat, even, odd)
            for t in range(reach):
                _add(
                    pixels[reach - 1 - t :],
                    pixels[reach + 1 + t :],
                    cosine[t],
                    sine[t],
                    flat,
                    even,
                    odd,
                )
        for y in range(codes.shape[1]):
            for a in range(WAVES):
                flat, even, odd = both[0, a], both[1, a], both[2, a]
                _begin(across[a, y + reach], flat, even, odd)
                for t in range(reach):
                    _add(
                        across[a, y + reach - 1 - t],
                        across[a, y + reach + 1 + t],
                        cosine[t],
                        sine[t],
                        flat,
                        even,
                        odd,
                    )
            code = codes[n, y]
            for bit in range(mix.shape[0]):
                part[:] = 0.0
                for q in range(mix.shape[1]):
                    if mix[bit, q] != 0:
                        share, product = mix[bit, q], both[q // WAVES, q % WAVES]
                        for x in range(columns):
                            part[x] += share * product[x]
                for x in range(columns):
                    code[x] |= np.uint8(part[x] >= -tolerance[n]) << np.uint8(bit)


@compiled
def block_counts(codes: NDArray[np.uint8], blocks: int, counts: NDArray[np.int64]) -> None:
    """Counts the codes ``[N, Y, X]`` of each block of a ``blocks`` × ``blocks`` grid into
    ``counts`` ``[N, blocks * blocks, 256]``.
    """
    number, height, width = codes.shape
    block = np.arange(width) * blocks // width
    for n in range(number):
        for y in range(height):
            row, code = counts[n, y * blocks // height * blocks :], codes[n, y]
            for x in range(width):
                row[block[x], code[x]] += 1
