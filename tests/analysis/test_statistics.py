"""Intervals and tests against independent implementations, closed forms, and properties that each
must have.
"""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import recall_score

from emolib.analysis.statistics import (
    Interval,
    better_than_chance,
    bootstrap,
    compare,
    detectable,
    emotion_means,
    holm,
    reject_share,
)


@pytest.fixture
def random():
    return np.random.default_rng(4)


def mean(values):
    return lambda weight: weight @ values / weight.sum(-1)


class TestBootstrap:
    def test_equals_scipy_s(self, random):
        values = random.normal(size=40)
        found = bootstrap(mean(values), np.arange(40), resamples=300, seed=7)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=300, method="percentile", rng=np.random.default_rng(7)
        )
        moved = values.mean() - theirs.bootstrap_distribution.mean()
        assert found.low == pytest.approx(theirs.confidence_interval.low + moved, abs=1e-9)
        assert found.high == pytest.approx(theirs.confidence_interval.high + moved, abs=1e-9)
        assert found.estimate == pytest.approx(values.mean(), abs=1e-12)

    def test_of_units_equals_scipy_s_bootstrap_of_their_totals(self, random):
        values, units = random.normal(size=60), np.repeat(np.arange(12), 5)
        found = bootstrap(mean(values), units, resamples=200, seed=1)
        theirs = stats.bootstrap(
            (values.reshape(12, 5).mean(1),),
            np.mean,
            n_resamples=200,
            method="percentile",
            rng=np.random.default_rng(1),
        )
        moved = values.mean() - theirs.bootstrap_distribution.mean()
        assert found.low == pytest.approx(theirs.confidence_interval.low + moved, abs=1e-9)

    def test_of_several_values_at_once_is_that_of_each(self, random):
        values = random.normal([0, 5], [1, 3], size=(40, 2))
        together = bootstrap(
            lambda weight: weight @ values / weight.sum(-1, keepdims=True), np.arange(40)
        )
        alone = [bootstrap(mean(column), np.arange(40)) for column in values.T]
        np.testing.assert_allclose(np.transpose(together), alone, atol=1e-12)

    def test_draws_a_thousand_resamples_from_seed_0_unless_told_otherwise(self, random):
        values, units = random.normal(size=40), np.arange(40) // 4
        assert bootstrap(mean(values), units) == bootstrap(
            mean(values), units, resamples=1000, seed=0
        )
        assert bootstrap(mean(values), units) != bootstrap(mean(values), units, seed=1)

    def test_is_wider_by_person_where_persons_differ_and_not_where_they_do_not(self, random):
        units = np.repeat(np.arange(20), 20)
        differ = np.repeat(random.normal(size=20), 20) + 0.1 * random.normal(size=400)
        alike = random.normal(size=400)
        width = lambda values, by: np.ptp(bootstrap(mean(values), by)[1:])  # noqa: E731
        assert width(differ, units) > 3 * width(differ, np.arange(400))
        assert 0.6 < width(alike, units) / width(alike, np.arange(400)) < 1.5

    def test_leaves_undefined_resamples_out_and_keeps_what_is_never_defined(self):
        def statistic(weight):
            return np.column_stack(
                [np.where(weight[:, 0] > 0, 1.0, np.nan), np.full(len(weight), np.nan)]
            )

        found = bootstrap(statistic, np.arange(3))
        np.testing.assert_array_equal(found.low, [1, np.nan])

    def test_covers_the_truth_as_often_as_it_says(self, random):
        inside = 0
        for trial in range(300):
            person = random.normal(size=40)
            found = bootstrap(
                mean(np.repeat(person, 5) + random.normal(size=200)),
                np.repeat(np.arange(40), 5),
                resamples=300,
                seed=trial,
            )
            inside += found.low <= 0 <= found.high
        assert stats.binomtest(inside, 300, 0.95).pvalue > 0.001


def test_emotion_means_are_recalls_and_their_mean(random):
    labels, predicted = random.integers(0, 4, 80), random.integers(0, 4, 80)
    found = emotion_means(labels, (labels == predicted).astype(float), 4)(np.ones((1, 80)))[0]
    np.testing.assert_allclose(
        found[:-1], recall_score(labels, predicted, average=None), atol=1e-12
    )
    assert found[-1] == pytest.approx(recall_score(labels, predicted, average="macro"), abs=1e-12)
    weight = random.integers(0, 4, (5, 80)).astype(float)
    several = emotion_means(labels, np.stack([labels == predicted] * 2).astype(float), 4)(weight)
    theirs = [recall_score(labels, predicted, average=None, sample_weight=w) for w in weight]
    np.testing.assert_allclose(several[:, 1, :-1], theirs, atol=1e-12)


