"""Rows of evidence against hand-made predictions, and what they must hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from emolib import paper
from emolib.analysis import evidence
from emolib.analysis.evidence import (
    Condition,
    conditions,
    difference_id,
    differences,
    evaluate,
    level_id,
)
from emolib.analysis.statistics import better_than_chance
from emolib.folds import SINGLE, make_folds
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train


def fold_of_rows(data, protocol, seed, count):
    fold = np.full(len(data), -1)
    for number, (_, test) in enumerate(make_folds(data, protocol, seed, count)):
        fold[test] = number
    return fold


def condition(data, model, right, seed=0, repetitions=2, **setting):
    """A model that is right on a random share of rows."""
    random = np.random.default_rng(seed)
    scores = random.random((repetitions, len(data), len(data.classes)))
    known = random.random((repetitions, len(data))) < right
    scores[known, np.broadcast_to(data.labels, known.shape)[known]] += 1
    fold = np.stack([fold_of_rows(data, "person-independent", s, 3) for s in range(repetitions)])
    protocol = setting.pop("protocol", "person-independent")
    recipe = setting.pop("recipe", "printed")
    return Condition(model, protocol, recipe, scores, fold, data, setting=setting)


@pytest.fixture
def two(tiny):
    return [condition(tiny, "good", 0.8), condition(tiny, "poor", 0.1, seed=1)]


def test_a_sweep_becomes_a_condition_for_each_setting_but_the_seed(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, ("shallow", "printed"), Recipe(epochs=2, learning_rate=1e-2))
    table = sweep(
        modality=["LPQ", "PHOG"], protocol=["random", "person-independent"], folds=3, seed=range(2)
    )
    trained = train(tiny, table, jobs=1)
    found = conditions(trained, lambda row: f"{row['modality']} net")
    assert [(c.model, c.protocol, c.recipe) for c in found] == [
        (f"{m} net", p, "printed")
        for m in ("LPQ", "PHOG")
        for p in ("random", "person-independent")
    ]
    for c in found:
        assert c.scores.shape == (2, 60, 3) and not np.isnan(c.scores).any()
        assert c.fold.shape == (2, 60) and set(c.fold.ravel()) == {0, 1, 2}
    assert not set(tiny.groups[found[1].fold[0] == 0]) & set(tiny.groups[found[1].fold[0] != 0])


def test_fold_recalls_add_up_to_the_pooled_recall(two):
    c = two[0]
    weight = 1 / np.bincount(c.data.labels)[c.data.labels]
    share = (
        np.array([[weight[fold == k].sum() for k in range(3)] for fold in c.fold]) / weight.sum()
    )
    pooled = [recall_score(c.data.labels, s.argmax(1), average="macro") for s in c.scores]
    np.testing.assert_allclose((c.fold_recall * share).sum(1), pooled, atol=1e-12)


def test_levels_hold_mean_interval_and_chance(two):
    table = evaluate(two).set_index("id")
    row = table.loc[level_id("good", "person-independent", "printed")]
    pooled = [recall_score(two[0].data.labels, s.argmax(1), average="macro") for s in two[0].scores]
    assert row["ours"] == pytest.approx(np.mean(pooled)) and row["seed_high"] == pytest.approx(
        max(pooled)
    )
    assert row["low"] < row["ours"] < row["high"] and row["null"] == pytest.approx(1 / 3, abs=0.05)
    assert (
        row["p_holm"]
        < 0.05
        < table.loc[level_id("poor", "person-independent", "printed"), "p_holm"]
    )
    assert len(table) == 2 * 4 * 4 and table.index.is_unique
    assert (table[["low", "high"]].stack() >= 0).all() and (
        table[["low", "high"]].stack() <= 1
    ).all()


def test_an_undefined_measure_is_counted_and_never_zero(tiny):
    always = np.zeros((2, 60, 3))
    always[:, :, 0] = 1
    fold = np.stack([fold_of_rows(tiny, "random", s, 3) for s in range(2)])
    table = evaluate([Condition("m", "random", "printed", always, fold, tiny)]).set_index("id")
    row = table.loc[level_id("m", "random", "printed", "precision", tiny.classes[1])]
    assert np.isnan(row[["ours", "low", "high"]].astype(float)).all() and row["undefined"] == 2
    assert table.loc[level_id("m", "random", "printed", emotion=tiny.classes[0]), "ours"] == 1


def test_differences_are_signed_and_tested(two):
    rows = differences(two, [("good", "poor"), ("poor", "good")]).set_index("id")
    setting = ("person-independent", "printed")
    ahead, behind = (
        rows.loc[difference_id("good", "poor", *setting)],
        rows.loc[difference_id("poor", "good", *setting)],
    )
    assert ahead["low"] > 0 and ahead["better"] > 0.95 and ahead["p"] < 0.05
    assert behind["estimate"] == pytest.approx(-ahead["estimate"])
    assert behind[["worse", "better"]].tolist() == pytest.approx(
        ahead[["better", "worse"]].tolist()
    )
    assert len(rows) == 2 * 4 and np.isnan(
        rows.loc[difference_id("good", "poor", *setting, two[0].data.classes[0]), "p"]
    )


def test_only_models_of_one_setting_are_compared(two):
    other = replace(two[1], protocol="random")
    assert differences([two[0], other], [("good", "poor")]).empty


def test_two_emotions_always_taken_for_each_other_are_confused_most(tiny):
    scores = np.eye(3)[np.array([1, 0, 2])[tiny.labels]][None]
    c = Condition("m", "random", "printed", scores, fold_of_rows(tiny, "random", 0, 3)[None], tiny)
    one, other, third = tiny.classes
    rows = evidence.confusions([c], "m", [(one, other), (one, third)])
    assert rows["estimate"].tolist() == pytest.approx([1 - 1 / 3, -1 / 3])


def test_the_printed_and_recomputed_rows_are_all_there(drawn):
    printed = evidence.printed().set_index("id")
    assert len(printed) == 6 * 8 + 3 * 7
    assert printed.loc["paper, CNN fusion, Fear", "estimate"] == paper.TABLE_3["CNN fusion"][2]
    of_data = evidence.of_data(drawn)
    assert (of_data["kind"] == "angle").sum() == 15 and (of_data["kind"] == "data").sum() == 2 * (
        2 + 4
    )


def test_all_that_the_claims_rest_on_is_gathered(tiny):
    right = iter(np.linspace(0.2, 0.8, 20))
    models = [
        condition(tiny, model, next(right))
        for model in dict.fromkeys(["PHOG shallow", *sum(evidence.PAIRS, ())])
    ]
    widths = [
        condition(tiny, f"{m}-{units}", next(right), modality=m, hidden=units)
        for m in tiny.modalities
        for units in (16, 3, 7)
    ]
    angles = [
        condition(tiny, f"{m}/{angle}/{shift}", next(right), **setting)
        for m in tiny.modalities
        for shift in (0.5, 0.0)
        for angle in (60, 0)
        for setting in [{"modality": m, "angle": angle, "activation_shift": shift}]
    ]
    named = replace(tiny, classes=("Angry", "Surprise", "Sad"))
    models = [replace(model, data=named) for model in models]
    rows = evidence.collect_evidence(evaluate(models), models, widths, angles)
    assert rows["id"].is_unique
    setting = ("person-independent", "printed")
    for wide, narrow in ((16, 3), (7, 3), (16, 7)):
        assert difference_id(f"LPQ-{wide}", f"LPQ-{narrow}", *setting) in set(rows["id"])
    for shift in (0.5, 0.0):
        row = rows.set_index("id").loc[
            difference_id(f"PHOG/60/{shift}", f"PHOG/0/{shift}", *setting)
        ]
        means = rows[rows["kind"] == "recall"].set_index("id")["estimate"]
        ends = (means[level_id(f"PHOG/{angle}/{shift}", *setting)] for angle in (60, 0))
        assert row["estimate"] == pytest.approx(next(ends) - next(ends))
    held = rows[rows["hidden"].notna()]
    assert set(zip(held["modality"], held["hidden"], strict=True)) == {
        (m, units) for m in tiny.modalities for units in (3, 7, 16)
    }


def cut(c, rows):
    """The condition on some rows only, as data of their own."""
    data = replace(
        c.data,
        features={m: values[rows] for m, values in c.data.features.items()},
        labels=c.data.labels[rows],
        groups=c.data.groups[rows],
        names=c.data.names[rows],
    )
    return replace(c, scores=c.scores[:, rows], fold=c.fold[:, rows], data=data)


def untested(c, rows):
    """The condition with these rows tested by no network."""
    scores, fold = c.scores.copy(), c.fold.copy()
    scores[:, rows], fold[:, rows] = np.nan, -1
    return replace(c, scores=scores, fold=fold)


class TestUntestedRows:
    rows = np.arange(60) % 4 == 3

    def test_change_nothing_that_is_measured_on_the_others(self, two):
        """Every number is that of the tested rows as data of their own."""
        for table in (evaluate, lambda found: differences(found, [("good", "poor")])):
            found = table([untested(c, self.rows) for c in two])
            alone = table([cut(c, ~self.rows) for c in two])
            pd.testing.assert_frame_equal(found, alone)
            assert (found["tested"] == 45).all() and not found["low"].isna().any()
        pair = [tuple(two[0].data.classes[:2])]
        pd.testing.assert_frame_equal(
            evidence.confusions([untested(two[0], self.rows)], "good", pair),
            evidence.confusions([cut(two[0], ~self.rows)], "good", pair),
        )
        pd.testing.assert_frame_equal(
            evidence.estimates([untested(two[0], self.rows)]),
            evidence.estimates([cut(two[0], ~self.rows)]),
        )

    def test_leave_levels_that_are_scikit_learn_s(self, two):
        data, scores = two[0].data, two[0].scores[:, ~self.rows]
        truth = data.labels[~self.rows]
        found = evaluate([untested(two[0], self.rows)]).set_index(["measure", "emotion"])["ours"]
        for c, emotion in enumerate(data.classes):
            area = [average_precision_score(truth == c, s[:, c]) for s in scores]
            assert found["average precision", emotion] == pytest.approx(np.mean(area), abs=1e-6)
        for measure, theirs in (("recall", recall_score), ("precision", precision_score)):
            mean = np.mean([theirs(truth, s.argmax(1), average="macro") for s in scores])
            assert found[measure, "average"] == pytest.approx(mean, abs=1e-12)

    def test_may_be_all_rows(self, two):
        nothing = [untested(c, slice(None)) for c in two]
        table = evaluate(nothing)
        assert (table["tested"] == 0).all()
        assert table[["ours", "low", "high", "p", "p_holm", "null"]].isna().all(axis=None)
        rows = differences(nothing, [("good", "poor")])
        assert rows[["estimate", "low", "high", "p", "better"]].isna().all(axis=None)

    def test_may_differ_between_models(self, two):
        """A difference is measured on the rows that both were tested on, and has no t-test."""
        rows = differences([two[0], untested(two[1], self.rows)], [("good", "poor")])
        alone = differences([cut(c, ~self.rows) for c in two], [("good", "poor")])
        pd.testing.assert_series_equal(rows["estimate"], alone["estimate"])
        assert rows["p"].isna().all() and (rows["tested"] == 45).all()

    def test_may_lack_an_emotion(self, two):
        """The average is over the emotions that were tested, as scikit-learn's balanced accuracy."""
        c = two[0]
        found = evaluate([untested(c, c.data.labels == 1)], ("recall",)).set_index("emotion")
        assert np.isnan(found.loc[c.data.classes[1], "ours"])
        assert found.loc["average", "ours"] == pytest.approx(
            found.loc[list(c.data.classes[::2]), "ours"].mean()
        )
        assert found.loc["average", "p"] < 0.05


