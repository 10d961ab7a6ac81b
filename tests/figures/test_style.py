"""All figures: words, numbers, the report's width, one style, colours that stay."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from emolib import figures, paper
from emolib.bench import recorded
from emolib.figures import colours
from emolib.figures.style import WIDTH, joined, legend_below, panels, percent
from emolib.models import FusionNet, ShallowNet

random = np.random.default_rng(0)
DEGREES = np.array([[0.0, 10.0, 50.0], [10.0, 0.0, 80.0], [50.0, 80.0, 0.0]])
ALIVE = np.array([True, False, True])
CALIBRATED = {"label": ["interval of a level"], "rejected": [0.05], "low": [0.03], "high": [0.08]}


def learnt(summary):
    history = summary("epoch", [1, 2]).rename(columns={"modality": "line"})
    return figures.learning_curves(history.assign(panel="loss"), 2, {"loss": 0.2})


PICTURES = {
    "faces": lambda _: figures.sample_faces(
        random.integers(0, 255, (21, 8, 8)), np.arange(21) % 7, paper.EMOTIONS
    ),
    "eigenfaces": lambda _: figures.eigenfaces(
        random.normal(size=64), random.normal(size=(5, 64)), np.array([0.4, 0.2, 0.1, 0.05, 0.05])
    ),
    "row of faces": lambda _: figures.face_row(
        random.random((9, 8, 8)), list("abcdefghi"), "9 faces, and what was said of each of them."
    ),
    "boxes": lambda _: figures.box_plots(
        {"LPQ": random.random((20, 5)), "PHOG": random.random((20, 5))}, "value", reference=0.4
    ),
    "shallow": lambda _: figures.shallow_network(ShallowNet(5, 6, 7), "feature", paper.EMOTIONS),
    "fusion": lambda _: figures.fusion_network(FusionNet(3), ("LPQ", "PHOG", "image"), 5),
    "state": lambda _: figures.network_state(
        DEGREES,
        ALIVE,
        (5, 7),
        pd.DataFrame({"protocol": ["random"], "a": [1], "mean": [0.2]}),
        "a",
        1,
        "angle",
        0.1,
    ),
    "pruned": lambda _: figures.pruned_network(DEGREES, 20, random.random((9, 3)), ALIVE, 5, 7),
    "angles": lambda _: figures.angle_matrix(np.full((6, 6), 20.0), "Angles", paper.TABLE_2),
    "confusion": lambda _: figures.confusion_matrices(
        {"a": np.eye(7) * 9 + 1, "b": np.ones((7, 7))}, paper.EMOTIONS, columns=2
    ),
    "accuracy": lambda summary: figures.accuracy_curves(
        summary("hidden", [6, 16]), "hidden", "hidden units", 1 / 7, paper={"LPQ": (16, 0.23)}
    ),
    "emotions": lambda summary: figures.emotion_curves(
        summary("hidden", [6, 16], emotion=[*paper.EMOTIONS, "average"]).query(
            "recipe == 'printed'"
        ),
        "hidden",
        "hidden units",
        "recall",
    ),
    "bars": lambda summary: figures.emotion_bars(
        summary("emotion", [*paper.EMOTIONS, "average"]).assign(
            panel=lambda frame: frame["protocol"] + frame["recipe"]
        ),
        {"LPQ": (*paper.TABLE_3["LPQ CNN"], 0.2)},
    ),
    "models": lambda summary: figures.model_recall(
        summary("model", ["LPQ CNN", "CNN fusion"]).query(
            "recipe == 'printed' and modality == 'LPQ'"
        ),
        paper.TABLE_3_AVERAGE,
        1 / 7,
    ),
    "splits": lambda _: figures.single_splits(
        {"CNN fusion": random.normal(0.2, 0.02, 50), "LPQ CNN": random.normal(0.18, 0.02, 5)},
        paper.TABLE_3_AVERAGE,
        1 / 7,
    ),
    "selection": lambda _: figures.selection_bias(
        pd.DataFrame(random.random((9, 2)), columns=["picked", "fixed"]),
        {"picked": "best on test", "fixed": "fixed"},
        0.27,
        1 / 7,
    ),
    "readings": lambda _: figures.specification_curve(
        pd.DataFrame({"value": [0.1, 0.3, 0.32], "loss": list("aba"), "split": list("aab")}),
        ["loss", "split"],
        {"fusion": 0.31},
    ),
    "errors": lambda _: figures.error_rates(pd.DataFrame(CALIBRATED), 0.05),
    "losses": lambda _: figures.loss_curves({"printed": np.array([[0.3, 0.2], [0.3, 0.25]])}),
    "learning": learnt,
    "wildness": lambda summary: figures.wildness_curves(
        summary("wildness", [0, 1]).query("recipe == 'printed'"), 1 / 7
    ),
    "costs": lambda _: figures.training_costs(pd.DataFrame(recorded()["rows"])),
    "folds": lambda _: figures.fold_map(
        [np.arange(10), np.arange(10, 20)], np.repeat(list("abcde"), 4), "random"
    ),
    "scores": lambda _: figures.score_distribution(
        pd.DataFrame({"protocol": ["random"] * 3, "seed": range(3), "value": [0.2, 0.3, 0.25]}),
        1 / 7,
        ("random", 1),
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_words_numbers_and_the_report_s_width(summary, name):
    picture = PICTURES[name](summary)
    assert len(picture.alt) > 40 and any(character.isdigit() for character in picture.alt)
    assert "nan" not in picture.alt and picture.alt.endswith(".")
    assert len(picture.data) and picture.figure.get_figwidth() == WIDTH


@pytest.mark.parametrize("name", ["boxes", "accuracy", "emotions", "bars", "losses", "angles"])
def test_axes_say_what_they_measure(summary, name):
    axes = [a for a in PICTURES[name](summary).figure.axes if a.get_label() != "<colorbar>"]
    assert any(axis.get_xlabel() or axis.get_xticklabels() for axis in axes)
    assert any(axis.get_ylabel() for axis in axes)


def test_a_figure_is_drawn_in_the_report_s_style_whatever_the_notebook_has_set(summary):
    with matplotlib.rc_context({"axes.titlelocation": "right", "font.size": 30}):
        axis = PICTURES["accuracy"](summary).figure.axes[0]
        assert axis.get_title(loc="left") and axis.xaxis.label.get_size() == 10


def test_an_emotion_keeps_its_colour_and_no_two_share_one(summary):
    for axis in PICTURES["emotions"](summary).figure.axes:
        drawn = {line.get_label(): line.get_color() for line in axis.lines}
        assert drawn == {emotion: colours.EMOTION[emotion] for emotion in drawn} and drawn
    for palette in (colours.EMOTION, colours.MODALITY, colours.PROTOCOL, colours.WAY):
        assert len(set(palette.values())) == len(palette)


def test_the_legend_names_each_thing_once_in_the_look_of_its_first():
    figure, ((axis, _),) = panels(1, 2, 2.0)
    for number, label in enumerate(("a", "b", "a", "c")):
        axis.plot([number], color=f"C{number}", label=label)
    legend_below(figure, 3)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["a", "b", "c"]
    assert [line.get_color() for line in legend.get_lines()] == ["C0", "C1", "C3"]


def test_words_for_numbers():
    assert [percent(value) for value in (0.256, 1, np.nan)] == ["26 %", "100 %", "no value"]
    assert [joined(list(parts)) for parts in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
