"""Style of all figures: pictures with alt text and data, panels, legends, words for numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike

WIDTH = 8.6  # inches; a card of the report shows a figure at 96 pixels per inch
MANY = 500  # points; more of them are drawn as pixels, so that the size of the page is bounded

STYLE: dict[RcKeyType, Any] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
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
    """A drawn figure, a sentence that says what it shows, and the numbers behind it."""

    figure: Figure
    alt: str
    data: pd.DataFrame


Given = ParamSpec("Given")


def styled(draw: Callable[Given, Picture]) -> Callable[Given, Picture]:
    """Decorator of a figure function: it draws in this style, whatever the notebook has set."""

    @wraps(draw)
    def drawn(*arguments: Given.args, **options: Given.kwargs) -> Picture:
        with plt.rc_context(STYLE):
            return draw(*arguments, **options)

    return drawn


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, np.ndarray]:
    """A grid of axes at the report's width; ``height`` is that of one row, in inches.

    Options are those of :func:`matplotlib.pyplot.subplots`; the layout is ``"constrained"`` unless
    they say otherwise.
    """
    options.setdefault("layout", "constrained")
    return plt.subplots(rows, columns, figsize=(WIDTH, height * rows), squeeze=False, **options)


def legend_below(figure: Figure, columns: int) -> None:
    """One legend under all panels, of the first of them; a label that recurs stands once."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    first = {label: handles[labels.index(label)] for label in labels}
    figure.legend(list(first.values()), list(first), loc="outside lower center", ncols=columns)


def band(axis: Axes, x: ArrayLike, part: pd.DataFrame, color: str, **options: Any) -> None:
    """A line through ``mean``, and a band from ``low`` to ``high`` where the table has them; NaN
    leaves a gap in both.
    """
    if "low" in part:
        axis.fill_between(x, part["low"], part["high"], color=color, alpha=0.13, linewidth=0)
    axis.plot(x, part["mean"], color=color, **options)


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
