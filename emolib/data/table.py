"""A table of features: the SFEW spreadsheet as distributed, or a table of the same columns.

Files are read within limits: a stranger's may hold anything. :mod:`zipfile` gives no byte more than
an archive states, so the stated size is a limit. Entities in a workbook's XML are refused by
defusedxml, through which openpyxl reads where it is installed.
"""

import codecs
import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from openpyxl import DEFUSEDXML, load_workbook

from emolib.data import REPAIRS, EmotionData
from emolib.data.persons import persons
from emolib.paper import EMOTIONS
from emolib.utils.cache import write
from emolib.utils.validation import shown

BYTES = 64 * 2**20  # of a file, and of what it unpacks to
ROWS, COLUMNS, CELLS = 100_000, 1_000, 5_000_000
KINDS = ".xlsx, .csv, .tsv or .txt"
LARGEST = float(np.finfo(np.float32).max)  # what a feature can hold
# What stands for a missing number in the tables of several programs, in lower case.
MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}
LABELS = {emotion.casefold(): number for number, emotion in enumerate(EMOTIONS, 1)}
MODALITIES = ("LPQ", "PHOG")  # of the spreadsheet
# Headers of a column that names or counts the rows.
COUNTERS = ("", "index", "id", "row", "number", "no", "name", "names", "file", "filename", "image")
DONE = {"drop": "dropped", "mean": "filled with the column's mean over complete rows"}


class TooLarge(ValueError):
    """A file beyond the limits; the message says which, without the file's name."""


def read_cells(path: Path) -> pd.DataFrame:
    """Cells of a CSV or of a workbook's first sheet, header included: text, numbers, or None where
    blank.

    A CSV is in UTF-8, or in UTF-16 with a byte order mark; its cells are separated by commas,
    semicolons or tabs, whichever its first line has most of.

    Returns:
        Rows that are not blank, each at its number as spreadsheet programs count, from 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table, is damaged, or is beyond the limits; one sentence.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no such file; a table ({KINDS}) or a folder of images is needed"
        )
    workbook = path.suffix.lower() in (".xlsx", ".xlsm") or is_zipfile(path)
    if not workbook and path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise ValueError(f"{path.name}: the name should end in {KINDS}")
    if workbook and not DEFUSEDXML:
        raise ValueError(
            f"{path.name}: workbooks are read through defusedxml alone, and the environment "
            "variable OPENPYXL_DEFUSEDXML says not to"
        )
    try:
        if path.stat().st_size > BYTES:
            raise TooLarge(f"it has more than {BYTES >> 20} MiB")
        return _within(_sheet_rows(path) if workbook else _csv_rows(path))
    except TooLarge as error:
        raise ValueError(f"{path.name}: {error}, which is more than this program reads") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path.name}: this is no CSV table in UTF-8 ({error}); every line should have as many "
            "cells as the first"
        ) from error
    except Exception as error:  # openpyxl raises whatever a damaged file leads it to
        raise ValueError(
            f"{path.name}: this is not an Excel workbook, whatever its name says, or it is damaged"
        ) from error


def _within(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Rows that are not blank, as a table. Raises TooLarge."""
    found: dict[int, list[Any]] = {}
    width = 0
    for number, row in enumerate(rows, 1):
        cells = [_cell(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if not cells:
            continue
        found[number] = cells
        width = max(width, len(cells))
        for what, count, most in (
            ("columns", width, COLUMNS),
            ("rows", number, ROWS),
            ("cells", len(found) * width, CELLS),
        ):
            if count > most:
                raise TooLarge(f"it has, at row {number}, more than {most:,} {what}")
    full = [cells + [None] * (width - len(cells)) for cells in found.values()]
    return pd.DataFrame(full, index=list(found), dtype=object)


def _cell(cell: Any) -> Any:
    """A number, text (of dates and times as well), or None for a blank cell."""
    if cell is None or isinstance(cell, int | float):
        return cell
    return str(cell) if str(cell).strip() else None


def _csv_rows(path: Path) -> Iterator[Sequence[str]]:
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if wide else "utf-8-sig")
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    separator = max(",;\t", key=header.count)
    first: list[str] = []
    for row in csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True):
        first = first or row
        if len(row) > len(first):
            raise csv.Error(f"a line has {len(row)} cells, the first has {len(first)}")
        yield row


def _sheet_rows(path: Path) -> Iterator[Sequence[Any]]:
    with ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > BYTES:
            raise TooLarge(f"it unpacks to more than {BYTES >> 20} MiB")
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what holds no data, such as extensions and styles
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size that a sheet states need not be its own
        # no spreadsheet program has more rows; most of them are blank
        yield from sheet.iter_rows(max_row=2**20, values_only=True)


