"""Figures 8 and 10, confusion matrices, and the matrix of angles between hidden units."""

from string import ascii_lowercase

import numpy as np
import pandas as pd
import seaborn as sns

from emolib.figures.colours import OURS, SEQUENTIAL
from emolib.figures.style import Picture, joined, panels, percent, styled


@styled
def confusion_matrices(
    matrices: dict[str, np.ndarray], classes: tuple[str, ...], columns: int
) -> Picture:
    """A grid of confusion matrices, each row of a matrix in percent of its true emotion.

    The row of an emotion of which no row was tested is empty and says so.

    Args:
        matrices: ``[C, C]`` counts by title, true emotion in rows; filled in row by row of the
            grid.
        columns: matrices in a row of the grid.
    """
    figure, axes = panels(-(-len(matrices) // columns), columns, 3.65, sharey=True)
    tested = {title: counts.sum(1) for title, counts in matrices.items()}
    shares = {
        title: counts / np.where(tested[title] > 0, tested[title], np.nan)[:, None]
        for title, counts in matrices.items()
    }
    top = np.nanmax(np.array(list(shares.values())), initial=0) or 1
    data, alt = [], [f"{len(matrices)} confusion matrices."]
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
        name = f"({ascii_lowercase[number % 26]}) {title}"
        axis.set_title(name, fontsize=9)
        axis.set_ylabel("" if number % columns else "true emotion")
        axis.tick_params(labelsize=8, length=0)
        axis.tick_params(axis="x", labelrotation=90)
        for c in np.flatnonzero(tested[title] == 0):
            axis.text(
                len(classes) / 2, c + 0.5, "no row tested", ha="center", va="center", fontsize=7.5
            )
        data.append(
            pd.DataFrame(share, classes, classes)
            .rename_axis("true")
            .reset_index()
            .assign(tested=tested[title], matrix=title)
        )
        axis.grid(visible=False)
        right = pd.Series(np.diag(share), classes).dropna().nlargest(2).items()
        best = joined([f"{emotion} ({percent(value)})" for emotion, value in right])
        empty = joined([classes[c] for c in np.flatnonzero(tested[title] == 0)])
        alt.append(
            f"{name}, {tested[title].sum():g} rows tested"
            + (f", none of {empty}" if empty else "")
            + (f": most often right on {best}." if best else ".")
        )
    figure.supxlabel("predicted emotion (each row in percent of its true emotion)", fontsize=10)
    return Picture(figure, " ".join(alt), pd.concat(data, ignore_index=True))


@styled
def angle_matrix(degrees: np.ndarray, title: str, printed: dict[tuple[int, int], float]) -> Picture:
    """Angles between hidden units, and set against them the printed ones.

    Args:
        degrees: ``[H, H]``.
        printed: angles by pair of unit numbers, counted from 1.
    """
    figure, axes = panels(1, 2, 3.4)
    matrix, against = axes[0]
    names = [str(unit + 1) for unit in range(len(degrees))]
    sns.heatmap(
        degrees,
        mask=np.triu(np.ones_like(degrees, bool)),
        ax=matrix,
        cmap=SEQUENTIAL,
        annot=True,
        fmt=".1f",
        square=True,
        linewidths=0.5,
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": "angle / degrees"},
    )
    matrix.grid(visible=False)
    matrix.set(title=title, xlabel="hidden unit", ylabel="hidden unit")
    matrix.tick_params(labelrotation=0, length=0)
    data = pd.DataFrame(
        [(i, j, degrees[i - 1, j - 1], angle) for (i, j), angle in sorted(printed.items())],
        columns=["unit", "other unit", "degrees", "printed"],
    )
    against.axline((0, 0), slope=1, color="#999999", linewidth=1, zorder=0)
    against.scatter(data["printed"], data["degrees"], s=22, color=OURS, zorder=2)
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
