"""Compiled training epoch of the shallow network, a vector of networks at a time.

Axes: see :mod:`emolib.training.kernels`.
"""

from typing import NamedTuple

import numpy as np

from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    REST,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
    sigmoid,
)
from emolib.training.kernels.vector import VECTOR, fma, full, load, splat, store


class Layout(NamedTuple):
    """Offsets into the memory of a vector of networks, of ``B`` rows.

    The bias is the weight of a further input that is 1.

    Attributes:
        batch, features, hidden, classes: ``B``, ``D``, ``H``, ``C``.
        w, g, m, v: weights ``[H, D + 1]`` and ``[C, H + 1]``, gradient and moments.
        x, h, out: inputs ``[B, D + 1]``, activations ``[B, H + 1]``, outputs ``[B, C]``.
        d_h: the gradient by ``h`` ``[B, H + 1]``.
        target, share, bound, smooth, loss, pace: see
            :func:`~emolib.training.kernels.arithmetic.loss_gradient` and
            :func:`~emolib.training.kernels.arithmetic.optimizer_step`.
        alive: ``[H]``.
        end: where the memory ends.
    """

    batch: int
    features: int
    hidden: int
    classes: int
    w: int
    g: int
    m: int
    v: int
    x: int
    h: int
    d_h: int
    out: int
    target: int
    share: int
    bound: int
    smooth: int
    loss: int
    pace: int
    alive: int
    end: int


def layout(batch: int, features: int, hidden: int, classes: int) -> tuple[Layout, Ints, Ints]:
    """The memory of a vector of networks.

    Returns:
        Offsets; that of each parameter from ``w`` on, in the order of the module's own; and the
        products, see :func:`_product`.
    """
    d, u, c = features + 1, hidden + 1, classes
    parts = [0, *[hidden * d + c * u] * 4, batch * d, batch * u, batch * u, batch * c, batch * c]
    at = Layout(
        batch,
        features,
        hidden,
        classes,
        *(VECTOR * np.cumsum([*parts, batch, 1, 1, 1, 7, hidden])).tolist(),
    )
    every = np.arange(hidden * d + c * u) * VECTOR
    layers = every[: hidden * d].reshape(hidden, d), every[hidden * d :].reshape(c, u)
    places = [part.ravel() for layer in layers for part in (layer[:, :-1], layer[:, -1])]
    w2, g2 = at.w + hidden * d * VECTOR, at.g + hidden * d * VECTOR
    products = [
        (at.h, u, 1, at.x, d, 1, at.w, d, 1, batch, hidden, d),
        (at.out, c, 1, at.h, u, 1, w2, u, 1, batch, c, u),
        (g2, 1, u, at.h, 1, u, at.out, 1, c, u, c, batch),
        (at.d_h, u, 1, at.out, c, 1, w2, 1, u, batch, hidden, c),
        (at.g, 1, d, at.x, 1, d, at.d_h, 1, u, d, hidden, batch),
    ]
    distances = np.array([1, VECTOR, VECTOR] * 3 + [1, 1, 1])
    return at, np.concatenate(places), np.array(products) * distances


