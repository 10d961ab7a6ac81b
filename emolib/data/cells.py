"""The cells of a table in a file, a workbook or a CSV, within limits: a stranger's file may hold
anything.

What a workbook's archive says it unpacks to is a limit on what it does unpack to: :mod:`zipfile`
gives no byte more. Entities in its XML are refused by defusedxml, through which openpyxl reads
where it is installed.
"""

import csv
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
from openpyxl import DEFUSEDXML, load_workbook

BYTES = 64 * 2**20  # of a file, and of what it unpacks to
ROWS, COLUMNS, CELLS = 100_000, 1_000, 5_000_000
SHEET = 2**20  # rows of a sheet in any spreadsheet program, most of them blank
# What stands for a number that is not there, in the tables of several programs.
MISSING = {
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "null",
    "None",
    "<NA>",
}


class TooLarge(ValueError):
    """A file beyond the limits; the message says which, without the file's name."""


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell of a CSV or of a workbook's first sheet, header row included: text, numbers,
    dates, or None.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table, is damaged, or is beyond the limits; one sentence.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no such file; give the SFEW spreadsheet (.xlsx) or a CSV of its shape"
        )
    readers = {".xlsx": _sheet_rows, ".csv": _csv_rows}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path.name}: the name should end in .xlsx or .csv")
    try:
        if path.stat().st_size > BYTES:
            raise TooLarge(f"it has more than {BYTES >> 20} MiB")
        rows = _within(readers[path.suffix.lower()](path))
    except TooLarge as error:
        raise ValueError(f"{path.name}: {error}, which is more than this program reads") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: this is no CSV table in UTF-8; save it with that encoding"
        ) from error
    except csv.Error as error:
        raise ValueError(
            f"{path.name}: this is no CSV table ({error}); every line should have as many cells as the first"
        ) from error
    width = max(map(len, rows), default=0)
    return pd.DataFrame([row + [None] * (width - len(row)) for row in rows], dtype=object)


def shown(cell: object) -> str:
    """A cell in a message: not longer than a few words."""
    return (
        "a blank cell"
        if cell is None
        else reprlib.repr(str(cell) if isinstance(cell, date | time) else cell)
    )


def _within(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    """Rows up to the last that is not blank, without blank cells at their ends. Raises TooLarge."""
    found: list[list[object]] = []
    held = 0
    for number, row in enumerate(rows, 1):
        cells = [
            None if isinstance(cell, str) and cell.strip() in MISSING else cell for cell in row
        ]
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
    if b"\0" in content:
        raise csv.Error("there are zero bytes in it, as in UTF-16")
    first = None
    for row in csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True):
        first = len(row) if first is None else first
        if len(row) > first:
            raise csv.Error(f"a line has {len(row)} cells, the first has {first}")
        yield row


def _sheet_rows(path: Path) -> Iterator[Sequence[object]]:
    if not DEFUSEDXML:
        raise ValueError(
            "workbooks are read through defusedxml alone, and the environment variable OPENPYXL_DEFUSEDXML says not to"
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
            sheet.reset_dimensions()  # what a sheet says of its own size need not be so
            yield from sheet.iter_rows(max_row=SHEET, values_only=True)
        except TooLarge:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file leads it to
            raise ValueError(
                f"{path.name}: this is not an Excel workbook, whatever its name says, or it is damaged"
            ) from error
