"""Curves: recall (Figures 6a, 6b, 9), loss, learning curves, accuracy and time by a setting.

A table with a column ``units`` also gets the hidden units left, their mean over the lines of a
panel, on an axis at the right.
"""

from collections.abc import Callable, Hashable, Mapping
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.ticker import ScalarFormatter

from emolib.figures.style import (
    EMOTION,
    GUESSING,
    MODALITY,
    NEUTRAL,
    PAPER,
    PROTOCOL,
    UNNAMED,
    WAY,
    Picture,
    band,
    in_percent,
    joined,
    look_of,
    on_phone,
    panels,
    percent,
    styled,
    tested,
    with_legend,
)
from emolib.paper import DHALL_RANDOM

NETS = {
    "shallow": "shallow network",
    "lpq": "CNN on LPQ",
    "phog": "CNN on PHOG",
    "fusion": "CNN fusion",
}

UNITS: dict[str, Any] = {
    "color": "#777777",
    "linestyle": (0, (4, 1.5, 1, 1.5)),
    "linewidth": 1.2,
    "label": "hidden units left",
}


def _curves(
    frame: pd.DataFrame,
    x: str,
    by: tuple[str, str],
    lines: list[str],
    look: Callable[..., dict[str, Any]],
    height: float,
    title: str,
    chance: float | None = None,
    sharey: bool | Literal["col"] = True,
    **labels: Any,
) -> tuple[np.ndarray, list[tuple[Any, ...]], str]:
    """A grid of axes in percent for the values of two columns, and in each a line for each value of
    other columns, in the ``look`` of these values.

    Returns:
        The axes; of each line the values that it stands for and its rows of the table; and a
        sentence on the hidden units left, if the table counts them.
    """
    rows, columns = (frame[column].unique() for column in by)
    _, axes = panels(len(rows), len(columns), height, sharex=True, sharey=sharey)
    drawn = []
    for axis, place in zip(axes.flat, product(rows, columns), strict=True):
        if chance is not None:
            axis.axhline(chance, **GUESSING)
        here = frame[(frame[list(by)] == list(place)).all(axis=1)]
        for keys, part in here.sort_values(x, kind="stable").groupby(lines, sort=False):
            band(axis, part[x], part, **look(*keys))
            drawn.append((*place, *keys, part))
        axis.set(title=title.format(*place), **labels)
        axis.yaxis.set_major_formatter(in_percent)
        if sharey is True:  # or each column has a scale of its own to show
            axis.label_outer()
    if "units" not in frame:
        return axes.ravel(), drawn, ""
    left = frame.groupby([*by, x])["units"].mean()
    for axis, place in zip(axes.flat, product(rows, columns), strict=True):
        axis.plot([], [], **UNITS)  # for the legend
        right = axis.twinx()
        right.plot(left[place], **UNITS)
        right.set(ylim=(0, 1.1 * left.max()), ylabel="hidden units left")
        right.label_outer(remove_inner_ticks=True)
    counts = [f"{count:.1f} at {at:g}" for at, count in left.groupby(x).mean().items()]
    return axes.ravel(), drawn, f" Hidden units left: {joined(counts)}."


