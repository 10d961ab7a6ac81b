"""Pruning lab: how far apart hidden units are, which go, and what that costs."""

from collections.abc import Iterator
from functools import cache

import ipywidgets as widgets
import pandas as pd
import torch
from torch import nn

from emolib import figures
from emolib.data import EmotionData, Rows
from emolib.explore.canvas import Canvas, Redraw, choice, laid_out, slider
from emolib.explore.live import Run, training
from emolib.models import ShallowNet
from emolib.pruning import angles, prune
from emolib.training.sweeps import RECIPES, sweep

CONVENTIONS = (("less 0.5 (Gedeon and Harris)", 0.5), ("as they are (paper's Table 2)", 0.0))
SCHEDULES = (("once, after the first epoch", "first"), ("after every epoch", "every"))
RULES = (("nothing (the paper)", False), ("their weights (Gedeon and Harris)", True))
EPOCHS = 60
RATE = RECIPES["shallow", "converged"].learning_rate


def pruning_lab(data: EmotionData) -> widgets.VBox:
    """Width, angle, convention, schedule and rule: the pruned network at once, and its training
    beside the whole one's.
    """
    modality = choice("features", data.modalities)
    hidden = slider("hidden units", 16, 2, 24, 1)
    angle = slider("minimal angle / degrees", 15, 0, 90, 1)
    centre = choice("activations", CONVENTIONS)
    schedule = choice("pruned", SCHEDULES)
    merge = choice("removed units hand on", RULES)
    canvas, numbers, curves, run = Canvas(), widgets.HTML(), Canvas(), Run()

    @cache
    def after_one_epoch(
        modality: str, hidden: int
    ) -> tuple[ShallowNet, torch.Tensor, torch.Tensor, Rows]:
        """A whole network as pruning finds it, its training and its test rows."""
        *_, moment = training(
            data, sweep(modality=modality, hidden=hidden, learning_rate=RATE, max_epochs=1).iloc[:1]
        )
        inputs = torch.from_numpy(moment.stack.material.inputs[0]).flatten(1)
        net = ShallowNet(inputs.shape[1], hidden, len(data.classes))
        nn.utils.vector_to_parameters(torch.from_numpy(moment.stack.compacted(0)), net.parameters())
        train, test = moment.pair(0)
        return net, inputs[train], inputs[test], test

    def draw() -> None:
        net, seen, unseen, test = after_one_epoch(modality.value, hidden.value)
        with torch.no_grad():
            activations = net.activations(seen)
            alive, outgoing, bias = prune(
                activations[None],
                torch.ones(1, hidden.value, dtype=torch.bool),
                net.output.weight[None],
                net.output.bias[None],
                angle=torch.tensor([float(angle.value)]),
                activation_shift=torch.tensor([centre.value]),
                merge_weights=torch.tensor([merge.value]),
            )
            before = net(unseen)
            after = net.activations(unseen) @ outgoing[0].T + bias[0]
        stay = alive[0].numpy()
        degrees = angles(activations, centre.value).numpy()
        canvas.draw(
            figures.pruned_network(
                degrees, angle.value, activations.numpy(), stay, seen.shape[-1], len(data.classes)
            )
        )
        shares = [
            100 * (scores.argmax(1).numpy() == data.labels[test]).mean()
            for scores in (before, after)
        ]
        per_unit, fixed = seen.shape[-1] + 1 + len(data.classes), len(data.classes)
        sizes = [count * per_unit + fixed for count in (len(stay), stay.sum())]
        numbers.value = (
            f"<p style='margin: 0'>Parameters: <b>{sizes[0]} → {sizes[1]}</b> ({100 * (1 - sizes[1] / sizes[0]):.0f} % saved). Accuracy on test rows after "
            f"one epoch: <b>{shares[0]:.1f} %</b> before pruning, <b>{shares[1]:.1f} %</b> right after it. Below: both trained on.</p>"
        )
        train_both()

    def train_both() -> None:
        settings = {
            "modality": modality.value,
            "hidden": hidden.value,
            "activation_shift": centre.value,
            "schedule": schedule.value,
            "merge_weights": merge.value,
            "learning_rate": RATE,
            "max_epochs": EPOCHS,
        }
        whole = sweep(**settings)
        table = pd.concat([whole, whole.assign(angle=float(angle.value))], ignore_index=True)
        run.start(
            _history(data, table),
            lambda history, _: curves.draw(
                figures.learning_curves(history, EPOCHS, {"test accuracy": 1 / len(data.classes)})
            ),
        )

    redraw = Redraw([modality, hidden, angle, centre, schedule, merge], draw, canvas)
    stop = widgets.Button(description="Stop training", icon="stop")
    stop.on_click(lambda _: run.stop())
    redraw()
    return laid_out(
        "Two units whose activations point the same way do the same work. White dots mark pairs closer than the minimal angle; one unit of "
        "each such pair goes, and the network is trained on, beside the one that kept all its units (mean and range of five folds).",
        data,
        [modality, hidden, angle, centre, schedule, merge],
        canvas,
        numbers,
        stop,
        curves,
    )


def _history(data: EmotionData, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Units left and test accuracy of the first half of a table (whole) and the second (pruned),
    epoch by epoch.
    """
    half, rows = len(table) // 2, []
    for moment in training(data, table):
        alive = moment.stack.alive
        assert alive is not None  # of shallow networks
        left = alive.sum(1).numpy()
        for panel, values in (("test accuracy", moment.accuracy()[1]), ("hidden units left", left)):
            for line, part in (("whole", values[:half]), ("pruned", values[half:])):
                rows.append((panel, line, moment.epoch, part.mean(), part.min(), part.max()))
        yield pd.DataFrame(rows, columns=["panel", "line", "epoch", "mean", "low", "high"])
