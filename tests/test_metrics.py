"""Every measure against scikit-learn's, and what is undefined stays undefined."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_score,
    recall_score,
)

from emolib.analysis.evidence import by_emotion, spread
from emolib.folds import make_folds
from emolib.metrics import (
    MEASURES,
    accuracy,
    confusion,
    mean_recall,
    measures,
    predict,
)
from emolib.training.cache import NetworkResult
from emolib.training.sweeps import sweep
from emolib.training.train import Trained


@pytest.fixture(params=range(5))
def case(request):
    random = np.random.default_rng(request.param)
    labels = np.concatenate([np.arange(7), random.integers(0, 7, 93)])
    return labels, random.normal(size=(3, 100, 7)).round(1)  # rounded, so that there are ties


@pytest.mark.parametrize("weighted", [False, True])
def test_measures_equal_scikit_learn_s(case, weighted):
    labels, scores = case
    weight = np.random.default_rng(0).integers(0, 4, (4, 100)).astype(float) if weighted else None
    found, counts = measures(labels, scores, weight=weight), confusion(labels, scores, weight)
    assert tuple(found) == MEASURES
    for place in np.ndindex(counts.shape[:-2]):  # the last of these axes are repetitions
        own, predicted = scores[place[-1]], scores[place[-1]].argmax(1)
        known = {"sample_weight": weight[place[0]] if weighted else None}
        options = {"average": None, "zero_division": np.nan, **known}
        theirs = {
            "recall": recall_score(labels, predicted, **options),
            "precision": precision_score(labels, predicted, **options),
            "specificity": [recall_score(labels != c, predicted != c, **known) for c in range(7)],
            "average precision": [
                average_precision_score(labels == c, own[:, c], **known) for c in range(7)
            ],
        }
        np.testing.assert_array_equal(counts[place], confusion_matrix(labels, predicted, **known))
        share = accuracy_score(labels, predicted, **known)
        np.testing.assert_allclose(found["accuracy"][place], [*[np.nan] * 7, share], atol=1e-12)
        for measure, values in theirs.items():  # resamples are ranked in single precision
            within = 1e-6 if weighted and measure == "average precision" else 1e-12
            np.testing.assert_allclose(
                found[measure][place], [*values, np.mean(values)], atol=within
            )


def test_what_is_undefined_is_not_zero():
    labels = np.array([0, 0, 1, 1])
    scores = np.tile([1.0, 0.5, 0.0], (4, 1))  # always the first; the third never occurs
    found = measures(labels, scores)
    # the second is never predicted, the third never occurs; averages are over those that occur
    np.testing.assert_array_equal(found["recall"], [1, 0, np.nan, 0.5])
    np.testing.assert_array_equal(found["precision"], [0.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(found["specificity"], [0, 1, 1, 0.5])
    np.testing.assert_array_equal(found["average precision"], [0.5, 0.5, np.nan, 0.5])
    np.testing.assert_array_equal(found["accuracy"], [np.nan, np.nan, np.nan, 0.5])


def test_a_perfect_and_an_always_wrong_classifier():
    labels = np.arange(7).repeat(3)
    right, wrong = np.eye(7)[labels], np.eye(7)[(labels + 1) % 7]
    assert all((values[-1:] == 1).all() for values in measures(labels, right).values())
    assert (measures(labels, wrong)["recall"] == 0).all()


@pytest.mark.parametrize("weight", [None, np.arange(40).reshape(4, 10) % 3])
def test_any_number_of_leading_axes_is_measured_as_each_alone(weight):
    random = np.random.default_rng(1)
    labels, scores = random.integers(0, 3, 10), random.normal(size=(2, 5, 10, 3))
    together, counts = measures(labels, scores, weight=weight), confusion(labels, scores, weight)
    for place in np.ndindex(2, 5):
        where = place if weight is None else (slice(None), *place)
        np.testing.assert_array_equal(counts[where], confusion(labels, scores[place], weight))
        for measure, values in measures(labels, scores[place], weight=weight).items():
            np.testing.assert_array_equal(together[measure][where], values)


def test_resamples_may_leave_emotions_out():
    labels, scores = np.array([0, 0, 1, 1]), np.eye(2)[[0, 1, 1, 1]]
    found = measures(labels, scores, weight=np.array([[2.0, 1, 0, 0], [0, 0, 1, 0]]))
    # an average is over all emotions that occur among the rows themselves, or undefined
    nan = np.nan
    np.testing.assert_array_equal(found["recall"], [[2 / 3, nan, nan], [nan, 1, nan]])
    np.testing.assert_array_equal(found["precision"], [[1, 0, 0.5], [nan, 1, nan]])
    np.testing.assert_array_equal(found["specificity"], [[nan, 2 / 3, nan], [1, nan, nan]])
    np.testing.assert_allclose(found["average precision"], [[1, nan, nan], [nan, 1, nan]])
    np.testing.assert_allclose(found["accuracy"], [[nan, nan, 2 / 3], [nan, nan, 1]])


def test_only_what_is_asked_for_is_measured(monkeypatch):
    monkeypatch.setattr("emolib.metrics.average_precision", None)  # the slow one
    labels, scores = np.array([0, 1]), np.eye(2)
    assert list(measures(labels, scores, ("precision", "recall"))) == ["precision", "recall"]
    assert list(measures(labels, scores, "recall")) == ["recall"]
    for which in ("f1", ("recall", "f1")):
        with pytest.raises(ValueError, match="^measure is 'f1'; it must be one of 'recall', "):
            measures(labels, scores, which)


@pytest.fixture
def trained(tiny):
    """Two models of three repetitions; scores that no network gave, and one emotion that is never
    predicted.
    """
    table = sweep(modality=list(tiny.modalities), folds=3, seed=[0, 1, 2])
    added = dict.fromkeys(
        ["units", "parameters", "epochs", "train_loss", "train_accuracy", "linear_share"], 1
    )
    table = table.assign(**added, stopped=False, tested=20)
    random, results = np.random.default_rng(0), []
    for row in table.itertuples():
        _, test = make_folds(tiny, row.protocol, row.seed, row.folds)[row.fold]
        scores = random.normal(size=(len(test), 3)) - [0, 0, 9 * (row.seed == 2)]
        results.append(NetworkResult(scores, test, np.zeros(1), np.zeros(1), 1, 1.0, 0.0, False))
    return Trained(table, results, tiny)


def test_the_long_table_holds_each_measure_of_each_repetition_and_emotion(trained):
    table, scores = trained.out_of_fold()
    long = by_emotion(trained)
    assert list(long.columns) == [*table.columns, "emotion", "value", "measure"]
    of_all = long["measure"] == "accuracy"  # one value per repetition, and none by emotion
    assert set(long["emotion"][of_all]) == {"average"} and of_all.sum() == 6
    assert list(long.index) == list(range((len(MEASURES) - 1) * 6 * 4 + 6))
    wide = long.pivot(index=["modality", "seed"], columns=["measure", "emotion"], values="value")
    for place, row in enumerate(table.itertuples()):
        for measure, values in measures(trained.data.labels, scores[place]).items():
            ours = wide.loc[(row.modality, row.seed), measure]
            np.testing.assert_array_equal(ours.reindex([*trained.data.classes, "average"]), values)


def test_spread_is_over_repetitions_and_counts_what_is_undefined(trained):
    long, by = by_emotion(trained, ("recall", "precision")), ["modality", "measure", "emotion"]
    summary = spread(long, by)
    found = ["mean", "low", "high", "repetitions", "undefined", "tested"]
    assert list(summary.columns) == [*by, *found]
    # in the order of the long table
    pd.testing.assert_frame_equal(summary[by], long[by].drop_duplicates(ignore_index=True))
    for row in summary.itertuples():
        values = long[(long[by] == [row.modality, row.measure, row.emotion]).all(axis=1)]["value"]
        expected = values.mean(), values.min(), values.max()
        assert (row.mean, row.low, row.high) == pytest.approx(expected)
        # the third emotion is never predicted in the last repetition
        undefined = row.measure == "precision" and row.emotion in ("Fear", "average")
        assert (row.repetitions, row.undefined) == (3, undefined)


@pytest.fixture(params=["a fifth", "no row of one emotion", "a few numbers of a row"])
def partly_tested(request):
    """Labels, scores of three repetitions, and which rows of each were tested."""
    random, labels, rows = np.random.default_rng(5), np.arange(100) % 7, np.arange(100)
    scores = random.normal(size=(3, 100, 7)).round(1)
    if request.param == "a few numbers of a row":
        scores[:, 20:40, 3] = [[np.nan], [np.inf], [-np.inf]]
        return labels, scores, np.tile((rows < 20) | (rows >= 40), (3, 1))
    tested = (rows < 7) | (random.random((3, 100)) < 0.2)
    if request.param == "no row of one emotion":
        tested = np.tile(labels != 4, (3, 1))
    scores[~tested] = np.nan
    return labels, scores, tested


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_every_measure_leaves_out_rows_that_no_network_tested(partly_tested):
    labels, scores, tested = partly_tested
    weight = np.random.default_rng(0).integers(0, 3, (4, 100))
    found, weighted = measures(labels, scores), measures(labels, scores, weight=weight)
    for r, rows in enumerate(tested):
        alone, counted = (labels[rows], scores[r, rows]), weight[:, rows]
        for measure, values in measures(*alone).items():
            np.testing.assert_array_equal(found[measure][r], values)
        for measure, values in measures(*alone, weight=counted).items():
            np.testing.assert_array_equal(weighted[measure][:, r], values)
        predicted = scores[r, rows].argmax(1)
        np.testing.assert_array_equal(predict(scores[r])[rows], predicted)
        assert (predict(scores[r])[~rows] == -1).all()
        counts = confusion_matrix(labels[rows], predicted, labels=range(7))
        np.testing.assert_array_equal(confusion(labels, scores)[r], counts)
        balanced = balanced_accuracy_score(labels[rows], predicted)
        assert found["recall"][r, -1] == pytest.approx(balanced)
        assert found["accuracy"][r, -1] == accuracy_score(labels[rows], predicted)
        assert mean_recall(labels, predict(scores[r])) == pytest.approx(balanced)
        assert accuracy(labels, predict(scores[r])) == (predicted == labels[rows]).mean()


def test_nothing_tested_is_nothing_measured():
    labels, scores = np.array([0, 1, 1]), np.full((2, 3, 2), np.nan)
    assert (predict(scores) == -1).all() and not confusion(labels, scores).any()
    for values in measures(labels, scores).values():
        assert np.isnan(values).all()
    assert np.isnan(accuracy(labels, predict(scores[0])))
    assert np.isnan(mean_recall(labels, predict(scores[0])))


def test_the_long_table_counts_the_rows_that_were_tested(trained):
    part = Trained(trained.table[:1], trained.results[:1], trained.data)  # one fold of three
    _, test = make_folds(trained.data, "random", 0, 3)[0]
    long = by_emotion(part, ("recall",)).set_index("emotion")
    assert (long["tested"] == len(test)).all()
    predicted = trained.results[0].scores.argmax(1)
    theirs = recall_score(trained.data.labels[test], predicted, average=None)
    np.testing.assert_allclose(long["value"], [*theirs, theirs.mean()])


def test_spread_takes_a_missing_value_for_a_value_of_its_own():
    long = pd.DataFrame({"model": ["a", None, None], "value": [1.0, 2.0, 4.0], "tested": 5})
    assert spread(long, ["model"])["mean"].tolist() == [1, 3]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_labels_of_a_narrow_type_do_not_overflow(kind):
    assert confusion(np.arange(20, dtype=kind), np.eye(20)).trace() == 20


@pytest.mark.parametrize("labels", [[0, 2], [0, -1], [0.0, 1.0], [0]])
def test_labels_that_are_no_classes_of_the_rows_are_refused(labels):
    with pytest.raises(ValueError, match="labels must be whole numbers from 0 to 1, one per row"):
        confusion(np.array(labels), np.eye(2))
