"""Compiled training epoch: a tape of operations on one flat memory, run for some networks after
others.

A tape lists the operations of a step of a network, or of :data:`~emolib.training.kernels.vector
.VECTOR` networks in the lanes of each vector: products, pooling, activations.
:mod:`emolib.training.kernels.record` writes it.

An operation is a row of whole numbers: which it is, then its arguments, which are offsets into the
memory, distances there, and counts. CNNs have the channels of a layer in a vector register, shallow
networks a network in each lane.

Axes: see :mod:`emolib.training.kernels`.
"""

from emolib.training.kernels import Floats, Ints, compiled, kernel
from emolib.training.kernels.arithmetic import (
    REST,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
    sigmoid,
)
from emolib.training.kernels.vector import (
    VECTOR,
    fma,
    full,
    load,
    splat,
    store,
    transpose,
    where_equal,
    where_greater,
)

ROWS = 8  # of sums in registers: as many as two units need that take four cycles for each operation
PRODUCT, POOL, UNPOOL, TRANSPOSE, LANE_PRODUCT, SIGMOID, UNSIGMOID = range(7)


@compiled
def product(memory: Floats, op: Ints) -> None:
    """``out[l, i] = start[l, i] + sum over t, q of a[l, i, t, q] * b[l, t, q]``, for :data:`ROWS`
    rows ``i`` and :data:`VECTOR` columns at a time.

    With one tap ``t`` it is a matrix product, with several a convolution, and with all rows of
    ``a`` at a one a sum.
    """
    out, out_line, out_row, start, start_line, start_row = op[1], op[2], op[3], op[4], op[5], op[6]
    a, a_line, a_row, a_tap, a_inner = op[7], op[8], op[9], op[10], op[11]
    b, b_line, b_tap, b_inner = op[12], op[13], op[14], op[15]
    lines, rows, columns, taps, inner = op[16], op[17], op[18], op[19], op[20]
    for line in range(lines):
        for j in range(0, columns, VECTOR):
            for i in range(0, rows, ROWS):
                at = start + line * start_line + i * start_row + j
                s0, s1, s2, s3, s4, s5, s6, s7 = (
                    load(memory, at),
                    load(memory, at + start_row),
                    load(memory, at + 2 * start_row),
                    load(memory, at + 3 * start_row),
                    load(memory, at + 4 * start_row),
                    load(memory, at + 5 * start_row),
                    load(memory, at + 6 * start_row),
                    load(memory, at + 7 * start_row),
                )
                for t in range(taps):
                    left = a + line * a_line + i * a_row + t * a_tap
                    right = b + line * b_line + t * b_tap + j
                    for q in range(inner):
                        here, y = left + q * a_inner, load(memory, right + q * b_inner)
                        s0, s1, s2, s3, s4, s5, s6, s7 = (
                            fma(splat(memory, here), y, s0),
                            fma(splat(memory, here + a_row), y, s1),
                            fma(splat(memory, here + 2 * a_row), y, s2),
                            fma(splat(memory, here + 3 * a_row), y, s3),
                            fma(splat(memory, here + 4 * a_row), y, s4),
                            fma(splat(memory, here + 5 * a_row), y, s5),
                            fma(splat(memory, here + 6 * a_row), y, s6),
                            fma(splat(memory, here + 7 * a_row), y, s7),
                        )
                at = out + line * out_line + i * out_row + j
                for k, total in enumerate((s0, s1, s2, s3, s4, s5, s6, s7)):
                    store(memory, at + k * out_row, total)


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
    memory[clear : clear + length] = 0
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
def lane_product(memory: Floats, op: Ints) -> None:
    """``out[i, j] = sum over q of a[i, q] * b[j, q]`` in each lane.

    The last rows and columns are computed again where they do not fill up a block.
    """
    out, out_row, out_column, a, a_row, a_inner = op[1], op[2], op[3], op[4], op[5], op[6]
    b, b_column, b_inner, rows, columns, inner = op[7], op[8], op[9], op[10], op[11], op[12]
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
            for k, (s0, s1) in enumerate(((s00, s10), (s01, s11), (s02, s12), (s03, s13))):
                column = out + min(j + k, columns - 1) * out_column
                store(memory, column + i * out_row, s0)
                store(memory, column + i1 * out_row, s1)


@compiled
def activate(memory: Floats, op: Ints, constants: Floats) -> None:
    """Sigmoid of hidden units in each lane, 0 where a unit is padding or pruned."""
    h, alive, rows, step, hidden = op[1], op[2], op[3], op[4], op[5]
    for r in range(rows):
        for u in range(0, hidden * VECTOR, VECTOR):
            at = h + r * step + u
            value = sigmoid(load(memory, at), constants)
            store(memory, at, value * load(memory, alive + u))


@compiled
def deactivate(memory: Floats, op: Ints) -> None:
    """The gradient by the inputs of :func:`activate`, in the place of that by its outputs."""
    h, gradient, count = op[1], op[2], op[3]
    one = full(memory, 1.0)
    for i in range(0, count, VECTOR):
        value = load(memory, h + i)
        store(memory, gradient + i, load(memory, gradient + i) * (value * (one - value)))


@compiled
def run(
    memory: Floats, windows: Ints, tape: Ints, first: int, last: int, constants: Floats
) -> None:
    """Carries out some operations of a tape."""
    for k in range(first, last):
        op = tape[k]
        if op[0] == PRODUCT:
            product(memory, op)
        elif op[0] == POOL:
            pool(memory, windows, op)
        elif op[0] == UNPOOL:
            unpool(memory, windows, op)
        elif op[0] == TRANSPOSE:
            transposes(memory, op)
        elif op[0] == LANE_PRODUCT:
            lane_product(memory, op)
        elif op[0] == SIGMOID:
            activate(memory, op, constants)
        else:
            deactivate(memory, op)


