"""Networks as drawings (Figures 4, 5), angles between hidden units, pruning before and after.

Layers, shapes and counts are read off the modules.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from torch import nn
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp

from emolib.figures.style import (
    BARE,
    GUESSING,
    LAYER,
    NEUTRAL,
    PROTOCOL,
    WIDTH,
    Picture,
    counted,
    heat_map,
    joined,
    look_of,
    on_phone,
    panels,
    percent,
    styled,
)
from emolib.models import FusionNet, ShallowNet

VERB = {"Conv1d": "convolve", "MaxPool1d": "max-pool"}


def trace(net: nn.Module, x: torch.Tensor) -> pd.DataFrame:
    """Layers of a network in the order in which a forward pass calls them.

    Returns:
        Columns ``layer`` (its name), ``kind``, ``output`` (its shape, without the batch) and
        ``parameters`` (how many).
    """
    graph = symbolic_trace(net, {"image": None})
    ShapeProp(graph).propagate(x)
    calls = [node for node in graph.graph.nodes if node.op == "call_module"]
    layers = [net.get_submodule(node.target) for node in calls]
    return pd.DataFrame(
        {
            "layer": [node.target for node in calls],
            "kind": [type(layer).__name__ for layer in layers],
            "output": [" × ".join(map(str, node.meta["tensor_meta"].shape[1:])) for node in calls],
            "parameters": [sum(p.numel() for p in layer.parameters()) for layer in layers],
        }
    )


def _connect(
    axis: Axes,
    x: tuple[float, float],
    left: np.ndarray,
    right: np.ndarray,
    color: str,
    width: float,
) -> None:
    """All connections between units at heights ``left`` and ``right``, in lines that go to and fro
    between two units at the left: that keeps the drawing small.
    """
    turns = len(right) + 1
    for start in range(0, len(left), 2):
        y = np.insert(right, range(turns), np.resize(left[start : start + 2], turns))
        axis.plot(np.resize(x, len(y)), y, color=color, linewidth=width)


@styled
def shallow_network(net: ShallowNet, inputs: str, classes: tuple[str, ...]) -> Picture:
    """Figure 4: units as circles, every connection a line.

    Args:
        inputs: what the inputs are, such as ``"LPQ or PHOG"``.
    """
    layers = trace(net, torch.zeros(1, net.hidden.in_features))
    (hidden, own), (output, others) = layers[["layer", "parameters"]].to_numpy().tolist()
    sizes = [net.hidden.in_features, net.hidden.out_features, net.output.out_features]
    height = max(sizes)
    below, middle, above = (np.arange(size) + (height - size) / 2 for size in sizes)
    figure, ((axis,),) = panels(1, 1, 4.6, "", subplot_kw=BARE)
    axis.set(xlim=(-2.6, 12.6), ylim=(-0.6, height + 2.6))
    _connect(axis, (0, 5), below, middle, "#c9d3de", 0.5)
    _connect(axis, (5, 10), middle, above, "#c9d3de", 0.5)
    features = [f"{inputs} {number}" for number in range(1, sizes[0] + 1)]
    for x, ys, kind, title, names, side in (
        (0, below, "input", f"input\n{sizes[0]} features", features, "right"),
        (5, middle, "hidden", f"{hidden}\n{sizes[1]} sigmoid units\n{own} parameters", [], "left"),
        (
            10,
            above,
            "Linear",
            f"{output}\n{sizes[2]} linear units\n{others} parameters",
            classes,
            "left",
        ),
    ):
        axis.scatter([x] * len(ys), ys, s=95, zorder=2, **LAYER[kind])
        axis.text(x, height + 0.2, title, ha="center", va="bottom", fontsize=9.5)
        for y, name in zip(ys[::-1], names, strict=False):  # hidden units have no names
            axis.text(x + (0.35 if x else -0.35), y, name, va="center", ha=side, fontsize=9.5)
    return Picture(
        figure,
        f"Fully connected network: {sizes[0]} inputs, {sizes[1]} sigmoid hidden units, {sizes[2]} "
        f"outputs, one for each of {joined(list(classes))}; {own + others} parameters.",
        layers,
    )


@styled
def fusion_network(net: FusionNet, modalities: tuple[str, ...], features: int) -> Picture:
    """Figure 5: a row of boxes for each modality's branch, joined by the two fully connected
    layers.
    """
    layers = trace(net, torch.zeros(1, len(modalities), features))
    down = on_phone()  # the boxes stand below each other, or beside each other
    steps, lanes = len(layers) // len(modalities) + 3, len(modalities)
    wide, tall = (1.3, 0.8) if down else (0.86, 1.05)
    figure, ((axis,),) = panels(
        1, 1, 0.33 * steps if down else 1.15 * lanes + 0.35, "", subplot_kw=BARE
    )

    def at(step: float, lane: float, side: int = 0) -> tuple[float, float]:
        """The middle of a box, or of the side of it at which an arrow comes in or goes out."""
        along, across = step + side * (tall if down else wide) / 2, 1.6 * lane
        return (across, -along) if down else (along, -across)

    def box(step: float, lane: float, kind: str, text: str, *before: tuple[float, float]) -> None:
        """A box, and an arrow to it from each of those before it."""
        x, y = at(step, lane)
        axis.add_patch(
            FancyBboxPatch(
                (x - wide / 2, y - tall / 2),
                wide,
                tall,
                boxstyle="round,pad=0,rounding_size=0.08",
                **LAYER[kind],
            )
        )
        axis.text(
            x,
            y,
            text.replace("\n", ", ") if down else text,
            ha="center",
            va="center",
            fontsize=7.2,
            linespacing=1.4,
        )
        for place in before:
            axis.add_patch(
                FancyArrowPatch(
                    at(*place, 1),
                    at(step, lane, -1),
                    arrowstyle="-|>",
                    mutation_scale=7,
                    color="#666666",
                    linewidth=0.9,
                    shrinkA=0,
                    shrinkB=0,
                )
            )

    text = [
        f"{VERB.get(layer['kind'], layer['layer'])}\n{layer['output']}"
        + (f"\n{layer['parameters']:,} par." if layer["parameters"] else "")
        for layer in layers.to_dict("records")
    ]
    within = layers["layer"].str.extract(r"^branches\.(\d+)\.")[0]
    heads = np.flatnonzero(within.isna())
    for m, modality in enumerate(modalities):
        box(0, m, "input", f"{modality}\n{features}")
        branch = np.flatnonzero(within == str(m))
        for step, k in enumerate(branch):
            box(step + 1, m, layers["kind"][k], text[k], (step, m))
    ends = [(len(branch), m) for m in range(lanes)]
    for step, k in enumerate(heads, len(branch) + 1):
        box(step + 0.1, (lanes - 1) / 2, layers["kind"][k], text[k], *ends)
        ends = [(step + 0.1, (lanes - 1) / 2)]
    axis.autoscale_view()
    return Picture(
        figure,
        f"{len(modalities)} branches, {joined(list(modalities))}, each of "
        f"{(layers['kind'][branch] == 'Conv1d').sum()} convolutions with max-pooling from "
        f"{features} features to {layers['output'][branch[-1]]}; joined by fully connected layers "
        f"of {joined(list(layers['output'][heads]))} units; {layers['parameters'].sum():,} "
        "parameters in all.",
        layers,
    )


@styled
def angle_matrix(degrees: np.ndarray, title: str, printed: dict[tuple[int, int], float]) -> Picture:
    """Angles between hidden units, and set against them the printed ones.

    Args:
        degrees: ``[H, H]``.
        printed: angles by pair of unit numbers, counted from 1.
    """
    figure, ((matrix, against),) = panels(1, 2, 3.4, "")
    against.grid()
    names = [str(unit + 1) for unit in range(len(degrees))]
    below = np.where(np.tri(len(degrees), k=-1, dtype=bool), degrees, np.nan)
    figure.colorbar(heat_map(matrix, below, names, "{:.1f}"), ax=matrix, label="angle / degrees")
    matrix.set(title=title, xlabel="hidden unit", ylabel="hidden unit")
    matrix.tick_params(length=0)
    data = pd.DataFrame(
        [(i, j, degrees[i - 1, j - 1], angle) for (i, j), angle in sorted(printed.items())],
        columns=["unit", "other unit", "degrees", "printed"],
    )
    against.axline((0, 0), slope=1, color="#999999", linewidth=1, zorder=0)
    against.scatter(data["printed"], data["degrees"], s=22, color=NEUTRAL, zorder=2)
    against.set(
        title="Against the printed angles",
        xlabel="printed / degrees",
        ylabel="recomputed / degrees",
    )
    smallest = data.sort_values("degrees", kind="stable").iloc[0]
    return Picture(
        figure,
        f"Angles between {len(names)} hidden units, from {smallest['degrees']:.1f}° (units "
        f"{smallest['unit']:.0f} and {smallest['other unit']:.0f}) to "
        f"{data['degrees'].max():.1f}°. The largest difference from the printed angles is "
        f"{(data['degrees'] - data['printed']).abs().max():.2f}°.",
        data,
    )


def _pruned(
    drawing: Axes, matrix: Axes, degrees: np.ndarray, alive: np.ndarray, sizes: tuple[int, int]
) -> None:
    """A network of one hidden layer, in which units that go and their connections are pale, and the
    angles between its hidden units; unit 1 is below.
    """
    below, hidden, above = (
        np.linspace(0, 1, size + 2)[1:-1] for size in (sizes[0], len(alive), sizes[1])
    )
    for some, colour, width in ((~alive, "#c9c9c9", 0.2), (alive, "#33588c", 0.35)):
        _connect(drawing, (0, 1), below, hidden[some], colour, width)
        _connect(drawing, (1, 2), hidden[some], above, colour, width)
    for x, ys, kind in (
        (0, below, "input"),
        (2, above, "input"),
        (1, hidden[alive], "hidden"),
        (1, hidden[~alive], "gone"),
    ):
        drawing.scatter([x] * len(ys), ys, s=34, zorder=2, **LAYER[kind])
    drawing.set(
        title=counted(len(alive), "hidden unit")
        if alive.all()
        else f"{alive.sum()} of {len(alive)} units stay",
        xlim=(-0.3, 2.3),
        ylim=(0, 1),
        xticks=[0, 1, 2],
        xticklabels=["inputs", "hidden", "outputs"],
        yticks=[],
        frame_on=False,
    )
    top = 180 if np.nanmax(degrees, initial=0) > 90 else 90
    image = matrix.imshow(
        np.ma.masked_invalid(degrees), cmap="crest_r", vmin=0, vmax=top, interpolation="nearest"
    )
    ticks = np.arange(0, len(alive), max(len(alive) // 4, 1))
    matrix.set(
        xticks=ticks,
        yticks=ticks,
        xticklabels=ticks + 1,
        yticklabels=ticks + 1,
        title="angles / degrees",
        xlabel="hidden unit",
        ylabel="hidden unit",
    )
    matrix.figure.colorbar(image, ax=matrix, ticks=[0, top / 2, top], shrink=0.7)


@styled
def network_state(
    degrees: np.ndarray,
    alive: np.ndarray,
    sizes: tuple[int, int],
    curves: pd.DataFrame,
    x: str,
    at: float,
    xlabel: str,
    chance: float,
) -> Picture:
    """A network of one hidden layer with the units that stay and those that go, their angles, and
    recall by setting.

    Args:
        degrees: ``[H, H]``, angles between the hidden units before any went.
        alive: ``[H]``, boolean, whether a unit stays.
        sizes: inputs and outputs of the network.
        curves: columns ``protocol``, ``x``, ``mean``: mean recall by setting.
        x: the column of the setting.
        at: the setting of this state.
        xlabel: its name and unit.
        chance: recall of guessing, marked.
    """
    figure, ((drawing, matrix, recall),) = panels(1, 3, 2.9, "", width_ratios=[1.25, 1, 1.1])
    _pruned(drawing, matrix, degrees, alive, sizes)
    reached = curves["mean"].where(curves[x] == at).groupby(curves["protocol"], sort=False).mean()
    for protocol, part in curves.groupby("protocol", sort=False):
        look = look_of(PROTOCOL, str(protocol))
        recall.plot(part[x], 100 * part["mean"], label=protocol, **look)
        recall.plot(at, 100 * reached[protocol], ms=10, mec="black", linestyle="", **look)
    recall.grid()
    recall.axhline(100 * chance, **GUESSING)
    recall.axvline(at, color=NEUTRAL, linewidth=1, zorder=0)
    recall.set(title="mean recall / %", xlabel=xlabel)
    recall.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    recall.legend(fontsize=8)
    between = pd.Series(degrees[np.triu_indices(len(alive), 1)]).dropna()
    return Picture(
        figure,
        f"{xlabel} {at:g}: {alive.sum()} of {len(alive)} hidden units stay"
        + (
            f", their angles from {between.min():.0f}° to {between.max():.0f}°"
            if len(between)
            else ""
        )
        + ". Mean recall "
        + ", ".join(f"{percent(mean)} under {protocol} folds" for protocol, mean in reached.items())
        + ".",
        pd.DataFrame({"unit": np.arange(len(alive)) + 1, "stays": alive}).join(
            pd.DataFrame(degrees).rename(columns=lambda unit: f"degrees to unit {unit + 1}")
        ),
    )


@styled
def pruned_network(
    degrees: np.ndarray,
    angle: float,
    activations: np.ndarray,
    alive: np.ndarray,
    inputs: int,
    outputs: int,
) -> Picture:
    """The network drawn with the units that went, angles between hidden units, and the activations
    of each unit.

    Args:
        degrees: ``[H, H]``, angles between the units before pruning.
        angle: the minimal angle, in degrees; pairs closer than that are marked.
        activations: ``[P, H]`` before pruning.
        alive: ``[H]``, boolean: which units stay.
        inputs, outputs: sizes of the layers below and above.
    """
    units, numbers = len(alive), np.arange(len(alive)) + 1
    figure = plt.figure(figsize=(WIDTH, 3.1))  # places by hand: redrawn while a slider moves
    drawing, matrix, right = (
        figure.add_axes((left, 0.16, wide, 0.74))
        for left, wide in ((0.01, 0.26), (0.335, 0.33), (0.72, 0.27))
    )
    _pruned(drawing, matrix, degrees, alive, (inputs, outputs))
    lower = np.where(np.tri(units, k=-1, dtype=bool), degrees, np.nan)
    row, column = np.nonzero(lower < angle)
    matrix.scatter(column, row, s=120 / units, color="white", edgecolor="#444444", linewidth=0.5)
    right.imshow(
        activations[np.argsort(activations.mean(1))],
        aspect="auto",
        cmap="cividis",
        extent=(0.5, units + 0.5, len(activations), 0),
    )
    for unit in numbers[~alive]:
        right.axvspan(unit - 0.5, unit + 0.5, color="white", alpha=0.78, linewidth=0)
    right.set(
        title=f"activations, {activations.min():.2f} to {activations.max():.2f}",
        xlabel="hidden unit",
        ylabel="training row",
        xticks=numbers if units <= 8 else numbers[::3],
        yticks=[],
    )
    return Picture(
        figure,
        f"{alive.sum()} of {units} hidden units stay at a minimal angle of {angle:g}°; "
        + (
            f"units {joined(list(map(str, numbers[~alive])))} go"
            if not alive.all()
            else "none goes"
        )
        + f". The closest pair is {pd.Series(lower.ravel()).min():.1f}° apart.",
        pd.DataFrame(degrees, index=pd.Index(numbers, name="hidden unit"), columns=numbers),
    )
