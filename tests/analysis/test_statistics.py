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
    binomial_share,
    compare,
    detectable,
    emotion_means,
    holm,
    inflation,
    stratified_sample,
)


@pytest.fixture
def random():
    return np.random.default_rng(4)


def mean(values):
    return lambda weight: weight @ values / weight.sum(-1)


def bootstrap(statistic, units, **options):
    return statistics.bootstrap(statistic, units, np.ones(len(units), bool), **options)


class TestBootstrap:
    @pytest.mark.parametrize("rows", [1, 5])
    def test_of_units_equals_scipy_s_bootstrap_of_their_means(self, random, rows):
        values, units = random.normal(size=(12, rows)), np.repeat(np.arange(12), rows)
        found = bootstrap(mean(values.ravel()), units, resamples=300, seed=7)
        options = {"n_resamples": 300, "method": "percentile", "rng": np.random.default_rng(7)}
        theirs = stats.bootstrap((values.mean(1),), np.mean, **options)
        moved = values.mean() - theirs.bootstrap_distribution.mean()
        limits = np.array(theirs.confidence_interval) + moved
        np.testing.assert_allclose(found, [values.mean(), *limits], atol=1e-9)

    def test_is_wider_by_person_where_persons_differ_and_not_where_they_do_not(self, random):
        units = np.repeat(np.arange(20), 20)
        differ = np.repeat(random.normal(size=20), 20) + 0.1 * random.normal(size=400)
        alike = random.normal(size=400)
        width = lambda values, by: np.ptp(bootstrap(mean(values), by)[1:])  # noqa: E731
        assert width(differ, units) > 3 * width(differ, np.arange(400))
        assert 0.6 < width(alike, units) / width(alike, np.arange(400)) < 1.5

    def test_leaves_undefined_resamples_out_and_keeps_what_is_never_defined(self):
        def statistic(weight):
            return np.where((weight[:, :1] > 0) & [True, False], 1.0, np.nan)

        found = bootstrap(statistic, np.arange(3))
        np.testing.assert_array_equal(found.low, [1, np.nan])

    def test_covers_the_truth_as_often_as_it_says(self, random):
        inside, units = 0, np.repeat(np.arange(40), 5)
        for trial in range(300):
            values = random.normal(size=40)[units] + random.normal(size=200)
            found = bootstrap(mean(values), units, resamples=300, seed=trial)
            inside += found.low <= 0 <= found.high
        assert stats.binomtest(inside, 300, 0.95).pvalue > 0.001

    def test_of_no_rows_is_undefined(self):
        found = bootstrap(emotion_means(np.zeros(0, int), np.zeros((2, 0)), 3), np.zeros(0))
        assert np.isnan(found).all() and found.low.shape == (4,)


def test_limits_equal_an_explicit_resampling_of_persons(random):
    """Of the mean over repetitions that test different rows, some emotions undefined in some: the
    same draws, row by row, and scikit-learn's recall.
    """
    labels, units = random.integers(0, 3, 60), random.choice(list("abcdefgh"), 60)
    predicted = np.where(random.random((4, 60)) < 0.3, -1, random.integers(0, 3, (4, 60)))
    hit = np.where(predicted == -1, np.nan, predicted == labels)

    def recalls(rows):
        each = np.full((4, 4), np.nan)
        for own, guess in zip(each, predicted[:, rows], strict=True):
            truth, guess = labels[rows][guess >= 0], guess[guess >= 0]
            present = np.unique(truth)
            own[present] = recall_score(truth, guess, labels=present, average=None)
            own[3] = own[:3].mean()
        return [np.mean(column[~np.isnan(column)]) for column in each.T]

    drawn, persons = [], np.unique(units)
    for numbers in np.random.default_rng(7).integers(0, 8, (200, 8)):
        rows = [np.flatnonzero(units == persons[number]) for number in numbers]
        drawn.append(recalls(np.concatenate(rows)))
    estimate, drawn = np.array(recalls(np.arange(60))), np.array(drawn)
    limits = np.quantile(drawn, [0.025, 0.975], axis=0) - drawn.mean(0)
    found = bootstrap(emotion_means(labels, hit, 3), units, resamples=200, seed=7)
    np.testing.assert_allclose(found, [estimate, *(estimate + limits)], atol=1e-9)
    wide = found.widened(inflation(5, 3))
    factors = np.sqrt([1 + 3 * 5 / 4] * 3 + [1 + 5 / 4])
    np.testing.assert_allclose(wide, [estimate, *(estimate + factors * limits)], atol=1e-9)


