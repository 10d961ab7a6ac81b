"""Compiled training epoch of the CNNs, one network at a time: operations on one flat memory.

A tape lists the operations of a step, :mod:`emolib.training.kernels.record` writes it. Each has a
number and its arguments: offsets into the memory, distances there, and counts.

Axes: see :mod:`emolib.training.kernels`.
"""

import numpy as np

from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    adam_coefficients,
    loss_gradient,
    optimizer_step,
)
from emolib.training.kernels.vector import (
    VECTOR,
    fma,
    load,
    splat,
    store,
    transpose,
    where_equal,
    where_greater,
)

ROWS = 8  # of sums in registers: as many as two units need that take four cycles for each operation
PRODUCT, SUM, POOL, UNPOOL, TRANSPOSE = range(5)


@compiled
def product(memory: Floats, op: Ints) -> None:
    """``out[l, i] = start[l, i] + sum over t, q of a[l, i, t, q] * b[l, t, q]``, for :data:`ROWS`
    rows ``i`` and :data:`VECTOR` columns at a time.

    With one tap ``t`` it is a matrix product, with several a convolution.
    """
    out, out_line, out_row, start, start_line, start_row = op[1], op[2], op[3], op[4], op[5], op[6]
    a, a_line, a_row, a_tap, a_inner = op[7], op[8], op[9], op[10], op[11]
    b, b_line, b_tap, b_inner = op[12], op[13], op[14], op[15]
    lines, rows, columns, taps, inner = op[16], op[17], op[18], op[19], op[20]
    for line in range(lines):
        for j in range(0, columns, VECTOR):
            for i in range(0, rows, ROWS):
                at = start + line * start_line + i * start_row + j
                s0 = load(memory, at)
                s1 = load(memory, at + start_row)
                s2 = load(memory, at + 2 * start_row)
                s3 = load(memory, at + 3 * start_row)
                s4 = load(memory, at + 4 * start_row)
                s5 = load(memory, at + 5 * start_row)
                s6 = load(memory, at + 6 * start_row)
                s7 = load(memory, at + 7 * start_row)
                for t in range(taps):
                    left = a + line * a_line + i * a_row + t * a_tap
                    right = b + line * b_line + t * b_tap + j
                    for q in range(inner):
                        here, there = left + q * a_inner, load(memory, right + q * b_inner)
                        s0 = fma(splat(memory, here), there, s0)
                        s1 = fma(splat(memory, here + a_row), there, s1)
                        s2 = fma(splat(memory, here + 2 * a_row), there, s2)
                        s3 = fma(splat(memory, here + 3 * a_row), there, s3)
                        s4 = fma(splat(memory, here + 4 * a_row), there, s4)
                        s5 = fma(splat(memory, here + 5 * a_row), there, s5)
                        s6 = fma(splat(memory, here + 6 * a_row), there, s6)
                        s7 = fma(splat(memory, here + 7 * a_row), there, s7)
                at = out + line * out_line + i * out_row + j
                store(memory, at, s0)
                store(memory, at + out_row, s1)
                store(memory, at + 2 * out_row, s2)
                store(memory, at + 3 * out_row, s3)
                store(memory, at + 4 * out_row, s4)
                store(memory, at + 5 * out_row, s5)
                store(memory, at + 6 * out_row, s6)
                store(memory, at + 7 * out_row, s7)


@compiled
def column_sums(memory: Floats, op: Ints) -> None:
    """``out[j] = sum over l, i of a[l, i, j]``; four sums side by side, since each addition waits
    for the one before.
    """
    out, a, a_line, a_row, lines, rows, columns = op[1], op[2], op[3], op[4], op[5], op[6], op[7]
    for j in range(0, columns, VECTOR):
        s0 = s1 = s2 = s3 = load(memory, 0)
        for line in range(lines):
            at = a + line * a_line + j
            for i in range(0, rows - rows % 4, 4):
                s0 = s0 + load(memory, at + i * a_row)
                s1 = s1 + load(memory, at + (i + 1) * a_row)
                s2 = s2 + load(memory, at + (i + 2) * a_row)
                s3 = s3 + load(memory, at + (i + 3) * a_row)
            for i in range(rows - rows % 4, rows):
                s0 = s0 + load(memory, at + i * a_row)
        store(memory, out + j, (s0 + s1) + (s2 + s3))


@compiled
def pool(memory: Floats, windows: Ints, op: Ints) -> None:
    """``relu(max over k of a[windows[p, k]])`` into ``windows[p, 0]``, for ``count`` numbers."""
    first, last, size, count = op[1], op[2], op[3], op[4]
    none = load(memory, 0)
    for p in range(first, last):
        for j in range(0, count, VECTOR):
            largest = none
            for k in range(1, size + 1):
                value = load(memory, windows[p, k] + j)
                largest = where_greater(value, largest, value, largest)
            store(memory, windows[p, 0] + j, largest)


@compiled
def unpool(memory: Floats, windows: Ints, op: Ints) -> None:
    """The gradient by the inputs of :func:`pool`: each pooled value hands its own to the largest
    that it saw, the first of equals.
    """
    first, last, size, count = op[1], op[2], op[3], op[4]
    to_pooled, to_inputs, clear, length, overlap = op[5], op[6], op[7], op[8], op[9]
    none = load(memory, 0)
    for j in range(clear, clear + length, VECTOR):
        store(memory, j, none)
    for p in range(first, last):
        for j in range(0, count, VECTOR):
            at = windows[p, 0] + j
            largest = load(memory, at)
            rest = where_greater(largest, none, load(memory, at + to_pooled), none)
            for k in range(1, size + 1):
                at = windows[p, k] + j
                value, there = load(memory, at), at + to_inputs
                given = where_equal(value, largest, rest, none)
                rest = rest - given
                store(memory, there, given + load(memory, there if overlap else 0))


