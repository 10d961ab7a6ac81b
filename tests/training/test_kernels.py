"""The compiled arithmetic against SciPy and PyTorch, and against itself on a lesser processor; and
the folder in which compiled code is kept.
"""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn
from torch.nn import functional as F

from emolib.training.kernels import arithmetic, compiled
from emolib.training.kernels.arithmetic import constants, loss_gradient, optimizer_step, sigmoid
from emolib.training.kernels.vector import VECTOR, load, store
from emolib.utils.cache import PACKAGE

KINDS = [np.float32, np.float64]


@compiled
def sigmoids(memory, constants):
    for i in range(0, memory.size, VECTOR):
        store(memory, i, sigmoid(load(memory, i), constants))


@pytest.mark.parametrize("kind", KINDS)
def test_the_sigmoid_is_exact_to_a_few_units_in_the_last_place(kind):
    z = np.concatenate([np.linspace(-30, 30, 1003), [-1e4, -81.0, 81.0, 1e4, 0.0]]).astype(kind)
    expected = expit(z.astype(np.longdouble))
    sigmoids(z, constants(kind))
    np.testing.assert_allclose(z, expected, rtol=0, atol=2 * np.finfo(kind).eps)
    np.testing.assert_allclose(z[:1003], expected[:1003], rtol=8 * np.finfo(kind).eps)


