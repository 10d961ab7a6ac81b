"""Chapters of a few cells, their report, and the tags of a page, for the tests of the report."""

from html.parser import HTMLParser
from pathlib import Path

import nbformat
from nbformat import v4

from emolib.report.build import build

PROVENANCE = {
    "data_source": "ten drawn faces",
    "data_digest": "0123456789abcdef",
    "parameters": {"seeds": 1},
    "commit": "unknown",
    "versions": {"Python": "3"},
}
# A cell that shows a picture and a table.
PICTURE = """
import matplotlib.pyplot as plt, pandas as pd
from types import SimpleNamespace
from emolib.report import figure, table
frame = pd.DataFrame({"y": [1.5, 2.5]})
axes = plt.figure().subplots()
axes.plot(frame["y"])
figure("fig-6a", SimpleNamespace(figure=axes.figure, alt="a rising line", data=frame, narrow=None), "A line")
table("claims", frame, "Claims")
"""


def write(path: Path, *cells: tuple[str, ...], needs: tuple[str, ...] = ()) -> Path:
    """A notebook of (markdown,) cells, (code, "code") cells and (code, "parameters") cells."""
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = v4.new_notebook(metadata={"kernelspec": kernel, "emolib": {"needs": list(needs)}})
    for k, (source, *kind) in enumerate(cells):
        cell = v4.new_code_cell(source) if kind else v4.new_markdown_cell(source)
        cell.id = f"cell-{k}"
        cell.metadata["tags"] = kind
        notebook.cells.append(cell)
    nbformat.write(notebook, path)
    return path


def make(folder: Path, *notebooks: Path, parameters: dict | None = None, **options) -> str:
    """Builds a report below a folder and returns its page."""
    options = {"title": "A paper, re-run", "provenance": lambda: dict(PROVENANCE)} | options
    report = build(notebooks, parameters or {}, folder / "reports", **options)
    return report.read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Every start tag of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]
