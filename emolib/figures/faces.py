"""Faces: a sample of each emotion (Figure 1), and the directions in which faces differ."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from emolib.figures.style import WIDTH, Picture, joined, styled


@styled
def sample_faces(
    images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], rows: int = 3
) -> Picture:
    """A column of faces for each emotion.

    Args:
        images: ``[N, H, W]``, grey.
        labels: ``[N]``.
        rows: faces an emotion, spread evenly over those there are.
    """
    figure, axes = plt.subplots(
        rows, len(classes), figsize=(WIDTH, rows * WIDTH / len(classes) + 0.3), layout="constrained"
    )
    shown = []
    for column, emotion in enumerate(classes):
        found = np.flatnonzero(labels == column)
        for row, index in enumerate(found[np.linspace(0, len(found) - 1, rows).astype(int)]):
            axes[row, column].imshow(images[index], cmap="gray", vmin=0, vmax=255)
            axes[row, column].set_axis_off()
            shown.append({"emotion": emotion, "row": row + 1, "mean grey": images[index].mean()})
        axes[0, column].set_title(emotion, loc="center", fontsize=10)
    alt = f"{rows} sample faces in a column for each of the emotions {joined(list(classes))}."
    return Picture(figure, alt, pd.DataFrame(shown))


@styled
def eigenfaces(mean: np.ndarray, axes: np.ndarray, shares: np.ndarray) -> Picture:
    """The mean face, and beside it the principal components of faces as pictures (Turk and Pentland
    1991).

    Args:
        mean: ``[S * S]``, row by row.
        axes: ``[P, S * S]``; what is bright in one gets brighter with its number, what is dark
            darker.
        shares: ``[P]``, of the variance.
    """
    side = round(len(mean) ** 0.5)
    columns = len(axes) + 1
    figure, panels = plt.subplots(
        1, columns, figsize=(WIDTH, WIDTH / columns + 0.3), layout="constrained"
    )
    titles = ["mean", *(f"{number} ({share:.0%})" for number, share in enumerate(shares, 1))]
    for panel, face, title in zip(panels, [mean, *axes], titles, strict=True):
        reach = np.abs(face).max() or 1
        panel.imshow(face.reshape(side, side), cmap="gray", vmin=-reach, vmax=reach)
        panel.set_axis_off()
        panel.set_title(title, loc="center", fontsize=10)
    alt = f"The mean face and {len(axes)} principal components as pictures; they hold {shares.sum():.0%} of the variance: {joined([f'{share:.0%}' for share in shares])}."
    return Picture(
        figure,
        alt,
        pd.DataFrame({"component": np.arange(1, columns), "share of the variance": shares}),
    )
