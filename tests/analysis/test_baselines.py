"""Classifiers from scikit-learn: settings chosen inside the training rows, scores from outside
them.
"""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolib.analysis import baselines, statistics
from emolib.analysis.baselines import CANDIDATES, CHOSEN, ensemble, nested
from emolib.analysis.evidence import conditions, differences, evaluate, table3_sweep
from emolib.folds import HALVES, PROTOCOLS, make_folds
from emolib.metrics import predict
from emolib.training.train import train

ONE = {
    "logistic regression": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [1.0]},
    )
}


def stacked(data):
    return np.hstack([data.features[m] for m in data.modalities]).astype(float)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("size", [60, 40])
def test_scores_are_those_of_a_classifier_fitted_on_the_training_rows_alone(
    tiny, monkeypatch, protocol, size
):
    """Of many rows a sample trains and tests."""
    monkeypatch.setattr(statistics, "SAMPLE", size)
    (condition,) = nested(tiny, protocol, seeds=2, folds=3, candidates=ONE)
    x, rows = stacked(tiny), statistics.stratified_sample(tiny.labels)
    np.testing.assert_array_equal(np.flatnonzero(condition.tested), rows)
    assert (evaluate([condition], ("recall",))["tested"] == size).all()
    for seed in range(2):
        for pair in make_folds(tiny, protocol, seed, 3):
            train, test = (np.intersect1d(part, rows) for part in pair)
            fitted = clone(ONE["logistic regression"][0]).fit(x[train], tiny.labels[train])
            theirs = fitted.predict_proba(x[test])
            np.testing.assert_allclose(condition.scores[seed, test], theirs, atol=1e-12)


def test_inner_folds_stay_inside_the_training_rows_and_keep_persons_apart(tiny):
    train, _ = make_folds(tiny, "person-independent", 0, 3)[0]
    for fitted, held in baselines.inner_folds(tiny, train, "person-independent", 0):
        assert len(fitted) + len(held) <= len(train)
        assert not set(tiny.groups[train][fitted]) & set(tiny.groups[train][held])


def test_the_kind_with_the_best_inner_score_is_the_chosen_one(tiny, monkeypatch):
    inner_recall = {"first": 0.2, "second": 0.9}

    def search(name, grid, table, labels, classes, train, test, inner):
        return inner_recall[name], np.full((len(test), classes), inner_recall[name])

    monkeypatch.setattr(baselines, "_search", search)
    two = {"first": ("first", {}), "second": ("second", {})}
    found = {c.model: c.scores for c in nested(tiny, "random", 1, 3, two)}
    assert set(found) == {"first", "second", CHOSEN}
    np.testing.assert_array_equal(found[CHOSEN], found["second"])


def test_every_candidate_fits_and_scores_every_emotion(tiny):
    train, test = make_folds(tiny, "random", 0, 3)[0]
    x = stacked(tiny)
    inner = baselines.inner_folds(tiny, train, "random", 0)
    for name, (estimator, grid) in CANDIDATES.items():
        small = {key: values[:1] for key, values in grid.items()}
        recall, scores = baselines._search(estimator, small, x, tiny.labels, 3, train, test, inner)
        assert scores.shape == (len(test), 3) and np.isfinite(scores).all() and recall > 0.3, name


def test_an_ensemble_is_the_mean_of_all_repetitions(tiny):
    (condition,) = nested(tiny, "random", 2, 3, ONE)
    together = ensemble(condition)
    np.testing.assert_allclose(together.scores[0], condition.scores.mean(0))
    assert together.model == "logistic regression, 2 together"


def test_networks_and_classifiers_are_paired_on_the_same_two_halves(tiny):
    """By row and by fold: the difference of their recalls has an interval and a t-test."""
    table = table3_sweep(tiny, 2, 2, 3, "converged", {"net": {"modality": "PHOG"}}, HALVES)
    (network,) = conditions(train(tiny, table, jobs=1))
    (classifier,) = nested(tiny, HALVES, 2, 2, ONE)
    np.testing.assert_array_equal(network.fold, classifier.fold)
    assert classifier.protocol == network.protocol == HALVES
    gap = differences([network, classifier], [("net", "logistic regression")]).iloc[-1]
    ours, theirs = (
        np.mean([recall_score(tiny.labels, own, average="macro") for own in c.predicted])
        for c in (network, classifier)
    )
    assert gap["estimate"] == pytest.approx(ours - theirs)
    assert gap["low"] <= gap["estimate"] <= gap["high"] and 0 <= gap["p"] <= 1


def test_unknown_persons_are_nested_in_random_folds(tiny):
    unknown = replace(tiny, groups=None)
    (found,), (known,) = (nested(data, "random", 1, 3, ONE) for data in (unknown, tiny))
    np.testing.assert_array_equal(found.scores, known.scores)
    with pytest.raises(ValueError, match="do not say who is who"):
        nested(unknown, "person-independent", 1, 3, ONE)


def test_a_split_leaves_the_other_rows_untested(tiny):
    numbers = np.arange(60)
    test = numbers % 4 == 3
    data = replace(tiny, splits={"official": (numbers[~test], numbers[test])})
    (condition,) = nested(data, "official", 1, 1, ONE)
    assert (condition.predicted[0, ~test] == -1).all() and (condition.tested == test).all()
    recall = evaluate([condition], ("recall",)).set_index("emotion").loc["average"]
    theirs = recall_score(tiny.labels[test], condition.predicted[0, test], average="macro")
    assert recall["ours"] == pytest.approx(theirs) and recall["tested"] == 15


def test_an_emotion_without_a_training_row_is_never_predicted(tiny):
    train = np.flatnonzero(tiny.labels != 1)
    inner = baselines.inner_folds(tiny, train, "random", 0)
    search = tiny.labels, 3, train, np.arange(60), inner
    _, scores = baselines._search(*ONE["logistic regression"], stacked(tiny), *search)
    assert set(predict(scores)) == {0, 2}


@pytest.mark.parametrize("counts", [(1.5, 3), (1, "3")])
def test_counts_are_whole(tiny, counts):
    with pytest.raises(ValueError, match="it must be a whole number"):
        nested(tiny, "random", *counts, ONE)
