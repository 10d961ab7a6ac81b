"""Recall bars (Figure 7), confusion matrices (Figures 8, 10), readings, error rates, folds."""

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emolib.figures.style import (
    GUESSING,
    MANY,
    MODALITY,
    NEUTRAL,
    PAPER,
    PROTOCOL,
    UNNAMED,
    Picture,
    counted,
    heat_map,
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

PAPER_TEXT = "#7a5600"  # its colour, in words
WAYS = (("#22252a", "o"), (NEUTRAL, "^"), ("#949494", "s"))  # of choosing a setting
LARGEST = colormaps["viridis"](np.linspace(0, 1, 6))  # no emotion's colour for a person


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
    figure, axes = panels(len(names), 1, 2.2, "y", sharex=True, sharey=True)
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
            known = part["mean"].drop("average", errors="ignore").dropna()
            best = f"highest on {known.idxmax()} ({percent(known.max())})" if len(known) else ""
            alt.append(f"{panel}, {modality}: {best or 'no row tested'}.")
        axis.set(
            title=panel,
            ylabel="recall / %",
            xticks=range(len(emotions)),
            xticklabels=emotions,
        )
        axis.tick_params(axis="x", labelrotation=90 * on_phone())
        axis.yaxis.set_major_formatter(in_percent)
    return Picture(with_legend(figure, 4), " ".join(alt) + tested(summary), summary)


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
    figure, axes = panels(-(-len(matrices) // columns), columns, 3.65, "", sharey=True)
    counts = np.array(list(matrices.values()))
    tested = counts.sum(2)
    shares = counts / np.where(tested > 0, tested, np.nan)[..., None]
    alt = [f"{len(matrices)} confusion matrices."]
    highest = 100 * (np.nanmax(shares, initial=0) or 1)
    for number, (axis, title, share) in enumerate(zip(axes.flat, matrices, shares, strict=False)):
        # whole percent, as shown: as many colours as numbers
        heat_map(axis, (100 * share).round(), classes, "{:.0f}", highest, fontsize=7.5)
        untested = np.flatnonzero(tested[number] == 0)
        name = f"({ascii_lowercase[number % 26]}) {title}"
        axis.set_title(name, fontsize=9)
        axis.set_ylabel("" if number % columns else "true emotion")
        axis.tick_params(labelsize=8, length=0)
        axis.tick_params(axis="x", labelrotation=90)
        for c in untested:
            axis.text(
                len(classes) / 2, c + 0.5, "no row tested", ha="center", va="center", fontsize=7.5
            )
        right = pd.Series(np.diag(share), classes).dropna().nlargest(2)
        best = joined([f"{emotion} ({percent(value)})" for emotion, value in right.items()])
        alt.append(
            f"{name}, {tested[number].sum():g} rows tested"
            + (f", none of {joined([classes[c] for c in untested])}" if len(untested) else "")
            + (f": most often right on {best}." if best else ".")
        )
    figure.supxlabel("predicted emotion / % of the true emotion", fontsize=10)
    return Picture(
        figure,
        " ".join(alt),
        pd.DataFrame({"true": classes * len(matrices)})
        .join(pd.DataFrame(np.concatenate(shares), columns=list(classes)))
        .assign(tested=tested.ravel(), matrix=np.repeat(list(matrices), len(classes))),
    )


def _rows(
    labels: Sequence[str], height: float, xlabel: str, mark: float, **look: Any
) -> tuple[Figure, Axes, np.ndarray]:
    """An axis in percent with a row for each label, from the top down, and the rows' heights; a
    line marks a value of the axis.
    """
    figure, ((axis,),) = panels(1, 1, height, "x")
    y = np.arange(len(labels))[::-1]
    axis.set(yticks=y, yticklabels=labels, xlabel=xlabel)
    axis.xaxis.set_major_formatter(in_percent)
    axis.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 5, 10]))
    axis.axvline(mark, **look)
    return figure, axis, y


