"""All figures: one style, colours that stay, labelled axes, words for numbers."""

import re
from pathlib import Path

import matplotlib
import numpy as np
from seaborn.utils import relative_luminance

from emolib import figures, paper, report
from emolib.figures import style
from emolib.figures.style import dark, joined, panels, percent, with_legend


def accuracy(summary):
    table = summary("hidden", [6, 16])
    return figures.accuracy_curves(table, "hidden", "hidden units", 1 / 7, paper={"LPQ": (16, 0.2)})


def emotions(summary):
    table = summary("hidden", [6, 16], emotion=[*paper.EMOTIONS, "average"])
    table = table[table["recipe"] == "printed"]
    return figures.emotion_curves(table, "hidden", "hidden units", "recall")


def test_a_figure_is_drawn_in_the_report_s_style_whatever_the_notebook_has_set(summary):
    with matplotlib.rc_context({"axes.titlelocation": "right", "font.size": 30}):
        axis = accuracy(summary).figure.axes[0]
        assert axis.get_title(loc="left") and axis.xaxis.label.get_size() == 10
        assert matplotlib.rcParams["font.size"] == 30


def test_an_emotion_keeps_its_colour_and_no_two_share_one(summary):
    for axis in emotions(summary).figure.axes:
        drawn = {line.get_label(): line.get_color() for line in axis.lines}
        assert drawn == {emotion: style.EMOTION[emotion] for emotion in drawn} and drawn
    ways = {way: (look["color"], look.get("linestyle")) for way, look in style.WAY.items()}
    for palette in (style.EMOTION, style.MODALITY, style.PROTOCOL, ways):
        assert len(set(palette.values())) == len(palette)


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2."""
    low, high = sorted(map(relative_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_marks_stand_out_in_light_and_dark_and_no_colour_means_two_things():
    palettes = [
        set(style.EMOTION.values()),
        set(style.MODALITY.values()),
        set(style.PROTOCOL.values()),
        {look["color"] for look in style.WAY.values()} - {style.EMOTION["average"]},
        {look["edgecolor"] for kind, look in style.LAYER.items() if kind not in ("gone", "hidden")},
        {style.PAPER},
        {style.NEUTRAL},
        {style.UNNAMED},
    ]
    every = [colour for palette in palettes for colour in palette]
    assert len(set(every)) == len(every)
    for colour in every:
        assert contrast(colour, "#ffffff") >= 3 <= contrast(dark(colour), style.DARK_PAPER), colour
    # many points are drawn as pixels, which have no dark side
    for colour in (style.PROTOCOL["random"], style.NEUTRAL, style.UNNAMED):
        assert contrast(colour, style.DARK_PAPER) >= 3, colour
    assert contrast(style.DARK_TEXT, style.DARK_PAPER) > 7
    assert (dark("#ffffff"), dark("#000000")) == (style.DARK_PAPER, style.DARK_TEXT)
    css = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")
    for name, colour in zip(("random", "person"), style.PROTOCOL.values(), strict=True):
        assert re.findall(rf"--{name}: (\S+);", css) == [colour, dark(colour)]


def test_a_phone_sees_one_column_and_the_same_marks(summary):
    for picture in (accuracy(summary), emotions(summary)):
        narrow = picture.narrow()
        assert narrow.figure.get_figwidth() == style.PHONE and narrow.alt == picture.alt
        columns = {axis.get_subplotspec().colspan.start for axis in narrow.figure.axes}
        assert columns == {0} and len(narrow.figure.axes) == len(picture.figure.axes)
        for wide, slim in zip(picture.figure.axes, narrow.figure.axes, strict=True):
            assert wide.get_title(loc="left") == slim.get_title(loc="left")
            assert len(wide.lines) == len(slim.lines)


def test_the_legend_names_each_thing_once_in_the_look_of_its_first():
    figure, ((axis, _),) = panels(1, 2, 2.0)
    for number, label in enumerate(("a", "b", "a", "c")):
        axis.plot([number], color=f"C{number}", label=label)
    with_legend(figure, 3)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["a", "b", "c"]
    assert [line.get_color() for line in legend.get_lines()] == ["C0", "C1", "C3"]


def test_words_for_numbers():
    assert style.in_percent(0.125, None) == "12.5"
    assert [percent(value) for value in (0.256, 1, np.nan)] == ["26 %", "100 %", "no value"]
    lists = [joined(list(parts)) for parts in ("", "a", "ab", "abc")]
    assert lists == ["", "a", "a and b", "a, b and c"]


def test_heat_map_writes_each_value_into_its_cell_and_leaves_nan_empty():
    _, ((axis,),) = panels(1, 1, 3)
    values = np.array([[0.0, np.nan, 10.0], [40.0, 30.0, 20.0], [50.0, 60.0, 70.0]])
    mesh = style.heat_map(axis, values, ["a", "b", "c"], "{:.0f}", 70)
    shown = {text.get_position(): float(text.get_text()) for text in axis.texts}
    rows, columns = np.nonzero(~np.isnan(values))
    places = zip(columns + 0.5, rows + 0.5, strict=True)
    assert shown == dict(zip(places, values[rows, columns], strict=True))
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan), values)
    assert axis.yaxis_inverted() and mesh.get_clim() == (0, 70)
    dark = {text.get_text(): text.get_color() == "w" for text in axis.texts}
    assert dark["70"] and not dark["0"]
