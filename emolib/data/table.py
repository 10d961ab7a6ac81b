"""A table of features: the SFEW spreadsheet as distributed, or a table of the same columns.

Files are read within limits: a stranger's may hold anything. :mod:`zipfile` gives no byte more than
an archive states, so the stated size is a limit. Entities in a workbook's XML are refused by
defusedxml, through which openpyxl reads where it is installed.
"""

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

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
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks
PICTURE = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF.{4}WEBP", re.DOTALL)
LARGEST = float(np.finfo(np.float32).max)  # what a feature can hold
# What stands for a missing number in the tables of several programs, in lower case.
MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}
LABELS = {emotion.casefold(): number for number, emotion in enumerate(EMOTIONS, 1)}
MODALITIES = ("LPQ", "PHOG")  # of the spreadsheet
NAMES = {"name", "names", "file", "filename", "file name", "image", "path", "frame"}
NUMBERS = {"", "index", "id", "row", "number", "no"}  # headers of a column that counts rows
DONE = {"drop": "dropped", "mean": "filled with the column's mean over complete rows"}


class TooLarge(ValueError):
    """A file beyond the limits; the message says which, without the file's name."""


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell of a CSV or of a workbook's first sheet, header included: text, numbers, or None
    where it is blank.

    A CSV is in UTF-8 or begins with a byte order mark; its cells are separated by commas,
    semicolons or tabs, whichever its first row has most of.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table, is damaged, or is beyond the limits; one sentence.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no such file; a table ({KINDS}) or a folder of images is needed"
        )
    with path.open("rb") as file:
        start = file.read(4096)
    suffix = path.suffix.lower()
    workbook = suffix in (".xlsx", ".xlsm") or start.startswith(b"PK\3\4")
    refused = _refusal(start, suffix, workbook)
    if refused:
        raise ValueError(f"{path.name}: {refused}")
    try:
        if path.stat().st_size > BYTES:
            raise TooLarge(f"it has more than {BYTES >> 20} MiB")
        rows = _within(_sheet_rows(path) if workbook else _csv_rows(path))
    except TooLarge as error:
        raise ValueError(f"{path.name}: {error}, which is more than this program reads") from error
    except Exception as error:  # openpyxl raises whatever a damaged file leads it to
        csv_table = f"a CSV table in UTF-8 with as many cells per line as in the first ({error})"
        kind = "an Excel workbook, whatever its name says, or it is damaged"
        raise ValueError(f"{path.name}: this is not {kind if workbook else csv_table}") from error
    width = max(map(len, rows), default=0)
    return pd.DataFrame([row + [None] * (width - len(row)) for row in rows], dtype=object)


def _refusal(start: bytes, suffix: str, workbook: bool) -> str:
    """Why a file is not read, and what is wanted in its place; or nothing."""
    text = start.decode("latin-1").lstrip("\xef\xbb\xbf \r\n\t").lower()
    header = [cell.strip(' "') for cell in re.split(r"[,;\t]", text.split("\n")[0].strip())]
    kinds = {
        "this is a web page, not a table; download the file itself that the page shows": (
            text.startswith(("<!doctype html", "<html"))
        ),
        "this is a workbook of an old kind (.xls); save it as .xlsx": (
            start.startswith(b"\xd0\xcf\x11\xe0")
        ),
        "this is a table of pixels, as FER-2013 is distributed; images are read from a folder with "
        "a sub-folder of image files per emotion": "pixels" in header,
        "this is a picture, not a table; images are read from a folder with a sub-folder per "
        "emotion": PICTURE.match(start),
        f"the name should end in {KINDS}": (
            not workbook and suffix not in (".csv", ".tsv", ".txt")
        ),
        "workbooks are read through defusedxml alone, and the environment variable "
        "OPENPYXL_DEFUSEDXML says not to": workbook and not DEFUSEDXML,
    }
    return next((kind for kind, found in kinds.items() if found), "")


