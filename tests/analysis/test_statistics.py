"""Intervals and tests against independent implementations, closed forms, and properties that each
must have.
"""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import recall_score

from emolib.analysis import statistics
from emolib.analysis.statistics import (
    Interval,
    better_than_chance,
    bootstrap,
    compare,
    detectable,
    emotion_means,
    holm,
    reject_share,
    stratified_sample,
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

    def test_is_the_same_in_parts(self, random, monkeypatch):
        """Many rows are resampled in parts of less memory, by the same random numbers."""
        values, units = random.normal(size=60), np.repeat(np.arange(12), 5)
        whole = bootstrap(mean(values), units, resamples=100, seed=3)
        monkeypatch.setattr(statistics, "PART", 7 * 60)
        parts = bootstrap(mean(values), units, resamples=100, seed=3)
        np.testing.assert_allclose(parts, whole, atol=1e-12)

    def test_of_no_rows_is_undefined(self):
        found = bootstrap(emotion_means(np.zeros(0, int), np.zeros(0), 3), np.zeros(0))
        assert np.isnan(found).all() and found.low.shape == (4,)

    @pytest.mark.parametrize("resamples", [0, 2.5, "9", False])
    def test_refuses_counts_that_are_not_whole(self, resamples):
        with pytest.raises(ValueError, match="resamples is .*; it must be a whole number"):
            bootstrap(mean(np.ones(3)), np.arange(3), resamples=resamples)


def test_emotion_means_leave_untested_rows_out(random):
    labels, hit = random.integers(0, 4, 80), random.integers(0, 2, (3, 80)).astype(float)
    tested = random.random((3, 80)) < 0.5
    weight = random.integers(0, 4, (5, 80)).astype(float)
    found = emotion_means(labels, np.where(tested, hit, np.nan), 4)(weight)
    for s in range(3):
        shown = tested[s]
        alone = emotion_means(labels[shown], hit[s, shown], 4)(weight[:, shown])
        np.testing.assert_allclose(found[:, s], alone, atol=1e-12)
    none = emotion_means(labels, np.full(80, np.nan), 4)(weight)
    assert np.isnan(none).all()


def test_emotion_means_average_over_the_emotions_that_were_tested():
    found = emotion_means(np.array([0, 0, 1]), np.array([1.0, 0, np.nan]), 3)(np.ones((1, 3)))
    np.testing.assert_array_equal(found, [[0.5, np.nan, np.nan, 0.5]])


@pytest.mark.parametrize("size", [10, 40, 61])
def test_a_stratified_sample_keeps_the_shares_of_the_emotions(random, size):
    labels = random.permutation(np.repeat([0, 1, 2], [40, 15, 5]))
    rows = stratified_sample(labels, size)
    assert len(rows) == min(size, 60) and (np.diff(rows) > 0).all()
    shares = np.bincount(labels[rows], minlength=3) - len(rows) * np.array([40, 15, 5]) / 60
    assert (abs(shares) <= 1).all()
    np.testing.assert_array_equal(rows, stratified_sample(labels, size))


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

    def test_untested_rows_change_nothing(self, random):
        labels, strata = random.integers(0, 3, 80), np.repeat(np.arange(8), 10)
        predicted = random.integers(0, 3, (2, 80))
        tested = random.random(80) < 0.6
        some = np.where(tested, predicted, -1)
        alone = better_than_chance(labels[tested], predicted[:, tested], strata[tested], 3, 5)
        np.testing.assert_array_equal(better_than_chance(labels, some, strata, 3, 5), alone)
        nothing = better_than_chance(labels, np.full((2, 80), -1), strata, 3, 5)
        assert np.isnan(nothing).all()

    def test_repetitions_may_test_different_rows(self, random):
        """Pooled over repetitions: a row counts as often as it was tested."""
        labels = random.integers(0, 3, 300)
        predicted = np.where(random.random((4, 300)) < 0.5, labels, random.integers(0, 3, (4, 300)))
        predicted[random.random((4, 300)) < 0.7] = -1
        found = better_than_chance(labels, predicted, None, 3, 5)
        shown = predicted.ravel() != -1
        truth = np.tile(labels, 4)[shown]
        pooled = recall_score(truth, predicted.ravel()[shown], average=None)
        np.testing.assert_allclose(found.recall[:-1], pooled, atol=1e-12)
        assert (found.p < 0.01).all() and (abs(found.null - 1 / 3) < 0.05).all()

    def test_unknown_persons_exchange_labels_among_all_rows(self, random):
        labels, predicted = random.integers(0, 3, 60), random.integers(0, 3, (2, 60))
        one = better_than_chance(labels, predicted, np.zeros(60), 3, 5)
        np.testing.assert_array_equal(better_than_chance(labels, predicted, None, 3, 5), one)

    def test_a_single_split_has_trained_nothing_on_the_labels_it_tests(self, random):
        labels, predicted = random.integers(0, 3, 90), random.integers(0, 3, (1, 90))
        one, many = (better_than_chance(labels, predicted, None, 3, k) for k in (1, 10**9))
        for part in ("recall", "null", "null_low", "null_high"):
            np.testing.assert_allclose(getattr(one, part), getattr(many, part), atol=1e-6)

    @pytest.mark.parametrize("name", ["folds", "permutations"])
    @pytest.mark.parametrize("value", [0, 2.5, "5", True, np.nan])
    def test_refuses_counts_that_are_not_whole(self, name, value):
        counts = {"folds": 5} | {name: value}
        with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number"):
            better_than_chance(np.zeros(4, int), np.zeros((1, 4), int), None, 3, **counts)

    def test_is_the_same_in_parts(self, random, monkeypatch):
        """Many rows are permuted in parts of less memory, by the same random numbers."""
        labels, predicted = random.integers(0, 3, 90), random.integers(0, 3, (2, 90))
        whole = better_than_chance(labels, predicted, np.arange(90) // 9, 3, 5, permutations=100)
        monkeypatch.setattr(statistics, "PART", 7 * 90)
        parts = better_than_chance(labels, predicted, np.arange(90) // 9, 3, 5, permutations=100)
        np.testing.assert_array_equal(parts, whole)


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

    def test_equals_baycomp_where_it_is_installed(self, random):
        baycomp = pytest.importorskip("baycomp")
        for first, second in random.normal(0.3, 0.02, size=(5, 2, 3, 5)):
            theirs = baycomp.CorrelatedTTest(first.ravel(), second.ravel(), 0.01, runs=3)
            found = compare(first, second)
            assert found[2:] == pytest.approx(theirs.probs(), abs=1e-12)
            assert found.difference == pytest.approx(theirs.mean, abs=1e-12)

    def test_widens_by_the_folds_that_were_cut_and_not_by_those_that_were_run(self, random):
        first, second = random.normal(size=(2, 1, 3))
        gap = (second - first).ravel()
        t = gap.mean() / np.sqrt((1 / 3 + 1 / 9) * gap.var(ddof=1))
        assert compare(first, second, 10).p == pytest.approx(2 * stats.t.sf(abs(t), 2), abs=1e-12)

    @pytest.mark.parametrize("shape", [(1, 1), (10, 1), (0, 1)])
    def test_of_a_single_fold_is_undefined(self, random, shape):
        found = compare(random.normal(size=shape), random.normal(size=shape))
        assert np.isnan(found[1:]).all()

    def test_of_a_fold_without_a_score_is_undefined(self):
        assert np.isnan(compare(np.array([[0.1, np.nan]]), np.array([[0.2, 0.3]]))).all()

    def test_a_model_against_itself_is_equivalent(self):
        same = np.arange(10.0).reshape(2, 5)
        assert compare(same, same) == (0, 1, 0, 1, 0)
        assert compare(same, same + 1)[1:] == (0, 0, 0, 1)


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, then never falling
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06], atol=1e-12)


def test_holm_leaves_undefined_tests_out():
    found = holm([0.03, np.nan, 0.01, 0.04, np.nan, 0.02])
    np.testing.assert_allclose(found, [0.06, np.nan, 0.04, 0.06, np.nan, 0.06], atol=1e-12)
    assert np.isnan(holm([np.nan])).all()


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
    assert np.isnan(reject_share(0, 0)).all()
