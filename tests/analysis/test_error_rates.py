"""The calibration itself: its classifier is ridge regression, its null is a null, and a leak does
not pass unseen.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolib.analysis import error_rates, statistics
from emolib.analysis.error_rates import (
    TESTS,
    calibrate,
    coverage,
    predict,
    ridge,
    simulate,
    simulated_hits,
)
from emolib.analysis.statistics import emotion_means
from emolib.folds import HALVES, make_folds
from emolib.training.scaling import scale

BY_PERSON = "person-independent"
PLAIN = f"{BY_PERSON}, plain"


@pytest.mark.parametrize("size", [60, 40])
def test_scores_are_those_of_ridge_regression_out_of_fold(tiny, monkeypatch, size):
    """Of many rows a sample trains and tests."""
    monkeypatch.setattr(statistics, "SAMPLE", size)
    rows, pairs = statistics.stratified_sample(tiny.labels), make_folds(tiny, BY_PERSON, 1, 3)
    model = ridge([(scale(tiny, "PHOG", own[0]), *own) for own in pairs], rows)
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


SETS, SEEDS, FOLDS = 160, 3, 5


@pytest.fixture(scope="module")
def simulated():
    """Simulated data sets, and whether rows are recognised in each."""
    sets = [simulate(200, number) for number in range(SETS)]
    return [(data, simulated_hits(data, PLAIN, SEEDS, FOLDS)[1]) for data in sets]


def covered(simulated, interval, planted=None):
    """Binomial interval of the share of intervals that hold the true mean recall."""
    means = [emotion_means(data.labels, hit, 7)(np.ones((1, 200))) for data, hit in simulated]
    truth, count = np.mean(means, 0)[0, -1], 0
    for number, (data, hit) in enumerate(planted or simulated):
        _, low, high = interval(data, hit, number)
        count += low[-1] <= truth <= high[-1]
    return statistics.binomial_share(int(count), SETS)[1:]


def real(data, hit, number):
    """The interval of this report."""
    factor = statistics.inflation(FOLDS, 7)
    return error_rates.intervals(data.labels, data.groups, hit, factor, number)


def test_simulated_faces_resemble_those_of_sfew():
    """As many of each emotion, films of very unequal size, clips of one emotion; the same numbers
    give the same faces.
    """
    data = simulate(675, 3)
    assert np.ptp(np.bincount(data.labels)) <= 1
    films = np.unique(data.groups, return_counts=True)[1]
    assert len(films) == 50 and 0.12 < films.max() / 675 < 0.16
    assert 16 < films.sum() ** 2 / (films**2).sum() < 21
    alike = np.mean(data.labels[1:] == data.labels[:-1])
    assert 0.6 < alike < 0.9  # two of three rows continue a clip
    assert simulate(675, 3).digest == data.digest != simulate(675, 4).digest


def test_coverage_is_the_share_of_sets_whose_interval_holds_the_mean_estimate():
    table = coverage(HALVES, rows=100, seeds=2, folds=2, sets=12).set_index("quantity")
    assert (table["sets"] == 12).all() and (table["rows"] == 100).all()
    estimates = []
    for number in range(12):
        data = simulate(100, number)
        worse, better = simulated_hits(data, HALVES, 2, 2)
        found = error_rates.intervals(
            data.labels, data.groups, better - worse, statistics.inflation(2, 7), number
        )
        estimates.append(found)
    estimate, low, high = np.array(estimates)[..., -1].T
    row = table.loc["difference of mean recalls"]
    assert row["truth"] == pytest.approx(estimate.mean())
    held = np.sum((low <= estimate.mean()) & (estimate.mean() <= high))
    assert row["covered"] == held / 12
    assert row[["low", "high"]].tolist() == pytest.approx(
        statistics.binomial_share(int(held), 12)[1:]
    )


class TestCoverage:
    """Intervals of mean recall on simulated data, whose truth is known: they hold it as often as
    they say, and each planted bias is found out.
    """

    def test_intervals_of_this_report_hold_the_truth_as_often_as_they_say(self, simulated):
        low, high = covered(simulated, real)
        assert low <= 0.95 <= high

    def test_a_leak_is_found_out(self, simulated, monkeypatch):
        """Tested rows also train."""

        def leaking(data, *arguments):
            return [(np.arange(len(data)), test) for _, test in make_folds(data, *arguments)]

        monkeypatch.setattr(error_rates, "make_folds", leaking)
        planted = [(data, simulated_hits(data, PLAIN, SEEDS, FOLDS)[1]) for data, _ in simulated]
        assert covered(simulated, real, planted)[1] < 0.95

    def test_seeds_counted_as_samples_are_found_out(self, simulated):
        def interval(data, hit, number):
            labels, rows = np.tile(data.labels, SEEDS), np.arange(hit.size)
            factor = statistics.inflation(FOLDS, 7)
            return error_rates.intervals(labels, rows, hit.reshape(1, -1), factor, number)

        assert covered(simulated, interval)[1] < 0.95

    @pytest.mark.parametrize("widened", [True, False])
    @pytest.mark.parametrize("by_person", [True, False])
    def test_intervals_too_narrow_are_found_out(self, simulated, by_person, widened):
        def interval(data, hit, number):
            units = data.groups if by_person else np.arange(len(data))
            factor = statistics.inflation(FOLDS if widened else 1, 7)
            return error_rates.intervals(data.labels, units, hit, factor, number)

        low, high = covered(simulated, interval)
        assert (high >= 0.95) == (by_person and widened)


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
        ((train, tested),) = make_folds(data, "official", 0, 1)
        model = ridge([(scale(data, "PHOG", train), train, tested)], numbers)
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

    @pytest.mark.parametrize("count", ["rows", "seeds", "folds", "sets"])
    def test_counts_of_a_simulation_are_whole(self, count):
        counts = {"rows": 100, "seeds": 1, "folds": 3, "sets": 3} | {count: 2.5}
        with pytest.raises(ValueError, match=f"{count} is 2.5; it must be a whole number"):
            coverage("random", **counts)
