"""Distributions: of features, and of results over networks, splits, readings and shuffles."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolib.figures.colours import GUESSING, MODALITY, OTHER, OURS, PAPER, PROTOCOL, UNNAMED
from emolib.figures.style import (
    MANY,
    WIDTH,
    Picture,
    in_percent,
    legend_below,
    panels,
    percent,
    styled,
)

INCOMPARABLE = 20  # times as wide: on one scale the narrower modality would be a line
ON_FIFTH = "mean recall on the tested fifth / %"


@styled
def box_plots(
    features: dict[str, np.ndarray], ylabel: str, reference: float | None = None
) -> Picture:
    """Figures 2 and 3: a box for each feature, a panel for each modality, on one scale where that
    shows them all.

    Args:
        features: ``[N, D]`` for each modality.
        ylabel: what the values are.
        reference: a level to mark, such as the centre that the paper names.
    """
    reach = [np.ptp(values) for values in features.values()]
    shared = bool(max(reach) <= INCOMPARABLE * min(reach))
    figure, axes = panels(1, len(features), 3.2, sharey=shared)
    summary = []
    for axis, (modality, values) in zip(axes[0], features.items(), strict=True):
        # Matplotlib's own: seaborn 0.13 draws boxes by an argument that Matplotlib 3.11 is about to
        # drop.
        axis.boxplot(
            values,
            widths=0.55,
            patch_artist=True,
            boxprops={"facecolor": MODALITY.get(modality, UNNAMED), "alpha": 0.75},
            medianprops={"color": "#222222"},
            flierprops={"marker": ".", "markersize": 4, "alpha": 0.5, "rasterized": True},
        )
        axis.grid(axis="x", visible=False)
        if reference is not None:
            axis.axhline(reference, color="#111111", linewidth=1, linestyle=":", zorder=0)
        axis.set(title=modality, xlabel="feature (principal component)")
        numbers = [str(number) for number in range(1, values.shape[1] + 1)]
        part = pd.DataFrame(values, columns=pd.Index(numbers, name="feature")).describe().T
        part = part[["mean", "min", "25%", "50%", "75%", "max"]].reset_index()
        summary.append(part.assign(modality=modality))
    axes[0, 0].set_ylabel(ylabel)
    data = pd.concat(summary, ignore_index=True)
    alt = "Box plots of each feature. " + " ".join(
        f"{modality}: values from {part['min'].min():.2f} to {part['max'].max():.2f}, "
        f"means {', '.join(f'{mean:.2f}' for mean in part['mean'])}."
        for modality, part in data.groupby("modality", sort=False)
    )
    return Picture(figure, alt, data)


def _rows(labels: list[str], height: float, xlabel: str) -> tuple[Figure, Axes, np.ndarray]:
    """An axis in percent with a row for each label, from the top down, and the rows' heights."""
    figure, axes = panels(1, 1, height)
    axis, y = axes[0, 0], np.arange(len(labels))[::-1]
    axis.set_yticks(y, labels)
    axis.set(xlabel=xlabel)
    axis.xaxis.set_major_formatter(in_percent)
    axis.grid(axis="y", visible=False)
    return figure, axis, y


def _points(
    axis: Axes, y: float, values: np.ndarray, random: np.random.Generator, reach: float, **look: Any
) -> None:
    """A point for each value, moved at random off the row, so that equal values are both seen."""
    apart = random.uniform(-reach, reach, len(values))
    axis.plot(values, y + apart, ".", rasterized=len(values) > MANY, **look)


@styled
def single_splits(
    results: dict[str, np.ndarray], printed: dict[str, float], chance: float
) -> Picture:
    """Results of many single splits, a row of points for each model, and the place of the printed
    figure among them.

    Args:
        results: by model, one recall per split; NaN is left out.
        printed: by model.
        chance: recall of guessing, marked.
    """
    measured = {model: values[~np.isnan(values)] for model, values in results.items()}
    labels = [f"{model}\n({len(values):,} splits)" for model, values in measured.items()]
    figure, axis, place = _rows(labels, 0.62 * len(labels) + 1.2, ON_FIFTH)
    axis.axvline(chance, **GUESSING, label="guessing")
    random, alt = np.random.default_rng(0), []
    for y, (model, values) in zip(place, measured.items(), strict=True):
        if not len(values):
            alt.append(f"{model}: no split has a value.")
            continue
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
        below = (values < printed[model] - 0.005).mean()
        alpha = min(1, 25 / len(values) ** 0.5 / 4)
        look = {"color": OURS, "markersize": 3, "alpha": alpha, "label": "one split, one network"}
        _points(axis, y, values, random, 0.22, **look)
        axis.hlines(y, low, high, color="#222222", linewidth=2, label="middle 95 %")
        axis.plot(middle, y, "|", color="#222222", markersize=14, markeredgewidth=2, label="median")
        axis.plot(
            printed[model],
            y,
            "D",
            color=PAPER,
            markersize=8,
            markeredgecolor="white",
            label="the paper",
        )
        axis.annotate(
            f"above {percent(below)} of splits",
            (printed[model], y),
            (0, 12),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color="#7a5600",
        )
        alt.append(
            f"{model}: median {percent(middle)}, middle 95 % from {percent(low)} to {percent(high)}; "
            f"the paper's {percent(printed[model])} is above {percent(below)} of {len(values)} splits."
        )
    axis.set_ylim(-0.6, len(labels) - 0.3)
    legend_below(figure, axis, 5)
    data = pd.concat(
        [pd.DataFrame({"model": model, "recall": values}) for model, values in results.items()],
        ignore_index=True,
    )
    return Picture(figure, "Results of single random splits. " + " ".join(alt), data)


