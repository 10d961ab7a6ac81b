"""Confusion matrices and angles."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

import emolib
from emolib import figures, paper


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_each_row_is_in_percent_of_its_tested_rows():
    random = np.random.default_rng(0)
    truth, guess = random.integers(0, 7, (2, 300))
    picture = figures.confusion_matrices(
        {"a": confusion_matrix(truth, guess)}, paper.EMOTIONS, columns=1
    )
    shares = 100 * confusion_matrix(truth, guess, normalize="true")
    assert texts(picture.figure.axes[0]) == [f"{share:.0f}" for share in shares.ravel()]
    assert picture.data["tested"].tolist() == np.bincount(truth).tolist()
    assert "(a) a, 300 rows tested: " in picture.alt


def test_an_emotion_without_a_tested_row_has_no_percent():
    counts = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]])
    picture = figures.confusion_matrices({"a": counts}, ("Angry", "Fear", "Sad"), columns=1)
    assert texts(picture.figure.axes[0]) == ["75", "25", "0", "50", "0", "50", "no row tested"]
    assert picture.alt.endswith(
        "a, 8 rows tested, none of Fear: most often right on Angry (75 %) and Sad (50 %)."
    )
    fear = picture.data.set_index("true").loc["Fear"]
    assert fear[["Angry", "Fear", "Sad"]].isna().all() and fear["tested"] == 0


def test_matrices_of_nothing_are_empty_and_say_so():
    picture = figures.confusion_matrices({"a": np.zeros((2, 2), int)}, ("Angry", "Sad"), columns=1)
    assert texts(picture.figure.axes[0]) == ["no row tested"] * 2
    assert picture.alt.endswith("(a) a, 0 rows tested, none of Angry and Sad.")


def test_rows_that_no_network_tested_are_not_drawn_as_angry():
    labels = np.arange(60) % 3
    scores = np.full((60, 3), np.nan)
    scores[::2] = np.eye(3)[labels[::2]]
    counts = emolib.confusion(labels, scores)
    picture = figures.confusion_matrices({"half": counts}, ("Angry", "Fear", "Sad"), columns=1)
    assert texts(picture.figure.axes[0]) == ["100", "0", "0", "0", "100", "0", "0", "0", "100"]
    assert "30 rows tested" in picture.alt


def test_more_matrices_than_a_dozen_have_letters():
    matrices = {str(number): np.eye(2) for number in range(15)}
    assert "(o) 14, 2 rows" in figures.confusion_matrices(matrices, ("a", "b"), columns=3).alt


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
    assert picture.data["printed"].tolist() == [
        paper.TABLE_2[pair] for pair in sorted(paper.TABLE_2)
    ]


@pytest.mark.parametrize("missing", [1, 15])
def test_a_missing_angle_is_not_the_smallest(missing):
    degrees = np.full((6, 6), 40.0)
    degrees[0, 1] = np.nan if missing == 1 else 40
    picture = figures.angle_matrix(degrees, "Angles", paper.TABLE_2)
    assert "from 40.0° (units " in picture.alt
