"""Matrix product of the compiled networks, in whole vector registers.

A loop vectoriser keeps sums in memory and asks at each row whether arrays overlap. Here eight rows
of sums stay in registers while the inner index runs: three times as fast for a matrix of 16
columns. Each multiplication and addition is one fused operation, which IEEE 754 fixes to the last
bit, on processors that have no such instruction too.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from emolib.training.kernels import SETTINGS, Floats

VECTOR = 16  # columns at a time: a vector register of 512 bits in single precision
ROWS = 8  # rows at a time


def product(out: Floats, start: Floats, a: Floats, b: Floats, taps: int, shift: int) -> None:
    """``out[i] = start[i] + sum over t, q of a[i + t * shift, q] * b[t * Q + q]``.

    With one tap it is a matrix product, with three a convolution over positions that lie ``shift``
    rows apart.

    Args:
        out: ``[I, J]``; ``I`` a multiple of :data:`ROWS`, ``J`` of :data:`VECTOR`.
        start: ``[I, J]``, or ``[1, J]`` for the same in each row; more columns are left out.
        a: ``[I + (taps - 1) * shift, Q]``, with any strides.
        b: ``[taps * Q, J]``.
    """
    inner = a.shape[1]
    total = np.zeros_like(out) + start[:, : out.shape[1]]
    for t in range(taps):
        total += a[t * shift : t * shift + len(out)] @ b[t * inner : (t + 1) * inner]
    out[:] = total


@intrinsic  # type: ignore[untyped-decorator]
def _block(
    _: Any, out: Any, start: Any, a: Any, b: Any, i: Any, j: Any, taps: Any, shift: Any
) -> Any:
    """:func:`product` for :data:`ROWS` rows from ``i`` and :data:`VECTOR` columns from ``j``."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        number = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(number, VECTOR)
        size = context.get_abi_sizeof(number)
        name = f"llvm.fma.v{VECTOR}f{8 * size}"
        fused = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(vector, [vector] * 3), name
        )
        i, j, taps, shift = arguments[4:]
        arrays = []
        for kind, value in zip(signature.args[:4], arguments[:4], strict=True):
            array = context.make_array(kind)(context, builder, value)
            strides = [builder.extract_value(array.strides, axis) for axis in range(2)]
            arrays.append((builder.ptrtoint(array.data, integer), strides))
            if len(arrays) == 2:  # one row stands for all
                single = builder.icmp_signed(
                    "==", builder.extract_value(array.shape, 0), integer(1)
                )
                strides[0] = builder.select(single, integer(0), strides[0])
            if len(arrays) == 3:
                inner = builder.extract_value(array.shape, 1)

        def pointer(array: Any, row: Any, column: Any, kind: Any) -> Any:
            base, strides = array
            there = builder.add(base, builder.mul(row, strides[0]))
            there = builder.add(there, builder.mul(column, strides[1]))
            return builder.inttoptr(there, kind.as_pointer())

        def loop(count: Any, sums: list[Any], body: Any) -> list[Any]:
            before = builder.block
            inside, after = builder.append_basic_block(), builder.append_basic_block()
            builder.branch(inside)
            builder.position_at_end(inside)
            index = builder.phi(integer)
            index.add_incoming(integer(0), before)
            carried = [builder.phi(vector) for _ in sums]
            for phi, value in zip(carried, sums, strict=True):
                phi.add_incoming(value, before)
            found = body(index, carried)
            following = builder.add(index, integer(1))
            index.add_incoming(following, builder.block)
            for phi, value in zip(carried, found, strict=True):
                phi.add_incoming(value, builder.block)
            builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
            builder.position_at_end(after)
            return found

        out, start, a, b = arrays
        rows = [builder.add(i, integer(r)) for r in range(ROWS)]

        def tap(t: Any, sums: list[Any]) -> list[Any]:
            moved = [builder.add(row, builder.mul(t, shift)) for row in rows]
            first = builder.mul(t, inner)

            def step(q: Any, sums: list[Any]) -> list[Any]:
                right = builder.load(pointer(b, builder.add(first, q), j, vector), align=size)
                found = []
                for row, total in zip(moved, sums, strict=True):
                    left = builder.load(pointer(a, row, q, number), align=size)
                    left = builder.insert_element(vector(ir.Undefined), left, ir.IntType(32)(0))
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), [0] * VECTOR)
                    left = builder.shuffle_vector(left, vector(ir.Undefined), mask)
                    found.append(builder.call(fused, (left, right, total)))
                return found

            return loop(inner, sums, step)

        sums = [builder.load(pointer(start, row, j, vector), align=size) for row in rows]
        for row, total in zip(rows, loop(taps, sums, tap), strict=True):
            builder.store(total, pointer(out, row, j, vector), align=size)
        return context.get_dummy_value()

    count = types.int64
    return types.void(out, start, a, b, count, count, count, count), build


@overload(product, jit_options=SETTINGS)
def _product(out: Any, start: Any, a: Any, b: Any, taps: Any, shift: Any) -> Any:
    def compiled(out: Any, start: Any, a: Any, b: Any, taps: Any, shift: Any) -> Any:
        for j in range(0, out.shape[1], VECTOR):
            for i in range(0, out.shape[0], ROWS):
                _block(out, start, a, b, i, j, taps, shift)

    return compiled
