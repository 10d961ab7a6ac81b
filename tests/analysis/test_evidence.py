"""Rows of evidence against hand-made predictions, and what they must hold."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.metrics import accuracy_score, recall_score

from emolib import paper
from emolib.analysis import evidence
from emolib.analysis.evidence import (
    PAPER_MODELS,
    Condition,
    angle_sweep,
    conditions,
    differences,
    evaluate,
    repetitions,
    survivors,
    table3_sweep,
    width_sweep,
)
from emolib.analysis.statistics import RESAMPLES, better_than_chance, fold_recall
from emolib.folds import HALVES, PROTOCOLS, SINGLE, make_folds
from emolib.models import FusionNet, ShallowNet
from emolib.pruning import prune_network
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train


def fold_of_rows(data, protocol, repetitions):
    fold = np.full((repetitions, len(data)), -1)
    for seed in range(repetitions):
        for number, (_, test) in enumerate(make_folds(data, protocol, seed, 3)):
            fold[seed, test] = number
    return fold


def condition(data, model, right, seed=0, **setting):
    """A model that is right on a random share of rows, in two repetitions."""
    random = np.random.default_rng(seed)
    scores = random.random((2, len(data), len(data.classes)))
    known = random.random((2, len(data))) < right
    scores[known, np.broadcast_to(data.labels, known.shape)[known]] += 1
    fold = fold_of_rows(data, "person-independent", 2)
    return Condition(model, "person-independent", "printed", scores, fold, data, 3, setting)


def rows_of(table, **columns):
    """The rows of a table whose columns hold these values."""
    return table[(table[list(columns)] == list(columns.values())).all(axis=1)]


@pytest.fixture
def two(tiny):
    return [condition(tiny, "good", 0.8), condition(tiny, "poor", 0.1, seed=1)]


def test_a_sweep_becomes_a_condition_for_each_setting_but_the_seed(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, ("shallow", "printed"), Recipe(epochs=2, learning_rate=1e-2))
    table = sweep(modality=tiny.modalities, protocol=PROTOCOLS, folds=3, seed=range(2))
    trained = train(tiny, table.assign(model=table["modality"] + " net"), jobs=1)
    found = conditions(trained)
    assert [(c.model, c.protocol, c.recipe) for c in found] == [
        (f"{m} net", p, "printed") for m in tiny.modalities for p in PROTOCOLS
    ]
    for c in found:
        assert c.scores.shape == (2, 60, 3) and not np.isnan(c.scores).any()
        assert c.fold.shape == (2, 60) and set(c.fold.ravel()) == {0, 1, 2}
    assert not set(tiny.groups[found[1].fold[0] == 0]) & set(tiny.groups[found[1].fold[0] != 0])
    with pytest.raises(ValueError, match="no column 'model'"):
        conditions(replace(trained, table=trained.table.drop(columns="model")))


def pooled(c):
    return [recall_score(c.data.labels, s.argmax(1), average="macro") for s in c.scores]


def test_fold_recalls_add_up_to_the_pooled_recall(two):
    c = two[0]
    weight = 1 / np.bincount(c.data.labels)[c.data.labels]
    share = np.array([[weight[fold == k].sum() for k in range(3)] for fold in c.fold])
    found = fold_recall(c.hit, c.fold, c.data.labels)
    np.testing.assert_allclose((found * share).sum(1) / weight.sum(), pooled(c), atol=1e-12)


def test_levels_hold_mean_interval_and_chance(two):
    table = evaluate(two)
    averages = rows_of(table, measure="recall", emotion="average").set_index("model")
    row = averages.loc["good"]
    assert row["id"] == "good, recall, average, person-independent, printed"
    assert row["ours"] == pytest.approx(np.mean(pooled(two[0])))
    assert row["seed_high"] == pytest.approx(max(pooled(two[0])))
    assert row["low"] < row["ours"] < row["high"] and row["null"] == pytest.approx(1 / 3, abs=0.05)
    assert row["p_holm"] < 0.05 < averages.loc["poor", "p_holm"]
    shares = rows_of(table, measure="accuracy").set_index("model")
    assert (shares["emotion"] == "average").all()  # it has no value by emotion
    right = [accuracy_score(two[0].data.labels, own) for own in two[0].predicted]
    assert shares.loc["good", "ours"] == pytest.approx(np.mean(right))
    assert shares.loc["good", "low"] < shares.loc["good", "ours"] < shares.loc["good", "high"]
    assert len(table) == 2 * (4 * 4 + 1) and table["id"].is_unique
    assert table[["low", "high"]].stack().between(0, 1).all()


def test_an_undefined_measure_is_counted_and_never_zero(tiny):
    always = np.tile([1.0, 0, 0], (2, 60, 1))
    fold = fold_of_rows(tiny, "random", 2)
    table = evaluate([Condition("m", "random", "printed", always, fold, tiny, 3)])
    row = rows_of(table, measure="precision", emotion=tiny.classes[1]).iloc[0]
    assert row[["ours", "low", "high"]].isna().all() and row["undefined"] == 2
    assert rows_of(table, measure="recall", emotion=tiny.classes[0])["ours"].item() == 1


def test_limits_are_a_bootstrap_of_the_mean_over_repetitions_widened_for_the_folds(two):
    """Levels, differences and confusions, from persons drawn one by one and counted row by row. Of
    three folds a mean has 1 + 3 / 2 times the variance, one emotion 1 + 3 · 3 / 2 times.
    """
    data, classes = two[0].data, two[0].data.classes
    numbers = np.random.default_rng(0).integers(0, 12, (RESAMPLES, 12))
    rows = [np.flatnonzero(data.groups == person) for person in np.unique(data.groups)]
    every = [np.arange(60), *(np.concatenate([rows[n] for n in drawn]) for drawn in numbers)]
    pairs = 3 * data.labels + np.stack([c.predicted for c in two])  # [models, S, N]
    counts = np.array(
        [
            [[np.bincount(cell, minlength=9) for cell in model] for model in drawn]
            for drawn in (pairs[..., picked] for picked in every)
        ]
    )
    counts = counts.reshape(*counts.shape[:3], 3, 3)
    share = counts / counts.sum(-1, keepdims=True)
    recall, good = share.trace(axis1=-2, axis2=-1) / 3, share[:, 0]
    apart = good[..., ~np.eye(3, dtype=bool)].mean(-1)
    values = {
        "precision": counts[:, 0, :, 1, 1] / counts[:, 0, :, :, 1].sum(-1),
        "gap": recall[:, 0] - recall[:, 1],
        "confusion": (good[..., 0, 1] + good[..., 1, 0]) / 2 - apart,
    }
    levels, gaps = evaluate(two), differences(two, [("good", "poor")])
    found = {
        "precision": rows_of(levels, model="good", measure="precision", emotion=classes[1]),
        "gap": rows_of(gaps, emotion="average"),
        "confusion": evidence.confusions(two[:1], [classes[:2]]),
    }
    for name, part in {"precision": 3, "gap": 1, "confusion": 3}.items():
        estimate, *drawn = values[name].mean(1)
        moved = np.quantile(drawn, [0.025, 0.975]) - np.mean(drawn)
        theirs = np.clip(estimate + np.sqrt(1 + part * 3 / 2) * moved, -1, 1)
        np.testing.assert_allclose(found[name][["low", "high"]].to_numpy()[0], theirs, atol=1e-9)


def test_differences_are_signed_and_tested(two):
    rows = differences(two, [("good", "poor"), ("poor", "good")])
    assert len(rows) == 2 * 4 and rows["id"].is_unique
    averages = rows[rows["emotion"] == "average"].set_index("first")
    ahead, behind = averages.loc["good"], averages.loc["poor"]
    assert ahead["id"] == "good − poor, average, person-independent, printed"
    assert ahead["low"] > 0 and ahead["better"] > 0.95 and ahead["p"] < 0.05
    assert behind["estimate"] == pytest.approx(-ahead["estimate"])
    assert behind["worse"] == pytest.approx(ahead["better"])
    assert rows.loc[rows["emotion"] != "average", "p"].isna().all()


def test_only_models_of_one_setting_and_as_many_repetitions_are_compared(two):
    other, once = replace(two[1], protocol="random"), replace(two[1], scores=two[1].scores[:1])
    assert differences([two[0], other], [("good", "poor")]).empty
    with pytest.raises(ValueError, match="good has 2 repetitions and poor 1"):
        differences([two[0], once], [("good", "poor")])


def test_two_emotions_always_taken_for_each_other_are_confused_most(tiny):
    scores = np.eye(3)[np.array([1, 0, 2])[tiny.labels]][None]
    c = Condition("m", "random", "printed", scores, fold_of_rows(tiny, "random", 1), tiny, 3)
    one, other, third = tiny.classes
    rows = evidence.confusions([c], [(one, other), (one, third)])
    assert rows["estimate"].tolist() == pytest.approx([1 - 1 / 3, -1 / 3])


def test_the_printed_and_recomputed_rows_are_all_there(drawn):
    printed = evidence.printed().set_index("id")
    assert len(printed) == (6 + 3) * 8 and printed.index.is_unique
    assert printed.loc["paper, CNN fusion, Fear", "estimate"] == paper.TABLE_3["CNN fusion"][2]
    baseline = printed.loc[evidence.BASELINE]
    assert baseline["estimate"] == pytest.approx(np.mean(paper.SPI_BASELINE["recall"]))
    rows = evidence.of_data(drawn)
    of_modality = 2 * (2 + 2 * 5)  # smallest, largest, and two medians of each feature
    kinds = {"angle": 15, "parameters": 2, "data": of_modality + 2}  # and rows, and drawn
    assert rows["kind"].value_counts().to_dict() == kinds
    rows = rows.set_index("id")["estimate"]
    assert rows["rows"] == len(drawn)
    shallow, cnn = (
        sum(p.numel() for p in net.parameters())
        for net in (ShallowNet(5, 16, 7), FusionNet(1, 5, 7))
    )
    assert [rows["parameters, shallow"], rows["parameters, CNN"]] == [shallow, cnn] == [215, 4439]
    feature = drawn.features["PHOG"][:, 2]
    assert rows["median, PHOG, feature 3"] == pytest.approx(np.median(feature))
    scaled = (np.median(feature) - feature.min()) / np.ptp(feature)
    assert rows["scaled median, PHOG, feature 3"] == pytest.approx(scaled, abs=1e-6)


def test_rows_that_were_dropped_are_counted(drawn):
    done = [("row lacks one feature or more", 2, "dropped"), ("same features", 5, "kept")]
    repairs = pd.DataFrame(done, columns=drawn.repairs.columns)
    rows = evidence.of_data(replace(drawn, repairs=repairs)).set_index("id")
    assert rows.loc["rows", "estimate"] == len(drawn) + 2


def trained_on(c, units, loss, recipe="printed"):
    """The condition with what was noted of its networks."""
    networks = pd.DataFrame({"units": units, "train_loss": loss, "linear_share": 0.25})
    return replace(c, recipe=recipe, networks=networks)


def test_networks_that_improve_when_trained_on_had_not_converged(two):
    printed = trained_on(two[0], 3, [1.0, 1.0, 1.0, 1.0])
    longer = trained_on(two[0], 3, [0.98, 0.995, 1.0, 0.5], "converged")
    rows = evidence.of_networks([printed, longer])
    (falling,) = rows_of(rows, kind="falling")[["estimate", "low", "high"]].to_numpy()
    exact = [stats.beta.ppf(0.025, 2, 3), stats.beta.ppf(0.975, 3, 2)]
    assert falling.tolist() == pytest.approx([0.5, *exact], abs=1e-9)
    assert rows_of(rows, kind="linear")["estimate"].tolist() == [0.25, 0.25]


def test_compression_ratios_are_compared_by_a_paired_t_interval(two):
    setting = {"modality": "LPQ", "angle": 60.0, "activation_shift": 0.5}
    left, other = [3, 2, 3, 1, 2], [2, 4, 4, 3, 2]
    narrow, wide = (
        replace(trained_on(two[0], units, 1.0), setting=setting | {"hidden": hidden})
        for units, hidden in ((left, 6), (other, 16))
    )
    row = evidence.compression(narrow, wide).iloc[0]
    test = stats.ttest_rel(np.divide(left, 6), np.divide(other, 16))
    low, high = test.confidence_interval(0.95)
    assert row["estimate"] == pytest.approx(np.mean(left) / 6 - np.mean(other) / 16)
    assert [row["low"], row["high"]] == pytest.approx([low, high], abs=1e-12)


def test_all_that_the_claims_rest_on_is_gathered(tiny):
    right, named = iter(np.linspace(0.2, 0.8, 99)), ("Angry", "Surprise", "Sad")
    models = [
        trained_on(condition(replace(tiny, classes=named), model, next(right)), 3, [1.0, 2.0])
        for model in dict.fromkeys(["PHOG shallow", *sum(evidence.PAIRS, ())])
    ]
    models, variants = ([c for c in models if ("," in c.model) is has] for has in (False, True))
    widths = [
        trained_on(
            condition(tiny, f"{m}-{u}-{r}", next(right), modality=m, hidden=u, **setting), u, [1, 2]
        )
        for (r, setting), m, u in product(evidence.READINGS.items(), tiny.modalities, (16, 3, 7))
    ]
    angles = [
        condition(
            tiny, f"{m}/{a}/{s}", next(right), modality=m, hidden=16, angle=a, activation_shift=s
        )
        for m, s, a in product(tiny.modalities, (0.5, 0.0), (60, 0, 30))
    ]
    rows = evidence.collect_evidence(
        tiny,
        evidence.model_evidence(evaluate(models), models, variants),
        evidence.sweep_evidence(widths, angles),
    )
    assert rows["id"].is_unique
    gaps = rows[rows["kind"] == "difference"]
    steps = gaps.set_index(["first", "second"])["step"]
    pruned, unpruned = "pruned at 60°, shifted", "unpruned"
    assert set(steps.index) >= set(evidence.PAIRS)
    assert steps[f"PHOG-16-{pruned}", f"PHOG-16-{unpruned}"].eq("unpruned to pruned").all()
    for a, b, step in ((16, 3, "narrow to wide"), (7, 3, "narrow to middle")):
        assert steps[f"LPQ-{a}-{pruned}", f"LPQ-{b}-{pruned}"].eq(step).all()
    assert set(rows_of(gaps, step="middle to wide")["hidden"]) == {16}
    assert set(rows_of(gaps, step="to 60°")["angle"]) == {0, 30}
    means = rows_of(rows, kind="by angle", emotion="average").set_index("model")["estimate"]
    for shift, angle in product((0.5, 0.0), (0, 30)):
        high, low = f"PHOG/60/{shift}", f"PHOG/{angle}/{shift}"
        gap = rows_of(gaps, first=high, second=low, emotion="average")["estimate"].item()
        assert gap == pytest.approx(means[high] - means[low])
    held = rows[rows["kind"] == "by width"]
    tried = set(zip(held["modality"], held["hidden"], held["angle"], strict=True))
    assert tried == set(product(tiny.modalities, (3, 7, 16), (0, 60)))
    assert len(rows_of(rows, kind="compression")) == 2 * len(evidence.READINGS)


def test_later_evidence_replaces_rows_of_the_same_id(tiny, two):
    first = evaluate(two, ("recall",)).rename(columns={"ours": "estimate"}).assign(kind="recall")
    again = first[:2].assign(estimate=7.0)
    rows = evidence.collect_evidence(tiny, first, again).set_index("id")["estimate"]
    assert rows.index.is_unique
    assert rows[first["id"]].tolist() == [7.0, 7.0, *first["estimate"][2:]]


def cut(c, rows):
    """The condition on some rows only, as data of their own."""
    features = {m: values[rows] for m, values in c.data.features.items()}
    parts = {part: getattr(c.data, part)[rows] for part in ("labels", "groups", "names")}
    data = replace(c.data, features=features, **parts)
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
        pair = [tuple(two[0].data.classes[:2])]
        for table in (
            evaluate,
            partial(differences, pairs=[("good", "poor")]),
            partial(evidence.confusions, pairs=pair),
            evidence.estimates,
        ):
            found = table([untested(c, self.rows) for c in two])
            alone = table([cut(c, ~self.rows) for c in two])
            pd.testing.assert_frame_equal(found, alone)
            assert (found["tested"] == 45).all() and not found.filter(["low"]).isna().any(axis=None)

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
    trained = train(data, table.assign(model="a"), jobs=1)
    (c,) = conditions(trained)
    rows = np.concatenate([result.test_rows for result in trained.results])
    predicted = np.concatenate([result.scores for result in trained.results]).argmax(1)
    found = evaluate([c], ("recall", "precision")).set_index(["measure", "emotion"])
    recalls = recall_score(data.labels[rows], predicted, average=None, labels=range(3))
    np.testing.assert_allclose(found.loc["recall", "ours"][:3], recalls, atol=1e-12)
    assert (found["tested"] == len(rows)).all() and c.folds == folds
    p = differences([c, replace(c, model="b")], [("a", "b")])["p"]
    assert p.notna().sum() == (kept == 3)  # a t-test of one fold does not exist


def test_rows_of_a_sweep_are_matched_by_position(tiny):
    """Whatever the index: doubled, of text, shuffled; the same networks, the same conditions."""
    parts = [
        sweep(modality=m, max_epochs=3, learning_rate=0.05, folds=3, seed=range(2)).assign(model=m)
        for m in ("LPQ", "PHOG")
    ]
    plain = {c.model: c for c in conditions(train(tiny, pd.concat(parts, ignore_index=True)))}
    doubled = pd.concat(parts)
    text = doubled.set_axis([f"row {7 * n % 12}" for n in range(12)])
    for table in (doubled, text, doubled.sample(frac=1, random_state=1)):
        found = conditions(train(tiny, table))
        assert len(found) == 2
        for c in found:
            same = {scores.tobytes() for scores in plain[c.model].scores}
            assert {scores.tobytes() for scores in c.scores} == same and len(same) == 2


def test_unknown_persons_resample_rows_and_exchange_all_labels(two):
    c = replace(two[0], data=replace(two[0].data, groups=None), protocol="random")
    alone = replace(c.data, groups=np.array([f"{row}" for row in range(60)]))
    table = evaluate([c], ("recall",))
    np.testing.assert_allclose(table["low"], table["row_low"], atol=1e-12)
    null, p = better_than_chance(c.data.labels, c.predicted, np.zeros(60), 3, folds=3)
    np.testing.assert_array_equal(table[["null", "p"]], np.transpose([null, p]))
    rows = differences([c, replace(c, model="other")], [("good", "other")])
    assert (rows["estimate"] == 0).all()
    assert set(evidence.of_data(c.data)["measure"].dropna()) >= {"persons"}
    assert "persons" not in set(evidence.of_data(alone)["measure"])


def test_the_sweep_of_table_3_is_that_of_each_model_by_itself(tiny):
    table = table3_sweep(tiny, folds=3, seeds=2, max_epochs=7)
    shared = {"protocol": PROTOCOLS, "recipe": ["printed", "converged"], "folds": 3}
    alone = [
        sweep(**choices, **shared, seed=range(2), max_epochs=7).assign(model=model)
        for model, choices in PAPER_MODELS.items()
    ]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True))


def test_widths_and_angles_are_named_by_what_varies(tiny):
    widths = width_sweep(tiny, [3, 16], folds=2)
    shifts = {"pruned at 60°, shifted": 0.5, "pruned at 60°, as they are": 0.0}
    for row in widths.itertuples():
        model, reading = row.model.split(" units, ")
        assert model == f"{row.modality} shallow, {row.hidden}"
        assert row.angle == (60 if reading in shifts else 0)
        assert row.activation_shift == shifts.get(reading, 0.5)
    assert widths["model"].nunique() == 2 * 2 * 3
    angles = angle_sweep(tiny, [0, 7.5], folds=2)
    assert len(widths) == 3 * 2**5 and len(angles) == 2**6
    chosen = angles[angles["model"] == "PHOG shallow, 7.5°, as they are"]
    assert (chosen["activation_shift"] == 0).all() and (chosen["angle"] == 7.5).all()


def test_unknown_persons_leave_random_folds_alone(tiny):
    unknown = replace(tiny, groups=None)
    assert repetitions(unknown)["protocol"] == ("random",)
    assert set(table3_sweep(tiny, folds=2, protocol=HALVES)["protocol"]) == {HALVES}
    for table in (table3_sweep(unknown), width_sweep(unknown, [6]), angle_sweep(unknown, [60])):
        assert set(table["protocol"]) == {"random"}


@pytest.mark.parametrize("choices", [{"seeds": 1.5}, {"folds": "5"}, {"seeds": True}])
def test_counts_of_a_sweep_are_whole(tiny, choices):
    ((name, value),) = choices.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number"):
        table3_sweep(tiny, **choices)


def test_as_many_units_stay_as_pruning_at_each_angle_leaves():
    torch.manual_seed(4)
    net, x = ShallowNet(hidden=12), np.random.default_rng(4).normal(size=(80, 5)).astype(np.float32)
    before = [value.clone() for value in net.parameters()]
    minimal = [0, 5, 30, 60, 90]
    degrees, alive = survivors(net, x, minimal)
    assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))
    shifted = {"activation_shift": 0.5}
    pruned = [prune_network(net, x, angle=angle, **shifted) for angle in minimal]
    left = [smaller.hidden.out_features for smaller in pruned]
    assert alive.sum(1).tolist() == left and left[0] == 12 and left[-1] < 12
    for angle, kept in zip(minimal, alive, strict=True):
        pairs = degrees[np.ix_(kept, kept)][np.triu_indices(kept.sum(), 1)]
        assert (pairs >= angle).all()