@pytest.mark.parametrize(
    ("protocol", "folds", "kept"),
    [("official", 1, None), (SINGLE, 1, None), ("random", 4, 1), ("random", 4, 3)],
)
def test_split_and_cut_sweeps_are_measured_on_their_tested_rows(tiny, protocol, folds, kept):
    numbers = np.arange(60)
    test = numbers % 4 == 3
    data = replace(tiny, splits={"official": (numbers[~test], numbers[test])})
    table = sweep(
        modality="PHOG", learning_rate=0.05, max_epochs=5, protocol=protocol, folds=folds, seed=3
    )
    table = table if kept is None else table[table["fold"] < kept]
    trained = train(data, table, jobs=1)
    (c,) = conditions(trained, lambda row: row["modality"])
    rows = np.concatenate([result.test_rows for result in trained.results])
    predicted = np.concatenate([result.scores for result in trained.results]).argmax(1)
    found = evaluate([c], ("recall", "precision")).set_index(["measure", "emotion"])
    recalls = recall_score(data.labels[rows], predicted, average=None, labels=range(3))
    np.testing.assert_allclose(found.loc["recall", "ours"][:3], recalls, atol=1e-12)
    assert (found["tested"] == len(rows)).all() and c.fold_count == folds
    p = differences([c, replace(c, model="b")], [("PHOG", "b")])["p"]
    assert p.notna().sum() == (kept == 3)  # a t-test of one fold does not exist


