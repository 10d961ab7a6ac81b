"""Bars, confusion matrices, levels, splits, readings, error rates and folds; missing values have no
place among them.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from emolib import figures, paper
from emolib.figures.style import MANY, PROTOCOL


@pytest.fixture
def table(summary):
    table = summary("emotion", [*paper.EMOTIONS, "average"]).query("recipe == 'printed'")
    return table.assign(panel=table["protocol"])


def test_bars_without_a_value_name_no_emotion(table):
    untested = (table["modality"] == "LPQ") & (table["protocol"] == "random")
    table.loc[untested, ["mean", "low", "high"]] = np.nan
    table.loc[(table["modality"] == "PHOG") & (table["emotion"] == "Surprise"), "mean"] = np.nan
    alt = figures.emotion_bars(table, {}).alt
    assert "random, LPQ: no row tested." in alt and "random, PHOG: highest on Sad (" in alt


def test_bars_stand_by_their_emotion_whatever_the_order_of_rows(table):
    shuffled = pd.concat([table.iloc[:8], table.iloc[8:].sample(frac=1, random_state=0)])
    heights = [
        sorted((round(bar.get_x(), 6), bar.get_height()) for bar in axis.patches)
        for frame in (table, shuffled)
        for axis in figures.emotion_bars(frame, {}).figure.axes
    ]
    assert heights[:2] == heights[2:]


def test_a_model_that_a_protocol_lacks_leaves_a_gap(summary):
    table = summary("model", ["LPQ CNN", "CNN fusion"]).query(
        "recipe == 'printed' and modality == 'LPQ'"
    )
    table = table.drop(table.index[-1])
    picture = figures.model_recall(table, paper.TABLE_3_AVERAGE, 1 / 7)
    points = [line for line in picture.figure.axes[0].lines if line.get_marker() == "s"]
    assert np.isnan(points[0].get_xdata()).tolist() == [False, True]
    assert "CNN fusion, person-independent: no value, the paper 31 %." in picture.alt


@pytest.mark.parametrize("ours", [0.1, 0.3])
def test_the_first_row_of_levels_has_words_in_the_colours_of_its_marks(summary, ours):
    table = summary("model", ["LPQ CNN", "CNN fusion"]).query(
        "recipe == 'printed' and modality == 'LPQ'"
    )
    table.loc[table["protocol"] == "random", "mean"] = ours
    axis = figures.model_recall(table, {"CNN fusion": 0.2}, 1 / 7).figure.axes[0]
    words = {text.get_text().strip(): text for text in axis.texts}
    assert list(words) == ["the paper", "random folds", "new people", "guessing"]
    assert axis.get_legend() is None and not axis.figure.legends
    for word, protocol in (("random folds", "random"), ("new people", "person-independent")):
        (marks,) = (line for line in axis.lines if line.get_color() == PROTOCOL[protocol])
        assert words[word].get_color() == PROTOCOL[protocol]
        assert words[word].xy == (marks.get_xdata()[0], marks.get_ydata()[0])
    assert words["the paper"].xy[0] == 0.2  # of the first model that has a printed figure
    heights = [words[word].xy[1] for word in ("the paper", "random folds")]
    assert heights[0] < heights[1]


@pytest.mark.parametrize(("count", "pixels"), [(MANY, False), (MANY + 1, True)])
def test_many_points_are_pixels(count, pixels):
    values = np.random.default_rng(0).random(count)
    drawn = [
        figures.split_recall(
            pd.DataFrame({"model": "m", "a": values}), {"a": "picked"}, {"m": 0.3}, 0.1
        ),
        figures.specification_curve(pd.DataFrame({"value": values, "a": "b"}), ["a"], {"a": 0.3}),
    ]
    for picture in drawn:
        lines = [line for axis in picture.figure.axes for line in axis.lines]
        many = [bool(line.get_rasterized()) for line in lines if len(line.get_xdata()) == count]
        assert many and set(many) == {pixels}


def test_a_mean_leaves_out_missing_results_and_rejections_are_told():
    rates = pd.DataFrame({"label": ["level"], "rejected": [0.05], "low": [0.03], "high": [0.08]})
    told = figures.error_rates(rates, 0.05).alt
    assert told == "Rejections on shuffled labels. level: 5.0 %."
    frame = pd.DataFrame({"picked": [0.2, 0.4, np.nan, 0.1], "fixed": [np.nan] * 3 + [0.3]})
    labels = {"picked": "best on test", "fixed": "fixed"}
    frame["model"] = ["one", "one", "one", "two"]
    printed = {"one": 0.27, "two": 0.2}
    picture = figures.split_recall(frame, labels, printed, 1 / 7)
    one, two = "best on test 30 % and fixed no value.", "best on test 10 % and fixed 30 %."
    assert f"one, 3 splits (the paper: 27 %): mean {one}" in picture.alt
    assert f"two, 1 split (the paper: 20 %): mean {two}" in picture.alt
    (axis,) = picture.figure.axes
    means = [line for line in axis.lines if line.get_label() == "mean over splits"]
    heights = [line.get_ydata()[0] for line in means]
    assert heights == sorted(
        heights, reverse=True
    )  # a model below the other, a way below the other
    segments = [line.get_segments()[0] for line in axis.collections]
    assert [segment[0][0] for segment in segments] == list(printed.values())
    for (lower, upper), inside in zip(segments, (means[:2], means[2:]), strict=True):
        assert all(lower[1] < line.get_ydata()[0] < upper[1] for line in inside)


def test_the_specification_curve_counts_the_readings_that_reach_a_figure():
    frame = pd.DataFrame(
        {"value": [0.1, 0.3, 0.32, np.nan], "loss": list("abab"), "split": list("aabb")}
    )
    picture = figures.specification_curve(frame, ["loss", "split"], {"fusion": 0.31})
    assert "3 readings" in picture.alt and "fusion (31 %) is reached by 1." in picture.alt
    assert "highest is 32 %: loss a, split b" in picture.alt
    assert picture.data["reaches 31 %"].tolist() == [0, 0, 1]
    marks = picture.figure.axes[1]
    *rows, edges = marks.collections
    assert [row.get_positions() for row in rows] == [[0, 2], [1], [0, 1], [2]]
    assert [(y, end) for (_, y), (_, end) in edges.get_segments()] == [(-1.5, -1.5), (-3.5, -3.5)]
    none = figures.specification_curve(frame[3:], ["loss"], {"fusion": 0.31}).alt
    assert none == "0 readings from no value up. fusion (31 %) is reached by 0."


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_each_row_is_in_percent_of_its_tested_rows():
    random = np.random.default_rng(0)
    truth, guess = random.integers(0, 7, (2, 300))
    counts = confusion_matrix(truth, guess)
    picture = figures.confusion_matrices({"a": counts}, paper.EMOTIONS, columns=1)
    shares = 100 * confusion_matrix(truth, guess, normalize="true")
    assert texts(picture.figure.axes[0]) == [f"{share:.0f}" for share in shares.ravel()]
    assert picture.data["tested"].tolist() == np.bincount(truth).tolist()
    assert "(a) a, 300 rows tested: " in picture.alt


def test_matrices_have_letters_and_an_emotion_without_a_tested_row_has_no_percent():
    counts = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]])
    matrices = {str(n): np.eye(3, dtype=int) for n in range(13)} | {"a": counts, "none": 0 * counts}
    picture = figures.confusion_matrices(matrices, ("Angry", "Fear", "Sad"), columns=3)
    some, none = (texts(axis) for axis in picture.figure.axes[13:])
    assert some == ["75", "25", "0", "50", "0", "50", "no row tested"]
    assert none == ["no row tested"] * 3
    assert picture.alt.endswith(
        "(n) a, 8 rows tested, none of Fear: most often right on Angry (75 %) and Sad (50 %). "
        "(o) none, 0 rows tested, none of Angry, Fear and Sad."
    )
    fear = picture.data.set_index(["matrix", "true"]).loc[("a", "Fear")]
    assert fear[["Angry", "Fear", "Sad"]].isna().all() and fear["tested"] == 0


def test_a_map_counts_the_groups_on_both_sides():
    groups = np.array(list("aaabbc"))
    tests = [np.array([0, 1, 3]), np.array([2, 4, 5])]
    picture = figures.fold_map(tests, groups, "random")
    assert "2 of 3 groups have rows on both sides of a split" in picture.alt
    assert "fold by fold: 2, 1." in picture.alt
    counts = picture.data.set_index(["fold", "group"])["rows"].to_dict()
    assert counts == {(0, 0): 2, (0, 1): 1, (1, 0): 1, (1, 1): 1, (1, 2): 1}
    single = figures.fold_map(tests[:1], groups, "single split")  # untested rows are a side too
    assert "2 of 3 groups have rows on both sides of a split" in single.alt


def test_stripes_have_the_colour_of_their_group():
    groups = np.repeat(list("abcdefghij"), range(10, 0, -1))
    tests = np.array_split(np.random.default_rng(0).permutation(len(groups)), 3)
    (image,) = figures.fold_map(list(tests), groups, "random").figure.axes[0].images
    pixels = image.get_array()
    for fold, rows in enumerate(tests):
        sizes = pd.Series(groups[rows]).value_counts()
        seen = pd.Series([tuple(pixel) for pixel in pixels[fold, : len(rows)]]).value_counts()
        coloured = sorted(sizes[[g for g in "abcdef" if g in sizes]])  # each a colour of its own
        assert sorted(n for pixel, n in seen.items() if len(set(pixel[:3])) > 1) == coloured


def test_where_nobody_is_known_no_person_is_drawn():
    picture = figures.fold_map([np.arange(3), np.arange(3, 8)], None, "random")
    (image,) = picture.figure.axes[0].images
    assert {len(set(pixel[:3])) for row in image.get_array() for pixel in map(tuple, row)} == {1}
    title = picture.figure.axes[0].get_title(loc="left")
    assert "the data do not say who is who" in title and "group" not in title + picture.alt
    assert picture.alt.endswith("Rows tested, fold by fold: 3, 5.")
    assert list(picture.data.columns) == ["fold", "rows"] and picture.data["rows"].sum() == 8


def test_missing_scores_are_left_out():
    protocols = ["random"] * 3 + ["person-independent"] * 2
    scores = pd.DataFrame({"protocol": protocols, "seed": [0, 1, 2, 0, 1]})
    scores["value"] = [0.2, np.nan, 0.3, np.nan, np.nan]
    picture = figures.score_distribution(scores, 1 / 7, ("random", 2))
    assert picture.alt == "Scores by protocol. random: 2 seeds from 20 to 30 %, mean 25.0 %."
    parts = picture.figure.axes[0].collections
    rings = [part for part in parts if hasattr(part, "get_sizes") and 120 in part.get_sizes()]
    assert [ring.get_offsets()[:, 0].tolist() for ring in rings] == [[30.0]]
    none = figures.score_distribution(scores[3:], 1 / 7)
    low, high = none.figure.axes[0].get_xlim()
    assert low < 100 / 7 < high and "random:" not in none.alt
