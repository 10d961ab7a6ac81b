"""Bars, levels, splits, readings and error rates: what is missing has no place among them."""

import numpy as np
import pandas as pd
import pytest

from emolib import figures, paper
from emolib.figures.style import MANY


def test_bars_without_a_value_name_no_emotion(summary):
    table = summary("emotion", [*paper.EMOTIONS, "average"]).query("recipe == 'printed'")
    table = table.assign(panel=table["protocol"])
    untested = (table["modality"] == "LPQ") & (table["protocol"] == "random")
    table.loc[untested, ["mean", "low", "high"]] = np.nan
    table.loc[(table["modality"] == "PHOG") & (table["emotion"] == "Surprise"), "mean"] = np.nan
    alt = figures.emotion_bars(table, {}).alt
    assert "random, LPQ: no row tested." in alt and "random, PHOG: highest on Sad (" in alt


def test_bars_stand_by_their_emotion_whatever_the_order_of_rows(summary):
    table = summary("emotion", list(paper.EMOTIONS)).query("recipe == 'printed'")
    table = table.assign(panel=table["protocol"])
    shuffled = pd.concat([table.iloc[:7], table.iloc[7:].sample(frac=1, random_state=0)])
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


def test_what_share_lies_below_the_printed_figure():
    below, above = np.full(30, 0.2), np.full(10, 0.4)
    values = np.r_[below, above, np.nan]
    picture = figures.single_splits({"CNN fusion": values}, {"CNN fusion": 0.31}, 1 / 7)
    assert "the paper's 31 % is above 75 % of 40 splits" in picture.alt
    assert picture.figure.axes[0].get_yticklabels()[0].get_text() == "CNN fusion\n(40 splits)"
    assert len(picture.data) == 41


def test_a_model_without_a_single_result_has_no_median():
    results = {"CNN fusion": np.full(5, np.nan), "LPQ CNN": np.full(5, 0.2)}
    alt = figures.single_splits(results, paper.TABLE_3_AVERAGE, 1 / 7).alt
    assert "CNN fusion: median no value" in alt and "of 0 splits" in alt and "nan" not in alt


@pytest.mark.parametrize(("count", "pixels"), [(MANY, False), (MANY + 1, True)])
def test_many_points_are_pixels(count, pixels):
    values = np.random.default_rng(0).random(count)
    drawn = [
        figures.single_splits({"a": values}, {"a": 0.3}, 0.1),
        figures.selection_bias(pd.DataFrame({"a": values}), {"a": "picked"}, 0.3, 0.1),
        figures.specification_curve(pd.DataFrame({"value": values, "a": "b"}), ["a"], {"a": 0.3}),
    ]
    for picture in drawn:
        points = [
            line
            for axis in picture.figure.axes
            for line in axis.lines
            if len(line.get_xdata()) == count
        ]
        assert points and all(bool(line.get_rasterized()) == pixels for line in points)


def test_missing_results_have_no_say_in_a_mean():
    frame = pd.DataFrame({"picked": [0.2, 0.4, np.nan], "fixed": [np.nan] * 3})
    labels = {"picked": "best on test", "fixed": "fixed"}
    alt = figures.selection_bias(frame, labels, 0.27, 1 / 7).alt
    assert "best on test: mean 30 %." in alt and "fixed: mean no value." in alt


def test_the_specification_curve_counts_the_readings_that_reach_a_figure():
    frame = pd.DataFrame(
        {"value": [0.1, 0.3, 0.32, np.nan], "loss": list("abab"), "split": list("aabb")}
    )
    picture = figures.specification_curve(frame, ["loss", "split"], {"fusion": 0.31})
    assert "3 readings" in picture.alt and "fusion (31 %) is reached by 1." in picture.alt
    assert "highest is 32 %: loss a, split b" in picture.alt
    marks = picture.figure.axes[1]
    rows = [line for line in marks.lines if line.get_marker() == "|"]
    assert [list(line.get_xdata()) for line in rows] == [[0, 2], [1], [0, 1], [2]]
    edges = [line.get_ydata()[0] for line in marks.lines if line.get_marker() != "|"]
    assert edges == [-1.5, -3.5]


def test_readings_without_a_value_are_none():
    frame = pd.DataFrame({"value": [np.nan], "loss": ["a"]})
    alt = figures.specification_curve(frame, ["loss"], {"fusion": 0.31}).alt
    assert alt == "0 readings from no value up. fusion (31 %) is reached by 0."
