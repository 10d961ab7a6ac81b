"""Cluster bootstrap intervals, widened for shared training rows; permutation and t-tests.

Rows of one person resemble each other, and a row that tests one fold trains the others; intervals
and tests that ignore this are too narrow. Intervals of levels, differences and confusions are
therefore made in one way: a bootstrap that resamples persons, not rows, of the mean over
repetitions, widened by :func:`inflation`. Tests between models widen the variance for shared
training rows; tests against chance exchange labels within a person only. The module
:mod:`emolib.analysis.error_rates` measures how often each is wrong.

Where the persons are unknown, the bootstrap resamples rows and labels are exchanged among all rows.
Rows that no network tested are left out; results that are then undefined are NaN.

Axes: ``B`` resamples, ``P`` permutations, ``S`` repetitions, ``N`` rows, ``C`` classes.
"""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from emolib.metrics import UNTESTED, with_mean

LIMITS = ("estimate", "low", "high")  # the fields of an interval
CONFIDENCE = 0.95
RESAMPLES = 1000
# Two models whose mean recall differs by less than one point are practically equivalent: 7 of 675
# rows.
ROPE = 0.01
# How many times the variance from training rows counts for one emotion, where it counts once for
# the mean over emotions: rows that draw a classifier towards one emotion draw it away from another,
# which cancels in the mean. No theory gives the number: with it the intervals of simulated data
# cover about as often as they say, see :func:`emolib.analysis.error_rates.coverage`.
ONE_EMOTION = 3
# Rows that are sampled where a method's time or memory grows with their square.
SAMPLE = 4000
# Resamples and permutations are computed in parts of at most so many numbers (64 MiB each array).
PART = 2**23


# Row weights ``[B, N]`` to values ``[B, …]``.
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Interval(NamedTuple):
    """A point estimate and its confidence limits: arrays of one shape."""

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def widened(self, factor: NDArray[np.float64] | float) -> "Interval":
        """Limits ``factor`` times as far from the estimate, see :func:`inflation`."""
        return Interval(*(self.estimate + factor * (limit - self.estimate) for limit in self))


def inflation(folds: int, classes: int) -> NDArray[np.float64]:
    """Ratio of the standard error of cross-validation to that of its test rows alone.

    Resampling test rows leaves out that other rows would have trained other networks. Nadeau and
    Bengio ("Inference for the generalization error", 2003) correct the variance of ``folds`` scores
    from ``1 / folds`` to ``1 / folds + n_test / n_train`` times that of one, so by a factor of
    ``1 + folds / (folds - 1)``. A single split keeps its training rows, and has a ratio of 1.

    Args:
        folds: number of folds that the rows were cut into.
        classes: ``C``.

    Returns:
        ``[C + 1]``, for a value by emotion (see :data:`ONE_EMOTION`), and last for their mean.
    """
    shared = folds / (folds - 1) if folds > 1 else 0
    return np.sqrt(1 + np.append(np.full(classes, ONE_EMOTION), 1) * shared)


def repetition_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the leading axis, NaN left out; NaN where there is nothing else."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, 0) / (~np.isnan(values)).sum(0))


