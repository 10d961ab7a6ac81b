"""Luck: picks, readings and where a printed figure stands, by hand and by scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import recall_score

from emolib.analysis import luck
from emolib.analysis.evidence import Condition
from emolib.folds import KEPT_APART, SINGLE, make_folds
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import sweep
from emolib.training.train import train


def test_a_reading_that_prunes_nothing_has_no_angles_to_take():
    assert (
        len(
            luck.specification_grid(
                angle=[0, 60],
                activation_shift=[0.5, 0.0],
                schedule=["first", "every"],
                protocol=SINGLE,
                folds=1,
            )
        )
        == 1 + 4
    )


def test_standing_by_hand():
    results = np.arange(1, 101) / 100
    found = luck.split_percentile(results, 0.9)
    assert found["percentile"] == pytest.approx(0.89) and found["median"] == pytest.approx(0.505)
    assert found["tries"] == np.ceil(np.log(0.5) / np.log(0.89))
    assert (
        luck.split_percentile(results, 2.0)["tries"] == np.inf
        and luck.split_percentile(results, 0.0)["tries"] == 1
    )


def test_averages_of_a_condition_are_scikit_learn_s(tiny):
    scores = np.random.default_rng(3).random((2, len(tiny), 3))
    found = luck.averages(
        Condition("m", "random", "printed", scores, np.zeros((2, len(tiny)), int), tiny)
    )
    expected = np.mean([recall_score(tiny.labels, s.argmax(1), average="macro") for s in scores])
    assert found["recall"] == pytest.approx(expected) and set(found) == {
        "recall",
        "precision",
        "average precision",
    }


class TestPicks:
    def test_the_best_on_the_test_rows_is_never_below_any_other_choice(self, tiny):
        table = sweep(
            hidden=[2, 8], learning_rate=0.05, protocol=KEPT_APART, folds=1, seed=range(4)
        )
        found = luck.selection_bias(tiny, table, every=50, fixed={"hidden": 8}, jobs=1)
        assert len(found) == 4 and (found["settings"] == 2 * 4).all()
        assert (found["picked"] >= found["nested"]).all() and (
            found["picked"] >= found["fixed"]
        ).all()

    def test_what_is_not_chosen_is_what_training_gives(self, tiny):
        table = sweep(
            hidden=[2, 8],
            learning_rate=0.05,
            max_epochs=10,
            protocol=KEPT_APART,
            folds=1,
            seed=range(4),
        )
        found = luck.selection_bias(tiny, table, every=5, fixed={"hidden": 8}, jobs=2)
        np.testing.assert_array_equal(
            found["fixed"], luck.single_results(train(tiny, table[table["hidden"] == 8]))
        )

    def test_each_choice_is_made_on_its_own_rows(self, tiny):
        chosen_on, tested = luck._checkpoints(
            tiny,
            table := sweep(learning_rate=0.05, max_epochs=6, protocol=KEPT_APART, folds=1),
            every=2,
        )
        assert chosen_on.shape == tested.shape == (1, 3)
        ((trains, tests),) = make_folds(tiny, KEPT_APART, 0, 1)
        apart = np.setdiff1d(np.arange(len(tiny)), [*trains, *tests])
        net = train(tiny, table).member(0).double()
        inputs = NetworkStack(tiny, table.to_dict("records")).material.inputs[0]
        predicted = net(torch.from_numpy(inputs).double()).argmax(1).numpy()
        for found, rows in ((chosen_on, apart), (tested, tests)):
            assert found[0, -1] == pytest.approx(
                recall_score(
                    tiny.labels[rows],
                    predicted[rows],
                    labels=np.unique(tiny.labels[rows]),
                    average="macro",
                )
            )


def test_multiverse_has_each_reading_by_each_measure(tiny):
    trained = train(
        tiny,
        luck.specification_grid(
            learning_rate=[1e-4, 0.05], max_epochs=30, protocol="random", folds=3, seed=range(2)
        ),
    )
    found = luck.multiverse(trained)
    assert len(found) == 2 * 4
    strong = found[found["learning_rate"] == 0.05].set_index("measure")["value"]
    assert (
        strong["training accuracy"]
        == pytest.approx(trained.table.query("learning_rate == 0.05")["train_accuracy"].mean())
        and strong["training accuracy"] > 0.5
    )
    pooled = []
    for seed in range(2):
        predicted = np.zeros(len(tiny), int)
        for position in np.flatnonzero(
            (trained.table["seed"] == seed) & (trained.table["learning_rate"] == 0.05)
        ):
            _, tested = make_folds(tiny, "random", seed, 3)[trained.table["fold"][position]]
            predicted[tested] = trained.results[position].scores.argmax(1)
        pooled.append(recall_score(tiny.labels, predicted, average="macro"))
    assert strong["recall"] == pytest.approx(np.mean(pooled))
