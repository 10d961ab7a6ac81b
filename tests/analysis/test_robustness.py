"""Near-duplicates where they were planted; picks, readings and the place of a printed figure, by
hand and by scikit-learn.
"""

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import recall_score

from emolib.analysis import robustness
from emolib.analysis.evidence import conditions
from emolib.analysis.robustness import (
    leakage,
    multiverse,
    near_duplicates,
    rank_correlations,
    recall_by_epoch,
    selection_bias,
    single_results,
    specification_grid,
    split_percentile,
)
from emolib.folds import KEPT_APART, SINGLE, make_folds
from emolib.training.scaling import scale
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import sweep
from emolib.training.train import train


def test_planted_twins_are_counted(tiny):
    assert near_duplicates(tiny)["rows with a near-duplicate of the same person"] <= 2
    for values in tiny.features.values():
        values[1] = values[0]  # of one person, of another emotion
        values[13] = values[10]  # of one person and one emotion
    found = near_duplicates(tiny)
    assert found["rows with a near-duplicate of the same person"] == pytest.approx(4, abs=2)
    assert found["near-duplicate has the same emotion"] == pytest.approx(0.5, abs=0.25)


def test_a_clip_is_a_name_without_its_last_number(tiny):
    names = [f"Film_000000001_{frame:08d}.mat" for frame in range(30)]
    names += [f"Film_{clip:09d}_00000001" for clip in range(30)]
    data = replace(tiny, names=np.array(names))
    found = near_duplicates(data)
    assert found["clips"] == 30 and found["rows in a clip of several"] == 31


def test_unknown_persons_leave_neighbours_of_one_emotion(tiny):
    known, unknown = near_duplicates(tiny), near_duplicates(replace(tiny, groups=None))
    kept = ["rows", "nearest neighbour has the same emotion"]
    assert unknown[kept].tolist() == known[kept].tolist()
    assert list(unknown.index) == list(known.index) and unknown.drop(kept).isna().all()


def test_one_person_has_no_stranger(tiny):
    found = near_duplicates(replace(tiny, groups=np.full(60, "somebody")))
    assert np.isnan(found["nearest stranger has the same emotion"])
    assert found["nearest neighbour is the same person"] == 1
    assert found["rows with a near-duplicate of the same person"] == 0


def test_equals_a_loop_over_rows_in_parts_too(tiny, monkeypatch):
    x = np.hstack([scale(tiny, m) for m in tiny.modalities]).astype(float)
    nearest, stranger = [], []
    for row in range(60):
        order = np.argsort(np.linalg.norm(x - x[row], axis=1), kind="stable")
        nearest.append(next(n for n in order if n != row))
        stranger.append(next(n for n in order if tiny.groups[n] != tiny.groups[row]))
    whole = near_duplicates(tiny)
    for name, near, of in (
        ("nearest neighbour is the same person", nearest, tiny.groups),
        ("nearest neighbour has the same emotion", nearest, tiny.labels),
        ("nearest stranger has the same emotion", stranger, tiny.labels),
    ):
        assert whole[name] == np.mean(of[near] == of)
    monkeypatch.setattr(robustness, "PART", 7 * 60)
    pd.testing.assert_series_equal(near_duplicates(tiny), whole)


def test_a_reading_that_prunes_nothing_has_no_angles_to_take():
    choices = {"angle": [0, 60], "activation_shift": [0.5, 0.0], "schedule": ["first", "every"]}
    assert len(specification_grid(**choices, protocol=SINGLE, folds=1)) == 1 + 4


def test_standing_by_hand():
    results = np.arange(1, 101) / 100
    found = split_percentile(results, 0.9)
    assert found["percentile"] == pytest.approx(0.89) and found["median"] == pytest.approx(0.505)
    assert found["tries"] == np.ceil(np.log(0.5) / np.log(0.89))
    ends = [split_percentile(results, printed)["tries"] for printed in (2.0, 0.0)]
    assert ends == [np.inf, 1]


def test_results_that_were_not_tested_are_left_out():
    some = np.array([0.1, np.nan, 0.3, np.nan])
    assert split_percentile(some, 0.2) == split_percentile(some[[0, 2]], 0.2)
    nothing = split_percentile(np.full(3, np.nan), 0.2)
    assert nothing.pop("draws") == 0 and np.isnan(list(nothing.values())).all()


def test_rank_correlations_are_those_of_all_orders():
    """By hand: concordant less discordant pairs, over all pairs; p over all permutations."""
    table = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 1, 3, 5, 4], "c": [5, 4, 3, 2, 1]})

    def tau(x, y):
        return np.mean([(x[i] < x[j]) * 2 - 1 for i, j in combinations(np.argsort(y), 2)])

    found = rank_correlations(table, "a")
    orders = [tau(order, range(5)) for order in permutations(range(5))]
    for name in ("b", "c"):
        expected = tau(table["a"], table[name])
        p = np.mean([abs(one) >= abs(expected) - 1e-9 for one in orders])
        assert found.loc[name].tolist() == pytest.approx([expected, p], abs=1e-9)


