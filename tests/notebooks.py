"""Chapters of a few cells, for the tests of the report."""

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
