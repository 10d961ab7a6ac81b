"""Figures 2 and 3: how the features are distributed, before and after scaling."""

import numpy as np
import pandas as pd

from emolib.figures.style import MODALITY, Picture, panels, styled

INCOMPARABLE = 20  # times as wide: on one scale the narrower modality would be a line


@styled
def box_plots(
    features: dict[str, np.ndarray], ylabel: str, reference: float | None = None
) -> Picture:
    """A box for each feature, a panel for each modality, on one scale where that shows them all.

    Args:
        features: ``[N, D]`` for each modality.
        ylabel: what the values are.
        reference: a level to mark, such as the centre that the paper names.
    """
    reach = [np.ptp(values) for values in features.values()]
    figure, axes = panels(
        1, len(features), 3.2, sharey=bool(max(reach) <= INCOMPARABLE * min(reach))
    )
    summary = []
    for axis, (modality, values) in zip(axes[0], features.items(), strict=True):
        frame = pd.DataFrame(
            values, columns=[f"{number}" for number in range(1, values.shape[1] + 1)]
        )
        # Matplotlib's own: seaborn 0.13 draws boxes by an argument that Matplotlib 3.11 is about to
        # drop.
        axis.boxplot(
            values,
            widths=0.55,
            patch_artist=True,
            boxprops={"facecolor": MODALITY.get(modality, "#888888"), "alpha": 0.75},
            medianprops={"color": "#222222"},
            flierprops={"marker": ".", "markersize": 4, "alpha": 0.5, "rasterized": True},
        )
        axis.grid(axis="x", visible=False)
        if reference is not None:
            axis.axhline(reference, color="#111111", linewidth=1, linestyle=":", zorder=0)
        axis.set(title=modality, xlabel="feature (principal component)")
        described = frame.describe().T[["mean", "min", "25%", "50%", "75%", "max"]]
        summary.append(described.rename_axis("feature").reset_index().assign(modality=modality))
    axes[0, 0].set_ylabel(ylabel)
    data = pd.concat(summary, ignore_index=True)
    alt = "Box plots of each feature. " + " ".join(
        f"{modality}: values from {part['min'].min():.2f} to {part['max'].max():.2f}, "
        f"means {', '.join(f'{mean:.2f}' for mean in part['mean'])}."
        for modality, part in data.groupby("modality", sort=False)
    )
    return Picture(figure, alt, data)
