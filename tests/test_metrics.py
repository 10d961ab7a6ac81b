"""Every measure against scikit-learn's, and what is undefined stays undefined."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, precision_score, recall_score

from emolib.metrics import by_emotion, confusion, mean_recall, measures, spread
from emolib.sweeps import RECIPES, Recipe, sweep
from emolib.training import train


@pytest.fixture(params=range(5))
def case(request):
    random = np.random.default_rng(request.param)
    labels = np.concatenate([np.arange(7), random.integers(0, 7, 93)])
    return labels, random.normal(size=(3, 100, 7)).round(1)  # rounded, so that there are ties


def test_measures_equal_scikit_learn_s(case):
    labels, scores = case
    found = measures(labels, scores)
    for r, repetition in enumerate(scores):
        predicted = repetition.argmax(1)
        np.testing.assert_array_equal(confusion(labels, scores)[r], confusion_matrix(labels, predicted))
        np.testing.assert_allclose(found["recall"][r], recall_score(labels, predicted, average=None), atol=1e-12)
        np.testing.assert_allclose(found["precision"][r], precision_score(labels, predicted, average=None), atol=1e-12)
        for c in range(7):
            specificity = recall_score(labels != c, predicted != c)
            np.testing.assert_allclose(found["specificity"][r, c], specificity, atol=1e-12)
            ranked = average_precision_score(labels == c, repetition[:, c])
            np.testing.assert_allclose(found["average precision"][r, c], ranked, atol=1e-12)


def test_weighted_measures_equal_scikit_learn_s(case):
    labels, scores = case
    weight = np.random.default_rng(0).integers(0, 4, (4, 100)).astype(float)
    found = measures(labels, scores, weight=weight)
    for b, row in enumerate(weight):
        for r, repetition in enumerate(scores):
            predicted = repetition.argmax(1)
            recall = recall_score(labels, predicted, average=None, sample_weight=row)
            np.testing.assert_allclose(found["recall"][b, r], recall, atol=1e-12)
            for c in range(7):
                specificity = recall_score(labels != c, predicted != c, sample_weight=row)
                np.testing.assert_allclose(found["specificity"][b, r, c], specificity, atol=1e-12)
                ranked = average_precision_score(labels == c, repetition[:, c], sample_weight=row)
                # resamples are ranked in single precision
                np.testing.assert_allclose(found["average precision"][b, r, c], ranked, atol=1e-6)


def test_what_is_undefined_is_not_zero():
    labels = np.array([0, 0, 1, 1])
    scores = np.tile([1.0, 0.5, 0.0], (4, 1))  # always the first; the third never occurs
    found = measures(labels, scores)
    np.testing.assert_array_equal(found["recall"], [1, 0, np.nan])
    np.testing.assert_array_equal(found["precision"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(found["specificity"], [0, 1, 1])
    np.testing.assert_array_equal(found["average precision"], [0.5, 0.5, np.nan])


def test_a_perfect_and_an_always_wrong_classifier():
    labels = np.arange(7).repeat(3)
    right, wrong = np.eye(7)[labels], np.eye(7)[(labels + 1) % 7]
    assert all((values == 1).all() for values in measures(labels, right).values())
    assert (measures(labels, wrong)["recall"] == 0).all()


def test_the_long_table_s_average_is_the_mean_of_the_emotions(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, ("shallow", "printed"), Recipe(epochs=30, learning_rate=1e-2))
    trained = train(tiny, sweep(modality=tiny.modalities[0], folds=3, seed=[0, 1, 2]), jobs=1)
    long = by_emotion(trained, ("recall",))
    assert len(long) == 3 * (len(tiny.classes) + 1)
    for _, part in long.groupby("seed"):
        values = part.set_index("emotion")["value"]
        assert values["average"] == pytest.approx(values.drop("average").mean())
    summary = spread(long, ["emotion"]).set_index("emotion")
    averages = long[long["emotion"] == "average"]["value"]
    assert summary.loc["average", ["mean", "low", "high"]].tolist() == pytest.approx(
        [averages.mean(), averages.min(), averages.max()]
    )
    assert (summary["undefined"] == 0).all() and (summary["repetitions"] == 3).all()


@pytest.mark.parametrize("occur", [range(7), [1, 4], [2]])
def test_mean_recall_is_scikit_learn_s_balanced_accuracy(occur):
    generator = np.random.default_rng(0)
    labels, predicted = generator.choice(occur, 60), generator.integers(0, 7, 60)
    assert mean_recall(labels, predicted) == pytest.approx(recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0))