def balanced(truth, predicted):
    return recall_score(truth, predicted, labels=np.unique(truth), average="macro")


KEPT = {"learning_rate": 0.05, "protocol": KEPT_APART, "folds": 1}


class TestPicks:
    def test_the_best_on_the_test_rows_is_never_below_any_other_choice(self, tiny):
        """What is not chosen at all is what training gives."""
        table = sweep(hidden=[2, 8], seed=range(4), max_epochs=100, **KEPT)
        found = selection_bias(tiny, table, every=50, fixed={"hidden": 8})
        assert len(found) == 4 and (found["settings"] == 2 * 2).all()
        for other in ("nested", "fixed"):
            assert (found["picked"] >= found[other]).all()
        fixed = single_results(train(tiny, table[table["hidden"] == 8]))
        np.testing.assert_array_equal(found["fixed"], fixed)

    def test_each_choice_is_made_on_its_own_rows(self, tiny):
        """The whole choice again, from results of networks that were trained to each epoch."""
        settings = {"hidden": [2, 8], "restart": [0, 1]}
        found = selection_bias(
            tiny,
            sweep(max_epochs=6, **settings, **KEPT),
            every=2,
            fixed={"hidden": 8, "restart": 0},
        )
        ((trains, tests),) = make_folds(tiny, KEPT_APART, 0, 1)
        apart = np.setdiff1d(np.arange(len(tiny)), [*trains, *tests])
        tried = []
        for epochs in (2, 4, 6):
            trained = train(tiny, sweep(max_epochs=epochs, **settings, **KEPT))
            inputs = NetworkStack(tiny, trained.table.to_dict("records")).material.inputs[0]
            for position in range(4):
                net = trained.member(position)
                predicted = net(torch.from_numpy(inputs)).argmax(1).numpy()
                tried.append([balanced(tiny.labels[r], predicted[r]) for r in (apart, tests)])
        on_apart, on_test = np.transpose(tried)
        assert found["settings"].tolist() == [12]
        assert found["nested"][0] == pytest.approx(on_test[on_apart.argmax()])
        assert found["picked"][0] == pytest.approx(on_test.max())
        assert found["fixed"][0] == pytest.approx(on_test[10])

    def test_checkpoints_come_after_whole_epochs_and_the_last_one(self, tiny):
        table = sweep(max_epochs=7, **KEPT)
        found = selection_bias(tiny, table, every=3, fixed={})
        assert found["settings"].tolist() == [3]
        result = single_results(train(tiny, table)).tolist()
        assert found["fixed"].tolist() == result
        late = selection_bias(tiny, table, every=100, fixed={})
        assert late["picked"].tolist() == late["nested"].tolist() == result
        with pytest.raises(ValueError, match="every is 2.5; it must be a whole number"):
            selection_bias(tiny, table, every=2.5, fixed={})

    def test_without_rows_kept_apart_the_choice_on_them_is_open(self, tiny):
        table = sweep(hidden=[2, 8], max_epochs=4, **KEPT | {"protocol": SINGLE})
        found = selection_bias(tiny, table, every=2, fixed={"hidden": 8})
        assert np.isnan(found["nested"]).all() and not found[["picked", "fixed"]].isna().any(
            axis=None
        )
        single = single_results(train(tiny, table[table["hidden"] == 8]))
        np.testing.assert_array_equal(found["fixed"], single)

    def test_other_protocols_and_settings_are_refused(self, tiny):
        with pytest.raises(ValueError, match="protocol is 'random'; it must be one of"):
            selection_bias(tiny, sweep(), every=5, fixed={})
        both = pd.concat([sweep(**KEPT), sweep(protocol=SINGLE, folds=1)])
        with pytest.raises(ValueError, match="kept apart and single split'; it must be one of"):
            selection_bias(tiny, both, every=5, fixed={})
        table = sweep(hidden=[2, 8], max_epochs=1, **KEPT)
        for fixed in ({"hidden": 5}, {"colour": 5}):
            with pytest.raises(ValueError, match="sweep must have one such setting for each seed"):
                selection_bias(tiny, table, every=1, fixed=fixed)

    def test_rows_are_matched_by_position(self, tiny):
        settings = ((2, 1), (8, 0), (8, 1), (2, 0))
        parts = [sweep(hidden=h, max_epochs=4, seed=s, **KEPT) for h, s in settings]
        plain = pd.concat(parts, ignore_index=True)
        for table in (pd.concat(parts), plain.set_axis(list("dbca"))):
            found = selection_bias(tiny, table, every=2, fixed={"hidden": 8})
            theirs = selection_bias(tiny, plain, every=2, fixed={"hidden": 8})
            pd.testing.assert_frame_equal(found, theirs)
            assert found["seed"].tolist() == [0, 1]

    def test_a_checkpoint_without_a_result_is_not_picked(self, tiny, monkeypatch):
        """By hand: right on all rows is a recall of 1, on none 0; -1 was not predicted at all."""
        right, wrong = tiny.labels, (tiny.labels + 1) % 3
        none = np.full(len(tiny), -1)
        table = sweep(hidden=[2, 8], **KEPT)
        for predicted, expected in (
            ([[none, wrong], [right, none]], (np.nan, 1, 1)),
            ([[none, none], [none, none]], [np.nan] * 3),
        ):
            given = ([1, 2], np.array(predicted), np.array([2, 1]))
            monkeypatch.setattr(robustness, "_checkpoints", lambda *a, given=given: [given])
            found = selection_bias(tiny, table, every=1, fixed={"hidden": 8})
            np.testing.assert_allclose(found[["fixed", "nested", "picked"]], [expected])
            assert found["settings"].tolist() == [3]


