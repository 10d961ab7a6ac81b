"""Type I error of the tests of this report, measured on shuffled labels.

The classifier is ridge regression on one-hot labels: linear in the labels, so that one matrix per
fold retrains it on any of them, and thousands of shuffles cost seconds. The matrix grows with the
square of the rows: of more than :data:`emolib.analysis.statistics.SAMPLE` a stratified sample is
taken, and the result's column ``rows`` has its size.

Axes: ``S`` repetitions, ``N`` rows, ``C`` classes.
"""

from functools import partial
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.analysis import statistics
from emolib.analysis.evidence import fold_recall
from emolib.data import EmotionData, Rows
from emolib.folds import make_folds
from emolib.metrics import UNTESTED
from emolib.training.scaling import scale
from emolib.utils.validation import whole_number

SHUFFLES = 500
ALPHA = 0.05
PERMUTATIONS = 279  # p-values of 0.05, and of a seventh of it, are whole shares: 14 and 2 of 280
RESAMPLES = 200
PENALTY = 1.0
TESTS = (
    "permutation within persons",
    "Holm over the emotions",
    "corrected resampled t-test",
    "Bayesian, outside equivalence",
    "interval of a difference",
    "interval of a level",
    "interval by row, not widened",
)


def hat(
    data: EmotionData, modality: str, protocol: str, seed: int, folds: int, rows: Rows | None = None
) -> tuple[NDArray[np.float32], Rows]:
    """Hat matrix ``[N, N]`` of ridge regression, from one-hot labels to out-of-fold scores, and the
    fold of each row (-1: untested).

    A row's own fold has no weight in it, so no row scores itself or is scored by rows that it was
    tested with.

    Args:
        rows: the ``N`` rows that train and test, ascending; all when not given.
    """
    rows = np.arange(len(data)) if rows is None else rows
    matrix = np.zeros((len(rows), len(rows)), np.float32)
    fold = np.full(len(rows), UNTESTED)
    for number, (train, test) in enumerate(make_folds(data, protocol, seed, folds)):
        x = scale(data, modality, train).astype(float)[rows]
        train, test = (np.searchsorted(rows, part[np.isin(part, rows)]) for part in (train, test))
        deviation = x[train].std(0)
        x = (x - x[train].mean(0)) / np.where(deviation > 0, deviation, 1)
        x = np.column_stack([np.ones(len(x)), x])
        penalty = PENALTY * np.eye(x.shape[1])
        penalty[0, 0] = 0  # the intercept is free
        matrix[np.ix_(test, train)] = x[test] @ np.linalg.solve(
            x[train].T @ x[train] + penalty, x[train].T
        )
        fold[test] = number
    return matrix, fold


def shuffled(
    labels: NDArray[np.intp], groups: NDArray[np.str_] | None, random: np.random.Generator
) -> NDArray[np.intp]:
    """Labels in random order, within groups where these are given."""
    if groups is None:
        return random.permutation(labels)
    _, group = np.unique(groups, return_inverse=True)
    found = np.empty_like(labels)
    found[np.argsort(group, kind="stable")] = labels[np.argsort(group + random.random(len(labels)))]
    return found


def calibrate(
    data: EmotionData,
    protocol: str,
    *,
    seeds: int,
    folds: int,
    shuffles: int = SHUFFLES,
    jobs: int = -1,
) -> pd.DataFrame:
    """Type I error: share of shuffled labels on which each test, at 5 %, rejects.

    Tests against chance are tried on labels exchanged within persons (among all rows where the data
    do not say who is who), everything else on labels exchanged among all rows: then no model is
    better than another, and all recalls are those of guessing.

    Returns:
        Columns ``test``, ``protocol``, ``folds``, ``repetitions``, ``shuffles`` (those in which the
        test was defined), ``rows``, ``rejected`` (a share), ``low`` and ``high`` (its exact
        binomial interval, 95 %).

    Raises:
        ValueError: a count is not whole, or the folds cannot be made.
    """
    seeds, folds = whole_number("seeds", seeds, 1), whole_number("folds", folds, 1)
    shuffles = whole_number("shuffles", shuffles, 1)
    rows = statistics.stratified_sample(data.labels)
    hats = {
        modality: [hat(data, modality, protocol, seed, folds, rows) for seed in range(seeds)]
        for modality in data.modalities[:2]
    }
    matrices = [np.concatenate([matrix for matrix, _ in pairs]) for pairs in hats.values()]
    fold = np.stack([fold for _, fold in next(iter(hats.values()))])
    labels, groups = data.labels[rows], None if data.groups is None else data.groups[rows]
    cores = joblib.effective_n_jobs(jobs)
    parts = joblib.Parallel(n_jobs=cores)(
        joblib.delayed(_shuffles)(labels, groups, len(data.classes), matrices, fold, folds, numbers)
        for numbers in np.array_split(np.arange(shuffles), cores)
    )
    found = pd.concat(parts)
    level, low, high = found[["level", "low", "high"]].to_numpy().T
    found["interval of a level"] = _outside(low, high, level.mean())
    table = []
    for test in TESTS:
        decided = found[test].dropna()
        share = statistics.reject_share(int(decided.sum()), len(decided))
        name = test.replace("within persons", "among all rows") if groups is None else test
        table.append((name, protocol, folds, seeds, len(decided), len(rows), *share))
    columns = ["test", "protocol", "folds", "repetitions", "shuffles", "rows"]
    return pd.DataFrame(table, columns=[*columns, "rejected", "low", "high"])


