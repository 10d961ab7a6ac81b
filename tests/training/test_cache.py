"""What is kept is found again, and nothing else is."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from emolib.training import train as training
from emolib.training.cache import LIBRARIES, SOURCES, Cache
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train
from emolib.utils.cache import PACKAGE


@pytest.fixture
def rows(tiny, monkeypatch):
    for network in ("shallow", "cnn"):
        monkeypatch.setitem(RECIPES, (network, "printed"), Recipe(epochs=2, learning_rate=1e-3))
    return sweep(modality=tiny.modalities[0], hidden=[4, 6], folds=3)


@pytest.fixture
def untrained(monkeypatch):
    """Fails a test that trains."""

    def refuse(*_):
        raise AssertionError("trained again")

    return lambda: monkeypatch.setattr(training, "_train_shard", refuse)


def test_a_second_run_trains_nothing_and_gives_the_same(tiny, rows, tmp_path, untrained):
    first = train(tiny, rows, cache=Cache(tmp_path / "c.sqlite"), jobs=1)
    untrained()
    again = train(tiny, rows, cache=Cache(tmp_path / "c.sqlite"), jobs=1)
    for a, b in zip(first.results, again.results, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)
        np.testing.assert_array_equal(a.weights, b.weights)
        assert (a.units, a.stopped, a.train_accuracy) == (b.units, b.stopped, b.train_accuracy)


def test_only_rows_that_are_new_are_trained(tiny, rows, tmp_path, monkeypatch):
    cache = Cache(tmp_path / "c.sqlite")
    train(tiny, rows[:4], cache=cache, jobs=1)
    trained = []
    monkeypatch.setattr(
        training,
        "_train_shard",
        lambda number, data, rows, *engine: (
            trained.extend(rows),
            (number, training.train_stack(data, rows)),
        )[1],
    )
    train(tiny, rows, cache=cache, jobs=1)
    assert len(trained) == 2


def test_other_data_other_code_or_another_row_is_another_key(tiny, drawn, rows, tmp_path):
    cache = Cache(tmp_path / "c.sqlite")
    row = rows.iloc[0].to_dict()
    key = cache.key(tiny, row, "cpu float32")
    assert key == Cache(tmp_path / "d.sqlite").key(tiny, row, "cpu float32")
    assert key != cache.key(drawn, row, "cpu float32")
    assert key != cache.key(tiny, row | {"hidden": 5}, "cpu float32")
    assert key != cache.key(tiny, row, "cuda float32")
    cache.code = "other"
    assert key != cache.key(tiny, row, "cpu float32")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package whose files may change, in the place of the one whose digest counts."""
    copy = shutil.copytree(PACKAGE, tmp_path / "emolib")
    monkeypatch.setattr("emolib.utils.cache.PACKAGE", copy)
    return copy


CALLED = [
    "folds.py",
    "metrics.py",
    "models.py",
    "pruning.py",
    "data/__init__.py",
    "training/kernels/arithmetic.py",
    "training/stack.py",
    "training/sweeps.py",
]


@pytest.mark.parametrize("file", CALLED)
def test_an_edit_in_a_file_that_decides_a_result_is_another_key(package, tmp_path, file):
    before = Cache(tmp_path / "c.sqlite").code
    with (package / file).open("a") as text:
        text.write("# edited\n")
    assert Cache(tmp_path / "c.sqlite").code != before


def test_a_file_that_is_moved_or_added_is_another_key(package, tmp_path):
    codes = [Cache(tmp_path / "c.sqlite").code]
    (package / "training" / "stack.py").rename(package / "training" / "stacks.py")
    codes.append(Cache(tmp_path / "c.sqlite").code)
    (package / "training" / "fresh.py").touch()
    codes.append(Cache(tmp_path / "c.sqlite").code)
    assert len(set(codes)) == 3


def test_an_edit_of_a_figure_leaves_the_key_alone(package, tmp_path):
    before = Cache(tmp_path / "c.sqlite").code
    for file in (package / "figures").glob("*.py"):
        file.write_text("# edited")
    assert Cache(tmp_path / "c.sqlite").code == before


def test_the_version_of_a_library_is_another_key(tmp_path, monkeypatch):
    before = Cache(tmp_path / "c.sqlite").code
    monkeypatch.setattr("emolib.utils.cache.version", lambda library: "9.9")
    assert Cache(tmp_path / "c.sqlite").code != before


def test_every_module_that_training_imports_is_part_of_the_key(tmp_path):
    """Or decides nothing: the doors' checks, the console, the cache and the progress bar."""
    code = "import sys, emolib.training.train, emolib.training.image_network;"
    code += "print(*(name for name in sys.modules if name.startswith('emolib.')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in found.stdout.split()}
    assert rooms - {*SOURCES} <= {"utils"} and "torch" in LIBRARIES


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_kept_result_is_the_trained_one_in_every_bit(tiny, rows, tmp_path, precision):
    first, again = (
        train(tiny, rows, cache=Cache(tmp_path / "c.sqlite"), jobs=1, precision=precision)
        for _ in range(2)
    )
    for a, b in zip(first.results, again.results, strict=True):
        for name, value in vars(a).items():
            assert type(value) is type(getattr(b, name))
            np.testing.assert_array_equal(value, getattr(b, name), strict=True)
