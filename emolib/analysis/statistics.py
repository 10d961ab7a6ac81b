"""Interval and tests for scores that came out of folds, on rows that belong to persons.

Rows of one person resemble each other, and a row that tests one fold trains the others; what
ignores that is too sure of itself. Interval therefore draw persons, not rows, and are widened by
:data:`SHARED_ROWS_INFLATION`; tests between models widen the variance for shared training rows; tests against
chance exchange labels within a person only. How often each is wrong is measured in
:mod:`emolib.analysis.calibration`.

Axes: ``B`` resamples, ``P`` permutations, ``S`` repetitions, ``N`` rows, ``C`` classes, ``G`` units
(persons or rows).
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from baycomp import CorrelatedTTest
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 1000
# Two models whose mean recall differs by less than one point are practically equivalent: 7 of 675
# rows.
ROPE = 0.01
# Resampling test rows leaves out what their labels did as training rows of the other folds. Where
# one row acts on another as much as it is acted on, that doubles the variance; Bates, Hastie and
# Tibshirani ("Cross-validation: what does it estimate and how well does it do it?", 2023) measure
# naive intervals too narrow by about as much.
SHARED_ROWS_INFLATION = 2**0.5


class Interval(NamedTuple):
    """A point estimate and its confidence limits: arrays of one shape."""

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def widened(self, factor: float = SHARED_ROWS_INFLATION) -> "Interval":
        """Limits ``factor`` times as far from the estimate."""
        estimate, low, high = self
        return Interval(
            estimate, estimate + factor * (low - estimate), estimate + factor * (high - estimate)
        )

    def of_shares(self) -> "Interval":
        """Limits within 0 and 1."""
        return Interval(self.estimate, np.clip(self.low, 0, 1), np.clip(self.high, 0, 1))

    def of_repetitions(self) -> "Interval":
        """Mean of the leading axis: repetitions share all rows, so their mean is hardly surer than
        one of them.
        """
        with np.errstate(invalid="ignore"):
            return Interval(*(np.nansum(part, 0) / (~np.isnan(part)).sum(0) for part in self))


def bootstrap(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    units: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap, corrected for bias, that draws whole units: persons (cluster
    bootstrap), or rows.

    A resample holds rows twice, which some statistics take for evidence (average precision rises);
    the limits are moved by the difference between the resamples' mean and the estimate.

    Args:
        statistic: row weights ``[B, N]`` (how often each row was drawn) to values ``[B, …]``; NaN
            where undefined.
        units: ``[N]``, whom each row belongs to; ``np.arange(N)`` draws rows.
        resamples: how many.
        seed: of the draw.

    Returns:
        95 % limits of each value; a resample that leaves a value undefined is left out of its
        limits.

    Example:
        >>> hit = np.array([1.0, 0.0, 1.0, 1.0])
        >>> mean = lambda weight: weight @ hit / weight.sum(-1)
        >>> low, high = bootstrap(mean, np.array(["a", "a", "b", "b"]))[1:]
    """
    _, unit = np.unique(units, return_inverse=True)
    count = unit.max() + 1
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    shifted = drawn + count * np.arange(resamples)[:, None]
    times = (
        np.bincount(shifted.ravel(), minlength=resamples * count)
        .reshape(resamples, count)
        .astype(float)
    )
    found = statistic(times[:, unit])
    tail = (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined in every resample: NaN says so
        low, high = np.nanquantile(found, [tail, 1 - tail], axis=0)
        centre = np.nanmean(found, axis=0)
    estimate = statistic(np.ones((1, len(unit))))[0]
    return Interval(estimate, low - centre + estimate, high - centre + estimate)


def emotion_means(
    labels: NDArray[np.intp], values: NDArray[np.float64], classes: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The mean of a row's value over the rows of each emotion, and the mean of these: recall, where
    the value is whether a row was recognised, and a difference of recalls, where it is the
    difference of two models on the row.

    Args:
        labels: ``[N]``.
        values: ``[N]``, or ``[S, N]`` for repetitions side by side.
        classes: ``C``.

    Returns:
        A statistic for :func:`bootstrap`, to ``[B, C + 1]`` or ``[B, S, C + 1]``.
    """
    truth = np.eye(classes)[labels]  # [N, C]
    sums = values[..., None] * truth  # [..., N, C]

    def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            means = np.moveaxis(weight @ sums / (weight @ truth), -2, 0)
        return _with_mean(means)

    return statistic


class Chance(NamedTuple):
    """Recall against the recall of exchanged labels: by emotion, and last their mean.

    Attributes:
        recall: ``[C + 1]``, as measured.
        null: ``[C + 1]``, mean over permutations; not one over ``C`` where folds are grouped.
        p: ``[C + 1]``, share of permutations that reach the recall, the measured one counted in.
        null_low, null_high: ``[C + 1]``, the middle 95 % of permutations.
    """

    recall: NDArray[np.float64]
    null: NDArray[np.float64]
    p: NDArray[np.float64]
    null_low: NDArray[np.float64]
    null_high: NDArray[np.float64]


def better_than_chance(
    labels: NDArray[np.intp],
    predicted: NDArray[np.intp],
    strata: np.ndarray,
    classes: int,
    folds: int,
    *,
    permutations: int = RESAMPLES,
    seed: int = 0,
) -> Chance:
    """One-sided permutation test: do predictions go with emotions beyond what the person gives
    away?

    Labels are exchanged among rows of one stratum, with all predictions left as they are, which no
    network need be retrained for. With person-independent folds and persons as strata, a prediction
    never saw the labels that are exchanged around it; but the same labels trained the predictions
    of the other folds, for which the null's variance grows by the ratio of test to training rows,
    ``1 / (folds - 1)``, as in the corrected t-test. Under random folds a prediction has seen the
    labels of the person's other rows, and the test is too timid.

    Args:
        labels: ``[N]``.
        predicted: ``[S, N]``, the predicted emotion in each repetition.
        strata: ``[N]``, the person.
        classes: ``C``.
        folds: how many the predictions came from.

    Returns:
        NaN for an emotion that never occurs, and then for the mean.
    """
    votes = np.stack([(predicted == c).mean(0) for c in range(classes)], 1)  # [N, C]
    truth = np.eye(classes)[labels]
    occurs = truth.sum(0)
    occurs[occurs == 0] = np.nan  # no recall without a row
    recall = _with_mean((truth * votes).sum(0)[None] / occurs)[0]

    _, stratum = np.unique(strata, return_inverse=True)
    place = np.argsort(stratum, kind="stable")
    random = np.random.default_rng(seed)
    null = []
    for size in _batches(permutations, 500):
        # rows in random order within each stratum: whole numbers keep the strata apart, fractions
        # shuffle
        order = np.argsort(stratum + random.random((size, len(labels))))
        exchanged = np.empty((size, len(labels)), int)
        exchanged[:, place] = labels[order]
        got = votes[np.arange(len(labels)), exchanged]  # [P, N]
        cell = exchanged + classes * np.arange(size)[:, None]
        hits = np.bincount(cell.ravel(), got.ravel(), minlength=size * classes).reshape(
            size, classes
        )
        null.append(_with_mean(hits / occurs))
    null = np.concatenate(null)
    mean = null.mean(0)
    null = mean + np.sqrt(1 + 1 / (folds - 1)) * (null - mean)
    p = np.where(
        np.isnan(recall), np.nan, (1 + (null >= recall - 1e-12).sum(0)) / (1 + permutations)
    )
    tail = (1 - CONFIDENCE) / 2
    return Chance(recall, mean, p, *np.quantile(null, [tail, 1 - tail], axis=0))


def _with_mean(by_emotion: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([by_emotion, by_emotion.mean(-1, keepdims=True)], -1)


def _batches(total: int, most: int) -> list[int]:
    return [min(most, total - start) for start in range(0, total, most)]


class Comparison(NamedTuple):
    """One model against another over repeated folds.

    Attributes:
        difference: mean of second minus first.
        p: of the corrected resampled t-test, two-sided (Nadeau and Bengio 2003).
        worse, equivalent, better: posterior probabilities that the second is worse by more than the
            region of practical equivalence, within it, or better (Corani and Benavoli 2015).
    """

    difference: float
    p: float
    worse: float
    equivalent: float
    better: float


def compare(
    first: NDArray[np.float64], second: NDArray[np.float64], rope: float = ROPE
) -> Comparison:
    """Corrected resampled t-test and Bayesian correlated t-test between two models.

    Folds of one repetition share training rows, so the variance of a mean over folds is larger than
    of independent ones: ``(1 / n + n_test / n_train)`` times the variance of the differences, where
    ``n`` counts folds of all repetitions. Over folds that test every row once, mean test size over
    mean training size is ``1 / (folds - 1)``, however unequal they are, which is what baycomp uses.

    Args:
        first, second: ``[S, folds]``, scores on the same folds of the same repetitions.
        rope: half the width of the region of practical equivalence.
    """
    posterior = CorrelatedTTest(np.ravel(first), np.ravel(second), rope, runs=len(first))
    p = (
        2 * stats.t.sf(abs(posterior.mean) / np.sqrt(posterior.var), posterior.df)
        if posterior.var
        else posterior.mean == 0
    )
    return Comparison(float(posterior.mean), float(p), *map(float, posterior.probs()))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values adjusted for that many tests (Holm 1979), in the same order."""
    p = np.asarray(p)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def detectable(interval: Interval, power: float = 0.8) -> NDArray[np.float64]:
    """The smallest true difference that a two-sided test at 5 % would find with that power, from an
    interval's width.
    """
    width = stats.norm.ppf((1 + CONFIDENCE) / 2)
    error = (interval.high - interval.low) / (2 * width)
    return (width + stats.norm.ppf(power)) * error


def reject_share(rejected: int, trials: int) -> tuple[float, float, float]:
    """Share of rejections, and the limits of its exact binomial (Clopper-Pearson) interval."""
    low, high = stats.binomtest(rejected, trials).proportion_ci(CONFIDENCE)
    return rejected / trials, float(low), float(high)
