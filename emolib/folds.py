"""Which rows train and which test."""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold, train_test_split

from emolib.data import EmotionData, Rows, Split

PROTOCOLS = ("random", "person-independent")
# One random part tests and the rest trains, once: what a course project does, and what nobody
# should report.
SINGLE = "single split"
# The same split, but a part of the rows that would train is kept apart to choose settings on.
KEPT_APART = "single split with rows kept apart"
SINGLES = (SINGLE, KEPT_APART)
TEST_SHARE = 0.2

# Groups are dealt out at random this often, and the most even deal is kept. scikit-learn's
# StratifiedGroupKFold would be evener still, but on groups as unequal as these every seed gives it
# nearly the same split (adjusted Rand index 0.96 between seeds on SFEW), and then repetition says
# nothing about which people happened to be tested.
DEALS = 50


def protocols(data: EmotionData) -> tuple[str, ...]:
    """The protocols that the data allow: random folds alone where nobody is known."""
    return PROTOCOLS if data.groups is not None else PROTOCOLS[:1]


def make_folds(data: EmotionData, protocol: str, seed: int, count: int = 5) -> list[Split]:
    """Splits the rows into ``count`` folds, each tested once by networks that trained on the
    others.

    Args:
        protocol: ``"random"`` keeps each emotion's share in every fold and nothing else;
            ``"person-independent"`` keeps all rows of a group on one side, and emotions as even as
            that allows. With ``count=2`` it is the two-set form (SPI) of Dhall et al. 2011.
            ``"single split"`` tests one random fifth, whatever is in it, and has a ``count`` of 1;
            ``"single split with rows kept apart"`` tests the same rows, and a fifth of the others
            neither trains nor tests. A name of one of the data's own ``splits`` is taken as it is,
            with a ``count`` of 1 as well.
        seed: which of the many such splits; the same one is made only once.

    Returns:
        For each fold the row numbers that train and those that test.

    Raises:
        ValueError: an emotion has fewer rows than there are folds, or a fold is left empty, or
            misses an emotion to train on, or shares a group.
    """
    if protocol not in data.splits:
        return _made(data, protocol, seed, count)
    if count != 1:
        raise ValueError(f"folds is {count}; {protocol!r} is a single split")
    return [data.splits[protocol]]


@lru_cache(maxsize=256)
def _made(data: EmotionData, protocol: str, seed: int, count: int) -> list[Split]:
    _refuse(data, protocol, count)
    pairs = _deal(data, protocol, seed, count)
    check(data, pairs, protocol)
    return pairs


def _refuse(data: EmotionData, protocol: str, count: int) -> None:
    """Raises ValueError, saying what to do, where no such folds can be made."""
    if protocol not in (*PROTOCOLS, *SINGLES):
        raise ValueError(
            f"protocol is {protocol!r}; it must be one of {', '.join((*PROTOCOLS, *SINGLES, *data.splits))}"
        )
    if protocol in SINGLES and count != 1:
        raise ValueError(f"folds is {count}; a single split has one")
    if protocol not in SINGLES and count < 2:
        raise ValueError(
            f"folds is {count}; at least two are needed, one to train on and one to test"
        )
    present, rows = np.unique(data.labels, return_counts=True)
    if len(present) < 2:
        raise ValueError(
            f"{data.source}: all rows are {data.classes[present[0]]}; at least two emotions are needed"
        )
    if rows.min() < count:
        rarest = data.classes[present[rows.argmin()]]
        raise ValueError(
            f"{data.source}: {rarest} has {rows.min()} rows, fewer than the {count} folds; use fewer folds"
        )
    if data.groups is None:
        if protocol == "person-independent":
            raise ValueError(
                f"{data.source}: the data do not say who is who, so person-independent folds "
                "cannot be made; a groups.csv would allow them"
            )
        return
    groups = len(np.unique(data.groups))
    if protocol == "person-independent" and groups == len(data):
        raise ValueError(
            f"{data.source}: every row is a group of its own, so nothing tells which rows show one person, and person-independent "
            "folds cannot be made; name files by title and frame (Film_000000001.png), or add a groups.csv"
        )
    if protocol == "person-independent" and groups < count:
        raise ValueError(
            f"{data.source}: {groups} groups cannot fill {count} folds; use fewer folds"
        )


def _deal(data: EmotionData, protocol: str, seed: int, count: int) -> list[Split]:
    if protocol in SINGLES:
        ((train, test),) = ShuffleSplit(1, test_size=TEST_SHARE, random_state=seed).split(
            data.labels
        )
        if protocol == KEPT_APART:
            train, _ = train_test_split(
                train, test_size=TEST_SHARE, stratify=data.labels[train], random_state=seed
            )
        return [(train, test)]
    if protocol == "random":
        return list(
            StratifiedKFold(count, shuffle=True, random_state=seed).split(data.labels, data.labels)
        )
    deals = (
        GroupKFold(count, shuffle=True, random_state=DEALS * seed + deal) for deal in range(DEALS)
    )
    return min(
        (list(deal.split(data.labels, groups=data.groups)) for deal in deals),
        key=partial(_unevenness, data),
    )


def _unevenness(data: EmotionData, pairs: list[Split]) -> float:
    """How far the folds' emotion counts are from equal shares, in rows."""
    counts = np.array(
        [np.bincount(data.labels[test], minlength=len(data.classes)) for _, test in pairs]
    )
    return float(np.abs(counts - counts.mean(axis=0)).sum())


def check(data: EmotionData, pairs: list[Split], protocol: str) -> None:
    """Raises ValueError unless each row is tested once (a single split: at most once), by networks
    that saw every emotion and, where the protocol promises it, nobody of the tested groups.
    """
    tested = np.sort(np.concatenate([test for _, test in pairs]))
    once = np.unique(tested) if protocol in SINGLES else np.arange(len(data))
    if not np.array_equal(tested, once):
        raise ValueError("the folds do not test every row exactly once")
    for number, (train, test) in enumerate(pairs, 1):
        if len(test) == 0 or np.intersect1d(train, test).size:
            raise ValueError(f"fold {number} is empty, or tests rows that it trained on")
        unseen = set(data.labels) - set(data.labels[train])
        if unseen:
            raise ValueError(
                f"{data.source}: fold {number} has no {data.classes[min(unseen)]} to train on; use fewer folds, or rows of more people"
            )
        if data.groups is None:
            continue
        shared = np.intersect1d(data.groups[train], data.groups[test])
        if protocol == "person-independent" and shared.size:
            raise ValueError(f"fold {number} trains and tests on the same group, {shared[0]}")


def check_scaling(scaled: NDArray[np.floating], train: Rows) -> None:
    """Raises ValueError unless min-max scaling was fitted on these training rows alone.

    Fitted on them, each feature spans exactly 0 to 1 over them; fitted on more rows, it spans less
    wherever an extreme value stands in a row that they do not hold.

    Args:
        scaled: ``[N, D]``, as a network sees it.
        train: the rows that it trains on.
    """
    low, high = scaled[train].min(0), scaled[train].max(0)
    constant = low == high
    fitted = np.isclose(low, 0, atol=1e-6) & (constant | np.isclose(high, 1))
    if not fitted.all():
        feature = int(np.flatnonzero(~fitted)[0]) + 1
        raise ValueError(
            f"feature {feature} spans {low[feature - 1]:.3f} to {high[feature - 1]:.3f} over the training rows, not 0 to 1: the scaling saw other rows"
        )
