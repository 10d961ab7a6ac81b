"""Learning curves: how networks come along, epoch by epoch."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from emolib.figures.style import MODALITY, WIDTH, Picture, styled

COLOURS = (*MODALITY.values(), "#b07d00")


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
    names = list(history["panel"].unique())
    figure, axes = plt.subplots(1, len(names), figsize=(WIDTH, 2.6), squeeze=False)
    figure.subplots_adjust(0.075, 0.18, 0.98, 0.89, 0.2)  # by hand: redrawn while networks train
    lines = list(history["line"].unique())
    said = []
    for axis, panel in zip(axes[0], names, strict=True):
        if chance and panel in chance:
            axis.axhline(
                chance[panel], color="#777777", linewidth=1, linestyle=":", label="guessing"
            )
        for line in lines:
            part = history[(history["panel"] == panel) & (history["line"] == line)]
            if len(part):
                colour = COLOURS[lines.index(line) % len(COLOURS)]
                axis.fill_between(
                    part["epoch"], part["low"], part["high"], color=colour, alpha=0.15, linewidth=0
                )
                axis.plot(part["epoch"], part["mean"], color=colour, label=line)
                said.append(f"{panel}, {line}: {part['mean'].iloc[-1]:.3g}")
        axis.set(title=panel, xlabel="epoch", xlim=(0, max(epochs, 1)))
        if (
            chance and panel in chance
        ):  # whole steps, so that the axis seldom moves while networks train
            shown = history.loc[history["panel"] == panel, ["low", "high"]]
            axis.set_ylim(
                np.floor(10 * shown["low"].min()) / 10, np.ceil(10 * shown["high"].max()) / 10
            )
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
    epoch = int(np.max(history["epoch"]))
    return Picture(
        figure,
        f"Learning curves after {epoch} of {epochs} epochs. " + "; ".join(said) + ".",
        history,
    )
