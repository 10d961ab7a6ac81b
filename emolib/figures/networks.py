"""Figures 4 and 5, and networks before and after pruning; layers, shapes and counts are read off
the modules.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from emolib.figures.colours import (
    EDGE,
    FILL,
    GOES,
    GONE,
    GUESSING,
    HIDDEN,
    INPUT,
    OUTPUT,
    PAPER,
    PROTOCOL,
    STAYS,
    UNNAMED,
)
from emolib.figures.style import WIDTH, Picture, joined, panels, percent, styled
from emolib.models import FusionNet, ShallowNet


def trace(net: nn.Module, x: torch.Tensor) -> pd.DataFrame:
    """Layers of a network in the order in which a forward pass calls them.

    Returns:
        Columns ``layer`` (its name), ``kind``, ``output`` (its shape, without the batch) and
        ``parameters`` (how many).
    """
    names = {layer: name for name, layer in net.named_modules() if not list(layer.children())}
    calls = []

    def watch(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        if layer in names:
            shape = " × ".join(map(str, output.shape[1:]))
            count = sum(parameter.numel() for parameter in layer.parameters())
            calls.append((names[layer], type(layer).__name__, shape, count))

    with register_module_forward_hook(watch), torch.no_grad():
        net(x)
    return pd.DataFrame(calls, columns=["layer", "kind", "output", "parameters"])


def _connect(
    axis: Axes,
    x: tuple[float, float],
    left: np.ndarray,
    right: np.ndarray,
    color: str,
    width: float,
) -> None:
    """All connections between units at heights ``left`` and ``right`` as one path, which keeps the
    drawing small.
    """
    ends = [end for a in left for b in right for end in ((x[0], a), (x[1], b))]
    path = Path(np.reshape(ends, (-1, 2)), [Path.MOVETO, Path.LINETO] * (len(ends) // 2))
    axis.add_patch(PathPatch(path, edgecolor=color, linewidth=width, facecolor="none"))


@styled
def shallow_network(net: ShallowNet, inputs: str, classes: tuple[str, ...]) -> Picture:
    """Figure 4: units as circles, every connection a line.

    Args:
        inputs: what the inputs are, such as ``"LPQ or PHOG"``.
    """
    layers = trace(net, torch.zeros(1, net.hidden.in_features))
    (hidden, own), (output, others) = layers[["layer", "parameters"]].to_numpy().tolist()
    sizes = [net.hidden.in_features, net.hidden.out_features, net.output.out_features]
    figure, ((axis,),) = panels(1, 1, 4.6)
    axis.set_axis_off()
    height, xs = max(sizes), (0, 5, 10)
    places = [np.arange(size) + (height - size) / 2 for size in sizes]
    for left in range(2):
        _connect(axis, xs[left : left + 2], places[left], places[left + 1], "#c9d3de", 0.5)
    for x, ys, look, title in zip(
        xs,
        places,
        (INPUT, HIDDEN, OUTPUT),
        (
            f"input\n{sizes[0]} features",
            f"{hidden}\n{sizes[1]} sigmoid units, {own} parameters",
            f"{output}\n{sizes[2]} linear units, {others} parameters",
        ),
        strict=True,
    ):
        axis.scatter([x] * len(ys), ys, s=95, zorder=2, **look)
        axis.text(x, height + 0.2, title, ha="center", va="bottom", fontsize=9.5)
    for label, y in zip(classes, places[2][::-1], strict=True):
        axis.text(xs[2] + 0.35, y, label, va="center", fontsize=9.5)
    for number, y in enumerate(places[0][::-1], 1):
        axis.text(xs[0] - 0.35, y, f"{inputs} {number}", va="center", ha="right", fontsize=9.5)
    axis.set(xlim=(-2.6, 12.6), ylim=(-0.6, height + 2.2))
    alt = (
        f"Fully connected network: {sizes[0]} inputs, {sizes[1]} sigmoid hidden units, {sizes[2]} "
        f"outputs, one for each of {joined(list(classes))}; {own + others} parameters."
    )
    return Picture(figure, alt, layers)


@styled
def fusion_network(net: FusionNet, modalities: tuple[str, ...], features: int) -> Picture:
    """Figure 5: a row of boxes for each modality's branch, joined by the two fully connected
    layers.
    """
    layers = trace(net, torch.zeros(1, len(modalities), features))
    figure, ((axis,),) = panels(1, 1, 1.15 * len(modalities) + 0.35)
    axis.set_axis_off()
    wide, tall = 0.86, 1.05

    def box(x: float, y: float, kind: str, text: str, *before: tuple[float, float]) -> None:
        """A box, and an arrow to it from each of those before it."""
        axis.add_patch(
            FancyBboxPatch(
                (x - wide / 2, y - tall / 2),
                wide,
                tall,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=FILL[kind],
                edgecolor=EDGE[kind],
            )
        )
        axis.text(x, y, text, ha="center", va="center", fontsize=7.2, linespacing=1.4)
        for left, height in before:
            axis.add_patch(
                FancyArrowPatch(
                    (left + wide / 2, height),
                    (x - wide / 2, y),
                    arrowstyle="-|>",
                    mutation_scale=7,
                    color="#666666",
                    linewidth=0.9,
                )
            )

    text = layers["kind"].map({"Conv1d": "convolve", "MaxPool1d": "max-pool"})
    text = text.fillna(layers["layer"]) + "\n" + layers["output"]
    text += [f"\n{count:,} par." if count else "" for count in layers["parameters"]]
    within = layers["layer"].str.extract(r"^branches\.(\d+)\.")[0]
    ends = []
    for m, modality in enumerate(modalities):
        box(0, -1.6 * m, "input", f"{modality}\n{features}")
        branch = np.flatnonzero(within == str(m))
        for place, k in enumerate(branch):
            box(place + 1, -1.6 * m, layers["kind"][k], text[k], (place, -1.6 * m))
        ends.append((len(branch), -1.6 * m))
    x, y, heads = len(branch) + 0.1, -0.8 * (len(modalities) - 1), np.flatnonzero(within.isna())
    for place, k in enumerate(heads, 1):
        box(
            x + place,
            y,
            layers["kind"][k],
            text[k],
            *(ends if place == 1 else [(x + place - 1, y)]),
        )
    axis.set(xlim=(-0.6, x + len(heads) + 0.6), ylim=(2 * y - 0.7, 0.7))
    alt = (
        f"{len(modalities)} branches, {joined(list(modalities))}, each of "
        f"{(layers['kind'][branch] == 'Conv1d').sum()} convolutions with max-pooling from {features} "
        f"features to {layers['output'][branch[-1]]}; joined by fully connected layers of "
        f"{joined(list(layers['output'][heads]))} units; {layers['parameters'].sum():,} parameters "
        "in all."
    )
    return Picture(figure, alt, layers)


def _pruned(axis: Axes, alive: np.ndarray, inputs: int, outputs: int) -> None:
    """A network of one hidden layer; units that go, and their connections, are pale."""
    below, hidden, above = (
        np.linspace(0, 1, size + 2)[1:-1] for size in (inputs, len(alive), outputs)
    )
    for units, colour, width in ((hidden[~alive], GOES, 0.2), (hidden[alive], STAYS, 0.35)):
        _connect(axis, (0, 1), below, units, colour, width)
        _connect(axis, (1, 2), units, above, colour, width)
    for x, ys in ((0, below), (2, above)):
        axis.scatter([x] * len(ys), ys, s=34, zorder=2, **INPUT)
    axis.scatter(np.ones(alive.sum()), hidden[alive], s=34, zorder=3, **HIDDEN)
    axis.scatter(np.ones((~alive).sum()), hidden[~alive], s=34, zorder=2, **GONE)
    names = ["inputs", "hidden", "outputs"]
    axis.set(xlim=(-0.3, 2.3), ylim=(0, 1), yticks=[], xticks=[0, 1, 2], xticklabels=names)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


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
    figure, ((drawing, matrix, recall),) = panels(1, 3, 2.9, width_ratios=[1.25, 1, 1.1])
    numbers, stay = np.arange(1, len(alive) + 1), f"{alive.sum()} of {len(alive)}"
    _pruned(drawing, alive, *sizes)
    drawing.set_title(f"{len(alive)} hidden units" if alive.all() else f"{stay} units stay")

    top = 180 if np.nanmax(degrees, initial=0) > 90 else 90
    image = matrix.imshow(
        np.ma.masked_invalid(degrees), cmap="crest_r", vmin=0, vmax=top, interpolation="nearest"
    )
    ticks = np.arange(0, len(alive), max(len(alive) // 4, 1))
    matrix.set(xticks=ticks, yticks=ticks, xticklabels=ticks + 1, yticklabels=ticks + 1)
    matrix.set(title="angles / degrees", xlabel="hidden unit", ylabel="hidden unit")
    matrix.grid(visible=False)
    figure.colorbar(image, ax=matrix, ticks=[0, top / 2, top], shrink=0.7)

    reached = []
    for (protocol, part), marker in zip(curves.groupby("protocol", sort=False), "os", strict=False):
        look = {"color": PROTOCOL.get(protocol, UNNAMED), "marker": marker}
        recall.plot(part[x], 100 * part["mean"], label=protocol, **look)
        here = part.loc[part[x] == at, "mean"].mean()
        recall.plot(at, 100 * here, markersize=10, markeredgecolor="black", linestyle="", **look)
        reached.append(f"{percent(here)} under {protocol} folds")
    recall.axhline(100 * chance, **GUESSING, label="guessing")
    recall.axvline(at, color=PAPER, linewidth=1, zorder=0)
    recall.set(title="mean recall / %", xlabel=xlabel)
    recall.legend(fontsize=8)

    between = pd.Series(degrees[np.triu_indices(len(alive), 1)]).dropna()
    angles = f", their angles from {between.min():.0f}° to {between.max():.0f}°"
    alt = (
        f"{xlabel} {at:g}: {stay} hidden units stay{angles if len(between) else ''}. Mean recall "
        f"{', '.join(reached)}."
    )
    data = pd.DataFrame(degrees, columns=[f"degrees to unit {number}" for number in numbers])
    return Picture(figure, alt, pd.DataFrame({"unit": numbers, "stays": alive}).join(data))


@styled
def pruned_network(
    degrees: np.ndarray,
    angle: float,
    activations: np.ndarray,
    alive: np.ndarray,
    inputs: int,
    outputs: int,
) -> Picture:
    """Angles between hidden units, the network drawn with the units that went, and the activations
    of each unit.

    Args:
        degrees: ``[H, H]``, angles between the units before pruning.
        angle: the minimal angle, in degrees; pairs closer than that are marked.
        activations: ``[P, H]`` before pruning.
        alive: ``[H]``, boolean: which units stay.
        inputs, outputs: sizes of the layers below and above.
    """
    units, numbers = len(alive), np.arange(1, len(alive) + 1)
    figure = plt.figure(figsize=(WIDTH, 3.1))  # places by hand: redrawn while a slider moves
    left, middle, right, scale = (
        figure.add_axes(place)
        for place in (
            (0.045, 0.16, 0.25, 0.74),
            (0.4, 0.03, 0.24, 0.87),
            (0.7, 0.16, 0.28, 0.74),
            (0.305, 0.16, 0.012, 0.74),
        )
    )
    ticks = numbers if units <= 8 else numbers[::3]
    lower = np.where(np.tri(units, k=-1, dtype=bool), degrees, np.nan)
    edges = (0.5, units + 0.5)
    shown = left.imshow(lower, aspect="auto", cmap="crest", extent=(*edges, *edges[::-1]))
    row, column = np.nonzero(lower < angle) + np.ones((2, 1))
    left.scatter(column, row, s=120 / units, color="white", edgecolor="#444444", linewidth=0.5)
    left.set(title="angles / degrees", xlabel="hidden unit", xticks=ticks, yticks=ticks)
    left.grid(False)
    figure.colorbar(shown, cax=scale).ax.tick_params(labelsize=8)

    _pruned(middle, alive[::-1], inputs, outputs)  # unit 1 on top, as in the matrix
    middle.set(title=f"{alive.sum()} of {units} units stay")
    middle.set_axis_off()

    order = np.argsort(activations.mean(1))
    right.imshow(
        activations[order], aspect="auto", cmap="cividis", extent=(*edges, len(activations), 0)
    )
    for unit in numbers[~alive]:
        right.axvspan(unit - 0.5, unit + 0.5, color="white", alpha=0.78, linewidth=0)
    right.set(
        title=f"activations, {activations.min():.2f} to {activations.max():.2f}",
        xlabel="hidden unit",
        ylabel="training row",
        xticks=ticks,
        yticks=[],
    )
    right.grid(False)
    gone = "; none goes" if alive.all() else f"; units {joined(list(map(str, numbers[~alive])))} go"
    alt = (
        f"{alive.sum()} of {units} hidden units stay at a minimal angle of {angle:g}°{gone}. "
        f"The closest pair is {pd.Series(lower.ravel()).min():.1f}° apart."
    )
    data = pd.DataFrame(degrees, index=pd.Index(numbers, name="hidden unit"), columns=numbers)
    return Picture(figure, alt, data)
