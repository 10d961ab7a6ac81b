"""Where ten numbers a face come from: :func:`load` and what it returns."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from emolib.paper import EMOTIONS

INCOMPLETE = ("drop", "mean", "error")


@dataclass(frozen=True, eq=False)
class EmotionData:
    """Labelled feature vectors, one row a face; everything after :func:`load` works on these alone.

    Attributes:
        features: for each modality (``"LPQ"``, ``"PHOG"`` …) an array ``[N, D]``, float32, as distributed (not scaled).
        labels: ``[N]``, the index of the emotion in ``classes``.
        classes: names of the ``C`` emotions.
        groups: ``[N]``, the person, or what stands for the person: rows of one group never train and test each other.
        names: ``[N]``, one a row; may be licensed, so never shown in a report.
        source: what the reader is told that the rows are.
        drawn: whether the faces were drawn by :mod:`emolib.data.faces`, not photographed.
        repairs: what loading found and did: columns ``found``, ``rows``, ``done``.
    """

    features: dict[str, np.ndarray]
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    names: np.ndarray
    source: str
    drawn: bool
    repairs: pd.DataFrame

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.features)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that a result can depend on: features, labels, classes, groups."""
        digest = hashlib.sha256()
        for modality, values in self.features.items():
            digest.update(f"{modality} {values.shape} {values.dtype}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update("\0".join([*self.classes, *self.groups]).encode())
        return digest.hexdigest()


def load(source: str | Path | None = None, *, incomplete: str = "drop") -> EmotionData:
    """Reads a table of features, or draws the default faces.

    Args:
        source: the SFEW spreadsheet as distributed (``.xlsx``), a CSV of the same shape, or nothing for 675 drawn
            faces, which need no download and no licence.
        incomplete: what to do with rows that lack a feature: ``"drop"`` them, fill in the column's ``"mean"`` over
            the complete rows, or raise an ``"error"``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not such a table; the message names the file, the row or column, and what would be right.

    Example:
        >>> data = load()
        >>> data.modalities, len(data)
        (('LPQ', 'PHOG'), 675)
    """
    if incomplete not in INCOMPLETE:
        raise ValueError(f"incomplete is {incomplete!r}; it must be one of {', '.join(INCOMPLETE)}")
    # Imported here because both need EmotionData, and each brings libraries that the other does without.
    if not source:
        from emolib.data.embedded import draw

        return draw()
    from emolib.data.table import read_table

    return read_table(Path(source), incomplete)
