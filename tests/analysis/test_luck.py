"""Luck: picks, readings and where a printed figure stands, by hand and by scikit-learn."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, recall_score

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


def test_results_that_were_not_tested_are_left_out():
    some = np.array([0.1, np.nan, 0.3, np.nan])
    assert luck.split_percentile(some, 0.2) == luck.split_percentile(some[[0, 2]], 0.2)
    nothing = luck.split_percentile(np.full(3, np.nan), 0.2)
    assert nothing.pop("draws") == 0 and np.isnan(list(nothing.values())).all()
    assert set(nothing) | {"draws"} == set(luck.split_percentile(some, 0.2))


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

    @pytest.mark.parametrize("every", [0, 2.5, "20", True])
    def test_checkpoints_come_after_whole_epochs(self, tiny, every):
        table = sweep(hidden=[2, 8], protocol=KEPT_APART, folds=1)
        with pytest.raises(ValueError, match=f"every is {every!r}; it must be a whole number"):
            luck.selection_bias(tiny, table, every=every, fixed={"hidden": 8})

    def test_the_last_epoch_is_a_checkpoint(self, tiny):
        table = sweep(learning_rate=0.05, max_epochs=7, protocol=KEPT_APART, folds=1)
        found = luck.selection_bias(tiny, table, every=3, fixed={}, jobs=1)
        assert found["settings"].tolist() == [3]
        result = luck.single_results(train(tiny, table))
        assert found["fixed"].tolist() == result.tolist()
        late = luck.selection_bias(tiny, table, every=100, fixed={}, jobs=1)
        assert late["picked"].tolist() == late["nested"].tolist() == result.tolist()

    def test_other_protocols_and_settings_are_refused(self, tiny):
        with pytest.raises(ValueError, match="protocol is 'single split'; it must be one of"):
            luck.selection_bias(tiny, sweep(protocol=SINGLE, folds=1), every=5, fixed={})
        table = sweep(hidden=[2, 8], protocol=KEPT_APART, folds=1, max_epochs=1)
        with pytest.raises(ValueError, match="the sweep must have one such setting for each seed"):
            luck.selection_bias(tiny, table, every=1, fixed={"hidden": 5})
        with pytest.raises(ValueError, match="the sweep must have one such setting for each seed"):
            luck.selection_bias(tiny, table, every=1, fixed={"colour": 5})

    def test_rows_are_matched_by_position(self, tiny):
        parts = [
            sweep(hidden=h, learning_rate=0.05, max_epochs=4, protocol=KEPT_APART, folds=1, seed=s)
            for h, s in ((2, 1), (8, 0), (8, 1), (2, 0))
        ]
        plain = pd.concat(parts, ignore_index=True)
        for table in (pd.concat(parts), plain.set_axis(list("dbca"))):
            found = luck.selection_bias(tiny, table, every=2, fixed={"hidden": 8}, jobs=1)
            theirs = luck.selection_bias(tiny, plain, every=2, fixed={"hidden": 8}, jobs=1)
            pd.testing.assert_frame_equal(found, theirs)
            assert found["seed"].tolist() == [0, 1]

    def test_a_checkpoint_without_a_result_is_not_picked(self, tiny, monkeypatch):
        none = np.full((2, 3), np.nan)
        some = np.array([[np.nan, 0.2, np.nan], [0.1, np.nan, 0.4]])
        table = sweep(hidden=[2, 8], protocol=KEPT_APART, folds=1)
        for chosen_on, tested, expected in (
            (some, some + 0.1, (0.5, 0.5, 0.5)),
            (none, none, (np.nan, np.nan, np.nan)),
            (some, none, (np.nan, np.nan, np.nan)),
        ):
            given = (chosen_on, tested)
            monkeypatch.setattr(luck, "_checkpoints", lambda *a, given=given: given)
            found = luck.selection_bias(tiny, table, every=1, fixed={"hidden": 8}, jobs=1)
            np.testing.assert_allclose(found[["fixed", "nested", "picked"]], [expected])


class TestSplits:
    def test_single_results_are_scikit_learn_s(self, tiny):
        table = sweep(learning_rate=0.05, max_epochs=5, protocol=SINGLE, folds=1, seed=range(3))
        found = luck.single_results(trained := train(tiny, table))
        for value, seed, result in zip(found, range(3), trained.results, strict=True):
            ((_, test),) = make_folds(tiny, SINGLE, seed, 1)
            truth, predicted = tiny.labels[test], result.scores.argmax(1)
            theirs = recall_score(truth, predicted, labels=np.unique(truth), average="macro")
            assert value == pytest.approx(theirs)

    def test_readings_of_a_single_split_are_those_of_its_tested_rows(self, tiny):
        grid = luck.specification_grid(
            learning_rate=0.05, max_epochs=20, protocol=SINGLE, folds=1, seed=5
        )
        trained = train(tiny, grid)
        found = luck.multiverse(trained).set_index("measure")["value"]
        ((_, test),) = make_folds(tiny, SINGLE, 5, 1)
        scores, truth = trained.results[0].scores, np.eye(3)[tiny.labels[test]]
        assert found["recall"] == pytest.approx(luck.single_results(trained)[0])
        expected = average_precision_score(truth, scores, average="macro")
        assert found["average precision"] == pytest.approx(expected, abs=1e-6)

    def test_averages_leave_untested_rows_out(self, tiny):
        scores = np.random.default_rng(3).random((2, len(tiny), 3))
        rows = np.arange(60) % 4 == 3
        none = np.where(rows[:, None], scores, np.nan)
        found = luck.averages(Condition("m", "p", "r", none, np.zeros((2, 60), int), tiny))
        predicted = scores[:, rows].argmax(-1)
        recalls = [recall_score(tiny.labels[rows], own, average="macro") for own in predicted]
        assert found["recall"] == pytest.approx(np.mean(recalls))


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
