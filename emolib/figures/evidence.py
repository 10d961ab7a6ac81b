"""What luck does, what readings give, and how often tests are wrong."""

import numpy as np
import pandas as pd

from emolib.figures.style import PAPER, Picture, panels, percent, styled

OURS, OTHER = "#17706b", "#9b2f6b"


@styled
def luck(results: dict[str, np.ndarray], printed: dict[str, float], chance: float) -> Picture:
    """Results of many single splits, a row of points for each model, and where the printed figure
    stands among them.

    Args:
        results: by model, one recall a split.
        printed: by model.
        chance: recall of guessing, marked.
    """
    figure, axes = panels(1, 1, 0.62 * len(results) + 1.2)
    axis, place, alt, data = axes[0, 0], np.arange(len(results))[::-1], [], []
    axis.axvline(chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
    random = np.random.default_rng(0)
    for y, (model, values) in zip(place, results.items(), strict=True):
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
        below = (values < printed[model] - 0.005).mean()
        first = y == place[0]
        axis.plot(
            values,
            y + random.uniform(-0.22, 0.22, len(values)),
            ".",
            color=OURS,
            markersize=3,
            alpha=min(1, 25 / len(values) ** 0.5 / 4),
            label="one split, one network" if first else None,
            rasterized=len(values) > 500,
        )
        axis.hlines(
            y, low, high, color="#222222", linewidth=2, label="middle 95 %" if first else None
        )
        axis.plot(
            middle,
            y,
            "|",
            color="#222222",
            markersize=14,
            markeredgewidth=2,
            label="median" if first else None,
        )
        axis.plot(
            printed[model],
            y,
            "D",
            color=PAPER,
            markersize=8,
            markeredgecolor="white",
            label="the paper" if first else None,
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
            f"{model}: median {percent(middle)}, middle 95 % from {percent(low)} to {percent(high)}; the paper's {percent(printed[model])} is above {percent(below)} of {len(values)} splits."
        )
        data.append(pd.DataFrame({"model": model, "recall": values}))
    axis.set_yticks(
        place, [f"{model}\n({len(values):,} splits)" for model, values in results.items()]
    )
    axis.set_ylim(-0.6, len(results) - 0.3)
    axis.set(xlabel="mean recall on the tested fifth / %")
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return Picture(
        figure,
        "Results of single random splits. " + " ".join(alt),
        pd.concat(data, ignore_index=True),
    )


@styled
def picks(frame: pd.DataFrame, labels: dict[str, str], printed: float, chance: float) -> Picture:
    """Test recall by how the setting was chosen, a point a split.

    Args:
        frame: a column for each way of choosing.
        labels: what each column is called, in the order shown.
        printed: what the paper prints, marked.
        chance: recall of guessing, marked.
    """
    figure, axes = panels(1, 1, 0.62 * len(labels) + 1.1)
    axis, place, alt = axes[0, 0], np.arange(len(labels))[::-1], []
    random = np.random.default_rng(0)
    axis.axvline(chance, color="#777777", linewidth=1, linestyle=":", label="guessing")
    axis.axvline(printed, color=PAPER, linewidth=2, label="the paper")
    for y, (column, label) in zip(place, labels.items(), strict=True):
        values = frame[column].to_numpy()
        axis.plot(
            values,
            y + random.uniform(-0.2, 0.2, len(values)),
            ".",
            color=OTHER if y == place[0] else OURS,
            markersize=5,
            alpha=0.5,
        )
        axis.plot(
            values.mean(),
            y,
            "|",
            color="#222222",
            markersize=24,
            markeredgewidth=2.5,
            label="mean over splits" if y == place[0] else None,
        )
        alt.append(f"{label}: mean {percent(values.mean())}.")
    axis.set_yticks(place, list(labels.values()))
    axis.set_ylim(-0.6, len(labels) - 0.4)
    axis.set(xlabel="mean recall on the tested fifth / %")
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Picture(
        figure,
        f"Test recall over {len(frame)} splits by how the setting was chosen. " + " ".join(alt),
        frame,
    )


@styled
def specification_curve(
    frame: pd.DataFrame, choices: list[str], printed: dict[str, float]
) -> Picture:
    """Every reading as a point, sorted, and under each point a mark for every choice it is made of.

    Args:
        frame: one row a reading, with ``value`` and the columns of ``choices`` as text.
        choices: columns to show, one block of marks each.
        printed: figures to reach, by name.
    """
    ordered = frame.dropna(subset="value").sort_values("value", ignore_index=True)
    blocks = [(choice, list(dict.fromkeys(frame[choice]))) for choice in choices]
    lines = sum(len(values) for _, values in blocks)
    figure, axes = panels(
        2,
        1,
        (0.19 * lines + 3.6) / 2,
        sharex=True,
        gridspec_kw={"height_ratios": [2.6, 0.19 * lines]},
    )
    top, marks = axes[:, 0]
    x = np.arange(len(ordered))
    many = (
        len(ordered) > 500
    )  # then drawn as pixels: a mark for each would make the page half as large again
    top.plot(x, ordered["value"], ".", color=OURS, markersize=4, rasterized=many)
    alt = []
    for (name, value), style in zip(printed.items(), ("-", "--", ":"), strict=False):
        reached = (ordered["value"] >= value - 0.005).sum()
        top.axhline(
            value,
            color=PAPER,
            linewidth=1.5,
            linestyle=style,
            label=f"{name}: reached by {reached} of {len(ordered)}",
        )
        alt.append(f"{name} ({percent(value)}) is reached by {reached}.")
    top.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    top.set(ylabel="average over emotions / %")
    top.legend(loc="lower right")
    y, ticks, names = 0, [], []
    for choice, values in blocks:
        for value in values:
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
            ticks.append(-y)
            names.append(f"{choice}: {value}")
            y += 1
        marks.axhline(-y + 0.5, color="#cccccc", linewidth=0.8)
    marks.set_yticks(ticks, names, fontsize=8)
    marks.set_ylim(-y + 0.4, 0.7)
    marks.set(xlabel="readings, from the lowest to the highest")
    marks.grid(visible=False)
    best = ordered.iloc[-1]
    made_of = ", ".join(f"{choice} {best[choice]}" for choice in choices)
    alt.append(f"The highest is {percent(best['value'])}: {made_of}.")
    return Picture(
        figure,
        f"{len(ordered)} readings from {percent(ordered['value'].min())} up. " + " ".join(alt),
        ordered,
    )


@styled
def error_rates(frame: pd.DataFrame, nominal: float) -> Picture:
    """How often each test rejects where nothing is to be found, with its binomial interval.

    Args:
        frame: columns ``label``, ``rejected``, ``low``, ``high``.
        nominal: how often it should.
    """
    figure, axes = panels(1, 1, 0.27 * len(frame) + 1.0)
    axis, y = axes[0, 0], np.arange(len(frame))[::-1]
    axis.axvline(nominal, color=PAPER, linewidth=2, label=f"nominal, {percent(nominal)}")
    axis.hlines(y, frame["low"], frame["high"], color=OURS, linewidth=2, alpha=0.6)
    axis.plot(frame["rejected"], y, "o", color=OURS, label="measured, with its 95 % interval")
    axis.set_yticks(y, frame["label"], fontsize=9)
    axis.set(xlabel="share of shuffles in which the test finds something / %")
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    alt = " ".join(
        f"{label}: {100 * share:.1f} %."
        for label, share in zip(frame["label"], frame["rejected"], strict=True)
    )
    return Picture(figure, f"Rejections on shuffled labels. {alt}", frame)
