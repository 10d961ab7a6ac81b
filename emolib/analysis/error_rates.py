"""Error rates of tests and intervals: type I error on shuffled labels, coverage on simulated data.

The classifier is ridge regression on one-hot labels: linear in the labels, so that one matrix per
fold fits any of them, and hundreds of shuffles or simulated data sets cost seconds. Of more than
:data:`emolib.analysis.statistics.SAMPLE` rows a stratified sample is shuffled, and the result's
column ``rows`` has its size.

Axes: ``S`` repetitions, ``N`` rows, ``C`` classes, ``D`` features, ``F`` folds.
"""

from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from emolib import paper
from emolib.analysis import statistics
from emolib.data import REPAIRS, EmotionData, Rows
from emolib.folds import make_folds
from emolib.metrics import UNTESTED
from emolib.utils import whole_number

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
# What is simulated, and its place among the emotions, of which the last is the mean. The second
# emotion is recognised about as often as the others on average, the sixth seldom.
LEVELS = {"mean recall": -1, "recall of one emotion": 1, "recall of a seldom recognised emotion": 5}
DIFFERENCES = {"difference of mean recalls": -1, "difference of recalls of one emotion": 1}
# Simulated persons share the rows as unequally as the films of SFEW: the largest of these 50 holds
# a seventh of them.
SHARES = 1 / np.arange(2, 52)
CLIP = 3  # mean number of rows of a clip
FEATURES = 5
# Standard deviations: of the emotions' means, for the weaker and the better modality; of a person's
# effect and of a clip's. That of noise is 1.
EMOTION = {"LPQ": 0.3, "PHOG": 0.45}
PERSON = 0.5


class RidgeFolds(NamedTuple):
    """Cross-validated ridge regression of labels yet to be given.

    Attributes:
        design: ``[N, D + 1]``, the features of each row as its fold's classifier sees them, and 1.
        matrix: ``[F, D + 1, N]``, from one-hot labels to the coefficients of each fold; 0 for rows
            that did not train it.
        fold: ``[N]``, the fold that tests a row, -1 where none does.
    """

    design: NDArray[np.float64]
    matrix: NDArray[np.float64]
    fold: Rows


def ridge(parts: list[tuple[NDArray[np.floating], Rows, Rows]], rows: Rows) -> RidgeFolds:
    """Fits ridge regression on standardised features in each fold.

    Args:
        parts: for each fold the features of all rows as its classifier sees them, and the rows that
            train and test.
        rows: the ``N`` rows that train and test, ascending.
    """
    fold, designs, matrices = np.full(len(rows), UNTESTED), [], []
    for number, (features, train, test) in enumerate(parts):
        trains, x = np.isin(rows, train), features[rows].astype(float)
        spread = x[trains].std(0)
        x = (x - x[trains].mean(0)) / np.where(spread > 0, spread, 1)
        x = np.c_[x, np.ones(len(rows))]
        fitted = x * trains[:, None]
        penalty = PENALTY * np.diag(np.arange(x.shape[1]) < x.shape[1] - 1)  # none on the constant
        matrices.append(np.linalg.solve(fitted.T @ fitted + penalty, fitted.T))
        designs.append(x)
        fold[np.isin(rows, test)] = number
    return RidgeFolds(np.stack(designs)[fold, np.arange(len(rows))], np.stack(matrices), fold)


def predict(models: list[RidgeFolds], labels: NDArray[np.intp], classes: int) -> NDArray[np.intp]:
    """Out-of-fold predictions ``[S, N]`` of classifiers trained on these labels, a model for each
    repetition; -1 where untested.
    """
    truth, fold = np.eye(classes)[labels], np.stack([model.fold for model in models])
    scores = [
        np.einsum("nd,ndc->nc", model.design, (model.matrix @ truth)[model.fold])
        for model in models
    ]
    return np.where(fold == UNTESTED, UNTESTED, np.argmax(scores, -1))


def hits(models: list[RidgeFolds], labels: NDArray[np.intp], classes: int) -> NDArray[np.float64]:
    """Whether a row is recognised, 1 or 0, ``[S, N]``; NaN where it was not tested."""
    predicted = predict(models, labels, classes)
    return np.where(predicted == UNTESTED, np.nan, predicted == labels)