def test_rows_of_a_sweep_are_matched_by_position(tiny):
    """Whatever the index: doubled, of text, shuffled; the same networks, the same conditions."""
    parts = [
        sweep(modality=m, max_epochs=3, learning_rate=0.05, folds=3, seed=range(2))
        for m in ("LPQ", "PHOG")
    ]
    plain = conditions(
        train(tiny, pd.concat(parts, ignore_index=True)), lambda row: row["modality"]
    )
    doubled = pd.concat(parts)
    text = doubled.set_axis([f"row {7 * n % 12}" for n in range(12)])
    shuffled = doubled.sample(frac=1, random_state=1)
    for table in (doubled, text, shuffled):
        found = conditions(train(tiny, table), lambda row: row["modality"])
        assert len(found) == 2
        for c in found:
            (same,) = (other for other in plain if other.model == c.model)
            assert c.scores.shape == (2, 60, 3)
            key = lambda scores: scores.tobytes()  # noqa: E731
            assert sorted(map(key, c.scores)) == sorted(map(key, same.scores))


def test_a_sweep_names_its_models_by_a_column(tiny):
    table = sweep(modality=["LPQ", "PHOG"], max_epochs=1, folds=3)
    trained = train(tiny, table.assign(model=table["modality"] + " net"))
    assert [c.model for c in conditions(trained)] == ["LPQ net", "PHOG net"]
    with pytest.raises(ValueError, match="no column 'model'"):
        conditions(replace(trained, table=trained.table.drop(columns="model")))


def test_unknown_persons_resample_rows_and_exchange_all_labels(two):
    c = replace(two[0], data=replace(two[0].data, groups=None), protocol="random")
    alone = replace(c.data, groups=np.array([f"{row}" for row in range(60)]))
    table = evaluate([c], ("recall",))
    np.testing.assert_array_equal(table["low"], table["row_low"])
    chance = better_than_chance(c.data.labels, c.predicted, np.zeros(60), 3, folds=3)
    np.testing.assert_array_equal(table["p"], chance.p)
    np.testing.assert_array_equal(table["null"], chance.null)
    rows = differences([c, replace(c, model="other")], [("good", "other")])
    assert (rows["estimate"] == 0).all()
    assert set(evidence.of_data(c.data)["measure"].dropna()) >= {"persons"}
    assert "persons" not in set(evidence.of_data(alone)["measure"])


def test_models_with_other_repetitions_are_refused(two):
    with pytest.raises(ValueError, match="good has 2 repetitions and poor 1"):
        differences([two[0], replace(two[1], scores=two[1].scores[:1])], [("good", "poor")])
