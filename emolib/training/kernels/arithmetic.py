"""Arithmetic of the kernels: products, the sigmoid, losses, optimisers."""

from math import factorial

import numpy as np

from emolib.training.kernels import Floats, compiled
from emolib.training.kernels.vector import (
    VECTOR,
    absolute,
    exponent_shift,
    fma,
    full,
    load,
    power_of_two,
    reciprocal,
    some_equal,
    splat,
    sqrt,
    store,
    where_equal,
    where_greater,
)

DEGREE = {32: 7, 64: 13}  # of the exponential's series over half an octave, by bits of a number
LIMIT = 80.0  # beyond it the sigmoid is 0 or 1 in single precision
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults, as PyTorch has them
REST = (1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0)  # a pace at which nothing moves
# What the kernels call an optimiser, its momentum and whether it adapts; and a loss, see
# :func:`loss_gradient`.
OPTIMISERS = {"Adam": (BETA1, 1.0), "SGD": (0.0, 0.0), "SGD, momentum 0.9": (0.9, 0.0)}
LOSSES = {"smooth L1": (1.0, 1.0), "squared error": (np.inf, 1.0), "cross-entropy": (1.0, 0.0)}
TINY = 1e-30  # moments below count as 0: arithmetic on denormal numbers is a hundred times slower


def constants(dtype: np.dtype[np.floating]) -> Floats:
    """What :func:`exponential` needs in the precision it computes in: its limits, the inverse of
    -ln 2, what rounds to whole numbers, ln 2 in two parts, and the series from the highest power.
    """
    high = float(np.round(np.log(2) * 2**12) / 2**12)  # few enough digits for exact multiples
    head = [LIMIT, -LIMIT, -1 / np.log(2), exponent_shift(dtype), high, np.log(2) - high]
    powers = range(DEGREE[np.finfo(dtype).bits], -1, -1)
    return np.array([*head, *((-1) ** power / factorial(power) for power in powers)], dtype)


@compiled
def accumulate(a: Floats, b: Floats, b_from: int, c: Floats, c_from: int, width: int) -> None:
    """``c[:, c_from:] += a @ b[:, b_from:]``, over ``width`` columns; four rows of ``a`` and of
    ``b`` at a time.
    """
    # unsigned: no index counts from the end
    b_from, c_from, width = np.uintp(b_from), np.uintp(c_from), np.uintp(width)
    rows, inner = a.shape
    four_rows, four_inner = rows - rows % 4, inner - inner % 4
    for i in range(0, four_rows, 4):
        for q in range(0, four_inner, 4):
            a00, a01, a02, a03 = a[i, q], a[i, q + 1], a[i, q + 2], a[i, q + 3]
            a10, a11, a12, a13 = a[i + 1, q], a[i + 1, q + 1], a[i + 1, q + 2], a[i + 1, q + 3]
            a20, a21, a22, a23 = a[i + 2, q], a[i + 2, q + 1], a[i + 2, q + 2], a[i + 2, q + 3]
            a30, a31, a32, a33 = a[i + 3, q], a[i + 3, q + 1], a[i + 3, q + 2], a[i + 3, q + 3]
            for o in range(width):
                b0, b1, b2, b3 = (
                    b[q, b_from + o],
                    b[q + 1, b_from + o],
                    b[q + 2, b_from + o],
                    b[q + 3, b_from + o],
                )
                c[i, c_from + o] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                c[i + 1, c_from + o] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                c[i + 2, c_from + o] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                c[i + 3, c_from + o] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    for i in range(rows):
        for q in range(four_inner if i < four_rows else 0, inner):
            a0 = a[i, q]
            for o in range(width):
                c[i, c_from + o] += a0 * b[q, b_from + o]


@compiled
def total(a: Floats) -> np.floating:
    """Four sums side by side: one would wait for each addition to end."""
    four = a.size - a.size % 4
    s0 = s1 = s2 = s3 = a[0] * 0
    for i in range(0, four, 4):
        s0, s1, s2, s3 = s0 + a[i], s1 + a[i + 1], s2 + a[i + 2], s3 + a[i + 3]
    for i in range(four, a.size):
        s0 += a[i]
    found: np.floating = (s0 + s1) + (s2 + s3)
    return found


@compiled
def exponential(z: Floats, constants: Floats) -> Floats:
    """``exp(-z)`` of a vector: a series over half an octave, times a power of two."""
    limit, low, shift = splat(constants, 0), splat(constants, 1), splat(constants, 3)
    z = where_greater(z, limit, limit, z)
    z = where_greater(z, low, z, low)
    octaves = fma(z, splat(constants, 2), shift)
    n = octaves - shift
    r = fma(n, splat(constants, 5), fma(n, splat(constants, 4), z))
    p = splat(constants, 6)
    for i in range(7, constants.size):
        p = fma(p, r, splat(constants, i))
    return p * power_of_two(octaves)


