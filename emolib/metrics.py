"""From scores to figures: confusion matrices, and precision, recall, specificity and average
precision by emotion.

Axes: ``R`` repetitions (optional, any leading axes), ``N`` rows, ``C`` classes. What is undefined
is NaN, never a silent 0: the precision of an emotion that is never predicted, the recall of one
that never occurs.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.training.train import Trained

MEASURES = ("recall", "precision", "specificity", "average precision")


def predict(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """The class of the largest score ``[…, N]``; -1 where a row of ``[…, N, C]`` was not tested."""
    return np.where(np.isnan(scores).any(-1), -1, scores.argmax(-1))


def confusion(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
) -> NDArray[np.number]:
    """Counts of rows by true and predicted emotion; the prediction is the emotion of the largest
    score.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``.
        weight: ``[B, N]``, how much each row counts in each of ``B`` resamples; once when not
            given.

    Returns:
        ``[…, C, C]``, with ``weight`` ``[B, …, C, C]``: true emotion in rows, predicted emotion in
        columns.
    """
    classes = scores.shape[-1]
    predicted = predict(scores)
    cell: NDArray[np.intp] = np.where(predicted < 0, -1, labels * classes + predicted)  # [..., N]
    if weight is None:
        flat = cell.reshape(-1, len(labels))
        counts = np.stack([np.bincount(row[row >= 0], minlength=classes**2) for row in flat])
        return counts.reshape(*scores.shape[:-2], classes, classes)
    counts = weight @ np.eye(classes**2)[cell]  # [..., B, C * C]
    return np.moveaxis(counts, -2, 0).reshape(len(weight), *scores.shape[:-2], classes, classes)


def measures(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    which: tuple[str, ...] = MEASURES,
    weight: NDArray[np.floating] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Each of the measures by emotion, one against the rest.

    Recall is tp / (tp + fn), precision tp / (tp + fp), specificity tn / (tn + fp), as in Dhall et
    al. 2011; average precision is the area under the precision-recall curve by scikit-learn's step
    rule.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``, out of fold and pooled: a single fold may hold no row of an emotion.
        which: of the measures.
        weight: ``[B, N]``, see :func:`confusion`.

    Returns:
        For each measure an array ``[…, C]``, with ``weight`` ``[B, …, C]``.
    """
    counts = confusion(labels, scores, weight)
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
        found["average precision"] = average_precision(labels, scores, weight)
    return {measure: found[measure] for measure in which}


def average_precision(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """``[…, C]``, with ``weight`` ``[B, …, C]``; NaN for an emotion that never occurs."""
    # resamples are counts, exact in single precision, and there are many of them
    rows = np.ones((1, len(labels))) if weight is None else weight.astype(np.float32)
    flat = scores.reshape(-1, *scores.shape[-2:])
    area = np.full((len(rows), *flat.shape[::2]), np.nan)  # [B, R, C]
    for c in np.unique(labels):
        for r, repetition in enumerate(flat[:, :, c]):
            area[:, r, c] = _area(labels == c, repetition, rows)
    area = area.reshape(len(rows), *scores.shape[:-2], scores.shape[-1])
    return area[0] if weight is None else area


def _area(
    truth: NDArray[np.bool], score: NDArray[np.floating], weight: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Average precision of one ranking for many weightings of its rows at once: ``[B]``.

    :func:`sklearn.metrics.average_precision_score` does one weighting a call, which is too slow for
    a bootstrap.
    """
    order = np.argsort(-score, kind="stable")
    positive = np.flatnonzero(truth[order])
    # rows of one score enter the ranking together
    last = np.searchsorted(-score[order], -score[order][positive], side="right") - 1
    ranked = weight[:, order]
    hits = ranked * truth[order]
    with np.errstate(invalid="ignore"):
        precision = hits.cumsum(1)[:, last] / ranked.cumsum(1)[:, last]
        share = hits[:, positive] / hits.sum(1, keepdims=True)
    area: NDArray[np.floating] = np.where(share > 0, precision * share, share).sum(1)
    return area


def by_emotion(trained: Trained, which: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Measures of all repetitions of a sweep as a long table.

    Returns:
        The columns of :meth:`~emolib.training.train.Trained.out_of_fold`'s table with ``measure``,
        ``emotion`` (each of ``classes``, and ``average``: the mean of all of them, NaN where one is
        undefined) and ``value`` added.
    """
    table, scores = trained.out_of_fold()
    parts = []
    for measure, values in measures(trained.data.labels, scores, which).items():
        wide = pd.DataFrame(values, columns=list(trained.data.classes)).assign(
            average=values.mean(1)
        )
        long = wide.melt(var_name="emotion", ignore_index=False)
        parts.append(table.join(long.assign(measure=measure)))
    return pd.concat(parts, ignore_index=True)


def mean_recall(labels: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Mean recall over the emotions that occur: a small part of the rows may lack one.

    As :func:`sklearn.metrics.balanced_accuracy_score`, but without its warning where a prediction
    names another emotion, and twenty times as fast: luck is counted by the ten thousand. Labels and
    predictions are ``[N]``.
    """
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))


def spread(long: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, lowest and highest ``value`` over seeds, and how many of the ``repetitions`` left it
    ``undefined``.
    """
    values = long.groupby(by, sort=False)["value"]
    return values.agg(
        mean="mean",
        low="min",
        high="max",
        repetitions="size",
        undefined=lambda value: int(value.isna().sum()),
    ).reset_index()
