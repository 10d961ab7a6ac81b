"""Vector registers as a type of Numba: :data:`VECTOR` numbers that are computed with at once.

Numba leaves vector registers to LLVM, which keeps a sum in memory while it runs over a loop, and
asks before each row whether arrays overlap; here sums stay in registers, and a matrix product of 16
columns is three times as fast. A processor with narrower registers takes several for one vector. A
multiplication and an addition are one operation with one rounding, which IEEE 754 fixes to the last
bit, on processors that have no such instruction too.

Uncompiled, a vector is an array of NumPy's.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, models, register_model, type_callable

from emolib.training.kernels import Floats

VECTOR = 16  # numbers in a register of 512 bits in single precision


class Vector(types.Type):
    """The type of a vector with numbers of a type ``dtype``."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """What LLVM holds for it."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        held = ir.VectorType(manager.lookup(kind.dtype).get_value_type(), VECTOR)
        super().__init__(manager, kind, held)  # type: ignore[no-untyped-call]  # of Numba's


def zeros(size: int, dtype: type[np.floating]) -> Floats:
    """Memory for vectors: from the start of a cache line on, or each would touch two of them, and
    a product of matrices take half as long again.
    """
    whole = np.zeros(size * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + size * np.dtype(dtype).itemsize].view(dtype)


def load(memory: Floats, at: int) -> Floats:
    """The numbers of ``memory`` from ``at`` on."""
    return memory[at : at + VECTOR].copy()


def store(memory: Floats, at: int, vector: Floats) -> None:
    """Puts a vector into ``memory`` from ``at`` on."""
    memory[at : at + VECTOR] = vector


def splat(memory: Floats, at: int) -> Floats:
    """The number ``memory[at]`` in every place."""
    return np.repeat(memory[at], VECTOR)


def full(memory: Floats, value: float) -> Floats:
    """One value in every place, in the precision of ``memory``."""
    return np.full(VECTOR, value, memory.dtype)


def transpose(memory: Floats, out: int, out_row: int, a: int, a_row: int) -> None:
    """Puts a square of :data:`VECTOR` rows from ``a`` on into ``out``, transposed."""
    rows = [load(memory, a + i * a_row) for i in range(VECTOR)]
    for j, column in enumerate(np.stack(rows, axis=1)):
        store(memory, out + j * out_row, column)


def fma(a: Floats, b: Floats, c: Floats) -> Floats:
    """``a * b + c``."""
    return a * b + c


def where_greater(a: Floats, b: Floats, yes: Floats, no: Floats) -> Floats:
    """``yes`` in the places where ``a > b``, otherwise ``no``."""
    return np.where(a > b, yes, no)


def where_equal(a: Floats, b: Floats, yes: Floats, no: Floats) -> Floats:
    """``yes`` in the places where ``a == b``, otherwise ``no``."""
    return np.where(a == b, yes, no)


def sqrt(a: Floats) -> Floats:
    """Square root."""
    return np.sqrt(a)


def power_of_two(a: Floats) -> Floats:
    """``2**n``, where ``a`` is :func:`exponent_shift` plus a whole number ``n``."""
    return np.exp2(a - a.dtype.type(exponent_shift(a.dtype)))


def exponent_shift(dtype: np.dtype[np.floating]) -> float:
    """A number so large that it rounds what is added to it to whole numbers, and whose last bits
    are those of the exponent 0.
    """
    kind = np.finfo(dtype)
    return float(1.5 * 2.0**kind.nmant + kind.maxexp - 1)