def intervals(
    labels: NDArray[np.intp],
    units: np.ndarray,
    values: NDArray[np.float64],
    factor: NDArray[np.float64],
    seed: int,
) -> statistics.Interval:
    """Intervals of the mean of values ``[S, N]`` by emotion and on average, ``[C + 1]``, as
    :mod:`emolib.analysis.evidence` makes them, from fewer resamples.
    """
    return statistics.bootstrap(
        statistics.emotion_means(labels, values, len(factor) - 1),
        units,
        np.asarray(~np.isnan(values).all(0)),
        resamples=RESAMPLES,
        seed=seed,
    ).widened(factor)


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
    from emolib.training.scaling import scale  # the processes that shuffle need no PyTorch

    seeds, folds, shuffles = (
        whole_number(name, n, 1)
        for name, n in (("seeds", seeds), ("folds", folds), ("shuffles", shuffles))
    )
    rows = statistics.stratified_sample(data.labels)
    splits = [make_folds(data, protocol, seed, folds) for seed in range(seeds)]
    models = [
        [ridge([(scale(data, modality, own[0]), *own) for own in pairs], rows) for pairs in splits]
        for modality in data.modalities[:2]
    ]
    labels, groups = data.labels[rows], None if data.groups is None else data.groups[rows]
    found = pd.DataFrame(
        joblib.Parallel(n_jobs=-1)(
            joblib.delayed(_shuffle)(labels, groups, len(data.classes), models, folds, number)
            for number in range(shuffles)
        )
    )
    found["interval of a level"] = _inside(
        found["low"], found["high"], found["estimate"].mean(skipna=False)
    )
    rejects = [found[test].dropna() <= ALPHA for test in TESTS]
    exchanged = "among all rows" if groups is None else "within persons"
    table: dict[str, Any] = {
        "test": [test.replace("within persons", exchanged) for test in TESTS],
        "protocol": protocol,
        "folds": folds,
        "repetitions": seeds,
        "shuffles": [len(own) for own in rejects],
        "rows": len(rows),
    }
    return _with_shares(table, "rejected", [own.sum() for own in rejects], table["shuffles"])


