"""Style of all figures: colours and markers of emotions, legends, alt text, panels.

An emotion and a modality keep their colour in every figure. The colours are distinct under the
common colour-vision deficiencies, after Okabe and Ito; lines differ in marker as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from seaborn.utils import relative_luminance  # seaborn also has the colours of heat maps

# Inches, of a figure on a card of the report, which shows 96 pixels per inch, and on a phone.
WIDTH, PHONE = 8.6, 4.0
MANY = 500  # points; more of them are drawn as pixels, so that the size of the page is bounded

EMOTION = {
    "Angry": "#c8430b",
    "Disgust": "#00805e",
    "Fear": "#6a4c93",
    "Happy": "#c48300",
    "Neutral": "#6b6b6b",
    "Sad": "#0068a5",
    "Surprise": "#c2608f",
    "average": "#111111",
}
MODALITY = {"LPQ": "#17706b", "PHOG": "#9b2f6b", "LPQ+PHOG": "#2b2d42"}
UNNAMED = "#888888"  # an emotion or a modality that has no colour above
PROTOCOL = {"random": "#4467d0", "person-independent": "#8c4a2f"}
NEUTRAL = "#687889"  # what is neither an emotion, nor a modality, nor a kind of folds
PAPER = "#b07d00"  # what the paper printed, wherever it stands beside ours
# the id of an artist that keeps its colours on a dark page, as the cells of a heat map do
KEPT = "kept"
DARK_PAPER, DARK_TEXT = "#1e2226", "#e2e0da"  # of the page in its dark scheme
# the line of chance
GUESSING: dict[str, Any] = {
    "color": "#777777",
    "linewidth": 1,
    "linestyle": ":",
    "label": "guessing",
}
# axes for pictures, with nothing around them
BARE: dict[str, Any] = {"frame_on": False, "xticks": (), "yticks": ()}

# Layers of a network and its hidden units, those that stay after pruning and those that go.
LAYER: dict[str, dict[str, Any]] = {
    "input": {"facecolor": "#eeeeee", "edgecolor": "#777777"},
    "hidden": {"facecolor": "#d3dae2", "edgecolor": NEUTRAL},
    "gone": {"facecolor": "white", "edgecolor": "#c9c9c9", "linestyle": ":"},
    "Linear": {"facecolor": "#cfdcee", "edgecolor": "#33588c"},
    "Conv1d": {"facecolor": "#cfe8d5", "edgecolor": "#2f7d4a"},
    "MaxPool1d": {"facecolor": "#f3c9c2", "edgecolor": "#b0412f"},
}

# Ways of training that the bench compares: in greys, since the colours have other meanings.
WAY: dict[str, dict[str, Any]] = {
    "dataloader": {"label": "loop with a DataLoader", "marker": "o", "color": "#8c8c8c"},
    "loop": {"label": "loop without one", "marker": "s", "color": "#8c8c8c", "linestyle": "--"},
    "sklearn": {"label": "scikit-learn", "marker": "^", "color": "#5e5e5e", "linestyle": ":"},
    # reports/bench.json holds it from an earlier version of the bench
    "jax": {"label": "JAX, vmap and scan", "marker": "D", "color": "#5e5e5e"},
    "ours": {"label": "this library", "marker": "X", "color": "#111111", "linewidth": 2.4},
}

STYLE: Any = {
    "font.size": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.markersize": 4.5,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a dollar in a name is a dollar
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure, a sentence that says what it shows, the numbers behind it, and a function
    that draws it once more for a phone.
    """

    figure: Figure
    alt: str
    data: pd.DataFrame
    narrow: Callable[[], "Picture"] | None = field(default=None, compare=False)


Parameters = ParamSpec("Parameters")


def styled(draw: Callable[Parameters, Picture]) -> Callable[Parameters, Picture]:
    """Decorator of a figure function: it draws in this style, whatever the notebook has set, and
    can do so again at the width of a phone.
    """

    @wraps(draw)
    def drawn(*args: Parameters.args, **options: Parameters.kwargs) -> Picture:
        def at(width: float) -> Picture:
            with plt.rc_context(
                STYLE
                | {
                    "figure.figsize": (width, width),
                    "axes.titlesize": 10.5 if width == WIDTH else 9.5,
                }
            ):
                return draw(*args, **options)

        return replace(at(WIDTH), narrow=lambda: at(PHONE))

    return drawn


def on_phone() -> bool:
    """Whether a figure is drawn for a phone."""
    return bool(plt.rcParams["figure.figsize"][0] == PHONE)


def dark(colour: str) -> str:
    """The colour's counterpart on a dark page, of the same hue and chroma and of mirrored
    lightness: white becomes the page's paper, and black its text.
    """
    light = np.array(to_rgb(colour))
    mirrored = np.clip(light + 1 - 2 * light @ (0.3, 0.59, 0.11), 0, 1)
    paper, text = np.array([to_rgb(DARK_PAPER), to_rgb(DARK_TEXT)])
    return to_hex(paper + mirrored * (text - paper))