@kernel
def epoch(
    w: Floats,
    m: Floats,
    v: Floats,
    step: Ints,
    rule: Floats,
    alive: Floats,
    which: Ints,
    x: Floats,
    view: Ints,
    image: Floats,
    label: Ints,
    order: Ints,
    length: Ints,
    split: Ints,
    batch: int,
    tape: Ints,
    windows: Ints,
    places: Ints,
    slots: Ints,
    room: tuple[int, ...],
    memory: Floats,
    losses: Floats,
    scores: Floats,
    constants: Floats,
) -> None:
    """Trains some networks for an epoch, in place; or only scores rows.

    Args:
        w, m, v: parameters and the optimiser's moments ``[K, P]``.
        step: steps taken ``[K]``, counted on.
        rule: of each one's optimiser and loss ``[K, 5]``, see
            :data:`~emolib.training.kernels.arithmetic.OPTIMISERS` and
            :data:`~emolib.training.kernels.arithmetic.LOSSES`: learning rate, momentum, whether
            adaptive; bound, smooth.
        alive: ``[K, H]``, 0 for a hidden unit that is padding or pruned.
        which: the networks to train.
        x: inputs ``[V, N, M * D]``; ``view`` ``[K]`` says which.
        image: further inputs ``[N, S * S]``, the same in each view.
        label: the class of each row ``[N]``.
        order: training rows of each split in this epoch's order ``[S, T]``, the first ``length[s]``
            of them; ``split`` ``[K]`` says which.
        batch: rows per step; the last batch of an epoch may be smaller.
        tape, windows, places, slots, room, memory: see
            :class:`~emolib.training.kernels.record.Tape`.
        losses: mean over batches of each one's loss, in the order of ``which``; zeros before.
        scores: ``[K, N, C]``, room for outputs if the rows of ``order`` are only to be scored;
            empty otherwise.
        constants: see :func:`~emolib.training.kernels.arithmetic.constants`.
    """
    lanes, row_step, target_step, share_step, class_step, vectors, vector_step = room[:7]
    begin, forward, finish, w_, size, errors, targets, share, bound, pace, gates, classes = room[7:]
    smooth, loss = bound + VECTOR, bound + 2 * VECTOR
    features, kind = x.shape[2], w.dtype.type
    for first in range(0, which.size, lanes):
        # a lane without a network rests
        memory[w_ : w_ + 4 * size] = 0
        memory[bound:loss] = 1
        memory[loss : loss + VECTOR] = 0
        for j in range(7):
            memory[pace + j * VECTOR : pace + (j + 1) * VECTOR] = REST[j]
        networks, longest = min(lanes, which.size - first), 0
        for k in range(networks):
            n = which[first + k]
            longest = max(longest, length[split[n]])
            for i in range(places.size):
                at = places[i] + k
                memory[at], memory[at + 2 * size], memory[at + 3 * size] = w[n, i], m[n, i], v[n, i]
            memory[gates + k : gates + k + alive.shape[1] * VECTOR : VECTOR] = alive[n]
            for i in range(k, VECTOR, lanes):
                memory[bound + i], memory[smooth + i] = rule[n, 3], rule[n, 4]
        for start in range(0, longest, batch):
            # a place without a row has no say
            memory[targets : targets + vectors * classes * VECTOR] = 0
            memory[share : share + vectors * VECTOR] = 0
            for k in range(networks):
                n = which[first + k]
                s, seen = split[n], view[n]
                rows, own = min(batch, length[s] - start), REST
                if rows > 0:  # otherwise its epoch is over, and others have a batch to go
                    step[n] += scores.size == 0
                    own = adam_coefficients(rule[n, 0], rule[n, 1], rule[n, 2], step[n])
                for j in range(7):
                    memory[pace + j * VECTOR + k : pace + (j + 1) * VECTOR : lanes] = own[j]
                for r in range(rows):
                    row, at = order[s, start + r], r * row_step + k
                    memory[share + r * share_step + k] = kind(1) / kind(rows * classes)
                    for i in range(features):
                        memory[slots[i] + at] = x[seen, row, i]
                    for i in range(image.shape[1]):
                        memory[slots[features + i] + at] = image[row, i]
                    memory[targets + r * target_step + label[row] * class_step + k] = 1
            run(memory, windows, tape, begin, forward, constants)
            if scores.size:
                for k in range(networks):
                    s = split[which[first + k]]
                    for r in range(min(batch, length[s] - start)):
                        at = errors + r * target_step + k
                        for i in range(classes):
                            scores[first + k, order[s, start + r], i] = memory[at + i * class_step]
                continue
            for i in range(vectors):
                loss_gradient(
                    memory,
                    errors + i * vector_step,
                    targets + i * vector_step,
                    share + i * VECTOR,
                    bound,
                    smooth,
                    loss,
                    classes,
                    class_step,
                    constants,
                )
            run(memory, windows, tape, forward, finish, constants)
            optimizer_step(
                memory, w_, w_ + size, w_ + 2 * size, w_ + 3 * size, size // VECTOR, pace
            )
        if scores.size == 0:
            for k in range(networks):
                n = which[first + k]
                total = memory[loss + k : loss + VECTOR : lanes].sum()
                losses[first + k] = total / ((length[split[n]] + batch - 1) // batch)
                for i in range(places.size):
                    at = places[i] + k
                    w[n, i], m[n, i], v[n, i] = (
                        memory[at],
                        memory[at + 2 * size],
                        memory[at + 3 * size],
                    )
