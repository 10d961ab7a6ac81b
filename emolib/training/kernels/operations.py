"""Operations of a tape on one flat memory: products, pooling, activations.

An operation is a row of whole numbers: which it is, then its arguments, which are offsets into the
memory, distances there, and counts. CNNs have the channels of a layer in a vector register, shallow
networks a network in each lane.
"""

from emolib.training.kernels import Floats, Ints, compiled
from emolib.training.kernels.arithmetic import sigmoid
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
