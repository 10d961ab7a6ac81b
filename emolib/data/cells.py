"""Cells of a CSV file or workbook, within limits: a stranger's file may hold anything.

:mod:`zipfile` gives no byte more than an archive states, so the stated size is a limit. Entities in
a workbook's XML are refused by defusedxml, through which openpyxl reads where it is installed.
"""

import codecs
import csv
import re
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
from openpyxl import DEFUSEDXML, load_workbook
from PIL import Image

BYTES = 64 * 2**20  # of a file, and of what it unpacks to
ROWS, COLUMNS, CELLS = 100_000, 1_000, 5_000_000
SHEET = 2**20  # rows of a sheet in any spreadsheet program, most of them blank
SEPARATORS = ",;\t"
KINDS = ".xlsx, .csv or .tsv"


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
    if not workbook and path.suffix.lower() not in (".csv", ".tsv"):
        raise ValueError(f"{path.name}: the name should end in .xlsx or .csv")
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
            sheet = load_workbook(
                file, read_only=True, data_only=True, keep_links=False
            ).worksheets[0]
            sheet.reset_dimensions()  # the size that a sheet states need not be its own
            yield from sheet.iter_rows(max_row=SHEET, values_only=True)
        except TooLarge:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file leads it to
            raise ValueError(
                f"{path.name}: this is not an Excel workbook, whatever its name says, or it is "
                "damaged"
            ) from error