@styled
def model_recall(summary: pd.DataFrame, paper: dict[str, float], chance: float) -> Picture:
    """Mean recall of each model, ours by protocol with its interval, beside what the paper prints.

    Args:
        summary: columns ``model``, ``protocol``, ``mean``, ``low``, ``high``.
        paper: the printed average of each model.
        chance: recall of guessing, marked.
    """
    models = list(summary["model"].unique())
    every = pd.MultiIndex.from_product([summary["protocol"].unique(), models])
    levels = summary.set_index(["protocol", "model"]).reindex(every)
    figure, axis, place = _rows(
        models, 0.45 * len(models) + 0.9, "mean recall over emotions / %", chance, **GUESSING
    )
    printed = pd.Series([paper.get(model, np.nan) for model in models], models)
    axis.scatter(printed, place, marker="|", s=260, color=PAPER, linewidth=3)
    words = [("the paper", printed, 0.14, PAPER_TEXT, False)]
    for number, (protocol, part) in enumerate(levels.groupby(level=0, sort=False)):
        shift, look = 0.14 - 0.28 * number, look_of(PROTOCOL, str(protocol))
        axis.hlines(
            place + shift, part["low"], part["high"], color=look["color"], linewidth=2, alpha=0.7
        )
        axis.plot(part["mean"], place + shift, linestyle="", markersize=6, **look)
        word = {"person-independent": "new people"}.get(str(protocol), f"{protocol} folds")
        means = part["mean"].droplevel(0)
        words.append(
            (word, means, shift, look["color"], not number and bool((means < printed).iloc[0]))
        )
    # in place of a legend: words beside the first mark of each kind, away from each other
    for word, values, shift, colour, left in words:
        for model, value in values.dropna().head(1).items():
            axis.annotate(
                word,
                (value, place[models.index(model)] + shift),
                (-3 if left else 3, 6 if shift > 0 else -6),
                textcoords="offset points",
                ha="right" if left else "left",
                va="bottom" if shift > 0 else "top",
                color=colour,
                fontsize=9.5,
            )
    axis.annotate(" guessing", (chance, -0.7), fontsize=9.5, color=GUESSING["color"])
    axis.set_ylim(-0.8, len(models) - 0.4)
    return Picture(
        figure,
        "Mean recall of each model. "
        + " ".join(
            f"{model}, {protocol}: {percent(mean)}"
            + (f", the paper {percent(paper[model])}." if model in paper else ".")
            for (protocol, model), mean in zip(every, levels["mean"], strict=True)
        )
        + tested(summary),
        summary,
    )


