"""Figures say in words what they show, with their numbers, and read names and counts off what they
draw.
"""

from itertools import product

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from emolib import figures, paper
from emolib.figures.networks import trace
from emolib.figures.colours import EMOTION
from emolib.models import FusionNet, ShallowNet

matplotlib.use("agg")
PROTOCOLS = ("random", "person-independent")


def summary(x, values, **columns):
    keys = {
        "recipe": ["printed", "converged"],
        "protocol": PROTOCOLS,
        "modality": ["LPQ", "PHOG"],
        x: values,
    } | columns
    frame = pd.DataFrame(list(product(*keys.values())), columns=list(keys))
    frame["mean"] = np.linspace(0.1, 0.4, len(frame))
    return frame.assign(low=frame["mean"] - 0.02, high=frame["mean"] + 0.02)


def pictures():
    random = np.random.default_rng(0)
    recall = summary("hidden", [6, 16], emotion=[*paper.EMOTIONS, "average"])
    bars = summary("emotion", [*paper.EMOTIONS, "average"]).assign(
        panel=lambda f: f["protocol"] + f["recipe"]
    )
    return {
        "faces": figures.sample_faces(
            random.integers(0, 255, (21, 8, 8)), np.arange(21) % 7, paper.EMOTIONS
        ),
        "eigenfaces": figures.eigenfaces(
            random.normal(size=64),
            random.normal(size=(5, 64)),
            np.array([0.4, 0.2, 0.1, 0.05, 0.05]),
        ),
        "boxes": figures.box_plots(
            {"LPQ": random.random((20, 5)), "PHOG": random.random((20, 5))}, "value", reference=0.4
        ),
        "shallow": figures.shallow_network(ShallowNet(5, 6, 7), "feature", paper.EMOTIONS),
        "fusion": figures.fusion_network(FusionNet(3), ("LPQ", "PHOG", "image"), 5),
        "angles": figures.angle_matrix(np.full((6, 6), 20.0), "Angles", paper.TABLE_2),
        "confusion": figures.confusion_matrices(
            {"a": np.eye(7) * 9 + 1, "b": np.ones((7, 7))}, paper.EMOTIONS, columns=2
        ),
        "accuracy": figures.accuracy_curves(
            summary("hidden", [6, 16]), "hidden", "hidden units", 1 / 7, paper={"LPQ": (16, 0.23)}
        ),
        "emotions": figures.emotion_curves(
            recall[recall["recipe"] == "printed"], "hidden", "hidden units", "recall"
        ),
        "bars": figures.emotion_bars(bars, {"LPQ": paper.TABLE_3["LPQ CNN"] + (0.2,)}),
        "levels": figures.model_recall(
            summary("model", ["LPQ CNN", "CNN fusion"]).query(
                "recipe == 'printed' and modality == 'LPQ'"
            ),
            paper.TABLE_3_AVERAGE,
            1 / 7,
        ),
        "luck": figures.single_splits(
            {"CNN fusion": random.normal(0.2, 0.02, 50), "LPQ CNN": random.normal(0.18, 0.02, 5)},
            paper.TABLE_3_AVERAGE,
            1 / 7,
        ),
        "picks": figures.selection_bias(
            pd.DataFrame(random.random((9, 2)), columns=["picked", "fixed"]),
            {"picked": "best on test", "fixed": "fixed"},
            0.27,
            1 / 7,
        ),
        "readings": figures.specification_curve(
            pd.DataFrame(
                {"value": [0.1, 0.3, 0.32, np.nan], "loss": list("abab"), "split": list("aabb")}
            ),
            ["loss", "split"],
            {"fusion": 0.31},
        ),
        "errors": figures.error_rates(
            pd.DataFrame(
                {
                    "label": ["interval of a level"],
                    "rejected": [0.05],
                    "low": [0.03],
                    "high": [0.08],
                }
            ),
            0.05,
        ),
        "losses": figures.loss_curves(
            {"printed": np.array([[0.3, 0.2, np.nan], [0.3, 0.25, 0.2]])}
        ),
    }


@pytest.fixture(scope="module")
def drawn_pictures():
    found = pictures()
    yield found
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(
    "name",
    [
        "faces",
        "eigenfaces",
        "boxes",
        "shallow",
        "fusion",
        "angles",
        "confusion",
        "accuracy",
        "emotions",
        "bars",
        "levels",
        "losses",
        "luck",
        "picks",
        "readings",
        "errors",
    ],
)
def test_a_picture_has_words_numbers_and_the_report_s_width(drawn_pictures, name):
    picture = drawn_pictures[name]
    assert len(picture.alt) > 40 and any(character.isdigit() for character in picture.alt)
    assert len(picture.data) and picture.figure.get_figwidth() == figures.style.WIDTH


@pytest.mark.parametrize("far", [0.9, 1.6, -0.7])
def test_no_bar_of_a_face_s_reading_is_cut(far):
    ten = {"LPQ": np.array([far, 0.2]), "PHOG": np.array([0.4, 0.3])}
    scores = {"LPQ": np.eye(7)[2] * far, "PHOG": np.eye(7)[1]}
    picture = figures.face_reading(
        np.zeros((8, 8)), np.zeros((2, 2)), np.ones(32), ten, scores, paper.EMOTIONS
    )
    for axis in picture.figure.axes[1:]:
        low, high = axis.get_ylim()
        reached = [bar.get_height() for bar in axis.patches if bar.get_width() < 1] + [
            y for line in axis.lines for y in line.get_ydata()
        ]
        assert low < min(reached) and max(reached) < high
    matplotlib.pyplot.close(picture.figure)


