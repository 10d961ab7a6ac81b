"""Arithmetic of the kernels: products, the sigmoid, losses, optimisers."""

from math import factorial

import numpy as np

from emolib.training.kernels import Floats, Ints, compiled

DEGREE = 13  # of the series of the exponential over half an octave: exact to double precision
LIMIT = 80.0  # beyond it the sigmoid is 0 or 1 in single precision
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults, as PyTorch has them
REST = (1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0)  # a pace at which nothing moves
# What the kernels call an optimiser, its momentum and whether it adapts; and a loss, see
# :func:`loss_gradient`.
OPTIMISERS = {"Adam": (BETA1, 1.0), "SGD": (0.0, 0.0), "SGD, momentum 0.9": (0.9, 0.0)}
LOSSES = {"smooth L1": (1.0, 1.0), "squared error": (np.inf, 1.0), "cross-entropy": (1.0, 0.0)}
Constants = tuple[Floats, Ints]  # see :func:`constants`
TINY = 1e-30  # moments below count as 0: arithmetic on denormal numbers is a hundred times slower


def constants(dtype: np.dtype[np.floating]) -> Constants:
    """What the sigmoid needs in the precision it computes in: ln 2 in two parts, its inverse and
    the series of the exponential; and how a number's exponent is stored.
    """
    high = float(np.round(np.log(2) * 2**12) / 2**12)  # few enough digits for exact multiples
    head = [LIMIT, 1 / np.log(2), high, np.log(2) - high]
    kind = np.finfo(dtype)
    return (
        np.array([*head, *(1 / factorial(power) for power in range(DEGREE + 1))], dtype),
        np.array([kind.maxexp - 1, kind.nmant], f"i{kind.bits // 8}"),
    )


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
def exponential(z: Floats, constants: Constants) -> Floats:
    """``exp(-z)`` as a series over half an octave, left in ``z``, times the powers of two that are
    returned, each put together from its bits.
    """
    c, (bias, shift) = constants[0], constants[1]
    limit = c[0]
    powers = np.empty_like(z)
    bits = powers.view(constants[1].dtype)
    for i in range(z.size):
        t = -z[i]
        t = t if t < limit else limit
        t = t if t > -limit else -limit
        n = np.rint(t * c[1])
        r = (t - n * c[2]) - n * c[3]
        p = c[4 + DEGREE]
        for power in range(DEGREE - 1, -1, -1):
            p = p * r + c[4 + power]
        z[i] = p
        bits[i] = (bits.dtype.type(n) + bias) << shift
    return powers


@compiled
def sigmoid(z: Floats, constants: Constants) -> None:
    """In place."""
    powers = exponential(z, constants)
    one = constants[0][4]
    for i in range(z.size):
        z[i] = one / (one + z[i] * powers[i])


@compiled
def loss_gradient(
    out: Floats,
    target: Floats,
    share: Floats,
    bound: Floats,
    smooth: Floats,
    loss: Floats,
    constants: Constants,
) -> None:
    """Puts the gradient of the loss in the place of outputs ``[C, L]``, and adds the loss to
    ``loss`` ``[L]``.

    A column is a row of a batch: of one network, or of each network its own.

    Args:
        target: one-hot ``[C, L]``.
        share: ``[L]``, of one class in the mean over batch and classes; 0 for a place without a
            row.
        bound: ``[L]``, where the slope of the error ends: 1 for smooth L1 (paper, equation 3),
            infinite for half the squared error.
        smooth: ``[L]``, 0 where it is the cross-entropy instead, otherwise 1.
        constants: see :func:`constants`.
    """
    classes, lanes = out.shape[0], np.uintp(out.shape[1])
    half = out.dtype.type(0.5)
    entropy = smooth.min() == 0
    likely = out
    if entropy:
        likely = np.empty_like(out)
        for k in range(lanes):
            largest = out[0, k]
            for i in range(1, classes):
                largest = max(largest, out[i, k])
            for i in range(classes):
                likely[i, k] = largest - out[i, k]
        likely *= exponential(likely.ravel(), constants).reshape(likely.shape)
        for k in range(lanes):
            whole = likely[0, k]
            for i in range(1, classes):
                whole += likely[i, k]
            for i in range(classes):
                likely[i, k] /= whole
    for i in range(classes):
        d, wanted = out[i], target[i]
        for k in range(lanes):
            error = d[k] - wanted[k]
            slope = error if error < bound[k] else bound[k]
            slope = slope if slope > -bound[k] else -bound[k]
            loss[k] += slope * (error - half * slope) * (share[k] * smooth[k])
            d[k] = slope * share[k]
    if entropy:
        all_classes = out.dtype.type(classes)
        for i in range(classes):
            for k in range(lanes):
                if smooth[k] == 0:
                    out[i, k] = (likely[i, k] - target[i, k]) * (share[k] * all_classes)
                    if target[i, k] > 0:
                        loss[k] -= np.log(likely[i, k]) * (share[k] * all_classes)


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
def optimizer_step(w: Floats, g: Floats, m: Floats, v: Floats, pace: Floats) -> None:
    """A step of :class:`torch.optim.Adam` or :class:`torch.optim.SGD`, in place.

    Moments too small to matter become 0: arithmetic on them is a hundred times slower.

    Args:
        w, g, m, v: parameters, their gradient, its mean and the mean of its square ``[P, L]``.
        pace: ``[7, L]``, see :func:`adam_coefficients`.
    """
    tiny, none = w.dtype.type(TINY), w.dtype.type(0)
    keep1, take1, keep2, take2, root, epsilon, size = (
        pace[0],
        pace[1],
        pace[2],
        pace[3],
        pace[4],
        pace[5],
        pace[6],
    )
    for p in range(w.shape[0]):
        w_p, g_p, m_p, v_p = w[p], g[p], m[p], v[p]
        for k in range(np.uintp(w.shape[1])):
            mean = keep1[k] * m_p[k] + take1[k] * g_p[k]
            square = keep2[k] * v_p[k] + take2[k] * (g_p[k] * g_p[k])
            mean = mean if abs(mean) > tiny else none
            square = square if square > tiny else none
            m_p[k], v_p[k] = mean, square
            w_p[k] -= size[k] * mean / (np.sqrt(square) * root[k] + epsilon[k])
