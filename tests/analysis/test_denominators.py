"""Sizes of test sets behind printed figures, against exact decimals and tables of known size."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from functools import cache

import numpy as np
import pytest

from emolib import paper
from emolib.analysis.robustness import (
    ALL,
    EVERY,
    LARGEST,
    WAYS,
    possible_sizes,
    printable,
    printed_by,
    smallest_size,
)

CENT = Decimal("0.01")
MODES = {"rounded": (ROUND_HALF_UP, ROUND_HALF_DOWN), "truncated": (ROUND_DOWN,)}


@cache
def shown(way, size):
    """All percentages that counts out of ``size`` rows print as, by decimal arithmetic."""
    shares = [Decimal(k) / Decimal(size) for k in range(size + 1)]
    return {int(100 * s.quantize(CENT, mode)) for s in shares for mode in MODES[way]}


def test_equals_decimal_arithmetic_half_way_cases_included():
    percent, sizes = range(101), range(1, 221)
    found = printable(np.array(percent)[:, None], np.array(sizes))
    for way, own in zip(WAYS, found, strict=True):
        theirs = [[p in shown(way, size) for size in sizes] for p in percent]
        np.testing.assert_array_equal(own, theirs)
    assert found[0][[12, 13], 7].all() and found[1][[12, 13], 7].tolist() == [True, False]  # 1 of 8


def test_from_the_largest_size_on_every_figure_can_be_printed():
    assert printable(np.arange(101)[:, None], np.arange(LARGEST, 1000)).all()
    assert not printable(np.arange(101), np.array(LARGEST - 2)).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [3, 20, 37, 75])
def test_the_size_of_an_invented_test_set_is_recovered(way, size):
    """All recalls of one size: fewer rows have fewer of them."""
    mode = MODES[way][0]
    figures = [float((Decimal(k) / size).quantize(CENT, mode)) for k in range(size + 1)]
    found = possible_sizes({str(k): [own, 0.5] for k, own in enumerate(figures)}, ["a", "b"])
    assert smallest_size(found).loc[(way, "a"), ALL] == size
    assert printed_by(found, {"a": size, "b": 2}).loc[way].all(axis=None)
    assert not found.loc[(way, "a", size - 1), ALL]


def test_a_table_of_known_sizes_holds_them_by_emotion_and_model():
    random, emotions, sizes = np.random.default_rng(0), ["a", "b", "c"], np.array([14, 23, 40])
    counts = {name: random.integers(0, sizes + 1) for name in "xyz"}
    tables = {
        "rounded": {name: [f"{s:.2f}" for s in k / sizes] for name, k in counts.items()},
        "truncated": {
            name: [f"{s:.2f}" for s in 100 * k // sizes / 100] for name, k in counts.items()
        },
    }
    for way, printed in tables.items():
        table = {name: [float(text) for text in own] for name, own in printed.items()}
        found = possible_sizes(table, emotions)
        held = printed_by(found, dict(zip(emotions, sizes, strict=True))).loc[way]
        assert held.all(axis=None) and list(held.index) == emotions
        for (_, emotion), row in smallest_size(found).loc[[way]].drop(EVERY, level=1).iterrows():
            place = emotions.index(emotion)
            cells = [round(100 * own[place]) for own in table.values()]
            able = [{p in shown(way, n) for p in cells} == {True} for n in range(1, LARGEST + 1)]
            assert found.loc[(way, emotion), ALL].tolist() == able
            alone = [next(n for n in range(1, 101) if p in shown(way, n)) for p in cells]
            assert row.tolist() == [*alone, 1 + able.index(True)]
        common = np.logical_and.reduce([found.loc[(way, e), ALL] for e in emotions])
        assert found.loc[(way, EVERY), ALL].tolist() == common.tolist()


def test_a_fraction_of_a_row_stands_for_either_neighbour():
    found = possible_sizes({"one": [0.33], "other": [0.25]}, ["a"])
    assert printed_by(found, {"a": 3.5}).loc[("rounded", "a")].tolist() == [True, True, False]
    assert printed_by(found, {"a": 3.0}).loc[("rounded", "a")].tolist() == [True, False, False]


def test_no_fifth_of_the_rows_prints_the_figures_of_an_emotion():
    own = {model: row for model, row in paper.TABLE_3.items() if model != "SPI baseline"}
    found = possible_sizes(own, paper.EMOTIONS)
    fifth = dict(zip(paper.EMOTIONS, np.array(paper.SFEW_ROWS) / 5, strict=True))
    assert not printed_by(found, fifth)[ALL].any()