@pytest.mark.parametrize(
    "low, high", [(0, 1), (0, 3), (1, 5)], ids=["errors below 1", "both", "errors above 1"]
)
@pytest.mark.parametrize("name", arithmetic.LOSSES)
def test_each_loss_and_its_gradient_are_pytorch_s_lane_by_lane(low, high, name):
    torch.manual_seed(0)
    target = torch.eye(7, dtype=torch.float64)[torch.arange(VECTOR) % 7]
    out = (
        target + (low + (high - low) * torch.rand_like(target)) * torch.randn_like(target).sign()
    ).requires_grad_()
    expected = {
        "smooth L1": F.smooth_l1_loss(out, target, reduction="none").mean(1),
        "squared error": 0.5 * (out - target).square().mean(1),
        "cross-entropy": F.cross_entropy(out, target, reduction="none"),
    }[name]
    share = torch.rand(VECTOR, dtype=torch.float64)
    (expected * share).sum().backward()
    others = [other for other in arithmetic.LOSSES if other != name] * VECTOR
    names = [name if k % 2 == 0 else others[k] for k in range(VECTOR)]  # others in lanes between
    rule = np.array([arithmetic.LOSSES[each] for each in names]).T
    parts = [out.detach().T, target.T, share / 7, *rule, np.full(VECTOR, 5.0)]
    parts = [np.ravel(part) for part in parts]
    memory, at = np.concatenate(parts), np.cumsum([0, *map(len, parts)]).tolist()
    loss_gradient(memory, *at[:6], 7, VECTOR, constants(memory.dtype))
    found, gradient = memory[at[5] : at[6]], memory[: at[1]].reshape(7, VECTOR).T
    np.testing.assert_allclose(found[::2], 5 + (expected * share).detach().numpy()[::2], rtol=1e-12)
    np.testing.assert_allclose(gradient[::2], out.grad.numpy()[::2], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", arithmetic.OPTIMISERS)
def test_each_optimiser_is_pytorch_s_and_can_rest(kind, name):
    generator = np.random.default_rng(0)
    w = generator.random((9, VECTOR)).astype(kind)
    reference = nn.Parameter(torch.from_numpy(w.copy()))
    theirs = {"Adam": torch.optim.Adam, "SGD": torch.optim.SGD}[name.split(",")[0]](
        [reference], lr=1e-2
    )
    theirs.param_groups[0].update({"momentum": 0.9} if "momentum" in name else {})
    memory = np.zeros((4 * 9 + 7, VECTOR), kind)  # weights, gradient, moments, pace
    memory[:9] = w
    at = [9 * part * VECTOR for part in range(4)]
    for step in range(1, 21):
        memory[9:18] = generator.standard_normal((9, VECTOR))
        reference.grad = torch.from_numpy(memory[9:18].copy())
        theirs.step()
        ours = arithmetic.adam_coefficients(1e-2, *arithmetic.OPTIMISERS[name], step)
        memory[36:] = np.array([ours, arithmetic.REST] * (VECTOR // 2)).T
        optimizer_step(memory.ravel(), *at, 9, 36 * VECTOR)
    np.testing.assert_allclose(
        memory[:9, ::2], reference.detach().numpy()[:, ::2], atol=20 * np.finfo(kind).eps
    )
    np.testing.assert_array_equal(memory[:9, 1::2], w[:, 1::2])  # every second lane rests


def test_moments_too_small_to_matter_become_zero():
    adam = arithmetic.adam_coefficients(1e-3, *arithmetic.OPTIMISERS["Adam"], 1)
    rows = [1, 0, -1e-31, 1e-37, *adam]
    memory = np.repeat(np.array(rows, np.float32), VECTOR)
    optimizer_step(memory, 0, VECTOR, 2 * VECTOR, 3 * VECTOR, 1, 4 * VECTOR)
    assert (memory[:VECTOR] == 1).all() and not memory[VECTOR : 4 * VECTOR].any()


TRAIN = """
import sys
import numpy as np
from emolib.data import EmotionData
from emolib.training.stack import train_stack
from emolib.training.kernels.arithmetic import LOSSES, OPTIMISERS
from emolib.training.sweeps import RECIPES, Recipe, sweep

RECIPES["shallow", "printed"] = RECIPES["cnn", "printed"] = Recipe(epochs=3, learning_rate=1e-2)
generator = np.random.default_rng(0)
data = EmotionData(
    features={name: generator.random((41, 5)).astype(np.float32) for name in ("A", "B")},
    labels=np.arange(41) % 4, classes=tuple("abcd"), groups=np.arange(41).astype(str),
    names=np.arange(41).astype(str), source="made up", drawn=False, repairs=None,
)
found = []
for choices in (
    dict(modality="A", hidden=[3, 8], angle=[0, 30], loss=list(LOSSES), optimiser=list(OPTIMISERS)),
    dict(network="cnn", modality="A+B"),
):
    for result in train_stack(data, sweep(folds=2, **choices).to_dict("records")):
        found += [result.weights, result.scores.ravel()]
np.save(sys.argv[1], np.concatenate(found))
"""


def python(code, *arguments, package=None, **settings):
    """Output of a process of its own, and the sentences that it says."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(  # the working folder is the first that python imports from
        [sys.executable, "-c", code, *arguments],
        env=own | settings,
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("emolib: ")]
    return done.stdout, said


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights and scores of some networks, from a process of its own with these settings of
    Numba's.
    """
    folder = tmp_path_factory.mktemp("trained")

    def run(**settings):
        python(TRAIN, str(folder / "found.npy"), EMOLIB_CACHE=str(folder), **settings)
        return np.load(folder / "found.npy")

    return run


@pytest.fixture(scope="module")
def as_usual(trained):
    return trained()


def test_a_processor_without_wide_registers_gives_the_same_bits(trained, as_usual):
    # the instruction set of 2003, one quarter as wide and without fused multiply-adds, if this is
    # an Intel-like machine
    found = trained(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    np.testing.assert_array_equal(found, as_usual)


def test_the_interpreter_gives_the_same_but_for_its_powers(trained, as_usual):
    np.testing.assert_allclose(trained(NUMBA_DISABLE_JIT="1"), as_usual, rtol=1e-4, atol=1e-5)


# Scores of a network by one compiled kernel, as a digest.
SCORES = """
import hashlib
import numpy as np
from emolib.models import ShallowNet
from emolib.training.kernels.arithmetic import constants
from emolib.training.kernels.record import ShallowTape
from emolib.training.kernels.operations import epoch

random = np.random.default_rng(0)
weights, x = (random.random(size).astype(np.float32) for size in ((1, 21), (1, 9, 5)))
tape, scores = ShallowTape(ShallowNet(5, 2, 3), 9, np.float32), np.empty((1, 9, 3), np.float32)
epoch(
    weights, 0 * weights, 0 * weights, np.zeros(1, int), np.ones((1, 5)), np.ones((1, 2), bool),
    np.zeros(1, int), x, np.zeros(1, int), np.empty((9, 0), np.float32), np.zeros(9, int),
    np.arange(9, dtype=np.int32)[None], np.array([9]), np.zeros(1, int), 9, tape.operations,
    tape.windows, tape.places, tape.slots, tuple(tape.room.tolist()), tape.memory,
    np.zeros(1, np.float32), scores,
    constants(weights.dtype),
)
print(hashlib.sha256(scores.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache folder with a compiled kernel, and what it computed."""
    folder = tmp_path_factory.mktemp("compiled")
    return folder, python(SCORES, EMOLIB_CACHE=str(folder))[0]


def files(folder):
    return {file.name: file.stat().st_mtime_ns for file in (folder / "compiled").rglob("*.nb?")}


def test_a_second_process_compiles_nothing(kept):
    folder, expected = kept
    before = files(folder)
    assert python(SCORES, EMOLIB_CACHE=str(folder)) == (expected, [])
    assert files(folder) == before and len(before) == 2  # index and code


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_damage_is_told_and_compiled_again(kept, tmp_path, damage):
    folder = shutil.copytree(kept[0], tmp_path / "damaged")
    for file in (folder / "compiled").rglob("*.nb?"):
        content = file.read_bytes()
        damaged = {"cut": content[: len(content) // 2], "empty": b"", "text": b"text"}
        file.write_bytes(damaged[damage])
    found, said = python(SCORES, EMOLIB_CACHE=str(folder))
    assert found == kept[1] and said and all("cannot be used" in line for line in said)
    assert python(SCORES, EMOLIB_CACHE=str(folder)) == (kept[1], [])


def test_a_kernel_changed_in_another_file_is_compiled_anew(kept, tmp_path):
    package = shutil.copytree(PACKAGE, tmp_path / "emolib").parent
    assert python(SCORES, package=package, EMOLIB_CACHE=str(tmp_path)) == (kept[1], [])
    file = package / "emolib" / "training" / "kernels" / "arithmetic.py"
    text = file.read_text()
    changed = text.replace("one / (one +", "one / (one + one +")
    assert changed != text
    file.write_text(changed)
    before = files(tmp_path)
    found, _ = python(SCORES, package=package, EMOLIB_CACHE=str(tmp_path))
    assert found != kept[1] and len(files(tmp_path)) == len(before) + 2


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(kept, tmp_path):
    (tmp_path / "file").touch()
    found, said = python(SCORES, EMOLIB_CACHE=str(tmp_path / "file" / "folder"))
    assert found == kept[1] and len(said) == 1 and "set EMOLIB_CACHE" in said[0]


def test_settings_of_the_user_s_own_stay(tmp_path):
    own = dict(NUMBA_CACHE_DIR=str(tmp_path / "own"), NUMBA_CPU_NAME="generic")
    code = "import os, emolib.training.kernels, numba; print(numba.config.CACHE_DIR)"
    code += "; print(os.environ.get('NUMBA_CPU_FEATURES'))"
    found, _ = python(code, EMOLIB_CACHE=str(tmp_path), **own)
    assert found.split() == [str(tmp_path / "own"), "None"]
