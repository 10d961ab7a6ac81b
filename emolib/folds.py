"""Cross-validation folds: training and test rows, dealt at random or by person."""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import (
    GroupKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from emolib.data import EmotionData, Rows, Split
from emolib.utils import one_of, whole_number

PROTOCOLS = ("random", "person-independent")
# Two person-independent sets that train and test each other: the SPI protocol of Dhall et al. 2011.
HALVES = "two halves"
# Protocols that keep all rows of a person on one side: the splitter that deals persons to folds,
# and whether the most even of its deals is taken, or the first that trains every emotion.
BY_PERSON = {
    PROTOCOLS[1]: (GroupKFold, True),
    HALVES: (GroupKFold, True),
    f"{PROTOCOLS[1]}, plain": (GroupKFold, False),
    f"{PROTOCOLS[1]}, stratified": (StratifiedGroupKFold, False),
}
# One random part tests and the rest trains, once: what a course project does, and what nobody
# should report.
SINGLE = "single split"
# The same split, but a part of the rows that would train is kept apart to choose settings on.
KEPT_APART = "single split with rows kept apart"
# Every row trains and none tests: the network to use afterwards.
WHOLE = "all rows"
SINGLES = (SINGLE, KEPT_APART, WHOLE)
DEALT = (PROTOCOLS[0], *BY_PERSON, *SINGLES)  # all but the data's own splits
TEST_SHARE = 0.2

# Groups are dealt out at random this often per seed, and the most even deal is kept. scikit-learn's
# StratifiedGroupKFold would be evener still, but on groups as unequal as these every seed gives it
# nearly the same split (adjusted Rand index 0.96 between seeds on SFEW), and then repetition says
# nothing about which people happened to be tested.
DEALS = 50
LARGEST_SEED = 2**32 - 1  # of NumPy's generators


def protocols(data: EmotionData) -> tuple[str, ...]:
    """Protocols of cross-validation that the data allow: person-independent folds need groups."""
    return PROTOCOLS[:1] if data.groups is None else PROTOCOLS


def make_folds(data: EmotionData, protocol: str, seed: int, count: int = 5) -> list[Split]:
    """Cross-validation folds: ``count`` parts of the rows, each tested once by networks that
    trained on the others.

    Args:
        protocol: ``"random"`` keeps each emotion's share in every fold and nothing else;
            ``"person-independent"`` keeps all rows of a group on one side, and emotions as even as
            the best of fifty random deals allows; ``"two halves"`` is the same with a ``count`` of
            2 (SPI, Dhall et al. 2011). ``"person-independent, plain"`` takes the first of these
            deals, ``"person-independent, stratified"`` the first of scikit-learn's
            ``StratifiedGroupKFold``; a deal that leaves a fold without a training row of some
            emotion is passed over for the next of the same seed.
            ``"single split"`` tests one random fifth, whatever is in it, and has a ``count`` of 1;
            ``"single split with rows kept apart"`` tests the same rows, and a fifth of the others
            neither trains nor tests. ``"all rows"`` trains on every row and tests none. A name of
            one of the data's own ``splits`` is taken as it is, with a ``count`` of 1 as well.
        seed: which of the many such splits; the same one is made only once.

    Returns:
        For each fold the row numbers that train and those that test.

    Raises:
        ValueError: an emotion has fewer rows than there are folds; a fold is left empty, misses an
            emotion to train on or shares a group; the data do not hold the groups; a split of the
            data's own overlaps, is empty or names rows that the data do not have.
    """
    one_of("protocol", protocol, dict.fromkeys([*DEALT, *data.splits]))
    single = protocol in SINGLES or protocol in data.splits
    # each deal has a seed of its own
    largest = LARGEST_SEED // (DEALS if protocol in BY_PERSON else 1) - 1
    seed = whole_number("seed", seed, 0, largest)
    count = whole_number("folds", count, 1 if single else 2)
    needed = 1 if single else 2 if protocol == HALVES else count
    if count != needed:
        raise ValueError(f"folds is {count}; {protocol!r} needs folds={needed}")
    if protocol in data.splits:
        return [_own_split(data, protocol)]
    # copies, so that nobody edits the folds of later callers
    return [(train.copy(), test.copy()) for train, test in _folds(data, protocol, seed, count)]


def _own_split(data: EmotionData, name: str) -> Split:
    """Row numbers of one of the data's own splits; ValueError where it is no split of the rows."""
    place = f"{data.source}: the split {name!r}"
    if len(data.splits[name]) != 2:
        raise ValueError(
            f"{place} must hold two sets of rows, those that train and those that test"
        )
    train, test = (
        row_numbers(f"{place}, its rows that {verb},", rows, len(data))
        for verb, rows in zip(("train", "test"), data.splits[name], strict=True)
    )
    shared = np.intersect1d(train, test)
    if shared.size:
        raise ValueError(
            f"{place} trains and tests on the same rows, of which the first is {shared[0]}"
        )
    return train, test


def row_numbers(place: str, rows: ArrayLike, count: int) -> Rows:
    """Row numbers from 0 to ``count`` - 1, in the type of an index.

    Raises:
        ValueError: beginning with ``place``: there are none, or one is not whole, out of range or
            repeated.
    """
    given = np.asarray(rows)
    if given.ndim != 1 or not given.size:
        raise ValueError(f"{place} must be a list of at least one row number")
    numbers = (
        given if given.dtype.kind in "iu" else [whole_number(place, row) for row in given.tolist()]
    )
    values, counts = np.unique(numbers, return_counts=True)
    for row in values[[0, -1]].tolist():
        whole_number(place, row, 0, count - 1)
    if counts.max() > 1:
        raise ValueError(f"{place} include {values[counts.argmax()]} more than once")
    return np.array(numbers, np.intp)


@lru_cache(maxsize=256)
def _folds(data: EmotionData, protocol: str, seed: int, count: int) -> list[Split]:
    """Folds that are dealt and checked; raises ValueError, saying what to do, where the data hold
    none.
    """
    if protocol in BY_PERSON and data.groups is None:
        raise ValueError(
            f"{data.source}: the data do not say who is who, so person-independent folds cannot be "
            "made; a groups.csv would allow them"
        )
    present, rows = np.unique(data.labels, return_counts=True)
    if len(present) < 2:
        only = f"all rows are {data.classes[present[0]]}" if len(present) else "there are no rows"
        raise ValueError(f"{data.source}: {only}; at least two emotions are needed")
    if rows.min() < count:
        rarest = data.classes[present[rows.argmin()]]
        raise ValueError(
            f"{data.source}: {rarest} has {rows.min()} rows, fewer than the {count} folds; use "
            "fewer folds"
        )
    groups = len(np.unique(data.resampling_units)) if protocol in BY_PERSON else count
    if groups < count:
        raise ValueError(
            f"{data.source}: {groups} groups cannot fill {count} folds; use fewer folds"
        )
    pairs = _deal(data, protocol, seed, count)
    check(data, pairs, protocol)
    return pairs


def _deal(data: EmotionData, protocol: str, seed: int, count: int) -> list[Split]:
    """Deals the rows out at random; scikit-learn's splitters do it."""
    labels = data.labels
    if protocol == WHOLE:
        return [(np.arange(len(data)), np.arange(0))]
    if protocol in SINGLES:
        train, test = next(ShuffleSplit(1, test_size=TEST_SHARE, random_state=seed).split(labels))
        if protocol == KEPT_APART:
            train, _ = train_test_split(
                train, test_size=TEST_SHARE, stratify=labels[train], random_state=seed
            )
        return [(train, test)]
    if protocol == "random":
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels))
    splitter, most_even = BY_PERSON[protocol]
    # numbers are dealt faster than names
    _, persons = np.unique(data.resampling_units, return_inverse=True)
    deals = (
        list(splitter(count, shuffle=True, random_state=state).split(labels, labels, persons))
        for state in range(DEALS * seed, DEALS * (seed + 1))
    )
    if most_even:
        return min(deals, key=partial(_unevenness, data))
    for pairs in deals:
        if np.isfinite(_unevenness(data, pairs)):
            break
    return pairs


