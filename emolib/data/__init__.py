"""Where ten numbers a face come from: :func:`load` and what it returns."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Rows = NDArray[np.intp]  # numbers of rows
Split = tuple[Rows, Rows]  # those that train, and those that test

INCOMPLETE = ("drop", "mean", "error")
REPAIRS = ("found", "rows", "done")


@dataclass(frozen=True, eq=False)
class EmotionData:
    """Labelled feature vectors, one row a face; everything after :func:`load` works on these alone.

    Attributes:
        features: for each modality (``"LPQ"``, ``"PHOG"`` …) an array ``[N, D]``, float32, as
            distributed (not scaled).
        labels: ``[N]``, the index of the emotion in ``classes``.
        classes: names of the ``C`` emotions.
        groups: ``[N]``, the person, or what stands for the person: rows of one group never train
            and test each other.
        names: ``[N]``, one a row; may be licensed, so never shown in a report.
        source: what the reader is told that the rows are.
        drawn: whether the faces were drawn by :mod:`emolib.data.faces`, not photographed.
        repairs: what loading found and did: columns ``found``, ``rows``, ``done``.
        descriptors: for some modalities ``[N, D]``, what their features are principal components
            of; with them the components can be fitted on training rows alone, see
            :func:`emolib.training.scaling.scale`.
        left_out: files of a folder that gave no row: columns ``file``, ``reason``. Names may be
            licensed, as above.
        splits: rows that train and rows that test, by a name that a sweep may have as its protocol
            (with one fold): the official split of a database, or somebody else's folds.
    """

    features: dict[str, NDArray[np.float32]]
    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    groups: NDArray[np.str_] | None
    names: NDArray[np.str_]
    source: str
    drawn: bool
    repairs: pd.DataFrame
    descriptors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["file", "reason"]))
    splits: dict[str, Split] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in their order."""
        return tuple(self.features)

    @property
    def resampling_units(self) -> NDArray[Any]:
        """``[N]``: the groups where known, else row numbers."""
        return np.arange(len(self)) if self.groups is None else self.groups

    def as_distributed(self) -> "EmotionData":
        """The same without descriptors: components fitted on all rows, test rows included, as in
        the spreadsheet.
        """
        return replace(self, descriptors={})

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that a result can depend on: features, descriptors, labels, classes,
        groups, splits.
        """
        digest = hashlib.sha256()
        for modality, values in [*self.features.items(), *self.descriptors.items()]:
            digest.update(f"{modality} {values.shape} {values.dtype}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update("\0".join([*self.classes, *(self.groups if self.groups is not None else ())]).encode())
        for name, pair in self.splits.items():
            for rows in pair:
                digest.update(f"{name} {len(rows)}".encode() + np.asarray(rows, "<i8").tobytes())
        return digest.hexdigest()


def load(
    source: str | Path | None = None, *, incomplete: str = "drop", **settings: Any
) -> EmotionData:
    """Reads a table of features or a folder of face images, or draws the default faces.

    Args:
        source: the SFEW spreadsheet as distributed (``.xlsx``), a CSV of the same shape, a folder
            with a sub-folder of images for each emotion, or nothing for 675 drawn faces, which need
            no download and no licence.
        incomplete: what to do with rows that lack a feature: ``"drop"`` them, fill in the column's
            ``"mean"`` over the complete rows, or raise an ``"error"``.
        settings: how a folder is read, see :class:`emolib.data.images.Settings`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not such a table, or the folder not such a folder; the message names
            the place and what would be right.

    Example:
        >>> data = load()
        >>> data.modalities, len(data)
        (('LPQ', 'PHOG'), 675)
    """
    if incomplete not in INCOMPLETE:
        raise ValueError(f"incomplete is {incomplete!r}; it must be one of {', '.join(INCOMPLETE)}")
    # Imported here because all need EmotionData, and each brings libraries that the others do
    # without.
    if source and Path(source).is_dir():
        from emolib.data.images import read_folder

        return read_folder(Path(source), **settings)
    if settings:
        raise ValueError(
            f"{min(settings)} says how a folder of images is read, and {source or 'nothing'} is no folder"
        )
    if not source:
        from emolib.data.embedded import draw

        return draw()
    from emolib.data.table import read_table

    return read_table(Path(source), incomplete)
