"""Publication guard: a page with aggregates of licensed data and nothing of any single row."""

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from emolib.report import BuildError
from emolib.utils import write

if TYPE_CHECKING:
    from emolib.data import EmotionData

# The figures of the published report that the README shows.
PICTURES = ("levels", "fig-6b")
RULE = "a report of licensed data shows aggregates alone"


def check_aggregates(page: str, data: "EmotionData") -> None:
    """Refuses a page that holds the name of a row, a title that stands for a person, or the
    features of a row.

    Raises:
        BuildError: one sentence that says what was found; it does not repeat it.
    """
    text = unescape(unquote(page))
    names = {*map(str, data.names), *map(str, () if data.groups is None else data.groups)}
    # a title of digits alone would be found in any number, and one such as NA in any word
    found = [name for name in names if name in text and re.search(r"[^\W\d]", name)]
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in found):
        raise BuildError(f"the page holds the name of a row or the title of a group; {RULE}")
    rows = [{f"{value:.6g}" for value in row} for row in np.hstack(list(data.features.values()))]
    known = set().union(*rows)
    for line in text.splitlines():
        fields = known.intersection(line.split(","))
        if any(len(fields & row) > 1 for row in rows if len(fields) > 1):
            raise BuildError(f"the page holds features of a single row; {RULE}")


def write_pictures(report: Path) -> None:
    """Writes the SVG of each of :data:`PICTURES` beside a published report.

    Raises:
        BuildError: the page has no such figure.
    """
    page = report.read_text(encoding="utf-8")
    for id in PICTURES:
        match = re.search(
            rf'<figure id="{id}" class="card">(?:(?!</figure>).)*?'
            r'<img src="data:image/svg\+xml;charset=utf-8,([^"]*)"',
            page,
            re.DOTALL,
        )
        if match is None:
            raise BuildError(f"the README shows the figure {id}, which the report does not have")
        write(report.parent / f"{id}.svg", unquote(unescape(match[1])) + "\n")
