"""Compiled training epoch of the CNNs, one network at a time.

Axes: see :mod:`emolib.training.kernels`.
"""

import numpy as np

from emolib.models import FeatureNet
from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    Constants,
    accumulate,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
    total,
)

LAYERS = FeatureNet.LAYERS
LANES = 64  # parameters that the optimiser moves side by side
ROWS = 64  # scored at a time
VECTOR = 16  # numbers in a vector register; rows of a multiple of it leave no slow remainder


@compiled
def _whole(count: int, of: int) -> int:
    """``count`` rounded up to whole vectors."""
    return -(-count // of) * of


@compiled
def _features(w: Floats, x: Floats, z: Floats, batch: int, width: int) -> None:
    """A :class:`~emolib.models.FeatureNet` on a batch that ``x[0, 0]`` holds, through ``x`` and
    ``z`` to ``x[LAYERS]``.

    Args:
        w: the branch's parameters, flat: for each layer weights ``[3, out, in]``, then biases.
        x: inputs of each layer and the last one's output ``[LAYERS + 1, F, (D + 2) * B + VECTOR]``,
            position by position, with a position of zeros at both ends: the convolution's padding.
        z: what the pooling looks at, likewise; -1 at both ends, less than any activation.
        width: ``D * B``.
    """
    channels, wide = x.shape[1], _whole(width, VECTOR)
    none, at = w.dtype.type(0), 0
    for layer in range(LAYERS):
        before = channels if layer else 1
        weight = w[at : at + 3 * channels * before].reshape(3, channels, before)
        at += 3 * channels * before
        z[layer, :, batch : batch + width] = w[at : at + channels].reshape(channels, 1)
        at += channels
        for t in range(3):
            accumulate(weight[t], x[layer], t * batch, z[layer], batch, wide)
        for f in range(channels):
            z[layer, f, batch + width : batch + wide] = -1
            here = z[layer, f, batch : batch + width]
            for r in range(width):
                here[r] = here[r] if here[r] > none else none
        for f in range(channels):
            left, here, right = (
                z[layer, f, :width],
                z[layer, f, batch : batch + width],
                z[layer, f, 2 * batch : 2 * batch + width],
            )
            largest = x[layer + 1, f, batch : batch + width]
            for r in range(width):
                largest[r] = left[r] if left[r] > here[r] else here[r]
                largest[r] = right[r] if right[r] > largest[r] else largest[r]


@compiled
def _features_backward(
    w: Floats,
    g: Floats,
    x: Floats,
    z: Floats,
    d: Floats,
    turned: Floats,
    parts: Floats,
    batch: int,
    width: int,
) -> None:
    """Gradients ``g`` (laid out as ``w``, zeros before) from ``d[LAYERS]``, the gradient by the
    branch's output.
    """
    channels, wide = x.shape[1], _whole(width, VECTOR)
    none, end = w.dtype.type(0), w.size
    for layer in range(LAYERS - 1, -1, -1):
        before = channels if layer else 1
        bias, start = end - channels, end - channels - 3 * channels * before
        weight, g_weight = (
            w[start:bias].reshape(3, channels, before),
            g[start:bias].reshape(3, channels, before),
        )
        d_z = d[layer + 1]
        for f in range(channels):
            # Each pooled value hands its gradient to the largest of the three it saw, the first of
            # equals.
            left, here, right = (
                z[layer, f, :width],
                z[layer, f, batch : batch + width],
                z[layer, f, 2 * batch : 2 * batch + width],
            )
            gradient = d_z[f, batch : batch + width]
            to_left, to_here, to_right = parts[0, batch:], parts[1, batch:], parts[2, batch:]
            for r in range(width):
                before_it, itself, after_it, value = left[r], here[r], right[r], gradient[r]
                larger = itself if itself > after_it else after_it
                to_left[r] = value if before_it >= larger else none
                rest = value - to_left[r]
                to_right[r] = rest if after_it > itself else none
                to_here[r] = rest - to_right[r]
            from_left, from_right = parts[2, :width], parts[0, 2 * batch :]
            for r in range(width):
                gathered = from_left[r] + to_here[r] + from_right[r]
                gradient[r] = gathered if here[r] > none else none
        inputs = turned[: (width + 2 * batch) * before].reshape(-1, before)
        inputs[:] = x[layer, :before, : width + 2 * batch].T
        inner = d_z[:, batch : batch + width]
        for t in range(3):
            accumulate(inner, inputs[t * batch : t * batch + width], 0, g_weight[t], 0, before)
        for f in range(channels):
            g[bias + f] = total(inner[f])
        if layer:
            d[layer] = 0
            for t in range(3):
                accumulate(weight[2 - t].T, d_z, t * batch, d[layer], batch, wide)
            d[layer, :, batch + width : batch + wide] = none
        end = start


@compiled
def _dense(w: Floats, x: Floats, out: Floats) -> None:
    """A fully connected layer on inputs ``[I, B']``: outputs ``[O, B']``; ``w`` holds its weights
    ``[O, I]``, then its biases.
    """
    inputs, outputs = len(x), len(out)
    weights = inputs * outputs
    out[:] = w[weights : weights + outputs].reshape(outputs, 1)
    accumulate(w[:weights].reshape(outputs, inputs), x, 0, out, 0, out.shape[1])


@compiled
def _dense_backward(
    w: Floats, g: Floats, x: Floats, d_out: Floats, d_x: Floats, turned: Floats
) -> None:
    """Gradients ``g`` (laid out as ``w``, zeros before) and ``d_x`` from the gradient by the
    outputs; the batch is as long as ``turned`` ``[B, I]``.
    """
    inputs, outputs, batch = len(x), len(d_out), len(turned)
    weights = inputs * outputs
    turned[:] = x[:, :batch].T
    accumulate(d_out[:, :batch], turned, 0, g[:weights].reshape(outputs, inputs), 0, inputs)
    for i in range(outputs):
        g[weights + i] = d_out[i, :batch].sum()
    d_x[:] = 0
    accumulate(w[:weights].reshape(outputs, inputs).T, d_out, 0, d_x, 0, d_x.shape[1])


@compiled
def _fill(xs: Floats, x: Floats, rows: Ints, batch: int) -> None:
    """Puts some rows of the inputs ``[N, M, D]`` where :func:`_features` looks for a batch."""
    for r in range(rows.size):
        for m in range(x.shape[1]):
            for i in range(x.shape[2]):
                xs[m, 0, 0, (i + 1) * batch + r] = x[rows[r], m, i]


@compiled
def _fusion(
    w: Floats, x: Floats, z: Floats, joined: Floats, reduced: Floats, out: Floats, batch: int
) -> tuple[int, int, int]:
    """A :class:`~emolib.models.FusionNet` on a batch that ``x[m, 0, 0]`` holds; returns the size of
    a branch in ``w``, and where the reducing and the last layer begin.

    ``joined`` ``[M * F * D, B']``, ``reduced`` and ``out`` have a column for each row of the batch,
    and some more.
    """
    modalities, channels = x.shape[0], x.shape[2]
    features = len(joined) // (modalities * channels)
    none = w.dtype.type(0)
    branch = (3 * channels + channels) + (LAYERS - 1) * (3 * channels * channels + channels)
    for m in range(modalities):
        _features(w[m * branch : (m + 1) * branch], x[m], z[m], batch, features * batch)
        for f in range(channels):
            here = x[m, LAYERS, f, batch : (features + 1) * batch].reshape(features, batch)
            start = (m * channels + f) * features
            joined[start : start + features, :batch] = here
    reduce = modalities * branch
    last = reduce + len(reduced) * (len(joined) + 1)
    _dense(w[reduce:], joined, reduced)
    for i in range(len(reduced)):
        for r in range(reduced.shape[1]):
            reduced[i, r] = max(reduced[i, r], none)
    _dense(w[last:], reduced, out)
    return branch, reduce, last


@kernel
def fusion_scores(
    w: Floats, places: Ints, x: Floats, channels: int, narrow: int, classes: int
) -> Floats:
    """Outputs ``[N, C]`` of one :class:`~emolib.models.FusionNet` on inputs ``[N, M, D]``; ``w``
    ``[P]``; ``places`` as in :func:`fusion_epoch`.
    """
    rows, modalities, features = x.shape
    batch = min(rows, ROWS)
    width, columns = (features + 2) * batch + VECTOR, _whole(batch, VECTOR)
    xs = np.zeros((modalities, LAYERS + 1, channels, width), w.dtype)
    zs = np.full((modalities, LAYERS, channels, width), w.dtype.type(-1))
    joined = np.zeros((modalities * channels * features, columns), w.dtype)
    reduced, out = np.empty((narrow, columns), w.dtype), np.empty((classes, columns), w.dtype)
    w_ = w[places]
    scores = np.empty((rows, classes), w.dtype)
    for start in range(0, rows, batch):
        these = np.arange(start, min(start + batch, rows))
        _fill(xs, x, these, batch)
        _fusion(w_, xs, zs, joined, reduced, out, batch)
        scores[these[0] : these[-1] + 1] = out[:, : these.size].T
    return scores


@kernel
def fusion_epoch(
    w: Floats,
    m: Floats,
    v: Floats,
    step: Ints,
    rule: Floats,
    places: Ints,
    which: Ints,
    x: Floats,
    view: Ints,
    target: Floats,
    order: Ints,
    length: Ints,
    split: Ints,
    batch: int,
    channels: int,
    narrow: int,
    constants: Constants,
) -> Floats:
    """Trains some :class:`~emolib.models.FusionNet` for an epoch, in place, one after another.

    The moments ``m`` and ``v`` are in the kernel's order of parameters.

    Args:
        places: ``[P]``, where the kernel's parameters are in the module's order: here a convolution
            is ``[3, out, in]``.
        x: inputs ``[V, N, M, D]``.
        channels, narrow: ``F``, and the outputs of the reducing layer.

    The others, and what is returned, as in :func:`shallow_epoch`.
    """
    modalities, features, classes = x.shape[2], x.shape[3], target.shape[1]
    kind = w.dtype.type
    none, one = kind(0), kind(1)
    inner, size = modalities * channels * features, places.size
    width, columns = (features + 2) * batch + VECTOR, _whole(batch, VECTOR)
    w_ = np.zeros(_whole(size, LANES), w.dtype)
    g, m_, v_ = np.zeros_like(w_), np.zeros_like(w_), np.zeros_like(w_)
    paces = np.empty((7, LANES), w.dtype)
    xs = np.zeros((modalities, LAYERS + 1, channels, width), w.dtype)
    zs = np.full((modalities, LAYERS, channels, width), -one)
    d = np.zeros((LAYERS + 1, channels, width), w.dtype)
    turned, parts = np.empty(width * channels, w.dtype), np.zeros((3, width), w.dtype)
    joined, d_joined = np.zeros((inner, columns), w.dtype), np.empty((inner, columns), w.dtype)
    reduced, d_reduced = np.empty((narrow, columns), w.dtype), np.empty((narrow, columns), w.dtype)
    turned_joined = np.empty((batch, inner), w.dtype)
    turned_reduced = np.empty((batch, narrow), w.dtype)
    out, targets = np.empty((classes, columns), w.dtype), np.zeros((classes, columns), w.dtype)
    share, bounds = np.empty(columns, w.dtype), np.empty(columns, w.dtype)
    smooths, loss = np.empty(columns, w.dtype), np.empty(columns, w.dtype)
    losses = np.zeros(which.size, w.dtype)
    for place in range(which.size):
        k = which[place]
        w_[:size], m_[:size], v_[:size] = w[k][places], m[k], v[k]
        rows, steps = order[split[k], : length[split[k]]], 0
        bounds[:], smooths[:], loss[:] = rule[k, 3], rule[k, 4], none
        for start in range(0, rows.size, batch):
            these = rows[start : start + batch]
            _fill(xs, x[view[k]], these, batch)
            targets[:, : these.size] = target[these].T
            branch, reduce, last = _fusion(w_, xs, zs, joined, reduced, out, batch)
            share[: these.size] = one / kind(these.size * classes)
            share[these.size :] = none  # a place without a row has no say
            loss_gradient(out, targets, share, bounds, smooths, loss, constants)
            # from here on ``out`` is the gradient by the outputs
            g[:] = 0
            _dense_backward(w_[last:], g[last:], reduced, out, d_reduced, turned_reduced)
            d_reduced[:] = np.where(reduced > none, d_reduced, none)
            _dense_backward(w_[reduce:], g[reduce:], joined, d_reduced, d_joined, turned_joined)
            for j in range(modalities):
                for o in range(channels):
                    here = d[LAYERS, o, batch : (features + 1) * batch].reshape(features, batch)
                    first = (j * channels + o) * features
                    here[:] = d_joined[first : first + features, :batch]
                part, wide = slice(j * branch, (j + 1) * branch), features * batch
                _features_backward(w_[part], g[part], xs[j], zs[j], d, turned, parts, batch, wide)
            step[k] += 1
            steps += 1
            pace = adam_coefficients(rule[k, 0], rule[k, 1], rule[k, 2], step[k])
            paces[:] = np.array(pace).reshape(7, 1)
            optimizer_step(
                w_.reshape(-1, LANES),
                g.reshape(-1, LANES),
                m_.reshape(-1, LANES),
                v_.reshape(-1, LANES),
                paces,
            )
        losses[place] = total(loss) / steps
        w[k][places], m[k], v[k] = w_[:size], m_[:size], v_[:size]
    return losses