def panels(
    rows: int,
    columns: int,
    height: float,
    grid: str = "both",
    layout: str | None = "constrained",
    **options: Any,
) -> tuple[Figure, np.ndarray]:
    """A table of axes at the report's width; on a phone all are in one column, row by row.

    Args:
        height: of one row, in inches.
        grid: direction of the grid lines, ``"x"``, ``"y"``, ``"both"`` or ``""`` for none.
        layout: None where ``gridspec_kw`` places the axes by hand.
        options: further ones of :func:`matplotlib.pyplot.subplots`.
    """
    width, shape = WIDTH, (rows, columns)
    if on_phone():
        width, shape, layout = PHONE, (rows * columns, 1), "constrained"
        options = {key: options[key] for key in options.keys() - {"gridspec_kw", "width_ratios"}}
    with plt.rc_context({"axes.grid": bool(grid), "axes.grid.axis": grid or "both"}):
        figure, axes = plt.subplots(
            *shape, figsize=(width, height * shape[0]), squeeze=False, layout=layout, **options
        )
    return figure, axes.reshape(rows, columns)


def with_legend(figure: Figure, columns: int) -> Figure:
    """The figure with one legend under all panels, of the first of them; a label that recurs stands
    once.
    """
    handles, labels = figure.axes[0].get_legend_handles_labels()
    first = {label: handles[labels.index(label)] for label in labels}
    figure.legend(
        list(first.values()),
        list(first),
        loc="outside lower center",
        ncols=max(1, 50 // (6 + max(map(len, first)))) if on_phone() else columns,
    )
    return figure


def look_of(palette: dict[str, str], name: str) -> dict[str, Any]:
    """Colour and marker of an emotion, a modality or a kind of folds."""
    return {
        "color": palette.get(name, UNNAMED),
        "marker": "osD^Xv<.o"[[*palette, name].index(name)],
    }


def band(
    axis: Axes, x: pd.Series | pd.Index, part: pd.DataFrame, color: str, **options: Any
) -> None:
    """A line through ``mean``, and a band from ``low`` to ``high`` where the table has them; NaN
    leaves a gap in both.
    """
    if "low" in part:
        axis.fill_between(x, part["low"], part["high"], color=color, alpha=0.13, linewidth=0)
    axis.plot(x, part["mean"], color=color, **options)


def heat_map(
    axis: Axes,
    values: np.ndarray,
    names: Sequence[str],
    form: str,
    highest: float | None = None,
    **text: Any,
) -> QuadMesh:
    """A coloured cell per value, with the value in it; NaN leaves a cell empty.

    :func:`seaborn.heatmap` draws the whole figure to see whether its labels overlap, which takes
    ten times as long.

    Args:
        values: ``[C, C]``.
        names: of the rows and the columns.
        form: format string of a value.
        highest: value of the darkest colour, where the lightest is 0; the values' own range if not
            given.
        text: properties of the numbers.
    """
    mesh = axis.pcolormesh(
        np.ma.masked_invalid(values),
        cmap="crest",
        vmin=None if highest is None else 0,
        vmax=highest,
        gid=KEPT,
    )
    lines = np.arange(len(names) + 1)
    axis.hlines(lines, 0, len(names), color="white", linewidth=0.8)
    axis.vlines(lines, 0, len(names), color="white", linewidth=0.8)
    ticks = np.arange(len(names)) + 0.5
    axis.set(
        xticks=ticks,
        yticks=ticks,
        xticklabels=names,
        yticklabels=names,
        xlim=(0, len(names)),
        ylim=(len(names), 0),
        aspect="equal",
    )
    axis.spines[:].set_visible(False)
    for row, column in np.argwhere(~np.isnan(values)):
        value = values[row, column]
        axis.text(
            column + 0.5,
            row + 0.5,
            form.format(value),
            ha="center",
            va="center",
            color="w" if relative_luminance(mesh.to_rgba(value)) <= 0.408 else ".15",
            gid=KEPT,
            in_layout=False,  # it lies within its cell, and measuring it takes half the time
            **text,
        )
    return mesh


def in_percent(value: float, _: object) -> str:
    """Formatter of an axis of shares."""
    return f"{100 * value:g}"


def percent(value: float) -> str:
    """A share in whole percent; ``no value`` for NaN."""
    return "no value" if np.isnan(value) else f"{100 * value:.0f} %"


def counted(count: int, noun: str) -> str:
    """``1 split``, ``2 splits``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def tested(summary: pd.DataFrame) -> str:
    """A sentence on the rows that each repetition tested, where the table counts them."""
    return f" {summary['tested'].min():,} rows tested." if "tested" in summary else ""


def joined(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
