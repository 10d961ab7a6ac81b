"""A table of features: the SFEW spreadsheet as distributed, or a table of the same columns.

Files are read within limits: a stranger's may hold anything. :mod:`zipfile` gives no byte more than
an archive states, so the stated size is a limit. Entities in a workbook's XML are refused by
defusedxml, through which openpyxl reads where it is installed.
"""

import codecs
import csv
import re
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from openpyxl import DEFUSEDXML, load_workbook
from PIL import Image

from emolib.data import REPAIRS, EmotionData, Rows
from emolib.data.persons import persons
from emolib.paper import EMOTIONS
from emolib.utils.cache import write
from emolib.utils.console import say_once

BYTES = 64 * 2**20  # of a file, and of what it unpacks to
ROWS, COLUMNS, CELLS = 100_000, 1_000, 5_000_000
SHEET = 2**20  # rows of a sheet in any spreadsheet program, most of them blank
SEPARATORS = ",;\t"
KINDS = ".xlsx, .csv, .tsv or .txt"
LARGEST = float(np.finfo(np.float32).max)  # what a feature can hold
WANTED = "(blank), label, feature names …"  # the first row
# What stands for a missing number in the tables of several programs, in lower case.
MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}
KNOWN = {"lpq": "LPQ", "phog": "PHOG"}
NAMES = {"name", "names", "file", "filename", "file name", "image", "path", "frame"}
NUMBERS = {"", "index", "id", "row", "number", "no"}  # headers of a column that counts rows


class TooLarge(ValueError):
    """A file beyond the limits; the message says which, without the file's name."""


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell of a CSV or of a workbook's first sheet, header included: text, numbers, dates, or
    None where it is blank.

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
    if other := _other_kind(path, start):
        raise ValueError(f"{path.name}: {other}")
    workbook = path.suffix.lower() in (".xlsx", ".xlsm") or start.startswith(b"PK\3\4")
    if not workbook and path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise ValueError(f"{path.name}: the name should end in {KINDS}")
    try:
        if path.stat().st_size > BYTES:
            raise TooLarge(f"it has more than {BYTES >> 20} MiB")
        rows = _within(_sheet_rows(path) if workbook else _csv_rows(path))
    except TooLarge as error:
        raise ValueError(f"{path.name}: {error}, which is more than this program reads") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: this is no CSV table in UTF-8; save it with that encoding"
        ) from error
    except csv.Error as error:
        raise ValueError(
            f"{path.name}: this is no CSV table ({error}); every line should have as many cells as "
            "the first"
        ) from error
    width = max(map(len, rows), default=0)
    return pd.DataFrame([row + [None] * (width - len(row)) for row in rows], dtype=object)


def shown(cell: object) -> str:
    """A cell in a message: not longer than a few words."""
    if cell is None:
        return "a blank cell"
    return reprlib.repr(str(cell) if isinstance(cell, date | time) else cell)