def read_table(path: Path, incomplete: str) -> EmotionData:
    """Reads rows of ``name, label, features …``.

    The header names a modality over its first column or over each of them (``LPQ1``, ``LPQ_PC2``,
    ``LPQ feature 3``); numbered features are put in order. A label is 1 to 7 in the order of
    :data:`emolib.paper.EMOTIONS`, or an emotion in words. The person is read from the names, see
    :func:`emolib.data.persons.persons`. Columns that count the rows, as pandas writes them, are
    skipped.

    Raises:
        ValueError: there is no such table; the message names the row and column.
    """
    cells = read_cells(path)
    header = [str(cell or "").strip() for cell in cells[:1].to_numpy().ravel()]
    # pandas writes "Unnamed: 0" for a blank cell
    titles = pd.Series(header, dtype=object).replace(r"^Unnamed: \d.*", "", regex=True)
    lower, rows = titles.str.lower().tolist(), cells.iloc[1:]
    if "label" not in lower:
        found = ", ".join(shown(title) for title in header if title) or "blank cells"
        raise ValueError(
            f"{path.name}: the first row has no cell 'label' but {found[:150]}; it should read: "
            "(blank), label, feature names …; images are read from a folder with a sub-folder per "
            "emotion"
        )
    label, numbers = lower.index("label"), rows.map(_number).astype(float)
    labels = _labels(path, rows, numbers, label)
    name, columns = _columns(path, titles, numbers, label)
    names = np.array(rows.index if name is None else rows[name].fillna(""), str)
    groups, said = persons(names.tolist())

    values = _features(path, rows, numbers, [at for group in columns.values() for at in group])
    missing = np.isnan(values).any(axis=1)
    if missing.all():
        raise ValueError(
            f"{path.name}: there is no row that has all features, so there is nothing to train on"
        )
    repairs, keep = [], np.arange(len(rows))
    if missing.any():
        if incomplete == "error":
            raise ValueError(
                f"{path.name}, row {rows.index[int(missing.argmax())]}: a feature is missing (the "
                f"first of {missing.sum()} such rows); load with incomplete='drop' or 'mean'"
            )
        if incomplete == "mean":
            values = np.where(np.isnan(values), values[~missing].mean(axis=0), values)
        else:
            keep = np.flatnonzero(~missing)
        repairs.append(("row lacks one feature or more", int(missing.sum()), DONE[incomplete]))
    repairs += twice(values[keep], labels[keep])
    if groups is None:
        repairs += said
    parts = np.split(values[keep].astype(np.float32), len(columns), axis=1)
    return EmotionData(
        features={name: part.copy() for name, part in zip(columns, parts, strict=True)},
        labels=labels[keep],
        classes=EMOTIONS,
        groups=None if groups is None else groups[keep],
        names=names[keep],
        source=path.name,
        drawn=False,
        repairs=pd.DataFrame(repairs, columns=REPAIRS),
    )


def _number(cell: Any) -> float:
    """A cell as a number, with a decimal point or comma: NaN if it is missing, infinite if it is
    none, as truth values and text such as ``1_000`` are not.
    """
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return np.nan
    if isinstance(cell, bool) or "_" in str(cell):
        return np.inf
    try:
        return float(str(cell).replace(",", "."))
    except (ValueError, OverflowError):
        return np.inf


def _labels(path: Path, rows: pd.DataFrame, numbers: pd.DataFrame, column: int) -> NDArray[np.intp]:
    words = rows[column].astype(str).str.strip().str.casefold()
    labels = words.map(LABELS).fillna(numbers[column])
    wrong = rows.loc[~labels.isin(LABELS.values()), column]
    if len(wrong):
        cell = wrong.iloc[0]
        raise ValueError(
            f"{path.name}, row {wrong.index[0]}, column label: "
            f"{'a blank cell' if cell is None else shown(cell)} is no emotion; a label is the name "
            f"of one, or a whole number from 1 (Angry) to {len(EMOTIONS)} (Surprise)"
        )
    return np.asarray(labels, np.intp) - 1


