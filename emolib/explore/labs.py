"""Explorers that train: pruning lab, training lab, confusion lab and split lab.

The pruning lab shows angles between hidden units, the units that go, and the cost; the training lab
learning curves by recipe; the confusion lab a confusion matrix of buttons, with the faces or rows
behind each; the split lab the same person on both sides of a split, and the effect on the score.
"""

from collections.abc import Iterator
from functools import cache, partial

import ipywidgets as widgets
import numpy as np
import pandas as pd
import torch

from emolib import (
    LOSSES,
    RECIPES,
    EmotionData,
    ShallowNet,
    angles,
    confusion,
    figures,
    make_folds,
    protocols,
    prune_network,
    scale,
    sweep,
    train,
)
from emolib.explore import live
from emolib.explore.face import default_faces
from emolib.metrics import accuracy, mean_recall, measures, predict
from emolib.training.stack import NetworkStack

OWN = "my own"
RECIPE = RECIPES["shallow", "converged"]  # at first
# of the confusion lab: faces or rows that a pressed cell shows, and the looks of cells
SHOWN, CELL = 16, {"height": "28px", "margin": "0"}
PRESSED, UNPRESSED = "2px solid var(--jp-ui-font-color0, #22252a)", "2px solid transparent"
# of the split lab; epochs of the pruning lab as well
SEEDS, EPOCHS = 10, 60


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
        table = sweep(
            modality=modality, hidden=hidden, learning_rate=RECIPE.learning_rate, max_epochs=1
        ).iloc[:1]
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
        yield figures.pruned_network(
            angles(activations, rules["activation_shift"]).numpy(),
            angle.value,
            activations.numpy(),
            torch.eq(net.hidden.weight[:, None], pruned.hidden.weight).all(-1).any(-1).numpy(),
            inputs.shape[1],
            len(data.classes),
        )

    def train_on() -> Iterator[pd.DataFrame]:
        whole = {name: control.value for name, control in controls.items()} | {"angle": 0.0}
        table = sweep(**whole, learning_rate=RECIPE.learning_rate, max_epochs=EPOCHS)
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


def training_lab(data: EmotionData) -> widgets.VBox:
    """Recipe, loss, learning rate, epochs and seeds; learning curves with their range over seeds,
    drawn during training.
    """
    choices = live.network_choices(data)
    network, modality, protocol = choices.values()
    recipe = live.choice("recipe", ["printed", "converged", OWN], value="converged")
    loss = live.choice("loss", list(LOSSES))
    rate = widgets.FloatLogSlider(
        RECIPE.learning_rate,
        min=-5,
        max=-0.5,
        step=0.25,
        readout_format=".2g",
        **live.look("learning rate"),
    )
    epochs = widgets.SelectionSlider(
        # even steps from a few epochs to the longest recipe
        options=sorted({5, 10, 20, 50, 100, 500, *(own.epochs for own in RECIPES.values())}),
        value=RECIPE.epochs,
        **live.look("epochs at most"),
    )
    seeds = live.slider("seeds", 8, 1, 30, 1)
    canvas = live.Canvas(60)

    def train() -> Iterator[pd.DataFrame]:
        own = {"max_epochs": epochs.value, "learning_rate": rate.value, "loss": loss.value}
        table = live.chosen_sweep(data, choices, seed=range(seeds.value), **own)
        return live.history(data, table[table["fold"] == 0], partial(live.scores, data))

    def draw(curves: pd.DataFrame) -> None:
        chance = {"accuracy": 1 / len(data.classes)}
        canvas.draw(figures.learning_curves(curves, epochs.value, chance, protocol.value))

    def adjust(moved: dict[str, object]) -> None:
        """Learning rate and epochs of a recipe; after a move of either, a recipe of one's own."""
        found = RECIPES.get((network.value, recipe.value))
        settings = [found.learning_rate, found.epochs] if found else [rate.value, epochs.value]
        if moved["owner"] in (network, recipe):
            with rate.hold_trait_notifications(), epochs.hold_trait_notifications():
                rate.value, epochs.value = settings
        elif not np.allclose([rate.value, epochs.value], settings, rtol=1e-9, atol=0):
            recipe.value = OWN

    for control in (network, recipe, rate, epochs):
        control.observe(adjust, "value")
    canvas.follow([*choices.values(), loss, rate, epochs, seeds], train, draw)
    return live.laid_out(
        "Networks of several seeds, trained on four folds and tested on the fifth. Each line is a "
        "mean over seeds; the band spans the worst and the best seed. Which differences are larger "
        "than the band? Where do training and test rows part?",
        data,
        [network, modality, recipe, loss, rate, epochs, seeds, protocol, canvas.stop],
        canvas,
    )