def _unevenness(data: EmotionData, pairs: list[Split]) -> float:
    """Distance of the folds' emotion counts from equal shares, in rows; infinite where a fold has
    no training row of an emotion.
    """
    counts = np.array(
        [np.bincount(data.labels[test], minlength=len(data.classes)) for _, test in pairs]
    )
    total = counts.sum(axis=0)
    untrained = (counts == total).any(axis=0) & (total > 0)
    return np.inf if untrained.any() else float(np.abs(counts - counts.mean(axis=0)).sum())


def check(data: EmotionData, pairs: list[Split], protocol: str) -> None:
    """Raises ValueError unless each row is tested once (a single split: at most once), by networks
    that saw every emotion and, where the protocol promises it, nobody of the tested groups.
    """
    tested = np.sort(np.concatenate([test for _, test in pairs]))
    once = np.unique(tested) if protocol in SINGLES else np.arange(len(data))
    if not np.array_equal(tested, once):
        raise ValueError("the folds do not test every row exactly once")
    for number, (train, test) in enumerate(pairs, 1):
        if (len(test) == 0) != (protocol == WHOLE) or np.intersect1d(train, test).size:
            raise ValueError(f"fold {number} is empty, or tests rows that it trained on")
        unseen = set(data.labels) - set(data.labels[train])
        if unseen:
            raise ValueError(
                f"{data.source}: fold {number} has no {data.classes[min(unseen)]} to train on; "
                "use fewer folds, or rows of more people"
            )
        if protocol in BY_PERSON:
            units = data.resampling_units
            shared = np.intersect1d(units[train], units[test])
            if shared.size:
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
    fitted = np.isclose(low, 0, atol=1e-6) & ((low == high) | np.isclose(high, 1))
    if not fitted.all():
        feature = int(np.flatnonzero(~fitted)[0]) + 1
        raise ValueError(
            f"feature {feature} spans {low[feature - 1]:.3f} to {high[feature - 1]:.3f} over the "
            "training rows, not 0 to 1: the scaling saw other rows"
        )