def _shuffle(
    labels: NDArray[np.intp],
    groups: NDArray[np.str_] | None,
    classes: int,
    models: list[list[RidgeFolds]],
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
    predicted = predict(models[-1], within, classes)
    _, p = statistics.better_than_chance(
        within, predicted, groups, classes, folds, permutations=PERMUTATIONS, seed=number
    )
    among, fold = random.permutation(labels), np.stack([model.fold for model in models[0]])
    one, other = (hits(own, among, classes) for own in models)
    t_test = statistics.compare(
        statistics.fold_recall(other, fold, among), statistics.fold_recall(one, fold, among), folds
    )
    factor = statistics.inflation(folds, classes)
    _, below, above = intervals(among, units, other - one, factor, number)
    _, row_below, row_above = intervals(among, rows, other - one, np.ones_like(factor), number)
    level = intervals(among, units, other, factor, number)
    return {
        "permutation within persons": p[-1],
        "Holm over the emotions": np.fmin.reduce(statistics.holm(p[:-1])),
        "corrected resampled t-test": t_test["p"],
        "Bayesian, outside equivalence": 1 - max(t_test["worse"], t_test["better"]),
        "interval of a difference": _inside(below[-1], above[-1], 0),
        "interval by row, not widened": _inside(row_below[-1], row_above[-1], 0),
    } | {limit: values[-1] for limit, values in zip(statistics.LIMITS, level, strict=True)}


def simulate(rows: int, number: int) -> EmotionData:
    """Simulated faces of unequally many rows per person, in clips, with a real effect.

    Features are the sum of effects of the emotion, the person and the clip, and noise. Each emotion
    has equally many rows, as in SFEW, but each person a mix of its own; the rows of a clip share
    their emotion.

    Args:
        rows: ``N``.
        number: of the random numbers; the emotions' effects are always the same.
    """
    random, classes = np.random.default_rng([2017, number]), len(paper.EMOTIONS)
    person = np.searchsorted(np.cumsum(SHARES) / SHARES.sum(), (np.arange(rows) + 0.5) / rows)
    clip = np.cumsum((np.diff(person, prepend=-1) > 0) | (random.random(rows) < 1 / CLIP)) - 1
    favourite = random.normal(size=len(SHARES))[person] + random.normal(size=rows)[clip]
    labels = (rankdata(favourite, "ordinal").astype(int) - 1) * classes // rows
    emotion = np.random.default_rng(2017).normal(size=(classes, FEATURES))
    features = {
        modality: effect * emotion[labels]
        + PERSON * random.normal(size=(len(SHARES), FEATURES))[person]
        + PERSON * random.normal(size=(rows, FEATURES))[clip]
        + random.normal(size=(rows, FEATURES))
        for modality, effect in EMOTION.items()
    }
    return EmotionData(
        features=features,
        labels=labels,
        classes=paper.EMOTIONS,
        groups=person.astype(str),
        names=np.arange(rows).astype(str),
        source=f"{rows} simulated faces",
        drawn=True,
        repairs=pd.DataFrame(columns=list(REPAIRS)),
    )


def coverage(protocol: str, *, rows: int, seeds: int, folds: int, sets: int) -> pd.DataFrame:
    """Coverage of the intervals of this report on simulated data: how often they hold the truth.

    The truth is the mean of the estimate over all sets: the recall to be expected of classifiers
    trained on so many rows. Levels are those of the better of two modalities, differences are to
    the weaker one.

    Args:
        protocol: of the folds.
        rows: per data set, see :func:`simulate`.
        seeds: repetitions.
        sets: number of data sets.

    Returns:
        Columns ``quantity`` (of :data:`LEVELS` and :data:`DIFFERENCES`), ``protocol``, ``folds``,
        ``repetitions``, ``rows``, ``sets``, ``truth``, ``covered`` (a share), ``low`` and ``high``
        (its exact binomial interval, 95 %).

    Raises:
        ValueError: a count is not whole, or the folds cannot be made.
    """
    rows, seeds, folds, sets = (
        whole_number(name, n, 1)
        for name, n in (("rows", rows), ("seeds", seeds), ("folds", folds), ("sets", sets))
    )
    found = joblib.Parallel(n_jobs=-1)(
        joblib.delayed(_simulated)(protocol, rows, seeds, folds, number) for number in range(sets)
    )
    estimate, low, high = np.moveaxis(np.array(found), 1, 0)  # [sets, quantities] each
    truth = estimate.mean(0)
    held = ((low <= truth) & (truth <= high)).sum(0)
    table = {
        "quantity": [*LEVELS, *DIFFERENCES],
        "protocol": protocol,
        "folds": folds,
        "repetitions": seeds,
        "rows": rows,
        "sets": sets,
        "truth": truth,
    }
    return _with_shares(table, "covered", held, sets)


def _simulated(
    protocol: str, rows: int, seeds: int, folds: int, number: int
) -> NDArray[np.float64]:
    """Estimates and limits ``[3, quantities]`` on one simulated data set."""
    data = simulate(rows, number)
    worse, better = simulated_hits(data, protocol, seeds, folds)
    factor = statistics.inflation(folds, len(data.classes))
    level, gap = (
        np.array(intervals(data.labels, data.resampling_units, values, factor, number))
        for values in (better, better - worse)
    )
    return np.hstack([level[:, list(LEVELS.values())], gap[:, list(DIFFERENCES.values())]])


def simulated_hits(
    data: EmotionData, protocol: str, seeds: int, folds: int
) -> list[NDArray[np.float64]]:
    """Whether a row is recognised ``[S, N]``, from each modality of simulated data."""
    splits = [make_folds(data, protocol, seed, folds) for seed in range(seeds)]
    return [
        hits(
            [ridge([(x, *pair) for pair in pairs], np.arange(len(data))) for pairs in splits],
            data.labels,
            len(data.classes),
        )
        for x in data.features.values()
    ]


def _with_shares(
    columns: dict[str, Any], name: str, counts: ArrayLike, trials: ArrayLike
) -> pd.DataFrame:
    """Table of these columns and of counts as a share of trials, with exact binomial limits."""
    shares = [
        statistics.binomial_share(int(count), int(total))
        for count, total in np.broadcast(counts, trials)
    ]
    return pd.DataFrame(columns).join(pd.DataFrame(shares, columns=[name, "low", "high"]))


def _inside(low: Any, high: Any, truth: float) -> NDArray[np.float64]:
    """Whether an interval holds the truth: 1, 0, or NaN where it is undefined."""
    undefined = np.isnan(low) | np.isnan(high) | np.isnan(truth)
    return np.where(undefined, np.nan, (low <= truth) & (truth <= high))