@compiled
def transposes(memory: Floats, op: Ints) -> None:
    """Matrices one after another, each transposed."""
    out, a, matrices, rows, columns = op[1], op[2], op[3], op[4], op[5]
    for _ in range(matrices):
        for i in range(0, rows, VECTOR):
            for j in range(0, columns, VECTOR):
                transpose(memory, out + j * rows + i, rows, a + i * columns + j, columns)
        out, a = out + rows * columns, a + rows * columns


@compiled
def run(memory: Floats, windows: Ints, tape: Ints, first: int, last: int) -> None:
    """Carries out some operations of a tape."""
    for k in range(first, last):
        op = tape[k]
        if op[0] == PRODUCT:
            product(memory, op)
        elif op[0] == SUM:
            column_sums(memory, op)
        elif op[0] == POOL:
            pool(memory, windows, op)
        elif op[0] == UNPOOL:
            unpool(memory, windows, op)
        else:
            transposes(memory, op)


@kernel
def tape_epoch(
    w: Floats,
    m: Floats,
    v: Floats,
    step: Ints,
    rule: Floats,
    which: Ints,
    x: Floats,
    view: Ints,
    image: Floats,
    target: Floats,
    order: Ints,
    length: Ints,
    split: Ints,
    batch: int,
    tape: Ints,
    windows: Ints,
    places: Ints,
    slots: Ints,
    room: Ints,
    memory: Floats,
    scores: Floats,
    constants: Floats,
) -> Floats:
    """Trains some networks for an epoch, in place, one after another; or only scores rows.

    Args:
        x: inputs ``[V, N, M * D]``.
        image: further inputs ``[N, S * S]``, the same in each view.
        tape, windows, places, slots, room: a :class:`~emolib.training.kernels.record.Tape`.
        scores: ``[K, N, C]``, room for outputs if the rows of ``order`` are only to be scored;
            empty otherwise.

    The others, and what is returned, as in :func:`shallow_epoch`.
    """
    w_, size, out, wide = room[0], room[1], room[2], room[3]
    lanes, errors, pace = room[4], room[5], room[6]
    begin, forward, finish = room[7], room[8], room[9]
    classes, features, kind = target.shape[1], x.shape[2], w.dtype.type
    targets = errors + classes * lanes
    share, bounds = targets + classes * lanes, targets + (classes + 1) * lanes
    smooths, loss = bounds + lanes, bounds + 2 * lanes
    losses = np.zeros(which.size, w.dtype)
    for place in range(which.size):
        k = which[place]
        for i in range(4 * size):
            memory[w_ + i] = 0
        for i in range(places.size):
            at = places[i]
            memory[at], memory[at + 2 * size], memory[at + 3 * size] = w[k, i], m[k, i], v[k, i]
        for r in range(lanes):
            memory[bounds + r], memory[smooths + r] = rule[k, 3], rule[k, 4]
            memory[loss + r] = 0
        steps = 0
        for start in range(0, length[split[k]], batch):
            count = min(batch, length[split[k]] - start)
            for r in range(count):
                row = order[split[k], start + r]
                for i in range(features):
                    memory[slots[i] + r] = x[view[k], row, i]
                for i in range(image.shape[1]):
                    memory[slots[features + i] + r] = image[row, i]
                for i in range(classes):
                    memory[targets + i * lanes + r] = target[row, i]
            run(memory, windows, tape, begin, forward)
            if scores.size:
                for r in range(count):
                    for i in range(classes):
                        scores[place, order[split[k], start + r], i] = memory[out + r * wide + i]
                continue
            for r in range(lanes):  # a place without a row has no say
                memory[share + r] = kind(1) / kind(count * classes) if r < count else kind(0)
            for i in range(classes):
                for r in range(batch):
                    memory[errors + i * lanes + r] = memory[out + r * wide + i]
            for r in range(0, lanes, VECTOR):
                loss_gradient(
                    memory,
                    errors + r,
                    targets + r,
                    share + r,
                    bounds + r,
                    smooths + r,
                    loss + r,
                    classes,
                    lanes,
                    constants,
                )
            for i in range(classes):
                for r in range(batch):
                    memory[out + r * wide + i] = memory[errors + i * lanes + r]
            run(memory, windows, tape, forward, finish)
            step[k] += 1
            steps += 1
            own = adam_coefficients(rule[k, 0], rule[k, 1], rule[k, 2], step[k])
            for i in range(7):
                for r in range(VECTOR):
                    memory[pace + i * VECTOR + r] = own[i]
            optimizer_step(
                memory, w_, w_ + size, w_ + 2 * size, w_ + 3 * size, size // VECTOR, pace
            )
        if steps:
            for r in range(lanes):
                losses[place] += memory[loss + r]
            losses[place] /= steps
            for i in range(places.size):
                at = places[i]
                w[k, i], m[k, i], v[k, i] = memory[at], memory[at + 2 * size], memory[at + 3 * size]
    return losses
