"""Training lab: the effect of the recipe on learning curves, and the share of luck in it."""

import ipywidgets as widgets
import numpy as np

from emolib import LOSSES, RECIPES, EmotionData, figures
from emolib.explore import live
from emolib.metrics import accuracy, predict
from emolib.training.stack import NetworkStack

OWN = "my own"


def training_lab(data: EmotionData) -> widgets.VBox:
    """Recipe, loss, learning rate, epochs and seeds; learning curves with their range over seeds,
    drawn during training.
    """
    choices = live.network_choices(data)
    network, modality, protocol = choices.values()
    recipe = live.choice("recipe", ["printed", "converged", OWN], value="converged")
    loss = live.choice("loss", list(LOSSES))
    powers = {"value": 1e-2, "min": -5, "max": -0.5, "step": 0.25, "readout_format": ".2g"}
    rate = widgets.FloatLogSlider(**powers, **live.look("learning rate"))
    epochs = live.slider("epochs", 60, 5, 300, 5)
    seeds = live.slider("seeds", 8, 1, 30, 1)
    canvas = live.Canvas()
    run = live.Run(canvas)

    def measure(stack: NetworkStack) -> live.Values:
        results = [stack.result(k) for k in range(len(stack.rows))]
        tested = [accuracy(data.labels[own.test_rows], predict(own.scores)) for own in results]
        trained = [own.train_accuracy for own in results]
        loss = stack.losses[-1] if stack.losses else np.full(len(results), np.nan)
        return {
            ("accuracy", "training rows"): np.array(trained),
            ("accuracy", "test rows"): np.array(tested),
            ("training loss", "training rows"): loss,
        }

    def train() -> None:
        own = {"max_epochs": epochs.value, "learning_rate": rate.value, "loss": loss.value}
        table = live.chosen_sweep(data, choices, seed=range(seeds.value), **own)
        length, level = epochs.value, {"accuracy": 1 / len(data.classes)}
        run.start(
            live.history(data, table[table["fold"] == 0], measure),
            lambda curves: canvas.draw(figures.learning_curves(curves, length, level)),
        )

    redraw = live.Redraw([network, modality, loss, rate, epochs, seeds, protocol], train, canvas)

    def named(_: object = None) -> None:
        if recipe.value != OWN:
            found = RECIPES[network.value, recipe.value]
            redraw.set({rate: found.learning_rate, epochs: found.epochs})

    def own(_: object = None) -> None:
        found = RECIPES.get((network.value, recipe.value))
        settings = np.array([rate.value, epochs.value])
        if found and not redraw.held:
            same = np.allclose(settings, [found.learning_rate, found.epochs], rtol=1e-9, atol=0)
            recipe.value = recipe.value if same else OWN

    for control in (recipe, network):
        control.observe(named, "value")
    for control in (rate, epochs):
        control.observe(own, "value")
    again = widgets.Button(description="Train", icon="play")
    again.on_click(redraw)
    named()
    return live.laid_out(
        "Networks of several seeds, trained on four folds and tested on the fifth. Each line is a "
        "mean over seeds; the band spans the worst and the best seed. Which differences are larger "
        "than the band? Where do training and test rows part?",
        data,
        [network, modality, recipe, loss, rate, epochs, seeds, protocol],
        widgets.HBox([again, run.stop]),
        canvas,
    )
