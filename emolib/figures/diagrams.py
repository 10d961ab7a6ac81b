"""Figures 4 and 5: the networks, drawn from the modules themselves; names, shapes and counts are
read off, not typed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import nn

from emolib.figures.style import WIDTH, Picture, joined, styled
from emolib.models import FusionNet, ShallowNet

FILL = {"Conv1d": "#cfe8d5", "MaxPool1d": "#f3c9c2", "Linear": "#cfdcee", "input": "#eeeeee"}
EDGE = {"Conv1d": "#2f7d4a", "MaxPool1d": "#b0412f", "Linear": "#33588c", "input": "#777777"}


@dataclass(frozen=True)
class Layer:
    """One call of a module in a forward pass; ``shape`` is of its output, without the batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def trace(net: nn.Module, x: torch.Tensor) -> list[Layer]:
    """Layers of a network in the order in which a forward pass calls them."""
    calls: list[Layer] = []

    def watch(name: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def hook(module: nn.Module, _: object, output: torch.Tensor) -> None:
            count = sum(parameter.numel() for parameter in module.parameters())
            calls.append(Layer(name, type(module).__name__, tuple(output.shape[1:]), count))

        return hook

    handles = [
        m.register_forward_hook(watch(name))
        for name, m in net.named_modules()
        if not list(m.children())
    ]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return calls


def _canvas(height: float) -> tuple[Figure, Axes]:
    figure, axis = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    axis.set_axis_off()
    return figure, axis


def _layers_table(layers: list[Layer]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (layer.name, layer.kind, " × ".join(map(str, layer.shape)), layer.parameters)
            for layer in layers
        ],
        columns=["layer", "kind", "output", "parameters"],
    )


@styled
def shallow_network(net: ShallowNet, inputs: str, classes: tuple[str, ...]) -> Picture:
    """Figure 4: units as circles, every connection a line.

    Args:
        inputs: what the inputs are, such as ``"LPQ or PHOG"``.
    """
    hidden, output = trace(net, torch.zeros(1, net.hidden.in_features))
    sizes = [net.hidden.in_features, hidden.shape[0], output.shape[0]]
    figure, axis = _canvas(4.6)
    height = max(sizes)
    places = [np.linspace(0, 1, size) * (size - 1) + (height - size) / 2 for size in sizes]
    xs = [0, 5, 10]
    for left in range(2):
        for a in places[left]:
            for b in places[left + 1]:
                axis.plot(
                    [xs[left], xs[left + 1]], [a, b], color="#c9d3de", linewidth=0.5, zorder=1
                )
    for x, ys, fill, edge in zip(
        xs,
        places,
        ("#eeeeee", "#f7e3bd", "#cfdcee"),
        ("#777777", "#b07d00", "#33588c"),
        strict=True,
    ):
        axis.scatter([x] * len(ys), ys, s=95, color=fill, edgecolor=edge, zorder=2)
    for label, y in zip(classes, places[2][::-1], strict=True):
        axis.text(xs[2] + 0.35, y, label, va="center", fontsize=9.5)
    for number, y in enumerate(places[0][::-1], 1):
        axis.text(xs[0] - 0.35, y, f"{inputs} {number}", va="center", ha="right", fontsize=9.5)
    titles = [
        f"input\n{sizes[0]} features",
        f"{hidden.name}\n{sizes[1]} sigmoid units, {hidden.parameters} parameters",
        f"{output.name}\n{sizes[2]} linear units, {output.parameters} parameters",
    ]
    for x, title in zip(xs, titles, strict=True):
        axis.text(x, height + 0.2, title, ha="center", va="bottom", fontsize=9.5)
    axis.set(xlim=(-2.6, 12.6), ylim=(-0.6, height + 2.2))
    total = hidden.parameters + output.parameters
    alt = (
        f"Fully connected network: {sizes[0]} inputs, {sizes[1]} sigmoid hidden units, {sizes[2]} outputs, one for each of "
        f"{joined(list(classes))}; {total} parameters."
    )
    return Picture(figure, alt, _layers_table([hidden, output]))


@styled
def fusion_network(net: FusionNet, modalities: tuple[str, ...], features: int) -> Picture:
    """Figure 5: a row of boxes for each modality's branch, joined by the two fully connected
    layers.
    """
    layers = trace(net, torch.zeros(1, len(modalities), features))
    heads = [layer for layer in layers if not layer.name.startswith("branches.")]
    branches = [
        [layer for layer in layers if layer.name.startswith(f"branches.{m}.")]
        for m in range(len(modalities))
    ]
    figure, axis = _canvas(1.15 * len(modalities) + 0.35)
    step, wide, tall = 1.0, 0.86, 1.05

    def box(x: float, y: float, kind: str, text: str) -> None:
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

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        axis.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=7, color="#666666", linewidth=0.9
            )
        )

    def words(layer: Layer) -> str:
        name = {"Conv1d": "convolve", "MaxPool1d": "max-pool", "Linear": layer.name}[layer.kind]
        shape = " × ".join(map(str, layer.shape))
        return f"{name}\n{shape}" + (f"\n{layer.parameters:,} par." if layer.parameters else "")

    end = step * (len(branches[0]) + 0.1)
    for m, (modality, branch) in enumerate(zip(modalities, branches, strict=True)):
        y = -1.6 * m
        box(0, y, "input", f"{modality}\n{features}")
        for place, layer in enumerate(branch, 1):
            box(step * place, y, layer.kind, words(layer))
            arrow((step * (place - 1) + wide / 2, y), (step * place - wide / 2, y))
        arrow(
            (step * len(branch) + wide / 2, y),
            (end + step - wide / 2, -0.8 * (len(modalities) - 1)),
        )
    for place, layer in enumerate(heads, 1):
        x = end + step * place
        box(x, -0.8 * (len(modalities) - 1), layer.kind, words(layer))
        if place > 1:
            arrow(
                (x - step + wide / 2, -0.8 * (len(modalities) - 1)),
                (x - wide / 2, -0.8 * (len(modalities) - 1)),
            )
    axis.set(
        xlim=(-0.6, end + step * len(heads) + 0.6), ylim=(-1.6 * (len(modalities) - 1) - 0.7, 0.7)
    )
    total = sum(layer.parameters for layer in layers)
    convolutions = sum(layer.kind == "Conv1d" for layer in branches[0])
    alt = (
        f"{len(modalities)} branches, {joined(list(modalities))}, each of {convolutions} convolutions with max-pooling from "
        f"{features} features to {' × '.join(map(str, branches[0][-1].shape))}; joined by fully connected layers of "
        f"{joined([str(layer.shape[0]) for layer in heads])} units; {total:,} parameters in all."
    )
    return Picture(figure, alt, _layers_table(layers))
