"""Walkthroughs as pages with folded solutions, and as hand-outs without them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import nbformat
from nbformat import NotebookNode

import emolib
from emolib.report.chapter import convert_chapter, tidy
from emolib.report.errors import ChapterError
from emolib.report.execution import execute, prepare
from emolib.report.markup import numbers, render
from emolib.report.page import check_page, compose
from emolib.report.provenance import commit, origin, versions
from emolib.utils import progress
from emolib.utils.cache import write
from emolib.utils.console import say

# Tags of a cell that students do not get, and of one that judges their answer.
SOLUTION, CHECK = "solution", "check"


def build_walkthroughs(notebooks: Path, out: Path) -> Path:
    """Runs each walkthrough with its solutions, and writes a page and a hand-out without solutions.

    Args:
        notebooks: the folder of the walkthroughs and of the teacher's page, in the order of their
            names.
        out: gets ``<name>.html`` and ``handout/<name>.ipynb``; made when missing.

    Returns:
        The path of the first page, the teacher's.

    Raises:
        BuildError: one sentence that names the walkthrough at fault; earlier pages stay as they
            were.
    """
    teacher, *lessons = sorted(notebooks.glob("*.ipynb"))
    files = {out / f"{file.stem}.html": page(run(file), file.stem) for file in (teacher, *lessons)}
    for file in lessons:
        given = nbformat.writes(handout(nbformat.read(file, 4)))
        files[out / "handout" / file.name] = given + "\n"
    (out / "handout").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write(path, content)
    return next(iter(files))


def run(file: Path) -> NotebookNode:
    """A walkthrough with its outputs, solutions included; prints how long it took.

    Raises:
        BuildError: a cell failed.
    """
    node, begin = prepare(file, {}), monotonic()
    with TemporaryDirectory() as folder:  # a page has no use for bars
        fault = execute(node, environment={progress.VARIABLE: str(Path(folder, "progress"))})
    say(f"{file.stem}: {monotonic() - begin:.0f} s")
    if fault:
        raise ChapterError(f"walkthrough {file.stem}: {fault}")
    return node


def page(executed: NotebookNode, name: str) -> str:
    """An executed walkthrough as one HTML page in the report's style; checks have no output there,
    because a page takes no answers.
    """
    for cell in executed.cells:
        if CHECK in cell.metadata.get("tags", []):
            cell.outputs = []
    cards, _ = tidy(executed, name, {})
    called = numbers(cards)
    data = emolib.load()
    provenance = {
        "data_source": f"{data.source}, and the paper's own tables",
        "data_digest": data.digest[:16],
        "commit": commit(Path(emolib.__file__).parents[1]),
        "versions": versions(),
    }
    own = origin(provenance, {})
    chapter = convert_chapter(executed, name, lambda card: render(card, called[card["id"]], own))
    html = compose(chapter.title, [chapter], provenance, called, lesson=True)
    check_page(html, [])
    return html


def handout(notebook: NotebookNode) -> NotebookNode:
    """A walkthrough for students: every cell but the solutions."""
    given: NotebookNode = nbformat.from_dict(notebook)
    given.cells = [cell for cell in given.cells if SOLUTION not in cell.metadata.get("tags", [])]
    return given
