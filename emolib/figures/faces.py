"""Faces and their features: samples (Figure 1), box plots (Figures 2, 3), descriptors."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from emolib.figures.style import (
    BARE,
    EMOTION,
    KEPT,
    MODALITY,
    UNNAMED,
    WIDTH,
    Picture,
    joined,
    panels,
    styled,
)

BINS = 8  # directions of a gradient


def _grid(images: np.ndarray, titles: Sequence[str], across: int, size: float) -> Figure:
    """Grey images ``[N, H, W]`` row by row, each below a title of a font size."""
    # one pair of axes for all: matplotlib takes longer to make axes than to draw, and the confusion
    # lab draws this while it trains
    wide, high = WIDTH / across, WIDTH / across + 0.22  # inches, with the line of text
    rows = -(-len(images) // across)
    figure = plt.figure(figsize=(WIDTH, rows * high))
    axis = figure.add_axes((0, 0, 1, 1), **BARE)
    for place, (image, title) in enumerate(zip(images, titles, strict=True)):
        left, top = place % across * wide, place // across * high + 0.2
        axis.imshow(
            image,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(left + 0.03, left + wide - 0.03, top + wide - 0.06, top),
        )
        axis.text(left + wide / 2, top - 0.04, title, fontsize=size, fontweight="bold", ha="center")
    axis.set(xlim=(0, WIDTH), ylim=(rows * high, 0))
    return figure


@styled
def face_row(images: np.ndarray, titles: list[str], alt: str, across: int = 8) -> Picture:
    """Faces beside each other, each with a line of text; ``images`` ``[N, H, W]``."""
    return Picture(_grid(images, titles, across, 8), alt, pd.DataFrame({"face": titles}))


@styled
def sample_faces(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> Picture:
    """A column of faces for each emotion.

    Args:
        images: ``[N, H, W]``, grey; equally many of each emotion.
        labels: ``[N]``.
    """
    columns = np.argsort(labels, kind="stable").reshape(len(classes), -1)
    rows = columns.shape[1]
    return Picture(
        _grid(
            images[columns.T.ravel()],
            [*classes, *[""] * (len(labels) - len(classes))],
            len(classes),
            10,
        ),
        f"{rows} sample faces in a column for each of the emotions {joined(list(classes))}.",
        pd.DataFrame(
            {
                "emotion": np.repeat(classes, rows),
                "row": np.tile(np.arange(rows) + 1, len(classes)),
                "mean grey": images[columns.ravel()].mean((1, 2)),
            }
        ),
    )


@styled
def box_plots(features: dict[str, np.ndarray], ylabel: str, reference: float = np.nan) -> Picture:
    """Figures 2 and 3: a box for each feature, a panel for each modality, on one scale where that
    shows them all.

    Args:
        features: ``[N, D]`` for each modality.
        ylabel: what the values are.
        reference: a level to mark, such as the centre that the paper names.
    """
    reach = [np.ptp(values) for values in features.values()]
    figure, axes = panels(
        1,
        len(features),
        3.2,
        "y",
        sharey=bool(max(reach) <= 20 * min(reach)),  # or the narrower would be a line
    )
    for axis, (modality, values) in zip(axes[0], features.items(), strict=True):
        # Matplotlib's own: seaborn 0.13 draws boxes by an argument that Matplotlib 3.11 is about to
        # drop.
        axis.boxplot(
            values,
            widths=0.55,
            patch_artist=True,
            boxprops={"facecolor": MODALITY.get(modality, UNNAMED), "alpha": 0.75},
            medianprops={"color": "#222222"},
            flierprops={
                "marker": ".",
                "markersize": 4,
                "alpha": 0.5,
                "markeredgecolor": UNNAMED,
                "rasterized": True,
            },
        )
        axis.axhline(reference, color="#111111", linewidth=1.8, linestyle=":", zorder=3)
        axis.set(title=modality, xlabel="feature (principal component)")
    axes[0, 0].set_ylabel(ylabel)
    described = {
        modality: pd.DataFrame(values).rename(columns=lambda d: d + 1).describe().T
        for modality, values in features.items()
    }
    return Picture(
        figure,
        "Box plots of each feature. "
        + " ".join(
            f"{modality}: values from {part['min'].min():.2f} to {part['max'].max():.2f}, "
            f"means {', '.join(f'{round(mean, 2) + 0:.2f}' for mean in part['mean'])}."
            for modality, part in described.items()
        ),
        pd.concat(described, names=["modality", "feature"]).reset_index()[
            ["feature", "mean", "min", "25%", "50%", "75%", "max", "modality"]
        ],
    )


@styled
def eigenfaces(mean: np.ndarray, axes: np.ndarray, shares: np.ndarray) -> Picture:
    """The mean face, and beside it the principal components of faces as pictures (Turk and Pentland
    1991).

    Args:
        mean: ``[S * S]``, row by row.
        axes: ``[P, S * S]``; bright pixels of a component brighten as its feature grows, dark ones
            darken.
        shares: ``[P]``, of the variance.
    """
    faces, side = np.array([mean, *axes]), round(len(mean) ** 0.5)
    reach = np.abs(faces).max(1, keepdims=True)
    grey = 127.5 * (1 + faces / np.where(reach > 0, reach, 1))  # zero is the middle
    titles = ["mean", *(f"{number} ({share:.0%})" for number, share in enumerate(shares, 1))]
    return Picture(
        _grid(grey.reshape(-1, side, side), titles, len(faces), 10),
        f"The mean face and {len(axes)} principal components as pictures; they hold "
        f"{shares.sum():.0%} of the variance: {joined([f'{share:.0%}' for share in shares])}.",
        pd.DataFrame({"component": range(1, len(axes) + 1), "share of the variance": shares}),
    )


@styled
def face_reading(
    image: np.ndarray,
    codes: np.ndarray,
    gradients: np.ndarray,
    numbers: dict[str, np.ndarray],
    scores: dict[str, np.ndarray],
    classes: tuple[str, ...],
) -> Picture:
    """One face, step by step: the picture, its LPQ codes, its gradients, ten numbers, the scores.

    Args:
        image: ``[H, W]``, grey.
        codes: ``[Y, X]``, from :func:`emolib.data.features.lpq_codes`.
        gradients: ``[cells * cells * bins]``, one level of :func:`emolib.data.features.phog`, 8
            bins over 360°.
        numbers: for each modality its principal components, scaled to 0..1 over the faces that
            networks train on.
        scores: for each model ``[C]`` outputs.
    """
    # Places by hand and one pair of axes for three images: this picture is redrawn while a slider
    # moves, and matplotlib takes longer to make axes and look for a layout than to draw.
    figure = plt.figure(figsize=(WIDTH, 4.5))
    side, cells = len(image), round((len(gradients) / BINS) ** 0.5)
    half, below = 0.485 * side, 1.1 * side
    left = figure.add_axes((0.003, 0.005, 0.32, 0.99), anchor="NW", **BARE)
    for x, y, wide, title, shown, colours, low, interpolation in (
        (0, 0, side, "the face", image, "gray", 0, "nearest"),
        (0, below, half, "LPQ codes", codes, "twilight", 0, "nearest"),
        (side - half, below, half, "PHOG cells", image, "gray", -600, None),
    ):
        left.imshow(
            shown,
            cmap=colours,
            vmin=low,
            vmax=255,
            interpolation=interpolation,
            extent=(x, x + wide, y + wide, y),
        )
        left.text(x, y - 0.02 * side, title, fontsize=10.5, fontweight="bold")
    _roses(left, gradients.reshape(cells, cells, BINS), (side - half, below), half / cells)
    left.set(xlim=(-1, side + 1), ylim=(below + half, -0.09 * side))

    ten = figure.add_axes((0.42, 0.67, 0.57, 0.26))
    for place, (modality, values) in enumerate(numbers.items()):
        x, colour = np.arange(len(values)) + place * (len(values) + 0.7), MODALITY[modality]
        ten.bar(x, values, color=colour)
        ten.annotate(
            modality,
            (x.mean(), -0.14),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=9.5,
            color=colour,
        )
    ten.axhspan(0, 1, color="#f1f1f1", zorder=0)
    ten.set(
        ylim=_reaching(-0.3, 1.3, numbers),
        xticks=[],
        title=f"{sum(map(len, numbers.values()))} features, scaled",
    )

    right = figure.add_axes((0.42, 0.08, 0.57, 0.37))
    for place, (model, values) in enumerate(scores.items()):
        x = np.arange(len(classes)) + (place - (len(scores) - 1) / 2) * 0.8 / len(scores)
        best, colour = values.argmax(), MODALITY[model]
        right.bar(x, values, 0.72 / len(scores), label=f"{model}: {classes[best]}", color=colour)
        right.plot(x[best], max(values[best], 0) + 0.06, marker="v", color=colour)
    right.set(ylim=_reaching(-0.25, 1.15, scores), title="scores\n", xticks=range(len(classes)))
    for label, emotion in zip(right.set_xticklabels(classes), classes, strict=True):
        label.set(color=EMOTION[emotion], fontsize=9.5)
    right.grid(axis="y")
    right.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=len(scores), borderaxespad=0.1
    )
    return Picture(
        figure,
        f"A drawn face, its LPQ codes and its PHOG cells, {cells} along a side. Its numbers: "
        + "; ".join(
            f"{modality} {', '.join(f'{value:.2f}' for value in values)}"
            for modality, values in numbers.items()
        )
        + ". "
        + ", ".join(
            f"{model} says {classes[values.argmax()]} ({values.max():.2f})"
            for model, values in scores.items()
        )
        + ".",
        pd.DataFrame({"emotion": classes} | scores),
    )


def _reaching(low: float, high: float, bars: dict[str, np.ndarray]) -> tuple[float, float]:
    """Limits that stay while a slider moves, unless a bar or the mark above it would be cut."""
    values = np.concatenate(list(bars.values()))
    return min(low, values.min() - 0.1), max(high, values.max() + 0.15)


def _roses(axis: Axes, gradients: np.ndarray, corner: tuple[float, float], wide: float) -> None:
    """In each cell a line for each direction of the gradient, as long as its share."""
    row, column, k = (index.ravel() for index in np.indices(gradients.shape))
    angle = 2 * np.pi * (k + 0.5) / BINS
    start = np.stack([column + 0.5, row + 0.5], 1) * wide + corner
    lengths = gradients.reshape(-1, 1) / max(gradients.max(), 1e-12) * wide / 2
    ends = start + lengths * np.stack([np.cos(angle), np.sin(angle)], 1)
    left, top, side = *corner, len(gradients) * wide
    edges = np.arange(wide, side, wide)
    axis.hlines(top + edges, left, left + side, color="white", linewidth=0.8)
    axis.vlines(left + edges, top, top + side, color="white", linewidth=0.8)
    axis.add_collection(
        LineCollection(
            list(np.stack([start, ends], 1)), color=MODALITY["PHOG"], linewidth=1.4, gid=KEPT
        ),
        autolim=False,
    )
