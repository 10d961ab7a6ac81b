"""Figure 1: sample faces."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from emolib.figures.style import WIDTH, Picture, joined, styled


@styled
def sample_faces(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], rows: int = 3) -> Picture:
    """A column of faces for each emotion.

    Args:
        images: ``[N, H, W]``, grey.
        labels: ``[N]``.
        rows: faces an emotion, spread evenly over those there are.
    """
    figure, axes = plt.subplots(rows, len(classes), figsize=(WIDTH, rows * WIDTH / len(classes) + 0.3), layout="constrained")
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