@pytest.mark.parametrize("protocol", ["random", "person-independent"])
def test_recall_by_epoch_is_that_of_networks_trained_so_long(tiny, protocol):
    place = {"protocol": protocol, "folds": 3, "seed": range(2), "learning_rate": 0.05}
    tables = {
        epochs: pd.concat(
            [
                sweep(max_epochs=epochs, hidden=5, **place).assign(model="shallow"),
                sweep(max_epochs=epochs, network="cnn", **place).assign(model="CNN"),
            ]
        )
        for epochs in (2, 5)
    }
    found = recall_by_epoch(tiny, tables[5], [2, 40])
    assert found["epoch"].tolist() == [2, 5] * 4
    for epochs, table in tables.items():
        own, scores = train(tiny, table).out_of_fold()
        theirs = [balanced(tiny.labels, one.argmax(1)) for one in scores]
        ours = found[found["epoch"] == epochs].reset_index()
        assert ours[["model", "seed"]].equals(own[["model", "seed"]])
        np.testing.assert_allclose(ours["recall"], theirs)
        np.testing.assert_allclose(ours["training accuracy"], own["train_accuracy"])


def test_leakage_is_the_difference_of_mean_recalls_with_a_bootstrap_of_its_own(tiny):
    choices = {"protocol": ["random", "person-independent"], "folds": 3, "seed": range(2)}
    table = sweep(learning_rate=0.05, max_epochs=20, **choices).assign(model="LPQ")
    trained = train(tiny, table)
    found = leakage(conditions(trained)).iloc[0]
    own, scores = trained.out_of_fold()
    recall = [balanced(tiny.labels, one.argmax(1)) for one in scores]
    theirs = own.assign(recall=recall).groupby("protocol")["recall"].mean()
    assert found[theirs.index].tolist() == pytest.approx(theirs.tolist())
    assert found["difference"] == pytest.approx(theirs["random"] - theirs["person-independent"])
    assert found["low"] < found["difference"] < found["high"]
    # the same folds under both names: nothing leaks, and every resample says so
    both = [c for c in conditions(trained) if c.protocol == "random"]
    none = leakage([*both, *(replace(c, protocol="person-independent") for c in both)]).iloc[0]
    assert none[["difference", "low", "high"]].tolist() == [0, 0, 0]


def test_single_results_are_scikit_learn_s(tiny):
    table = sweep(learning_rate=0.05, max_epochs=5, protocol=SINGLE, folds=1, seed=range(3))
    found = single_results(trained := train(tiny, table))
    for value, seed, result in zip(found, range(3), trained.results, strict=True):
        ((_, test),) = make_folds(tiny, SINGLE, seed, 1)
        truth, predicted = tiny.labels[test], result.scores.argmax(1)
        assert value == pytest.approx(balanced(truth, predicted))


def test_multiverse_has_each_reading_by_each_measure(tiny):
    rates = {"learning_rate": [1e-4, 0.05], "max_epochs": 30}
    grid = specification_grid(**rates, protocol="random", folds=3, seed=range(2))
    trained = train(tiny, grid)
    found = multiverse(trained)
    assert len(found) == 2 * 5  # four readings of accuracy, and that of training rows
    strong = found[found["learning_rate"] == 0.05].set_index("measure")["value"]
    own = trained.table["learning_rate"] == 0.05
    mean = trained.table.loc[own, "train_accuracy"].mean()
    assert strong["training accuracy"] == pytest.approx(mean) and mean > 0.5
    table, scores = trained.out_of_fold()
    pooled = [
        recall_score(tiny.labels, one.argmax(1), average="macro")
        for one in scores[table["learning_rate"] == 0.05]
    ]
    assert strong["recall"] == pytest.approx(np.mean(pooled))
    assert set(strong.index) == {*robustness.READ_AS, "training accuracy"}
