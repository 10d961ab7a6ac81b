"""Confusion matrices, precision, recall, specificity and average precision by emotion.

Axes: ``R`` repetitions (optional, any leading axes), ``N`` rows, ``C`` classes. Rows that no
network tested have scores of NaN; every measure leaves them out. What is undefined is NaN, never a
silent 0: the precision of an emotion that is never predicted, the recall of one that never occurs
among the tested rows, and everything where no row was tested.
"""

import numpy as np
from numpy.typing import NDArray

from emolib.utils import one_of

UNTESTED = -1  # the predicted class of a row that no network tested
MEASURES = ("recall", "accuracy", "precision", "specificity", "average precision")
# Query of a long table for the rows that exist: accuracy is of all emotions together.
DEFINED = "measure != 'accuracy' or emotion == 'average'"


def predict(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Predicted class of each row: that of the largest score, -1 for a row that was not tested.

    Args:
        scores: ``[…, N, C]``; a row with a score of NaN or infinity counts as untested, because no
            network tested it, or one whose weights diverged.

    Returns:
        ``[…, N]``.

    Example:
        >>> predict(np.array([[0.2, 0.7], [np.nan, np.nan]]))
        array([ 1, -1])
    """
    return np.where(np.isfinite(scores).all(-1), scores.argmax(-1), UNTESTED)


def accuracy(labels: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Share of the tested rows that are predicted right; NaN where no row was tested.

    Args:
        labels: ``[N]``.
        predicted: ``[N]``, as :func:`predict` returns it.
    """
    tested = predicted != UNTESTED
    return float((predicted == labels)[tested].mean()) if tested.any() else np.nan


def confusion(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
) -> NDArray[np.number]:
    """Confusion matrix: counts of tested rows by true and predicted emotion.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``.
        weight: ``[B, N]``, how much each row counts in each of ``B`` resamples; once when not
            given.

    Returns:
        ``[…, C, C]``, with ``weight`` ``[B, …, C, C]``: true emotion in rows, predicted emotion in
        columns.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    classes = scores.shape[-1]
    whole = labels.dtype.kind in "iu" and labels.shape == scores.shape[-2:-1]
    if not whole or not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(
            f"labels must be whole numbers from 0 to {classes - 1}, one per row of the scores"
        )
    predicted = predict(scores)  # [..., N]
    cell = np.where(predicted == UNTESTED, classes**2, labels.astype(np.intp) * classes + predicted)
    if weight is None:
        flat = cell.reshape(-1, len(labels))
        counts = np.array([np.bincount(row, minlength=classes**2 + 1)[:-1] for row in flat], int)
        return counts.reshape(*scores.shape[:-2], classes, classes)
    weighted = weight @ np.eye(classes**2 + 1, classes**2)[cell]  # [..., B, C * C]
    return np.asarray(
        np.moveaxis(weighted, -2, 0).reshape(len(weight), *scores.shape[:-2], classes, classes)
    )


def measures(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    which: str | tuple[str, ...] = MEASURES,
    weight: NDArray[np.floating] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Each of the measures by emotion, one against the rest, and on average.

    Recall is tp / (tp + fn), precision tp / (tp + fp), specificity tn / (tn + fp), as in Dhall et
    al. 2011; average precision is the area under the precision-recall curve by scikit-learn's step
    rule. Accuracy is the share of all tested rows that are predicted right: it has no value by
    emotion, and stands in the place of the average.

    Args:
        labels: ``[N]``.
        scores: ``[…, N, C]``, out of fold and pooled: a single fold may hold no row of an emotion.
        which: one or more of the measures.
        weight: ``[B, N]``, see :func:`confusion`.

    Returns:
        For each measure an array ``[…, C + 1]``, with ``weight`` ``[B, …, C + 1]``. The last value
        is the mean over the emotions that occur among the tested rows of the repetition, so that
        of recall is :func:`sklearn.metrics.balanced_accuracy_score`. It is NaN where the measure
        of such an emotion is undefined (the precision of one that is never predicted), and where
        no row was tested.

    Raises:
        ValueError: there is no such measure.
    """
    which = tuple(one_of("measure", name, MEASURES) for name in np.atleast_1d(which).tolist())
    counts = confusion(labels, scores, weight)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    occurs, predicted = counts.sum(-1), counts.sum(-2)
    total = predicted.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # 0 / 0 is undefined, and NaN says so
        found = {
            "recall": hit / occurs,
            "precision": hit / predicted,
            "specificity": (total - occurs - predicted + hit) / (total - occurs),
        }
        share = hit.sum(-1, keepdims=True) / total
    if "average precision" in which:
        found["average precision"] = average_precision(labels, scores, weight)
    tested = counts if weight is None else confusion(labels, scores)
    found = {measure: with_mean(values, tested.sum(-1) > 0) for measure, values in found.items()}
    found["accuracy"] = np.concatenate([np.full(hit.shape, np.nan), share], -1)
    return {measure: found[measure] for measure in which}


def with_mean(by_emotion: NDArray[np.float64], occurs: NDArray[np.bool]) -> NDArray[np.float64]:
    """Values by emotion ``[…, C]`` with their mean added as the last, ``[…, C + 1]``.

    Args:
        occurs: ``[C]`` or ``[…, C]``, the emotions that the mean is over; NaN if there are none.
    """
    with np.errstate(invalid="ignore"):
        mean = np.where(occurs, by_emotion, 0).sum(-1) / occurs.sum(-1)
    return np.concatenate([by_emotion, mean[..., None]], -1)


def average_precision(
    labels: NDArray[np.intp],
    scores: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Average precision ``[…, C]``, with ``weight`` ``[B, …, C]``; NaN for an emotion that never
    occurs among the tested rows.
    """
    # resamples are counts, exact in single precision, and there are many of them
    rows = np.ones((1, len(labels))) if weight is None else weight.astype(np.float32)
    flat = scores.reshape(-1, *scores.shape[-2:])
    area = np.full((len(rows), *flat.shape[::2]), np.nan)  # [B, R, C]
    for r, repetition in enumerate(flat):
        tested = predict(repetition) != UNTESTED
        truth, ranking, counted = labels[tested], repetition[tested], rows[:, tested]
        for c in np.unique(truth):
            area[:, r, c] = _area(truth == c, ranking[:, c], counted)
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
    hits = ranked[:, positive]
    found = hits.cumsum(1)
    with np.errstate(invalid="ignore"):
        upto = np.searchsorted(positive, last, side="right") - 1
        precision = found[:, upto] / ranked.cumsum(1)[:, last]
        share = hits / found[:, -1:]
    return np.asarray(np.where(share > 0, precision * share, share).sum(1))


def mean_recall(labels: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Mean recall over the emotions that occur among the tested rows; NaN where no row was tested.

    As :func:`sklearn.metrics.balanced_accuracy_score`, but without its warning where a prediction
    names another emotion, and twenty times as fast: luck is counted by the ten thousand.

    Args:
        labels: ``[N]``.
        predicted: ``[N]``, as :func:`predict` returns it.
    """
    tested = predicted != UNTESTED
    labels, predicted = labels[tested], predicted[tested]
    recalls = [(predicted[labels == c] == c).mean() for c in np.unique(labels)]
    return float(np.mean(recalls)) if recalls else np.nan
