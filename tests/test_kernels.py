"""The compiled arithmetic against SciPy and PyTorch, and against itself on a lesser processor."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn

from emolib.kernels import arithmetic

KINDS = [np.float32, np.float64]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sigmoid_is_exact_to_a_few_units_in_the_last_place(kind):
    z = np.concatenate([np.linspace(-30, 30, 1001), [-1e4, -81.0, 81.0, 1e4, 0.0]]).astype(kind)
    expected = expit(z.astype(np.longdouble))
    powers = np.empty(z.size, kind)
    constants = arithmetic.constants(kind)
    arithmetic.sigmoid(z, powers, powers.view(constants[1].dtype), constants)
    np.testing.assert_allclose(z, expected, rtol=0, atol=2 * np.finfo(kind).eps)
    np.testing.assert_allclose(z[:1001], expected[:1001], rtol=8 * np.finfo(kind).eps)


@pytest.mark.parametrize("rows, inner, width", [(1, 1, 1), (4, 4, 8), (5, 7, 10), (16, 50, 16), (14, 3, 3)])
def test_a_product_is_added_between_the_columns_it_is_told(rows, inner, width):
    generator = np.random.default_rng(0)
    a, b, c = generator.random((inner, rows)).T, generator.random((inner, width + 5)), generator.random((rows, width + 3))
    expected = c.copy()
    expected[:, 2 : 2 + width] += a @ b[:, 4 : 4 + width]
    arithmetic.accumulate(a, b, 4, c, 2, width)
    np.testing.assert_allclose(c, expected, rtol=1e-12)


@pytest.mark.parametrize("low, high", [(0, 1), (0, 3), (1, 5)], ids=["errors below 1", "both", "errors above 1"])
def test_the_loss_and_its_gradient_are_pytorchs(low, high):
    torch.manual_seed(0)
    target = torch.randn(10, 7, dtype=torch.float64)
    error = (low + (high - low) * torch.rand_like(target)) * torch.randn_like(target).sign()
    out = (target + error).requires_grad_()
    expected = nn.SmoothL1Loss()(out, target)
    expected.backward()
    place = out.detach().numpy().copy()
    loss = arithmetic.smooth_l1(place, target.numpy(), 1 / 70, 0.5, 1.0)
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(place, out.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_adam_is_pytorchs_alone_and_in_lanes(kind):
    generator = np.random.default_rng(0)
    w = generator.random(9).astype(kind)
    reference = nn.Parameter(torch.from_numpy(w.copy()))
    theirs = torch.optim.Adam([reference], lr=1e-2)
    alone = [w.copy(), np.zeros_like(w), np.zeros_like(w)]
    lanes = [np.stack([x, x], 1) for x in alone]
    still = w.copy()
    for step in range(1, 21):
        gradient = generator.standard_normal(9).astype(kind)
        reference.grad = torch.from_numpy(gradient)
        theirs.step()
        arithmetic.adam(alone[0], gradient, alone[1], alone[2], step, 1e-2)
        each = [np.array(pair, kind) for pair in (
            (arithmetic.BETA1, 1), (1 - arithmetic.BETA1, 0), (arithmetic.BETA2, 1), (1 - arithmetic.BETA2, 0),
            ((1 - arithmetic.BETA2**step) ** -0.5, 1), (1e-2 / (1 - arithmetic.BETA1**step), 0),
        )]  # fmt: skip
        arithmetic.adam_in_lanes(lanes[0], np.stack([gradient, gradient], 1), lanes[1], lanes[2], *each)
    np.testing.assert_allclose(alone[0], reference.detach().numpy(), atol=20 * np.finfo(kind).eps)
    np.testing.assert_allclose(lanes[0][:, 0], alone[0], atol=20 * np.finfo(kind).eps)
    np.testing.assert_array_equal(lanes[0][:, 1], still)  # the second lane takes nothing


def test_moments_too_small_to_matter_become_zero():
    w, m, v = np.ones(1, np.float32), np.full(1, 1e-31, np.float32), np.full(1, 1e-37, np.float32)
    arithmetic.adam(w, np.zeros(1, np.float32), m, v, 1, 1e-3)
    assert w[0] == 1 and m[0] == 0 and v[0] == 0


DIGEST = """
import hashlib
import numpy as np
from emolib.data import EmotionData
from emolib.lockstep import train_stack
from emolib.sweeps import RECIPES, Recipe, sweep

RECIPES["shallow", "printed"] = RECIPES["cnn", "printed"] = Recipe(epochs=3, learning_rate=1e-2)
generator = np.random.default_rng(0)
data = EmotionData(
    features={name: generator.random((40, 5)).astype(np.float32) for name in ("A", "B")}, labels=np.arange(40) % 4,
    classes=tuple("abcd"), groups=np.arange(40).astype(str), names=np.arange(40).astype(str), source="made up", drawn=False,
    repairs=None,
)
digest = hashlib.sha256()
for choices in (dict(modality="A", hidden=[3, 8], angle=[0, 30]), dict(network="cnn", modality="A+B")):
    for outcome in train_stack(data, sweep(folds=2, **choices).to_dict("records")):
        digest.update(outcome.weights.tobytes() + outcome.scores.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def digest(tmp_path_factory):
    """What training gives, to the last bit, in a process of its own with these settings of Numba's."""
    folder = tmp_path_factory.mktemp("compiled")

    def run(**settings):
        environment = os.environ | {"EMOLIB_CACHE": str(folder)} | settings
        return subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True).stdout

    return run


def test_a_processor_without_wide_registers_gives_the_same_bits(digest):
    # the instruction set of 2003, one quarter as wide and without fused multiply-adds, if this is an Intel-like machine
    assert digest() == digest(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")


def test_the_interpreter_gives_the_same_bits(digest):
    assert digest() == digest(NUMBA_DISABLE_JIT="1")