def confusion_lab(data: EmotionData) -> widgets.VBox:
    """Out-of-fold confusion matrix; a pressed cell shows the rows that it counts, or their faces
    where they are drawn, or images with their descriptors. Components are fitted once on all rows.
    """
    faces = default_faces().images if data.drawn else live.thumbnails(data)
    data = data.as_distributed()
    choices, classes = live.network_choices(data), data.classes
    cells = {
        (true, taken): widgets.Button(
            layout=CELL | {"width": "auto", "border": UNPRESSED},
            style={"font_weight": "bold" if true == taken else "normal"},
        )
        for true, taken in np.ndindex(len(classes), len(classes))
    }
    # of one height, so that the page below does not move during training; a long table scrolls
    canvas = live.Canvas(25, layout={"height": "26vh", "overflow": "auto"})
    rows, level = widgets.HTML(), widgets.HTML()
    pressed, scores = (0, 0), np.full((len(data), len(classes)), np.nan)

    def train() -> Iterator[NetworkStack]:
        return live.training(data, live.chosen_sweep(data, choices, recipe="converged"))

    def draw(stack: NetworkStack) -> None:
        nonlocal scores
        scores = live.out_of_fold(data, stack)[0]
        counts, predicted = confusion(data.labels, scores), predict(scores)
        tested = counts.sum(1, keepdims=True)
        shares = counts / np.maximum(tested, 1)
        for (true, taken), button in cells.items():
            button.description = str(counts[true, taken])
            button.tooltip = (
                f"{counts[true, taken]} of {tested[true, 0]} tested rows of {classes[true]} "
                f"predicted as {classes[taken]}"
            )
            # clear enough for the text of a light and of a dark page
            button.style.button_color = f"rgba(45, 128, 142, {shares[true, taken]:.2f})"
        level.value = (
            f"<p style='line-height: 1.5'>After {stack.epochs} epochs, "
            f"{tested.sum()} of {len(data)} rows tested: accuracy "
            f"<b>{accuracy(data.labels, predicted):.0%}</b>, mean recall "
            f"<b>{mean_recall(data.labels, predicted):.0%}</b>; "
            f"guessing {1 / len(classes):.0%}.</p>"
        ).replace("nan%", "undefined")
        press(pressed)

    def press(cell: tuple[int, int]) -> None:
        nonlocal pressed
        cells[pressed].layout.border = UNPRESSED
        pressed, cells[cell].layout.border = cell, PRESSED
        true, taken = cell
        found = np.flatnonzero((data.labels == true) & (predict(scores) == taken))
        kind = f"rows of {classes[true]}" if faces is None else f"{classes[true]} faces"
        outcome = "recognised" if true == taken else f"predicted as {classes[taken]}"
        sure = found[np.argsort(-scores[found, taken], kind="stable")][:SHOWN]
        said = f"{len(found)} {kind} {outcome}"
        said += f", the {len(sure)} of the highest score" * (len(sure) < len(found))
        rows.value = f"<b role='status'>{said}</b>"
        names = {emotion: classes[emotion] for emotion in (taken, true)}
        if not len(found):
            canvas.value = ""
        elif faces is not None:
            titles = [" / ".join(f"{own:.2f}" for own in scores[row, [*names]]) for row in sure]
            alt = f"{said}; scores of {' and '.join(names.values())}: {', '.join(titles)}."
            canvas.draw(figures.face_row(faces[sure], titles, alt))
        else:
            canvas.value = pd.DataFrame(
                {"row": data.names[sure]}
                | {f"score of {name}": scores[sure, own] for own, name in names.items()}
                | {
                    f"{part} {number}": values
                    for part in choices["modality"].value.split("+")
                    for number, values in enumerate(data.features[part][sure].T, 1)
                }
            ).to_html(index=False, float_format="{:.3f}".format)

    for cell, button in cells.items():
        button.on_click(lambda _, cell=cell: press(cell))
    names = ("true ↓   predicted →", *classes)
    # a name above each column and before each row
    table = [
        cells[row - 1, column - 1]
        if row and column
        else widgets.Label(names[row or column], layout=CELL)
        for row, column in np.ndindex(len(names), len(names))
    ]
    canvas.follow(choices.values(), train, draw)
    return live.laid_out(
        "True emotion in rows, predicted emotion in columns; a darker cell is a larger share of "
        "its row. Each row of the data is scored by a "
        "network that was not trained on it. Press a cell to see its rows. Above each face: its "
        "scores of the predicted and of the true emotion.",
        data,
        [*choices.values(), level, canvas.stop],
        widgets.GridBox(
            table,
            layout={
                "grid_template_columns": f"11em repeat({len(classes)}, 5em)",
                "grid_gap": "1px",
                "align_items": "center",
            },
        ),
        rows,
        canvas,
    )


