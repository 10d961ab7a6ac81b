"""A table of features from a file: the SFEW spreadsheet as distributed, or a CSV of the same shape."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.data import REPAIRS, EmotionData, Rows
from emolib.data.cells import read_cells, shown
from emolib.paper import EMOTIONS

TITLE = re.compile(r"^(.+?)[_-]\d{6,}")
# Actors recur across the films of a series, so a series stands for its people as one.
FRANCHISES = ("HarryPotter", "Oceans")
LARGEST = float(np.finfo(np.float32).max)  # what a feature can hold


def read_table(path: Path, incomplete: str) -> EmotionData:
    """Reads rows of ``name, label, features …`` under a header that names each modality over its
    first column.

    A label is 1 to 7 in the order of :data:`emolib.paper.EMOTIONS`. A name begins with a film's
    title, followed by the digits of its frame; the title, with series merged, becomes the group.
    """
    cells = read_cells(path)
    if cells.empty:
        raise ValueError(
            f"{path.name}: there is nothing in this CSV table or first sheet; it should begin with a row: (blank), label, feature names …"
        )
    header = ["" if cell is None else str(cell).strip() for cell in cells.iloc[0]]
    if "label" not in [name.lower() for name in header]:
        raise ValueError(
            f"{path.name}: the first row has no cell 'label'; it should read: (blank), label, feature names …"
        )
    label_column = [name.lower() for name in header].index("label")
    rows = cells.iloc[1:].dropna(how="all")
    if rows.empty:
        raise ValueError(f"{path.name}: there are no rows under the header")

    names = rows.iloc[:, 0].map(lambda name: "" if name is None else str(name), na_action=None)
    groups = _groups(path, names)
    labels = _labels(path, rows.iloc[:, label_column])
    columns = dict(sorted(_modality_columns(path, header, label_column).items()))
    values = _numbers(path, rows, [column for group in columns.values() for column in group])
    keep, values, repairs = _repair(path, values, rows.index + 1, labels, incomplete)

    start, features = 0, {}
    for modality, group in columns.items():
        features[modality] = values[keep, start : start + len(group)].astype(np.float32)
        start += len(group)
    return EmotionData(
        features=features,
        labels=labels[keep],
        classes=EMOTIONS,
        groups=groups[keep],
        names=names.to_numpy(str)[keep],
        source=path.name,
        drawn=False,
        repairs=repairs,
    )


def _sheet_row(series: pd.Series, position: int) -> int:
    """The row's number as a spreadsheet program shows it (the header is row 1)."""
    return int(series.index[position]) + 1


def _labels(path: Path, column: pd.Series) -> NDArray[np.intp]:
    numbers = np.array([_number(cell) for cell in column])
    wrong = np.flatnonzero(~np.isin(numbers, np.arange(1, len(EMOTIONS) + 1)))
    if len(wrong):
        raise ValueError(
            f"{path.name}, row {_sheet_row(column, wrong[0])}, column label: {shown(column.iloc[wrong[0]])} is no emotion; "
            f"a label is a whole number from 1 (Angry) to {len(EMOTIONS)} (Surprise)"
        )
    return numbers.astype(int) - 1


def _modality_columns(path: Path, header: list[str], label_column: int) -> dict[str, list[int]]:
    """Columns of each modality. A blank header cell belongs to the modality named last."""
    columns: dict[str, list[int]] = {}
    modality = ""
    for column in range(label_column + 1, len(header)):
        if header[column]:
            acronym = re.search(r"\(([^)]+)\)", header[column])
            modality = acronym[1] if acronym else re.sub(r"[\s_.-]*\d+$", "", header[column])
        if not modality:
            raise ValueError(
                f"{path.name}: column {column + 1} has no name; the first column of a modality should name it"
            )
        if not re.fullmatch(r"[^+\x00-\x1f]{1,60}", modality):
            raise ValueError(
                f"{path.name}: column {column + 1} names a modality {shown(modality)}; a name is short, one line, and without +"
            )
        columns.setdefault(modality, []).append(column)
    if not columns:
        raise ValueError(
            f"{path.name}: there are no feature columns to the right of the column label"
        )
    widths = {modality: len(group) for modality, group in columns.items()}
    if len(set(widths.values())) > 1:
        counts = ", ".join(f"{modality} {width}" for modality, width in widths.items())
        raise ValueError(
            f"{path.name}: every modality should have as many features as the others, but there are {counts}"
        )
    return columns


