"""Splits: what each protocol promises, and that a broken promise is caught."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from emolib import material
from emolib.folds import KEPT_APART, PROTOCOLS, SINGLE, check, check_scaling, make_folds
from emolib.preprocessing import scale
from emolib.sweeps import sweep
from emolib.training import train

EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


def fold_of_row(data, protocol, seed, **options):
    fold = np.full(len(data), -1)
    for number, (_, test) in enumerate(make_folds(data, protocol, seed, **options)):
        fold[test] = number
    return fold


def pairs_of(fold, count):
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]


@EACH
@pytest.mark.parametrize("count", [2, 5])
def test_each_row_is_tested_once_by_networks_that_saw_every_emotion(drawn, protocol, count):
    pairs = make_folds(drawn, protocol, seed=3, count=count)
    assert len(pairs) == count
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(len(drawn)))
    for train, test in pairs:
        assert sorted([*train, *test]) == list(range(len(drawn)))
        assert set(drawn.labels[train]) == set(range(7))


@pytest.mark.parametrize("count", [2, 5])
def test_person_independent_folds_share_nobody(drawn, count):
    for seed in range(3):
        for train, test in make_folds(drawn, "person-independent", seed, count):
            assert not set(drawn.groups[train]) & set(drawn.groups[test])


def test_random_folds_keep_each_emotions_share(drawn):
    counts = [np.bincount(drawn.labels[test]) for _, test in make_folds(drawn, "random", seed=0)]
    assert np.ptp(counts, axis=0).max() <= 1


def test_person_independent_folds_are_about_as_large_as_each_other(drawn):
    for seed in range(3):
        assert all(0.5 < len(test) / (len(drawn) / 5) < 1.5 for _, test in make_folds(drawn, "person-independent", seed))


@EACH
def test_one_seed_is_one_split(drawn, protocol):
    np.testing.assert_array_equal(fold_of_row(drawn, protocol, 1), fold_of_row(drawn, protocol, 1))


@EACH
def test_other_seeds_are_other_splits(drawn, protocol):
    splits = [fold_of_row(drawn, protocol, seed) for seed in range(4)]
    assert max(adjusted_rand_score(*pair) for pair in combinations(splits, 2)) < 0.6


def test_a_single_split_tests_a_random_fifth(drawn):
    splits = [make_folds(drawn, SINGLE, seed, count=1) for seed in range(3)]
    for ((train_rows, test_rows),) in splits:
        assert len(test_rows) == round(len(drawn) / 5)
        assert sorted([*train_rows, *test_rows]) == list(range(len(drawn)))
    assert len({tuple(test_rows) for ((_, test_rows),) in splits}) == 3
    with pytest.raises(ValueError, match="folds is 5; a single split has one"):
        make_folds(drawn, SINGLE, seed=0, count=5)


def test_rows_kept_apart_are_neither_trained_on_nor_tested(drawn):
    for seed in range(3):
        ((trains, tests),), ((kept, same),) = (make_folds(drawn, protocol, seed, count=1) for protocol in (SINGLE, KEPT_APART))
        np.testing.assert_array_equal(same, tests)
        assert set(kept) < set(trains) and len(trains) - len(kept) == round(0.2 * len(trains))
        share = [np.bincount(drawn.labels[rows]) / len(rows) for rows in (trains, kept)]
        np.testing.assert_allclose(*share, atol=0.005)  # as even as whole rows allow


@pytest.mark.parametrize(
    ("change", "protocol", "words"),
    [
        ({"labels": np.r_[0, 0, 0, 1 + np.arange(57) % 2]}, "random", "Angry has 3 rows, fewer than the 5 folds"),
        ({"labels": np.full(60, 2)}, "random", "all rows are Fear; at least two"),
        ({"groups": np.repeat(["a", "b", "c"], 20)}, "person-independent", "3 groups cannot fill 5 folds"),
        ({}, "leave one out", "'leave one out'; it must be one of random, person-independent, single split"),
        ({"labels": np.arange(60) // 5 % 12 // 11}, "person-independent", "no Disgust to train on"),
    ],
    ids=["rare emotion", "one emotion", "few groups", "unknown protocol", "emotion of one person"],
)
def test_data_that_cannot_be_split_are_refused(tiny, change, protocol, words):
    with pytest.raises(ValueError, match=words):
        make_folds(replace(tiny, **change), protocol, seed=0)


class TestCheck:
    fold = np.arange(60) // 5 % 4  # three persons a fold

    @EACH
    def test_passes_a_good_split(self, tiny, protocol):
        check(tiny, pairs_of(self.fold, 4), protocol)

    def test_catches_a_group_on_both_sides_where_none_may_be(self, tiny):
        fold = np.where(np.arange(60) == 7, 3, self.fold)
        check(tiny, pairs_of(fold, 4), "random")
        with pytest.raises(ValueError, match="same group, person 1"):
            check(tiny, pairs_of(fold, 4), "person-independent")

    @pytest.mark.parametrize("change", [lambda test: np.r_[test, 59], lambda test: test[1:]], ids=["twice", "never"])
    def test_catches_a_row_not_tested_once(self, tiny, change):
        (train, test), *others = pairs_of(self.fold, 4)
        with pytest.raises(ValueError, match="exactly once"):
            check(tiny, [(train, change(test)), *others], "random")

    def test_catches_an_empty_fold(self, tiny):
        with pytest.raises(ValueError, match="fold 5 is empty"):
            check(tiny, pairs_of(self.fold, 5), "random")

    def test_catches_a_row_trained_on_and_tested(self, tiny):
        (train, test), *others = pairs_of(self.fold, 4)
        with pytest.raises(ValueError, match="fold 1 .*tests rows that it trained on"):
            check(tiny, [(np.r_[train, test[:1]], test), *others], "random")

    def test_catches_an_emotion_never_trained_on(self, tiny):
        fold = np.where(tiny.labels == 1, 1, np.arange(60) // 20 // 2 * 2)
        with pytest.raises(ValueError, match="fold 2 has no Disgust to train on"):
            check(tiny, pairs_of(fold, 3), "random")


class TestCheckScaling:
    def test_passes_scaling_fitted_on_the_training_rows(self, drawn):
        for protocol in PROTOCOLS:
            for train_rows, _ in make_folds(drawn, protocol, seed=0):
                check_scaling(scale(drawn, "LPQ", train_rows), train_rows)

    def test_passes_a_constant_feature(self, tiny):
        tiny.features["LPQ"][:, 2] = 0.7
        check_scaling(scale(tiny, "LPQ", np.arange(40)), np.arange(40))

    def test_catches_a_scaler_fitted_on_all_rows(self, tiny):
        tiny.features["LPQ"][55, 3] = 9.0
        with pytest.raises(ValueError, match="spans .* over the training rows, not 0 to 1: the scaling saw other rows"):
            check_scaling(scale(tiny, "LPQ"), np.arange(40))

    def test_training_stops_when_scaling_leaks(self, tiny, monkeypatch):
        monkeypatch.setattr(material, "scale", lambda data, modality, rows: scale(data, modality))
        with pytest.raises(ValueError, match="the scaling saw other rows"):
            train(tiny, sweep(folds=3), jobs=1)