def _shuffles(
    labels: NDArray[np.intp],
    groups: NDArray[np.str_] | None,
    classes: int,
    matrices: list[NDArray[np.float32]],
    fold: Rows,
    folds: int,
    numbers: Rows,
) -> pd.DataFrame:
    """Whether each test rejects, one row per shuffle: 1, 0, or NaN where it is undefined."""
    shuffle = partial(_shuffle, labels, groups, classes, matrices, fold, folds)
    return pd.DataFrame([shuffle(int(number)) for number in numbers])


def _shuffle(
    labels: NDArray[np.intp],
    groups: NDArray[np.str_] | None,
    classes: int,
    matrices: list[NDArray[np.float32]],
    fold: Rows,
    folds: int,
    number: int,
) -> dict[str, Any]:
    random = np.random.default_rng([2011, number])
    within = shuffled(labels, groups, random)
    predicted = _predict(matrices[-1], within, classes, fold)
    drawn = {"permutations": PERMUTATIONS, "seed": number}
    chance = statistics.better_than_chance(within, predicted, groups, classes, folds, **drawn)
    among = shuffled(labels, None, random)
    one, other = (
        np.where(fold == UNTESTED, np.nan, _predict(matrix, among, classes, fold) == among)
        for matrix in matrices
    )
    first, second = (fold_recall(hit, fold, among) for hit in (one, other))
    t_test = statistics.compare(first, second, folds)
    tested, numbers = (fold != UNTESTED).any(0), np.arange(len(labels))
    with np.errstate(invalid="ignore"):
        gap = np.nansum(other - one, 0) / (fold != UNTESTED).sum(0)
    gaps, levels = (statistics.emotion_means(among, hit, classes) for hit in (gap, other))
    difference, level, by_row = (
        statistics.bootstrap(of, units, tested, resamples=RESAMPLES, seed=number)
        for of, units in (
            (gaps, numbers if groups is None else groups),
            (levels, numbers if groups is None else groups),
            (gaps, numbers),
        )
    )
    estimate, low, high = (part[-1] for part in level.widened().of_repetitions())
    wide = difference.widened()
    return {
        "permutation within persons": _at_most(chance.p[-1], ALPHA),
        "Holm over the emotions": _at_most(np.fmin.reduce(statistics.holm(chance.p[:-1])), ALPHA),
        "corrected resampled t-test": _at_most(t_test.p, ALPHA),
        "Bayesian, outside equivalence": _at_most(1 - max(t_test.worse, t_test.better), ALPHA),
        "interval of a difference": _outside(wide.low[-1], wide.high[-1], 0),
        "interval by row, not widened": _outside(by_row.low[-1], by_row.high[-1], 0),
        "level": estimate,
        "low": low,
        "high": high,
    }


def _predict(
    matrix: NDArray[np.float32], labels: NDArray[np.intp], classes: int, fold: Rows
) -> NDArray[np.intp]:
    """Predictions ``[S, N]``, -1 where untested, from the matrices of all repetitions one under
    another.
    """
    scores = matrix @ np.eye(classes, dtype=np.float32)[labels]
    return np.where(fold == UNTESTED, UNTESTED, scores.argmax(1).reshape(fold.shape))


def _at_most(value: float, limit: float) -> float:
    """Whether a value is at most a limit: 1, 0, or NaN where the value is."""
    return np.nan if np.isnan(value) else float(value <= limit)


def _outside(low: Any, high: Any, truth: float) -> NDArray[np.float64]:
    """Whether an interval does not hold the truth: 1, 0, or NaN where it is undefined."""
    undefined = np.isnan(low) | np.isnan(high) | np.isnan(truth)
    return np.where(undefined, np.nan, (low > truth) | (high < truth))
