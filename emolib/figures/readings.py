"""A face as the networks get to know it: the picture, its LPQ codes, its gradients, ten numbers,
and the scores.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from emolib.figures.style import EMOTION, MODALITY, WIDTH, Picture, styled


@styled
def face_reading(
    image: np.ndarray,
    codes: np.ndarray,
    gradients: np.ndarray,
    numbers: dict[str, np.ndarray],
    scores: dict[str, np.ndarray],
    classes: tuple[str, ...],
) -> Picture:
    """One face, step by step.

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
    figure = plt.figure(figsize=(WIDTH, 5.0))
    top = figure.add_axes((0.005, 0.43, 0.99, 0.57))
    top.set_axis_off()
    side, gap = len(image), 0.045 * len(image)
    for place, (shown, colours) in enumerate(((image, "gray"), (codes, "twilight"))):
        left = place * (side + gap)
        top.imshow(
            shown,
            cmap=colours,
            vmin=0,
            vmax=255,
            interpolation="nearest",
            extent=(left, left + side, side, 0),
        )
    _roses(top, image, gradients, 2 * (side + gap))
    for place, title in enumerate(("the face", "its LPQ codes", "its PHOG cells")):
        top.text(place * (side + gap), -2, title, fontsize=10.5, fontweight="bold")
    top.set(xlim=(-1, 3 * side + 2 * gap + 1), ylim=(side, -9))

    left = figure.add_axes((0.06, 0.1, 0.25, 0.25))
    for place, (modality, values) in enumerate(numbers.items()):
        x = np.arange(len(values)) + place * (len(values) + 0.7)
        left.bar(x, values, color=MODALITY.get(modality, "#888888"))
        left.text(
            x.mean(),
            1.02,
            modality,
            transform=left.get_xaxis_transform(),
            ha="center",
            color=MODALITY.get(modality, "#888888"),
            fontsize=9.5,
        )
    left.axhspan(0, 1, color="#f1f1f1", zorder=0)
    left.set(
        ylim=_reaching(-0.3, 1.3, numbers),
        xticks=[],
        xlabel=f"{sum(map(len, numbers.values()))} numbers, scaled",
    )
    left.grid(False)

    right, width = figure.add_axes((0.39, 0.1, 0.6, 0.25)), 0.8 / len(scores)
    for place, (model, values) in enumerate(scores.items()):
        x = np.arange(len(classes)) + (place - (len(scores) - 1) / 2) * width
        right.bar(x, values, width * 0.9, color=MODALITY.get(model, "#888888"), label=model)
        best = int(np.argmax(values))
        right.plot(
            x[best], max(values[best], 0) + 0.06, marker="v", color=MODALITY.get(model, "#888888")
        )
    right.set(ylim=_reaching(-0.25, 1.15, scores), ylabel="score", xticks=range(len(classes)))
    right.set_xticklabels(classes, fontsize=8.5)
    for label, emotion in zip(right.get_xticklabels(), classes, strict=True):
        label.set_color(EMOTION.get(emotion, "#222222"))
    right.grid(axis="x", visible=False)
    right.legend(
        loc="lower left", bbox_to_anchor=(0, 0.98), ncols=len(scores), borderaxespad=0.1, fontsize=9
    )
    said = ", ".join(
        f"{model} says {classes[int(np.argmax(values))]} ({max(values):.2f})"
        for model, values in scores.items()
    )
    ten = "; ".join(
        f"{modality} {', '.join(f'{value:.2f}' for value in values)}"
        for modality, values in numbers.items()
    )
    alt = f"A drawn face, its LPQ codes and its PHOG cells, {round((len(gradients) / 8) ** 0.5)} along a side. Its numbers: {ten}. {said}."
    data = pd.DataFrame(scores, index=pd.Index(classes, name="emotion")).reset_index()
    return Picture(figure, alt, data)


def _reaching(low: float, high: float, bars: dict[str, np.ndarray]) -> tuple[float, float]:
    """Limits that stay while a slider moves, unless a bar or the mark above it would be cut."""
    values = np.concatenate(list(bars.values()))
    return min(low, values.min() - 0.1), max(high, values.max() + 0.15)


def _roses(
    axis: Axes, image: np.ndarray, gradients: np.ndarray, left: float, bins: int = 8
) -> None:
    """In each cell a line for each direction of the gradient, as long as there is much of it, over
    the pale face.
    """
    cells, side = round((len(gradients) / bins) ** 0.5), len(image)
    wide = side / cells
    axis.imshow(image, cmap="gray", vmin=-600, vmax=255, extent=(left, left + side, side, 0))
    lengths = gradients.reshape(cells, cells, bins) / max(gradients.max(), 1e-12) * wide / 2
    angle = 2 * np.pi * (np.arange(bins) + 0.5) / bins
    row, column, k = (index.ravel() for index in np.indices(lengths.shape))
    start = np.stack([left + (column + 0.5) * wide, (row + 0.5) * wide], 1)
    step = lengths.ravel()[:, None] * np.stack([np.cos(angle[k]), np.sin(angle[k])], 1)
    edges = np.arange(1, cells) * wide
    grid = [[(left, edge), (left + side, edge)] for edge in edges] + [
        [(left + edge, 0), (left + edge, side)] for edge in edges
    ]
    axis.add_collection(LineCollection(grid, color="white", linewidth=0.8), autolim=False)
    axis.add_collection(
        LineCollection(
            list(np.stack([start, start + step], 1)), color=MODALITY["PHOG"], linewidth=1.4
        ),
        autolim=False,
    )


@styled
def face_row(images: np.ndarray, titles: list[str], alt: str, across: int = 8) -> Picture:
    """Faces beside each other, each with a line of text; ``images`` ``[N, H, W]``."""
    # one pair of axes for all, as above: the confusion lab draws this while it trains
    rows, wide = -(-len(images) // across), WIDTH / across
    high = wide + 0.22  # inches, with the line of text
    figure = plt.figure(figsize=(WIDTH, rows * high))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    for place, (image, title) in enumerate(zip(images, titles, strict=True)):
        left, top = place % across * wide, place // across * high + 0.2
        axis.imshow(
            image,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(left + 0.03, left + wide - 0.03, top + wide - 0.06, top),
        )
        axis.text(left + wide / 2, top - 0.04, title, fontsize=8, fontweight="bold", ha="center")
    axis.set(xlim=(0, WIDTH), ylim=(rows * high, 0))
    return Picture(figure, alt, pd.DataFrame({"face": titles}))