def _at(row: pd.Series, x: str, unit: str = "") -> str:
    return f"{percent(row['mean'])} at {unit}{row[x]:g}"


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
            and, if given, ``style`` and ``units``, which may be NaN.
        chance: recall of guessing, marked.
        paper: for a modality the point that the paper prints.
        style: a column whose values get line styles of their own; ``styles`` gives label and line
            style for each.
    """

    def shown(modality: str, value: Hashable = None) -> dict[str, Any]:
        name, line = (styles or {}).get(value, ("", "-"))
        return {
            "label": f"{modality} {name}".strip(),
            "linestyle": line,
            **look_of(MODALITY, modality),
        }

    axes, drawn, units = _curves(
        summary,
        x,
        ("recipe", "protocol"),
        ["modality", style] if style else ["modality"],
        shown,
        2.7,
        "{1} folds, {0} recipe",
        chance,
        xlabel=xlabel,
        ylabel="mean recall / %",
    )
    for axis, (modality, (at, value)) in product(axes, paper.items()):
        axis.scatter(
            at,
            value,
            marker="*",
            s=190,
            color=MODALITY[modality],
            edgecolor=PAPER,
            linewidth=0.9,
            zorder=5,
            label=f"{modality}, the paper's Table 3",
        )
    return Picture(
        with_legend(axes[0].figure, 3),
        f"Mean recall over emotions against {xlabel}. "
        + " ".join(
            f"{recipe}, {protocol}, {shown(*keys)['label']}: {_at(part.iloc[0], x)}, "
            f"{_at(part.iloc[-1], x)}, highest "
            f"{_at(part.sort_values('mean', ascending=False, kind='stable').iloc[0], x)}."
            for recipe, protocol, *keys, part in drawn
        )
        + units
        + tested(summary),
        summary,
    )


@styled
def emotion_curves(summary: pd.DataFrame, x: str, xlabel: str, ylabel: str) -> Picture:
    """A measure against a setting, a line for each emotion; protocols in rows, modalities in
    columns.
    """
    axes, drawn, units = _curves(
        summary.drop(columns=["low", "high"]),
        x,
        ("protocol", "modality"),
        ["emotion"],
        lambda emotion: {
            "label": emotion,
            **look_of(EMOTION, emotion),
            "linewidth": 2.4 if emotion == "average" else 1.3,
            "linestyle": "--" if emotion == "average" else "-",
        },
        3.0,
        "{1}, {0} folds",
        xlabel=xlabel,
        ylabel=f"{ylabel} / %",
    )
    return Picture(
        with_legend(axes[0].figure, 4),
        f"{ylabel} by emotion, from {summary[x].min():g} to {summary[x].max():g} {xlabel}. "
        + " ".join(
            f"{protocol}, {modality}, {emotion}: {percent(part['mean'].iloc[0])} to "
            f"{percent(part['mean'].iloc[-1])}."
            for protocol, modality, emotion, part in drawn
        )
        + units
        + tested(summary),
        summary,
    )


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
    axes, drawn, _ = _curves(
        summary.assign(row=0),
        "wildness",
        ("row", "protocol"),
        ["modality"],
        lambda modality: {
            "label": f"{modality}, drawn faces",
            **look_of(MODALITY, modality),
        },
        3.3,
        "{1} folds",
        chance,
        xlabel="wildness: 0 laboratory, 1 film",
        ylabel="accuracy / %",
        ylim=(0, 1),
    )
    protocols = list(summary["protocol"].unique())
    real = DHALL_RANDOM if "random" in protocols else {}
    for modality, (jaffe, sfew) in real.items():
        axes[protocols.index("random")].plot(
            (0, 1),
            (jaffe / 100, sfew / 100),
            linestyle="--",
            linewidth=1,
            color=MODALITY[modality],
            marker="o",
            markersize=8,
            markerfacecolor="white",
            markeredgewidth=1.8,
            label=f"{modality}, real faces (Dhall et al. 2011)",
        )
    said = [
        f"{protocol}, {modality}: {_at(part.iloc[0], 'wildness', 'wildness ')}, "
        f"{_at(part.iloc[-1], 'wildness')}."
        for _, protocol, modality, part in drawn
    ] + [
        f"Dhall et al., {modality}: {jaffe} % on JAFFE, {sfew} % on SFEW."
        for modality, (jaffe, sfew) in real.items()
    ]
    return Picture(
        with_legend(axes[0].figure, 3), "Accuracy against wildness. " + " ".join(said), summary
    )


@styled
def loss_curves(losses: dict[str, np.ndarray]) -> Picture:
    """Training loss by epoch: the median network and the middle 90 % of them.

    Args:
        losses: by title, ``[K, epochs]``; NaN after a network has stopped.
    """
    # a stopped network keeps its last loss, so that the band is of the same networks throughout
    parts = {
        title: pd.DataFrame(values.T, index=range(1, values.shape[1] + 1))
        .ffill()
        .quantile([0.05, 0.5, 0.95], axis=1)
        .T.set_axis(["low", "mean", "high"], axis=1)
        for title, values in losses.items()
    }
    figure, axes = panels(1, len(losses), 2.6, sharey=True)
    for axis, (title, part) in zip(axes[0], parts.items(), strict=True):
        band(axis, part.index, part, NEUTRAL)
        axis.set(title=title, xlabel="epoch")
    axes[0, 0].set_ylabel("mean training loss")
    return Picture(
        figure,
        "Training loss by epoch. "
        + " ".join(
            f"{title}: median from {part['mean'].iloc[0]:.4f} to {part['mean'].iloc[-1]:.4f}."
            for title, part in parts.items()
        ),
        pd.concat(parts, names=["networks", "epoch"])
        .set_axis(["5%", "median", "95%"], axis=1)
        .reset_index(),
    )


@styled
def epoch_curves(
    frame: pd.DataFrame, stops: pd.DataFrame, paper: dict[str, float], chance: float
) -> Picture:
    """Recall on tested rows and training accuracy against the epoch, a row of panels for each
    model, a line for each protocol; the epochs at which training stops are shaded.

    Args:
        frame: columns ``model``, ``protocol``, ``epoch``, ``recall``, ``training accuracy``.
        stops: columns ``model``, ``protocol``, ``low`` and ``high``: the epochs between which the
            loss of the networks had stopped falling.
        paper: by model, what the paper prints.
        chance: recall of guessing, marked.
    """
    measures = ["recall", "training accuracy"]
    axes, drawn, _ = _curves(
        frame.melt(["model", "protocol", "epoch"], measures, "measure", "mean"),
        "epoch",
        ("model", "measure"),
        ["protocol"],
        lambda protocol: {
            "label": f"{protocol} folds",
            "color": PROTOCOL.get(protocol, UNNAMED),
        },
        1.55,
        "{0}: {1}",
        sharey=not on_phone() and "col",  # a column of measures is none on a phone
        xscale="log",
    )
    for axis, (model, measure) in zip(
        axes, product(frame["model"].unique(), measures), strict=True
    ):
        for stop in stops[stops["model"] == model].to_dict("records"):
            axis.axvspan(
                stop["low"],
                stop["high"],
                color=PROTOCOL.get(stop["protocol"], UNNAMED),
                alpha=0.15,
                linewidth=0,
                label=f"stop, {stop['protocol']} folds",
            )
        if measure == "recall":
            axis.axhline(paper[model], color=PAPER, linewidth=2, label="the paper")
            axis.axhline(chance, **GUESSING)
        axis.xaxis.set_major_formatter(ScalarFormatter())
    for axis in axes[-len(measures) :]:
        axis.set_xlabel("epoch")
    axes[0].figure.supylabel("share of rows / %", fontsize=10)
    return Picture(
        with_legend(axes[0].figure, 3),
        f"Recall and training accuracy up to epoch {frame['epoch'].max()}. "
        + " ".join(
            f"{model}, {protocol}, {measure}: {percent(part['mean'].iloc[0])} at epoch "
            f"{part['epoch'].iloc[0]}, {percent(part['mean'].iloc[-1])} at the last."
            for model, measure, protocol, part in drawn
        ),
        frame,
    )


@styled
def learning_curves(
    history: pd.DataFrame, epochs: int, chance: dict[str, float], protocol: str = "random"
) -> Picture:
    """A panel for each quantity, a line for what is compared, a band from the lowest network to the
    highest.

    Args:
        history: columns ``panel``, ``line``, ``epoch``, ``mean``, ``low``, ``high``; it may grow
            while networks train.
        epochs: where the axis ends.
        chance: by panel, the level of guessing, where there is one.
        protocol: kind of folds that gives the second line its colour.
    """
    figure, axes = panels(
        1,
        history["panel"].nunique(),
        2.6,
        layout=None,  # by hand: redrawn while networks train
        gridspec_kw={"left": 0.075, "right": 0.97, "bottom": 0.18, "top": 0.81, "wspace": 0.2},
    )
    lines = dict(
        zip(history["line"].unique(), [NEUTRAL, PROTOCOL.get(protocol, UNNAMED)], strict=False)
    )
    for axis, (panel, here) in zip(axes[0], history.groupby("panel", sort=False), strict=True):
        for line, part in here.groupby("line", sort=False):
            band(axis, part["epoch"], part, lines[line], label=line)
        # the legend stands in the empty line, always in the same place and never in the way
        unit = " / %" * (str(panel) in chance)
        axis.set(title=f"{panel}{unit}\n", xlabel="epoch", xlim=(0, max(epochs, 1)))
        if unit:
            axis.axhline(chance[str(panel)], **GUESSING)
            axis.yaxis.set_major_formatter(in_percent)
            # whole steps, so that the axis seldom moves while networks train
            axis.set_ylim(
                np.floor(10 * here["low"].min()) / 10, np.ceil(10 * here["high"].max()) / 10
            )
        axis.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=4,
            fontsize=8.5,
            handlelength=1.2,
            columnspacing=0.9,
            borderaxespad=0,
        )
    return Picture(
        figure,
        f"Learning curves after {history['epoch'].max():.0f} of {epochs} epochs. "
        + "; ".join(
            f"{row['panel']}, {row['line']}: "
            + (percent(row["mean"]) if row["panel"] in chance else f"{row['mean']:.3g}")
            for row in history.drop_duplicates(["panel", "line"], keep="last").to_dict("records")
        )
        + ".",
        history,
    )


@styled
def training_costs(rows: pd.DataFrame) -> Picture:
    """Microseconds per training step of one network against how many train at once, for each way of
    training; both axes logarithmic.

    Args:
        rows: columns ``net``, ``method``, ``networks``, ``microseconds_per_net_step``.
    """
    figure, axes = panels(2, 2, 2.6, sharex=True, sharey=True)
    alt = [f"Microseconds a network's step takes with {rows['networks'].max():,} networks."]
    for axis, (net, title) in zip(axes.flat, NETS.items(), strict=True):
        times = (
            rows[rows["net"] == net]
            .pivot(index="networks", columns="method", values="microseconds_per_net_step")
            .reindex(columns=list(WAY))
            .dropna(axis="columns", how="all")
        )
        for way in times:
            axis.plot(times[way].dropna(), **WAY[str(way)])
        axis.set(
            xscale="log",
            yscale="log",
            title=title,
            xlabel="networks",
            ylabel="µs per step",
        )
        axis.label_outer()
        at = times.iloc[-1].dropna()  # with most networks
        alt.append(
            f"{title}: {at['ours']:.3g} by this library, "
            + joined(
                [
                    f"{value:.3g} by {WAY[str(way)]['label']}"
                    for way, value in at.drop("ours").items()
                ]
            )
            + "."
        )
    return Picture(with_legend(figure, len(WAY)), " ".join(alt), rows)
