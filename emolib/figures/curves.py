"""Curves: training loss, learning curves, accuracy by wildness of the faces, and time per step."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from emolib.figures.colours import (
    GUESSING,
    MODALITY,
    MODALITY_MARKER,
    OURS,
    PAPER,
    UNNAMED,
    WAY,
)
from emolib.figures.style import (
    WIDTH,
    Picture,
    band,
    in_percent,
    joined,
    legend_below,
    panels,
    percent,
    styled,
)
from emolib.paper import DHALL_RANDOM

WAYS = {
    "dataloader": ("loop with a DataLoader", "o"),
    "loop": ("loop without one", "s"),
    "sklearn": ("scikit-learn", "^"),
    "jax": ("JAX, vmap and scan", "D"),
    "ours": ("this library", "X"),
}
NETS = {
    "shallow": "shallow network",
    "lpq": "CNN on LPQ",
    "phog": "CNN on PHOG",
    "fusion": "CNN fusion",
}


@styled
def loss_curves(losses: dict[str, np.ndarray]) -> Picture:
    """Training loss by epoch: the median network and the middle 90 % of them.

    Args:
        losses: by title, ``[K, epochs]``; NaN after a network has stopped.
    """
    figure, axes = panels(1, len(losses), 2.6, sharey=True)
    parts, alt = [], []
    for axis, (title, values) in zip(axes[0], losses.items(), strict=True):
        # a stopped network keeps its last loss, so that the band is of the same networks throughout
        spans = np.quantile(pd.DataFrame(values.T).ffill().T, [0.05, 0.5, 0.95], axis=0)
        part = pd.DataFrame(spans.T, columns=["5%", "median", "95%"])
        part.insert(0, "epoch", part.index + 1)
        axis.fill_between(
            part["epoch"], part["5%"], part["95%"], color=OURS, alpha=0.15, linewidth=0
        )
        axis.plot(part["epoch"], part["median"], color=OURS)
        axis.set(title=title, xlabel="epoch")
        parts.append(part.assign(networks=title)[["networks", *part.columns]])
        first, last = part["median"].iloc[[0, -1]]
        alt.append(f"{title}: median from {first:.4f} to {last:.4f}.")
    axes[0, 0].set_ylabel("mean training loss")
    said = "Training loss by epoch. " + " ".join(alt)
    return Picture(figure, said, pd.concat(parts, ignore_index=True))


@styled
def learning_curves(
    history: pd.DataFrame, epochs: int, chance: dict[str, float] | None = None
) -> Picture:
    """A panel for each quantity, a line for what is compared, a band from the lowest network to the
    highest.

    Args:
        history: columns ``panel``, ``line``, ``epoch``, ``mean``, ``low``, ``high``; it may grow
            while networks train.
        epochs: where the axis ends.
        chance: by panel, the level of guessing.
    """
    names, lines = list(history["panel"].unique()), list(history["line"].unique())
    figure, axes = plt.subplots(1, len(names), figsize=(WIDTH, 2.6), squeeze=False)
    figure.subplots_adjust(0.075, 0.18, 0.98, 0.89, 0.2)  # by hand: redrawn while networks train
    colours, said = [*MODALITY.values(), PAPER], []
    for axis, panel in zip(axes[0], names, strict=True):
        here = history[history["panel"] == panel]
        if chance and panel in chance:
            axis.axhline(chance[panel], **GUESSING, label="guessing")
        for line, part in here.groupby("line", sort=False):
            colour = colours[lines.index(line) % len(colours)]
            band(axis, part["epoch"], part, colour, label=line)
            said.append(f"{panel}, {line}: {part['mean'].iloc[-1]:.3g}")
        axis.set(title=panel, xlabel="epoch", xlim=(0, max(epochs, 1)))
        if chance and panel in chance:
            # whole steps, so that the axis seldom moves while networks train
            low, high = np.floor(10 * here["low"].min()), np.ceil(10 * here["high"].max())
            axis.set_ylim(low / 10, high / 10)
        # always in the same place, above, and never in the way
        axis.legend(
            loc="lower right",
            bbox_to_anchor=(1, 0.99),
            ncols=3,
            fontsize=8.5,
            handlelength=1.2,
            columnspacing=0.9,
            borderaxespad=0,
        )
    alt = f"Learning curves after {history['epoch'].max():.0f} of {epochs} epochs. "
    return Picture(figure, alt + "; ".join(said) + ".", history)


@styled
def wildness_curves(summary: pd.DataFrame, chance: float) -> Picture:
    """Dhall's contrast: accuracy against the wildness of the drawn faces, a panel for each
    protocol, a line for each modality.

    Under random folds, circles at both ends, joined by a broken line, are what Dhall et al.
    measured on real faces: JAFFE, posed in a laboratory, and SFEW, from films, with whole
    descriptors and a support vector machine.

    Args:
        summary: columns ``protocol``, ``modality``, ``wildness``, ``mean``, ``low``, ``high``.
        chance: accuracy of guessing, marked.
    """
    protocols = list(summary["protocol"].unique())
    figure, axes = panels(1, len(protocols), 3.3, sharey=True)
    said = []
    for axis, protocol in zip(axes[0], protocols, strict=True):
        axis.axhline(chance, **GUESSING, label="guessing")
        here = summary[summary["protocol"] == protocol]
        for modality, part in here.groupby("modality", sort=False):
            colour = MODALITY.get(modality, UNNAMED)
            marker, label = MODALITY_MARKER.get(modality, "o"), f"{modality}, drawn faces"
            band(axis, part["wildness"], part, colour, marker=marker, label=label)
            first, last = (
                f"{percent(row['mean'])} at wildness {row['wildness']:g}"
                for _, row in part.iloc[[0, -1]].iterrows()
            )
            said.append(f"{protocol}, {modality}: {first}, {last}.")
            if protocol == "random" and modality in DHALL_RANDOM:
                jaffe, sfew = DHALL_RANDOM[modality]
                axis.plot(
                    (0, 1),
                    (jaffe / 100, sfew / 100),
                    linestyle="--",
                    linewidth=1,
                    color=colour,
                    marker="o",
                    markersize=8,
                    markerfacecolor="white",
                    markeredgewidth=1.8,
                    label=f"{modality}, real faces (Dhall et al. 2011)",
                )
                said.append(f"Dhall et al., {modality}: {jaffe} % on JAFFE, {sfew} % on SFEW.")
        axis.set(title=f"{protocol} folds", xlabel="wildness: 0 laboratory, 1 film", ylim=(0, 1))
        axis.yaxis.set_major_formatter(in_percent)
    axes[0, 0].set_ylabel("accuracy / %")
    legend_below(figure, axes[0, 0], 3)
    return Picture(figure, "Accuracy against wildness. " + " ".join(said), summary)


@styled
def training_costs(rows: pd.DataFrame) -> Picture:
    """Microseconds per training step of one network against how many train at once, for each way of
    training; both axes logarithmic.

    Args:
        rows: columns ``net``, ``method``, ``networks``, ``microseconds_per_net_step``.
    """
    figure, axes = panels(2, 2, 2.6, sharex=True, sharey=True)
    times = rows.set_index(["net", "method", "networks"])["microseconds_per_net_step"]
    most, said = rows["networks"].max(), []
    for axis, (net, title) in zip(axes.flat, NETS.items(), strict=True):
        for method, (label, marker) in WAYS.items():
            part = rows[(rows["net"] == net) & (rows["method"] == method)]
            if len(part):
                x, y = part["networks"], part["microseconds_per_net_step"]
                axis.plot(x, y, color=WAY[method], marker=marker, label=label)
        axis.set(xscale="log", yscale="log", title=title)
        axis.set(xlabel="networks", ylabel="µs a network's step")
        axis.label_outer()
        at = times[net].xs(most, level="networks")
        others = [f"{at[way]:.3g} by {WAYS[way][0]}" for way in WAYS if way in at and way != "ours"]
        said.append(f"{title}: {at['ours']:.3g} by this library, {joined(others)}")
    legend_below(figure, axes[0, 0], len(WAYS))
    alt = f"Microseconds a network's step takes with {most:,} networks. " + ". ".join(said) + "."
    return Picture(figure, alt, rows)