def _other_kind(path: Path, start: bytes) -> str:
    """What a file is that is no table of features, and what is wanted in its place; or nothing."""
    text = start.decode("latin-1").lstrip("\xef\xbb\xbf \r\n\t").lower()
    if text.startswith(("<!doctype html", "<html")):
        return "this is a web page, not a table; download the file itself that the page shows"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "this is a workbook of an old kind (.xls); save it as .xlsx"
    if "pixels" in [cell.strip(' "') for cell in re.split(r"[,;\t]", text.split("\n")[0].strip())]:
        return (
            "this table holds pixels, as FER-2013 is distributed; images are read from a folder "
            "with a sub-folder of image files per emotion"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")) as image:
                return (
                    f"this is a picture ({image.format}), not a table; images are read from a "
                    "folder with a sub-folder per emotion"
                )
    except Exception:  # Pillow raises whatever another file leads it to
        return ""


def _within(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    """Rows up to the last that is not blank, without blank cells at their ends. Raises TooLarge."""
    found: list[list[object]] = []
    held = 0
    for number, row in enumerate(rows, 1):
        cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if len(cells) > COLUMNS:
            raise TooLarge(f"row {number} has {len(cells):,} columns")
        if cells:
            held += len(cells)
            if number > ROWS or held > CELLS:
                raise TooLarge(
                    f"it has more than {ROWS:,} rows"
                    if number > ROWS
                    else f"it has more than {CELLS:,} cells"
                )
            found += [[]] * (number - 1 - len(found)) + [cells]
    return found


def _csv_rows(path: Path) -> Iterator[Sequence[object]]:
    content = path.read_bytes()
    marks = {
        codecs.BOM_UTF32_LE: "utf-32",
        codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    encoding = next((marks[mark] for mark in marks if content.startswith(mark)), "utf-8-sig")
    text = content.decode(encoding)
    if "\0" in text:
        raise csv.Error("there are zero bytes in it, as in UTF-16")
    stated = re.match(r'"?sep=([,;\t])"?\r?\n', text)  # a first line for Excel
    text = text[stated.end() :] if stated else text

    def records(separator: str) -> Iterator[list[str]]:
        return csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)

    def cells_of_header(separator: str) -> int:
        try:
            return len(next(records(separator), []))
        except csv.Error:
            return 0

    separator = stated[1] if stated else max(SEPARATORS, key=cells_of_header)
    first = None
    for row in records(separator):
        first = len(row) if first is None else first
        if len(row) > first:
            raise csv.Error(f"a line has {len(row)} cells, the first has {first}")
        yield row


def _sheet_rows(path: Path) -> Iterator[Sequence[object]]:
    if not DEFUSEDXML:
        raise ValueError(
            "workbooks are read through defusedxml alone, and the environment variable "
            "OPENPYXL_DEFUSEDXML says not to"
        )
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what holds no data, such as extensions and styles
        try:
            with ZipFile(file) as archive:
                if sum(member.file_size for member in archive.infolist()) > BYTES:
                    raise TooLarge(f"it unpacks to more than {BYTES >> 20} MiB")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            labelled = [sheet for sheet in book.worksheets if _has_label(sheet)]
            sheet = (labelled or book.worksheets)[0]
            if len(labelled) > 1:
                say_once(
                    f"{path.name}: of {len(labelled)} sheets with a column label, {sheet.title} is "
                    "read"
                )
            sheet.reset_dimensions()  # the size that a sheet states need not be its own
            yield from sheet.iter_rows(max_row=SHEET, values_only=True)
        except TooLarge:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file leads it to
            raise ValueError(
                f"{path.name}: this is not an Excel workbook, whatever its name says, or it is "
                "damaged"
            ) from error


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
    if cells.empty:
        raise ValueError(
            f"{path.name}: there is nothing in this CSV table or first sheet; it should begin with "
            f"a row: {WANTED}"
        )
    header = [
        "" if cell is None or re.fullmatch(r"Unnamed: \d.*", str(cell)) else str(cell).strip()
        for cell in cells.iloc[0]
    ]
    lower = [name.lower() for name in header]
    if "label" not in lower:
        found = ", ".join(shown(name) for name in header if name) or "blank cells"
        raise ValueError(
            f"{path.name}: the first row has no cell 'label' but {found[:150]}; it should read: "
            f"{WANTED}"
        )
    rows = cells.iloc[1:].dropna(how="all")
    if rows.empty:
        raise ValueError(f"{path.name}: there are no rows under the header")

    label = lower.index("label")
    kinds = {at: _kind(rows[at]) for at in range(len(header)) if at != label}
    titled = [at for at, kind in kinds.items() if lower[at] in NAMES and kind != "numbers"]
    wordy = [at for at, kind in kinds.items() if kind == "words"]
    name = next(iter(titled + wordy), None)
    columns, skipped = _modality_columns(path, header, (name, label), kinds)
    if name is None and skipped:
        name = skipped[0]

    texts = rows.index + 1 if name is None else rows[name]
    names = np.array(["" if text is None else str(text) for text in texts])
    labels = _labels(path, rows.iloc[:, label])
    values = _numbers(path, rows, [column for group in columns.values() for column in group])
    keep, values, repairs = _repair(path, values, rows.index + 1, labels, incomplete)
    groups, said = persons(names.tolist())
    if groups is None:
        repairs += said

    start, features = 0, {}
    for modality, group in columns.items():
        features[modality] = values[keep, start : start + len(group)].astype(np.float32)
        start += len(group)
    return EmotionData(
        features=features,
        labels=labels[keep],
        classes=EMOTIONS,
        groups=None if groups is None else groups[keep],
        names=names[keep],
        source=path.name,
        drawn=False,
        repairs=pd.DataFrame(repairs, columns=REPAIRS),
    )


def _kind(column: pd.Series) -> str:
    """Whether a column's cells are mostly ``"words"``, all ``"whole"`` numbers, or else
    ``"numbers"``.
    """
    words = {emotion.casefold(): number for number, emotion in enumerate(EMOTIONS, 1)}
    numbers = np.array(
        [words.get(str(cell).strip().casefold(), _number(cell, ",")) for cell in column]
    )
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == len(numbers) and (finite == np.round(finite)).all():
        return "whole"
    return "words" if np.isinf(numbers).sum() > len(finite) or not len(finite) else "numbers"


def _sheet_row(series: pd.Series, position: int) -> int:
    """The row's number as a spreadsheet program shows it (the header is row 1)."""
    return int(series.index[position]) + 1


def _labels(path: Path, column: pd.Series) -> NDArray[np.intp]:
    words = {emotion.casefold(): number for number, emotion in enumerate(EMOTIONS, 1)}
    numbers = np.array(
        [words.get(str(cell).strip().casefold(), _number(cell, ",")) for cell in column]
    )
    wrong = np.flatnonzero(~np.isin(numbers, np.arange(1, len(EMOTIONS) + 1)))
    if len(wrong):
        raise ValueError(
            f"{path.name}, row {_sheet_row(column, wrong[0])}, column label: "
            f"{shown(column.iloc[wrong[0]])} is no emotion; a label is the name of one, or a whole "
            f"number from 1 (Angry) to {len(EMOTIONS)} (Surprise)"
        )
    return numbers.astype(int) - 1


def _modality_columns(
    path: Path, header: list[str], others: tuple[int | None, int], kinds: dict[int, str]
) -> tuple[dict[str, list[int]], list[int]]:
    """Columns of each modality, and those of whole numbers that belong to none.

    A blank header cell belongs to the modality named last.
    """
    columns: dict[str, list[int]] = {}
    skipped = []
    modality = ""
    for column, title in enumerate(header):
        if column in others:
            modality = ""
            continue
        continued = modality and not title
        if kinds[column] == "whole" and title.lower() in NUMBERS and not continued:
            skipped.append(column)
            continue
        modality = _modality(title) if title else modality
        if not modality:
            raise ValueError(
                f"{path.name}: column {column + 1} has no name; the first column of a modality "
                "should name it"
            )
        if not re.fullmatch(r"[^+\x00-\x1f]{1,60}", modality):
            raise ValueError(
                f"{path.name}: column {column + 1} names a modality {shown(modality)}; a name is "
                "short, one line, and without +"
            )
        columns.setdefault(modality, []).append(column)
    if not columns:
        raise ValueError(f"{path.name}: there are no feature columns beside the column label")
    for modality, group in columns.items():
        titles = [header[column] for column in group if header[column]]
        ends = {tuple(re.findall(r"\d+", title)[-1:]) for title in titles}
        if len(set(titles)) > 1 and not len(ends) == len(titles) == len(group):
            other = next(title for title in titles if title != titles[0])
            raise ValueError(
                f"{path.name}: {shown(titles[0])} and {shown(other)} would be read as one modality "
                f"{modality}; give each modality a name that does not end in a number, or number "
                "its columns"
            )
    widths = {modality: len(group) for modality, group in columns.items()}
    if len(set(widths.values())) > 1:
        counts = ", ".join(f"{modality} {width}" for modality, width in widths.items())
        raise ValueError(
            f"{path.name}: every modality should have as many features as the others, but there "
            f"are {counts}"
        )
    return {name: _in_order(columns[name], header) for name in sorted(columns)}, skipped


def _modality(title: str) -> str:
    """The modality that a header cell names: a known one, an acronym in brackets, or the text."""
    known = set(re.findall(r"(?<![a-z])(lpq|phog)(?![a-z])", title.lower()))
    if len(known) == 1:
        return KNOWN[known.pop()]
    acronym = re.search(r"\(([^)\d][^)]*)\)", title)
    counted = r"[\s_.-]*(pc|component|feature)?[\s_.-]*\d+$"
    return acronym[1] if acronym else re.sub(counted, "", title, flags=re.IGNORECASE)


def _in_order(columns: list[int], header: list[str]) -> list[int]:
    """Columns of one modality by the numbers that end their titles, if each has one of its own."""
    ends = [re.search(r"\d+(?=\D*$)", header[column]) for column in columns]
    numbers = [int(end[0]) for end in ends if end]
    if len(set(numbers)) < len(columns):
        return columns
    return [column for _, column in sorted(zip(numbers, columns, strict=True))]


def _numbers(path: Path, rows: pd.DataFrame, columns: list[int]) -> NDArray[np.float64]:
    """Feature cells as ``[N, features]`` float64; a blank cell is NaN.

    A comma is a decimal point where no number of the table has a point, unless all commas may part
    thousands.
    """
    cells = rows[columns]
    texts = [cell for cell in cells.to_numpy().ravel() if isinstance(cell, str)]
    commas = [text for text in texts if "," in text]
    thousands = all(re.fullmatch(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*", text) for text in commas)
    decimal = "." if thousands or any("." in text for text in texts) else ","
    numbers = np.array([[_number(cell, decimal) for cell in row] for row in cells.to_numpy()])
    wrong = np.argwhere(np.abs(numbers) > LARGEST)
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path.name}, row {_sheet_row(cells.iloc[:, 0], row)}, column {columns[column] + 1}: "
            f"{shown(cells.iloc[row, column])} is not a finite number, or is larger than "
            f"{LARGEST:.2g}"
        )
    return numbers


def _number(cell: object, decimal: str = ".") -> float:
    """A cell as a number: NaN if it is missing, infinite if it is none.

    Truth values and dates are no numbers, nor is text such as ``1_000``.
    """
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return np.nan
    if isinstance(cell, bool) or not isinstance(cell, str | int | float) or "_" in str(cell):
        return np.inf
    try:
        return float(cell.replace(decimal, ".") if isinstance(cell, str) else cell)
    except (ValueError, OverflowError):
        return np.inf


def _repair(
    path: Path,
    values: NDArray[np.float64],
    sheet_rows: pd.Index,
    labels: NDArray[np.intp],
    incomplete: str,
) -> tuple[Rows, NDArray[np.float64], list[tuple[str, int, str]]]:
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
                f"{path.name}, row {sheet_rows[int(missing.argmax())]}: a feature is missing "
                f"(the first of {missing.sum()} such rows); "
                "load with incomplete='drop' or 'mean'"
            )
        if incomplete == "mean":
            values = np.where(np.isnan(values), np.nanmean(values[~missing], axis=0), values)
        done = {"drop": "dropped", "mean": "filled with the column's mean over complete rows"}[
            incomplete
        ]
        repairs.append(("row lacks one feature or more", int(missing.sum()), done))
    keep = np.flatnonzero(~missing) if incomplete == "drop" else np.arange(len(values))

    return keep, values, repairs + twice(values[keep], labels[keep])


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
    known = [] if data.groups is None else data.groups.tolist()
    if known and (stated is None or stated.tolist() != known):
        people = [re.sub(r"[/\\]", "-", group) for group in known]
        names = [f"{person}_{row:09d}_00000000" for row, person in enumerate(people)]
    table = pd.DataFrame({"": names, "label": data.labels + 1})
    for modality in KNOWN.values():
        if modality not in data.features:
            raise ValueError(
                f"{data.source}: there is no {modality}, and the spreadsheet's layout has "
                f"LPQ and PHOG"
            )
        for number, values in enumerate(data.features[modality].T, 1):
            # a float32 in its shortest digits, so that the same float32 is read back
            table[f"{modality}{number}"] = values.astype(str).astype(float)
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
