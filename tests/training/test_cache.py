"""What is kept is found again, and nothing else is."""

import numpy as np
import pytest

from emolib.training import train as training
from emolib.training.cache import Cache
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train


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