@styled
def split_recall(
    frame: pd.DataFrame, labels: dict[str, str], printed: dict[str, float], chance: float
) -> Picture:
    """Recall on single splits, a point per split: rows by model and by how its setting was chosen.

    Args:
        frame: ``model``, and a column for each way of choosing; NaN is left out.
        labels: what each of these columns is called, in the order shown.
        printed: by model, what the paper prints, marked.
        chance: recall of guessing, marked.
    """
    parts = {str(model): part for model, part in frame.groupby("model", sort=False)}
    figure, axis, place = _rows(
        [f"{model}\n({counted(len(part), 'split')})" for model, part in parts.items()],
        0.3 * len(parts) * max(2, len(labels)) + 1.3,
        "mean recall on the tested fifth / %",
        chance,
        **GUESSING,
    )
    random, alt = np.random.default_rng(0), ["Recall on single splits."]
    step = 0.8 / len(labels)
    for y, (model, part) in zip(place, parts.items(), strict=True):
        axis.vlines(printed[model], y - 0.4, y + 0.4, PAPER, linewidth=2.5, label="the paper")
        means = part[list(labels)].mean()
        for number, (column, label) in enumerate(labels.items()):
            colour, marker = WAYS[(number - len(labels)) % 3]  # grey where there is one way
            at = y + step * ((len(labels) - 1) / 2 - number)
            axis.plot(
                part[column],
                at + random.uniform(-0.3, 0.3, len(part)) * step,
                linestyle="",
                color=colour,
                marker=marker,
                markersize=3.5,
                alpha=min(0.6, 6 / len(part) ** 0.5),
                label=label,
                rasterized=len(frame) > MANY,
            )
            axis.plot(
                means[column],
                at,
                "|",
                color="#222222",
                markersize=15,
                markeredgewidth=2.5,
                label="mean over splits",
            )
        alt.append(
            f"{model}, {counted(len(part), 'split')} (the paper: {percent(printed[model])}): mean "
            + joined([f"{label} {percent(means[column])}" for column, label in labels.items()])
            + "."
        )
    axis.set_ylim(-0.6, len(parts) - 0.4)
    return Picture(with_legend(figure, 3), " ".join(alt), frame)


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
    figure, ((top,), (marks,)) = panels(
        2, 1, (high + 3.6) / 2, "", sharex=True, height_ratios=[2.6, high]
    )
    top.grid()
    top.plot(ordered.index, ordered["value"], ".", color=NEUTRAL, markersize=4, rasterized=many)
    alt = [f"{len(ordered)} readings from {percent(ordered['value'].min())} up."]
    for (name, value), style in zip(printed.items(), ("-", "--", ":"), strict=False):
        # a column, so that a reader's own selection can be counted by the same rule
        column = f"reaches {percent(value)}"
        ordered[column] = (ordered["value"] >= value - 0.005).astype(int)
        by = f"reached by {ordered[column].sum():,}"
        top.axhline(
            value,
            color=PAPER,
            linewidth=1.5,
            linestyle=style,
            label=f"{name}: {by} of {len(ordered):,}",
        )
        alt.append(f"{name} ({percent(value)}) is {by}.")
    top.yaxis.set_major_formatter(in_percent)
    top.set_ylabel("average over emotions / %")
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    places = -np.arange(len(marked))
    marks.eventplot(
        [np.flatnonzero(ordered[choice] == value) for choice, value in marked],
        lineoffsets=places,
        linelengths=0.5,
        linewidths=0.6,
        colors=np.resize([UNNAMED, NEUTRAL], len(marked)),
        rasterized=many,
    )
    marks.set_yticks(places, [f"{choice}: {value}" for choice, value in marked], fontsize=8)
    blocks = np.cumsum([frame[choice].nunique(dropna=False) for choice in choices])
    marks.hlines(
        0.5 - blocks,
        0,
        1,
        transform=marks.get_yaxis_transform(),
        color="#cccccc",
        linewidth=0.8,
    )
    marks.set(ylim=(-len(marked) + 0.4, 0.7), xlabel="readings, sorted")
    for best in ordered.tail(1).to_dict("records"):  # none where nothing was measured
        made = ", ".join(f"{choice} {best[choice]}" for choice in choices)
        alt.append(f"The highest is {percent(best['value'])}: {made}.")
    return Picture(figure, " ".join(alt), ordered)


@styled
def error_rates(frame: pd.DataFrame, nominal: float) -> Picture:
    """Share of shuffles in which each test rejects a true null hypothesis, with its binomial
    interval.

    Args:
        frame: columns ``label``, ``rejected``, ``low``, ``high``.
        nominal: how often it should.
    """
    # the kind of folds stands below the test
    figure, axis, y = _rows(
        ["\n".join(label.rsplit(", ", 1)) for label in frame["label"]],
        0.38 * len(frame) + 1.0,
        "shuffles with a finding / %",
        nominal,
        color="#222222",
        linewidth=1.5,
        linestyle="--",
        label=f"nominal, {percent(nominal)}",
    )
    axis.hlines(y, frame["low"], frame["high"], color=NEUTRAL, linewidth=2, alpha=0.6)
    axis.plot(frame["rejected"], y, "o", color=NEUTRAL, label="measured, with its 95 % interval")
    axis.tick_params(axis="y", labelsize=8.5)
    axis.set_xlim(left=0)
    return Picture(
        with_legend(figure, 2),
        "Rejections on shuffled labels. "
        + " ".join(
            f"{row['label']}: {100 * row['rejected']:.1f} %." for row in frame.to_dict("records")
        ),
        frame,
    )


