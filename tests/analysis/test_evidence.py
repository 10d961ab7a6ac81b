"""Rows of evidence against hand-made predictions, and what they must hold."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import recall_score

from emolib import paper
from emolib.analysis import evidence
from emolib.analysis.evidence import (
    Condition,
    conditions,
    difference_id,
    differences,
    evaluate,
    fold_of_rows,
    level_id,
)
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train


def condition(data, model, right, seed=0, repetitions=2, **setting):
    """A model that is right on a random share of rows."""
    random = np.random.default_rng(seed)
    scores = random.random((repetitions, len(data), len(data.classes)))
    known = random.random((repetitions, len(data))) < right
    scores[known, np.broadcast_to(data.labels, known.shape)[known]] += 1
    fold = np.stack([fold_of_rows(data, "person-independent", s, 3) for s in range(repetitions)])
    return Condition(
        model,
        setting.get("protocol", "person-independent"),
        setting.get("recipe", "printed"),
        scores,
        fold,
        data,
    )


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
        condition(tiny, f"{modality} shallow, {units} units", next(right))
        for modality in tiny.modalities
        for units in (3, 7, 16)
    ]
    angles = [
        condition(tiny, f"{modality} shallow, {angle}°, {way}", next(right))
        for modality in tiny.modalities
        for way in ("shifted", "plain")
        for angle in (0, 60)
    ]
    named = replace(tiny, classes=("Angry", "Surprise", "Sad"))
    models = [replace(model, data=named) for model in models]
    rows = evidence.collect_evidence(evaluate(models), models, widths, angles)
    assert rows["id"].is_unique
    setting = ("person-independent", "printed")
    for wide, narrow in ((16, 3), (7, 3), (16, 7)):
        assert difference_id(
            f"LPQ shallow, {wide} units", f"LPQ shallow, {narrow} units", *setting
        ) in set(rows["id"])
    for way in ("shifted", "plain"):
        row = rows.set_index("id").loc[
            difference_id(f"PHOG shallow, 60°, {way}", f"PHOG shallow, 0°, {way}", *setting)
        ]
        means = rows[rows["kind"] == "recall"].set_index("id")["estimate"]
        ends = (means[level_id(f"PHOG shallow, {angle}°, {way}", *setting)] for angle in (60, 0))
        assert row["estimate"] == pytest.approx(next(ends) - next(ends))
