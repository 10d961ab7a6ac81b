"""The arithmetic of local phase quantisation, compiled: a row of pixels at a time, in double precision.

Along an axis each of its eight kernels is a sum of three waves: constant, cosine and sine. So three sums across and three down
serve them all.

Axes: ``N`` images, ``H`` × ``W`` pixels, ``Y`` × ``X`` pixels that have a code, ``M`` window side.
"""

import numpy as np
from numpy.typing import NDArray

from emolib.kernels.compiler import Reals, compiled

WAVES = 3


@compiled
def phase_codes(images: np.ndarray, waves: Reals, mix: Reals, tolerance: Reals, codes: NDArray[np.uint8]) -> None:
    """Writes the signs of eight numbers at each pixel as one byte.

    Args:
        images: ``[N, H, W]``.
        waves: ``[3, M]``.
        mix: what each number takes of the nine products of a wave down and a wave across, ``[8, 9]``.
        tolerance: ``[N]``; what is not further below zero counts as zero, and sets its bit.
        codes: ``[N, Y, X]``, filled with 0.
    """
    number, height, width = images.shape
    window, columns = waves.shape[1], codes.shape[2]
    pixels = np.empty(width)
    across = np.empty((WAVES, height, columns))
    both, part = np.empty((WAVES * WAVES, columns)), np.empty(columns)
    for n in range(number):
        for y in range(height):
            for x in range(width):
                pixels[x] = images[n, y, x]
            for a in range(WAVES):
                row = across[a, y]
                row[:] = 0.0
                for t in range(window):
                    wave, seen = waves[a, t], pixels[t : t + columns]
                    for x in range(columns):
                        row[x] += wave * seen[x]
        for y in range(codes.shape[1]):
            both[:] = 0.0
            for b in range(WAVES):
                for a in range(WAVES):
                    product = both[b * WAVES + a]
                    for t in range(window):
                        wave, row = waves[b, t], across[a, y + t]
                        for x in range(columns):
                            product[x] += wave * row[x]
            code = codes[n, y]
            for bit in range(mix.shape[0]):
                part[:] = 0.0
                for q in range(mix.shape[1]):
                    if mix[bit, q] != 0:
                        share, product = mix[bit, q], both[q]
                        for x in range(columns):
                            part[x] += share * product[x]
                for x in range(columns):
                    code[x] |= np.uint8(part[x] >= -tolerance[n]) << np.uint8(bit)


@compiled
def block_counts(codes: NDArray[np.uint8], blocks: int, counts: NDArray[np.int64]) -> None:
    """Counts the codes ``[N, Y, X]`` of each block of a ``blocks`` × ``blocks`` grid into ``counts`` ``[N, blocks * blocks, 256]``."""
    number, height, width = codes.shape
    for n in range(number):
        for y in range(height):
            first = y * blocks // height * blocks
            for x in range(width):
                counts[n, first + x * blocks // width, codes[n, y, x]] += 1
