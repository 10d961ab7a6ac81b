"""Robustness: leakage, recall by epoch, single splits, selection bias, readings, denominators.

Denominators are the sizes of a test set that could print given figures as recall. A recall of ``n``
rows is one of ``n + 1`` proportions, and few of them print as a given two-digit figure. A mean over
seeds takes more values, and a precision has a denominator of its own for each model; both say
nothing about the rows that were tested.

Axes: ``K`` networks, ``E`` checkpoints, ``N`` rows of the data, ``D`` features of all modalities
together, ``R`` repetitions; ``C`` emotions, ``M`` models and ``S`` sizes of a test set.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import kendalltau
from tqdm import tqdm

from emolib.analysis.evidence import READING, Condition, differences
from emolib.data import EmotionData
from emolib.folds import KEPT_APART, PROTOCOLS, SINGLE, make_folds
from emolib.metrics import MEASURES, UNTESTED, mean_recall, measures, predict
from emolib.training import sweeps
from emolib.training.scaling import scale
from emolib.training.stack import NetworkStack
from emolib.training.train import Trained
from emolib.utils import one_of, whole_number

# Two frames of one person are near-duplicates when they are as close as only one row in a hundred
# is to its nearest stranger.
CLOSE = 0.01
PART = 2**23  # distances in memory at a time, 64 MiB
# Of some networks in training the epochs [E], the predictions after each [E, K, N], and how many
# epochs each was trained for [K].
Checkpoints = tuple[list[int], NDArray[np.intp], NDArray[np.intp]]
# The measures that "accuracy" could mean.
READ_AS = tuple(measure for measure in MEASURES if measure != "specificity")
# Ways to print a share with two digits.
WAYS = ("rounded", "truncated")
LARGEST = 100  # rows; so many, and any more, can print every two-digit figure
# The margins of a table of possible sizes.
EVERY, ALL = "every emotion", "all models"


def near_duplicates(data: EmotionData) -> pd.Series:
    """Near-duplicates: rows with a twin of the same person, and nearest neighbours of one emotion.

    Distances are Euclidean, over all scaled features, between all pairs of rows.

    Returns:
        ``rows``; ``clips``; ``rows in a clip of several``; ``rows with a near-duplicate of the same
        person``; ``near-duplicate has the same emotion`` (share of those); ``nearest neighbour is
        the same person`` and ``nearest neighbour has the same emotion`` (shares of all rows); and
        ``nearest stranger has the same emotion``, among other persons only (share of the rows that
        have a stranger). Results on persons are NaN where the persons are unknown.
    """
    features = np.hstack([scale(data, m) for m in data.modalities]).astype(float)  # [N, D]
    count, person = len(data), np.unique(data.resampling_units, return_inverse=True)[1]
    near, distance = np.zeros((3, count), int), np.zeros((3, count))
    for rows in np.array_split(np.arange(count), -(-(count**2) // PART)):
        between, same = cdist(features[rows], features), person[rows, None] == person
        between[np.arange(len(rows)), rows] = np.inf  # a row is no neighbour of its own
        of_person, of_others = np.where(same, between, np.inf), np.where(same, np.inf, between)
        for kind, allowed in enumerate((between, of_person, of_others)):
            near[kind, rows], distance[kind, rows] = allowed.argmin(1), allowed.min(1)

    exists = np.isfinite(distance)
    # of the same person, near-duplicates alone
    exists[1] = distance[1] < pd.Series(distance[2]).where(exists[2]).quantile(CLOSE)
    same_emotion = pd.DataFrame((data.labels[near] == data.labels).astype(float)).where(exists)
    any_row, twin, stranger = same_emotion.mean(axis=1)
    # a clip's rows have its name and, last of all, the number of the frame
    _, clip, size = np.unique(
        [re.sub(r"[_-]\d+(\.\w+)?$", "", name) for name in data.names],
        return_inverse=True,
        return_counts=True,
    )
    found = pd.Series(
        {
            "rows": count,
            "clips": len(size),
            "rows in a clip of several": (size[clip] > 1).sum(),
            "rows with a near-duplicate of the same person": exists[1].sum(),
            "near-duplicate has the same emotion": twin,
            "nearest neighbour is the same person": (person[near[0]] == person).mean(),
            "nearest neighbour has the same emotion": any_row,
            "nearest stranger has the same emotion": stranger,
        }
    )
    always = found.index.isin(["rows", "nearest neighbour has the same emotion"])
    return found.where(always | (data.groups is not None))


def rank_correlations(table: pd.DataFrame, first: str) -> pd.DataFrame:
    """Kendall's rank correlation of one column with each other: ``tau``, and ``p``, exact where no
    two values are equal.
    """
    found = {name: kendalltau(table[first], table[name]) for name in table.columns.drop(first)}
    return pd.DataFrame(found, ["tau", "p"]).T


def single_results(
    trained: Trained, measure: Callable[..., float] = mean_recall
) -> NDArray[np.float64]:
    """Mean recall (or another ``measure`` of labels and predictions) of each network of a sweep on
    the rows that it was tested on: ``[K]``.
    """
    labels = trained.data.labels
    return np.array([measure(labels[r.test_rows], predict(r.scores)) for r in trained.results])


def split_percentile(results: NDArray[np.float64], printed: float) -> dict[str, float]:
    """Percentile of a printed figure among results of single splits.

    Args:
        results: mean recalls; NaN, a network that was not tested, is left out.
        printed: the figure.

    Returns:
        ``draws``, the number of results; ``percentile`` of the printed figure (share of results
        below it); ``tries`` after which one result in two would have reached it (infinite where
        none did); the results' ``median``, ``low`` and ``high`` (middle 95 %). NaN without a
        result.
    """
    tested = pd.Series(results).dropna()
    reached = (tested >= printed - 0.005).mean()  # a result that rounds to it reaches it
    low, median, high = tested.quantile([0.025, 0.5, 0.975])
    with np.errstate(divide="ignore"):  # all of them reach it
        tries = max(np.ceil(np.log(0.5) / np.log(1 - reached)), 1.0) if reached else np.inf
    return {
        "draws": len(tested),
        "median": median,
        "low": low,
        "high": high,
        "percentile": 1 - reached,
        "tries": tries,
    }


def selection_bias(
    data: EmotionData,
    table: pd.DataFrame,
    *,
    every: int,
    fixed: dict[str, Any],
) -> pd.DataFrame:
    """Selection bias: one network per setting and split, and the results of choosing among them in
    three ways.

    Args:
        table: a sweep of single splits, or of single splits with rows kept apart; settings differ,
            seeds are the splits.
        every: epochs between checkpoints, of which a network's last epoch is one; the epoch is one
            of the choices.
        fixed: the setting that is not chosen at all, taken at its last epoch.

    Returns:
        One row per split: test recall of the ``fixed`` setting, of the setting and epoch best on
        the rows kept apart (``nested``; NaN where none are), and of those best on the test rows
        themselves (``picked``); and how many ``settings`` there were to choose from. NaN where no
        network of the split could be tested.

    Raises:
        ValueError: another protocol or several, a count that is not whole, or a ``fixed`` setting
            that the sweep does not hold.
    """
    every = whole_number("every", every, 1)
    table = pd.DataFrame(sweeps.check(table, data))
    protocol = one_of("protocol", " and ".join(table["protocol"].unique()), [SINGLE, KEPT_APART])
    is_fixed = (table.reindex(columns=list(fixed)) == pd.Series(fixed)).all(axis=1)
    if sorted(table["seed"][is_fixed]) != sorted(set(table["seed"])):
        raise ValueError(f"fixed is {fixed!r}; the sweep must have one such setting for each seed")
    parts = [part for _, part in table.groupby("seed")]
    rows = []
    found = _checkpoints(data, parts, range(0, sweeps.LARGEST, every))
    for part, (_, predicted, trained) in zip(parts, found, strict=True):
        ((train, test),) = make_folds(data, protocol, int(part["seed"].iloc[0]), 1)
        apart = np.setdiff1d(np.arange(len(data)), [*train, *test])
        chosen_on, tested = (
            np.array([[mean_recall(data.labels[r], p[r]) for p in each] for each in predicted])
            for r in (apart, test)
        )  # [E, K]
        known = ~np.isnan(chosen_on)
        best = np.unravel_index(np.where(known, chosen_on, -1).argmax(), chosen_on.shape)
        rows.append(
            {
                "seed": part["seed"].iloc[0],
                "settings": (-(-trained // every)).sum(),
                "fixed": tested[-1, is_fixed[part.index]][0],
                "nested": tested[best] if known.any() else np.nan,
                "picked": np.fmax.reduce(tested, axis=None),
            }
        )
    return pd.DataFrame(rows)


def recall_by_epoch(
    data: EmotionData, table: pd.DataFrame, epochs: Collection[int]
) -> pd.DataFrame:
    """Recall and training accuracy against the epoch, the folds of each repetition put together.

    Args:
        table: a sweep with a column ``model``.
        epochs: where results are taken; they are after the last epoch as well.

    Returns:
        One row per repetition and epoch: ``model``, ``protocol``, ``seed``, ``epoch``, mean
        ``recall`` of the tested rows and ``training accuracy``, mean over folds.
    """
    named = sweeps.table(sweeps.check(table, data)).assign(model=table["model"].to_numpy())
    parts = [part for _, part in named.groupby([*sweeps.REPETITION, "model"], sort=False)]
    rows = []
    for part, (moments, predictions, _) in zip(
        parts, _checkpoints(data, parts, epochs), strict=True
    ):
        first = part.iloc[0]
        pairs = make_folds(data, first["protocol"], int(first["seed"]), int(first["folds"]))
        for epoch, predicted in zip(moments, predictions, strict=True):  # [K, N]
            pooled, right = np.full(len(data), UNTESTED), []
            for own, fold in zip(predicted, part["fold"], strict=True):
                train, test = pairs[fold]
                pooled[test] = own[test]
                right.append((own == data.labels)[train].mean())
            rows.append(
                {
                    **first[["model", "protocol", "seed"]],
                    "epoch": epoch,
                    "recall": mean_recall(data.labels, pooled),
                    "training accuracy": np.mean(right),
                }
            )
    return pd.DataFrame(rows)


def _checkpoints(
    data: EmotionData, parts: list[pd.DataFrame], epochs: Collection[int]
) -> Iterable[Checkpoints]:
    """Predictions after some epochs and the last one, for each part of a sweep; parts are trained
    side by side. Those of a network that has ended stay as they are.
    """

    def train(part: pd.DataFrame) -> Checkpoints:
        stack, found = NetworkStack(data, part.to_dict("records", into=sweeps.Row())), {}
        while stack.training.any():
            stack.epoch()
            if stack.epochs in epochs or not stack.training.any():
                found[stack.epochs] = [predict(stack.engine.scores(k)) for k in range(len(part))]
        return list(found), np.array(list(found.values())), stack.done

    work = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    found = work(joblib.delayed(train)(part) for part in parts)
    name = f"training {sum(map(len, parts)):,} networks with checkpoints"
    return tqdm(found, name, len(parts), leave=False, delay=0.2)


def leakage(found: Iterable[Condition]) -> pd.DataFrame:
    """Leakage of random folds: recall under them minus recall under person-independent folds.

    Args:
        found: conditions of models under both protocols.

    Returns:
        One row per model: mean recall under each protocol, mean over repetitions, their
        ``difference``, and its limits ``low`` and ``high`` (95 %, by person).
    """
    found, rows = list(found), []
    for model in dict.fromkeys(condition.model for condition in found):
        both = [replace(c, model=c.protocol, protocol="both") for c in found if c.model == model]
        levels = {c.model: c.recalls(np.ones((1, len(c.data))))[0, -1] for c in both}
        gap = differences(both, [PROTOCOLS]).iloc[-1].rename({"estimate": "difference"})
        rows.append({"model": model, **levels, **gap[["difference", "low", "high"]]})
    return pd.DataFrame(rows)


def specification_grid(**choices: Any) -> pd.DataFrame:
    """Specification grid: a sweep (:func:`emolib.training.sweeps.sweep`) without settings that
    decide nothing. A network that is not pruned has no angles to take, nor a time to prune at.

    Example:
        >>> choices = {"angle": [0, 60], "activation_shift": [0.5, 0.0]}
        >>> len(specification_grid(**choices, schedule=["first", "every"]))
        25
    """
    table = sweeps.sweep(**choices)
    idle = ["activation_shift", "schedule", "merge_weights"]
    table.loc[table["angle"] == 0, idle] = [sweeps.DEFAULTS[column] for column in idle]
    return table.drop_duplicates(ignore_index=True)


def multiverse(trained: Trained) -> pd.DataFrame:
    """Average over emotions of every reading, by each measure that "accuracy" could mean.

    Returns:
        Columns of the readings, ``measure`` (those of :data:`READ_AS`, and ``training accuracy``:
        the share of rows trained on that were recognised) and ``value``, mean over seeds; NaN where
        a measure is undefined.
    """
    table, scores = trained.out_of_fold()
    found = measures(trained.data.labels, scores, READ_AS)
    values = {measure: own[:, -1] for measure, own in found.items()}
    values["training accuracy"] = table["train_accuracy"].to_numpy()
    means = table[READING].assign(**values).groupby(READING, sort=False, dropna=False).mean()
    return means.rename_axis(columns="measure").stack().reset_index().rename(columns={0: "value"})


def printable(percent: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.bool]:
    """Whether some count of rows is printed as a percentage, rounded or truncated: ``[2, …]``.

    Whole numbers throughout; a proportion half-way between two percentages may be rounded to
    either.

    Args:
        percent: ``[…]``, the printed figure in percent.
        rows: ``[…]``, the size of the test set.

    Example:
        >>> printable(np.array(33), np.array([2, 3]))
        array([[False,  True],
               [False,  True]])
    """
    most = (2 * percent + 1) * rows // 200  # that are rounded to no more than the figure
    fewest = -(-percent * rows // 100)  # that reach the figure
    return np.stack([200 * most >= (2 * percent - 1) * rows, 100 * fewest < (percent + 1) * rows])


def possible_sizes(printed: Mapping[str, Sequence[float]], emotions: Sequence[str]) -> pd.DataFrame:
    """Whether a test set of up to :data:`LARGEST` rows of an emotion could print a model's figure.

    Args:
        printed: ``[C]`` two-digit figures for each of ``M`` models.
        emotions: their names.

    Returns:
        Rows by ``printed`` (:data:`WAYS`), ``emotion`` (those given, and :data:`EVERY`: as many
        rows of each) and ``rows``; a column for each model, and :data:`ALL`: on one test set.
    """
    percent = np.rint(100 * np.transpose(list(printed.values()))).astype(int)  # [C, M]
    rows = np.arange(1, LARGEST + 1)
    found = printable(percent[:, None], rows[:, None])  # [2, C, S, M]
    found = np.concatenate([found, found.all(1, keepdims=True)], 1)
    found = np.concatenate([found, found.all(-1, keepdims=True)], -1)
    return pd.DataFrame(
        found.reshape(-1, len(printed) + 1),
        pd.MultiIndex.from_product(
            [WAYS, [*emotions, EVERY], rows], names=["printed", "emotion", "rows"]
        ),
        [*printed, ALL],
    )


def smallest_size(possible: pd.DataFrame) -> pd.DataFrame:
    """Smallest test set that could print each figure of :func:`possible_sizes`, by ``printed`` and
    ``emotion``.
    """
    rows = possible.index.get_level_values("rows").to_numpy()
    return (
        pd.DataFrame(np.where(possible, rows[:, None], LARGEST), possible.index, possible.columns)
        .groupby(level=["printed", "emotion"], sort=False)
        .min()
    )


def printed_by(possible: pd.DataFrame, rows: Mapping[str, float]) -> pd.DataFrame:
    """Whether a test set of given sizes could print each figure, by ``printed`` and ``emotion``.

    Args:
        possible: see :func:`possible_sizes`.
        rows: of each emotion; a fraction stands for either of its neighbours.
    """
    emotion, size = (possible.index.get_level_values(name) for name in ("emotion", "rows"))
    near = (size - emotion.map(rows)).to_series().abs().to_numpy() < 1
    return possible[near].groupby(level=["printed", "emotion"], sort=False).any()
