"""How far luck alone carries a result: one split, a pick among many settings, and readings of what is silent.

Axes: ``K`` networks, ``E`` checkpoints, ``N`` rows of the data.
"""

import numpy as np
import pandas as pd

from emolib.data import EmotionData
from emolib.evidence import Condition
from emolib.folds import make_folds
from emolib.metrics import MEASURES, measures
from emolib.readings import DEFAULTS, Read, read
from emolib.training import Trained

TRAIN, CHOOSE, TEST = 0, 1, 2
# A reading without its repetition.
READING = [column for column in DEFAULTS if column not in ("folds", "seed")]


def mean_recall(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean recall over the emotions that occur; a single test part may lack one."""
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))


def single_results(trained: Trained) -> np.ndarray:
    """``[K]``: mean recall of each network of a sweep on the rows of its own test part."""
    found = []
    for outcome, row in zip(trained.outcomes, trained.table.to_dict("records"), strict=True):
        _, test = make_folds(trained.data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
        found.append(mean_recall(trained.data.labels[test], outcome.scores.argmax(1)))
    return np.array(found)


def standing(results: np.ndarray, printed: float) -> dict[str, float]:
    """Where a printed figure stands among results of single splits.

    Returns:
        ``percentile`` of the printed figure (share of results below it), ``tries`` after which one result in two would have
        reached it (infinite where none did), and the results' ``median``, ``low`` and ``high`` (middle 95 %).
    """
    reached = (results >= printed - 0.005).mean()  # what rounds to it reaches it
    low, median, high = np.quantile(results, [0.025, 0.5, 0.975])
    tries = 1.0 if reached == 1 else np.inf if reached == 0 else np.ceil(np.log(0.5) / np.log(1 - reached))
    return {"draws": len(results), "median": median, "low": low, "high": high, "percentile": 1 - reached, "tries": tries}


def picks(data: EmotionData, table: pd.DataFrame, *, every: int, fixed: dict, jobs: int | None = None) -> pd.DataFrame:
    """One network of each setting on each split, and what comes of choosing among them in three ways.

    Args:
        table: readings (:func:`emolib.readings.variants`) on single splits; settings differ, seeds are the splits.
        every: epochs between checkpoints; the epoch is one of the choices.
        fixed: the setting that is not chosen at all, taken at the last epoch.

    Returns:
        One row a split: test recall of the ``fixed`` setting, of the setting and epoch best on a part of the training rows
        (``nested``), and of those best on the test rows themselves (``picked``); and how many ``settings`` there were to choose from.
    """
    result = read(data, table, every=every, validation=True, jobs=jobs)
    chosen_on, tested = result.recall(data, CHOOSE), result.recall(data, TEST)  # [K, E]
    is_fixed = np.all([table[column] == value for column, value in fixed.items()], axis=0)
    rows = []
    for seed, part in table.reset_index(drop=True).groupby("seed"):
        own = part.index.to_numpy()
        best = np.unravel_index(chosen_on[own].argmax(), chosen_on[own].shape)
        rows.append({
            "seed": seed, "settings": tested[own].size, "fixed": tested[own[is_fixed[own]][0], -1],
            "nested": tested[own][best], "picked": tested[own].max(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def averages(condition: Condition) -> dict[str, float]:
    """Average over emotions by each measure, mean over repetitions; NaN where one leaves it undefined."""
    which = tuple(measure for measure in MEASURES if measure != "specificity")
    return {measure: float(value.mean()) for measure, value in measures(condition.data.labels, condition.scores, which).items()}


def multiverse(data: EmotionData, table: pd.DataFrame, jobs: int | None = None) -> pd.DataFrame:
    """Every reading's average over emotions, by each measure that "accuracy" could mean.

    Args:
        table: readings, their folds and seeds included.

    Returns:
        Columns of the readings, ``measure`` (those of :data:`emolib.metrics.MEASURES` without specificity, and ``training accuracy``: the share
        of rows trained on that were recognised) and ``value``, mean over seeds; NaN where a measure is undefined.
    """
    return summarise(data, read(data, table, jobs=jobs))


def summarise(data: EmotionData, result: Read) -> pd.DataFrame:
    """See :func:`multiverse`."""
    which = tuple(measure for measure in MEASURES if measure != "specificity")
    rows = []
    for keys, part in result.table.reset_index(drop=True).groupby([*READING, "seed"], sort=False):
        own = part.index.to_numpy()
        tested = result.part[own] == TEST  # [folds, N]
        network, at = np.nonzero(tested)
        found = measures(data.labels[at], result.scores[own][network, at], which)
        values = {measure: value.mean() for measure, value in found.items()}
        right = result.predicted[own, -1] == data.labels
        values["training accuracy"] = right[result.part[own] == TRAIN].mean()
        rows += [(*keys[:-1], measure, value) for measure, value in values.items()]
    frame = pd.DataFrame(rows, columns=[*READING, "measure", "value"])
    return frame.groupby([*READING, "measure"], sort=False)["value"].mean().reset_index()