def split_lab(data: EmotionData) -> widgets.VBox:
    """Protocol, folds and seed: a map of the persons tested, and the score of ten seeds under each
    protocol, drawn during training.
    """
    protocol = live.choice("folds", protocols(data))
    count = live.slider("number of folds", 5, 2, 10, 1)
    seed = live.slider("seed", 0, 0, SEEDS - 1, 1)
    modality = live.choice("features", data.modalities)
    where, scores, known = live.Canvas(36), live.Canvas(30), pd.DataFrame()

    def folds() -> Iterator[figures.Picture]:
        tests = [test for _, test in make_folds(data, protocol.value, seed.value, count.value)]
        if len(known):
            draw(known)
        yield figures.fold_map(tests, data.groups, protocol.value)

    def draw(found: pd.DataFrame) -> None:
        nonlocal known
        known, chosen = found, (protocol.value, seed.value)
        scores.draw(figures.score_distribution(found, 1 / len(data.classes), chosen))

    where.follow([protocol, count, seed], folds, where.draw)
    scores.follow([modality, count], lambda: _scores(data, modality.value, count.value), draw)
    return live.laid_out(
        "Above, the persons tested in each fold. Below, the mean recall of "
        f"{SEEDS} seeds, each with its own folds, initial weights and batches; the ringed dot is "
        "the split above. How far apart are two seeds, and how far the two kinds of folds?",
        data,
        [protocol, count, seed, modality, scores.stop],
        where,
        scores,
    )


def _scores(data: EmotionData, modality: str, folds: int) -> Iterator[pd.DataFrame]:
    """Out-of-fold mean recall of each seed, every five epochs, one protocol after the other."""
    before: list[tuple[str, int, float]] = []
    own = {
        "learning_rate": RECIPE.learning_rate,
        "max_epochs": EPOCHS,
        "modality": modality,
        "folds": folds,
    }
    for protocol in protocols(data):
        for stack in live.training(data, sweep(**own, protocol=protocol, seed=range(SEEDS))):
            if stack.epochs % 5 == 0 and stack.epochs:
                scores = live.out_of_fold(data, stack)
                means = measures(data.labels, scores, "recall")["recall"][:, -1]
                rows = [(protocol, seed, float(value)) for seed, value in enumerate(means)]
                yield pd.DataFrame(before + rows, columns=["protocol", "seed", "value"])
        before += rows