@styled
def selection_bias(
    frame: pd.DataFrame, labels: dict[str, str], printed: float, chance: float
) -> Picture:
    """Test recall by how the setting was chosen, a point per split.

    Args:
        frame: a column for each way of choosing; NaN is left out.
        labels: what each column is called, in the order shown.
        printed: what the paper prints, marked.
        chance: recall of guessing, marked.
    """
    figure, axis, place = _rows(list(labels.values()), 0.62 * len(labels) + 1.1, ON_FIFTH)
    random = np.random.default_rng(0)
    axis.axvline(chance, **GUESSING, label="guessing")
    axis.axvline(printed, color=PAPER, linewidth=2, label="the paper")
    for y, column in zip(place, labels, strict=True):
        values = frame[column].dropna().to_numpy()
        colour = OTHER if y == place[0] else OURS
        _points(axis, y, values, random, 0.2, color=colour, markersize=5, alpha=0.5)
        axis.plot(
            frame[column].mean(),
            y,
            "|",
            color="#222222",
            markersize=24,
            markeredgewidth=2.5,
            label="mean over splits",
        )
    axis.set_ylim(-0.6, len(labels) - 0.4)
    legend_below(figure, axis, 3)
    alt = f"Test recall over {len(frame)} splits by how the setting was chosen. " + " ".join(
        f"{label}: mean {percent(frame[column].mean())}." for column, label in labels.items()
    )
    return Picture(figure, alt, frame)


@styled
def model_recall(summary: pd.DataFrame, paper: dict[str, float], chance: float) -> Picture:
    """Mean recall of each model, ours by protocol with its interval, beside what the paper prints.

    Args:
        summary: columns ``model``, ``protocol``, ``mean``, ``low``, ``high``.
        paper: the printed average of each model.
        chance: recall of guessing, marked.
    """
    models = list(summary["model"].unique())
    figure, axis, place = _rows(models, 0.45 * len(models) + 1.1, "mean recall over emotions / %")
    axis.axvline(chance, **GUESSING, label="guessing")
    printed = [paper.get(model, np.nan) for model in models]
    axis.scatter(printed, place, marker="|", s=260, color=PAPER, linewidth=3, label="the paper")
    alt = []
    for number, protocol in enumerate(summary["protocol"].unique()):
        part = summary[summary["protocol"] == protocol].set_index("model").reindex(models)
        y, colour = place + 0.14 - 0.28 * number, PROTOCOL.get(protocol, UNNAMED)
        axis.hlines(y, part["low"], part["high"], color=colour, linewidth=2, alpha=0.5)
        axis.plot(
            part["mean"],
            y,
            "os"[number % 2],
            color=colour,
            markersize=6,
            label=f"ours, {protocol} folds",
        )
        for model, mean in part["mean"].items():
            beside = f", the paper {percent(paper[model])}" if model in paper else ""
            alt.append(f"{model}, {protocol}: {percent(mean)}{beside}.")
    legend_below(figure, axis, 4)
    return Picture(figure, "Mean recall of each model. " + " ".join(alt), summary)