def test_emotion_means_leave_untested_rows_out_and_average_repetitions(random):
    labels, hit = random.integers(0, 4, 80), random.integers(0, 2, (3, 80)).astype(float)
    tested = random.random((3, 80)) < 0.5
    weight = random.integers(0, 4, (5, 80)).astype(float)
    for shown in (tested, tested[[0, 0, 0]]):
        found = emotion_means(labels, np.where(shown, hit, np.nan), 4)(weight)
        alone = [
            emotion_means(labels[own], values[None, own], 4)(weight[:, own])
            for own, values in zip(shown, hit, strict=True)
        ]
        np.testing.assert_allclose(found, np.mean(alone, 0), atol=1e-12)
    none = emotion_means(labels, np.full((2, 80), np.nan), 4)(weight)
    assert np.isnan(none).all()


@pytest.mark.parametrize("size", [10, 40, 61])
def test_a_stratified_sample_keeps_the_shares_of_the_emotions(random, size, monkeypatch):
    monkeypatch.setattr(statistics, "SAMPLE", size)
    labels = random.permutation(np.repeat([0, 1, 2], [40, 15, 5]))
    rows = stratified_sample(labels)
    assert len(rows) == min(size, 60) and (np.diff(rows) > 0).all()
    shares = np.bincount(labels[rows], minlength=3) - len(rows) * np.array([40, 15, 5]) / 60
    assert (abs(shares) <= 1).all()
    np.testing.assert_array_equal(rows, stratified_sample(labels))


def test_emotion_means_are_recalls_and_their_mean(random):
    labels, predicted = random.integers(0, 4, 80), random.integers(0, 4, 80)
    statistic = emotion_means(labels, (labels == predicted).astype(float)[None], 4)
    each = recall_score(labels, predicted, average=None)
    np.testing.assert_allclose(statistic(np.ones((1, 80)))[0], [*each, each.mean()], atol=1e-12)
    weight = random.integers(0, 4, (5, 80)).astype(float)
    theirs = [recall_score(labels, predicted, average=None, sample_weight=w) for w in weight]
    np.testing.assert_allclose(statistic(weight)[:, :-1], theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("hit", "weight", "expected"),
    [
        ([1.0, 0, np.nan], [1.0, 1, 1], [0.5, np.nan, 0.5]),  # the average is over what was tested
        ([1.0, 0, 1], [1.0, 3, 0], [0.25, np.nan, np.nan]),  # an emotion was tested, but not drawn
        ([1.0, 0, 1], [1.0, 0, 2], [1, 1, 1]),
    ],
)
def test_emotion_means_by_hand(hit, weight, expected):
    found = emotion_means(np.array([0, 0, 1]), np.array([hit]), 2)(np.array([weight]))
    np.testing.assert_array_equal(found, [expected])


def test_intervals_by_hand():
    """Limits twice as far."""
    limits = Interval(np.array([0.5, 1]), np.array([0.4, 0]), np.array([0.7, 1])).widened(2)
    np.testing.assert_allclose(limits, [[0.5, 1], [0.3, -1], [0.9, 1]], atol=1e-12)


@pytest.mark.parametrize(("folds", "mean"), [(1, 1), (2, np.sqrt(3)), (5, 1.5)])
def test_inflation_is_that_of_nadeau_and_bengio(folds, mean):
    """The ratio of their variance of a mean over folds to that of independent folds; of one emotion
    the added part counts three times.
    """
    *emotions, average = inflation(folds, 2)
    assert average == pytest.approx(mean, rel=1e-9)
    assert emotions == pytest.approx([np.sqrt(1 + 3 * (mean**2 - 1))] * 2, rel=1e-9)
    if folds > 1:
        test_share = 1 / folds
        corrected, naive = 1 / folds + test_share / (1 - test_share), 1 / folds
        assert average == pytest.approx(np.sqrt(corrected / naive), rel=1e-9)