@compiled
def _product(memory: Floats, op: Ints) -> None:
    """``out[i, j] = sum over q of a[i, q] * b[j, q]`` in every lane: of each matrix the offset and
    two distances; rows, columns and length of the sum.

    The last rows and columns are computed again where they do not fill up a block.
    """
    out, out_row, out_column, a, a_row, a_inner = op[0], op[1], op[2], op[3], op[4], op[5]
    b, b_column, b_inner, rows, columns, inner = op[6], op[7], op[8], op[9], op[10], op[11]
    for i in range(0, rows, 2):
        i1 = min(i + 1, rows - 1)
        a0, a1 = a + i * a_row, a + i1 * a_row
        for j in range(0, columns, 4):
            j1, j2, j3 = min(j + 1, columns - 1), min(j + 2, columns - 1), min(j + 3, columns - 1)
            b0, b1 = b + j * b_column, b + j1 * b_column
            b2, b3 = b + j2 * b_column, b + j3 * b_column
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = full(memory, 0.0)
            for q in range(inner):
                left, right = q * a_inner, q * b_inner
                x0, x1 = load(memory, a0 + left), load(memory, a1 + left)
                y = load(memory, b0 + right)
                s00, s10 = fma(x0, y, s00), fma(x1, y, s10)
                y = load(memory, b1 + right)
                s01, s11 = fma(x0, y, s01), fma(x1, y, s11)
                y = load(memory, b2 + right)
                s02, s12 = fma(x0, y, s02), fma(x1, y, s12)
                y = load(memory, b3 + right)
                s03, s13 = fma(x0, y, s03), fma(x1, y, s13)
            at = out + i * out_row
            store(memory, at + j * out_column, s00)
            store(memory, at + j1 * out_column, s01)
            store(memory, at + j2 * out_column, s02)
            store(memory, at + j3 * out_column, s03)
            at = out + i1 * out_row
            store(memory, at + j * out_column, s10)
            store(memory, at + j1 * out_column, s11)
            store(memory, at + j2 * out_column, s12)
            store(memory, at + j3 * out_column, s13)


@compiled
def _forward(memory: Floats, at: Layout, products: Ints, constants: Floats) -> None:
    """:class:`~emolib.models.ShallowNet` in every lane."""
    _product(memory, products[0])
    for r in range(at.batch):
        for u in range(at.hidden):
            place = at.h + (r * (at.hidden + 1) + u) * VECTOR
            h = sigmoid(load(memory, place), constants)
            store(memory, place, h * load(memory, at.alive + u * VECTOR))
    _product(memory, products[1])


@compiled
def _backward(memory: Floats, at: Layout, products: Ints) -> None:
    """Gradients of the weights from the gradient by the outputs, in its place."""
    _product(memory, products[2])
    _product(memory, products[3])
    one = full(memory, 1.0)
    for place in range(0, at.out - at.d_h, VECTOR):
        h = load(memory, at.h + place)
        store(memory, at.d_h + place, load(memory, at.d_h + place) * (h * (one - h)))
    _product(memory, products[4])


