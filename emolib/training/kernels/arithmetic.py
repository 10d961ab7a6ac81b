"""Arithmetic of the kernels: products, the sigmoid, losses, optimisers."""

from math import factorial

import numpy as np

from emolib.training.kernels import Floats, compiled
from emolib.training.kernels.vector import (
    VECTOR,
    exponent_shift,
    fma,
    full,
    load,
    power_of_two,
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
    one = full(constants, 1.0)
    return one / (one + exponential(z, constants))


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
    entropy = not memory[smooth : smooth + VECTOR].all()
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
    tiny, negative, none = full(memory, TINY), full(memory, -TINY), full(memory, 0.0)
    keep1, take1 = load(memory, pace), load(memory, pace + VECTOR)
    keep2, take2 = load(memory, pace + 2 * VECTOR), load(memory, pace + 3 * VECTOR)
    root, epsilon = load(memory, pace + 4 * VECTOR), load(memory, pace + 5 * VECTOR)
    size = load(memory, pace + 6 * VECTOR)
    for at in range(0, count * VECTOR, VECTOR):
        gradient = load(memory, g + at)
        mean = fma(keep1, load(memory, m + at), take1 * gradient)
        square = fma(keep2, load(memory, v + at), take2 * (gradient * gradient))
        mean = where_greater(mean, tiny, mean, where_greater(negative, mean, mean, none))
        square = where_greater(square, tiny, square, none)
        store(memory, m + at, mean)
        store(memory, v + at, square)
        step = size * mean / fma(sqrt(square), root, epsilon)
        store(memory, w + at, load(memory, w + at) - step)