def _compiles(
    function: Callable[..., Any], typer: Callable[..., Any], *kinds: Any
) -> Callable[[Callable[..., Any]], None]:
    """Decorator: LLVM's code for a function of these kinds of arguments, given LLVM's builder and
    the arguments, arrays as pointers; the typer tells the type of the result from theirs.
    """

    def register(code: Callable[..., Any]) -> None:
        def lowered(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = [
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            found = code(builder, *values)
            return context.get_dummy_value() if signature.return_type == types.none else found

        lower_builtin(function, *kinds)(lowered)
        type_callable(function)(lambda context: typer)

    return register


def _in_memory(memory: Any, at: Any) -> Any:
    return Vector(memory.dtype)


def _alike(a: Any, b: Any) -> Any:
    return a if isinstance(a, Vector) and a == b else None


def _pointer(builder: Any, memory: Any, at: Any) -> Any:
    kind = ir.VectorType(memory.type.pointee, VECTOR)
    return builder.bitcast(builder.gep(memory, [at]), kind.as_pointer())


def _everywhere(builder: Any, number: Any) -> Any:
    empty = ir.VectorType(number.type, VECTOR)(ir.Undefined)
    first = builder.insert_element(empty, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, ir.VectorType(ir.IntType(32), VECTOR)([0] * VECTOR))


_compiles(load, _in_memory, types.Array, types.Integer)(
    lambda builder, memory, at: builder.load(_pointer(builder, memory, at), align=4)
)
_compiles(store, lambda memory, at, vector: types.none, types.Array, types.Integer, Vector)(
    lambda builder, memory, at, vector: builder.store(
        vector, _pointer(builder, memory, at), align=4
    )
)
_compiles(splat, _in_memory, types.Array, types.Integer)(
    lambda builder, memory, at: _everywhere(builder, builder.load(builder.gep(memory, [at])))
)


@_compiles(full, _in_memory, types.Array, types.Float)
def _(builder: Any, memory: Any, value: Any) -> Any:
    number = memory.type.pointee
    return _everywhere(builder, value if value.type == number else builder.fptrunc(value, number))


@_compiles(
    transpose,
    lambda memory, out, out_row, a, a_row: types.none,
    types.Array,
    *[types.Integer] * 4,
)
def _(builder: Any, memory: Any, out: Any, out_row: Any, a: Any, a_row: Any) -> None:
    def row(start: Any, distance: Any, i: int) -> Any:
        return _pointer(builder, memory, builder.add(start, builder.mul(distance, out.type(i))))

    rows = [builder.load(row(a, a_row, i), align=4) for i in range(VECTOR)]
    half = VECTOR // 2
    # the numbers of two rows in turn, first of their first halves, then of their second halves
    places = np.add.outer(np.arange(half), [0, VECTOR]).ravel()
    masks = [
        ir.VectorType(ir.IntType(32), VECTOR)((places + start).tolist()) for start in (0, half)
    ]
    for _ in range(4):  # each shifts the bits of row and column by one, from rows to columns
        rows = [
            builder.shuffle_vector(rows[i], rows[i + half], mask)
            for i in range(half)
            for mask in masks
        ]
    for i, vector in enumerate(rows):
        builder.store(vector, row(out, out_row, i), align=4)


@_compiles(power_of_two, lambda a: a, Vector)
def _(builder: Any, a: Any) -> Any:
    width, mantissa = (32, 23) if a.type.element == ir.FloatType() else (64, 52)
    whole = ir.VectorType(ir.IntType(width), VECTOR)
    shifted = builder.shl(builder.bitcast(a, whole), whole([mantissa] * VECTOR))
    return builder.bitcast(shifted, a.type)


def _intrinsic(name: str, builder: Any, *vectors: Any) -> Any:
    kind = vectors[0].type
    full_name = f"llvm.{name}.v{VECTOR}f{32 if kind.element == ir.FloatType() else 64}"
    signature = ir.FunctionType(kind, [kind] * len(vectors))
    return builder.call(builder.module.declare_intrinsic(full_name, fnty=signature), vectors)


def _choice(comparison: str, builder: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)


for _function, _typer, _count, _code in (
    (fma, lambda a, b, c: a, 3, partial(_intrinsic, "fma")),
    (sqrt, lambda a: a, 1, partial(_intrinsic, "sqrt")),
    (where_greater, lambda a, b, yes, no: yes, 4, partial(_choice, ">")),
    (where_equal, lambda a, b, yes, no: yes, 4, partial(_choice, "==")),
    (operator.add, _alike, 2, ir.IRBuilder.fadd),
    (operator.sub, _alike, 2, ir.IRBuilder.fsub),
    (operator.mul, _alike, 2, ir.IRBuilder.fmul),
    (operator.truediv, _alike, 2, ir.IRBuilder.fdiv),
):
    _compiles(_function, _typer, *[Vector] * _count)(_code)
