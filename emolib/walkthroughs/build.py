"""Walkthroughs as pages with folded solutions, and as hand-outs without them."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

import emolib
from emolib.report import ChapterError
from emolib.report.cards import macro
from emolib.report.execution import execute
from emolib.report.page import (
    Chapter,
    check_page,
    compose,
    convert_chapter,
    numbers,
    origin,
    tidy,
)
from emolib.report.plan import commit, versions
from emolib.utils import say, write
from emolib.walkthroughs.lesson import RULES
from emolib.walkthroughs.network import allowed

HERE = Path(__file__).parent
FILES = [HERE / "lesson.js", HERE / "lesson.css"]
# The first cell of a hand-out.
BEFORE = """
**Before you begin.** This notebook needs the package `emolib` and nothing else: neither data
nor the repository beside it. If the first cell of code says that there is no module named `emolib`,
put `%pip install <folder or git+https address of the repository>` into a cell, run it, and restart
the kernel. That is all in a classroom's JupyterHub and in a hosted notebook as well; it needs
Python 3.11 or newer. Where `make` made the environment, the package is there.

**How it works.** Run the cells one after the other with Shift+Enter. Before the cell below a
*Predict*, write your prediction down. In an exercise put your answer where the three dots are, run
that cell, then the check under it: it names the mistake. *The paper* is Z. Wang's "End-to-End
Multimodal Emotion Recognition by Using Deep Neural Networks"."""


def build_walkthroughs(notebooks: Path, out: Path) -> Path:
    """Runs each walkthrough with its solutions, and writes a page and a hand-out without solutions.

    Args:
        notebooks: the folder of the walkthroughs and of the teacher's page, in the order of their
            names.
        out: gets ``index.html``, ``<name>.html`` and ``handout/<name>.ipynb``; made when missing.

    Returns:
        The path of the index.

    Raises:
        BuildError: one sentence that names the walkthrough at fault; earlier pages stay as they
            were.
    """
    teacher, *files = sorted(notebooks.glob("*.ipynb"))
    lessons = [entry(file) for file in files]
    index = Chapter("index", "Five walkthroughs", [], macro("lesson.html", "contents", lessons))
    pages = {"index.html": composed(index, lessons)}
    for file in (teacher, *files):
        node = run(file)
        pages[f"{file.stem}.html"] = page(node, file.stem, lessons)
        if file != teacher:
            pages[f"handout/{file.name}"] = handout(file, node)
    (out / "handout").mkdir(parents=True, exist_ok=True)
    for name, content in pages.items():
        write(out / name, content)
    return out / "index.html"


def entry(file: Path) -> dict[str, str]:
    """Title, question and file of a walkthrough, for the index."""
    title, question, *_ = f"{nbformat.read(file, 4).cells[0].source}\n\n".split("\n\n")
    return {"stem": file.stem, "title": title.removeprefix("# "), "question": question.strip("*")}


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


def without_kernel(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The cells of an executed walkthrough for a page, where no cell runs: forms in place of
    checks, conclusions (prose with the tag ``predicted``) in the fold of what came out.
    """
    shown: list[NotebookNode] = []
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if "predicted" in tags and cell.cell_type == "markdown":
            shown[-1].outputs.append(new_output("display_data", {"text/markdown": cell.source}))
            continue
        if "solution" in tags:
            rules = [found.data[RULES] for found in cell.outputs if RULES in found.get("data", {})]
            check = shown[-1]
            check.source = ""
            form = macro("lesson.html", "exercise", *(rules or [None]))
            check.outputs = [new_output("display_data", {"text/html": form})]
            if rules:  # the three dots that take code
                del shown[-2]
        shown.append(cell)
    return shown


def page(executed: NotebookNode, name: str, lessons: Sequence[Mapping[str, str]] = ()) -> str:
    """An executed walkthrough as one HTML page in the report's style, which checks answers that are
    numbers.
    """
    executed.cells = without_kernel(executed.cells)
    cards = tidy(executed, name, {}, {})
    called = numbers(cards)
    html = {card.id: card.finished(called[card.id], origin(provenance(), {})) for card in cards}
    return composed(convert_chapter(executed, name, html.__getitem__), lessons, called, name)


def composed(
    chapter: Chapter,
    lessons: Sequence[Mapping[str, str]],
    called: Mapping[str, str] | None = None,
    name: str = "",
) -> str:
    """The page of a chapter, with links to all walkthroughs at its top.

    Raises:
        BuildError: an id or a link of the page is wrong.
    """
    current = next((k for k, lesson in enumerate(lessons, 1) if lesson["stem"] == name), 0)
    head = macro("lesson.html", "head", lessons, current)
    html = allowed(
        compose(chapter.title, [chapter], provenance(), called or {}, lesson=head, more=FILES)
    )
    check_page(html, [])
    return html


@cache
def provenance() -> dict[str, Any]:
    """Data, commit and versions of every walkthrough."""
    data = emolib.load()
    return {
        "data_source": f"{data.source}, and the paper's own tables",
        "data_digest": data.digest[:16],
        "commit": commit(Path(emolib.__file__).parents[1]),
        "versions": versions(),
    }


def handout(file: Path, executed: NotebookNode) -> str:
    """A walkthrough for students: a first cell on what it needs, and every cell but solutions; the
    picture of a network stands there until its cell is run.
    """
    notebook = nbformat.read(file, 4)
    title, *rest = [
        cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])
    ]
    own = {cell.id: cell for cell in rest}
    for cell in executed.cells:
        if "network" in cell.metadata.get("tags", []):
            own[cell.id].outputs = cell.outputs
    notebook.cells = [title, new_markdown_cell(BEFORE.strip(), id="before"), *rest]
    return f"{nbformat.writes(notebook)}\n"