class TestChance:
    def test_null_mean_is_the_closed_form(self, random):
        """Exchanged within a stratum, a row gets the stratum's mix of labels: its expected hit is
        the share of its prediction.
        """
        labels, strata = random.integers(0, 3, 60), np.repeat(np.arange(6), 10)
        predicted = random.integers(0, 3, (1, 60))
        alike = (strata[:, None] == strata) & (labels == predicted.T)  # [N, N]
        share = alike.sum(1) / 10
        expected = [share[predicted[0] == c].sum() / (labels == c).sum() for c in range(3)]
        null, _ = better_than_chance(labels, predicted, strata, 3, folds=5, permutations=4000)
        np.testing.assert_allclose(null[:-1], expected, atol=0.01)

    def test_of_two_emotions_in_one_stratum_is_fisher_s_exact_test(self):
        """41 of 120 rows are of the second emotion, 29 are taken for it, 12 of them rightly: hits
        are hypergeometric.
        """
        labels = np.repeat([1, 0], [41, 79])
        predicted = np.repeat([1, 0, 1, 0], [12, 29, 17, 62])
        null, p = better_than_chance(
            labels, predicted[None], np.zeros(120), 2, folds=10**9, permutations=20_000
        )
        hit = stats.hypergeom(120, 41, 29).mean()
        recalls = [(50 + hit) / 79, hit / 41, ((50 + hit) / 79 + hit / 41) / 2]
        np.testing.assert_allclose(null, recalls, atol=0.001)
        fisher = stats.fisher_exact([[12, 29], [17, 62]], "greater").pvalue
        np.testing.assert_allclose(p, fisher, atol=0.01)

    def test_p_is_that_of_scipy_s_enumeration_of_all_orders(self):
        labels, predicted = np.array([0, 0, 1, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 2, 2, 0])

        def recall(truth):
            return np.mean([(predicted[truth == c] == c).mean() for c in range(3)])

        exact = stats.permutation_test(
            (labels,),
            recall,
            permutation_type="pairings",
            n_resamples=np.inf,
            alternative="greater",
        )
        null, p = better_than_chance(labels, predicted[None], None, 3, folds=1, permutations=50_000)
        assert p[-1] == pytest.approx(exact.pvalue, abs=0.003) and 0.01 < p[-1] < 0.2
        assert null[-1] == pytest.approx(exact.null_distribution.mean(), abs=0.003)

    @pytest.mark.parametrize("folds", [1, 2, 10])
    def test_equals_a_loop_over_permutations(self, random, folds):
        """Mean recall over repetitions; the null widened for shared training rows, of which a
        single split has none; the measured recall counted in.
        """
        labels, strata = np.arange(60) % 3, np.arange(60) // 20
        predicted = np.where(random.random((4, 60)) < 0.1, labels, random.integers(0, 3, (4, 60)))

        def recalls(truth):
            each = np.mean([recall_score(truth, one, average=None) for one in predicted], 0)
            return [*each, each.mean()]

        null = []
        for order in strata + np.random.default_rng(7).random((99, 60)):
            shuffled = [labels[strata == s][np.argsort(order[strata == s])] for s in range(3)]
            null.append(recalls(np.concatenate(shuffled)))
        centre, factor = np.mean(null, 0), {1: 1, 2: np.sqrt(2), 10: np.sqrt(10 / 9)}[folds]
        reached = centre + factor * (null - centre) >= np.array(recalls(labels)) - 1e-12
        found = better_than_chance(labels, predicted, strata, 3, folds, permutations=99, seed=7)
        np.testing.assert_allclose(found, [centre, (1 + reached.sum(0)) / 100], atol=1e-12)

    def test_of_an_emotion_that_never_occurs_is_undefined(self, random):
        labels, predicted = np.arange(60) % 3, random.integers(0, 3, (2, 60))
        three, four = (
            np.array(better_than_chance(labels, predicted, np.zeros(60), count, folds=5))
            for count in (3, 4)
        )
        np.testing.assert_array_equal(four[:, [0, 1, 2, 4]], three)
        assert np.isnan(four[:, 3]).all()

    def test_knowing_the_person_alone_is_chance(self, random):
        """Each person has one favourite emotion, and the prediction is that favourite: no better
        than exchanged labels.
        """
        strata = np.repeat(np.arange(30), 10)
        favourite = random.integers(0, 4, 30)
        labels = np.where(random.random(300) < 0.7, favourite[strata], random.integers(0, 4, 300))
        _, p = better_than_chance(labels, favourite[strata][None], strata, 4, folds=5)
        assert p[-1] == 1
        _, seen = better_than_chance(labels, labels[None], strata, 4, folds=5)
        assert seen[-1] < 0.01

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
        """Of ten rows a repetition tests three; a p-value is that of recall pooled over all."""
        labels = random.integers(0, 3, 300)
        predicted = np.where(random.random((4, 300)) < 0.5, labels, random.integers(0, 3, (4, 300)))
        predicted[random.random((4, 300)) < 0.7] = -1
        null, p = better_than_chance(labels, predicted, None, 3, 5)
        assert (p < 0.01).all() and (abs(null - 1 / 3) < 0.05).all()
        one = better_than_chance(labels, predicted, np.zeros(300), 3, 5)
        np.testing.assert_array_equal(one, [null, p])  # unknown persons are one stratum


