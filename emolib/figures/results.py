"""Results: recall by emotion (Figure 7) and by model, of single splits, of ways to choose settings,
of readings, and the error rates of tests.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolib.figures.colours import GUESSING, MODALITY, OTHER, OURS, PAPER, PROTOCOL, UNNAMED
from emolib.figures.style import (
    MANY,
    Picture,
    in_percent,
    joined,
    legend_below,
    panels,
    percent,
    styled,
    tested,
)

ON_FIFTH = "mean recall on the tested fifth / %"


@styled
def emotion_bars(summary: pd.DataFrame, paper: dict[str, tuple[float, ...]]) -> Picture:
    """Recall by emotion, a bar for each modality and a dash for what the paper prints; a row for
    each panel.

    Args:
        summary: columns ``panel``, ``modality``, ``emotion``, ``mean``, ``low``, ``high``.
        paper: printed values for a modality, in the order of the summary's emotions.
    """
    names, modalities = summary["panel"].unique(), list(summary["modality"].unique())
    emotions, width = list(summary["emotion"].unique()), 0.8 / len(modalities)
    figure, axes = panels(len(names), 1, 2.2, sharex=True, sharey=True)
    alt = [f"Recall by emotion for {joined(modalities)}."]
    for axis, panel in zip(axes[:, 0], names, strict=True):
        for number, modality in enumerate(modalities):
            part = (
                summary[(summary["panel"] == panel) & (summary["modality"] == modality)]
                .set_index("emotion")
                .reindex(emotions)
            )
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
            axis.hlines(
                paper.get(modality, [np.nan] * len(emotions)),
                x - width * 0.45,
                x + width * 0.45,
                color=PAPER,
                linewidth=2.4,
                label="the paper",
            )
            measured = part["mean"].drop("average", errors="ignore").dropna()
            on = [f"highest on {e} ({percent(value)})" for e, value in measured.nlargest(1).items()]
            alt.append(f"{panel}, {modality}: {joined(on) or 'no row tested'}.")
        axis.set(
            title=panel,
            ylabel="recall / %",
            xticks=range(len(emotions)),
            xticklabels=emotions,
        )
        axis.grid(axis="x", visible=False)
        axis.yaxis.set_major_formatter(in_percent)
    legend_below(figure, 4)
    return Picture(figure, " ".join(alt) + tested(summary), summary)


def _rows(
    labels: Iterable[str], height: float, xlabel: str, chance: float = np.nan
) -> tuple[Figure, Axes, np.ndarray]:
    """An axis in percent with a row for each label, from the top down, and the rows' heights."""
    names = list(labels)
    figure, axes = panels(1, 1, height)
    axis, y = axes[0, 0], np.arange(len(names))[::-1]
    axis.set(yticks=y, yticklabels=names, xlabel=xlabel)
    axis.xaxis.set_major_formatter(in_percent)
    axis.grid(axis="y", visible=False)
    if not np.isnan(chance):
        axis.axvline(chance, **GUESSING, label="guessing")
    return figure, axis, y