@compiled
def sigmoid(z: Floats, constants: Floats) -> Floats:
    """The sigmoid of a vector."""
    return reciprocal(full(constants, 1.0) + exponential(z, constants))


@compiled
def loss_gradient(
    memory: Floats,
    out: int,
    target: int,
    share: int,
    bound: int,
    smooth: int,
    loss: int,
    classes: int,
    stride: int,
    constants: Floats,
) -> None:
    """Puts the gradient of the loss in the place of outputs, and adds the loss to ``loss``, for
    one vector of rows of a batch: of one network, or of each network its own.

    Args:
        out, target: offsets into ``memory`` of the first class, ``stride`` before the next;
            targets are one-hot.
        share: offset of the share of one class in the mean over batch and classes; 0 for a place
            without a row.
        bound: offset of where the slope of the error ends: 1 for smooth L1 (paper, equation 3),
            infinite for half the squared error.
        smooth: offset of 0 where it is the cross-entropy instead, otherwise 1.
        constants: see :func:`constants`.
    """
    none, half, two = (
        full(memory, 0.0),
        full(memory, 0.5),
        full(memory, 2.0),
    )
    high, like, is_smooth = load(memory, bound), load(memory, share), load(memory, smooth)
    low, scale, found = none - high, like * is_smooth, load(memory, loss)
    entropy = some_equal(is_smooth, none)
    largest, whole, logarithm, all_classes = load(memory, out), none, none, none
    if entropy:
        for i in range(classes):
            value = load(memory, out + i * stride)
            largest = where_greater(value, largest, value, largest)
            all_classes = all_classes + like
        for i in range(classes):
            whole = whole + exponential(largest - load(memory, out + i * stride), constants)
        for _ in range(8):  # Halley's steps, each of which cubes the error
            power = exponential(none - logarithm, constants)
            logarithm = logarithm + two * (whole - power) / (whole + power)
    for i in range(classes):
        at = out + i * stride
        value, wanted = load(memory, at), load(memory, target + i * stride)
        error = value - wanted
        slope = where_greater(error, high, high, error)
        slope = where_greater(slope, low, slope, low)
        found = fma(slope * (error - half * slope), scale, found)
        gradient = slope * like
        if entropy:
            likely = exponential(largest - value, constants) / whole
            other = (likely - wanted) * all_classes
            gradient = where_equal(is_smooth, none, other, gradient)
            other = wanted * (logarithm + (largest - value)) * all_classes
            found = where_equal(is_smooth, none, found + other, found)
        store(memory, at, gradient)
    store(memory, loss, found)


@compiled
def adam_coefficients(
    rate: float, momentum: float, adaptive: float, step: int
) -> tuple[float, float, float, float, float, float, float]:
    """Coefficients of a step of Adam for :func:`optimizer_step`; gradient descent is Adam that
    divides by 1 and corrects nothing.

    Returns:
        What is kept of the mean and what is taken into it, likewise of the square, the factor on
        the square's root, what is added to that, and the size of the step.
    """
    if adaptive:
        return (
            BETA1,
            1 - BETA1,
            BETA2,
            1 - BETA2,
            1 / np.sqrt(1 - BETA2**step),
            EPSILON,
            rate / (1 - BETA1**step),
        )
    return momentum, 1.0, 0.0, 0.0, 0.0, 1.0, rate


@compiled
def optimizer_step(memory: Floats, w: int, g: int, m: int, v: int, count: int, pace: int) -> None:
    """A step of :class:`torch.optim.Adam` or :class:`torch.optim.SGD`, in place.

    Moments too small to matter become 0: arithmetic on them is a hundred times slower.

    Args:
        w, g, m, v: offsets into ``memory`` of parameters, their gradient, its mean and the mean of
            its square, ``count`` vectors each.
        pace: offset of seven vectors, see :func:`adam_coefficients`.
    """
    tiny, none = full(memory, TINY), full(memory, 0.0)
    keep1, take1 = load(memory, pace), load(memory, pace + VECTOR)
    keep2, take2 = load(memory, pace + 2 * VECTOR), load(memory, pace + 3 * VECTOR)
    root, epsilon = load(memory, pace + 4 * VECTOR), load(memory, pace + 5 * VECTOR)
    size = load(memory, pace + 6 * VECTOR)
    for at in range(0, count * VECTOR, VECTOR):
        gradient = load(memory, g + at)
        mean = fma(keep1, load(memory, m + at), take1 * gradient)
        square = fma(keep2, load(memory, v + at), take2 * (gradient * gradient))
        mean = where_greater(absolute(mean), tiny, mean, none)
        square = where_greater(square, tiny, square, none)
        store(memory, m + at, mean)
        store(memory, v + at, square)
        step = size * mean * reciprocal(fma(sqrt(square), root, epsilon))
        store(memory, w + at, load(memory, w + at) - step)
