"""What all figures share: a palette in which an emotion and a modality keep their colours, sizes,
and alt text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

# Distinct under the common colour-vision deficiencies, after Okabe and Ito; lines differ in marker
# as well.
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
PAPER = "#b07d00"  # what the paper printed, wherever it stands beside ours
SEQUENTIAL = "crest"

WIDTH = 8.6  # inches; a card of the report shows a figure at 96 pixels an inch

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
    """Decorates a figure function: what it draws, it draws in this style, whatever the notebook has
    set.
    """

    @wraps(draw)
    def drawn(*arguments: Given.args, **options: Given.kwargs) -> Picture:
        with plt.rc_context(STYLE):
            return draw(*arguments, **options)

    return drawn


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, np.ndarray]:
    """A grid of axes at the report's width; ``height`` is that of one row, in inches."""
    return plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, height * rows),
        layout="constrained",
        squeeze=False,
        **options,
    )


def percent(value: float) -> str:
    """A share in whole percent."""
    return f"{100 * value:.0f} %"


def joined(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
