"""Who is in which fold, and what that does to the score."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from emolib.figures.style import EMOTION, WIDTH, Picture, styled

LARGEST = tuple(
    colour for emotion, colour in EMOTION.items() if emotion not in ("Neutral", "average")
)
PROTOCOL = {"random": "#17706b", "person-independent": "#9b2f6b"}


@styled
def fold_map(tests: list[np.ndarray], groups: np.ndarray, protocol: str) -> Picture:
    """A bar for each fold, a stripe for each row it tests; the largest groups in colour, the others
    in greys.

    Args:
        tests: row numbers that each fold tests.
        groups: ``[N]``.
        protocol: for the title.
    """
    names, sizes = np.unique(groups, return_counts=True)
    rank = np.empty(len(names), int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(names))
    of_row = rank[np.searchsorted(names, groups)]
    colours = np.array(
        [
            to_rgb(LARGEST[r]) if r < len(LARGEST) else (0.72 + 0.06 * (r % 4),) * 3
            for r in range(len(names))
        ]
    )
    image = np.ones((len(tests), max(map(len, tests)), 3))
    for fold, rows in enumerate(tests):
        image[fold, : len(rows)] = colours[np.sort(of_row[rows])]
    figure, axis = plt.subplots(
        figsize=(WIDTH, 2.6)
    )  # whatever the number of folds: what lies below stays where it is
    figure.subplots_adjust(0.07, 0.21, 0.99, 0.88)
    axis.imshow(
        image,
        aspect="auto",
        interpolation="nearest",
        extent=(0, image.shape[1], len(tests) + 0.5, 0.5),
    )
    for fold in range(1, len(tests)):
        axis.axhline(fold + 0.5, color="white", linewidth=4)
    folds_of = pd.DataFrame(
        {
            "group": np.concatenate([of_row[rows] for rows in tests]),
            "fold": np.repeat(range(len(tests)), list(map(len, tests))),
        }
    )
    torn = int((folds_of.groupby("group")["fold"].nunique() > 1).sum())
    axis.set(
        title=f"{protocol} folds: {torn} of {len(names)} groups stand on both sides of a split",
        xlabel="rows tested (one colour a large group, greys for the others)",
        ylabel="fold",
        yticks=range(1, len(tests) + 1),
    )
    axis.grid(False)
    largest = ", ".join(str((of_row[rows] == 0).sum()) for rows in tests)
    alt = f"{len(tests)} {protocol} folds. {torn} of {len(names)} groups have rows in more than one fold. Rows of the largest group, fold by fold: {largest}."
    counts = (
        folds_of.value_counts(["fold", "group"])
        .rename("rows")
        .reset_index()
        .sort_values(["fold", "group"], ignore_index=True)
    )
    return Picture(figure, alt, counts)


@styled
def score_distribution(
    scores: pd.DataFrame, chance: float, chosen: tuple[str, int] | None = None
) -> Picture:
    """Mean recall of each seed, a line of dots for each protocol.

    Args:
        scores: columns ``protocol``, ``seed``, ``value``.
        chance: recall of guessing, marked.
        chosen: protocol and seed of a dot to ring.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 1.9))
    figure.subplots_adjust(0.185, 0.28, 0.99, 0.86)
    protocols, said = list(PROTOCOL), []
    axis.axvline(100 * chance, color="#777777", linewidth=1, linestyle=":")
    axis.text(100 * chance, 1.52, " guessing", fontsize=8.5, color="#555555", va="top")
    for place, protocol in enumerate(protocols):
        part = scores[scores["protocol"] == protocol].sort_values("seed")
        if len(part):
            values = 100 * part["value"].to_numpy()
            y = (
                1 - place + 0.22 * np.sin(2.4 * np.arange(len(part)))
            )  # apart, so that equal scores are both seen
            axis.scatter(values, y, s=30, color=PROTOCOL[protocol], alpha=0.75, linewidth=0)
            axis.vlines(
                values.mean(), 0.6 - place, 1.4 - place, color=PROTOCOL[protocol], linewidth=2
            )
            said.append(
                f"{protocol}: {len(part)} seeds from {values.min():.0f} to {values.max():.0f} %, mean {values.mean():.1f} %"
            )
            if chosen and chosen[0] == protocol and chosen[1] in set(part["seed"]):
                ringed = list(part["seed"]).index(chosen[1])
                axis.scatter(
                    values[ringed],
                    y[ringed],
                    s=120,
                    facecolor="none",
                    edgecolor="#111111",
                    linewidth=1.4,
                )
    # whole steps, so that the axis seldom moves while networks train
    low, high = (
        5 * np.floor(20 * min(scores["value"].min(), chance)),
        5 * np.ceil(20 * max(scores["value"].max(), chance)),
    )
    axis.set(
        xlim=(low, high),
        yticks=(1, 0),
        ylim=(-0.5, 1.6),
        xlabel="mean recall of one seed / %",
        title="the score, over and over",
    )
    axis.set_yticklabels(protocols)
    axis.grid(axis="y", visible=False)
    return Picture(figure, "Scores by protocol. " + "; ".join(said) + ".", scores)