def test_emotion_means_of_an_emotion_that_was_not_drawn_are_undefined():
    found = emotion_means(np.array([0, 0, 1]), np.array([1.0, 0, 1]), 2)(
        np.array([[1.0, 3, 0], [1, 0, 2]])
    )
    np.testing.assert_array_equal(found, [[0.25, np.nan, np.nan], [1, 1, 1]])


class TestInterval:
    def test_is_widened_about_its_estimate(self):
        wide = Interval(np.array([1.0, 3.0]), np.array([0.0, 2.5]), np.array([4.0, 3.5])).widened(2)
        np.testing.assert_array_equal(wide, [[1, 3], [-1, 2], [7, 4]])

    def test_is_widened_to_twice_the_variance_unless_told_otherwise(self):
        assert Interval(0.0, -1.0, 2.0).widened() == pytest.approx(
            (0, -np.sqrt(2), 2 * np.sqrt(2)), abs=1e-12
        )

    def test_of_a_share_ends_at_0_and_1(self):
        found = Interval(
            np.array([0.2, 0.9]), np.array([-0.1, 0.8]), np.array([0.5, 1.1])
        ).of_shares()
        np.testing.assert_array_equal(found, [[0.2, 0.9], [0, 0.8], [0.5, 1]])
        beyond = Interval(
            np.array([0.0, 1.0]), np.array([-0.2, 1.1]), np.array([-0.1, 1.2])
        ).of_shares()
        np.testing.assert_array_equal(beyond, [[0, 1], [0, 1], [0, 1]])

    def test_of_repetitions_is_their_mean_without_those_that_left_it_undefined(self):
        some = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
        np.testing.assert_array_equal(
            Interval(some, some - 1, some + 1).of_repetitions(),
            [[2, np.nan], [1, np.nan], [3, np.nan]],
        )


class TestChance:
    def test_null_mean_is_the_closed_form(self, random):
        """Exchanged within a stratum, a row gets the stratum's mix of labels: its expected hit is
        the share of its prediction.
        """
        labels, strata = random.integers(0, 3, 60), np.repeat(np.arange(6), 10)
        predicted = random.integers(0, 3, (1, 60))
        share = np.array(
            [np.mean(labels[strata == s] == p) for s, p in zip(strata, predicted[0], strict=True)]
        )
        expected = [share[predicted[0] == c].sum() / (labels == c).sum() for c in range(3)]
        found = better_than_chance(labels, predicted, strata, 3, folds=5, permutations=4000)
        np.testing.assert_allclose(found.null[:-1], expected, atol=0.01)
        np.testing.assert_allclose(
            found.recall[:-1], recall_score(labels, predicted[0], average=None), atol=1e-12
        )

    def test_of_two_emotions_in_one_stratum_is_fisher_s_exact_test(self):
        """41 of 120 rows are of the second emotion, 29 are taken for it, 12 of them rightly: hits
        are hypergeometric.
        """
        labels = np.repeat([1, 0], [41, 79])
        predicted = np.repeat([1, 0, 1, 0], [12, 29, 17, 62])
        found = better_than_chance(
            labels, predicted[None], np.zeros(120), 2, folds=10**9, permutations=20_000
        )
        hits = stats.hypergeom(120, 41, 29)
        recalls = lambda hit: [(50 + hit) / 79, hit / 41, ((50 + hit) / 79 + hit / 41) / 2]  # noqa: E731
        np.testing.assert_allclose(found.recall, recalls(12), atol=1e-12)
        np.testing.assert_allclose(found.null, recalls(hits.mean()), atol=0.001)
        np.testing.assert_allclose(
            found.p, stats.fisher_exact([[12, 29], [17, 62]], "greater").pvalue, atol=0.01
        )
        np.testing.assert_allclose(found.null_low, recalls(hits.ppf(0.025)), atol=1e-6)
        np.testing.assert_allclose(found.null_high, recalls(hits.ppf(0.975)), atol=1e-6)

    def test_of_an_emotion_that_never_occurs_is_undefined(self, random):
        labels, predicted = np.arange(60) % 3, random.integers(0, 3, (2, 60))
        three, four = (
            np.array(better_than_chance(labels, predicted, np.zeros(60), count, folds=5))
            for count in (3, 4)
        )
        np.testing.assert_array_equal(four[:, [0, 1, 2, 4]], three)
        assert np.isnan(four[:, 3]).all()

    def test_counts_the_measured_recall_in_and_draws_a_thousand_from_seed_0_unless_told_otherwise(
        self, random
    ):
        labels, predicted = np.arange(60) % 3, random.integers(0, 3, (2, 60))
        assert (
            better_than_chance(labels, labels[None], np.zeros(60), 3, folds=5).p == 1 / 1001
        ).all()
        default, told, other = (
            better_than_chance(labels, predicted, np.zeros(60), 3, 5, **options)
            for options in ({}, {"permutations": 1000, "seed": 0}, {"seed": 1})
        )
        np.testing.assert_array_equal(default, told)
        assert (default.null != other.null).any()

    def test_recall_is_the_mean_over_repetitions(self, random):
        labels, predicted = np.arange(60) % 3, random.integers(0, 3, (4, 60))
        found = better_than_chance(
            labels, predicted, np.zeros(60), 3, folds=5, permutations=10
        ).recall
        recalls = [recall_score(labels, one, average=None) for one in predicted]
        np.testing.assert_allclose(found, [*np.mean(recalls, 0), np.mean(recalls)], atol=1e-12)

    def test_knowing_the_person_alone_is_chance(self, random):
        """Each person has one favourite emotion, and the prediction is that favourite: no better
        than exchanged labels.
        """
        strata = np.repeat(np.arange(30), 10)
        favourite = random.integers(0, 4, 30)
        labels = np.where(random.random(300) < 0.7, favourite[strata], random.integers(0, 4, 300))
        found = better_than_chance(
            labels, favourite[strata][None], strata, 4, folds=5, permutations=700
        )
        assert found.recall[-1] > 0.6 and found.p[-1] == 1
        seen = better_than_chance(labels, labels[None], strata, 4, folds=5)
        assert seen.p[-1] < 0.01

    def test_fewer_folds_widen_the_null(self, random):
        labels, predicted = random.integers(0, 3, 90), random.integers(0, 3, (2, 90))
        two, ten = (
            better_than_chance(labels, predicted, np.zeros(90), 3, folds=k) for k in (2, 10)
        )
        ratio = (two.null_high - two.null_low) / (ten.null_high - ten.null_low)
        np.testing.assert_allclose(ratio, np.sqrt(2 / (10 / 9)), atol=1e-9)