def test_a_line_of_each_style_has_its_name():
    table = summary("angle", [0, 60], activation_shift=[0.5, 0.0])
    picture = figures.accuracy_curves(
        table,
        "angle",
        "minimal angle / degrees",
        1 / 7,
        paper={},
        style="activation_shift",
        styles={0.5: ("shifted", "-"), 0.0: ("as they are", ":")},
    )
    lines = {line.get_label(): line.get_linestyle() for line in picture.figure.axes[0].lines}
    assert (
        lines["LPQ shifted"] == "-"
        and lines["PHOG as they are"] == ":"
        and "PHOG as they are: " in picture.alt
    )
    matplotlib.pyplot.close(picture.figure)


@pytest.mark.parametrize("name", ["boxes", "accuracy", "emotions", "bars", "losses", "angles"])
def test_axes_say_what_they_measure(drawn_pictures, name):
    axes = [axis for axis in drawn_pictures[name].figure.axes if axis.get_label() != "<colorbar>"]
    assert any(axis.get_xlabel() or axis.get_xticklabels() for axis in axes)
    assert any(axis.get_ylabel() for axis in axes)


def test_an_emotion_keeps_its_colour(drawn_pictures):
    for axis in drawn_pictures["emotions"].figure.axes:
        drawn = {line.get_label(): line.get_color() for line in axis.lines}
        assert drawn == {emotion: EMOTION[emotion] for emotion in drawn}
    assert len(set(EMOTION.values())) == len(EMOTION)


def test_layers_are_read_off_the_module():
    net = FusionNet(2, channels=4)
    layers = trace(net, torch.zeros(1, 2, 5))
    assert layers["parameters"].sum() == sum(p.numel() for p in net.parameters())
    assert layers["kind"].tolist()[:10] == ["Conv1d", "MaxPool1d"] * 5
    assert layers["output"].iloc[-1] == "7" and layers["output"][9] == "4 × 5"


def test_the_alt_text_of_a_matrix_names_the_worst_difference():
    degrees = np.zeros((6, 6))
    for (i, j), printed in paper.TABLE_2.items():
        degrees[i - 1, j - 1] = printed
    degrees[0, 1] += 3
    picture = figures.angle_matrix(degrees, "Angles", paper.TABLE_2)
    assert "3.00°" in picture.alt
    matplotlib.pyplot.close(picture.figure)


def test_the_specification_curve_counts_the_readings_that_reach_a_figure(drawn_pictures):
    alt = drawn_pictures["readings"].alt
    assert (
        "3 readings" in alt
        and "fusion (31 %) is reached by 1." in alt
        and "highest is 32 %: loss a, split b" in alt
    )


def test_luck_says_what_share_lies_below_the_printed_figure(drawn_pictures):
    assert "the paper's 31 % is above 100 % of 50 splits" in drawn_pictures["luck"].alt


def test_a_state_names_what_stays_and_what_is_reached():
    degrees = np.array([[0.0, 10.0, 50.0], [10.0, 0.0, 80.0], [50.0, 80.0, 0.0]])
    curves = pd.DataFrame(
        {
            "protocol": ["random", "random", "grouped", "grouped"],
            "angle": [0, 30] * 2,
            "mean": [0.25, 0.5, 0.125, 0.375],
        }
    )
    picture = figures.network_state(
        degrees,
        np.array([True, False, True]),
        (5, 7),
        curves,
        "angle",
        30,
        "minimal angle / degrees",
        1 / 7,
    )
    assert "2 of 3 hidden units stay" in picture.alt and "from 10° to 80°" in picture.alt
    assert "50 % under random folds" in picture.alt and "38 % under grouped folds" in picture.alt
    assert picture.data["stays"].tolist() == [True, False, True] and picture.data[
        "degrees to unit 3"
    ].tolist() == [50, 80, 0]
    assert [
        line.get_xdata() for line in picture.figure.axes[2].lines if len(line.get_xdata()) == 1
    ] == [[30], [30]]
    matplotlib.pyplot.close(picture.figure)


def test_a_network_of_one_unit_has_no_angles_to_tell():
    curves = pd.DataFrame({"protocol": ["random"], "hidden": [1], "mean": [0.2]})
    picture = figures.network_state(
        np.zeros((1, 1)), np.array([True]), (5, 7), curves, "hidden", 1, "hidden units", 1 / 7
    )
    assert "angles" not in picture.alt and len(picture.data) == 1
    matplotlib.pyplot.close(picture.figure)


@pytest.mark.parametrize(("factor", "shared"), [(2, True), (100, False)])
def test_boxes_have_one_scale_only_where_all_can_be_seen(factor, shared):
    values = np.random.default_rng(0).random((20, 5))
    axes = figures.box_plots({"LPQ": values, "image": factor * values}, "value").figure.axes
    assert (axes[0].get_ylim() == axes[1].get_ylim()) == shared
    matplotlib.pyplot.close("all")
