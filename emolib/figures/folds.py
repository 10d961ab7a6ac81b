"""The split of rows into folds, the groups on both sides of it, and its effect on the score."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from emolib.figures.colours import EMOTION, PROTOCOL
from emolib.figures.style import Picture, panels, styled

LARGEST = [to_rgb(EMOTION[name]) for name in EMOTION if name not in ("Neutral", "average")]


WHO = "the data do not say who is who"


@styled
def fold_map(tests: list[np.ndarray], groups: np.ndarray | None, protocol: str) -> Picture:
    """A bar for each fold, a stripe for each row it tests; the largest groups in colour, the others
    in greys.

    Args:
        tests: row numbers that each fold tests.
        groups: ``[N]``; None where the data do not say who is who: then all stripes are grey.
        protocol: for the title.
    """
    rows, count = np.concatenate(tests), len(tests)
    one = np.zeros(rows.max() + 1) if groups is None else groups
    _, group, sizes = np.unique(one, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-sizes, kind="stable"))[group]  # 0: a row of the largest group
    fold = pd.DataFrame(
        {"fold": np.repeat(range(count), list(map(len, tests))), "group": rank[rows]}
    )
    greys = [(0.72 + 0.06 * (r % 4),) * 3 for r in range(len(sizes))]
    colours = np.array(greys if groups is None else [*LARGEST, *greys[len(LARGEST) :]])
    image = np.ones((count, max(map(len, tests)), 3))
    for number, part in enumerate(tests):
        image[number, : len(part)] = colours[np.sort(rank[part])]
    # places by hand, the same for any number of folds: what lies below stays in its place
    figure, ((axis,),) = panels(1, 1, 2.6, layout=None)
    figure.subplots_adjust(0.07, 0.21, 0.99, 0.88)
    wide = image.shape[1]
    axis.imshow(image, aspect="auto", interpolation="nearest", extent=(0, wide, count + 0.5, 0.5))
    axis.hlines(np.arange(1.5, count), 0, wide, color="white", linewidth=4)
    side = np.full(len(group), -1)  # of rows that no fold tests
    side[rows] = fold["fold"]
    several = pd.Series(side).groupby(group).nunique() > 1
    torn = f"{several.sum()} of {len(sizes)} groups"
    title, xlabel, alt = (
        (
            f"{torn} stand on both sides of a split",
            "rows tested (one colour per large group, greys for the others)",
            f"{torn} have rows on both sides of a split. Rows of the largest group",
        )
        if groups is not None
        else (WHO, "rows tested", f"{WHO.capitalize()}. Rows tested")
    )
    axis.set(
        title=f"{protocol} folds: {title}",
        xlabel=xlabel,
        ylabel="fold",
        yticks=range(1, count + 1),
    )
    axis.grid(False)
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
    figure, ((axis,),) = panels(1, 1, 1.9, layout=None)
    figure.subplots_adjust(0.185, 0.28, 0.99, 0.86)  # by hand: redrawn while networks train
    axis.axvline(100 * chance, color="#777777", linewidth=1, linestyle=":")
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
    axis.grid(axis="y", visible=False)
    return Picture(figure, "Scores by protocol. " + "; ".join(said) + ".", scores)
