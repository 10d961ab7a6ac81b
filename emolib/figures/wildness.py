"""Dhall's contrast: what a laboratory shows, and what is left of it in films."""

import pandas as pd

from emolib.figures.style import MODALITY, MODALITY_MARKER, Picture, panels, percent, styled
from emolib.paper import DHALL_RANDOM


@styled
def wildness_curves(summary: pd.DataFrame, chance: float) -> Picture:
    """Accuracy against the wildness of the drawn faces, a panel for each protocol, a line for each
    modality.

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
        axis.axhline(100 * chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
        for modality, part in summary[summary["protocol"] == protocol].groupby(
            "modality", sort=False
        ):
            colour = MODALITY.get(modality, "#888888")
            axis.fill_between(
                part["wildness"],
                100 * part["low"],
                100 * part["high"],
                color=colour,
                alpha=0.13,
                linewidth=0,
            )
            axis.plot(
                part["wildness"],
                100 * part["mean"],
                color=colour,
                marker=MODALITY_MARKER.get(modality, "o"),
                label=f"{modality}, drawn faces",
            )
            ends = [percent(part["mean"].iloc[place]) for place in (0, -1)]
            said.append(
                f"{protocol}, {modality}: {ends[0]} at wildness {part['wildness'].iloc[0]:g}, {ends[1]} at {part['wildness'].iloc[-1]:g}."
            )
            if protocol == "random" and modality in DHALL_RANDOM:
                axis.plot(
                    (0, 1),
                    DHALL_RANDOM[modality],
                    linestyle="--",
                    linewidth=1,
                    color=colour,
                    marker="o",
                    markersize=8,
                    markerfacecolor="white",
                    markeredgewidth=1.8,
                    label=f"{modality}, real faces (Dhall et al. 2011)",
                )
                said.append(
                    f"Dhall et al., {modality}: {DHALL_RANDOM[modality][0]} % on JAFFE, {DHALL_RANDOM[modality][1]} % on SFEW."
                )
        axis.set(title=f"{protocol} folds", xlabel="wildness: 0 laboratory, 1 film", ylim=(0, 100))
    axes[0, 0].set_ylabel("accuracy / %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Picture(figure, "Accuracy against wildness. " + " ".join(said), summary)