class TestCompare:
    def test_equals_nadeau_and_bengio_s_formula(self, random):
        first, second = random.normal(size=(2, 10, 5))
        gap = (second - first).ravel()
        t = gap.mean() / np.sqrt((1 / 50 + 1 / 4) * gap.var(ddof=1))
        assert compare(first, second).p == pytest.approx(2 * stats.t.sf(abs(t), 49), abs=1e-9)
        assert compare(first, second).difference == pytest.approx(gap.mean(), abs=1e-12)
        assert compare(second, first).p == pytest.approx(compare(first, second).p, abs=1e-12)

    def test_posterior_equals_the_shifted_t(self, random):
        first, second = random.normal(size=(2, 4, 5))
        gap = (second - first).ravel()
        posterior = stats.t(19, gap.mean(), np.sqrt((1 / 20 + 1 / 4) * gap.var(ddof=1)))
        found = compare(first, second, rope=0.2)
        theirs = (posterior.cdf(-0.2), posterior.cdf(0.2) - posterior.cdf(-0.2), posterior.sf(0.2))
        assert found[2:] == pytest.approx(theirs, abs=1e-9)
        assert compare(first, second) == compare(first, second, rope=0.01)

    def test_a_model_against_itself_is_equivalent(self):
        same = np.arange(10.0).reshape(2, 5)
        assert compare(same, same) == (0, 1, 0, 1, 0)
        assert compare(same, same + 1)[1:] == (0, 0, 0, 1)


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, then never falling
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06], atol=1e-12)


def test_holm_is_bonferroni_on_every_subset(random):
    """Holm's procedure is closed testing with Bonferroni's: a test stands if all sets of tests that
    hold it do.
    """
    for p in random.random((20, 5)) ** 3:
        sets = [[i for i in range(5) if bits >> i & 1] for bits in range(1, 32)]
        closed = [max(min(1, len(s) * p[s].min()) for s in sets if i in s) for i in range(5)]
        np.testing.assert_allclose(holm(p), closed, atol=1e-12)


def test_the_detectable_difference_is_found_in_four_of_five_cases(random):
    interval = Interval(0.0, *stats.norm.interval(0.95))
    smallest = detectable(interval)
    assert smallest == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert detectable(interval.widened(3)) == pytest.approx(3 * smallest)
    z = random.normal(smallest, 1, 20_000)
    assert np.mean(z > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.01)


def test_the_share_of_rejections_has_the_exact_binomial_interval():
    share, low, high = reject_share(25, 500)
    assert share == 0.05
    assert low == pytest.approx(stats.beta.ppf(0.025, 25, 476), abs=1e-9)
    assert high == pytest.approx(stats.beta.ppf(0.975, 26, 475), abs=1e-9)
