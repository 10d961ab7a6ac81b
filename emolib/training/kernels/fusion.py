"""Compiled training epoch of the CNNs, one network at a time.

A convolution is a product: the inputs of a batch lie position by position, ``B`` rows each with the
channels side by side, so that a neighbour is ``B`` rows away. A position of zeros at both ends is
the convolution's padding. Rows and channels are rounded up to whole blocks of
:func:`~emolib.training.kernels.product.product`.

Axes: see :mod:`emolib.training.kernels`; ``R`` rows of a block, ``D * B`` rounded up.
"""

import numpy as np

from emolib.models import FeatureNet, FusionNet
from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    Constants,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
    total,
)
from emolib.training.kernels.product import ROWS, VECTOR, product

LAYERS = FeatureNet.LAYERS
TAPS = 3
LANES = 64  # parameters that the optimiser moves side by side
SCORED = 64  # rows scored at a time


@compiled
def whole(count: int, of: int) -> int:
    """``count`` rounded up to a multiple of ``of``."""
    return -(-count // of) * of


def places(net: FusionNet) -> Ints:
    """Where each parameter of a module lies in the kernel's memory, in the module's order.

    There a layer is a matrix of inputs by outputs, and its biases; the first layer sees a position
    and its two neighbours as inputs, the others have a matrix for each tap.
    """
    features = net.reduce.in_features // (len(net.branches) * net.channels)
    wide, narrow, last = (
        whole(count, VECTOR)
        for count in (net.channels, net.reduce.out_features, net.output.out_features)
    )
    at, found = 0, []
    for _ in net.branches:
        for layer in range(LAYERS):
            inner, rows = (wide, TAPS * wide) if layer else (1, ROWS)
            o, q, t = np.ogrid[: net.channels, : net.channels if layer else 1, :TAPS]
            found += [at + (t * inner + q) * wide + o, at + rows * wide + np.arange(net.channels)]
            at += (rows + 1) * wide
    o, m, f, d = np.ogrid[: net.reduce.out_features, : len(net.branches), : net.channels, :features]
    rows = len(net.branches) * features * wide
    found += [
        at + ((m * features + d) * wide + f) * narrow + o,
        at + rows * narrow + np.arange(net.reduce.out_features),
    ]
    at += (rows + 1) * narrow
    o, i = np.ogrid[: net.output.out_features, : net.reduce.out_features]
    found += [at + i * last + o, at + narrow * last + np.arange(net.output.out_features)]
    return np.concatenate([each.ravel() for each in found])


@compiled
def _layer(flat: Floats, at: int, rows: int, columns: int) -> tuple[Floats, Floats, int]:
    """The matrix ``[rows, columns]`` and the biases ``[1, columns]`` of the layer that begins at
    ``at``; and where it ends.
    """
    end = at + rows * columns
    weight = flat[at:end].reshape(rows, columns)
    return weight, flat[end : end + columns].reshape(1, columns), end + columns


@compiled
def _fill(p: Floats, x: Floats, rows: Ints, batch: int) -> None:
    """Puts some rows of the inputs ``[N, M, D]`` where the first layers look for them: each
    position beside its neighbours.
    """
    features = x.shape[2]
    for r in range(rows.size):
        for m in range(x.shape[1]):
            for i in range(features):
                value = x[rows[r], m, i]
                p[m, 0, i * batch + r, 1] = value
                if i > 0:
                    p[m, 0, (i - 1) * batch + r, 2] = value
                if i < features - 1:
                    p[m, 0, (i + 1) * batch + r, 0] = value


@compiled
def _features(w: Floats, at: int, p: Floats, y: Floats, batch: int, count: int) -> int:
    """A :class:`~emolib.models.FeatureNet` on a batch, from ``p[0]`` to ``p[LAYERS]``; returns
    where its parameters end.

    Args:
        w: parameters, flat, the branch's from ``at`` on.
        p: inputs of each layer and the last one's output ``[LAYERS + 1, R + 2 * B, F]``.
        y: each layer's activations before pooling, likewise; -1 at both ends.
        count: ``D * B``.
    """
    wide = p.shape[2]
    rows, size, margin = p.shape[1] - 2 * batch, count * wide, batch * wide
    none = w.dtype.type(0)
    for layer in range(LAYERS):
        taps, inner = (TAPS, wide) if layer else (1, ROWS)
        weight, bias, at = _layer(w, at, taps * inner, wide)
        product(y[layer, batch : batch + rows], bias, p[layer, :, :inner], weight, taps, batch)
        flat = y[layer].reshape(-1)
        for r in range(margin + size, margin + rows * wide):
            flat[r] = -1
        left, here, right = flat[:size], flat[margin:], flat[2 * margin :]
        pooled = p[layer + 1].reshape(-1)[margin:]
        for r in range(size):
            largest = left[r] if left[r] > here[r] else here[r]
            largest = right[r] if right[r] > largest else largest
            pooled[r] = largest if largest > none else none
    return at


@compiled
def _features_backward(
    w: Floats,
    g: Floats,
    end: int,
    p: Floats,
    y: Floats,
    d: Floats,
    d_y: Floats,
    parts: Floats,
    batch: int,
    count: int,
) -> None:
    """Gradients ``g`` from ``d``, the gradient by the branch's output ``[R + 2 * B, F]``.

    Args:
        end: where the branch's parameters end in ``w`` and ``g``.
        d_y: room for the gradient by a layer's activations, like ``d``; zeros at both ends.
        parts: room for what each pooled value hands to the three that it saw ``[3, (R + 2 * B) *
            F]``; zeros at both ends.
    """
    wide = p.shape[2]
    rows, size, margin = p.shape[1] - 2 * batch, count * wide, batch * wide
    none, one = w.dtype.type(0), w.dtype.type(1)
    zeros = np.zeros((1, wide), w.dtype)
    ones = np.broadcast_to(np.ones((1, 1), w.dtype), (ROWS, rows))
    sums, turned = np.empty((ROWS, wide), w.dtype), np.empty((TAPS * wide, wide), w.dtype)
    flat_d, flat_d_y, inner_d_y = (
        d.reshape(-1)[margin:],
        d_y.reshape(-1)[margin:],
        d_y[batch : batch + rows],
    )
    to_left, to_here, to_right = parts[0, margin:], parts[1, margin:], parts[2, margin:]
    from_left, from_right = parts[2], parts[0, 2 * margin :]
    for layer in range(LAYERS - 1, -1, -1):
        taps, inner = (TAPS, wide) if layer else (1, ROWS)
        start = end - (taps * inner + 1) * wide
        weight, _, _ = _layer(w, start, taps * inner, wide)
        g_weight, g_bias, _ = _layer(g, start, taps * inner, wide)
        end = start
        # Each pooled value hands its gradient to the largest of the three it saw, the first of
        # equals.
        flat = y[layer].reshape(-1)
        left, here, right = flat[:size], flat[margin:], flat[2 * margin :]
        for r in range(size):
            larger = here[r] if here[r] > right[r] else right[r]
            first = flat_d[r] if left[r] >= larger else none
            rest = flat_d[r] - first
            third = rest if right[r] > here[r] else none
            to_left[r], to_here[r], to_right[r] = first, rest - third, third
        for r in range(size):
            gathered = from_left[r] + to_here[r] + from_right[r]
            flat_d_y[r] = gathered if here[r] > none else none
        for t in range(taps):
            seen = p[layer, t * batch : t * batch + rows, :inner].T
            product(g_weight[t * inner : (t + 1) * inner], zeros, seen, inner_d_y, 1, 0)
        product(sums, zeros, ones, inner_d_y, 1, 0)  # a sum is a product with ones
        g_bias[0] = sums[0]
        if layer:
            for t in range(TAPS):
                for q in range(wide):
                    for o in range(wide):
                        turned[t * wide + o, q] = weight[(TAPS - 1 - t) * wide + q, o]
            product(d[batch : batch + rows], zeros, d_y, turned, TAPS, batch)


@compiled
def _fusion(
    w: Floats, p: Floats, y: Floats, reduced: Floats, out: Floats, batch: int, features: int
) -> tuple[int, int]:
    """A :class:`~emolib.models.FusionNet` on a batch that :func:`_fill` has put into ``p``; returns
    where the reducing and the last layer begin in ``w``.

    ``reduced`` ``[B', F']`` and ``out`` ``[B', C']`` have a row for each row of the batch, and some
    more.
    """
    modalities, wide, none, reduce = len(p), p.shape[3], w.dtype.type(0), 0
    for m in range(modalities):
        reduce = _features(w, reduce, p[m], y[m], batch, features * batch)
    weight, bias, last = _layer(w, reduce, modalities * features * wide, reduced.shape[1])
    for m in range(modalities):
        part = weight[m * features * wide : (m + 1) * features * wide]
        product(reduced, reduced if m else bias, p[m, LAYERS, batch:], part, features, batch)
    for r in range(reduced.size):
        reduced.flat[r] = max(reduced.flat[r], none)
    weight, bias, _ = _layer(w, last, reduced.shape[1], out.shape[1])
    product(out, bias, reduced, weight, 1, 0)
    return reduce, last


@compiled
def _fusion_backward(
    w: Floats,
    g: Floats,
    reduce: int,
    last: int,
    p: Floats,
    y: Floats,
    reduced: Floats,
    d_out: Floats,
    d_reduced: Floats,
    d: Floats,
    d_y: Floats,
    parts: Floats,
    batch: int,
    features: int,
) -> None:
    """Gradients ``g`` from the gradient by the outputs ``[B', C']``, zero below the batch."""
    modalities, wide, narrow, classes = len(p), p.shape[3], reduced.shape[1], d_out.shape[1]
    none = w.dtype.type(0)
    zeros = np.zeros((1, max(narrow, wide, classes)), w.dtype)
    ones = np.broadcast_to(np.ones((1, 1), w.dtype), (ROWS, batch))
    weight, _, _ = _layer(w, last, narrow, classes)
    g_weight, g_bias, _ = _layer(g, last, narrow, classes)
    sums = np.empty((ROWS, classes), w.dtype)
    product(g_weight, zeros, reduced[:batch].T, d_out[:batch], 1, 0)
    product(sums, zeros, ones, d_out[:batch], 1, 0)
    g_bias[0] = sums[0]
    product(d_reduced, zeros, d_out, np.ascontiguousarray(weight.T), 1, 0)
    for r in range(reduced.size):
        d_reduced.flat[r] = d_reduced.flat[r] if reduced.flat[r] > none else none
    weight, _, _ = _layer(w, reduce, modalities * features * wide, narrow)
    g_weight, g_bias, _ = _layer(g, reduce, modalities * features * wide, narrow)
    sums = np.empty((ROWS, narrow), w.dtype)
    product(sums, zeros, ones, d_reduced[:batch], 1, 0)
    g_bias[0] = sums[0]
    turned, branch = np.empty((narrow, wide), w.dtype), reduce // modalities
    for m in range(modalities):
        for i in range(features):
            place, row = (m * features + i) * wide, (i + 1) * batch
            seen = p[m, LAYERS, row : row + batch].T
            product(g_weight[place : place + wide], zeros, seen, d_reduced[:batch], 1, 0)
            for q in range(wide):
                for o in range(narrow):
                    turned[o, q] = weight[place + q, o]
            product(d[row : row + len(reduced)], zeros, d_reduced, turned, 1, 0)
        end = (m + 1) * branch
        _features_backward(w, g, end, p[m], y[m], d, d_y, parts, batch, features * batch)


@compiled
def _room(
    like: Floats, modalities: int, features: int, batch: int, wide: int
) -> tuple[Floats, Floats]:
    """``p`` and ``y`` of :func:`_features` for each modality."""
    rows = whole(features * batch, ROWS) + 2 * batch
    p = np.zeros((modalities, LAYERS + 1, rows, wide), like.dtype)
    y = np.full((modalities, LAYERS, rows, wide), like.dtype.type(-1))
    return p, y


@kernel
def fusion_scores(
    w: Floats, places: Ints, x: Floats, channels: int, narrow: int, classes: int
) -> Floats:
    """Outputs ``[N, C]`` of one :class:`~emolib.models.FusionNet` on inputs ``[N, M, D]``; ``w``
    ``[P]``; ``places`` as in :func:`fusion_epoch`.
    """
    rows, modalities, features = x.shape
    batch = min(rows, SCORED)
    p, y = _room(w, modalities, features, batch, whole(channels, VECTOR))
    reduced = np.zeros((whole(batch, ROWS), whole(narrow, VECTOR)), w.dtype)
    out = np.zeros((len(reduced), whole(classes, VECTOR)), w.dtype)
    w_ = np.zeros(places.max() + VECTOR, w.dtype)
    w_[places] = w
    scores = np.empty((rows, classes), w.dtype)
    for start in range(0, rows, batch):
        these = np.arange(start, min(start + batch, rows))
        _fill(p, x, these, batch)
        _fusion(w_, p, y, reduced, out, batch, features)
        scores[start : start + these.size] = out[: these.size, :classes]
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

    Args:
        places: ``[P]``, see :func:`places`.
        x: inputs ``[V, N, M, D]``.
        channels, narrow: ``F``, and the outputs of the reducing layer.

    The others, and what is returned, as in :func:`shallow_epoch`.
    """
    modalities, features, classes = x.shape[2], x.shape[3], target.shape[1]
    kind = w.dtype.type
    none, one = kind(0), kind(1)
    wide = whole(channels, VECTOR)
    w_ = np.zeros(whole(places.max() + VECTOR, LANES), w.dtype)
    g, m_, v_ = np.zeros_like(w_), np.zeros_like(w_), np.zeros_like(w_)
    paces = np.empty((7, LANES), w.dtype)
    p, y = _room(w, modalities, features, batch, wide)
    d, d_y = np.zeros_like(p[0, 0]), np.zeros_like(p[0, 0])
    parts = np.zeros((3, d.size), w.dtype)
    reduced = np.zeros((whole(batch, ROWS), whole(narrow, VECTOR)), w.dtype)
    d_reduced, out = (
        np.zeros_like(reduced),
        np.zeros((len(reduced), whole(classes, VECTOR)), w.dtype),
    )
    lanes = len(reduced)
    errors, targets = np.zeros((classes, lanes), w.dtype), np.zeros((classes, lanes), w.dtype)
    share, bounds = np.empty(lanes, w.dtype), np.empty(lanes, w.dtype)
    smooths, loss = np.empty(lanes, w.dtype), np.empty(lanes, w.dtype)
    losses = np.zeros(which.size, w.dtype)
    for place in range(which.size):
        k = which[place]
        w_[places], m_[places], v_[places] = w[k], m[k], v[k]
        rows, steps = order[split[k], : length[split[k]]], 0
        bounds[:], smooths[:], loss[:] = rule[k, 3], rule[k, 4], none
        for start in range(0, rows.size, batch):
            these = rows[start : start + batch]
            _fill(p, x[view[k]], these, batch)
            for r in range(these.size):
                for i in range(classes):
                    targets[i, r] = target[these[r], i]
            reduce, last = _fusion(w_, p, y, reduced, out, batch, features)
            share[: these.size] = one / kind(these.size * classes)
            share[these.size :] = none  # a place without a row has no say
            for i in range(classes):
                for r in range(lanes):
                    errors[i, r] = out[r, i]
            loss_gradient(errors, targets, share, bounds, smooths, loss, constants)
            # from here on ``out`` is the gradient by the outputs
            for i in range(classes):
                for r in range(lanes):
                    out[r, i] = errors[i, r]
            _fusion_backward(
                w_, g, reduce, last, p, y, reduced, out, d_reduced, d, d_y, parts, batch, features
            )
            step[k] += 1
            steps += 1
            pace = adam_coefficients(rule[k, 0], rule[k, 1], rule[k, 2], step[k])
            for i in range(7):
                paces[i] = pace[i]
            optimizer_step(
                w_.reshape(-1, LANES),
                g.reshape(-1, LANES),
                m_.reshape(-1, LANES),
                v_.reshape(-1, LANES),
                paces,
            )
        losses[place] = total(loss) / steps
        w[k], m[k], v[k] = w_[places], m_[places], v_[places]
    return losses
