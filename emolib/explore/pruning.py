"""Pruning lab: angles between hidden units, the units that go, and the cost of pruning."""

from collections.abc import Iterator
from functools import cache

import ipywidgets as widgets
import pandas as pd
import torch

from emolib import (
    RECIPES,
    EmotionData,
    ShallowNet,
    angles,
    figures,
    make_folds,
    prune_network,
    scale,
    sweep,
    train,
)
from emolib.explore import live
from emolib.metrics import accuracy, predict
from emolib.training.stack import NetworkStack

EPOCHS = 60
RATE = RECIPES["shallow", "converged"].learning_rate


def pruning_lab(data: EmotionData) -> widgets.VBox:
    """Width, angle, convention, schedule and rule: the pruned network at once, and its training
    beside that of the whole one.
    """
    angle = live.slider("minimal angle / °", 15, 0, 90, 1)
    controls = {
        "modality": live.choice("features", data.modalities),
        "hidden": live.slider("hidden units", 16, 2, 24, 1),
        "angle": angle,
        "activation_shift": live.choice(
            "activations",
            (("less 0.5", 0.5), ("as they are", 0.0)),
        ),
        "schedule": live.choice(
            "pruned", (("after first epoch", "first"), ("after every epoch", "every"))
        ),
        "merge_weights": live.choice(
            "merge weights",
            (("no", False), ("yes", True)),
        ),
    }
    canvas, numbers, curves = live.Canvas(30), widgets.HTML(), live.Canvas(26)
    train_rows, test_rows = make_folds(data, "random", seed=0)[0]

    @cache
    def after_one_epoch(modality: str, hidden: int) -> tuple[ShallowNet, torch.Tensor]:
        """A network as pruning finds it, and its inputs ``[N, D]``."""
        table = sweep(modality=modality, hidden=hidden, learning_rate=RATE, max_epochs=1).iloc[:1]
        net = train(data, table, jobs=1, device="cpu").member(0)
        assert isinstance(net, ShallowNet)
        return net, torch.from_numpy(scale(data, modality, train_rows))

    def measure(stack: NetworkStack) -> live.Values:
        results = [stack.result(k) for k in range(len(stack.rows))]
        right = [accuracy(data.labels[own.test_rows], predict(own.scores)) for own in results]
        left, half = [own.units for own in results], len(results) // 2
        return {
            ("test accuracy", "whole"): right[:half],
            ("test accuracy", "pruned"): right[half:],
            ("hidden units left", "whole"): left[:half],
            ("hidden units left", "pruned"): left[half:],
        }

    def pictures() -> Iterator[figures.Picture]:
        net, inputs = after_one_epoch(controls["modality"].value, controls["hidden"].value)
        rules = {name: controls[name].value for name in ("activation_shift", "merge_weights")}
        pruned = prune_network(net, inputs[train_rows], angle=float(angle.value), **rules)
        with torch.no_grad():
            activations = net.activations(inputs[train_rows])
            before, after = (
                accuracy(data.labels[test_rows], predict(model(inputs[test_rows]).numpy()))
                for model in (net, pruned)
            )
        whole, left = (sum(p.numel() for p in model.parameters()) for model in (net, pruned))
        numbers.value = (
            f"Pruned after one epoch: parameters <b>{whole} → {left}</b> ({1 - left / whole:.0%} "
            f"saved), accuracy on {len(test_rows)} test rows <b>{before:.1%} → {after:.1%}</b>. "
            "Both trained on:"
        )
        stay = torch.eq(net.hidden.weight[:, None], pruned.hidden.weight).all(-1).any(-1).numpy()
        yield figures.pruned_network(
            angles(activations, rules["activation_shift"]).numpy(),
            angle.value,
            activations.numpy(),
            stay,
            inputs.shape[1],
            len(data.classes),
        )

    def train_on() -> Iterator[pd.DataFrame]:
        whole = {name: control.value for name, control in controls.items()} | {"angle": 0.0}
        table = sweep(**whole, learning_rate=RATE, max_epochs=EPOCHS)
        pruned = table.assign(angle=float(angle.value))
        return live.history(data, pd.concat([table, pruned], ignore_index=True), measure)

    canvas.follow(controls.values(), pictures, canvas.draw)
    curves.follow(
        controls.values(),
        train_on,
        lambda found: curves.draw(
            figures.learning_curves(found, EPOCHS, {"test accuracy": 1 / len(data.classes)})
        ),
    )
    return live.laid_out(
        "Two units whose activations point the same way do the same work. White dots mark pairs "
        "closer than the minimal angle; one unit of each such pair goes, and the network is "
        "trained on, beside the one that kept all its units (mean and range of five folds). Gedeon "
        "and Harris take 0.5 off the activations before the angle, and add the weights of a "
        "removed unit to those of its pair; the paper's Table 2 takes activations as they are, and "
        "its networks merge nothing.",
        data,
        [*controls.values(), curves.stop],
        canvas,
        numbers,
        curves,
    )
