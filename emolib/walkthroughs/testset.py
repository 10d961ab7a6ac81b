"""Checks of the walkthrough on test sets, and accuracy by the wildness of the faces."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emolib import PROTOCOLS, Cache, EmotionData, sweep, train
from emolib.data.drawn import drawn_data
from emolib.metrics import accuracy, predict
from emolib.walkthroughs.lesson import Mistakes, Wrong, array, check_with, judged, number


@check_with
def shared_groups(answer: Any, data: EmotionData, train: np.ndarray, test: np.ndarray) -> str:
    """The number of groups with rows on both sides of one split, of data whose groups are known."""
    assert data.groups is not None
    seen, tested = set(data.groups[train]), set(data.groups[test])
    both = seen & tested
    rows = int(np.isin(data.groups[test], sorted(both)).sum())
    if isinstance(answer, set | list | tuple) or np.ndim(answer):
        raise Wrong("these are the groups; their number is asked for: len(…).")
    return judged(
        number(answer),
        len(both),
        f"{len(both)} groups are on both sides, and {rows} of the {len(test)} test rows show a "
        "person that the network was trained on.",
        [
            (
                0,
                "0 rows are on both sides, as in every split; but their people may be: "
                "data.groups[train] says whose the rows are.",
            ),
            (
                rows,
                "these are rows, not groups: a person with ten pictures counts once. A set "
                "keeps each name once.",
            ),
            (len(set(data.groups)), "this is the number of all groups."),
            (
                len(seen),
                "this is the number of groups in the training set; keep only those that are "
                "also tested.",
            ),
            (
                len(tested),
                "this is the number of groups in the test set; keep only those that also train.",
            ),
            (
                len(tested - both),
                "these are the groups that are tested and never trained on; the others are "
                "asked for.",
            ),
        ],
        "take the set of groups of the training rows and the set of groups of the test rows, "
        "and count the names in both (&).",
        tolerance=0,
    )


@check_with
def recalls(answer: Any, counts: np.ndarray) -> str:
    """The recall of each emotion from a confusion matrix ``[C, C]``, true emotion in rows."""
    counts, alone = np.asarray(counts, float), np.ndim(answer) == 0
    hit, total = np.diag(counts), counts.sum()
    right = hit / counts.sum(1)
    mistakes: Mistakes = [
        (right.mean(), "this is their mean; the recall of each emotion is asked for."),
        (
            hit.sum() / total,
            "this is accuracy, one number over all rows; recall asks each emotion alone.",
        ),
        (
            hit / np.maximum(counts.sum(0), 1),
            "this is precision: of the rows called Happy, the share that is. Recall divides by "
            "the rows that are Happy: sum(axis=1).",
        ),
        (
            hit / total,
            "you divided by all rows; each emotion is divided by its own number of rows.",
        ),
        (1 - right, "this is the share that was missed."),
        (100 * right, "this is in percent; shares are asked for, from 0 to 1.", 0.51),
        (hit, "these are counts; divide each by the number of rows of that emotion."),
        (alone, f"the shape should be {right.shape}; yours is one number."),
    ]
    return judged(
        number(answer) if alone else np.nan_to_num(array(answer, right.shape)),
        right,
        "of the rows that are Happy, the share that was found: that is what the paper's "
        "per-emotion accuracy must mean, if anything.",
        mistakes,
        "the diagonal holds the hits; divide each by the sum of its row.",
        tolerance=0.0051,  # two decimals are enough
    )


@check_with
def p_value(answer: Any, observed: float, shuffled: np.ndarray) -> str:
    """The permutation p-value of a score, from the scores ``[P]`` of shuffled labels."""
    beyond, trials = int((shuffled >= observed).sum()), len(shuffled)
    right, deviations = (beyond + 1) / (trials + 1), (observed - shuffled.mean()) / shuffled.std()
    worse = (
        "this is the share that does worse; the p-value is the share that does at least as well."
    )
    count = "this is a count; divide by the number of shuffles, plus one."
    value = number(answer)
    return judged(
        value,
        right,
        f"chance alone does as well in about one of {1 / right:,.0f} tries. Is that rare enough "
        "for you?",
        [
            (
                beyond / trials,
                "almost: count the true labels as one of the shuffles, (k + 1) / (n + 1), or "
                "a p-value could be 0, and nothing is that sure.",
            ),
            (100 * right, "this is in percent; a p-value is a share, from 0 to 1."),
            (1 - right, worse),
            ((shuffled < observed).mean(), worse),
            ((shuffled <= observed).mean(), worse),
            (
                2 * right,
                "the question has one side: does it do better than chance? No factor of two.",
            ),
            (max(beyond, 2), count),
            (beyond + 1, count),
            # a rounded answer is recognised as well
            (
                deviations,
                "this is the number of standard deviations above chance; the p-value is a "
                "share of shuffles.",
                0.01,
            ),
            (not 0 <= value <= 1, "a p-value is a share, from 0 to 1."),
        ],
        "count the shuffles that reach the observed score, add one, and divide by their number "
        "plus one.",
        tolerance=1e-6,
    )


def accuracy_by_wildness(
    wildness: Sequence[float] = (0, 0.25, 0.5, 0.75, 1),
    seeds: int = 2,
    modality: Sequence[str] = ("LPQ", "PHOG"),
    cache: Cache | None = None,
) -> pd.DataFrame:
    """The contrast that SFEW was made to show: accuracy of the paper's shallow networks on the
    drawn faces, from laboratory pictures (wildness 0) to film stills (1).

    Persons, labels and their order are the same at each degree, so only the pictures differ.

    Returns:
        Columns ``protocol``, ``modality``, ``wildness``, ``mean``, ``low``, ``high``: share of the
        tested rows predicted right out of fold, over seeds.
    """
    table = sweep(modality=modality, protocol=PROTOCOLS, recipe="converged", seed=range(seeds))
    parts = []
    for degree in wildness:
        data = drawn_data(degree).as_distributed()  # components fitted once, not on every fold
        found, scores = train(data, table, cache=cache).out_of_fold()
        right = [accuracy(data.labels, predict(own)) for own in scores]
        parts.append(found.assign(value=right, wildness=degree))
    return (
        pd.concat(parts)
        .groupby(["protocol", "modality", "wildness"], sort=False)["value"]
        .agg(mean="mean", low="min", high="max")
        .reset_index()
    )