def test_many_rows_are_resampled_and_permuted_in_parts_by_the_same_random_numbers(
    random, monkeypatch
):
    labels, predicted = random.integers(0, 3, 90), random.integers(0, 3, (2, 90))
    values, units = random.normal(size=90), np.arange(90) // 9

    def both():
        chance = better_than_chance(labels, predicted, units, 3, 5, permutations=100)
        return np.array(bootstrap(mean(values), units, resamples=100)), chance

    (resampled, permuted), _ = both(), monkeypatch.setattr(statistics, "PART", 7 * 90)
    parts = both()
    np.testing.assert_allclose(parts[0], resampled, atol=1e-12)
    np.testing.assert_array_equal(parts[1], permuted)


class TestCompare:
    @pytest.mark.parametrize("run", [5, 3])
    def test_is_nadeau_and_bengio_s_t_and_the_posterior_of_corani_and_benavoli(self, random, run):
        """Widened by the folds that were cut, not by those that were run."""
        first, second = random.normal(0, 0.05, size=(2, 4, run))
        gap = (first - second).ravel()
        error = np.sqrt((1 / gap.size + 1 / 4) * gap.var(ddof=1))
        posterior = stats.t(gap.size - 1, gap.mean(), error)
        found = compare(first, second, 5)
        p = 2 * stats.t.sf(abs(gap.mean()) / error, gap.size - 1)
        worse, better = posterior.cdf(-0.01), posterior.sf(0.01)
        assert list(found.values()) == pytest.approx(
            (p, worse, 1 - worse - better, better), rel=1e-9
        )
        back = compare(second, first, 5)
        assert list(back.values()) == pytest.approx(
            (p, better, 1 - worse - better, worse), rel=1e-9
        )

    @pytest.mark.parametrize(
        ("scores", "folds"),
        [(np.ones((1, 1)), 1), (np.ones((10, 1)), 1), (np.ones((0, 1)), 1), ([[0.1, np.nan]], 2)],
    )
    def test_of_a_single_fold_or_without_a_score_is_undefined(self, scores, folds):
        found = compare(np.array(scores), np.zeros(np.shape(scores)), folds)
        assert np.isnan(list(found.values())).all()

    @pytest.mark.parametrize(("by", "expected"), [(0, (1, 0, 1, 0)), (1, (0, 0, 0, 1))])
    def test_of_equal_differences_is_certain(self, by, expected):
        same = np.arange(10.0).reshape(2, 5)
        assert list(compare(same + by, same, 5).values()) == pytest.approx(expected, abs=1e-12)


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, then never falling; an undefined test is none
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
    assert detectable(interval.widened(2)) == pytest.approx(2 * smallest)
    z = random.normal(smallest, 1, 20_000)
    assert np.mean(z > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.01)


def test_a_share_has_the_exact_binomial_interval():
    share, low, high = binomial_share(25, 500)
    assert share == 0.05
    assert low == pytest.approx(stats.beta.ppf(0.025, 25, 476), abs=1e-9)
    assert high == pytest.approx(stats.beta.ppf(0.975, 26, 475), abs=1e-9)
    assert np.isnan(binomial_share(0, 0)).all()