@styled
def model_recall(summary: pd.DataFrame, paper: dict[str, float], chance: float) -> Picture:
    """Mean recall of each model, ours by protocol with its interval, beside what the paper prints.

    Args:
        summary: columns ``model``, ``protocol``, ``mean``, ``low``, ``high``.
        paper: the printed average of each model.
        chance: recall of guessing, marked.
    """
    models, xlabel = list(summary["model"].unique()), "mean recall over emotions / %"
    figure, axis, place = _rows(models, 0.45 * len(models) + 1.1, xlabel, chance)
    axis.scatter(
        [paper.get(model, np.nan) for model in models],
        place,
        marker="|",
        s=260,
        color=PAPER,
        linewidth=3,
        label="the paper",
    )
    alt = ["Mean recall of each model."]
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
        alt += [
            f"{model}, {protocol}: {percent(mean)}"
            + (f", the paper {percent(paper[model])}." if model in paper else ".")
            for model, mean in part["mean"].items()
        ]
    legend_below(figure, 4)
    return Picture(figure, " ".join(alt) + tested(summary), summary)


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
    measured = {model: pd.Series(values).dropna() for model, values in results.items()}
    figure, axis, place = _rows(
        [f"{model}\n({len(values):,} splits)" for model, values in measured.items()],
        0.62 * len(measured) + 1.2,
        ON_FIFTH,
        chance,
    )
    random, alt = np.random.default_rng(0), ["Results of single random splits."]
    for y, (model, values) in zip(place, measured.items(), strict=True):
        low, middle, high = values.quantile([0.025, 0.5, 0.975])
        below = percent((values < printed[model] - 0.005).mean())
        axis.plot(
            values,
            y + random.uniform(-0.22, 0.22, len(values)),
            ".",
            color=OURS,
            markersize=3,
            alpha=min(1, 25 / max(len(values), 1) ** 0.5 / 4),
            label="one split, one network",
            rasterized=len(values) > MANY,
        )
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
            f"above {below} of splits",
            (printed[model], y),
            (0, 12),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color="#7a5600",
        )
        alt.append(
            f"{model}: median {percent(middle)}, middle 95 % from {percent(low)} to "
            f"{percent(high)}; the paper's {percent(printed[model])} is above {below} of "
            f"{len(values)} splits."
        )
    axis.set_ylim(-0.6, len(measured) - 0.3)
    legend_below(figure, 5)
    return Picture(
        figure,
        " ".join(alt),
        pd.concat(
            [pd.DataFrame({"model": model, "recall": v}) for model, v in results.items()],
            ignore_index=True,
        ),
    )


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
    figure, axis, place = _rows(labels.values(), 0.62 * len(labels) + 1.1, ON_FIFTH, chance)
    axis.axvline(printed, color=PAPER, linewidth=2, label="the paper")
    random = np.random.default_rng(0)
    for y, column in zip(place, labels, strict=True):
        axis.plot(
            frame[column],
            y + random.uniform(-0.2, 0.2, len(frame)),
            ".",
            color=OTHER if y == place[0] else OURS,
            markersize=5,
            alpha=0.5,
            rasterized=len(frame) > MANY,
        )
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
    legend_below(figure, 3)
    return Picture(
        figure,
        f"Test recall over {len(frame)} splits by how the setting was chosen. "
        + " ".join(
            f"{label}: mean {percent(frame[column].mean())}." for column, label in labels.items()
        ),
        frame,
    )


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
    many, high = len(ordered) > MANY, 0.19 * len(marked)
    figure, axes = panels(2, 1, (high + 3.6) / 2, sharex=True, height_ratios=[2.6, high])
    top, marks = axes[:, 0]
    top.plot(ordered.index, ordered["value"], ".", color=OURS, markersize=4, rasterized=many)
    alt = [f"{len(ordered)} readings from {percent(ordered['value'].min())} up."]
    for (name, value), style in zip(printed.items(), ("-", "--", ":"), strict=False):
        reached = f"reached by {(ordered['value'] >= value - 0.005).sum()}"
        top.axhline(
            value,
            color=PAPER,
            linewidth=1.5,
            linestyle=style,
            label=f"{name}: {reached} of {len(ordered)}",
        )
        alt.append(f"{name} ({percent(value)}) is {reached}.")
    top.yaxis.set_major_formatter(in_percent)
    top.set_ylabel("average over emotions / %")
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
    for below in np.cumsum([frame[choice].nunique(dropna=False) for choice in choices]):
        marks.axhline(0.5 - below, color="#cccccc", linewidth=0.8)
    marks.set_yticks(
        -np.arange(len(marked)), [f"{choice}: {value}" for choice, value in marked], fontsize=8
    )
    marks.set(ylim=(-len(marked) + 0.4, 0.7), xlabel="readings, from the lowest to the highest")
    marks.grid(visible=False)
    alt += [
        f"The highest is {percent(best['value'])}: "
        + ", ".join(f"{choice} {best[choice]}" for choice in choices)
        + "."
        for best in ordered.tail(1).to_dict("records")
    ]
    return Picture(figure, " ".join(alt), ordered)


@styled
def error_rates(frame: pd.DataFrame, nominal: float) -> Picture:
    """Share of shuffles in which each test rejects a true null hypothesis, with its binomial
    interval.

    Args:
        frame: columns ``label``, ``rejected``, ``low``, ``high``.
        nominal: how often it should.
    """
    figure, axis, y = _rows(
        frame["label"],
        0.27 * len(frame) + 1.0,
        "share of shuffles in which the test finds something / %",
    )
    axis.axvline(nominal, color=PAPER, linewidth=2, label=f"nominal, {percent(nominal)}")
    axis.hlines(y, frame["low"], frame["high"], color=OURS, linewidth=2, alpha=0.6)
    axis.plot(frame["rejected"], y, "o", color=OURS, label="measured, with its 95 % interval")
    axis.tick_params(axis="y", labelsize=9)
    axis.set_xlim(left=0)
    legend_below(figure, 2)
    return Picture(
        figure,
        "Rejections on shuffled labels. "
        + " ".join(
            f"{row['label']}: {100 * row['rejected']:.1f} %." for row in frame.to_dict("records")
        ),
        frame,
    )
