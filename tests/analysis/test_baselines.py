"""Classifiers from scikit-learn: settings chosen inside the training rows, scores from outside
them.
"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolib.analysis import baselines
from emolib.analysis.baselines import CANDIDATES, CHOSEN, SVM, ensemble, nested
from emolib.analysis.evidence import evaluate
from emolib.folds import PROTOCOLS, make_folds

ONE = {
    "logistic regression": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [1.0]},
    )
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scores_are_those_of_a_classifier_fitted_on_the_training_rows_alone(tiny, protocol):
    (condition,) = nested(tiny, protocol, seeds=2, folds=3, candidates=ONE, jobs=1)
    x = np.hstack([tiny.features[m] for m in tiny.modalities]).astype(float)
    for seed in range(2):
        for train, test in make_folds(tiny, protocol, seed, 3):
            theirs = (
                make_pipeline(StandardScaler(), LogisticRegression())
                .fit(x[train], tiny.labels[train])
                .predict_proba(x[test])
            )
            np.testing.assert_allclose(condition.scores[seed, test], theirs, atol=1e-12)


def test_inner_folds_stay_inside_the_training_rows_and_keep_persons_apart(tiny):
    train, _ = make_folds(tiny, "person-independent", 0, 3)[0]
    for fitted, held in baselines._inner(
        tiny.labels[train], tiny.groups[train], "person-independent", 0
    ):
        assert len(fitted) + len(held) <= len(train)
        assert not set(tiny.groups[train][fitted]) & set(tiny.groups[train][held])


def test_the_kind_with_the_best_inner_score_is_the_chosen_one(tiny, monkeypatch):
    inner = {"first": 0.2, "second": 0.9}

    def search(name, grid, table, labels, groups, train, test, protocol, seed, classes):
        return inner[name], np.full((len(test), classes), inner[name])

    monkeypatch.setattr(baselines, "_search", search)
    found = {
        c.model: c.scores
        for c in nested(
            tiny, "random", 1, 3, {"first": ("first", {}), "second": ("second", {})}, jobs=1
        )
    }
    assert set(found) == {"first", "second", CHOSEN}
    np.testing.assert_array_equal(found[CHOSEN], found["second"])


def test_the_baseline_runs_in_two_halves_of_persons(tiny):
    (condition,) = nested(tiny, "person-independent", 1, 2, SVM, jobs=1)
    assert set(condition.fold[0]) == {0, 1}
    assert not set(tiny.groups[condition.fold[0] == 0]) & set(tiny.groups[condition.fold[0] == 1])
    recall = evaluate([condition], ("recall",)).set_index("emotion").loc["average", "ours"]
    assert recall > 0.5  # the class shifts every feature


def test_every_candidate_fits_and_scores_every_emotion(tiny):
    train, test = make_folds(tiny, "random", 0, 3)[0]
    x = np.hstack([tiny.features[m] for m in tiny.modalities]).astype(float)
    for name, (estimator, grid) in CANDIDATES.items():
        small = {key: values[:1] for key, values in grid.items()}
        inner, scores = baselines._search(
            estimator, small, x, tiny.labels, tiny.groups, train, test, "random", 0, 3
        )
        assert scores.shape == (len(test), 3) and np.isfinite(scores).all() and inner > 0.3, name


def test_an_ensemble_is_the_mean_of_all_repetitions(tiny):
    (condition,) = nested(tiny, "random", 2, 3, ONE, jobs=1)
    together = ensemble(condition)
    np.testing.assert_allclose(together.scores[0], condition.scores.mean(0))
    assert together.model == "logistic regression, 2 together"
