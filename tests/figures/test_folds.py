"""Maps of folds, and the score over many seeds."""

import numpy as np
import pandas as pd

from emolib import figures


def test_a_map_counts_the_groups_on_both_sides():
    groups = np.array(list("aaabbc"))
    tests = [np.array([0, 1, 3]), np.array([2, 4, 5])]
    picture = figures.fold_map(tests, groups, "random")
    assert "2 of 3 groups have rows on both sides of a split" in picture.alt
    assert "fold by fold: 2, 1." in picture.alt
    counts = picture.data.set_index(["fold", "group"])["rows"].to_dict()
    assert counts == {(0, 0): 2, (0, 1): 1, (1, 0): 1, (1, 1): 1, (1, 2): 1}


def test_stripes_have_the_colour_of_their_group():
    groups = np.repeat(list("abcdefghij"), range(10, 0, -1))
    tests = np.array_split(np.random.default_rng(0).permutation(len(groups)), 3)
    (image,) = figures.fold_map(list(tests), groups, "random").figure.axes[0].images
    pixels = image.get_array()
    for fold, rows in enumerate(tests):
        sizes = pd.Series(groups[rows]).value_counts()
        seen = pd.Series([tuple(pixel) for pixel in pixels[fold, : len(rows)]]).value_counts()
        coloured = sorted(sizes[[g for g in "abcdef" if g in sizes]])  # each a colour of its own
        assert sorted(n for pixel, n in seen.items() if len(set(pixel)) > 1) == coloured


def test_where_nobody_is_known_no_person_is_drawn():
    picture = figures.fold_map([np.arange(3), np.arange(3, 8)], None, "random")
    (image,) = picture.figure.axes[0].images
    assert {len(set(pixel)) for row in image.get_array() for pixel in map(tuple, row)} == {1}
    title = picture.figure.axes[0].get_title(loc="left")
    assert "the data do not say who is who" in title and "group" not in title + picture.alt
    assert picture.alt.endswith("Rows tested, fold by fold: 3, 5.")
    assert list(picture.data.columns) == ["fold", "rows"] and picture.data["rows"].sum() == 8


def test_missing_scores_are_left_out():
    scores = pd.DataFrame(
        {
            "protocol": ["random"] * 3 + ["person-independent"] * 2,
            "seed": [0, 1, 2, 0, 1],
            "value": [0.2, np.nan, 0.3, np.nan, np.nan],
        }
    )
    picture = figures.score_distribution(scores, 1 / 7, ("random", 2))
    assert picture.alt == "Scores by protocol. random: 2 seeds from 20 to 30 %, mean 25.0 %."
    rings = [
        c
        for c in picture.figure.axes[0].collections
        if hasattr(c, "get_sizes") and 120 in c.get_sizes()
    ]
    assert [ring.get_offsets()[:, 0].tolist() for ring in rings] == [[30.0]]


def test_scores_that_are_all_missing_leave_an_empty_axis():
    scores = pd.DataFrame({"protocol": ["random"], "seed": [0], "value": [np.nan]})
    picture = figures.score_distribution(scores, 1 / 7)
    low, high = picture.figure.axes[0].get_xlim()
    assert low < 100 / 7 < high and "random:" not in picture.alt


def test_rows_that_no_fold_tests_are_a_side_too():
    groups = np.array(["a", "a", "b", "b", "c", "c"])
    picture = figures.fold_map([np.array([0, 2, 3])], groups, "single split")
    assert "1 of 3 groups have rows on both sides of a split" in picture.alt