def _within(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows up to the last that is not blank, without blank cells at their ends; dates and times as
    text. Raises TooLarge.
    """
    found: list[list[Any]] = []
    held = 0
    for number, row in enumerate(rows, 1):
        cells = [cell if isinstance(cell, int | float | None) else str(cell) for cell in row]
        cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
        while cells and cells[-1] is None:
            cells.pop()
        held += len(cells)
        if cells and (number > ROWS or len(cells) > COLUMNS or held > CELLS):
            raise TooLarge(
                f"it has, at row {number}, more than {ROWS:,} rows, {COLUMNS:,} columns or "
                f"{CELLS:,} cells"
            )
        if cells:
            found += [[]] * (number - 1 - len(found)) + [cells]
    return found


def _csv_rows(path: Path) -> Iterator[Sequence[str]]:
    content = path.read_bytes()
    text = content.decode("utf-16" if content[:2] in UTF_16 else "utf-8-sig")
    if "\0" in text:
        raise csv.Error("there are zero bytes in it, as in UTF-16")
    text = re.sub(r'^"?sep=[,;\t]"?\r?\n', "", text)  # a first line for Excel
    header = re.split(r"[\r\n]", re.sub(r'"[^"]*"', "", text), maxsplit=1)[0]
    separator = max(",;\t", key=header.count)
    rows = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    first = next(rows, [])
    yield first
    for row in rows:
        if len(row) > len(first):
            raise csv.Error(f"a line has {len(row)} cells, the first has {len(first)}")
        yield row


def _sheet_rows(path: Path) -> Iterator[Sequence[Any]]:
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what holds no data, such as extensions and styles
        with ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > BYTES:
                raise TooLarge(f"it unpacks to more than {BYTES >> 20} MiB")
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = next(filter(_has_label, book.worksheets), book.worksheets[0])
        sheet.reset_dimensions()  # the size that a sheet states need not be its own
        # no spreadsheet program has more rows; most of them are blank
        yield from sheet.iter_rows(max_row=2**20, values_only=True)


def _has_label(sheet: Any) -> bool:
    """Whether the first row of a sheet has a cell 'label'."""
    first = next(sheet.iter_rows(max_row=1, values_only=True), ())
    return any(str(cell).strip().casefold() == "label" for cell in first)


def read_table(path: Path, incomplete: str) -> EmotionData:
    """Reads rows of ``name, label, features …``.

    The header names a modality over its first column or over each of them (``LPQ1``, ``LPQ_PC2``,
    ``LPQ feature 3``); numbered features are put in order. A label is 1 to 7 in the order of
    :data:`emolib.paper.EMOTIONS`. The person is read from the names, see
    :func:`emolib.data.persons.persons`. Columns that count the rows, as pandas writes them, are
    skipped.

    Raises:
        ValueError: there is no such table; the message names the row and column.
    """
    cells = read_cells(path)
    header = [
        re.sub(r"^Unnamed: \d.*", "", str(cell or "").strip())  # as pandas writes a blank
        for cell in cells[:1].to_numpy().ravel()
    ]
    lower = [title.lower() for title in header]
    if "label" not in lower:
        found = ", ".join(shown(title) for title in header if title) or "blank cells"
        raise ValueError(
            f"{path.name}: the first row has no cell 'label' but {found[:150]}; it should read: "
            "(blank), label, feature names …"
        )
    label, rows = lower.index("label"), cells.iloc[1:].dropna(how="all")
    labels = _labels(path, rows[label])
    numbers = rows.map(_number, decimal=",").to_numpy(float)
    finite, odd = np.isfinite(numbers), np.isinf(numbers)
    whole = (finite & (numbers == numbers.round())).all(axis=0)
    words = ~whole & ((odd.sum(axis=0) > finite.sum(axis=0)) | ~finite.any(axis=0))
    named = [
        at
        for at, title in enumerate(lower)
        if at != label and (words[at] or (whole[at] and title in NAMES))
    ]
    name = min(named, key=lambda at: lower[at] not in NAMES, default=None)
    columns = _modality_columns(path, header, (name, label), whole)
    names = np.array(
        [
            "" if text is None else str(text)
            for text in (rows.index + 1 if name is None else rows[name])
        ]
    )
    groups, said = persons(names.tolist())

    values = _numbers(path, rows[[column for group in columns.values() for column in group]])
    missing = np.isnan(values).any(axis=1)
    if missing.all():
        raise ValueError(
            f"{path.name}: there is no row that has all features, so there is nothing to train on"
        )
    if incomplete == "mean":
        values = np.where(np.isnan(values), np.nanmean(values[~missing], axis=0), values)
    keep = ~np.isnan(values).any(axis=1)
    values, labels = values[keep].astype(np.float32), labels[keep]
    repairs = [
        ("row lacks one feature or more", int(missing.sum()), DONE[incomplete]),
        *twice(values, labels),
        *(said if groups is None else []),
    ]
    return EmotionData(
        features={
            modality: part.copy()
            for modality, part in zip(columns, np.split(values, len(columns), axis=1), strict=True)
        },
        labels=labels,
        classes=EMOTIONS,
        groups=None if groups is None else groups[keep],
        names=names[keep],
        source=path.name,
        drawn=False,
        repairs=pd.DataFrame([repair for repair in repairs if repair[1]], columns=REPAIRS),
    )


def _labels(path: Path, column: pd.Series) -> NDArray[np.intp]:
    numbers = np.array(
        [LABELS.get(str(cell).strip().casefold(), _number(cell, ",")) for cell in column]
    )
    wrong = np.flatnonzero(~np.isin(numbers, list(LABELS.values())))
    if len(wrong):
        cell = column.iloc[wrong[0]]
        raise ValueError(
            f"{path.name}, row {column.index[wrong[0]] + 1}, column label: "
            f"{'a blank cell' if cell is None else shown(cell)} is no emotion; a label is the name "
            f"of one, or a whole number from 1 (Angry) to {len(EMOTIONS)} (Surprise)"
        )
    return numbers.astype(int) - 1


def _modality_columns(
    path: Path, header: list[str], others: tuple[int | None, int], whole: NDArray[np.bool]
) -> dict[str, list[int]]:
    """Columns of each modality, in the order of the numbers that end their titles.

    A blank header cell belongs to the modality named last. Columns that count rows are no
    modality's.

    Args:
        others: columns of the names and the labels.
        whole: whether all cells of a column are whole numbers.
    """
    columns: dict[str, list[int]] = {}
    modality = ""
    for column, title in enumerate(header):
        if column in others:
            modality = ""
        elif not (whole[column] and title.lower() in NUMBERS and (title or not modality)):
            modality = _modality(title) if title else modality
            if not re.fullmatch(r"[^+\x00-\x1f]{1,60}", modality):
                raise ValueError(
                    f"{path.name}: column {column + 1} names a modality {shown(modality)}; the "
                    "first column of a modality should name it, in one short line without +"
                )
            columns.setdefault(modality, []).append(column)
    if len(set(map(len, columns.values()))) != 1:
        counts = ", ".join(f"{name} {len(group)}" for name, group in columns.items())
        raise ValueError(
            f"{path.name}: every modality should have as many features as the others, but there "
            f"are {counts or 'none beside the column label'}"
        )
    for modality, group in columns.items():
        titles = sorted({header[column] for column in group} - {""})
        numbers = [
            int(end[0]) for column in group if (end := re.search(r"\d+(?=\D*$)", header[column]))
        ]
        if len(set(numbers)) == len(group):
            columns[modality] = [column for _, column in sorted(zip(numbers, group, strict=True))]
        elif len(titles) > 1:
            raise ValueError(
                f"{path.name}: {shown(titles[0])} and {shown(titles[1])} would be read as one "
                f"modality {modality}; give each modality a name that does not end in a number, or "
                "number its columns"
            )
    return dict(sorted(columns.items()))


def _modality(title: str) -> str:
    """The modality that a header cell names: a known one, an acronym in brackets, or the text."""
    known = set(re.findall(r"(?<![a-z])(lpq|phog)(?![a-z])", title.lower()))
    acronym = re.search(r"\(([^)\d][^)]*)\)", title)
    counted = r"[\s_.-]*(pc|component|feature)?[\s_.-]*\d+$"
    other = acronym[1] if acronym else re.sub(counted, "", title, flags=re.IGNORECASE)
    return "".join(known).upper() if len(known) == 1 else other


def _numbers(path: Path, cells: pd.DataFrame) -> NDArray[np.float64]:
    """Feature cells as ``[N, features]`` float64; a blank cell is NaN.

    A comma is a decimal point where no number of the table has a point, unless all commas may part
    thousands.
    """
    texts = [cell for cell in cells.to_numpy().ravel() if isinstance(cell, str)]
    commas = [text for text in texts if "," in text]
    thousands = all(re.fullmatch(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*", text) for text in commas)
    decimal = "." if thousands or any("." in text for text in texts) else ","
    numbers = cells.map(_number, decimal=decimal).to_numpy(float)
    wrong = np.argwhere(np.abs(numbers) > LARGEST)
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path.name}, row {cells.index[row] + 1}, column {cells.columns[column] + 1}: "
            f"{shown(cells.iloc[row, column])} is not a finite number, or is larger than "
            f"{LARGEST:.2g}"
        )
    return numbers


def _number(cell: Any, decimal: str) -> float:
    """A cell as a number: NaN if it is missing, infinite if it is none.

    Truth values are no numbers, nor is text such as ``1_000``.
    """
    text = "" if cell is None else str(cell).strip().lower()
    if text in MISSING:
        return np.nan
    try:
        return np.inf if "_" in text else float(text.replace(decimal, "."))
    except ValueError:
        return np.inf


def twice(values: NDArray[np.floating], labels: NDArray[np.intp]) -> list[tuple[str, int, str]]:
    """Repairs that tell of rows with the same features ``[N, D]``, perhaps 0; they are kept."""
    frames = pd.DataFrame({"label": labels, "features": [row.tobytes() for row in values]})
    alike = frames.groupby("features")["label"]
    two_labels = int((alike.transform("nunique") > 1).sum())
    one_label = int((alike.transform("size") > 1).sum()) - two_labels
    return [
        ("same features under two labels", two_labels, "kept, under both labels"),
        ("same features and label twice", one_label, "kept"),
    ]


def export(data: EmotionData, path: Path) -> Path:
    """Writes name, label (1 to 7), LPQ and PHOG of every row to ``.xlsx`` or ``.csv``.

    Names that do not state the groups are replaced by the group and the number of the row, in the
    pattern of SFEW.

    Raises:
        ValueError: the data lack a modality, or the name ends in something else.

    Example:
        >>> export(load("faces"), Path("faces.xlsx"))
    """
    names = data.names.tolist()
    stated, _ = persons(names)
    if data.groups is not None and (stated is None or (stated != data.groups).any()):
        people = [re.sub(r"[/\\]", "-", group) for group in data.groups.tolist()]
        names = [f"{person}_{row:09d}_00000000" for row, person in enumerate(people)]
    if not set(MODALITIES) <= set(data.features):
        raise ValueError(
            f"{data.source}: the spreadsheet's layout has {' and '.join(MODALITIES)}, the data "
            f"only {' and '.join(data.features)}"
        )
    table = pd.DataFrame(
        {"": names, "label": data.labels + 1}
        | {
            # a float32 in its shortest digits, so that the same float32 is read back
            f"{modality}{number}": values.astype(str).astype(float)
            for modality in MODALITIES
            for number, values in enumerate(data.features[modality].T, 1)
        }
    )
    content = BytesIO()
    if path.suffix.lower() == ".xlsx":
        with pd.ExcelWriter(content, engine="openpyxl") as writer:
            table.to_excel(writer, index=False)
            for (cell,) in writer.book.worksheets[0].iter_rows(max_col=1):
                cell.data_type = "s"  # a name that begins with = is no formula
    elif path.suffix.lower() == ".csv":
        table.to_csv(content, index=False)
    else:
        raise ValueError(f"{path.name}: the name should end in .xlsx or .csv")
    write(path, content.getvalue())
    return path
