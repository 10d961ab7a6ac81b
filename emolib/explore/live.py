"""Pictures, controls and training that answer while an explorer is used."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from io import BytesIO
from time import monotonic
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib import EmotionData, figures, protocols
from emolib.metrics import accuracy, predict
from emolib.training import sweeps
from emolib.training.stack import NetworkStack

# of networks, by panel and line of a figure
Values = dict[tuple[str, str], Sequence[float] | NDArray[np.floating]]

# Pictures grow with the screen, so that they are drawn larger than a report shows them.
DPI = 120
UNKNOWN = "The data do not say who is who, so only random folds can be made."


class Canvas(widgets.HTML):
    """One picture after the other in the same place, each with its alternative text; the next
    begins when a control moves.

    Between two pictures the kernel handles messages, so that every control answers while something
    trains.

    Attributes:
        share: the largest height of a picture, in percent of the window: controls and pictures are
            seen together.
        stop: a button that ends the training; enabled as long as something trains.
    """

    INTERVAL = 0.25  # seconds between two pictures, at least

    def __init__(self, share: int, **options: Any) -> None:
        super().__init__(**options)
        self.share = share
        self.task: asyncio.Task[None] | None = None
        self.stop = widgets.Button(description="Stop training", icon="stop", disabled=True)
        self.stop.on_click(lambda _: self.task and self.task.cancel())

    def draw(self, picture: figures.Picture) -> None:
        """Shows a picture and closes its figure."""
        png = BytesIO()
        # little compression: the browser waits longer for a smaller file
        picture.figure.savefig(png, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})
        plt.close(picture.figure)
        self.value = (
            f'<img src="data:image/png;base64,{b64encode(png.getvalue()).decode()}" '
            f'alt="{escape(picture.alt)}" style="display: block; width: 100%; '
            f"max-height: {self.share}vh; "
            'object-fit: contain; object-position: left top">'
        )

    def follow(
        self,
        controls: Iterable[widgets.Widget],
        states: Callable[[], Iterable[Any]],
        draw: Callable[[Any], None],
    ) -> None:
        """Draws some of the states and the last one, now and whenever a control has moved: once, if
        several are moved together.

        A new beginning ends what is still at work, without a picture. The reason of a ValueError is
        shown in place of the picture.

        Args:
            controls: widgets to follow.
            states: reads the controls; makes the states one by one.
            draw: draws one of them.
        """

        def begin(_: object = None) -> None:
            before, self.task = self.task, asyncio.create_task(self._run(states, draw))
            self.stop.disabled = False
            if before:
                before.cancel()

        for control in controls:
            control.observe(begin, "value")
        begin()

    async def _run(self, states: Callable[[], Iterable[Any]], draw: Callable[[Any], None]) -> None:
        drawn, last = -np.inf, None
        try:
            for state in states():
                last = state
                if monotonic() - drawn >= self.INTERVAL:
                    draw(state)
                    drawn, last = monotonic(), None
                await asyncio.sleep(0.001)  # messages that came meanwhile are handled here
        except ValueError as error:
            self.value, last = f"<p role='status'>{escape(str(error))}</p>", None
        finally:
            if self.task is asyncio.current_task():
                self.stop.disabled = True
                if last is not None:
                    draw(last)


def look(label: str) -> dict[str, Any]:
    """Label and width of a control: that of its column."""
    return {
        "description": label,
        "style": {"description_width": "158px"},
        "layout": {"width": "auto"},
    }


def slider(label: str, value: float, low: float, high: float, step: float) -> widgets.Widget:
    """Slider with its whole label, of whole numbers if all its limits are."""
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    return kind(value, min=low, max=high, step=step, **look(label))


def choice(label: str, options: Sequence[Any], **given: Any) -> widgets.Dropdown:
    """List to choose from, with its whole label; disabled if there is only one option."""
    return widgets.Dropdown(options=options, disabled=len(options) < 2, **look(label), **given)


def network_choices(data: EmotionData) -> dict[str, widgets.Dropdown]:
    """Lists of networks, of modalities (each and all together), and of the protocols and own splits
    that the data allow.
    """
    return {
        "network": choice("network", (("shallow", "shallow"), ("CNN", "cnn"))),
        "modality": choice(
            "features", list(dict.fromkeys([*data.modalities, "+".join(data.modalities)]))
        ),
        "protocol": choice("folds", [*protocols(data), *data.splits]),
    }


def chosen_sweep(
    data: EmotionData, choices: dict[str, widgets.Dropdown], **others: Any
) -> pd.DataFrame:
    """The sweep of :func:`network_choices`; a split of the data's own has one fold."""
    values = {name: control.value for name, control in choices.items()}
    own = {"folds": 1} if values["protocol"] in data.splits else {}
    return sweeps.sweep(**values | own | others)


