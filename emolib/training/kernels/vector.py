"""Vector registers as a type of Numba: :data:`VECTOR` numbers that are computed with at once.

Numba leaves vector registers to LLVM, which keeps a sum in memory while it runs over a loop, and
asks before each row whether arrays overlap; here sums stay in registers, and a matrix product of 16
columns is three times as fast. A processor with narrower registers takes several for one vector. A
multiplication and an addition are one operation with one rounding, which IEEE 754 fixes to the last
bit, on processors that have no such instruction too.

Uncompiled, a vector is an array of NumPy's.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, models, register_model, type_callable

from emolib.training.kernels import Floats

VECTOR = 16  # numbers in a register of 512 bits in single precision


class Vector(types.Type):  # type: ignore[misc]
    """The type of a vector with numbers of a type ``dtype``."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """What LLVM holds for it."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        number = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(number, VECTOR))


def zeros(size: int, dtype: np.dtype[np.floating]) -> Floats:
    """Memory for vectors: from the start of a cache line on, or each would touch two of them."""
    bytes_ = np.zeros(size * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -bytes_.ctypes.data % 64
    return bytes_[start : start + size * np.dtype(dtype).itemsize].view(dtype)


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


def fma(a: Floats, b: Floats, c: Floats) -> Floats:
    """``a * b + c``."""
    return a * b + c


def where_greater(a: Floats, b: Floats, yes: Floats, no: Floats) -> Floats:
    """``yes`` in the places where ``a > b``, otherwise ``no``."""
    return np.where(a > b, yes, no)


def where_equal(a: Floats, b: Floats, yes: Floats, no: Floats) -> Floats:
    """``yes`` in the places where ``a == b``, otherwise ``no``."""
    return np.where(a == b, yes, no)


def transpose(memory: Floats, out: int, out_row: int, a: int, a_row: int) -> None:
    """Puts a square of :data:`VECTOR` rows from ``a`` on into ``out``, transposed."""
    rows = [memory[a + i * a_row : a + i * a_row + VECTOR] for i in range(VECTOR)]
    for j, column in enumerate(np.stack(rows, axis=1)):
        memory[out + j * out_row : out + j * out_row + VECTOR] = column


def some_equal(a: Floats, b: Floats) -> bool:
    """Whether ``a == b`` in some place."""
    return bool((a == b).any())


def absolute(a: Floats) -> Floats:
    """``|a|``."""
    return np.abs(a)


def sqrt(a: Floats) -> Floats:
    """Square root."""
    return np.sqrt(a)


def reciprocal(a: Floats) -> Floats:
    """``1 / a`` to a unit in the last place, for ``a`` between 1e-37 and 1e37.

    A division keeps its unit busy for 16 cycles; this takes half of that from two units.
    """
    return 1 / a


def power_of_two(a: Floats) -> Floats:
    """``2**n``, where ``a`` is :func:`exponent_shift` plus a whole number ``n``."""
    shift = exponent_shift(a.dtype)
    return np.exp2(a - a.dtype.type(shift))


def exponent_shift(dtype: np.dtype[np.floating]) -> float:
    """A number so large that it rounds what is added to it to whole numbers, and whose last bits
    are those of the exponent 0.
    """
    kind = np.finfo(dtype)
    return float(1.5 * 2.0**kind.nmant + kind.maxexp - 1)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The address of ``memory[at]``, and the bytes of a number."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    return builder.gep(array.data, [arguments[1]]), size


def _vector_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, size = _pointer(context, builder, signature, arguments)
    kind = context.get_value_type(Vector(signature.args[0].dtype))
    return builder.bitcast(pointer, kind.as_pointer()), size


@lower_builtin(load, types.Array, types.Integer)
def _load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, size = _vector_pointer(context, builder, signature, arguments)
    return builder.load(pointer, align=size)


@lower_builtin(store, types.Array, types.Integer, Vector)
def _store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, size = _vector_pointer(context, builder, signature, arguments)
    builder.store(arguments[2], pointer, align=size)
    return context.get_dummy_value()


@lower_builtin(splat, types.Array, types.Integer)
def _splat(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, size = _pointer(context, builder, signature, arguments)
    kind = context.get_value_type(signature.return_type)
    return _everywhere(builder, kind, builder.load(pointer, align=size))


def _everywhere(builder: Any, kind: Any, number: Any) -> Any:
    first = builder.insert_element(kind(ir.Undefined), number, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), [0] * VECTOR)
    return builder.shuffle_vector(first, kind(ir.Undefined), places)


def _calls(function: Callable[..., Floats], intrinsic: str, count: int) -> None:
    """Makes a function of so many vectors one of LLVM's own."""

    @lower_builtin(function, *[Vector] * count)
    def _(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, intrinsic, *arguments)


def _call(builder: Any, intrinsic: str, *arguments: Any) -> Any:
    kind = arguments[0].type
    name = f"llvm.{intrinsic}.v{VECTOR}f{32 if kind.element == ir.FloatType() else 64}"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(kind, [kind] * len(arguments)), name
    )
    return builder.call(function, arguments)


