"""How far luck alone carries a result: one split, a pick among many settings, and readings of what
is silent.

Axes: ``K`` networks, ``E`` checkpoints, ``N`` rows of the data.
"""

from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.analysis.evidence import Condition
from emolib.data import EmotionData
from emolib.folds import KEPT_APART, make_folds
from emolib.metrics import MEASURES, mean_recall, measures
from emolib.training import sweeps
from emolib.training.cores import core
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import DEFAULTS, REPETITION, Row
from emolib.training.train import Trained
from emolib.utils.progress import track

# A reading without its repetition.
READING = [column for column in REPETITION if column != "seed"]


def single_results(trained: Trained) -> NDArray[np.float64]:
    """``[K]``: mean recall of each network of a sweep on the rows of its own test part."""
    found = []
    for result, row in zip(
        trained.results, trained.table.to_dict("records", into=Row()), strict=True
    ):
        _, test = make_folds(trained.data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
        found.append(mean_recall(trained.data.labels[test], result.scores.argmax(1)))
    return np.array(found)


def split_percentile(results: NDArray[np.float64], printed: float) -> dict[str, float]:
    """Where a printed figure stands among results of single splits.

    Returns:
        ``percentile`` of the printed figure (share of results below it), ``tries`` after which one
        result in two would have reached it (infinite where none did), and the results' ``median``,
        ``low`` and ``high`` (middle 95 %).
    """
    reached = (results >= printed - 0.005).mean()  # what rounds to it reaches it
    low, median, high = np.quantile(results, [0.025, 0.5, 0.975])
    tries = (
        1.0
        if reached == 1
        else np.inf
        if reached == 0
        else np.ceil(np.log(0.5) / np.log(1 - reached))
    )
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
    """One network of each setting on each split, and what comes of choosing among them in three
    ways.

    Args:
        table: a sweep with :data:`~emolib.folds.KEPT_APART` as its protocol; settings differ, seeds
            are the splits.
        every: epochs between checkpoints; the epoch is one of the choices.
        fixed: the setting that is not chosen at all, taken at the last epoch.
        jobs: threads, by default one a core.

    Returns:
        One row a split: test recall of the ``fixed`` setting, of the setting and epoch best on the
        rows kept apart (``nested``), and of those best on the test rows themselves (``picked``);
        and how many ``settings`` there were to choose from.
    """
    sweeps.check(table, data)
    parts = [part for _, part in table.groupby("seed")]
    work = joblib.Parallel(n_jobs=jobs or -1, prefer="threads", return_as="generator")
    rows = []
    with track(len(parts), f"training {len(table):,} networks to pick from") as progress:
        for part, found in zip(
            parts,
            work(joblib.delayed(_checkpoints)(data, part, every) for part in parts),
            strict=True,
        ):
            chosen_on, tested = found  # [K, E]
            best = np.unravel_index(chosen_on.argmax(), chosen_on.shape)
            is_fixed = np.all([part[column] == value for column, value in fixed.items()], axis=0)
            rows.append(
                {
                    "seed": part["seed"].iloc[0],
                    "settings": tested.size,
                    "fixed": tested[is_fixed][0, -1],
                    "nested": tested[best],
                    "picked": tested.max(),
                }
            )
            progress.update(1)
    return pd.DataFrame(rows)


@core()
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
        if stack.epochs % every == 0:
            predicted = [stack.engine.scores(k).argmax(1) for k in range(len(table))]
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
    which = tuple(measure for measure in MEASURES if measure != "specificity")
    return {
        measure: float(value.mean())
        for measure, value in measures(condition.data.labels, condition.scores, which).items()
    }


def specification_grid(**choices: Any) -> pd.DataFrame:
    """A sweep (:func:`emolib.training.sweeps.sweep`) in which what decides nothing does not
    multiply: a network that is not pruned has no angles to take, nor a time to prune at.

    Example:
        >>> len(specification_grid(angle=[0, 60], activation_shift=[0.5, 0.0], schedule=["first", "every"], protocol=SINGLE, folds=1))
        5
    """
    table = sweeps.sweep(**choices)
    idle = ["activation_shift", "schedule", "merge_weights"]
    table.loc[table["angle"] == 0, idle] = [DEFAULTS[column] for column in idle]
    return table.drop_duplicates(ignore_index=True)


def multiverse(trained: Trained) -> pd.DataFrame:
    """Every reading's average over emotions, by each measure that "accuracy" could mean.

    Returns:
        Columns of the readings, ``measure`` (those of :data:`emolib.metrics.MEASURES` without
        specificity, and ``training accuracy``: the share of rows trained on that were recognised)
        and ``value``, mean over seeds; NaN where a measure is undefined.
    """
    which = tuple(measure for measure in MEASURES if measure != "specificity")
    table, scores = trained.out_of_fold()
    rows = []
    for row, own in zip(table.to_dict("records"), scores, strict=True):
        tested = ~np.isnan(own[:, 0])  # a single split leaves most rows out
        found = {
            measure: value.mean()
            for measure, value in measures(trained.data.labels[tested], own[tested], which).items()
        }
        reading = [row[column] for column in READING]
        rows += [
            (*reading, measure, value)
            for measure, value in (found | {"training accuracy": row["train_accuracy"]}).items()
        ]
    frame = pd.DataFrame(rows, columns=[*READING, "measure", "value"])
    return frame.groupby([*READING, "measure"], sort=False)["value"].mean().reset_index()
