"""Compiled training epoch: a tape of operations, run for some networks after others.

A tape lists the operations of a step of a network, or of :data:`~emolib.training.kernels.vector
.VECTOR` networks in the lanes of each vector; :mod:`emolib.training.kernels.record` writes it.

Axes: see :mod:`emolib.training.kernels`.
"""

from emolib.training.kernels import Floats, Ints, kernel
from emolib.training.kernels.arithmetic import (
    REST,
    adam_coefficients,
    loss_gradient,
    optimizer_step,
)
from emolib.training.kernels.operations import run
from emolib.training.kernels.vector import VECTOR, full, store


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
    room: Ints,
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
    lanes, row_step, target_step, share_step, class_step = (
        room[0],
        room[1],
        room[2],
        room[3],
        room[4],
    )
    vectors, vector_step, begin, forward, finish = room[5], room[6], room[7], room[8], room[9]
    w_, size, errors, targets, share, bound = (
        room[10],
        room[11],
        room[12],
        room[13],
        room[14],
        room[15],
    )
    pace, gates, classes, smooth, loss = (
        room[16],
        room[17],
        room[18],
        room[15] + VECTOR,
        room[15] + 2 * VECTOR,
    )
    features, kind, none = x.shape[2], w.dtype.type, full(memory, 0.0)
    for first in range(0, which.size, lanes):
        # a lane without a network rests
        for i in range(w_, w_ + 4 * size, VECTOR):
            store(memory, i, none)
        for i in range(share, share + vectors * VECTOR, VECTOR):
            store(memory, i, none)
        for i in range(VECTOR):
            memory[bound + i], memory[smooth + i], memory[loss + i] = 1, 1, 0
            for j in range(7):
                memory[pace + j * VECTOR + i] = REST[j]
        networks, longest = min(lanes, which.size - first), 0
        for k in range(networks):
            n = which[first + k]
            longest = max(longest, length[split[n]])
            for i in range(places.size):
                at = places[i] + k
                memory[at], memory[at + 2 * size], memory[at + 3 * size] = w[n, i], m[n, i], v[n, i]
            for u in range(alive.shape[1]):
                memory[gates + u * VECTOR + k] = alive[n, u]
            for i in range(k, VECTOR, lanes):
                memory[bound + i], memory[smooth + i] = rule[n, 3], rule[n, 4]
        for start in range(0, longest, batch):
            for i in range(targets, targets + vectors * classes * VECTOR, VECTOR):
                store(memory, i, none)
            for k in range(networks):
                n = which[first + k]
                s, seen = split[n], view[n]
                rows, own, one_class = min(batch, length[s] - start), REST, kind(0)
                if rows > 0:  # otherwise its epoch is over, and others have a batch to go
                    step[n] += scores.size == 0
                    own = adam_coefficients(rule[n, 0], rule[n, 1], rule[n, 2], step[n])
                    one_class = kind(1) / kind(rows * classes)
                for j in range(7):
                    for i in range(k, VECTOR, lanes):
                        memory[pace + j * VECTOR + i] = own[j]
                for r in range(batch):  # a place without a row has no say
                    memory[share + r * share_step + k] = one_class if r < rows else kind(0)
                for r in range(rows):
                    row, at = order[s, start + r], r * row_step + k
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
                for i in range(k, VECTOR, lanes):
                    losses[first + k] += memory[loss + i]
                losses[first + k] /= (length[split[n]] + batch - 1) // batch
                for i in range(places.size):
                    at = places[i] + k
                    w[n, i], m[n, i], v[n, i] = (
                        memory[at],
                        memory[at + 2 * size],
                        memory[at + 3 * size],
                    )
