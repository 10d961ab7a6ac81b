"""One state of a slider: a network as it is drawn, the angles between its hidden units, and what
such networks reach.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from emolib.figures.style import PAPER, Picture, panels, percent, styled

COLOURS = ("#17706b", "#9b2f6b")
KEPT, GONE = "#33588c", "#c9c9c9"


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
    figure, axes = panels(1, 3, 2.9, width_ratios=[1.25, 1, 1.1])
    _network(axes[0, 0], alive, sizes)
    units = len(alive)
    axes[0, 0].set_title(
        f"{alive.sum()} of {units} units stay" if not alive.all() else f"{units} hidden units"
    )

    top = 180 if np.nanmax(degrees, initial=0) > 90 else 90
    image = axes[0, 1].imshow(
        np.ma.masked_invalid(degrees), cmap="crest_r", vmin=0, vmax=top, interpolation="nearest"
    )
    ticks = np.arange(0, units, max(units // 4, 1))
    axes[0, 1].set_xticks(ticks, ticks + 1)
    axes[0, 1].set_yticks(ticks, ticks + 1)
    axes[0, 1].set(title="angles / degrees", xlabel="hidden unit", ylabel="hidden unit")
    axes[0, 1].grid(visible=False)
    figure.colorbar(image, ax=axes[0, 1], ticks=[0, top / 2, top], shrink=0.7)

    reached = []
    for (protocol, part), colour, marker in zip(
        curves.groupby("protocol", sort=False), COLOURS, "os", strict=False
    ):
        axes[0, 2].plot(part[x], 100 * part["mean"], color=colour, marker=marker, label=protocol)
        here = part.loc[part[x] == at, "mean"].mean()
        axes[0, 2].plot(
            at,
            100 * here,
            marker=marker,
            markersize=10,
            color=colour,
            markeredgecolor="black",
            linestyle="",
        )
        reached.append((protocol, here))
    axes[0, 2].axhline(100 * chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
    axes[0, 2].axvline(at, color=PAPER, linewidth=1, zorder=0)
    axes[0, 2].set(title="mean recall / %", xlabel=xlabel)
    axes[0, 2].legend(fontsize=8)

    between = degrees[np.triu_indices(units, 1)]
    spread = (
        f", their angles from {np.nanmin(between):.0f}° to {np.nanmax(between):.0f}°"
        if units > 1
        else ""
    )
    alt = (
        f"{xlabel} {at:g}: {alive.sum()} of {units} hidden units stay{spread}. Mean recall "
        + ", ".join(f"{percent(value)} under {protocol} folds" for protocol, value in reached)
        + "."
    )
    data = pd.DataFrame(degrees, columns=[f"degrees to unit {unit + 1}" for unit in range(units)])
    data.insert(0, "unit", np.arange(1, units + 1))
    data.insert(1, "stays", alive)
    return Picture(figure, alt, data)


def _network(axis: Axes, alive: np.ndarray, sizes: tuple[int, int]) -> None:
    """Circles for units, and all lines between two layers as one path, which keeps the drawing
    small.
    """
    inputs, outputs = sizes
    heights = [np.linspace(0, 1, size + 2)[1:-1] for size in (inputs, len(alive), outputs)]
    for units, colour, width in (
        (np.flatnonzero(~alive), GONE, 0.2),
        (np.flatnonzero(alive), KEPT, 0.35),
    ):
        ends = [((0, a), (1, heights[1][unit])) for unit in units for a in heights[0]]
        ends += [((1, heights[1][unit]), (2, b)) for unit in units for b in heights[2]]
        if ends:
            path = Path(np.array(ends).reshape(-1, 2), [Path.MOVETO, Path.LINETO] * len(ends))
            axis.add_patch(PathPatch(path, edgecolor=colour, linewidth=width, facecolor="none"))
    for place, ys in ((0, heights[0]), (2, heights[2])):
        axis.scatter([place] * len(ys), ys, s=34, color="#eeeeee", edgecolor="#777777", zorder=2)
    axis.scatter(
        np.ones(alive.sum()),
        heights[1][alive],
        s=34,
        color="#f7e3bd",
        edgecolor="#b07d00",
        zorder=3,
    )
    axis.scatter(
        np.ones((~alive).sum()),
        heights[1][~alive],
        s=34,
        color="white",
        edgecolor=GONE,
        linestyle=":",
        zorder=2,
    )
    axis.set(
        xlim=(-0.3, 2.3),
        ylim=(0, 1),
        xticks=[0, 1, 2],
        xticklabels=["inputs", "hidden", "outputs"],
        yticks=[],
    )
    axis.grid(visible=False)
    for side in axis.spines.values():
        side.set_visible(False)
