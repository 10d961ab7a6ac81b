"""The calibration itself: its classifier is ridge regression, its null is a null, and a leak does
not pass unseen.
"""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from emolib.analysis import calibration
from emolib.analysis.calibration import TESTS, calibrate, hat, shuffled
from emolib.folds import make_folds
from emolib.training.scaling import scale


def test_the_matrix_is_ridge_regression_out_of_fold(tiny):
    matrix, fold = hat(tiny, "PHOG", "person-independent", seed=1, folds=3)
    one_hot = np.eye(3)[tiny.labels]
    for number, (train, test) in enumerate(make_folds(tiny, "person-independent", 1, 3)):
        x = scale(tiny, "PHOG", train)
        x = (x - x[train].mean(0)) / x[train].std(0)
        theirs = Ridge(calibration.PENALTY).fit(x[train], one_hot[train]).predict(x[test])
        np.testing.assert_allclose((matrix @ one_hot)[test], theirs, atol=1e-5)
        assert (fold[test] == number).all() and (matrix[np.ix_(test, test)] == 0).all()


def test_labels_are_exchanged_within_groups_or_among_all(tiny):
    random = np.random.default_rng(0)
    groups = np.arange(60) % 7
    within = shuffled(tiny.labels, groups, random)
    for group in range(7):
        assert sorted(within[groups == group]) == sorted(tiny.labels[groups == group])
    assert (within != tiny.labels).any()
    assert sorted(shuffled(tiny.labels, None, random)) == sorted(tiny.labels)


@pytest.fixture(scope="module")
def rates(drawn):
    return calibrate(drawn, "person-independent", seeds=1, folds=5, shuffles=80, jobs=1).set_index(
        "test"
    )


def test_tests_find_nothing_where_nothing_is_about_as_often_as_they_say(rates):
    assert set(rates.index) == set(TESTS)
    for test in set(TESTS) - {"interval by row, not widened"}:
        rejected = round(rates.loc[test, "rejected"] * 80)
        assert stats.binomtest(rejected, 80, 0.05, alternative="greater").pvalue > 0.001, test


def test_forgetting_that_test_rows_train_is_rash(rates):
    assert (
        rates.loc["interval by row, not widened", "rejected"]
        >= rates.loc["interval of a difference", "rejected"]
    )


def test_a_classifier_that_saw_the_tested_rows_is_found_out(drawn, monkeypatch):
    """A planted leak: every row also scores itself."""

    def leaking(*arguments):
        matrix, fold = hat(*arguments)
        return matrix + np.eye(len(matrix), dtype=np.float32), fold

    monkeypatch.setattr(calibration, "hat", leaking)
    rates = calibrate(drawn, "person-independent", seeds=1, folds=5, shuffles=20, jobs=1).set_index(
        "test"
    )
    assert rates.loc["permutation within persons", "rejected"] == 1
