"""Figures 8 and 10, confusion matrices, and the matrix of angles between hidden units."""

import numpy as np
import pandas as pd
import seaborn as sns

from emolib.figures.style import SEQUENTIAL, Picture, joined, panels, percent, styled


@styled
def confusion_matrices(
    matrices: dict[str, np.ndarray], classes: tuple[str, ...], columns: int
) -> Picture:
    """A grid of confusion matrices, each row of a matrix in percent of its true emotion.

    Args:
        matrices: ``[C, C]`` counts by title, true emotion in rows; filled in row by row of the
            grid.
        columns: matrices in a row of the grid.
    """
    rows = -(-len(matrices) // columns)
    figure, axes = panels(rows, columns, 3.65, sharey=True)
    shares = {title: counts / counts.sum(1, keepdims=True) for title, counts in matrices.items()}
    top = max(share.max() for share in shares.values())
    data, alt = [], []
    for number, (axis, (title, share)) in enumerate(zip(axes.flat, shares.items(), strict=False)):
        sns.heatmap(
            100 * share,
            ax=axis,
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=100 * top,
            annot=True,
            fmt=".0f",
            cbar=False,
            square=True,
            annot_kws={"fontsize": 7.5},
            linewidths=0.5,
            linecolor="white",
            xticklabels=classes,
            yticklabels=classes,
        )
        axis.set_title(f"({'abcdefghijkl'[number]}) {title}", fontsize=9)
        axis.tick_params(labelsize=8, length=0)
        axis.tick_params(axis="x", labelrotation=90)
        data.append(
            pd.DataFrame(share, classes, classes)
            .rename_axis("true")
            .reset_index()
            .assign(matrix=title)
        )
        best = np.argsort(-np.diag(share))[:2]
        named = joined([f"{classes[c]} ({percent(share[c, c])})" for c in best])
        alt.append(f"({'abcdefghijkl'[number]}) {title}: most often right on {named}.")
    for axis in axes[:, 0]:
        axis.set_ylabel("true emotion")
    figure.supxlabel("predicted emotion (each row in percent of its true emotion)", fontsize=10)
    return Picture(
        figure,
        f"{len(matrices)} confusion matrices. " + " ".join(alt),
        pd.concat(data, ignore_index=True),
    )


@styled
def angle_matrix(
    degrees: np.ndarray, title: str, printed: dict[tuple[int, int], float] | None = None
) -> Picture:
    """Angles between hidden units, and where they were printed, the difference.

    Args:
        degrees: ``[H, H]``.
        printed: angles by pair of unit numbers, counted from 1.
    """
    units = range(1, len(degrees) + 1)
    names = [str(unit) for unit in units]
    figure, axes = panels(1, 2 if printed else 1, 3.4)
    upper = np.triu(np.ones_like(degrees, bool))
    sns.heatmap(
        degrees,
        mask=upper,
        ax=axes[0, 0],
        cmap=SEQUENTIAL,
        annot=True,
        fmt=".1f",
        square=True,
        linewidths=0.5,
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": "angle / degrees"},
    )
    axes[0, 0].grid(visible=False)
    axes[0, 0].set(title=title, xlabel="hidden unit", ylabel="hidden unit")
    axes[0, 0].tick_params(labelrotation=0, length=0)
    pairs = [(i, j, degrees[i - 1, j - 1]) for i in units for j in units if i < j]
    data = pd.DataFrame(pairs, columns=["unit", "other unit", "degrees"])
    smallest = data.iloc[data["degrees"].argmin()]
    alt = (
        f"Angles between {len(units)} hidden units, from {smallest['degrees']:.1f}° (units {smallest['unit']:.0f} and "
        f"{smallest['other unit']:.0f}) to {data['degrees'].max():.1f}°."
    )
    if printed:
        data["printed"] = [printed[i, j] for i, j, _ in pairs]
        axis = axes[0, 1]
        axis.axline((0, 0), slope=1, color="#999999", linewidth=1, zorder=0)
        axis.scatter(data["printed"], data["degrees"], s=22, color="#17706b", zorder=2)
        axis.set(
            title="Against the printed angles",
            xlabel="printed / degrees",
            ylabel="recomputed / degrees",
        )
        worst = (data["degrees"] - data["printed"]).abs().max()
        alt += f" The largest difference from the printed angles is {worst:.2f}°."
    return Picture(figure, alt, data)