@styled
def fold_map(tests: list[np.ndarray], groups: np.ndarray | None, protocol: str) -> Picture:
    """A bar for each fold, a stripe for each row it tests; the largest groups in colour, the others
    in greys.

    Args:
        tests: row numbers that each fold tests.
        groups: ``[N]``; None where the data do not say who is who: then all stripes are grey.
        protocol: for the title.
    """
    rows, count, wide = np.concatenate(tests), len(tests), max(map(len, tests))
    _, group, sizes = np.unique(
        np.zeros(rows.max() + 1) if groups is None else groups,
        return_inverse=True,
        return_counts=True,
    )
    rank = np.argsort(np.argsort(-sizes, kind="stable"))[group]  # 0: a row of the largest group
    fold = pd.DataFrame(
        {"fold": np.repeat(range(count), list(map(len, tests))), "group": rank[rows]}
    )
    greys = [(*(0.72 + 0.06 * (r % 4),) * 3, 1) for r in range(len(sizes))]
    shown = greys if groups is None else [*LARGEST, *greys[len(LARGEST) :]]
    colours = np.array([*shown, (1, 1, 1, 0)])  # the last, clear, where a fold has ended
    figure, ((axis,),) = panels(
        1,
        1,
        2.6,
        "",
        layout=None,  # by hand, the same for any number of folds: what lies below keeps its place
        gridspec_kw={"left": 0.07, "right": 0.97, "bottom": 0.21, "top": 0.88},
    )
    axis.imshow(
        colours[
            [np.pad(np.sort(rank[own]), (0, wide - len(own)), constant_values=-1) for own in tests]
        ],
        aspect="auto",
        interpolation="nearest",
        extent=(0, wide, count + 0.5, 0.5),
    )
    axis.hlines(np.arange(1.5, count), 0, wide, color="white", linewidth=4)
    side = pd.Series(fold["fold"].to_numpy(), rows).reindex(range(len(group)), fill_value=-1)
    torn = f"{(side.groupby(group).nunique() > 1).sum()} of {len(sizes)} groups"
    title, xlabel, alt = (
        (
            "the data do not say who is who",
            "rows tested",
            "The data do not say who is who. Rows tested",
        )
        if groups is None
        else (
            f"{torn} stand on both sides of some split",
            "rows tested (large groups in colour)",
            f"{torn} have rows on both sides of a split. Rows of the largest group",
        )
    )
    axis.set(
        title=("{} folds:\n{}" if on_phone() else "{} folds: {}").format(protocol, title),
        xlabel=xlabel,
        ylabel="fold",
        yticks=range(1, count + 1),
    )
    largest = fold["fold"][fold["group"] == 0].value_counts().reindex(range(count), fill_value=0)
    return Picture(
        figure,
        f"{count} {protocol} folds. {alt}, fold by fold: {', '.join(map(str, largest))}.",
        fold.value_counts(["fold", "group"][: 1 if groups is None else 2])
        .rename("rows")
        .sort_index()
        .reset_index(),
    )


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
    figure, ((axis,),) = panels(
        1,
        1,
        1.9,
        "x",
        layout=None,  # by hand: redrawn while networks train
        gridspec_kw={"left": 0.185, "right": 0.975, "bottom": 0.28, "top": 0.86},
    )
    axis.axvline(100 * chance, **GUESSING)
    axis.text(100 * chance, 1.52, " guessing", fontsize=8.5, color="#555555", va="top")
    measured, said = scores.dropna(subset="value").sort_values("seed"), []
    for protocol, part in measured.groupby("protocol", sort=False):
        place, colour = list(PROTOCOL).index(str(protocol)), PROTOCOL[str(protocol)]
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
    axis.set(
        xlim=(
            5 * np.floor(20 * np.fmin(chance, measured["value"].min())),
            5 * np.ceil(20 * np.fmax(chance, measured["value"].max())),
        ),
        yticks=(1, 0),
        yticklabels=list(PROTOCOL),
        ylim=(-0.5, 1.6),
        xlabel="mean recall of one seed / %",
        title="the score, over and over",
    )
    return Picture(figure, "Scores by protocol. " + "; ".join(said) + ".", scores)
