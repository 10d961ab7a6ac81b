"""Vectors as compiled, against the NumPy functions of the same name."""

import numpy as np
import pytest

from emolib.training.kernels import compiled, vector
from emolib.training.kernels.vector import VECTOR

KINDS = [np.float32, np.float64]


@compiled
def by_registers(memory, at):
    a, b = vector.load(memory, at), vector.load(memory, at + VECTOR)
    c, one = vector.splat(memory, at + 2 * VECTOR), vector.full(memory, 1.0)
    results = (
        a + b,
        a - b,
        a * b,
        a / b,
        vector.fma(a, b, c),
        vector.where_greater(a, c, a, b),
        vector.where_equal(a, b, c, one),
        vector.sqrt(a * a),
        one,
    )
    for k in range(len(results)):
        vector.store(memory, at + (3 + k) * VECTOR, results[k])


@pytest.mark.parametrize("kind", KINDS)
def test_registers_hold_what_numpy_computes(kind):
    generator = np.random.default_rng(0)
    memory = generator.standard_normal(1 + 12 * VECTOR).astype(kind)
    memory[1] = memory[1 + VECTOR]
    a, b = memory[1:][: 2 * VECTOR].reshape(2, VECTOR).copy()
    c, exact = memory[1 + 2 * VECTOR], np.float64 if kind == np.float32 else np.longdouble
    fused = (a.astype(exact) * b + c).astype(kind)  # twice the digits, then one rounding
    rest = np.where(a > c, a, b), np.where(a == b, c, 1), np.sqrt(a * a)
    expected = [a + b, a - b, a * b, a / b, fused, *rest, np.ones_like(a)]
    by_registers(memory, 1)
    found = memory[1 + 3 * VECTOR :].reshape(-1, VECTOR)
    eps = np.finfo(kind).eps
    np.testing.assert_allclose(found[4], fused, rtol=0 if kind == np.float32 else eps)
    expected[4] = found[4]
    np.testing.assert_array_equal(found, expected)


@compiled
def turned(memory):
    vector.transpose(memory, 3 + VECTOR * 20, VECTOR + 1, 3, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_a_square_is_transposed(kind):
    memory = np.arange(3 + VECTOR * 40, dtype=kind)
    square = memory[3 : 3 + VECTOR * 20].reshape(VECTOR, 20)[:, :VECTOR].copy()
    turned(memory)
    found = memory[3 + VECTOR * 20 :][: VECTOR * (VECTOR + 1)].reshape(VECTOR, VECTOR + 1)
    np.testing.assert_array_equal(found[:, :VECTOR], square.T)


@compiled
def powers(memory, shift):
    for at in range(0, memory.size, VECTOR):
        whole = vector.load(memory, at) + vector.full(memory, shift)
        vector.store(memory, at, vector.power_of_two(whole))


@pytest.mark.parametrize("kind", KINDS)
def test_powers_of_two_are_exact(kind):
    low = -126 if kind == np.float32 else -1022
    n = np.arange(low, -low + 2).astype(kind)
    memory = np.resize(n, -(-n.size // VECTOR) * VECTOR)
    powers(memory, vector.exponent_shift(kind))
    np.testing.assert_array_equal(memory[: n.size], np.ldexp(kind(1), n.astype(int)))


@pytest.mark.parametrize("kind", KINDS)
def test_memory_begins_with_a_cache_line(kind):
    for size in range(1, 200, 7):
        memory = vector.zeros(size, kind)
        assert memory.ctypes.data % 64 == 0 and memory.size == size and memory.dtype == kind