@kernel
def shallow_epoch(
    w: Floats,
    m: Floats,
    v: Floats,
    step: Ints,
    rule: Floats,
    alive: Floats,
    which: Ints,
    x: Floats,
    view: Ints,
    target: Floats,
    order: Ints,
    length: Ints,
    split: Ints,
    memory: Floats,
    at: Layout,
    places: Ints,
    products: Ints,
    constants: Floats,
) -> Floats:
    """Trains some :class:`~emolib.models.ShallowNet` for an epoch, in place.

    Args:
        w, m, v: parameters and the optimiser's moments ``[K, P]``.
        step: steps taken ``[K]``, counted on.
        rule: of each one's optimiser and loss ``[K, 5]``, see
            :data:`~emolib.training.kernels.arithmetic.OPTIMISERS` and
            :data:`~emolib.training.kernels.arithmetic.LOSSES`: learning rate, momentum, whether
            adaptive; bound, smooth.
        alive: ``[K, H]``, 0 for a hidden unit that is padding or pruned.
        which: the networks to train.
        x: inputs ``[V, N, D]``; ``view`` ``[K]`` says which.
        target: ``[N, C]``.
        order: training rows of each split in this epoch's order ``[S, T]``, the first ``length[s]``
            of them; ``split`` ``[K]`` says which.
        memory, at, places, products: see :func:`layout`; a batch has ``at.batch`` rows,
            the last of an epoch may have fewer.
        constants: see :func:`constants`.

    Returns:
        Mean over batches of each one's loss, in the order of ``which``.
    """
    batch, features, hidden, classes = at.batch, at.features, at.hidden, at.classes
    kind, inputs = w.dtype.type, features + 1
    weights = (at.g - at.w) // VECTOR
    losses = np.zeros(which.size, w.dtype)
    none, one = full(memory, 0.0), full(memory, 1.0)
    for i in range(0, at.end, VECTOR):
        store(memory, i, none)
    store(memory, at.bound, one)
    store(memory, at.smooth, one)
    for r in range(batch):
        store(memory, at.x + (r * inputs + features) * VECTOR, one)
        store(memory, at.h + (r * (hidden + 1) + hidden) * VECTOR, one)
    for first in range(0, which.size, VECTOR):
        lanes, longest = min(VECTOR, which.size - first), 0
        for i in range(7):
            store(memory, at.pace + i * VECTOR, full(memory, REST[i]))
        for r in range(batch):
            store(memory, at.share + r * VECTOR, none)
        store(memory, at.loss, none)
        for k in range(lanes):
            n = which[first + k]
            longest = max(longest, length[split[n]])
            for i in range(places.size):
                place = places[i] + k
                memory[at.w + place] = w[n, i]
                memory[at.m + place] = m[n, i]
                memory[at.v + place] = v[n, i]
            for u in range(hidden):
                memory[at.alive + u * VECTOR + k] = alive[n, u]
            memory[at.bound + k], memory[at.smooth + k] = rule[n, 3], rule[n, 4]
        for start in range(0, longest, batch):
            for k in range(lanes):
                n = which[first + k]
                s, count = split[n], min(batch, length[split[n]] - start)
                pace = REST  # where this one's epoch is over and others have a batch to go
                if count > 0:
                    step[n] += 1
                    pace = adam_coefficients(rule[n, 0], rule[n, 1], rule[n, 2], step[n])
                for i in range(7):
                    memory[at.pace + i * VECTOR + k] = pace[i]
                for r in range(batch):
                    row = order[s, start + r] if r < count else 0
                    memory[at.share + r * VECTOR + k] = (
                        kind(1) / kind(count * classes) if r < count else kind(0)
                    )
                    for i in range(features):
                        memory[at.x + (r * inputs + i) * VECTOR + k] = x[view[n], row, i]
                    for i in range(classes):
                        memory[at.target + (r * classes + i) * VECTOR + k] = target[row, i]
            _forward(memory, at, products, constants)
            for r in range(batch):
                row = r * classes * VECTOR
                loss_gradient(
                    memory,
                    at.out + row,
                    at.target + row,
                    at.share + r * VECTOR,
                    at.bound,
                    at.smooth,
                    at.loss,
                    classes,
                    VECTOR,
                    constants,
                )
            _backward(memory, at, products)
            optimizer_step(memory, at.w, at.g, at.m, at.v, weights, at.pace)
        for k in range(lanes):
            n = which[first + k]
            losses[first + k] = memory[at.loss + k] / ((length[split[n]] + batch - 1) // batch)
            for i in range(places.size):
                place = places[i] + k
                w[n, i] = memory[at.w + place]
                m[n, i] = memory[at.m + place]
                v[n, i] = memory[at.v + place]
    return losses


@kernel
def shallow_scores(
    w: Floats,
    alive: Floats,
    x: Floats,
    memory: Floats,
    at: Layout,
    places: Ints,
    products: Ints,
    constants: Floats,
) -> Floats:
    """Outputs ``[N, C]`` of one network on inputs ``[N, D]``, rows in the lanes; ``w`` ``[P]``,
    ``alive`` ``[H]``.
    """
    inputs, classes = at.features + 1, at.classes
    scores = np.empty((len(x), classes), w.dtype)
    one = full(memory, 1.0)
    for i in range(places.size):
        store(memory, at.w + places[i], splat(w, i))
    for u in range(at.hidden):
        store(memory, at.alive + u * VECTOR, splat(alive, u))
    for r in range(at.batch):
        store(memory, at.x + (r * inputs + at.features) * VECTOR, one)
        store(memory, at.h + (r * (at.hidden + 1) + at.hidden) * VECTOR, one)
    for n in range(len(x)):
        for i in range(at.features):
            memory[at.x + (n // VECTOR * inputs + i) * VECTOR + n % VECTOR] = x[n, i]
    _forward(memory, at, products, constants)
    for n in range(len(x)):
        for i in range(classes):
            scores[n, i] = memory[at.out + (n // VECTOR * classes + i) * VECTOR + n % VECTOR]
    return scores
