"""Style of all figures: colours and markers of emotions, legends, alt text, panels.

An emotion and a modality keep their colour in every figure. The colours are distinct under the
common colour-vision deficiencies, after Okabe and Ito; lines differ in marker as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from seaborn.utils import relative_luminance  # seaborn also has the colours of heat maps

WIDTH = 8.6  # inches; a card of the report shows a figure at 96 pixels per inch
MANY = 500  # points; more of them are drawn as pixels, so that the size of the page is bounded

EMOTION = {
    "Angry": "#c8430b",
    "Disgust": "#00805e",
    "Fear": "#6a4c93",
    "Happy": "#d99100",
    "Neutral": "#6b6b6b",
    "Sad": "#0068a5",
    "Surprise": "#c2608f",
    "average": "#111111",
}
EMOTION_MARKER = dict(zip(EMOTION, "osD^Xv<.", strict=True))
MODALITY = {"LPQ": "#17706b", "PHOG": "#9b2f6b", "LPQ+PHOG": "#2b2d42"}
MODALITY_MARKER = {"LPQ": "o", "PHOG": "s", "LPQ+PHOG": "D"}
UNNAMED = "#888888"  # an emotion or a modality that has no colour above
PROTOCOL = {"random": "#17706b", "person-independent": "#9b2f6b"}
OURS, OTHER = PROTOCOL.values()
PAPER = "#b07d00"  # what the paper printed, wherever it stands beside ours
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
    "hidden": {"facecolor": "#f7e3bd", "edgecolor": "#b07d00"},
    "gone": {"facecolor": "white", "edgecolor": "#c9c9c9", "linestyle": ":"},
    "Linear": {"facecolor": "#cfdcee", "edgecolor": "#33588c"},
    "Conv1d": {"facecolor": "#cfe8d5", "edgecolor": "#2f7d4a"},
    "MaxPool1d": {"facecolor": "#f3c9c2", "edgecolor": "#b0412f"},
}

# Ways of training that the bench compares.
WAY: dict[str, dict[str, Any]] = {
    "dataloader": {"label": "loop with a DataLoader", "marker": "o", "color": "#c8430b"},
    "loop": {"label": "loop without one", "marker": "s", "color": "#d99100"},
    "sklearn": {"label": "scikit-learn", "marker": "^", "color": "#6a4c93"},
    "jax": {"label": "JAX, vmap and scan", "marker": "D", "color": "#0068a5"},
    "ours": {"label": "this library", "marker": "X", "color": "#111111"},
}

# Decorator of a figure function: it draws in this style, whatever the notebook has set.
styled = matplotlib.rc_context(
    {
        "font.size": 10,
        "axes.titlesize": 10.5,
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
)


@dataclass(frozen=True)
class Picture:
    """A drawn figure, a sentence that says what it shows, and the numbers behind it."""

    figure: Figure
    alt: str
    data: pd.DataFrame


def panels(
    rows: int,
    columns: int,
    height: float,
    grid: str = "both",
    layout: str | None = "constrained",
    **options: Any,
) -> tuple[Figure, np.ndarray]:
    """A table of axes at the report's width.

    Args:
        height: of one row, in inches.
        grid: direction of the grid lines, ``"x"``, ``"y"``, ``"both"`` or ``""`` for none.
        layout: None where ``gridspec_kw`` places the axes by hand.
        options: further ones of :func:`matplotlib.pyplot.subplots`.
    """
    with plt.rc_context({"axes.grid": bool(grid), "axes.grid.axis": grid or "both"}):
        return plt.subplots(
            rows,
            columns,
            figsize=(WIDTH, height * rows),
            squeeze=False,
            layout=layout,
            **options,
        )


def with_legend(figure: Figure, columns: int) -> Figure:
    """The figure with one legend under all panels, of the first of them; a label that recurs stands
    once.
    """
    handles, labels = figure.axes[0].get_legend_handles_labels()
    first = {label: handles[labels.index(label)] for label in labels}
    figure.legend(list(first.values()), list(first), loc="outside lower center", ncols=columns)
    return figure


def band(axis: Axes, x: ArrayLike, part: pd.DataFrame, color: str, **options: Any) -> None:
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
        linewidths=0.5,
        edgecolors="white",
    )
    ticks = np.arange(len(names)) + 0.5
    axis.set(xticks=ticks, yticks=ticks, xticklabels=names, yticklabels=names)
    axis.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
    axis.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            dark = relative_luminance(mesh.to_rgba(value)) <= 0.408
            axis.text(
                column + 0.5,
                row + 0.5,
                form.format(value),
                ha="center",
                va="center",
                color="w" if dark else ".15",
                **text,
            )
    return mesh


def in_percent(value: float, _: object) -> str:
    """Formatter of an axis of shares."""
    return f"{100 * value:g}"


def percent(value: float) -> str:
    """A share in whole percent; ``no value`` for NaN."""
    return "no value" if np.isnan(value) else f"{100 * value:.0f} %"


def tested(summary: pd.DataFrame) -> str:
    """A sentence on the rows that each repetition tested, where the table counts them."""
    return f" {summary['tested'].min():,} rows tested." if "tested" in summary else ""


def joined(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
