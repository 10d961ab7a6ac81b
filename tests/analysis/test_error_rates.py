"""The calibration itself: its classifier is ridge regression, its null is a null, and a leak does
not pass unseen.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolib.analysis import error_rates, statistics
from emolib.analysis.error_rates import TESTS, calibrate, predict, ridge
from emolib.folds import make_folds
from emolib.training.scaling import scale

BY_PERSON = "person-independent"


@pytest.mark.parametrize("size", [60, 40])
def test_scores_are_those_of_ridge_regression_out_of_fold(tiny, monkeypatch, size):
    """Of many rows a sample trains and tests."""
    monkeypatch.setattr(statistics, "SAMPLE", size)
    rows, pairs = statistics.stratified_sample(tiny.labels), make_folds(tiny, BY_PERSON, 1, 3)
    model = ridge(partial(scale, tiny, "PHOG"), pairs, rows)
    truth = np.eye(3)[tiny.labels]
    theirs = np.full((60, 3), np.nan)
    for number, (train, test) in enumerate(pairs):
        x = scale(tiny, "PHOG", train).astype(float)
        train, test = np.intersect1d(train, rows), np.intersect1d(test, rows)
        fitted = make_pipeline(StandardScaler(), Ridge(error_rates.PENALTY))
        theirs[test] = fitted.fit(x[train], truth[train]).predict(x[test])
        coefficients = model.matrix[number] @ truth[rows]
        np.testing.assert_allclose(model.design[model.fold == number] @ coefficients, theirs[test])
    (predicted,) = predict([model], tiny.labels[rows], 3)
    np.testing.assert_array_equal(predicted, theirs[rows].argmax(1))
    found = calibrate(tiny, "random", seeds=1, folds=3, shuffles=3)
    assert (found["rows"] == size).all()


@pytest.fixture(scope="module")
def rates(drawn):
    return calibrate(drawn, "person-independent", seeds=1, folds=5, shuffles=80).set_index("test")


def test_tests_find_nothing_where_nothing_is_about_as_often_as_they_say(rates):
    assert set(rates.index) == set(TESTS)
    for test in set(TESTS) - {"interval by row, not widened"}:
        rejected = round(rates.loc[test, "rejected"] * 80)
        assert stats.binomtest(rejected, 80, 0.05, alternative="greater").pvalue > 0.001, test
    naive, honest = "interval by row, not widened", "interval of a difference"
    assert rates.loc[naive, "rejected"] >= rates.loc[honest, "rejected"]


def test_a_classifier_that_saw_the_tested_rows_is_found_out(drawn, monkeypatch):
    """A planted leak: every row also trains its own classifier, and half of them are learnt."""

    def leaking(models, labels, classes):
        known = np.arange(len(labels)) % 2 == 0
        return np.where(known, labels, predict(models, labels, classes))

    monkeypatch.setattr(error_rates, "predict", leaking)
    rates = calibrate(drawn, "person-independent", seeds=1, folds=5, shuffles=20).set_index("test")
    assert rates.loc["permutation within persons", "rejected"] == 1


class TestOfFewRows:
    def test_unknown_persons_are_calibrated_by_rows(self, tiny):
        unknown = replace(tiny, groups=None)
        found = calibrate(unknown, "random", seeds=1, folds=3, shuffles=6)
        assert found["test"][0] == "permutation among all rows"
        assert found["rejected"].notna().all()
        assert (found["rows"] == 60).all() and (found["shuffles"] == 6).all()

    def test_a_split_is_calibrated_on_the_rows_that_it_tests(self, tiny):
        """Untested rows have no prediction; a t-test of one fold is undefined, not refused."""
        numbers = np.arange(60)
        test = numbers % 4 == 3
        data = replace(tiny, splits={"official": (numbers[~test], numbers[test])})
        pairs = make_folds(data, "official", 0, 1)
        model = ridge(partial(scale, data, "PHOG"), pairs, numbers)
        (predicted,) = predict([model], tiny.labels, 3)
        assert ((predicted >= 0) == test).all() and ((model.fold == 0) == test).all()
        found = calibrate(data, "official", seeds=1, folds=1, shuffles=4).set_index("test")
        t_tests = ["corrected resampled t-test", "Bayesian, outside equivalence"]
        assert found.loc[t_tests, "rejected"].isna().all()
        assert (found.loc[t_tests, "shuffles"] == 0).all()
        assert found.drop(t_tests)["rejected"].notna().all()

    @pytest.mark.parametrize("count", ["seeds", "folds", "shuffles"])
    def test_counts_are_whole(self, tiny, count):
        counts = {"seeds": 1, "folds": 3, "shuffles": 3} | {count: 2.5}
        with pytest.raises(ValueError, match=f"{count} is 2.5; it must be a whole number"):
            calibrate(tiny, "random", **counts)
