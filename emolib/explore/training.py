"""Training lab: what the recipe does to the curves, and how much of a difference is luck."""

import math
from collections.abc import Iterator

import ipywidgets as widgets
import pandas as pd

from emolib import figures
from emolib.data import EmotionData
from emolib.explore.canvas import LABEL, WIDE, Canvas, Redraw, choice, laid_out, slider
from emolib.explore.live import Run, training
from emolib.folds import PROTOCOLS
from emolib.training.sweeps import LOSSES, RECIPES, sweep

NETWORKS = (("shallow", "shallow"), ("CNN", "cnn"))
OWN = "my own"


def training_lab(data: EmotionData) -> widgets.VBox:
    """Recipe, loss, rate, epochs and seeds; curves with their spread over seeds, drawn while the
    networks train.
    """
    network = choice("network", NETWORKS)
    modality = choice(
        "features",
        [*data.modalities, "+".join(data.modalities)]
        if len(data.modalities) > 1
        else data.modalities,
    )
    recipe = choice("recipe", ["printed", "converged", OWN], "converged")
    loss = choice("loss", list(LOSSES))
    rate = widgets.FloatLogSlider(
        value=1e-2,
        min=-5,
        max=-0.5,
        step=0.25,
        description="learning rate",
        readout_format=".2g",
        style={"description_width": LABEL},
        layout={"width": WIDE},
    )
    epochs = slider("epochs", 60, 5, 300, 5)
    seeds = slider("seeds", 8, 1, 30, 1)
    protocol = choice("folds", PROTOCOLS)
    canvas, run = Canvas(), Run()
    stop = widgets.Button(description="Stop training", icon="stop")
    again = widgets.Button(description="Train", icon="play")

    def train() -> None:
        chosen = {"max_epochs": epochs.value, "learning_rate": rate.value, "loss": loss.value}
        table = sweep(
            network=network.value,
            modality=modality.value,
            protocol=protocol.value,
            seed=range(seeds.value),
            **chosen,
        )
        table = table[table["fold"] == 0]
        length, level = epochs.value, {"accuracy": 1 / len(data.classes)}
        history = _history(data, table)
        run.start(
            history, lambda history, _: canvas.draw(figures.learning_curves(history, length, level))
        )

    redraw = Redraw([network, modality, loss, rate, epochs, seeds, protocol], train, canvas)

    def named(_: object = None) -> None:
        if recipe.value != OWN:
            found = RECIPES[network.value, recipe.value]
            redraw.set({rate: found.learning_rate, epochs: found.epochs})

    def own(_: object = None) -> None:
        found = RECIPES.get((network.value, recipe.value))
        if (
            not redraw.held
            and found
            and not (math.isclose(rate.value, found.learning_rate) and epochs.value == found.epochs)
        ):
            recipe.value = OWN

    for control in (recipe, network):
        control.observe(named, "value")
    for control in (rate, epochs):
        control.observe(own, "value")
    stop.on_click(lambda _: run.stop())
    again.on_click(redraw)
    named()
    return laid_out(
        "Networks of several seeds, trained on four folds and tested on the fifth. Each line is a mean over seeds; the band reaches from the worst seed "
        "to the best. Which differences are larger than the band? Where do training and test rows part?",
        data,
        [network, modality, recipe, loss, rate, epochs, seeds, protocol],
        widgets.HBox([again, stop]),
        canvas,
    )


def _history(data: EmotionData, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Training loss, and accuracy on training and test rows, epoch by epoch."""
    rows = []
    for moment in training(data, table):
        seen, unseen = moment.accuracy()
        for panel, line, values in (
            ("accuracy", "training rows", seen),
            ("accuracy", "test rows", unseen),
            ("training loss", "training rows", moment.loss),
        ):
            rows.append((panel, line, moment.epoch, values.mean(), values.min(), values.max()))
        yield pd.DataFrame(rows, columns=["panel", "line", "epoch", "mean", "low", "high"])
