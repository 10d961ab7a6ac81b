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
from sklearn import linear_model, pipeline, preprocessing

from emolib.analysis import statistics
from emolib.data import EmotionData, Rows
from emolib.folds import make_folds
from emolib.metrics import UNTESTED
from emolib.utils.validation import whole_number

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
    data: EmotionData, modality: str, protocol: str, seed: int, folds: int, rows: Rows
) -> tuple[NDArray[np.float32], Rows]:
    """Hat matrix ``[N, N]`` of ridge regression, from one-hot labels to out-of-fold scores, and the
    fold of each row (-1: untested).

    A row's own fold has no weight in it, so no row scores itself or is scored by rows that it was
    tested with.

    Args:
        rows: the ``N`` rows that train and test, ascending.
    """
    from emolib.training.scaling import scale  # the processes that shuffle need no PyTorch

    matrix = np.zeros((len(rows), len(rows)), np.float32)
    fold = np.full(len(rows), UNTESTED)
    ridge = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge(PENALTY))
    for number, (train, test) in enumerate(make_folds(data, protocol, seed, folds)):
        x = scale(data, modality, train).astype(float)[rows]
        train, test = (np.flatnonzero(np.isin(rows, part)) for part in (train, test))
        # of targets that are 1 for one row each, the predictions are the matrix
        ridge.fit(x[train], np.eye(len(train)))
        matrix[np.ix_(test, train)] = ridge.predict(x[test])
        fold[test] = number
    return matrix, fold


def calibrate(
    data: EmotionData, protocol: str, *, seeds: int, folds: int, shuffles: int
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
    hats = [
        [hat(data, modality, protocol, seed, folds, rows) for seed in range(seeds)]
        for modality in data.modalities[:2]
    ]
    matrices = [np.concatenate([matrix for matrix, _ in pairs]) for pairs in hats]
    fold = np.stack([fold for _, fold in hats[0]])
    labels, groups = data.labels[rows], None if data.groups is None else data.groups[rows]
    shuffle = partial(_shuffle, labels, groups, len(data.classes), matrices, fold, folds)
    found = pd.DataFrame(
        joblib.Parallel(n_jobs=-1)(joblib.delayed(shuffle)(number) for number in range(shuffles))
    )
    mean = found["estimate"].mean(skipna=False)
    found["interval of a level"] = _inside(found["low"], found["high"], mean)
    table = []
    for test in TESTS:
        rejects = found[test].dropna() <= ALPHA
        share = statistics.reject_share(int(rejects.sum()), len(rejects))
        name = test.replace("within persons", "among all rows") if groups is None else test
        table.append((name, protocol, folds, seeds, len(rejects), len(rows), *share))
    settings = ["test", "protocol", "folds", "repetitions", "shuffles", "rows"]
    return pd.DataFrame(table, columns=[*settings, "rejected", "low", "high"])


def _shuffle(
    labels: NDArray[np.intp],
    groups: NDArray[np.str_] | None,
    classes: int,
    matrices: list[NDArray[np.float32]],
    fold: Rows,
    folds: int,
    number: int,
) -> dict[str, Any]:
    """The p-value of each test on one shuffle of the labels, NaN where it is undefined; of an
    interval 1 where it holds the truth and 0 where not; and the interval of a level.
    """
    random, rows = np.random.default_rng([2011, number]), np.arange(len(labels))
    units = rows if groups is None else groups
    within = (
        random.permutation(labels)
        if groups is None
        else statistics.exchanged(labels, groups, random, 1)[0]
    )
    predicted = _predict(matrices[-1], within, classes, fold)
    _, p = statistics.better_than_chance(
        within, predicted, groups, classes, folds, permutations=PERMUTATIONS, seed=number
    )
    among, tested = random.permutation(labels), fold != UNTESTED
    one, other = (
        np.where(tested, _predict(matrix, among, classes, fold) == among, np.nan)
        for matrix in matrices
    )
    t_test = statistics.compare(
        statistics.fold_recall(other, fold, among), statistics.fold_recall(one, fold, among), folds
    )
    gap = statistics.repetition_mean(other - one)
    gaps, levels = (statistics.emotion_means(among, hit, classes) for hit in (gap, other))
    drawn = partial(statistics.bootstrap, tested=tested.any(0), resamples=RESAMPLES, seed=number)
    _, below, above = drawn(gaps, units).widened()
    _, row_below, row_above = drawn(gaps, rows)
    level = drawn(levels, units).widened().of_repetitions()
    return {
        "permutation within persons": p[-1],
        "Holm over the emotions": np.fmin.reduce(statistics.holm(p[:-1])),
        "corrected resampled t-test": t_test["p"],
        "Bayesian, outside equivalence": 1 - max(t_test["worse"], t_test["better"]),
        "interval of a difference": _inside(below[-1], above[-1], 0),
        "interval by row, not widened": _inside(row_below[-1], row_above[-1], 0),
    } | {limit: values[-1] for limit, values in zip(statistics.LIMITS, level, strict=True)}


def _predict(
    matrix: NDArray[np.float32], labels: NDArray[np.intp], classes: int, fold: Rows
) -> NDArray[np.intp]:
    """Predictions ``[S, N]``, -1 where untested, from the matrices of all repetitions one under
    another.
    """
    scores = matrix @ np.eye(classes, dtype=np.float32)[labels]
    return np.where(fold == UNTESTED, UNTESTED, scores.argmax(1).reshape(fold.shape))


def _inside(low: Any, high: Any, truth: float) -> NDArray[np.float64]:
    """Whether an interval holds the truth: 1, 0, or NaN where it is undefined."""
    undefined = np.isnan(low) | np.isnan(high) | np.isnan(truth)
    return np.where(undefined, np.nan, (low <= truth) & (truth <= high))
