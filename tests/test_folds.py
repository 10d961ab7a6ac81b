"""Splits: what each protocol promises, and that a broken promise is caught."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from emolib.data import EmotionData
from emolib.folds import (
    BY_PERSON,
    HALVES,
    KEPT_APART,
    PROTOCOLS,
    SINGLE,
    WHOLE,
    check,
    check_scaling,
    make_folds,
    protocols,
)
from emolib.paper import EMOTIONS
from emolib.training import scaling
from emolib.training.scaling import scale
from emolib.training.sweeps import sweep
from emolib.training.train import train

EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture(scope="module")
def films():
    """675 rows of 7 emotions, some rarer, in 50 groups, a few of them large, as films and their
    rows are in SFEW.
    """
    random = np.random.default_rng(675)
    share = 1 / np.arange(2, 52)
    return EmotionData(
        features={"LPQ": random.normal(size=(675, 5)).astype(np.float32)},
        labels=random.choice(7, 675, p=np.arange(3, 10) / 42),
        classes=EMOTIONS,
        groups=random.choice(50, 675, p=share / share.sum()),
        names=np.arange(675).astype(str),
        source="675 random rows",
        drawn=False,
        repairs=pd.DataFrame(columns=["found", "rows", "done"]),
    )


def pairs_of(fold, count):
    return [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)
    ]


def equal(pairs, others):
    """Whether two lists of folds are the same."""
    return all(
        np.array_equal(rows, other)
        for pair, same in zip(pairs, others, strict=True)
        for rows, other in zip(pair, same, strict=True)
    )


@pytest.mark.parametrize(
    ("protocol", "count"),
    [(p, n) for p in ("random", *BY_PERSON) for n in (2, 5) if (p, n) != (HALVES, 5)],
)
def test_each_row_is_tested_once_by_networks_that_saw_every_emotion(films, protocol, count):
    for seed in range(3):
        pairs = make_folds(films, protocol, seed, count)
        assert len(pairs) == count
        assert sorted(np.concatenate([test for _, test in pairs])) == list(range(len(films)))
        for trains, test in pairs:
            assert sorted([*trains, *test]) == list(range(len(films)))
            assert set(films.labels[trains]) == set(range(7))
            if protocol in BY_PERSON:
                assert not set(films.groups[trains]) & set(films.groups[test])
            if "plain" not in protocol:
                assert 0.5 < len(test) / (len(films) / count) < 1.5


def test_random_folds_keep_each_emotions_share(films):
    counts = [np.bincount(films.labels[test]) for _, test in make_folds(films, "random", seed=0)]
    assert np.ptp(counts, axis=0).max() <= 1


@pytest.mark.parametrize(
    ("protocol", "count"),
    [("random", 5), ("person-independent", 5), (SINGLE, 1), (KEPT_APART, 1), ("own", 1)],
)
def test_one_seed_is_one_split_and_no_caller_edits_another_s(films, protocol, count):
    films = replace(films, splits={"own": (np.arange(9), np.arange(9, 20))})
    first = make_folds(films, protocol, 1, count)
    kept = [(train.copy(), test.copy()) for train, test in first]
    assert equal(first, make_folds(replace(films), protocol, 1, count))  # nothing kept for these
    for pair in first:
        for rows in pair:
            rows[:] = 0
    first.pop()
    assert equal(kept, make_folds(films, protocol, 1, count))


def test_person_independent_folds_are_the_most_even_of_fifty_deals(films):
    def unevenness(pairs):
        tested = pd.Series(films.labels).groupby(
            np.select([np.isin(np.arange(675), test) for _, test in pairs], range(5))
        )
        counts = tested.value_counts().unstack(fill_value=0)
        return (counts - counts.mean()).abs().to_numpy().sum()

    deals = [GroupKFold(5, shuffle=True, random_state=number) for number in range(3000, 3050)]
    best = min(unevenness(list(deal.split(films.labels, groups=films.groups))) for deal in deals)
    assert unevenness(make_folds(films, "person-independent", seed=60)) == best
    plain = make_folds(films, "person-independent, plain", seed=60)
    assert equal(plain, list(deals[0].split(films.labels, groups=films.groups)))
    stratified = StratifiedGroupKFold(5, shuffle=True, random_state=3000)
    theirs = list(stratified.split(films.labels, films.labels, films.groups))
    assert equal(make_folds(films, "person-independent, stratified", seed=60), theirs)
    assert unevenness(theirs) < best < unevenness(plain)


def test_two_halves_are_two_person_independent_folds(films):
    halves = make_folds(films, HALVES, 3, 2)
    assert equal(halves, make_folds(films, "person-independent", 3, 2))
    assert equal([halves[0]], [halves[1][::-1]])
    with pytest.raises(ValueError, match="^folds is 5; 'two halves' needs folds=2$"):
        make_folds(films, HALVES, 3)


def test_a_plain_deal_that_leaves_an_emotion_untrained_is_passed_over(tiny):
    """The rows of two persons hold an emotion, and some deals test both in one fold."""
    data = replace(tiny, labels=np.where(np.arange(60) < 10, 2, np.arange(60) % 2))
    passed = 0
    for seed in range(8):
        splitters = [GroupKFold(2, shuffle=True, random_state=50 * seed + n) for n in range(50)]
        deals = [list(each.split(data.labels, groups=data.groups)) for each in splitters]
        trained = [all(2 in data.labels[train] for train, _ in deal) for deal in deals]
        passed += not trained[0]
        found = make_folds(data, "person-independent, plain", seed, 2)
        assert equal(found, deals[trained.index(True)])
    assert 0 < passed < 8


@EACH
def test_other_seeds_are_other_splits(films, protocol):
    splits = []
    for seed in range(4):
        fold = np.zeros(len(films))
        for number, (_, test) in enumerate(make_folds(films, protocol, seed)):
            fold[test] = number
        splits.append(fold)
    assert max(adjusted_rand_score(*pair) for pair in combinations(splits, 2)) < 0.6


@pytest.mark.parametrize(
    "official",
    [
        (np.arange(40), np.arange(40, 60)),
        (list(range(40)), np.arange(40.0, 60.0)),
        (np.arange(40, dtype=np.uint8), pd.Series(range(40, 60), index=range(20))),
    ],
    ids=range(3),
)
def test_a_split_of_the_data_s_own_is_taken_as_it_is(tiny, official):
    data = replace(tiny, splits={"official": official})
    assert data.digest != tiny.digest == replace(data, splits={}).digest
    ((train_rows, test_rows),) = make_folds(data, "official", 0, 1)
    assert train_rows.dtype == test_rows.dtype == np.intp
    assert train_rows.tolist() == list(range(40)) and test_rows.tolist() == list(range(40, 60))
    with pytest.raises(ValueError, match="^folds is 5; 'official' needs folds=1$"):
        make_folds(data, "official", 0, 5)
    with pytest.raises(ValueError, match="rows kept apart', 'all rows', 'official'$"):
        make_folds(data, "unofficial", 0, 1)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (([0, 1, 2], [2, 3]), "trains and tests on the same rows, of which the first is 2"),
        (([], [2, 3]), "rows that train, must be a list of at least one"),
        (([0, 1], []), "rows that test, must be a list of at least one"),
        (([0, 1], np.zeros(60, bool)), "rows that test, is False; it must be a whole number"),
        (([0, 60], [1]), "rows that train, is .*60.*; it must be .* at least 0 and at most 59"),
        (([0, 1], [-1]), "rows that test, is .*-1.*; it must be .* at least 0 and at most 59"),
        (([0, 1, 1], [2]), "rows that train, include 1 more than once"),
        (([0, 1.5], [2]), "rows that train, is 1.5; it must be a whole number"),
        (([0, 1], ["2"]), "rows that test, is .*'2'.*; it must be a whole number"),
        (([0, 1], [np.nan]), "rows that test, is .*nan.*; it must be a whole number"),
        (([[0, 1]], [2]), "rows that train, must be a list of at least one"),
        (([0, 1], [2], [3]), "must hold two sets of rows"),
    ],
    ids=range(12),
)
def test_a_split_of_one_s_own_that_is_no_split_is_refused(tiny, split, words):
    with pytest.raises(ValueError, match=f"^60 random rows: the split 'own'.* {words}"):
        make_folds(replace(tiny, splits={"own": split}), "own", 0, 1)


def test_all_rows_may_train_and_none_test(tiny):
    ((train_rows, test_rows),) = make_folds(tiny, WHOLE, 0, 1)
    assert train_rows.tolist() == list(range(60)) and not len(test_rows)


@pytest.mark.parametrize("protocol", ["random", SINGLE, KEPT_APART])
def test_unknown_persons_leave_random_folds(tiny, protocol):
    unknown, count = replace(tiny, groups=None), 5 if protocol == "random" else 1
    assert equal(make_folds(unknown, protocol, 3, count), make_folds(tiny, protocol, 3, count))
    assert protocols(unknown) == ("random",) and protocols(tiny) == PROTOCOLS
    for by_person in BY_PERSON:
        with pytest.raises(
            ValueError, match="^60 random rows: the data do not say who is who, so "
        ):
            make_folds(unknown, by_person, 3, 2)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "seed is 4294967296; it must be a whole number of at least 0 and at mo"),
        ({"seed": "0"}, "seed is '0'"),
        ({"count": 2.5}, "folds is 2.5; it must be a whole number"),
        ({"count": True}, "folds is True; it must be a whole number"),
        ({"count": 1}, "folds is 1; it must be a whole number of at least 2"),
        ({"protocol": SINGLE, "count": 0}, "folds is 0; it must be a whole number of at least 1"),
    ],
    ids=range(8),
)
def test_counts_that_are_not_whole_are_refused(tiny, choices, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        make_folds(tiny, **{"protocol": "random", "seed": 0} | choices)


def test_whole_numbers_of_any_type_are_taken(tiny):
    given = make_folds(tiny, "random", 1.0, np.float64(3))
    assert equal(given, make_folds(tiny, "random", 1, 3))


def test_a_single_split_tests_a_random_fifth_and_may_keep_a_fifth_of_the_others_apart(films):
    seen = set()
    for seed in range(3):
        ((trains, tests),) = make_folds(films, SINGLE, seed, count=1)
        ((kept, same),) = make_folds(films, KEPT_APART, seed, count=1)
        assert len(tests) == round(len(films) / 5)
        assert sorted([*trains, *tests]) == list(range(len(films)))
        np.testing.assert_array_equal(same, tests)
        assert set(kept) < set(trains) and len(trains) - len(kept) == round(0.2 * len(trains))
        share = [np.bincount(films.labels[rows]) / len(rows) for rows in (trains, kept)]
        np.testing.assert_allclose(*share, atol=0.005)  # as even as whole rows allow
        seen.add(tuple(tests))
    assert len(seen) == 3


RARE = np.r_[0, 0, 0, 1 + np.arange(57) % 2]  # three rows of the first emotion
THREE_GROUPS = np.repeat(["a", "b", "c"], 20)


@pytest.mark.parametrize(
    ("change", "protocol", "count", "words"),
    [
        ({"labels": RARE}, "random", 5, "Angry has 3 rows, fewer than the 5 folds"),
        ({"labels": np.full(60, 2)}, "random", 5, "all rows are Fear; at least two"),
        ({"groups": THREE_GROUPS}, "person-independent", 5, "3 groups cannot fill 5 folds"),
        ({}, SINGLE, 5, "folds is 5; 'single split' needs folds=1"),
        ({}, "leave one out", 5, "'leave one out'; it must be one of 'random', 'person-indepen"),
        # the emotion of one person
        *(
            ({"labels": np.arange(60) // 5 % 12 // 11}, protocol, 2, "no Disgust to train")
            for protocol in BY_PERSON
        ),
        ({"labels": np.r_[0, np.ones(59, int)]}, KEPT_APART, 1, "too few"),
    ],
    ids=range(10),
)
def test_data_that_cannot_be_split_are_refused(tiny, change, protocol, count, words):
    with pytest.raises(ValueError, match=words):
        for seed in range(9):
            make_folds(replace(tiny, **change), protocol, seed, count)


@pytest.mark.parametrize(
    ("change", "protocol"),
    [
        ({"labels": RARE}, "random"),
        ({"groups": THREE_GROUPS}, "person-independent"),
        ({"groups": np.arange(60)}, "person-independent"),
    ],
    ids=["rows of an emotion", "groups", "each row another person"],
)
def test_data_that_can_just_be_split_are_not(tiny, change, protocol):
    assert len(make_folds(replace(tiny, **change), protocol, 0, 3)) == 3


class TestCheck:
    fold = np.arange(60) // 5 % 4  # three persons per fold

    @EACH
    def test_passes_a_good_split(self, tiny, protocol):
        check(tiny, pairs_of(self.fold, 4), protocol)

    @pytest.mark.parametrize("protocol", BY_PERSON)
    def test_catches_a_group_on_both_sides_where_none_may_be(self, tiny, protocol):
        pairs = pairs_of(np.where(np.arange(60) == 7, 3, self.fold), 4)
        check(tiny, pairs, "random")
        with pytest.raises(ValueError, match="same group, person 1"):
            check(tiny, pairs, protocol)

    def test_catches_a_row_not_tested_once_or_trained_on_and_tested(self, tiny):
        (train, test), *others = pairs_of(self.fold, 4)
        once = "^the folds do not test every row exactly once$"
        for wrong, words in [
            ((train, np.r_[test, 59]), once),
            ((train, test[1:]), once),
            ((np.r_[train, test[:1]], test), "fold 1 .*tests rows that it trained on"),
        ]:
            with pytest.raises(ValueError, match=words):
                check(tiny, [wrong, *others], "random")

    def test_catches_an_empty_fold(self, tiny):
        with pytest.raises(ValueError, match="fold 5 is empty"):
            check(tiny, pairs_of(self.fold, 5), "random")

    @pytest.mark.parametrize("protocol", [SINGLE, KEPT_APART])
    def test_a_single_split_may_leave_rows_untested_but_test_none_twice(self, tiny, protocol):
        (train, test), *_ = pairs_of(self.fold, 4)
        check(tiny, [(train, test[::-1])], protocol)
        with pytest.raises(ValueError, match="exactly once"):
            check(tiny, [(train, np.r_[test, test[:1]])], protocol)

    def test_catches_an_emotion_never_trained_on(self, tiny):
        fold = np.where(tiny.labels == 1, 1, np.arange(60) // 20 // 2 * 2)
        with pytest.raises(ValueError, match="fold 2 has no Disgust to train on"):
            check(tiny, pairs_of(fold, 3), "random")


class TestCheckScaling:
    def test_passes_scaling_fitted_on_the_training_rows(self, films):
        for protocol in PROTOCOLS:
            for train_rows, _ in make_folds(films, protocol, seed=0):
                check_scaling(scale(films, "LPQ", train_rows), train_rows)

    def test_passes_a_constant_feature_and_what_single_precision_rounds(self, tiny):
        tiny.features["LPQ"][:, 2] = 0.7
        check_scaling(scale(tiny, "LPQ", np.arange(40)), np.arange(40))
        check_scaling(np.array([[5e-7], [1 - 5e-7]]), np.arange(2))

    def test_catches_a_scaler_fitted_on_all_rows(self, tiny):
        tiny.features["LPQ"][55, 3] = 9.0
        with pytest.raises(ValueError, match="spans .*, not 0 to 1: the scaling saw other rows"):
            check_scaling(scale(tiny, "LPQ"), np.arange(40))

    @pytest.mark.parametrize(("low", "high"), [(0.002, 1), (0, 0.998), (0.002, 0.002)])
    def test_names_the_feature_that_does_not_span_0_to_1_over_the_training_rows(self, low, high):
        scaled = np.array([[0, 0, 0], [1, 1, 1], [0, low, low], [1, high, high]])
        check_scaling(scaled, np.array([0, 1]))
        with pytest.raises(ValueError, match=f"^feature 2 spans {low:.3f} to {high:.3f} over the"):
            check_scaling(scaled, np.array([2, 3]))

    def test_training_stops_when_scaling_leaks(self, tiny, monkeypatch):
        monkeypatch.setattr(scaling, "scale", lambda data, modality, rows: scale(data, modality))
        with pytest.raises(ValueError, match="the scaling saw other rows"):
            train(tiny, sweep(folds=3), jobs=1)
