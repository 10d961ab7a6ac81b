"""Faces and their features."""

import numpy as np
import pytest

from emolib import figures, paper


def reading(scores):
    ten = {"LPQ": np.array([0.9, 0.2]), "PHOG": np.array([0.4, 0.3])}
    return figures.face_reading(
        np.zeros((8, 8)), np.zeros((2, 2)), np.ones(32), ten, scores, paper.EMOTIONS
    )


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


def test_scores_that_are_missing_decide_for_no_emotion():
    picture = reading({"LPQ": np.full(7, np.nan), "PHOG": np.eye(7)[3]})
    assert "LPQ has no score, PHOG says Happy (1.00)." in picture.alt and "Angry" not in picture.alt
    marked = [line.get_ydata()[0] for line in picture.figure.axes[2].lines]
    assert np.isfinite(marked).sum() == 1


def test_the_reading_of_a_face_counts_its_cells():
    assert "its PHOG cells, 2 along a side" in reading({"LPQ": np.eye(7)[3]}).alt


@pytest.mark.parametrize(("factor", "shared"), [(2, True), (100, False)])
def test_boxes_have_one_scale_only_where_all_can_be_seen(factor, shared):
    values = np.random.default_rng(0).random((20, 5))
    axes = figures.box_plots({"LPQ": values, "image": factor * values}, "value").figure.axes
    assert (axes[0].get_ylim() == axes[1].get_ylim()) == shared


def test_boxes_have_the_quantiles_of_their_features():
    values = np.random.default_rng(0).random((50, 2))
    data = figures.box_plots({"LPQ": values}, "value").data
    assert data["feature"].tolist() == [1, 2] and set(data["modality"]) == {"LPQ"}
    expected = np.quantile(values, [0, 0.25, 0.5, 0.75, 1], axis=0).T
    assert np.allclose(data[["min", "25%", "50%", "75%", "max"]], expected)


def test_samples_are_spread_over_the_faces_of_their_emotion():
    images = np.arange(21.0)[:, None, None] * np.ones((8, 8))
    picture = figures.sample_faces(images, np.arange(21) % 7, paper.EMOTIONS, rows=2)
    assert picture.data["emotion"].tolist() == [e for e in paper.EMOTIONS for _ in range(2)]
    assert picture.data["mean grey"].tolist() == [v for c in range(7) for v in (c, c + 14)]


def test_an_emotion_without_a_face_has_an_empty_column():
    picture = figures.sample_faces(np.zeros((3, 8, 8)), np.zeros(3, int), ("Angry", "Sad"))
    assert set(picture.data["emotion"]) == {"Angry"}
    assert sum(bool(axis.images) for axis in picture.figure.axes) == 3
