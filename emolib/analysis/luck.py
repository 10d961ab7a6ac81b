"""Robustness: results of single splits, selection bias, and a multiverse of the settings that the
paper leaves open.

Axes: ``K`` networks, ``E`` checkpoints, ``N`` rows of the data.
"""

from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from emolib.analysis.evidence import READING, Condition
from emolib.data import EmotionData
from emolib.folds import KEPT_APART, make_folds
from emolib.metrics import MEASURES, average, mean_recall, measures, predict
from emolib.training import sweeps
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import DEFAULTS, Row
from emolib.training.train import Trained
from emolib.utils.validation import one_of, whole_number

# The measures that "accuracy" could mean.
READ_AS = tuple(measure for measure in MEASURES if measure != "specificity")


def single_results(trained: Trained) -> NDArray[np.float64]:
    """Mean recall of each network of a sweep on the rows that it was tested on: ``[K]``."""
    labels = trained.data.labels
    return np.array([mean_recall(labels[r.test_rows], predict(r.scores)) for r in trained.results])


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
    results = results[~np.isnan(results)]
    if len(results) == 0 or np.isnan(printed):
        undefined = ("median", "low", "high", "percentile", "tries")
        return {"draws": len(results)} | dict.fromkeys(undefined, np.nan)
    reached = (results >= printed - 0.005).mean()  # a result that rounds to it reaches it
    low, median, high = np.quantile(results, [0.025, 0.5, 0.975])
    with np.errstate(divide="ignore"):
        tries = max(np.ceil(np.log(0.5) / np.log(1 - reached)), 1.0) if reached else np.inf
    return {
        "draws": len(results),
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
    jobs: int | None = None,
) -> pd.DataFrame:
    """Selection bias: one network per setting and split, and the results of choosing among them in
    three ways.

    Args:
        table: a sweep with :data:`~emolib.folds.KEPT_APART` as its protocol; settings differ, seeds
            are the splits.
        every: epochs between checkpoints, of which the last epoch is one; the epoch is one of the
            choices.
        fixed: the setting that is not chosen at all, taken at the last epoch.
        jobs: threads, by default one per core.

    Returns:
        One row per split: test recall of the ``fixed`` setting, of the setting and epoch best on
        the rows kept apart (``nested``), and of those best on the test rows themselves
        (``picked``); and how many ``settings`` there were to choose from. NaN where no network of
        the split could be tested.

    Raises:
        ValueError: another protocol, a count that is not whole, or a ``fixed`` setting that the
            sweep does not hold.
    """
    every = whole_number("every", every, 1)
    table = pd.DataFrame(sweeps.check(table, data))
    for protocol in table["protocol"].unique():
        one_of("protocol", protocol, [KEPT_APART])
    is_fixed = (table.reindex(columns=list(fixed)) == pd.Series(fixed)).all(axis=1)
    if sorted(table["seed"][is_fixed]) != sorted(set(table["seed"])):
        raise ValueError(f"fixed is {fixed!r}; the sweep must have one such setting for each seed")
    parts = [part for _, part in table.groupby("seed")]
    work = joblib.Parallel(n_jobs=jobs or -1, prefer="threads", return_as="generator")
    found = work(joblib.delayed(_checkpoints)(data, part, every) for part in parts)
    rows = []
    with tqdm(
        total=len(parts),
        desc=f"training {len(table):,} networks to pick from",
        leave=False,
        delay=0.2,
    ) as progress:
        for part, (chosen_on, tested) in zip(parts, found, strict=True):  # [K, E]
            known = ~np.isnan(chosen_on)
            best = np.unravel_index(np.where(known, chosen_on, -1).argmax(), chosen_on.shape)
            rows.append(
                {
                    "seed": part["seed"].iloc[0],
                    "settings": tested.size,
                    "fixed": tested[is_fixed[part.index]][0, -1],
                    "nested": tested[best] if known.any() else np.nan,
                    "picked": np.fmax.reduce(tested, axis=None),
                }
            )
            progress.update(1)
    return pd.DataFrame(rows)


def _checkpoints(
    data: EmotionData, table: pd.DataFrame, every: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean recall of each network of one split at each checkpoint, on the rows kept apart and on
    the test rows: ``[K, E]`` each.
    """
    stack = NetworkStack(data, table.to_dict("records", into=Row()))
    ((train, test),) = make_folds(data, KEPT_APART, int(table["seed"].iloc[0]), 1)
    apart = np.setdiff1d(np.arange(len(data)), [*train, *test])
    found = []
    while stack.training.any():
        stack.epoch()
        if stack.epochs % every == 0 or not stack.training.any():
            predicted = [predict(stack.engine.scores(k)) for k in range(len(table))]
            found.append(
                [
                    [mean_recall(data.labels[rows], own[rows]) for own in predicted]
                    for rows in (apart, test)
                ]
            )
    chosen_on, tested = np.array(found).transpose(1, 2, 0)
    return chosen_on, tested


def averages(condition: Condition) -> dict[str, float]:
    """Average over emotions by each measure, mean over repetitions; NaN where one leaves it
    undefined.
    """
    return _averages(condition.data.labels, condition.scores)


def _averages(labels: NDArray[np.intp], scores: NDArray[np.floating]) -> dict[str, float]:
    found = measures(labels, scores, READ_AS)
    return {m: float(average(labels, scores, value).mean()) for m, value in found.items()}


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
    table.loc[table["angle"] == 0, idle] = [DEFAULTS[column] for column in idle]
    return table.drop_duplicates(ignore_index=True)


def multiverse(trained: Trained) -> pd.DataFrame:
    """Average over emotions of every reading, by each measure that "accuracy" could mean.

    Returns:
        Columns of the readings, ``measure`` (those of :data:`READ_AS`, and ``training accuracy``:
        the share of rows trained on that were recognised) and ``value``, mean over seeds; NaN where
        a measure is undefined.
    """
    table, scores = trained.out_of_fold()
    rows = []
    for row, own in zip(table.to_dict("records"), scores, strict=True):
        reading = [row[column] for column in READING]
        found = _averages(trained.data.labels, own) | {"training accuracy": row["train_accuracy"]}
        rows += [(*reading, measure, value) for measure, value in found.items()]
    frame = pd.DataFrame(rows, columns=[*READING, "measure", "value"])
    by_reading = frame.groupby([*READING, "measure"], sort=False, dropna=False)["value"]
    return by_reading.mean().reset_index()