def _numbers(path: Path, rows: pd.DataFrame, columns: list[int]) -> NDArray[np.float64]:
    """Feature cells as ``[N, features]`` float64; a blank cell is NaN."""
    cells = rows.iloc[:, columns]
    numbers = np.array(
        [
            [np.nan if cell is None else _number(cell) for cell in row]
            for row in cells.itertuples(index=False, name=None)
        ]
    )
    wrong = np.argwhere(np.abs(numbers) > LARGEST)
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path.name}, row {_sheet_row(cells.iloc[:, 0], row)}, column {columns[column] + 1}: "
            f"{shown(cells.iloc[row, column])} is not a finite number, or is larger than {LARGEST:.2g}"
        )
    return numbers


def _number(cell: object) -> float:
    """A cell as a number; infinite if it is none: neither are truth values and dates, nor text such
    as ``1_000``.
    """
    try:
        number = (
            np.inf
            if isinstance(cell, bool) or not isinstance(cell, str | int | float) or "_" in str(cell)
            else float(cell)
        )
    except (ValueError, OverflowError):
        return np.inf
    return np.inf if np.isnan(number) else number


def _repair(
    path: Path,
    values: NDArray[np.float64],
    sheet_rows: pd.Index,
    labels: NDArray[np.intp],
    incomplete: str,
) -> tuple[Rows, NDArray[np.float64], pd.DataFrame]:
    """Settles rows that lack a feature; lists them and frames that stand twice. Returns (rows kept,
    values, repairs).
    """
    missing = np.isnan(values).any(axis=1)
    repairs = []
    if missing.all():
        raise ValueError(
            f"{path.name}: every row lacks at least one feature, so there is nothing to train on"
        )
    if missing.any():
        if incomplete == "error":
            raise ValueError(
                f"{path.name}, row {sheet_rows[int(missing.argmax())]}: a feature is missing (the first of {missing.sum()} such rows); "
                "load with incomplete='drop' or 'mean'"
            )
        if incomplete == "mean":
            values = np.where(np.isnan(values), np.nanmean(values[~missing], axis=0), values)
        done = {"drop": "dropped", "mean": "filled with the column's mean over complete rows"}[
            incomplete
        ]
        repairs.append(("row lacks one feature or more", int(missing.sum()), done))
    keep = np.flatnonzero(~missing) if incomplete == "drop" else np.arange(len(values))

    repairs += twice(values[keep], labels[keep])
    return keep, values, pd.DataFrame(repairs, columns=REPAIRS)


def twice(values: NDArray[np.floating], labels: NDArray[np.intp]) -> list[tuple[str, int, str]]:
    """Repairs that tell of rows with the same features ``[N, D]``; such rows are kept."""
    frames = pd.DataFrame({"label": labels, "features": [row.tobytes() for row in values]})
    alike = frames.groupby("features")["label"]
    same, two_labels = frames[alike.transform("size") > 1], frames[alike.transform("nunique") > 1]
    repairs = []
    if len(two_labels):
        repairs.append(
            ("same features under two labels", len(two_labels), "kept, under both labels")
        )
    if len(same) > len(two_labels):
        repairs.append(("same features and label twice", len(same) - len(two_labels), "kept"))
    return repairs


def _groups(path: Path, column: pd.Series) -> NDArray[np.str_]:
    """Whose face each row is: the film's title, or its series."""
    groups = [group_of(str(name)) for name in column]
    if None in groups:
        raise ValueError(
            f"{path.name}, row {_sheet_row(column, groups.index(None))}, column 1: the name should be a title and the digits "
            "of its frame, such as Film_000000001; as it is, nothing says whose face this is"
        )
    return np.array(groups)


def group_of(name: str) -> str | None:
    """The film's title, or its series, that a name begins with; None where no digits of a frame
    follow.
    """
    title = TITLE.match(name)
    return (
        next((series for series in FRANCHISES if title[1].startswith(series)), title[1])
        if title
        else None
    )
