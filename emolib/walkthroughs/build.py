"""Walkthroughs as pages with their solutions folded, and as hand-outs without them."""

import os
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from emolib.report.chapter import convert_chapter
from emolib.report.execution import execute
from emolib.report.page import check_ids, compose
from emolib.report.provenance import versions

SOLUTION = "solution"  # the tag of a cell that students do not get


def build_walkthroughs(notebooks: Path, out: Path) -> Path:
    """Runs each walkthrough with its solutions and writes a page for it, and a hand-out without them.

    Args:
        notebooks: the folder of the walkthroughs and of the teacher's page, in the order of their names.
        out: gets ``<name>.html`` and ``handout/<name>.ipynb``; made when missing.

    Returns:
        The path of the first page, the teacher's.

    Raises:
        BuildError: one sentence that says which walkthrough is at fault; pages that were there stay as they were.
    """
    files = sorted(notebooks.glob("*.ipynb"))
    pages = {out / f"{file.stem}.html": page(execute(file, {}), file.stem) for file in files}
    lessons = {out / "handout" / file.name: nbformat.writes(handout(nbformat.read(file, 4))) for file in files[1:]}
    (out / "handout").mkdir(parents=True, exist_ok=True)
    for path, text in (pages | lessons).items():
        fresh = path.with_name(f".{path.name}.tmp")
        fresh.write_text(text + "\n" * (not text.endswith("\n")), encoding="utf-8")
        os.replace(fresh, path)
    return next(iter(pages))


def page(executed: NotebookNode, name: str) -> str:
    """An executed walkthrough as one HTML page in the report's style."""
    chapter = convert_chapter(executed, name, {})
    html = compose(chapter.title, [chapter], {"data_source": "drawn faces and the paper's own tables", "versions": versions()})
    check_ids(html, [])
    return html


def handout(notebook: NotebookNode) -> NotebookNode:
    """A walkthrough as students get it: every cell but the solutions."""
    given = nbformat.from_dict(notebook)
    given.cells = [cell for cell in given.cells if SOLUTION not in cell.metadata.get("tags", [])]
    return given
