"""Walkthroughs as pages with folded solutions, and as hand-outs without them."""

from pathlib import Path
from time import monotonic

import nbformat
from nbformat import NotebookNode

import emolib
from emolib.report import ChapterError
from emolib.report.chapter import convert_chapter, numbers, tidy
from emolib.report.execution import execute
from emolib.report.keys import commit, versions
from emolib.report.page import check_page, compose, origin
from emolib.utils.cache import write
from emolib.utils.console import say
from emolib.walkthroughs.network import allowed


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
    ran = {file: run(file) for file in (teacher, *lessons)}
    files = {out / f"{file.stem}.html": page(node, file.stem) for file, node in ran.items()}
    files |= {out / "handout" / file.name: handout(file, ran[file]) for file in lessons}
    (out / "handout").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write(path, content)
    return next(iter(files))


def run(file: Path) -> NotebookNode:
    """A walkthrough with its outputs, solutions included; prints how long it took.

    Raises:
        BuildError: a cell failed.
    """
    begin = monotonic()
    try:
        node = execute(file, {})
    except ChapterError as error:
        raise ChapterError(f"walkthrough {file.stem}: {error}", error.notebook) from error
    say(f"{file.stem}: {monotonic() - begin:.0f} s")
    return node


def page(executed: NotebookNode, name: str) -> str:
    """An executed walkthrough as one HTML page in the report's style; checks have no output there,
    because a page takes no answers.
    """
    for cell in executed.cells:
        if "check" in cell.metadata.get("tags", []):
            cell.outputs = []
    cards = tidy(executed, name, {}, {})
    called = numbers(cards)
    data = emolib.load()
    provenance = {
        "data_source": f"{data.source}, and the paper's own tables",
        "data_digest": data.digest[:16],
        "commit": commit(Path(emolib.__file__).parents[1]),
        "versions": versions(),
    }
    html = {card.id: card.finished(called[card.id], origin(provenance, {})) for card in cards}
    chapter = convert_chapter(executed, name, html.__getitem__)
    composed = allowed(compose(chapter.title, [chapter], provenance, called, lesson=True))
    check_page(composed, [])
    return composed


def handout(file: Path, executed: NotebookNode | None = None) -> str:
    """A walkthrough for students: every cell but the solutions; of those with the tag ``network``
    the output of the executed notebook stays, a picture until the cell is run.
    """
    notebook = nbformat.read(file, 4)
    for cell in executed.cells if executed else []:
        if "network" in cell.metadata.get("tags", []):
            (own,) = [own for own in notebook.cells if own.id == cell.id]
            own.outputs = cell.outputs
    notebook.cells = [
        cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])
    ]
    return f"{nbformat.writes(notebook)}\n"
