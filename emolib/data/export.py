"""Features of any data as a table in the layout of the SFEW spreadsheet."""

import re
from io import BytesIO
from pathlib import Path

import pandas as pd

from emolib.data import EmotionData
from emolib.data.persons import persons
from emolib.utils.cache import write

MODALITIES = ("LPQ", "PHOG")


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
    for modality in MODALITIES:
        if modality not in data.features:
            raise ValueError(
                f"{data.source}: there is no {modality}, and the spreadsheet's layout has "
                f"{' and '.join(MODALITIES)}"
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