def _columns(
    path: Path, titles: pd.Series, numbers: pd.DataFrame, label: int
) -> tuple[int | None, dict[str, list[int]]]:
    """The column of names, or None, and the columns of each modality, in the order of the numbers
    that end their titles.

    A blank header cell belongs to the modality named last.
    """
    finite, infinite = numbers.abs() < np.inf, numbers.abs() == np.inf
    whole = (finite & (numbers == numbers.round())).all()
    words = ~whole & ((infinite.sum() > finite.sum()) | ~finite.any())
    words[label] = False
    counter = whole & titles.str.lower().isin(COUNTERS)
    modality = titles.map(_modality).mask(titles == "")
    modality[counter & (titles != "")] = ""
    name = next(iter(words.index[words]), None)
    modality[[label] if name is None else [label, name]] = ""
    modality = modality.ffill().fillna("")
    counter &= modality == ""
    if name is None:
        name = next(iter(counter.index[counter]), None)
    features = modality[~counter & ~modality.index.isin([label, name])]
    wrong = features[~features.str.fullmatch(r"[^+\x00-\x1f]{1,60}")]
    if len(wrong):
        raise ValueError(
            f"{path.name}: column {wrong.index[0] + 1} names a modality {shown(wrong.iloc[0])}; "
            "the first column of a modality should name it, in one short line without +"
        )
    columns = {str(name): group.index.tolist() for name, group in features.groupby(features)}
    counts = [f"{modality} {len(group)}" for modality, group in columns.items()]
    if len(set(map(len, columns.values()))) != 1:
        raise ValueError(
            f"{path.name}: every modality should have as many features as the others, but there "
            f"are {', '.join(counts) or 'none beside the column label'}"
        )
    for modality, group in columns.items():
        own = sorted(set(titles[group]) - {""})
        ends = titles[group].str.extract(r"(\d{1,9})\D*$")[0].dropna().map(int)
        numbered = ends.nunique() == len(group)
        if len(own) > 1 and not numbered:
            raise ValueError(
                f"{path.name}: {shown(own[0])} and {shown(own[1])} would be read as one modality "
                f"{modality}; give each modality a name that does not end in a number, or number "
                "its columns"
            )
        if numbered:
            columns[modality] = ends.sort_values().index.tolist()
    return name, columns


def _modality(title: str) -> str:
    """The modality that a header cell names: LPQ or PHOG, or its text without its last number."""
    known = re.search(r"(?<![a-z])(lpq|phog)(?![a-z])", title.lower())
    counted = r"[\s_.-]*(pc|component|feature)?[\s_.-]*\d+$"
    return known[1].upper() if known else re.sub(counted, "", title, flags=re.IGNORECASE)


def _features(
    path: Path, rows: pd.DataFrame, numbers: pd.DataFrame, columns: list[int]
) -> NDArray[np.float64]:
    """Feature cells as ``[N, features]`` float64; a blank cell is NaN.

    A comma is a decimal point, unless all commas of the table may part thousands.
    """
    cells, values = rows[columns], numbers[columns].to_numpy()
    commas = cells.map(lambda cell: isinstance(cell, str) and "," in cell).to_numpy(bool)
    parted = r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*"
    thousands = all(re.fullmatch(parted, cell) for cell in cells.to_numpy()[commas])
    wrong = np.argwhere((np.abs(values) > LARGEST) | (commas & thousands))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path.name}, row {rows.index[row]}, column {columns[column] + 1}: "
            f"{shown(cells.iloc[row, column])} is not a finite number, or is larger than "
            f"{LARGEST:.2g}"
        )
    return values


def twice(values: NDArray[np.floating], labels: NDArray[np.intp]) -> list[tuple[str, int, str]]:
    """Repairs that tell of rows with the same features ``[N, D]``; such rows are kept."""
    frames = pd.DataFrame({"label": labels, "features": [row.tobytes() for row in values]})
    alike = frames.groupby("features")["label"]
    two_labels = int((alike.transform("nunique") > 1).sum())
    one_label = int((alike.transform("size") > 1).sum()) - two_labels
    repairs = [
        ("same features under two labels", two_labels, "kept, under both labels"),
        ("same features and label twice", one_label, "kept"),
    ]
    return [repair for repair in repairs if repair[1]]


def export(data: EmotionData, path: Path) -> Path:
    """Writes name, label (1 to 7), LPQ and PHOG of every row to ``.xlsx`` or ``.csv``.

    Names that do not state the groups are replaced by the group and the number of the row, in the
    pattern of SFEW.

    Raises:
        ValueError: the data lack a modality, or the name ends in something else.

    Example:
        >>> export(load("faces"), Path("faces.xlsx"))
    """
    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise ValueError(f"{path.name}: the name should end in .xlsx or .csv")
    absent = [modality for modality in MODALITIES if modality not in data.features]
    if absent:
        raise ValueError(
            f"{data.source}: there is no {absent[0]}, and the spreadsheet's layout has "
            f"{' and '.join(MODALITIES)}"
        )
    names = data.names.tolist()
    stated, _ = persons(names)
    if data.groups is not None and (stated is None or (stated != data.groups).any()):
        people = [re.sub(r"[/\\]", "-", group) for group in data.groups.tolist()]
        names = [f"{person}_{row:09d}_00000000" for row, person in enumerate(people)]
    features = {  # a float32 in its shortest digits, so that the same float32 is read back
        f"{modality}{number}": values.astype(str).astype(float)
        for modality in MODALITIES
        for number, values in enumerate(data.features[modality].T, 1)
    }
    table = pd.DataFrame({"": names, "label": data.labels + 1} | features)
    content = BytesIO()
    if path.suffix.lower() == ".csv":
        table.to_csv(content, index=False)
    else:
        with pd.ExcelWriter(content, engine="openpyxl") as writer:
            table.to_excel(writer, index=False)
            for (cell,) in writer.book.worksheets[0].iter_rows(max_col=1):
                cell.data_type = "s"  # a name that begins with = is no formula
    write(path, content.getvalue())
    return path
