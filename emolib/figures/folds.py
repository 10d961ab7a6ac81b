"""The split of rows into folds, the groups on both sides of it, and its effect on the score."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from emolib.figures.colours import EMOTION, PROTOCOL
from emolib.figures.style import WIDTH, Picture, styled

LARGEST = [EMOTION[name] for name in EMOTION if name not in ("Neutral", "average")]


@styled
def fold_map(tests: list[np.ndarray], groups: np.ndarray | None, protocol: str) -> Picture:
    """A bar for each fold, a stripe for each row it tests; the largest groups in colour, the others
    in greys.

    Args:
        tests: row numbers that each fold tests.
        groups: ``[N]``; None where the data do not say who is who: then all stripes are grey.
        protocol: for the title.
    """
    known, rows = groups is not None, np.concatenate(tests)
    fold = pd.DataFrame({"fold": np.repeat(range(len(tests)), list(map(len, tests))), "group": 0})
    if groups is not None:
        _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        fold["group"] = np.argsort(np.argsort(-sizes, kind="stable"))[of_row][
            rows
        ]  # 0: the largest
    image = np.ones((len(tests), max(map(len, tests)), 3))
    for number, part in fold.groupby("fold"):
        image[number, : len(part)] = [
            to_rgb(LARGEST[group])
            if known and group < len(LARGEST)
            else (0.72 + 0.06 * (group % 4),) * 3
            for group in part["group"].sort_values()
        ]
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    # by hand, the same whatever the number of folds: what lies below stays in its place
    figure.subplots_adjust(0.07, 0.21, 0.99, 0.88)
    extent = (0, image.shape[1], len(tests) + 0.5, 0.5)
    axis.imshow(image, aspect="auto", interpolation="nearest", extent=extent)
    axis.hlines(np.arange(1.5, len(tests)), *extent[:2], color="white", linewidth=4)
    torn = (
        f"{(fold.groupby('group')['fold'].nunique() > 1).sum()} of {fold['group'].nunique()} groups"
    )
    unknown = "the data do not say who is who"
    axis.set(
        title=f"{protocol} folds: {f'{torn} stand on both sides of a split' if known else unknown}",
        xlabel="rows tested"
        + (" (one colour per large group, greys for the others)" if known else ""),
        ylabel="fold",
        yticks=range(1, len(tests) + 1),
    )
    axis.grid(False)
    counts = fold.value_counts(["fold", "group"]).unstack(fill_value=0).sort_index(axis=0)
    alt = (
        f"{len(tests)} {protocol} folds. "
        + (
            f"{torn} have rows in more than one fold. Rows of the largest group"
            if known
            else f"{unknown.capitalize()}. Rows tested"
        )
        + f", fold by fold: {', '.join(map(str, counts[0]))}."
    )
    data = fold.value_counts(["fold", "group"], sort=False).rename("rows").reset_index()
    return Picture(figure, alt, data if known else data.drop(columns="group"))


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
