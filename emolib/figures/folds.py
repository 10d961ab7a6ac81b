"""The rows that each fold tests, and the groups that stand on both sides of a split."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from emolib.figures.colours import EMOTION
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
    fold = pd.DataFrame({"row": np.concatenate(tests), "group": 0})
    fold.insert(0, "fold", np.repeat(np.arange(len(tests)), [len(rows) for rows in tests]))
    colours = np.full((1, 3), 0.72)
    torn = "the data do not say who is who"
    alt = f"{torn}. Rows tested, fold by fold: "
    if groups is not None:
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        rank = np.argsort(np.argsort(-sizes, kind="stable"))  # 0: the largest
        fold["group"] = rank[group][fold["row"]]
        greys = [(0.72 + 0.06 * (r % 4),) * 3 for r in range(len(sizes))]
        colours = np.array([*map(to_rgb, LARGEST), *greys[len(LARGEST) :]])
        torn = f"{(fold.groupby('group')['fold'].nunique() > 1).sum()} of {len(sizes)} groups"
        alt = f"{torn} have rows in more than one fold. Rows of the largest group, fold by fold: "
        torn += " stand on both sides of a split"
    image = np.ones((len(tests), max(map(len, tests)), 3))
    for number, part in fold.groupby("fold"):
        image[number, : len(part)] = colours[np.sort(part["group"])]
    # the same height whatever the number of folds: what lies below stays in its place
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    figure.subplots_adjust(0.07, 0.21, 0.99, 0.88)
    extent = (0, image.shape[1], len(tests) + 0.5, 0.5)
    axis.imshow(image, aspect="auto", interpolation="nearest", extent=extent)
    for number in range(1, len(tests)):
        axis.axhline(number + 0.5, color="white", linewidth=4)
    coloured = "" if groups is None else " (one colour per large group, greys for the others)"
    axis.set(
        title=f"{protocol} folds: {torn}",
        xlabel=f"rows tested{coloured}",
        ylabel="fold",
        yticks=range(1, len(tests) + 1),
    )
    axis.grid(False)
    counts = fold.value_counts(["fold", "group"]).rename("rows").reset_index()
    counts = counts.sort_values(["fold", "group"], ignore_index=True)
    largest = counts[counts["group"] == 0].set_index("fold")["rows"]
    alt += ", ".join(map(str, largest.reindex(range(len(tests)), fill_value=0)))
    data = counts.drop(columns="group") if groups is None else counts
    return Picture(figure, f"{len(tests)} {protocol} folds. {alt}.", data)
