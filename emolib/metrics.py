"""From scores to figures: confusion matrices, and precision, recall, specificity and average precision by emotion.

Axes: ``R`` repetitions (optional, any leading axes), ``N`` rows, ``C`` classes. What is undefined is NaN, never a
silent 0: the precision of an emotion that is never predicted, the recall of one that never occurs.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from emolib.training import Trained

MEASURES = ("recall", "precision", "specificity", "average precision")


def confusion(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Counts of rows by true and predicted emotion; the prediction is the emotion of the largest score.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``.

    Returns:
        ``[…, C, C]``: true emotion in rows, predicted emotion in columns.
    """
    classes = scores.shape[-1]
    truth = np.eye(classes)[labels]  # [N, C]
    predicted = np.eye(classes)[scores.argmax(-1)]  # [..., N, C]
    return (truth.T @ predicted).round().astype(int)


def measures(labels: np.ndarray, scores: np.ndarray, which: tuple[str, ...] = MEASURES) -> dict[str, np.ndarray]:
    """Each of the measures by emotion, one against the rest.

    Recall is tp / (tp + fn), precision tp / (tp + fp), specificity tn / (tn + fp), as in Dhall et al. 2011; average
    precision is the area under the precision-recall curve by scikit-learn's step rule.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``, out of fold and pooled: a single fold may hold no row of an emotion.

    Returns:
        For each measure an array ``[…, C]``.
    """
    counts = confusion(labels, scores).astype(float)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    occurs, predicted = counts.sum(-1), counts.sum(-2)
    total = counts.sum((-2, -1), keepdims=True)[..., 0]
    with np.errstate(invalid="ignore"):  # 0 / 0 is undefined, and NaN says so
        found = {
            "recall": hit / occurs,
            "precision": hit / predicted,
            "specificity": (total - occurs - predicted + hit) / (total - occurs),
        }
    if "average precision" in which:
        found["average precision"] = average_precision(labels, scores)
    return {measure: found[measure] for measure in which}


def average_precision(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """``[…, C]``; NaN for an emotion that never occurs."""
    classes = scores.shape[-1]
    flat = scores.reshape(-1, *scores.shape[-2:])
    area = np.full((len(flat), classes), np.nan)
    for c in np.unique(labels):
        truth = labels == c
        area[:, c] = [average_precision_score(truth, repetition[:, c]) for repetition in flat]
    return area.reshape(*scores.shape[:-2], classes)


def by_emotion(trained: Trained, which: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Measures of all repetitions of a sweep as a long table.

    Returns:
        The columns of :meth:`~emolib.training.Trained.out_of_fold`'s table with ``measure``, ``emotion`` (each of ``classes``, and ``average``: the mean of all
        of them, NaN where one is undefined) and ``value`` added.
    """
    table, scores = trained.out_of_fold()
    parts = []
    for measure, values in measures(trained.data.labels, scores, which).items():
        wide = pd.DataFrame(values, columns=list(trained.data.classes)).assign(average=values.mean(-1))
        long = wide.melt(var_name="emotion", value_name="value", ignore_index=False)
        parts.append(table.join(long.assign(measure=measure)))
    return pd.concat(parts, ignore_index=True)


def spread(long: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, lowest and highest ``value`` over seeds, and how many of the ``repetitions`` left it ``undefined``."""
    values = long.groupby(by, sort=False)["value"]
    return values.agg(
        mean="mean",
        low="min",
        high="max",
        repetitions="size",
        undefined=lambda value: int(value.isna().sum()),
    ).reset_index()
