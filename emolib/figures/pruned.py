"""A network before and after pruning: angles, units, activations."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from emolib.figures.style import WIDTH, Picture, joined, styled

STAYS, GOES = "#b07d00", "#c9c9c9"


@styled
def pruned_network(
    degrees: np.ndarray,
    angle: float,
    activations: np.ndarray,
    alive: np.ndarray,
    inputs: int,
    outputs: int,
) -> Picture:
    """Angles between hidden units, the network drawn with the units that went, and what each unit
    does.

    Args:
        degrees: ``[H, H]``, angles between the units before pruning.
        angle: the minimal angle, in degrees; pairs closer than that are marked.
        activations: ``[P, H]`` before pruning.
        alive: ``[H]``, boolean: which units stay.
        inputs, outputs: sizes of the layers below and above.
    """
    units = len(alive)
    numbers = np.arange(1, units + 1)
    figure = plt.figure(figsize=(WIDTH, 3.1))  # places by hand: redrawn while a slider moves
    left, middle, right = (
        figure.add_axes(place)
        for place in ((0.045, 0.16, 0.25, 0.74), (0.4, 0.03, 0.24, 0.87), (0.7, 0.16, 0.28, 0.74))
    )

    lower = np.where(np.tri(units, k=-1, dtype=bool), degrees, np.nan)
    shown = left.imshow(
        lower, aspect="auto", cmap="crest", extent=(0.5, units + 0.5, units + 0.5, 0.5)
    )
    row, column = np.nonzero(np.tri(units, k=-1, dtype=bool) & (degrees < angle))
    left.scatter(
        column + 1, row + 1, s=120 / units, color="white", edgecolor="#444444", linewidth=0.5
    )
    left.set(title="angles / degrees", xlabel="hidden unit")
    ticks = numbers if units <= 8 else numbers[::3]
    left.set(xticks=ticks, yticks=ticks)
    left.grid(False)
    scale = figure.colorbar(shown, cax=figure.add_axes((0.305, 0.16, 0.012, 0.74)))
    scale.ax.tick_params(labelsize=8)

    heights = [
        np.linspace(0.5 - min(n, 16) / 32, 0.5 + min(n, 16) / 32, n) if n > 1 else np.array([0.5])
        for n in (inputs, units, outputs)
    ]
    heights[1] = heights[1][::-1]  # unit 1 on top
    for far, x, stays in ((0, (0, 1), alive), (2, (2, 1), alive)):
        lines = [[(x[0], a), (x[1], b)] for b in heights[1][stays] for a in heights[far]]
        middle.add_collection(LineCollection(lines, color="#9fb3c8", linewidth=0.5, zorder=1))
    for x, y in ((0, heights[0]), (2, heights[2])):
        middle.scatter(np.full(len(y), x), y, s=34, color="#cfdcee", edgecolor="#33588c", zorder=2)
    middle.scatter(
        np.ones(alive.sum()), heights[1][alive], s=46, color="#f7e3bd", edgecolor=STAYS, zorder=2
    )
    middle.scatter(
        np.ones((~alive).sum()), heights[1][~alive], s=30, color=GOES, marker="x", zorder=2
    )
    middle.set(xlim=(-0.2, 2.2), ylim=(-0.06, 1.06), title=f"{alive.sum()} of {units} units stay")
    middle.set_axis_off()

    order = np.argsort(activations.mean(1))
    right.imshow(
        activations[order],
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
        xticks=ticks,
        yticks=[],
    )
    right.grid(False)
    closest = np.nanmin(lower) if units > 1 else np.nan
    gone = (
        f"; units {joined([str(unit) for unit in numbers[~alive]])} go"
        if not alive.all()
        else "; none goes"
    )
    alt = f"{alive.sum()} of {units} hidden units stay at a minimal angle of {angle:g}°{gone}. The closest pair is {closest:.1f}° apart."
    return Picture(
        figure,
        alt,
        pd.DataFrame(degrees, index=pd.Index(numbers, name="hidden unit"), columns=numbers),
    )
