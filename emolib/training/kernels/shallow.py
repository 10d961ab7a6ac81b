"""Compiled training epoch of the shallow network, :data:`LANES` networks at a time.

Axes: see :mod:`emolib.training.kernels`.
"""

import numpy as np

from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    REST,
    Constants,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
    sigmoid,
)

LANES = 64  # networks side by side


@compiled
def _affine(x: Floats, weight: Floats, bias: Floats, out: Floats) -> None:
    """``out[o] = bias[o] + sum over i of weight[o, i] * x[i]`` in every lane: ``[I, L]``, ``[O, I,
    L]``, ``[O, L]`` to ``[O, L]``.
    """
    lanes = np.uintp(out.shape[1])
    for o in range(out.shape[0]):
        z, b = out[o], bias[o]
        for k in range(lanes):
            z[k] = b[k]
        for i in range(x.shape[0]):
            value, w = x[i], weight[o, i]
            for k in range(lanes):
                z[k] += value[k] * w[k]


@compiled
def _shallow(
    w: Floats,
    alive: Floats,
    x: Floats,
    h: Floats,
    out: Floats,
    constants: Constants,
) -> None:
    """:class:`~emolib.models.ShallowNet` in every lane: inputs ``[B, D, L]`` through activations
    ``[B, H, L]`` to outputs ``[B, C, L]``.
    """
    batch, features, lanes = x.shape
    hidden, classes, lanes = h.shape[1], out.shape[1], np.uintp(lanes)
    a, b, c = hidden * features, hidden * (features + 1), hidden * (features + 1 + classes)
    w1, w2 = w[:a].reshape(hidden, features, -1), w[b:c].reshape(classes, hidden, -1)
    for r in range(batch):
        _affine(x[r], w1, w[a:b], h[r])
    sigmoid(h.ravel(), constants)
    for r in range(batch):
        for u in range(hidden):
            z, on = h[r, u], alive[u]
            for k in range(lanes):
                z[k] *= on[k]
        _affine(h[r], w2, w[c:], out[r])


@compiled
def _shallow_backward(
    w: Floats, g: Floats, x: Floats, h: Floats, d_h: Floats, d_out: Floats
) -> None:
    """Gradients ``g`` ``[P, L]`` from the gradient by the outputs, ``d_out``."""
    batch, features, lanes = x.shape
    hidden, classes, lanes = h.shape[1], d_out.shape[1], np.uintp(lanes)
    one = w.dtype.type(1)
    a, b, c = hidden * features, hidden * (features + 1), hidden * (features + 1 + classes)
    g1, w2, g2 = (
        g[:a].reshape(hidden, features, -1),
        w[b:c].reshape(classes, hidden, -1),
        g[b:c].reshape(classes, hidden, -1),
    )
    g[:] = 0
    for r in range(batch):
        d_h[:] = 0
        for i in range(classes):
            d, g_bias = d_out[r, i], g[c + i]
            for k in range(lanes):
                g_bias[k] += d[k]
            for u in range(hidden):
                value, weight, g_weight, d_value = h[r, u], w2[i, u], g2[i, u], d_h[u]
                for k in range(lanes):
                    g_weight[k] += d[k] * value[k]
                    d_value[k] += d[k] * weight[k]
        for u in range(hidden):
            value, d, g_bias = h[r, u], d_h[u], g[a + u]
            for k in range(lanes):
                d[k] *= value[k] * (one - value[k])
                g_bias[k] += d[k]
            for i in range(features):
                given, g_weight = x[r, i], g1[u, i]
                for k in range(lanes):
                    g_weight[k] += d[k] * given[k]


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
    batch: int,
    constants: Constants,
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
        batch: rows per step; the last batch of an epoch may be smaller.
        constants: see :func:`constants`.

    Returns:
        Mean over batches of each one's loss, in the order of ``which``.
    """
    size, hidden, features, classes = w.shape[1], alive.shape[1], x.shape[2], target.shape[1]
    kind = w.dtype.type
    none, one = kind(0), kind(1)
    groups = -(-which.size // LANES)
    lanes = -(-which.size // (groups * 8)) * 8  # as many in each group, in whole vectors
    w_ = np.zeros((size, lanes), w.dtype)
    g, m_, v_ = np.zeros_like(w_), np.zeros_like(w_), np.zeros_like(w_)
    alive_, d_h = np.zeros((hidden, lanes), w.dtype), np.zeros((hidden, lanes), w.dtype)
    inputs, h = (
        np.zeros((batch, features, lanes), w.dtype),
        np.zeros((batch, hidden, lanes), w.dtype),
    )
    targets = np.zeros((batch, classes, lanes), w.dtype)
    out = np.zeros_like(targets)
    share, paces = np.empty((batch, lanes), w.dtype), np.empty((7, lanes), w.dtype)
    bounds, smooths, loss = (
        np.ones(lanes, w.dtype),
        np.ones(lanes, w.dtype),
        np.empty(lanes, w.dtype),
    )
    losses = np.zeros(which.size, w.dtype)
    for first in range(0, which.size, lanes):
        group = which[first : first + lanes]
        longest = 0
        for k in range(group.size):
            n = group[k]
            longest = max(longest, length[split[n]])
            for p in range(size):
                w_[p, k], m_[p, k], v_[p, k] = w[n, p], m[n, p], v[n, p]
            for u in range(hidden):
                alive_[u, k] = alive[n, u]
            bounds[k], smooths[k] = rule[n, 3], rule[n, 4]
        # a lane without a network rests
        loss[:], share[:] = none, none
        for i in range(7):
            paces[i] = REST[i]
        for start in range(0, longest, batch):
            for k in range(group.size):
                n = group[k]
                s, count = split[n], min(batch, length[split[n]] - start)
                pace = REST  # where this one's epoch is over and others have a batch to go
                if count > 0:
                    step[n] += 1
                    pace = adam_coefficients(rule[n, 0], rule[n, 1], rule[n, 2], step[n])
                for i in range(7):
                    paces[i, k] = pace[i]
                for r in range(batch):
                    row = order[s, start + r] if r < count else 0
                    share[r, k] = one / kind(count * classes) if r < count else none
                    for i in range(features):
                        inputs[r, i, k] = x[view[n], row, i]
                    for i in range(classes):
                        targets[r, i, k] = target[row, i]
            _shallow(w_, alive_, inputs, h, out, constants)
            for r in range(batch):
                loss_gradient(out[r], targets[r], share[r], bounds, smooths, loss, constants)
            _shallow_backward(w_, g, inputs, h, d_h, out)
            optimizer_step(w_, g, m_, v_, paces)
        for k in range(group.size):
            n = group[k]
            losses[first + k] = loss[k] / ((length[split[n]] + batch - 1) // batch)
            for p in range(size):
                w[n, p], m[n, p], v[n, p] = w_[p, k], m_[p, k], v_[p, k]
    return losses


@kernel
def shallow_scores(
    w: Floats, alive: Floats, x: Floats, classes: int, constants: Constants
) -> Floats:
    """Outputs ``[N, C]`` of one network on inputs ``[N, D]``, the rows side by side; ``w`` ``[P]``,
    ``alive`` ``[H]``.
    """
    rows, hidden = len(x), alive.size
    inputs = np.ascontiguousarray(x.T).reshape(1, -1, rows)
    h, out = np.empty((1, hidden, rows), w.dtype), np.empty((1, classes, rows), w.dtype)
    w_, alive_ = np.repeat(w, rows).reshape(-1, rows), np.repeat(alive, rows).reshape(-1, rows)
    _shallow(w_, alive_, inputs, h, out, constants)
    return out.reshape(classes, rows).T.copy()
