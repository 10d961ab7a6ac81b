"""Curves: what they draw, gaps where nothing was measured, and alt texts that say so."""

import numpy as np
import pandas as pd
import pytest
import torch

from emolib import figures
from emolib.bench import NETS, recorded
from emolib.paper import DHALL_RANDOM, EMOTIONS


def test_a_line_of_each_style_has_its_name(summary):
    table = summary("angle", [0, 60], activation_shift=[0.5, 0.0])
    styles = {0.5: ("shifted", "-"), 0.0: ("as they are", ":")}
    picture = figures.accuracy_curves(
        table, "angle", "angle", 1 / 7, paper={}, style="activation_shift", styles=styles
    )
    lines = {line.get_label(): line.get_linestyle() for line in picture.figure.axes[0].lines}
    assert lines["LPQ shifted"] == "-" and lines["PHOG as they are"] == ":"
    assert "PHOG as they are: " in picture.alt


def test_curves_are_drawn_where_their_table_says(summary):
    table = summary("hidden", [6, 11, 16])
    picture = figures.accuracy_curves(table, "hidden", "hidden units", 1 / 7, paper={})
    drawn = {}
    for axis in picture.figure.axes:
        protocol, recipe = axis.get_title(loc="left").removesuffix(" recipe").split(" folds, ")
        for line in axis.lines[1:]:  # the first is the level of guessing
            drawn[recipe, protocol, line.get_label()] = list(line.get_ydata())
    keys = ["recipe", "protocol", "modality"]
    assert drawn == {key: list(part["mean"]) for key, part in table.groupby(keys)}


def test_units_left_stand_on_an_axis_of_their_own(summary):
    table = summary("hidden", [6, 11, 16], emotion=["Happy", "average"]).query(
        "recipe == 'printed'"
    )
    pruned = table.assign(units=np.where(table["modality"] == "LPQ", table["hidden"] / 4, np.nan))
    average = pruned[pruned["emotion"] == "average"]
    for picture in (
        figures.accuracy_curves(average, "hidden", "hidden units", 1 / 7, paper={"LPQ": (16, 0.2)}),
        figures.emotion_curves(pruned[pruned["modality"] == "LPQ"], "hidden", "units", "recall"),
    ):
        axes = picture.figure.axes
        for axis in axes[len(axes) // 2 :]:  # one per protocol, after the panels
            assert [list(line.get_ydata()) for line in axis.lines] == [[1.5, 2.75, 4]]
            assert not axis.collections and axis.yaxis.get_label_position() == "right"
        assert axes[-1].get_ylabel() == "hidden units left" and axes[-1].get_ylim()[0] == 0
        legend = [text.get_text() for text in picture.figure.legends[0].texts]
        assert "hidden units left" in legend
        assert "Hidden units left: 1.5 at 6, 2.8 at 11 and 4.0 at 16." in picture.alt


def test_a_missing_point_is_a_gap_and_never_the_highest(summary):
    table = summary("hidden", [6, 11, 16]).query("recipe == 'printed' and protocol == 'random'")
    table.loc[table["hidden"] == 11, ["mean", "low", "high"]] = np.nan
    table.loc[table["modality"] == "PHOG", ["mean", "low", "high"]] = np.nan
    picture = figures.accuracy_curves(table, "hidden", "hidden units", 1 / 7, paper={})
    lpq = picture.figure.axes[0].lines[1].get_ydata()
    assert np.isnan(lpq).tolist() == [False, True, False]
    assert len(picture.figure.axes[0].collections[0].get_paths()) != 1  # the band has a gap as well
    best = table.query("modality == 'LPQ'").set_index("hidden")["mean"].idxmax()
    assert f"highest {100 * table['mean'].max():.0f} % at {best}." in picture.alt
    assert "PHOG: no value at 6, no value at 16, highest no value at 6." in picture.alt


def test_the_fewest_tested_rows_are_told(summary):
    table = summary("hidden", [6, 16], emotion=[*EMOTIONS, "average"]).assign(tested=675)
    table.loc[3, "tested"] = 170
    average = table.query("emotion == 'average'")
    told = [
        figures.accuracy_curves(average, "hidden", "hidden units", 1 / 7, paper={}).alt,
        figures.emotion_curves(table, "hidden", "hidden units", "recall").alt,
    ]
    assert "675 rows" in told[0] and "170 rows" in told[1]


def test_epochs_are_drawn_by_model_and_protocol_with_the_range_of_the_stop():
    protocols = ["random", "person-independent"]
    keys = pd.MultiIndex.from_product([["LPQ CNN", "CNN fusion"], protocols, [10, 100, 1000]])
    frame = keys.to_frame(index=False, name=["model", "protocol", "epoch"])
    frame["recall"] = np.linspace(0.1, 0.3, 12)
    frame["training accuracy"] = np.linspace(0.2, 0.9, 12)
    stop = {"model": ["CNN fusion"], "protocol": ["random"], "low": [400], "high": [560]}
    printed = {"LPQ CNN": 0.2, "CNN fusion": 0.31}
    picture = figures.epoch_curves(frame, pd.DataFrame(stop), printed, 1 / 7)
    assert "LPQ CNN, random, recall: 10 % at epoch 10, 14 % at the last." in picture.alt
    for axis in picture.figure.axes:
        model, measure = axis.get_title(loc="left").split(": ")
        lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
        for protocol in protocols:
            own = frame[(frame["model"] == model) & (frame["protocol"] == protocol)]
            assert lines[f"{protocol} folds"] == list(own[measure])
        assert lines.get("the paper", [None])[0] == (
            printed[model] if measure == "recall" else None
        )
        spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axis.patches]
        assert spans == ([(400, 560)] if model == "CNN fusion" else [])