@styled
def specification_curve(
    frame: pd.DataFrame, choices: list[str], printed: dict[str, float]
) -> Picture:
    """Every reading as a point, sorted, and under each point a mark for every choice it is made of.

    Args:
        frame: one row per reading, with ``value`` and the columns of ``choices`` as text; a reading
            whose value is NaN is left out.
        choices: columns to show, one block of marks each.
        printed: figures to reach, by name.
    """
    ordered = frame.dropna(subset="value").sort_values("value", ignore_index=True)
    marked = [(choice, value) for choice in choices for value in dict.fromkeys(frame[choice])]
    high = 0.19 * len(marked)
    figure, axes = panels(2, 1, (high + 3.6) / 2, sharex=True, height_ratios=[2.6, high])
    top, marks = axes[:, 0]
    many = len(ordered) > MANY
    top.plot(ordered.index, ordered["value"], ".", color=OURS, markersize=4, rasterized=many)
    alt = [f"{len(ordered)} readings from {percent(ordered['value'].min())} up."]
    for (name, value), style in zip(printed.items(), ("-", "--", ":"), strict=False):
        reached = (ordered["value"] >= value - 0.005).sum()
        label = f"{name}: reached by {reached} of {len(ordered)}"
        top.axhline(value, color=PAPER, linewidth=1.5, linestyle=style, label=label)
        alt.append(f"{name} ({percent(value)}) is reached by {reached}.")
    top.yaxis.set_major_formatter(in_percent)
    top.set(ylabel="average over emotions / %")
    top.legend(loc="lower right")
    for y, (choice, value) in enumerate(marked):
        here = np.flatnonzero(ordered[choice] == value)
        marks.plot(
            here,
            np.full(len(here), -y),
            "|",
            color=OURS if y % 2 else "#444444",
            markersize=6,
            markeredgewidth=0.6,
            rasterized=many,
        )
        if choice != marked[y - len(marked) + 1][0]:
            marks.axhline(-y - 0.5, color="#cccccc", linewidth=0.8)
    names = [f"{choice}: {value}" for choice, value in marked]
    marks.set_yticks(-np.arange(len(marked)), names, fontsize=8)
    marks.set_ylim(-len(marked) + 0.4, 0.7)
    marks.set(xlabel="readings, from the lowest to the highest")
    marks.grid(visible=False)
    for best in ordered.tail(1).to_dict("records"):
        made_of = ", ".join(f"{choice} {best[choice]}" for choice in choices)
        alt.append(f"The highest is {percent(best['value'])}: {made_of}.")
    return Picture(figure, " ".join(alt), ordered)


@styled
def error_rates(frame: pd.DataFrame, nominal: float) -> Picture:
    """Share of shuffles in which each test rejects a true null hypothesis, with its binomial
    interval.

    Args:
        frame: columns ``label``, ``rejected``, ``low``, ``high``.
        nominal: how often it should.
    """
    xlabel = "share of shuffles in which the test finds something / %"
    figure, axis, y = _rows(list(frame["label"]), 0.27 * len(frame) + 1.0, xlabel)
    axis.axvline(nominal, color=PAPER, linewidth=2, label=f"nominal, {percent(nominal)}")
    axis.hlines(y, frame["low"], frame["high"], color=OURS, linewidth=2, alpha=0.6)
    axis.plot(frame["rejected"], y, "o", color=OURS, label="measured, with its 95 % interval")
    axis.tick_params(axis="y", labelsize=9)
    axis.set_xlim(left=0)
    legend_below(figure, axis, 2)
    alt = " ".join(
        f"{label}: {100 * share:.1f} %."
        for label, share in zip(frame["label"], frame["rejected"], strict=True)
    )
    return Picture(figure, f"Rejections on shuffled labels. {alt}", frame)


@styled
def score_distribution(
    scores: pd.DataFrame, chance: float, chosen: tuple[str, int] = ("", -1)
) -> Picture:
    """Mean recall of each seed, a line of dots for each protocol.

    Args:
        scores: columns ``protocol``, ``seed``, ``value``; NaN is left out.
        chance: recall of guessing, marked.
        chosen: protocol and seed of a dot to ring.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 1.9))
    figure.subplots_adjust(0.185, 0.28, 0.99, 0.86)  # by hand: redrawn while networks train
    axis.axvline(100 * chance, color="#777777", linewidth=1, linestyle=":")
    axis.text(100 * chance, 1.52, " guessing", fontsize=8.5, color="#555555", va="top")
    measured, said = scores.dropna(subset="value").sort_values("seed"), []
    for place, (protocol, colour) in enumerate(PROTOCOL.items()):
        part = measured[measured["protocol"] == protocol]
        if part.empty:
            continue
        values = 100 * part["value"].to_numpy()
        # apart, so that equal scores are both seen
        y = 1 - place + 0.22 * np.sin(2.4 * np.arange(len(part)))
        axis.scatter(values, y, s=30, color=colour, alpha=0.75, linewidth=0)
        axis.vlines(values.mean(), 0.6 - place, 1.4 - place, color=colour, linewidth=2)
        said.append(
            f"{protocol}: {len(part)} seeds from {values.min():.0f} to {values.max():.0f} %, "
            f"mean {values.mean():.1f} %"
        )
        ringed = (part["seed"] == chosen[1]).to_numpy() & (protocol == chosen[0])
        axis.scatter(
            values[ringed], y[ringed], s=120, facecolor="none", edgecolor="#111111", linewidth=1.4
        )
    # whole steps, so that the axis seldom moves while networks train
    low, high = (
        np.fmin(chance, measured["value"].min()),
        np.fmax(chance, measured["value"].max()),
    )
    axis.set(
        xlim=(5 * np.floor(20 * low), 5 * np.ceil(20 * high)),
        yticks=(1, 0),
        yticklabels=list(PROTOCOL),
        ylim=(-0.5, 1.6),
        xlabel="mean recall of one seed / %",
        title="the score, over and over",
    )
    axis.grid(axis="y", visible=False)
    return Picture(figure, "Scores by protocol. " + "; ".join(said) + ".", scores)
