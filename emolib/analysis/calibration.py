"""How often the tests of this report are wrong, measured where nothing is to be found: on shuffled
labels.

The classifier is ridge regression on one-hot labels: linear in the labels, so one matrix a fold
retrains it on any of them, and thousands of shuffles cost seconds.

Axes: ``S`` repetitions, ``N`` rows of the data, ``C`` classes.
"""

from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.analysis import statistics
from emolib.analysis.evidence import fold_of_rows, fold_recall
from emolib.data import EmotionData, Rows
from emolib.folds import make_folds
from emolib.training.cores import core
from emolib.training.scaling import scale

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
    data: EmotionData, modality: str, protocol: str, seed: int, folds: int
) -> tuple[NDArray[np.float32], Rows]:
    """The matrix ``[N, N]`` that turns one-hot labels into out-of-fold scores of ridge regression,
    and the fold of each row.

    A row's own fold has no weight in it, so no row scores itself or is scored by rows that it was
    tested with.
    """
    matrix = np.zeros((len(data), len(data)), np.float32)
    for train, test in make_folds(data, protocol, seed, folds):
        x = scale(data, modality, train).astype(float)
        x = np.column_stack(
            [
                np.ones(len(x)),
                (x - x[train].mean(0)) / np.where(x[train].std(0) > 0, x[train].std(0), 1),
            ]
        )
        penalty = PENALTY * np.eye(x.shape[1])
        penalty[0, 0] = 0  # the intercept is free
        matrix[np.ix_(test, train)] = x[test] @ np.linalg.solve(
            x[train].T @ x[train] + penalty, x[train].T
        )
    return matrix, fold_of_rows(data, protocol, seed, folds)


def shuffled(
    labels: NDArray[np.intp], groups: NDArray[np.str_] | None, random: np.random.Generator
) -> NDArray[np.intp]:
    """Labels in random order, within groups where there are any."""
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
    """Share of shuffles in which each test, at 5 %, finds what is not there.

    Tests against chance are tried on labels exchanged within persons, everything else on labels
    exchanged among all rows: then no model is better than another, and all recalls are what
    guessing gives.

    Returns:
        Columns ``test``, ``protocol``, ``folds``, ``repetitions``, ``shuffles``, ``rejected`` (a
        share), ``low`` and ``high`` (its exact binomial interval, 95 %).
    """
    hats = {
        modality: [hat(data, modality, protocol, seed, folds) for seed in range(seeds)]
        for modality in data.modalities[:2]
    }
    matrices = [np.concatenate([matrix for matrix, _ in pairs]) for pairs in hats.values()]
    fold = np.stack([fold for _, fold in next(iter(hats.values()))])
    cores = joblib.effective_n_jobs(jobs)
    parts = joblib.Parallel(n_jobs=cores)(
        joblib.delayed(_shuffles)(data, matrices, fold, folds, numbers)
        for numbers in np.array_split(np.arange(shuffles), cores)
    )
    levels = np.concatenate(
        [part.pop("level") for part in parts]
    )  # [shuffles, 3]: estimate, low, high
    found = {test: np.concatenate([part[test] for part in parts]) for test in parts[0]}
    truth = levels[:, 0].mean()
    found["interval of a level"] = (levels[:, 1] > truth) | (levels[:, 2] < truth)
    rows = []
    for test in TESTS:
        share = statistics.reject_share(int(found[test].sum()), shuffles)
        rows.append((test, protocol, folds, seeds, shuffles, *share))
    return pd.DataFrame(
        rows,
        columns=["test", "protocol", "folds", "repetitions", "shuffles", "rejected", "low", "high"],
    )


@core()
def _shuffles(
    data: EmotionData, matrices: list[NDArray[np.float32]], fold: Rows, folds: int, numbers: Rows
) -> dict[str, np.ndarray]:
    classes = len(data.classes)
    found: dict[str, list[Any]] = {test: [] for test in TESTS if test != "interval of a level"} | {
        "level": []
    }
    for number in numbers:
        random = np.random.default_rng([2011, number])
        labels = shuffled(data.labels, data.groups, random)
        predicted = _predict(matrices[-1], labels, classes)
        chance = statistics.better_than_chance(
            labels,
            predicted,
            data.groups,
            classes,
            folds,
            permutations=PERMUTATIONS,
            seed=int(number),
        )
        found["permutation within persons"].append(chance.p[-1] <= ALPHA)
        found["Holm over the emotions"].append((statistics.holm(chance.p[:-1]) <= ALPHA).any())

        labels = shuffled(data.labels, None, random)
        one, other = (_predict(matrix, labels, classes) for matrix in matrices)
        hits = [(predicted == labels).astype(float) for predicted in (one, other)]
        first, second = (fold_recall(hit, fold, labels) for hit in hits)
        tested = statistics.compare(first, second)
        found["corrected resampled t-test"].append(tested.p <= ALPHA)
        found["Bayesian, outside equivalence"].append(max(tested.worse, tested.better) >= 1 - ALPHA)

        gap = statistics.emotion_means(labels, (hits[1] - hits[0]).mean(0), classes)
        drawn = {"resamples": RESAMPLES, "seed": int(number)}
        found["interval of a difference"].append(
            _excludes(statistics.bootstrap(gap, data.groups, **drawn).widened())
        )
        found["interval by row, not widened"].append(
            _excludes(statistics.bootstrap(gap, np.arange(len(labels)), **drawn))
        )
        level = (
            statistics.bootstrap(
                statistics.emotion_means(labels, hits[1], classes), data.groups, **drawn
            )
            .widened()
            .of_repetitions()
        )
        found["level"].append([part[-1] for part in level])
    return {test: np.array(values) for test, values in found.items()}


def _predict(
    matrix: NDArray[np.float32], labels: NDArray[np.intp], classes: int
) -> NDArray[np.intp]:
    """``[S, N]``, from the matrices of all repetitions one under another."""
    predicted: NDArray[np.intp] = (matrix @ np.eye(classes, dtype=np.float32)[labels]).argmax(1)
    return predicted.reshape(-1, len(labels))


def _excludes(interval: statistics.Interval) -> bool:
    return bool(interval.low[-1] > 0 or interval.high[-1] < 0)
