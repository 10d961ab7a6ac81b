"""Figures 6a, 6b, 7 and 9, and the picture of Table 3: recall of a sweep's networks."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolib.figures.colours import (
    EMOTION,
    EMOTION_MARKER,
    GUESSING,
    MODALITY,
    MODALITY_MARKER,
    PAPER,
    UNNAMED,
)
from emolib.figures.style import (
    Picture,
    band,
    in_percent,
    joined,
    legend_below,
    panels,
    percent,
    styled,
)

Cell = tuple[Axes, pd.DataFrame, str, str]


def _grid(
    summary: pd.DataFrame, row: str, column: str, height: float, labels: tuple[str, str]
) -> tuple[Figure, list[Cell]]:
    """A figure with axes in percent for the values of two columns; for each axis its table rows and
    its two values.
    """
    rows, columns = summary[row].unique(), summary[column].unique()
    figure, axes = panels(len(rows), len(columns), height, sharex=True, sharey=True)
    for axis in axes.flat:
        axis.yaxis.set_major_formatter(in_percent)
        axis.set(xlabel=labels[0], ylabel=labels[1])
        axis.label_outer()
    return figure, [
        (axes[i, j], summary[(summary[row] == r) & (summary[column] == c)], r, c)
        for i, r in enumerate(rows)
        for j, c in enumerate(columns)
    ]


def _best(part: pd.DataFrame) -> pd.Series:
    """The row of the highest mean, the first of several; a missing value is never the highest."""
    return part.sort_values("mean", ascending=False, kind="stable").iloc[0]


@styled
def accuracy_curves(
    summary: pd.DataFrame,
    x: str,
    xlabel: str,
    chance: float,
    *,
    paper: dict[str, tuple[float, float]],
    style: str | None = None,
    styles: Mapping[Hashable, tuple[str, str]] | None = None,
) -> Picture:
    """Mean recall against a setting, a line for each modality; recipes in rows, protocols in
    columns.

    Args:
        summary: columns ``recipe``, ``protocol``, ``modality``, ``x``, ``mean``, ``low``, ``high``
            and, if given, ``style``.
        chance: recall of guessing, marked.
        paper: for a modality the point that the paper prints.
        style: a column whose values get line styles of their own; ``styles`` gives label and line
            style for each.
    """
    figure, cells = _grid(summary, "recipe", "protocol", 2.7, (xlabel, "mean recall / %"))
    alt = []
    for axis, here, recipe, protocol in cells:
        axis.axhline(chance, **GUESSING, label="guessing")
        for keys, part in here.groupby(["modality", style] if style else ["modality"], sort=False):
            modality = str(keys[0])
            name, line = styles[keys[1]] if style and styles else ("", "-")
            label = f"{modality} {name}".strip()
            marker = MODALITY_MARKER.get(modality, "o")
            colour = MODALITY.get(modality, UNNAMED)
            band(axis, part[x], part, colour, marker=marker, label=label, linestyle=line)
            ends = [
                f"{percent(row['mean'])} at {row[x]:g}"
                for row in (part.iloc[0], part.iloc[-1], _best(part))
            ]
            alt.append(f"{recipe}, {protocol}, {label}: {ends[0]}, {ends[1]}, highest {ends[2]}.")
        for modality, (at, value) in paper.items():
            axis.scatter(
                at,
                value,
                marker="*",
                s=150,
                color=MODALITY[modality],
                edgecolor=PAPER,
                linewidth=0.9,
                zorder=5,
                label=f"{modality}, the paper's Table 3",
            )
        axis.set_title(f"{protocol} folds, {recipe} recipe")
    legend_below(figure, cells[0][0], 3)
    return Picture(figure, f"Mean recall over emotions against {xlabel}. " + " ".join(alt), summary)


@styled
def emotion_curves(summary: pd.DataFrame, x: str, xlabel: str, ylabel: str) -> Picture:
    """A measure against a setting, a line for each emotion; protocols in rows, modalities in
    columns.
    """
    figure, cells = _grid(summary, "protocol", "modality", 3.0, (xlabel, f"{ylabel} / %"))
    alt = []
    for axis, here, protocol, modality in cells:
        for emotion, part in here.groupby("emotion", sort=False):
            average = emotion == "average"
            axis.plot(
                part[x],
                part["mean"],
                color=EMOTION.get(str(emotion), UNNAMED),
                marker=EMOTION_MARKER.get(str(emotion), "o"),
                linewidth=2.4 if average else 1.3,
                linestyle="--" if average else "-",
                label=emotion,
            )
            first, last = part["mean"].iloc[[0, -1]]
            alt.append(f"{protocol}, {modality}, {emotion}: {percent(first)} to {percent(last)}.")
        axis.set_title(f"{modality}, {protocol} folds")
    legend_below(figure, cells[0][0], 4)
    span = f"from {summary[x].min():g} to {summary[x].max():g} {xlabel}"
    return Picture(figure, f"{ylabel} by emotion, {span}. " + " ".join(alt), summary)


@styled
def emotion_bars(summary: pd.DataFrame, paper: dict[str, tuple[float, ...]]) -> Picture:
    """Recall by emotion, a bar for each modality and a dash for what the paper prints; a row for
    each panel.

    Args:
        summary: columns ``panel``, ``modality``, ``emotion``, ``mean``, ``low``, ``high``.
        paper: printed values for a modality, in the order of the summary's emotions.
    """
    names, modalities = summary["panel"].unique(), summary["modality"].unique()
    emotions = list(summary["emotion"].unique())
    figure, axes = panels(len(names), 1, 2.2, sharex=True, sharey=True)
    width, alt = 0.8 / len(modalities), []
    for axis, panel in zip(axes[:, 0], names, strict=True):
        for number, modality in enumerate(modalities):
            here = (summary["panel"] == panel) & (summary["modality"] == modality)
            part = summary[here].set_index("emotion").reindex(emotions)
            x = np.arange(len(emotions)) + (number - (len(modalities) - 1) / 2) * width
            axis.bar(
                x,
                part["mean"],
                width * 0.9,
                yerr=np.abs(part[["low", "high"]].to_numpy().T - part["mean"].to_numpy()),
                color=MODALITY.get(modality, UNNAMED),
                label=f"{modality}, ours",
                error_kw={"elinewidth": 1, "ecolor": "#333333"},
            )
            if modality in paper:
                ends = x - width * 0.45, x + width * 0.45
                axis.hlines(paper[modality], *ends, color=PAPER, linewidth=2.4, label="the paper")
            best = _best(part.drop("average", errors="ignore"))
            on = "no row tested" if np.isnan(best["mean"]) else f"highest on {best.name}"
            alt.append(f"{panel}, {modality}: {on} ({percent(best['mean'])}).")
        axis.set(title=panel, ylabel="recall / %")
        axis.grid(axis="x", visible=False)
        axis.yaxis.set_major_formatter(in_percent)
    axes[-1, 0].set_xticks(range(len(emotions)), emotions)
    legend_below(figure, axes[0, 0], 4)
    said = f"Recall by emotion for {joined(list(modalities))}. " + " ".join(alt)
    return Picture(figure, said, summary)