def bootstrap(
    statistic: Statistic,
    units: np.ndarray,
    tested: NDArray[np.bool],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Cluster bootstrap: percentile intervals, corrected for bias, from resamples of whole units.

    A resample holds rows twice, which biases some statistics (average precision rises); the limits
    are moved by the difference between the resamples' mean and the estimate.

    Args:
        statistic: row weights ``[B, N]`` (how often each row was drawn) to values ``[B, …]``; NaN
            where undefined.
        units: ``[N]``, the person of each row; ``np.arange(N)`` resamples rows.
        tested: ``[N]``, rows that some network tested: only their units are drawn, the others
            weigh nothing.
        resamples: ``B``.
        seed: of the random numbers.

    Returns:
        95 % limits of each value. A resample that leaves a value undefined is left out of its
        limits; without a tested row everything is NaN.

    Example:
        >>> hit = np.array([1.0, 0.0, 1.0, 1.0])
        >>> mean = lambda weight: weight @ hit / weight.sum(-1)
        >>> low, high = bootstrap(mean, np.array(["a", "a", "b", "b"]), np.ones(4, bool))[1:]
    """
    estimate = statistic(np.ones((1, len(units))))[0]
    if not tested.any():
        return Interval(*[np.full_like(estimate, np.nan)] * 3)
    unit = np.zeros(len(units), int)
    unit[tested] = np.unique(units[tested], return_inverse=True)[1]
    drawn = _resamples(unit.max() + 1, resamples, seed)
    found = np.concatenate(
        [
            statistic(np.where(tested, drawn[part][:, unit], 0.0))
            for part in _parts(resamples, len(units))
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined in every resample: NaN says so
        low, high = np.nanquantile(found, [tail, 1 - tail], axis=0)
        centre = np.nanmean(found, axis=0)
    return Interval(estimate, low - centre + estimate, high - centre + estimate)


@lru_cache(maxsize=2)  # by person and by row: all models are tested on the same rows
def _resamples(count: int, resamples: int, seed: int) -> NDArray[np.unsignedinteger]:
    """How often each of ``count`` units is drawn, ``[B, count]``."""
    random, kind = np.random.default_rng(seed), np.min_scalar_type(count)
    drawn = (random.integers(0, count, count) for _ in range(resamples))
    return np.stack([np.bincount(units, minlength=count).astype(kind) for units in drawn])


def emotion_means(labels: NDArray[np.intp], values: NDArray[np.float64], classes: int) -> Statistic:
    """Mean of a row's value over the tested rows of each emotion, and the mean of these means, both
    averaged over repetitions.

    Of whether a row was recognised, that is recall; of the difference of two models on a row, it is
    the difference of their recalls.

    Args:
        labels: ``[N]``.
        values: ``[S, N]``; NaN for an untested row.
        classes: ``C``.

    Returns:
        A statistic for :func:`bootstrap`, to ``[B, C + 1]``. The last mean is over the emotions
        that have a tested row, and NaN for a resample that lacks one of them.
    """
    tested = ~np.isnan(values)
    if (tested == tested[:1]).all():  # one mean of the repetitions' means: the same, and faster
        values, tested = values.mean(0, keepdims=True), tested[:1]
    truth = np.eye(classes)[labels] * tested[..., None]  # [S, N, C]
    sums = np.where(tested, values, 0)[..., None] * truth
    occurs = truth.sum((0, 1)) > 0

    def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            means = weight @ sums / (weight @ truth)  # [S, B, C]
        return repetition_mean(with_mean(means, occurs))

    return statistic


def better_than_chance(
    labels: NDArray[np.intp],
    predicted: NDArray[np.intp],
    strata: np.ndarray | None,
    classes: int,
    folds: int,
    *,
    permutations: int = RESAMPLES,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Permutation test, one-sided: is recall above that of labels exchanged within persons?

    Labels are exchanged among rows of one stratum, with all predictions left as they are, so that
    no network is trained again. With person-independent folds and persons as strata, a prediction
    never saw the labels that are exchanged around it; but the same labels trained the predictions
    of the other folds, for which the null's variance grows by the ratio of test to training rows,
    ``1 / (folds - 1)``, as in the corrected t-test. Under random folds a prediction has seen the
    labels of the person's other rows, and the test is conservative.

    Args:
        labels: ``[N]``.
        predicted: ``[S, N]``, the predicted emotion in each repetition, -1 where untested.
        strata: ``[N]``, the person; None exchanges labels among all rows.
        classes: ``C``.
        folds: number of folds that the rows were cut into; 1 for a single split, whose tested rows
            trained nothing.
        permutations: ``P``.
        seed: of the random numbers.

    Returns:
        The null recall and the p-value by emotion, and last those of the mean recall: ``[C + 1]``
        each. The null recall is the mean over permutations (not one over ``C`` where folds are
        grouped); the p-value is the share of permutations that reach the measured recall, the
        measured one counted in. NaN for an emotion without a tested row; the mean is over the
        others, and NaN if there are none.
    """
    strata = np.zeros(len(labels)) if strata is None else strata
    shown = (predicted != UNTESTED).any(0)
    if not shown.any():
        return np.full(classes + 1, np.nan), np.full(classes + 1, np.nan)
    labels, predicted, strata = labels[shown], predicted[:, shown], strata[shown]
    tested = (predicted != UNTESTED).mean(0)  # share of the repetitions that tested a row
    votes = np.stack([(predicted == c).mean(0) for c in range(classes)], 1)  # [N, C]
    occurs = np.isin(np.arange(classes), labels)

    def recalls(truth: NDArray[np.intp]) -> NDArray[np.float64]:
        """Recall ``[P, C + 1]`` of labels ``[P, N]``."""
        cell = (truth + classes * np.arange(len(truth))[:, None]).ravel()
        hits, rows = (
            np.bincount(cell, values.ravel(), minlength=len(truth) * classes)
            for values in (
                votes[np.arange(len(labels)), truth],
                np.broadcast_to(tested, truth.shape),
            )
        )
        with np.errstate(invalid="ignore"):
            return with_mean((hits / rows).reshape(-1, classes), occurs)

    recall, random = recalls(labels[None])[0], np.random.default_rng(seed)
    found = np.concatenate(
        [
            recalls(exchanged(labels, strata, random, len(part)))
            for part in _parts(permutations, len(labels))
        ]
    )
    null = found.mean(0)
    found = null + np.sqrt(1 + 1 / (folds - 1) if folds > 1 else 1) * (found - null)
    reached = (~(found < recall - 1e-12)).sum(0)
    return null, np.where(np.isnan(recall), np.nan, (1 + reached) / (1 + permutations))


def exchanged(
    labels: NDArray[np.intp], strata: np.ndarray, random: np.random.Generator, count: int
) -> NDArray[np.intp]:
    """Labels ``[count, N]`` in random order within each stratum."""
    _, stratum = np.unique(strata, return_inverse=True)
    found = np.empty((count, len(labels)), int)
    # whole numbers separate the strata, fractions shuffle
    shuffled = np.argsort(stratum + random.random((count, len(labels))))
    found[:, np.argsort(stratum, kind="stable")] = labels[shuffled]
    return found


def _parts(total: int, rows: int) -> list[NDArray[np.intp]]:
    """The numbers below ``total`` in parts, of which each has at most :data:`PART` numbers in
    ``rows``.
    """
    return np.array_split(np.arange(total), min(-(-total * rows // PART), total))


def stratified_sample(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Stratified random sample of :data:`SAMPLE` rows, in order; of no more rows, all.

    Each emotion keeps its share of the rows, to one row.

    Args:
        labels: ``[N]``.
    """
    order = np.random.default_rng(2011).permutation(len(labels))
    drawn = pd.Series(order, index=order).groupby(labels[order])
    quantile = ((drawn.cumcount() + 0.5) / drawn.transform("size")).sort_index()
    return np.sort(np.argsort(quantile, kind="stable")[:SAMPLE])


def fold_recall(
    hit: NDArray[np.float64], fold: NDArray[np.intp], labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean recall over emotions in each fold, an emotion weighted as in all tested rows, because a
    fold may lack one.

    Args:
        hit: ``[S, N]``, whether a row was recognised, NaN where it was not tested.
        fold: ``[S, N]``, the fold that tested the row.
        labels: ``[N]``.

    Returns:
        ``[S, folds]``, for the folds that tested a row.
    """
    tested = ~np.isnan(hit)
    rows = np.bincount(labels[tested.any(0)], minlength=labels.max() + 1)
    weight = tested / np.maximum(rows, 1)[labels]
    member = (fold[:, None] == np.unique(fold[tested])[:, None]).astype(float)  # [S, folds, N]
    hits, total = (member @ part[..., None] for part in (np.where(tested, hit, 0) * weight, weight))
    with np.errstate(invalid="ignore"):  # a repetition without this fold
        return np.asarray((hits / total)[..., 0])


def compare(
    first: NDArray[np.float64], second: NDArray[np.float64], folds: int
) -> dict[str, float]:
    """Corrected resampled t-test and Bayesian correlated t-test between two models.

    Folds of one repetition share training rows, so the variance of a mean over folds is larger than
    of independent ones: ``(1 / n + n_test / n_train)`` times the variance of the differences, where
    ``n`` counts folds of all repetitions. Over folds that test every row once, mean test size over
    mean training size is ``1 / (folds - 1)``, however unequal they are.

    Args:
        first, second: ``[S, F]``, scores on the same folds of the same repetitions; ``F`` is less
            than ``folds`` where some were not run.
        folds: number of folds that the rows were cut into.

    Returns:
        ``p`` of the corrected resampled t-test, two-sided (Nadeau and Bengio 2003); the posterior
        probabilities that the first is ``worse`` by more than :data:`ROPE`, practically
        ``equivalent`` or ``better`` (Corani and Benavoli 2015). NaN where there is nothing to test:
        a single fold, whose test rows are the same in every repetition, or a score of NaN.
    """
    gap = np.ravel(first - second)
    if folds < 2 or gap.size < 2 or np.isnan(gap).any():
        return dict.fromkeys(("p", "worse", "equivalent", "better"), np.nan)
    mean, error = gap.mean(), np.sqrt((1 / gap.size + 1 / (folds - 1)) * gap.var(ddof=1))
    error = max(error, 1e-150)  # equal differences: the posterior is as good as a single point
    posterior = stats.t(gap.size - 1, mean, error)
    p = 2 * stats.t.sf(abs(mean) / error, gap.size - 1)
    worse, better = posterior.cdf(-ROPE), posterior.sf(ROPE)
    return {"p": p, "worse": worse, "equivalent": 1 - worse - better, "better": better}


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm correction: p-values adjusted for that many tests (Holm 1979), in the same order.

    A p-value of NaN stays NaN and does not count as a test.
    """
    ranked = pd.Series(np.asarray(p, float)).sort_values()  # NaN last
    factors = ranked.count() - np.arange(len(ranked))
    return (ranked * factors).cummax().clip(upper=1).sort_index().to_numpy()


def detectable(interval: Interval) -> NDArray[np.float64]:
    """Smallest detectable difference of a two-sided test at 5 % with a power of 80 %, from the
    width of an interval.
    """
    width = stats.norm.ppf((1 + CONFIDENCE) / 2)
    return (width + stats.norm.ppf(0.8)) / width * (interval.high - interval.low) / 2


def binomial_share(count: int, trials: int) -> tuple[float, float, float]:
    """Share of trials, and the limits of its exact binomial (Clopper-Pearson) interval; NaN without
    a trial.
    """
    if trials == 0:
        return np.nan, np.nan, np.nan
    low, high = stats.binomtest(count, trials).proportion_ci(CONFIDENCE)
    return count / trials, float(low), float(high)
