"""Features of any data as a table in the layout of the SFEW spreadsheet."""

import csv
import re
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
from openpyxl import Workbook

from emolib.data import EmotionData
from emolib.data.persons import persons
from emolib.utils.cache import write

TITLES = {
    "LPQ": "First 5 Principal Components of Local Phase Quantisation (LPQ)",
    "PHOG": "First 5 Principal Components of Pyramid of Histograms of Oriented Gradients (PHOG)",
}


def export(data: EmotionData, path: Path) -> Path:
    """Writes name, label (1 to 7), LPQ and PHOG of every row to ``.xlsx`` or ``.csv``.

    Names that do not state the groups are replaced by the group and the number of the row, in the
    pattern of SFEW.

    Raises:
        ValueError: the data lack a modality, or the name ends in something else.

    Example:
        >>> export(load("faces"), Path("faces.xlsx"))
    """
    for modality in TITLES:
        if modality not in data.features:
            raise ValueError(
                f"{data.source}: there is no {modality}, and the spreadsheet's layout has "
                f"{' and '.join(TITLES)}"
            )
    width = [data.features[modality].shape[1] for modality in TITLES]
    header = ["", "label"]
    for title, columns in zip(TITLES.values(), width, strict=True):
        header += [title, *[""] * (columns - 1)]
    values = np.concatenate([data.features[modality] for modality in TITLES], axis=1)
    names = data.names.tolist()
    if data.groups is not None and not np.array_equal(persons(names)[0], data.groups):
        people = [re.sub(r"[/\\]", "-", group) for group in data.groups]
        names = [f"{person}_{row:09d}_00000000" for row, person in enumerate(people)]
    # a float32 in its shortest digits, so that the same float32 is read back
    rows = [
        [name, int(label) + 1, *map(float, map(str, numbers))]
        for name, label, numbers in zip(names, data.labels, values, strict=True)
    ]
    if path.suffix.lower() == ".xlsx":
        write(path, _workbook(header, rows, width))
    elif path.suffix.lower() == ".csv":
        text = StringIO(newline="")
        csv.writer(text).writerows([header, *rows])
        write(path, text.getvalue())
    else:
        raise ValueError(f"{path.name}: the name should end in .xlsx or .csv")
    return path


def _workbook(header: list[str], rows: list[list[object]], width: list[int]) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "SFEW.csv"
    sheet.append([cell or None for cell in header])
    first = 3
    for columns in width:
        sheet.merge_cells(
            start_row=1, start_column=first, end_row=1, end_column=first + columns - 1
        )
        first += columns
    for row in rows:
        sheet.append(row)
        sheet.cell(sheet.max_row, 1).data_type = "s"  # a name that begins with = is no formula
    content = BytesIO()
    book.save(content)
    return content.getvalue()
