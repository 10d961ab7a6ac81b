"""Chapters of a few cells, and the tags of a page, for the tests of the report."""

from html.parser import HTMLParser
from pathlib import Path

import nbformat
from nbformat import v4

PROVENANCE = {
    "data_source": "ten drawn faces",
    "data_digest": "0123456789abcdef",
    "parameters": {"seeds": 1},
    "commit": "unknown",
    "versions": {"Python": "3"},
}


def write(path: Path, *cells: tuple[str, ...], needs: tuple[str, ...] = ()) -> Path:
    """A notebook of (markdown,) cells, (code, "code") cells and (code, "parameters") cells."""
    notebook = v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}
        }
    )
    if needs:
        notebook.metadata["emolib"] = {"needs": list(needs)}
    for k, (source, *kind) in enumerate(cells):
        cell = v4.new_code_cell(source) if kind else v4.new_markdown_cell(source)
        cell.id = f"cell-{k}"
        cell.metadata["tags"] = kind
        notebook.cells.append(cell)
    nbformat.write(notebook, path)
    return path


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
