"""Labelled feature vectors of faces: :func:`load` and :class:`EmotionData`."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.utils.validation import one_of, shown

Rows = NDArray[np.intp]  # numbers of rows
Split = tuple[Rows, Rows]  # those that train, and those that test

INCOMPLETE = ("drop", "mean")
REPAIRS = ("found", "rows", "done")


@dataclass(frozen=True, eq=False)
class EmotionData:
    """Labelled feature vectors, one row per face; everything after :func:`load` needs these alone.

    Attributes:
        features: for each modality (``"LPQ"``, ``"PHOG"`` …) an array ``[N, D]``, float32, as
            distributed (not scaled).
        labels: ``[N]``, the index of the emotion in ``classes``.
        classes: names of the ``C`` emotions.
        groups: ``[N]``, the person, or what stands for the person: under person-independent folds,
            rows of one group never train and test each other. None where nothing is known.
        names: ``[N]``, one per row; may be licensed, so never shown in a report.
        source: description of the rows for the reader.
        drawn: whether the faces were drawn by :mod:`emolib.data.faces`, not photographed.
        repairs: findings and repairs of loading: columns ``found``, ``rows``, ``done``.
        descriptors: for some modalities ``[N, D]``: their features are principal components of
            these, which can then be fitted on training rows alone, see
            :func:`emolib.training.scaling.scale`.
        left_out: files of a folder that gave no row: columns ``file``, ``reason``. Names may be
            licensed, as above.
        splits: rows that train and rows that test, by a name that a sweep may have as its protocol
            (with one fold): the official split of a database, or somebody else's folds.

    Raises:
        ValueError: the parts are not of one length, a label is no index of a class, or a feature
            is not finite.
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

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        known = np.arange(len(self.classes))
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not np.isin(labels, known).all():
            raise ValueError(
                f"{self.source}: labels must be whole numbers [N] from 0 to "
                f"{len(self.classes) - 1}, one per row, not {shown(np.unique(labels).tolist())}"
            )
        object.__setattr__(self, "labels", labels.astype(np.intp, copy=False))
        if self.groups is not None:
            if np.ndim(self.groups) != 1 or pd.isna(self.groups).any():
                raise ValueError(
                    f"{self.source}: groups must hold a name for each row, or be None where the "
                    "persons are unknown"
                )
            object.__setattr__(self, "groups", np.asarray(self.groups, str))
        for part, values in (
            ("names", self.names),
            ("groups", self.resampling_units),
            *self.features.items(),
            *self.descriptors.items(),
        ):
            if len(values) != len(labels):
                raise ValueError(
                    f"{self.source}: {part} has {len(values)} rows, labels has {len(labels)}"
                )
        for modality, values in self.features.items():
            numbers = isinstance(values, np.ndarray) and values.dtype.kind in "iuf"
            if not numbers or values.ndim != 2 or not np.isfinite(values).all():
                raise ValueError(
                    f"{self.source}: the features of {modality} must be an array of finite numbers "
                    "[N, D]"
                )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in their order."""
        return tuple(self.features)

    @property
    def resampling_units(self) -> np.ndarray:
        """``[N]``, the independent units of bootstraps and permutations: the groups, or the number
        of each row where the groups are unknown.
        """
        return np.arange(len(self)) if self.groups is None else self.groups

    def as_distributed(self) -> "EmotionData":
        """The same without descriptors: components fitted on all rows, test rows included, as in
        the spreadsheet.
        """
        return replace(self, descriptors={})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of features, descriptors, labels, classes, groups and splits."""
        arrays = [*self.features.items(), *self.descriptors.items()]
        parts = [f"{name} {v.shape} {v.dtype}".encode() + v.tobytes() for name, v in arrays]
        groups = () if self.groups is None else self.groups
        parts += [self.labels.astype("<i8").tobytes(), "\0".join([*self.classes, *groups]).encode()]
        parts += [
            f"{name} {len(rows)}".encode() + np.asarray(rows, "<i8").tobytes()
            for name, pair in self.splits.items()
            for rows in pair
        ]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def load(
    source: str | Path | None = None, *, incomplete: str = "drop", **settings: Any
) -> EmotionData:
    """Reads a table of features or a folder of face images, or draws the default faces.

    Args:
        source: the SFEW spreadsheet as distributed (``.xlsx``), a table of the same columns (also
            ``.csv`` or ``.tsv``), a folder with a sub-folder of images per emotion, or None for 675
            drawn faces, which need no download and no licence.
        incomplete: treatment of table rows that lack a feature: ``"drop"`` them, or fill in the
            column's ``"mean"`` over the complete rows.
        settings: options of a folder, see :class:`emolib.data.folder.Settings`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not such a table, or the folder not such a folder; the message names
            the place and what would be right.

    Example:
        >>> data = load()
        >>> data.modalities, len(data)
        (('LPQ', 'PHOG'), 675)
    """
    one_of("incomplete", incomplete, INCOMPLETE)
    if source is not None and not isinstance(source, str | os.PathLike):
        raise ValueError(
            f"source is a {type(source).__name__}; it must be the path of a file or folder"
        )
    path = Path(os.path.expanduser(source)) if source else None
    # Imported here because all need EmotionData, and each brings libraries that the others do
    # without.
    if path and path.is_dir():
        from emolib.data.folder import read_folder

        return read_folder(path, **settings)
    if settings:
        raise ValueError(
            f"{min(settings)} is an option of image folders, and {source or 'nothing'} is no folder"
        )
    if path is None:
        from emolib.data.drawn import drawn_data

        return drawn_data()
    from emolib.data.table import read_table

    return read_table(path, incomplete)
