"""Networks: layers read off the module, units that stay and go, angles between them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from emolib import figures, paper
from emolib.figures.networks import trace
from emolib.models import FusionNet, ShallowNet

DEGREES = np.array([[0.0, 10.0, 50.0], [10.0, 0.0, 80.0], [50.0, 80.0, 0.0]])
ALIVE = np.array([True, False, True])


def test_layers_are_read_off_the_module():
    net = FusionNet(2, channels=4)
    layers = trace(net, torch.zeros(1, 2, 5))
    assert layers["parameters"].sum() == sum(p.numel() for p in net.parameters())
    assert layers["kind"].tolist()[:10] == ["Conv1d", "MaxPool1d"] * 5
    assert layers["output"].iloc[-1] == "7" and layers["output"][9] == "4 × 5"


def test_every_connection_of_the_shallow_network_is_a_line():
    picture = figures.shallow_network(ShallowNet(5, 6, 7), "feature", paper.EMOTIONS)
    trails = [trail.get_xydata() for trail in picture.figure.axes[0].lines]
    lines = [frozenset(map(tuple, ends)) for trail in trails for ends in pairwise(trail)]
    assert len(set(lines)) == 5 * 6 + 6 * 7 and f"{5 * 6 + 6 + 6 * 7 + 7} parameters" in picture.alt


def test_the_fusion_network_has_a_box_for_each_layer_and_input():
    net = FusionNet(3)
    picture = figures.fusion_network(net, ("LPQ", "PHOG", "image"), 5)
    assert len(picture.figure.axes[0].texts) == 3 + len(picture.data)
    kinds = [type(patch).__name__ for patch in picture.figure.axes[0].patches]
    assert kinds.count("FancyBboxPatch") == 3 + len(picture.data)
    assert kinds.count("FancyArrowPatch") == len(picture.data) + 2  # the first head has three
    assert f"{sum(p.numel() for p in net.parameters()):,} parameters" in picture.alt


def test_a_state_names_what_stays_and_what_is_reached():
    curves = pd.DataFrame({"protocol": ["random"] * 2 + ["grouped"] * 2, "angle": [0, 30] * 2})
    curves["mean"] = [0.25, 0.5, 0.125, 0.375]
    picture = figures.network_state(
        DEGREES, ALIVE, (5, 7), curves, "angle", 30, "minimal angle / degrees", 1 / 7
    )
    assert "2 of 3 hidden units stay" in picture.alt and "from 10° to 80°" in picture.alt
    assert "50 % under random folds" in picture.alt and "38 % under grouped folds" in picture.alt
    assert picture.data["stays"].tolist() == [True, False, True]
    assert picture.data["degrees to unit 3"].tolist() == [50, 80, 0]
    points = [line.get_xdata() for line in picture.figure.axes[2].lines]
    assert [x for x in points if len(x) == 1] == [[30], [30]]


@pytest.mark.parametrize("degrees", [np.zeros((1, 1)), np.full((2, 2), np.nan)])
def test_a_network_without_angles_has_none_to_tell(degrees):
    curves = pd.DataFrame({"protocol": ["random"], "hidden": [1], "mean": [np.nan]})
    alive = np.ones(len(degrees), bool)
    picture = figures.network_state(
        degrees, alive, (5, 7), curves, "hidden", 1, "hidden units", 1 / 7
    )
    assert "angles" not in picture.alt and len(picture.data) == len(degrees)
    assert "Mean recall no value under random folds." in picture.alt


def test_a_pruned_network_names_the_units_that_go_and_marks_close_pairs():
    activations = np.random.default_rng(0).random((9, 3))
    picture = figures.pruned_network(DEGREES, 60, activations, ALIVE, 5, 7)
    assert "2 of 3 hidden units stay at a minimal angle of 60°; units 2 go." in picture.alt
    assert "closest pair is 10.0° apart" in picture.alt
    (marks,) = picture.figure.axes[1].collections
    assert marks.get_offsets().tolist() == [[0, 1], [0, 2]]
    whole = figures.pruned_network(DEGREES, 5, activations, np.ones(3, bool), 5, 7).alt
    assert "none goes" in whole


def test_the_alt_text_of_a_matrix_names_the_worst_difference():
    degrees = np.zeros((6, 6))
    for (i, j), printed in paper.TABLE_2.items():
        degrees[i - 1, j - 1] = printed
    degrees[0, 1] += 3
    picture = figures.angle_matrix(degrees, "Angles", paper.TABLE_2)
    assert "3.00°" in picture.alt
    smallest = pd.Series(paper.TABLE_2)
    smallest[1, 2] += 3
    assert f"from {smallest.min():.1f}° (units " in picture.alt
    assert picture.data["printed"].tolist() == list(dict(sorted(paper.TABLE_2.items())).values())


def test_a_missing_angle_is_not_the_smallest():
    degrees = np.full((6, 6), 40.0)
    degrees[0, 1] = np.nan
    assert "from 40.0° (units " in figures.angle_matrix(degrees, "Angles", paper.TABLE_2).alt
