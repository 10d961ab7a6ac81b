"""Figures 6a, 6b, 7 and 9: what a sweep's networks reach, with the spread over seeds."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from emolib.figures.style import (
    EMOTION,
    EMOTION_MARKER,
    MODALITY,
    MODALITY_MARKER,
    PAPER,
    Picture,
    joined,
    panels,
    percent,
    styled,
)


def _percent_axis(axis: Axes) -> None:
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")


def _band(
    axis: Axes,
    x: ArrayLike,
    part: pd.DataFrame,
    color: str,
    label: str,
    marker: str,
    **options: Any,
) -> None:
    axis.fill_between(x, part["low"], part["high"], color=color, alpha=0.13, linewidth=0)
    axis.plot(x, part["mean"], color=color, marker=marker, label=label, **options)


def _grid(
    summary: pd.DataFrame, row: str, column: str, height: float
) -> tuple[Figure, np.ndarray, list[tuple[Axes, pd.DataFrame, str, str]]]:
    """A figure with axes for the values of two columns, and for each axis its table rows and its
    two values.
    """
    rows, columns = summary[row].unique(), summary[column].unique()
    figure, axes = panels(len(rows), len(columns), height, sharex=True, sharey=True)
    cells = [
        (axes[i, j], summary[(summary[row] == r) & (summary[column] == c)], r, c)
        for i, r in enumerate(rows)
        for j, c in enumerate(columns)
    ]
    return figure, axes, cells


def _label(figure: Figure, axes: np.ndarray, xlabel: str, ylabel: str, columns: int) -> None:
    """Labels at the outer axes only, percent on all, and one legend under the grid."""
    for axis in axes.flat:
        _percent_axis(axis)
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    for axis in axes[:, 0]:
        axis.set_ylabel(ylabel)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=columns
    )


@styled
def accuracy_curves(
    summary: pd.DataFrame,
    x: str,
    xlabel: str,
    chance: float,
    *,
    paper: dict[str, tuple[float, float]] | None = None,
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
    figure, axes, cells = _grid(summary, "recipe", "protocol", 2.7)
    alt = []
    for axis, here, recipe, protocol in cells:
        axis.axhline(chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
        for keys, part in here.groupby(["modality", style] if style else ["modality"], sort=False):
            modality = str(keys[0])
            name, line = styles[keys[1]] if style and styles else ("", "-")
            _band(
                axis,
                part[x],
                part,
                MODALITY.get(modality, "#888888"),
                f"{modality} {name}".strip(),
                MODALITY_MARKER.get(modality, "o"),
                linestyle=line,
            )
            first, last, best = part.iloc[0], part.iloc[-1], part.iloc[part["mean"].argmax()]
            alt.append(
                f"{recipe}, {protocol}, {modality} {name}".strip()
                + f": {percent(first['mean'])} at {first[x]:g}, "
                f"{percent(last['mean'])} at {last[x]:g}, highest {percent(best['mean'])} at {best[x]:g}."
            )
        for modality, (at, value) in (paper or {}).items():
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
    _label(figure, axes, xlabel, "mean recall / %", columns=3)
    return Picture(figure, f"Mean recall over emotions against {xlabel}. " + " ".join(alt), summary)


@styled
def emotion_curves(summary: pd.DataFrame, x: str, xlabel: str, ylabel: str) -> Picture:
    """A measure against a setting, a line for each emotion; protocols in rows, modalities in
    columns.
    """
    figure, axes, cells = _grid(summary, "protocol", "modality", 3.0)
    alt = []
    for axis, here, protocol, modality in cells:
        for emotion, part in (
            (str(name), part) for name, part in here.groupby("emotion", sort=False)
        ):
            average = emotion == "average"
            axis.plot(
                part[x],
                part["mean"],
                color=EMOTION.get(emotion, "#888888"),
                marker=EMOTION_MARKER.get(emotion, "o"),
                linewidth=2.4 if average else 1.3,
                linestyle="--" if average else "-",
                label=emotion,
            )
            alt.append(
                f"{protocol}, {modality}, {emotion}: {percent(part['mean'].iloc[0])} to {percent(part['mean'].iloc[-1])}."
            )
        axis.set_title(f"{modality}, {protocol} folds")
    _label(figure, axes, xlabel, f"{ylabel} / %", columns=4)
    start, end = summary[x].min(), summary[x].max()
    return Picture(
        figure,
        f"{ylabel} by emotion, from {start:g} to {end:g} {xlabel}. " + " ".join(alt),
        summary,
    )


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
    place, width, alt = np.arange(len(emotions)), 0.8 / len(modalities), []
    for axis, panel in zip(axes[:, 0], names, strict=True):
        for number, modality in enumerate(modalities):
            part = (
                summary[(summary["panel"] == panel) & (summary["modality"] == modality)]
                .set_index("emotion")
                .loc[emotions]
            )
            x = place + (number - (len(modalities) - 1) / 2) * width
            spread = np.abs(part[["low", "high"]].to_numpy().T - part["mean"].to_numpy())
            axis.bar(
                x,
                part["mean"],
                width * 0.9,
                yerr=spread,
                color=MODALITY.get(modality, "#888888"),
                label=f"{modality}, ours",
                error_kw={"elinewidth": 1, "ecolor": "#333333"},
            )
            if modality in paper:
                label = "the paper" if number == 0 else None
                axis.hlines(
                    paper[modality],
                    x - width * 0.45,
                    x + width * 0.45,
                    color=PAPER,
                    linewidth=2.4,
                    label=label,
                )
            best = part["mean"].drop("average", errors="ignore").idxmax()
            alt.append(
                f"{panel}, {modality}: highest on {best} ({percent(part.loc[best, 'mean'])})."
            )
        axis.set(title=panel, ylabel="recall / %")
        axis.grid(axis="x", visible=False)
        _percent_axis(axis)
    axes[-1, 0].set_xticks(place, emotions)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return Picture(
        figure, f"Recall by emotion for {joined(list(modalities))}. " + " ".join(alt), summary
    )


@styled
def levels(summary: pd.DataFrame, paper: dict[str, float], chance: float) -> Picture:
    """Mean recall of each model, ours by protocol with the spread over seeds, beside what the paper
    prints.

    Args:
        summary: columns ``model``, ``protocol``, ``mean``, ``low``, ``high``.
        paper: the printed average of each model.
        chance: recall of guessing, marked.
    """
    models, protocols = list(summary["model"].unique()), list(summary["protocol"].unique())
    figure, axes = panels(1, 1, 0.45 * len(models) + 1.1)
    axis, place, alt = axes[0, 0], np.arange(len(models))[::-1], []
    axis.axvline(chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
    axis.scatter(
        [paper.get(model, np.nan) for model in models],
        place,
        marker="|",
        s=260,
        color=PAPER,
        linewidth=3,
        label="the paper",
    )
    for number, (protocol, color) in enumerate(
        zip(protocols, ("#17706b", "#9b2f6b"), strict=False)
    ):
        part = summary[summary["protocol"] == protocol].set_index("model").loc[models]
        y = place + 0.14 - 0.28 * number
        axis.hlines(y, part["low"], part["high"], color=color, linewidth=2, alpha=0.5)
        axis.plot(
            part["mean"],
            y,
            "os"[number],
            color=color,
            linestyle="",
            markersize=6,
            label=f"ours, {protocol} folds",
        )
        printed = {
            model: f", the paper {percent(paper[model])}" for model in models if model in paper
        }
        alt += [
            f"{model}, {protocol}: {percent(part.loc[model, 'mean'])}{printed.get(model, '')}."
            for model in models
        ]
    axis.set_yticks(place, models)
    axis.set(xlabel="mean recall over emotions / %")
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Picture(figure, "Mean recall of each model. " + " ".join(alt), summary)


@styled
def loss_curves(losses: dict[str, np.ndarray]) -> Picture:
    """Training loss by epoch: the median network and the middle 90 % of them.

    Args:
        losses: by title, ``[K, epochs]``; NaN after a network has stopped.
    """
    figure, axes = panels(1, len(losses), 2.6, sharey=True)
    data, alt = [], []
    for axis, (title, values) in zip(axes[0], losses.items(), strict=True):
        # a stopped network keeps its last loss, so that the band is of the same networks throughout
        filled = pd.DataFrame(values.T).ffill().to_numpy().T
        low, middle, high = np.quantile(filled, [0.05, 0.5, 0.95], axis=0)
        epochs = np.arange(1, values.shape[1] + 1)
        axis.fill_between(epochs, low, high, color="#17706b", alpha=0.15, linewidth=0)
        axis.plot(epochs, middle, color="#17706b")
        axis.set(title=title, xlabel="epoch")
        data.append(
            pd.DataFrame(
                {"networks": title, "epoch": epochs, "5%": low, "median": middle, "95%": high}
            )
        )
        alt.append(f"{title}: median from {middle[0]:.4f} to {middle[-1]:.4f}.")
    axes[0, 0].set_ylabel("mean training loss")
    return Picture(
        figure, "Training loss by epoch. " + " ".join(alt), pd.concat(data, ignore_index=True)
    )
