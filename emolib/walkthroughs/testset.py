"""Checks of the walkthrough on who is in a test set."""

from collections.abc import Callable
from typing import Any

import numpy as np

from emolib.data import EmotionData
from emolib.walkthroughs.verdict import Verdict, Wrong, array, check, close, number


def shared_groups(data: EmotionData, train: np.ndarray, test: np.ndarray) -> Callable[..., Verdict]:
    """A check of how many groups have rows on both sides of one split."""
    both = set(data.groups[train]) & set(data.groups[test])
    rows = int(np.isin(data.groups[test], sorted(both)).sum())

    @check
    def judge(answer: Any) -> str:
        if isinstance(answer, set | list | tuple | np.ndarray) and np.ndim(
            answer if not isinstance(answer, set) else list(answer)
        ):
            raise Wrong("these are the groups; how many there are is asked for: len(…).")
        value = number(answer)
        if value == len(both):
            return f"{len(both)} groups are on both sides, and {rows} of the {len(test)} test rows show somebody the network trained on."
        if value == 0:
            raise Wrong(
                "0 rows are on both sides, as in every split; but their people may be: data.groups[train] says whose the rows are."
            )
        if value == rows:
            raise Wrong(
                "these are rows, not groups: a person with ten pictures counts once. A set keeps each name once."
            )
        if value == len(set(data.groups)):
            raise Wrong("this is the number of all groups.")
        if value == len(set(data.groups[train])):
            raise Wrong(
                "this is the number of groups in the training set; keep only those that are also tested."
            )
        if value == len(set(data.groups[test])):
            raise Wrong(
                "this is the number of groups in the test set; keep only those that also train."
            )
        if value == len(set(data.groups[test]) - both):
            raise Wrong(
                "these are the groups that are tested and never trained on; the others are asked for."
            )
        raise Wrong(
            "take the set of groups of the training rows and the set of groups of the test rows, and count what is in both (&)."
        )

    return judge


def recalls(counts: np.ndarray) -> Callable[..., Verdict]:
    """A check of the recall of each emotion from a confusion matrix ``[C, C]``, true emotion in
    rows.
    """
    counts = np.asarray(counts, float)
    hit, right = np.diag(counts), np.diag(counts) / counts.sum(1)

    @check
    def judge(answer: Any) -> str:
        if np.ndim(answer) == 0 and close(number(answer), right.mean(), 1e-3):
            raise Wrong("this is their mean; the recall of each emotion is asked for.")
        if np.ndim(answer) == 0 and close(number(answer), hit.sum() / counts.sum(), 1e-3):
            raise Wrong(
                "this is accuracy, one number over all rows; recall asks each emotion alone."
            )
        found = array(answer, right.shape)
        if close(found, right, 1e-3):
            return "of the rows that are Happy, how many were found: that is what the paper's per-emotion accuracy must mean, if anything."
        with np.errstate(invalid="ignore"):
            precision = np.nan_to_num(hit / counts.sum(0))
        if close(np.nan_to_num(found), precision, 1e-3):
            raise Wrong(
                "this is precision: of the rows called Happy, how many are. Recall divides by the rows that are Happy: sum(axis=1)."
            )
        if close(found, hit / counts.sum(), 1e-3):
            raise Wrong(
                "you divided by all rows; each emotion is divided by its own number of rows."
            )
        if close(found, 1 - right, 1e-3):
            raise Wrong("this is the share that was missed.")
        if close(found, hit, 1e-3):
            raise Wrong("these are counts; divide each by the number of rows of that emotion.")
        raise Wrong("the diagonal holds the hits; divide each by the sum of its row.")

    return judge


def p_value(observed: float, shuffled: np.ndarray) -> Callable[..., Verdict]:
    """A check of the permutation p-value of a score, given the scores ``[P]`` of shuffled labels."""
    beyond, trials = int((shuffled >= observed).sum()), len(shuffled)
    right = (beyond + 1) / (trials + 1)

    @check
    def judge(answer: Any) -> str:
        value = number(answer)
        if close(value, right, 1e-6):
            return f"chance alone does as well in about {100 * right:.1f} of 100 tries. Is that rare enough for you?"
        if close(value, beyond / trials, 1e-6):
            raise Wrong(
                "almost: count the true labels as one of the shuffles, (k + 1) / (n + 1), or a p-value could be 0, and nothing is that sure."
            )
        if (
            close(value, 1 - right, 1e-6)
            or close(value, (shuffled < observed).mean(), 1e-6)
            or close(value, (shuffled <= observed).mean(), 1e-6)
        ):
            raise Wrong(
                "this is the share that does worse; the p-value is the share that does at least as well."
            )
        if close(value, 2 * right, 1e-6):
            raise Wrong(
                "the question has one side: does it do better than chance? No factor of two."
            )
        if value in (beyond, beyond + 1) and value > 1:
            raise Wrong("this is a count; divide by the number of shuffles, plus one.")
        if close(value, (observed - shuffled.mean()) / shuffled.std(), 1e-2):
            raise Wrong(
                "this is how many standard deviations the score is above chance; the p-value is a share of shuffles."
            )
        if not 0 <= value <= 1:
            raise Wrong("a p-value is a share, from 0 to 1.")
        raise Wrong(
            "count the shuffles that reach the observed score, add one, and divide by their number plus one."
        )

    return judge
