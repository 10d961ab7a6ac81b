"""Where an explorer shows its pictures, and how its controls are laid out."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from io import BytesIO
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt

from emolib.data import EmotionData
from emolib.figures import Picture

DPI = 96  # as a card of the report shows it
LABEL, WIDE, NARROW = (
    "13em",
    "30em",
    "21.5em",
)  # of a control's label, and of a control; three narrow ones stand side by side in JupyterLab


class Canvas(widgets.HTML):
    """A place for one picture after the other, each with its alt text; a picture drawn is a picture
    closed.
    """

    def draw(self, picture: Picture) -> None:
        """Shows a picture, and closes it."""
        self.value = _image(picture)

    def say(self, sentence: str) -> None:
        """Shows a sentence where a picture was, such as what a control must not be set to."""
        self.value = f"<p role='status'>{escape(sentence)}</p>"


def _image(picture: Picture) -> str:
    png = BytesIO()
    # in 8 bits a pixel and little packed: a browser waits longer for a smaller file
    picture.figure.savefig(png, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})
    plt.close(picture.figure)
    width, height = (round(inches * DPI) for inches in picture.figure.get_size_inches())
    source = f"data:image/png;base64,{b64encode(png.getvalue()).decode()}"
    return f'<img src="{source}" alt="{escape(picture.alt)}" width="{width}" height="{height}" style="max-width: 100%; height: auto">'


def slider(
    label: str, value: float, low: float, high: float, step: float, width: str = WIDE
) -> widgets.Widget:
    """A slider with its label in full; whole numbers where all it is given are whole. A narrow one
    has no room for its number.
    """
    kind = (
        widgets.IntSlider
        if all(isinstance(number, int) for number in (value, low, high, step))
        else widgets.FloatSlider
    )
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        readout=width != NARROW,
        style={"description_width": LABEL},
        layout={"width": width},
    )


def choice(label: str, options: Sequence[Any], value: object = None) -> widgets.Dropdown:
    """A list to choose from, with its label in full."""
    first = options[0][1] if isinstance(options[0], tuple) else options[0]
    return widgets.Dropdown(
        options=options,
        value=first if value is None else value,
        description=label,
        style={"description_width": LABEL},
        layout={"width": WIDE},
    )


class Redraw:
    """Draws anew whenever one of its controls moves.

    Widgets send their newest value only after the last one was dealt with, so a dragged slider
    never leaves a queue. What a control must not be set to is said in the canvas.

    Args:
        controls: what to follow.
        draw: reads the controls and draws.
        canvas: where errors are told.
    """

    def __init__(
        self, controls: Sequence[widgets.Widget], draw: Callable[[], None], canvas: Canvas
    ) -> None:
        self.draw, self.canvas, self.held = draw, canvas, False
        for control in controls:
            control.observe(self, "value")

    def __call__(self, _: object = None) -> None:
        """Draws, but not while several controls are on their way."""
        if self.held:
            return
        try:
            self.draw()
        except ValueError as error:
            self.canvas.say(str(error))

    def set(self, values: dict[widgets.Widget, float]) -> None:
        """Moves several controls and draws once."""
        self.held = True
        for control, value in values.items():
            control.value = value
        self.held = False
        self()


def laid_out(
    what: str, data: EmotionData | str, controls: Sequence[widgets.Widget], *shown: widgets.Widget
) -> widgets.VBox:
    """An explorer: what it is for, where its data come from, controls side by side, pictures below."""
    source = data if isinstance(data, str) else data.source
    head = widgets.HTML(f"<p style='margin: 0'>{escape(what)} <i>Data: {escape(source)}.</i></p>")
    box = widgets.Box(
        list(controls), layout={"flex_flow": "row wrap", "grid_gap": "0 2em", "overflow": "visible"}
    )
    return widgets.VBox([head, box, *shown], layout={"overflow": "visible"})
