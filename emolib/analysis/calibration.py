"""Type I error of the tests of this report, measured on shuffled labels.

The classifier is ridge regression on one-hot labels: linear in the labels, so that one matrix per
fold retrains it on any of them, and thousands of shuffles cost seconds. The matrix grows with the
square of the rows: of more than :data:`emolib.analysis.statistics.SAMPLE` a stratified sample is
taken, and the result's column ``rows`` has its size.

Axes: ``S`` repetitions, ``N`` rows, ``C`` classes.
"""

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
from emolib.training.cores import core
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
    """Type I error: share of shuffles in which each test, at 5 %, finds what is not there.

    Tests against chance are tried on labels exchanged within persons (among all rows where the data
    do not say who is who), everything else on labels exchanged among all rows: then no model is
    better than another, and all recalls are what guessing gives.

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
    found = {test: np.concatenate([part[test] for part in parts]) for test in parts[0]}
    levels = found.pop("level")  # [shuffles, 3]: estimate, low, high
    truth = levels[:, 0].mean()
    found["interval of a level"] = _outside(levels[:, 1], levels[:, 2], truth)
    table = []
    for test in TESTS:
        decided = found[test][~np.isnan(found[test])]
        share = statistics.reject_share(int(decided.sum()), len(decided))
        table.append((test, protocol, folds, seeds, len(decided), len(rows), *share))
    columns = ["test", "protocol", "folds", "repetitions", "shuffles", "rows"]
    return pd.DataFrame(table, columns=[*columns, "rejected", "low", "high"])


@core()
def _shuffles(
    labels: NDArray[np.intp],
    groups: NDArray[np.str_] | None,
    classes: int,
    matrices: list[NDArray[np.float32]],
    fold: Rows,
    folds: int,
    numbers: Rows,
) -> dict[str, NDArray[np.float64]]:
    """Whether each test rejects in each of some shuffles: 1, 0, or NaN where it is undefined."""
    tested = (fold != UNTESTED).any(0)
    units = (np.arange(len(labels)) if groups is None else groups)[tested]
    found: dict[str, list[Any]] = {test: [] for test in TESTS if test != "interval of a level"} | {
        "level": []
    }
    for number in numbers:
        random = np.random.default_rng([2011, number])
        within = shuffled(labels, groups, random)
        chance = statistics.better_than_chance(
            within,
            _predict(matrices[-1], within, classes, fold),
            groups,
            classes,
            folds,
            permutations=PERMUTATIONS,
            seed=int(number),
        )
        found["permutation within persons"].append(_at_most(chance.p[-1], ALPHA))
        smallest = np.fmin.reduce(statistics.holm(chance.p[:-1]))
        found["Holm over the emotions"].append(_at_most(smallest, ALPHA))

        among = shuffled(labels, None, random)
        one, other = (_predict(matrix, among, classes, fold) for matrix in matrices)
        hits = [np.where(fold == UNTESTED, np.nan, made == among) for made in (one, other)]
        first, second = (fold_recall(hit, fold, among) for hit in hits)
        t_test = statistics.compare(first, second, folds)
        found["corrected resampled t-test"].append(_at_most(t_test.p, ALPHA))
        inside = 1 - max(t_test.worse, t_test.better)
        found["Bayesian, outside equivalence"].append(_at_most(inside, ALPHA))

        difference = np.nanmean((hits[1] - hits[0])[:, tested], 0)
        gap = statistics.emotion_means(among[tested], difference, classes)
        level = statistics.emotion_means(among[tested], hits[1][:, tested], classes)
        drawn = {"resamples": RESAMPLES, "seed": int(number)}
        for test, interval in (
            ("interval of a difference", statistics.bootstrap(gap, units, **drawn).widened()),
            (
                "interval by row, not widened",
                statistics.bootstrap(gap, np.arange(tested.sum()), **drawn),
            ),
        ):
            found[test].append(_outside(interval.low[-1], interval.high[-1], 0))
        means = statistics.bootstrap(level, units, **drawn).widened().of_repetitions()
        found["level"].append([part[-1] for part in means])
    return {test: np.array(values, float) for test, values in found.items()}


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