@lower_builtin(transpose, types.Array, *[types.Integer] * 4)
def _transpose(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    memory, out, out_row, a, a_row = arguments

    def pointers(start: Any, row: Any) -> Iterator[tuple[Any, int]]:
        for i in range(VECTOR):
            at = builder.add(start, builder.mul(row, row.type(i)))
            yield _vector_pointer(context, builder, signature, [memory, at])

    rows = [builder.load(pointer, align=size) for pointer, size in pointers(a, a_row)]
    places, half = np.arange(VECTOR), VECTOR // 2
    while half:  # swaps the off-diagonal quarters of ever smaller squares
        below = (places & half) > 0
        masks = [
            ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), mask.tolist())
            for mask in (
                np.where(below, VECTOR + places - half, places),
                np.where(below, VECTOR + places, places + half),
            )
        ]
        for i in places[~below]:
            pair = rows[i], rows[i + half]
            rows[i], rows[i + half] = (builder.shuffle_vector(*pair, mask) for mask in masks)
        half //= 2
    for row, (pointer, size) in zip(rows, pointers(out, out_row), strict=True):
        builder.store(row, pointer, align=size)
    return context.get_dummy_value()


@lower_builtin(full, types.Array, types.Float)
def _full(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = context.get_value_type(signature.return_type)
    number = context.cast(builder, arguments[1], signature.args[1], signature.args[0].dtype)
    return _everywhere(builder, kind, number)


@lower_builtin(some_equal, Vector, Vector)
def _some_equal(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    bits = builder.bitcast(builder.fcmp_ordered("==", *arguments), ir.IntType(VECTOR))
    return builder.icmp_unsigned("!=", bits, bits.type(0))


@lower_builtin(power_of_two, Vector)
def _power_of_two(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    bits, whole, mantissa = _bits(context, builder, signature, arguments)
    shift = ir.Constant(whole, [mantissa] * VECTOR)
    return builder.bitcast(builder.shl(bits, shift), arguments[0].type)


@lower_builtin(reciprocal, Vector)
def _reciprocal(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """A guess within 12 %, by the bits of the logarithm, is corrected twice or thrice: what is
    missing is each time cubed.
    """
    bits, whole, mantissa = _bits(context, builder, signature, arguments)
    top = 2 * (2 ** (whole.element.width - mantissa - 2) - 1) - 0.1009
    guess = builder.sub(ir.Constant(whole, [int(top * 2.0**mantissa)] * VECTOR), bits)
    (a,), kind = arguments, arguments[0].type
    one, minus, found = (
        ir.Constant(kind, [1.0] * VECTOR),
        builder.fneg(a),
        builder.bitcast(guess, kind),
    )
    for _ in range(mantissa // 20 + 1):
        missing = _call(builder, "fma", minus, found, one)
        found = _call(
            builder, "fma", found, _call(builder, "fma", missing, missing, missing), found
        )
    return found


def _bits(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """A vector's bits as whole numbers, their type, and how many bits the mantissa has."""
    width = signature.return_type.dtype.bitwidth
    whole = ir.VectorType(ir.IntType(width), VECTOR)
    return builder.bitcast(arguments[0], whole), whole, np.finfo(f"f{width // 8}").nmant


def _selects(function: Callable[..., Floats], comparison: str) -> None:
    @lower_builtin(function, Vector, Vector, Vector, Vector)
    def _(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, yes, no = arguments
        return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)

    type_callable(function)(lambda context: lambda a, b, yes, no: a)


_selects(where_greater, ">")
_selects(where_equal, "==")
type_callable(load)(lambda context: lambda memory, at: Vector(memory.dtype))
type_callable(splat)(lambda context: lambda memory, at: Vector(memory.dtype))
type_callable(store)(lambda context: lambda memory, at, vector: types.none)
type_callable(transpose)(lambda context: lambda memory, out, out_row, a, a_row: types.none)
type_callable(full)(lambda context: lambda memory, value: Vector(memory.dtype))
type_callable(fma)(lambda context: lambda a, b, c: a)
type_callable(some_equal)(lambda context: lambda a, b: types.boolean)
_calls(fma, "fma", 3)
_calls(absolute, "fabs", 1)
_calls(sqrt, "sqrt", 1)
for unary in (absolute, sqrt, reciprocal, power_of_two):
    type_callable(unary)(lambda context: lambda a: a)


def _operates(function: Callable[..., Any], instruction: str) -> None:
    @type_callable(function)
    def _(context: Any) -> Any:
        return lambda a, b: a if isinstance(a, Vector) and a == b else None

    @lower_builtin(function, Vector, Vector)
    def _(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments)


_operates(operator.add, "fadd")
_operates(operator.sub, "fsub")
_operates(operator.mul, "fmul")
_operates(operator.truediv, "fdiv")