def laid_out(
    purpose: str,
    data: EmotionData | str,
    controls: Sequence[widgets.Widget],
    *shown: widgets.Widget,
) -> widgets.VBox:
    """Layout of an explorer: data source and, folded, how to read it; below them controls at the
    left and pictures at the right, or underneath where the window is narrow.
    """
    source = data if isinstance(data, str) else data.source
    head = f"How to read this. <i>Data: {escape(source)}.</i>"
    head += f" <b>{UNKNOWN}</b>" * (not isinstance(data, str) and data.groups is None)
    sides = [
        widgets.VBox(
            list(controls),
            layout={"flex": "0 0 340px", "max_height": "70vh", "overflow": "hidden auto"},
        ),
        widgets.VBox(shown, layout={"flex": "1 1 560px", "overflow": "hidden"}),
    ]
    return widgets.VBox(
        [
            widgets.HTML(f"<details><summary>{head}</summary>{escape(purpose)}</details>"),
            widgets.Box(sides, layout={"flex_flow": "row wrap", "grid_gap": "0 16px"}),
        ]
    )


def thumbnails(data: EmotionData) -> NDArray[np.float32] | None:
    """Small grey images ``[N, S, S]``, 0 to 255, of data with their pixels as descriptors."""
    pixels = data.descriptors.get(sweeps.IMAGE)
    # standardised and square: three standard deviations are shown
    return (
        None
        if pixels is None
        else 127.5 + 42.5 * pixels.reshape(len(pixels), round(pixels.shape[1] ** 0.5), -1)
    )


def training(data: EmotionData, table: pd.DataFrame) -> Iterator[NetworkStack]:
    """Trains the networks of one kind in a table; yields the stack before the first step and after
    every epoch, which changes it in place.

    In the end every network is the one that :func:`emolib.train` returns.

    Raises:
        ValueError: a row that no network can be trained for.
    """
    stack = NetworkStack(data, sweeps.check(table, data))
    yield stack
    while stack.training.any():
        stack.epoch()
        yield stack


def out_of_fold(data: EmotionData, stack: NetworkStack) -> NDArray[np.float32]:
    """Scores ``[R, N, C]`` of ``R`` repetitions on ``N`` rows of the data, by the networks that
    were not trained on them; NaN for rows that no fold tests.
    """
    folds = stack.rows[0]["folds"]
    scores = np.full((len(stack.rows) // folds, len(data), len(data.classes)), np.nan, np.float32)
    for k in range(len(stack.rows)):
        result = stack.result(k)
        scores[k // folds, result.test_rows] = result.scores
    return scores


def scores(data: EmotionData, stack: NetworkStack) -> Values:
    """Accuracy on training and test rows, and training loss, of each network."""
    results = [stack.result(k) for k in range(len(stack.rows))]
    return {
        ("accuracy", "training rows"): [own.train_accuracy for own in results],
        ("accuracy", "test rows"): [
            accuracy(data.labels[own.test_rows], predict(own.scores)) for own in results
        ],
        ("training loss", "training rows"): stack.losses[-1] if stack.losses else [np.nan],
    }


def history(
    data: EmotionData, table: pd.DataFrame, measure: Callable[[NetworkStack], Values]
) -> Iterator[pd.DataFrame]:
    """Learning curves: mean, lowest and highest value over networks, epoch by epoch."""
    rows: list[tuple[Any, ...]] = []
    for stack in training(data, table):
        for (panel, line), of in measure(stack).items():
            rows.append((panel, line, stack.epochs, np.mean(of), np.min(of), np.max(of)))
        yield pd.DataFrame(rows, columns=["panel", "line", "epoch", "mean", "low", "high"])