def test_learning_curves_end_at_the_last_epoch_and_mark_chance_where_there_is_one():
    history = pd.DataFrame(
        {"panel": ["loss", "loss", "accuracy"], "line": "LPQ", "epoch": [1, 2, 2]}
        | dict.fromkeys(("mean", "low", "high"), [0.5, 0.3, 0.26])
    )
    picture = figures.learning_curves(history, 10, {"accuracy": 0.14})
    labels = [[line.get_label() for line in axis.lines] for axis in picture.figure.axes]
    assert sorted(labels[0]) == ["LPQ"] and sorted(labels[1]) == ["LPQ", "guessing"]
    assert "after 2 of 10 epochs" in picture.alt and "loss, LPQ: 0.3" in picture.alt


def test_real_faces_stand_under_random_folds_only(summary):
    table = summary("wildness", [0, 0.5, 1]).query("recipe == 'printed'")
    axes = figures.wildness_curves(table, 1 / 7).figure.axes
    real = [[line for line in axis.lines if "real" in line.get_label()] for axis in axes]
    assert [len(lines) for lines in real] == [2, 0]
    drawn = {line.get_label()[:4].strip(" ,"): 100 * np.array(line.get_ydata()) for line in real[0]}
    assert drawn == {m: pytest.approx(values) for m, values in DHALL_RANDOM.items()}


def test_the_picture_says_what_the_last_measurement_found():
    rows = pd.DataFrame(recorded()["rows"])
    picture = figures.training_costs(rows)
    most = rows[rows["networks"] == rows["networks"].max()].set_index(["net", "method"])[
        "microseconds_per_net_step"
    ]
    for net in NETS:
        assert f"{most[net, 'ours']:.3g} by this library" in picture.alt
    assert len(picture.figure.axes) == 4 and np.isfinite(most).all() and torch.is_grad_enabled()
    drawn = sum(len(line.get_xdata()) for axis in picture.figure.axes for line in axis.lines)
    assert drawn == rows["net"].isin(NETS).sum()
