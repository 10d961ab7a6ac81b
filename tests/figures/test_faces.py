"""Faces and their features."""

import numpy as np
import pytest

from emolib import figures, paper


@pytest.mark.parametrize("far", [0.9, 1.6, -0.7])
def test_the_reading_of_a_face_counts_its_cells_and_cuts_no_bar(far):
    ten = {"LPQ": np.array([far, 0.2]), "PHOG": np.array([0.4, 0.3])}
    scores = {"LPQ": np.eye(7)[2] * far, "PHOG": np.eye(7)[1]}
    picture = figures.face_reading(
        np.zeros((8, 8)), np.zeros((2, 2)), np.ones(32), ten, scores, paper.EMOTIONS
    )
    assert "its PHOG cells, 2 along a side" in picture.alt
    assert "PHOG says Disgust (1.00)." in picture.alt
    for axis in picture.figure.axes[1:]:
        low, high = axis.get_ylim()
        reached = [bar.get_height() for bar in axis.patches if bar.get_width() < 1] + [
            y for line in axis.lines for y in line.get_ydata()
        ]
        assert low < min(reached) and max(reached) < high


@pytest.mark.parametrize(("factor", "shared"), [(2, True), (100, False)])
def test_boxes_have_one_scale_only_where_all_can_be_seen(factor, shared):
    values = np.random.default_rng(0).random((20, 5))
    axes = figures.box_plots({"LPQ": values, "image": factor * values}, "value").figure.axes
    assert (axes[0].get_ylim() == axes[1].get_ylim()) == shared


def test_the_reference_lies_over_the_boxes():
    values = np.random.default_rng(0).random((20, 5))
    axis = figures.box_plots({"LPQ": values}, "value", 0.4).figure.axes[0]
    (line,) = (line for line in axis.lines if list(line.get_ydata()) == [0.4, 0.4])
    assert line.zorder > max(patch.zorder for patch in axis.patches)


def test_a_mean_of_nearly_nothing_has_no_sign():
    alt = figures.box_plots({"LPQ": np.array([[-0.003], [0.001]])}, "value").alt
    assert "-0.00" not in alt.split("means")[1] and "means 0.00." in alt


def test_boxes_have_the_quantiles_of_their_features():
    values = np.random.default_rng(0).random((50, 2))
    data = figures.box_plots({"LPQ": values}, "value").data
    assert data["feature"].tolist() == [1, 2] and set(data["modality"]) == {"LPQ"}
    expected = np.quantile(values, [0, 0.25, 0.5, 0.75, 1], axis=0).T
    assert np.allclose(data[["min", "25%", "50%", "75%", "max"]], expected)


def test_samples_stand_below_their_emotion():
    images = np.arange(21.0)[:, None, None] * np.ones((8, 8))
    picture = figures.sample_faces(images, np.arange(21) % 7, paper.EMOTIONS)
    assert picture.data["emotion"].tolist() == [e for e in paper.EMOTIONS for _ in range(3)]
    assert picture.data["mean grey"].tolist() == [v for c in range(7) for v in (c, c + 7, c + 14)]


def test_components_are_named_by_their_share_and_faces_by_their_titles():
    random = np.random.default_rng(0)
    shares = np.array([0.4, 0.2, 0.1])
    seen = figures.eigenfaces(random.normal(size=64), random.normal(size=(3, 64)), shares)
    assert "70% of the variance: 40%, 20% and 10%." in seen.alt
    (axis,) = seen.figure.axes
    assert [text.get_text() for text in axis.texts][:2] == ["mean", "1 (40%)"]
    row = figures.face_row(random.random((9, 8, 8)), list("abcdefghi"), "Nine faces and letters.")
    (axis,) = row.figure.axes
    assert [text.get_text() for text in axis.texts] == list("abcdefghi") and len(axis.images) == 9
