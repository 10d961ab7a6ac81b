"""Which rows train and which test."""

from functools import lru_cache, partial

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedKFold

from emolib.data import EmotionData

PROTOCOLS = ("random", "person-independent")

# Groups are dealt out at random this often, and the most even deal is kept. scikit-learn's StratifiedGroupKFold would
# be evener still, but on groups as unequal as these every seed gives it nearly the same split (adjusted Rand index
# 0.96 between seeds on SFEW), and then repetition says nothing about which people happened to be tested.
DEALS = 50


@lru_cache(maxsize=256)
def make_folds(data: EmotionData, protocol: str, seed: int, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits the rows into ``count`` folds, each tested once by networks that trained on the others.

    Args:
        protocol: ``"random"`` keeps each emotion's share in every fold and nothing else; ``"person-independent"`` also
            keeps all rows of a group on one side. With ``count=2`` the latter is the two-set form of Dhall et al. 2011.
        seed: which of the many such splits; the same one is made only once.

    Returns:
        For each fold the row numbers that train and those that test.

    Raises:
        ValueError: an emotion has fewer rows than there are folds, or a fold is left empty, or misses an emotion to
            train on, or shares a group.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is {protocol!r}; it must be one of {', '.join(PROTOCOLS)}")
    if count < 2:
        raise ValueError(f"folds is {count}; at least two are needed, one to train on and one to test")
    present, rows = np.unique(data.labels, return_counts=True)
    if len(present) < 2:
        raise ValueError(f"{data.source}: all rows are {data.classes[present[0]]}; at least two emotions are needed")
    if rows.min() < count:
        rarest = data.classes[present[rows.argmin()]]
        raise ValueError(f"{data.source}: {rarest} has {rows.min()} rows, fewer than the {count} folds; use fewer folds")
    if protocol == "person-independent" and len(np.unique(data.groups)) == len(data):
        raise ValueError(
            f"{data.source}: every row is a group of its own, so nothing tells which rows show one person, and person-independent "
            "folds cannot be made; name files by title and frame (Film_000000001.png), or add a groups.csv"
        )
    if protocol == "person-independent" and len(np.unique(data.groups)) < count:
        raise ValueError(f"{data.source}: {len(np.unique(data.groups))} groups cannot fill {count} folds; use fewer folds")

    if protocol == "random":
        pairs = list(StratifiedKFold(count, shuffle=True, random_state=seed).split(data.labels, data.labels))
    else:
        deals = (GroupKFold(count, shuffle=True, random_state=DEALS * seed + deal) for deal in range(DEALS))
        pairs = min((list(deal.split(data.labels, groups=data.groups)) for deal in deals), key=partial(_unevenness, data))
    check(data, pairs, protocol)
    return pairs


def _unevenness(data: EmotionData, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """How far the folds' emotion counts are from equal shares, in rows."""
    counts = np.array([np.bincount(data.labels[test], minlength=len(data.classes)) for _, test in pairs])
    return float(np.abs(counts - counts.mean(axis=0)).sum())


def check(data: EmotionData, pairs: list[tuple[np.ndarray, np.ndarray]], protocol: str) -> None:
    """Raises ValueError unless each row is tested once, by networks that saw every emotion and, where the protocol
    promises it, nobody of the tested groups."""
    tested = np.sort(np.concatenate([test for _, test in pairs]))
    if not np.array_equal(tested, np.arange(len(data))):
        raise ValueError("the folds do not test every row exactly once")
    for number, (train, test) in enumerate(pairs, 1):
        if len(test) == 0 or np.intersect1d(train, test).size:
            raise ValueError(f"fold {number} is empty, or tests rows that it trained on")
        unseen = set(data.labels) - set(data.labels[train])
        if unseen:
            raise ValueError(f"fold {number} has no {data.classes[min(unseen)]} to train on; use fewer folds")
        shared = np.intersect1d(data.groups[train], data.groups[test])
        if protocol == "person-independent" and shared.size:
            raise ValueError(f"fold {number} trains and tests on the same group, {shared[0]}")
