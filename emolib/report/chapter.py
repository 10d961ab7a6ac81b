"""One executed notebook as a chapter: an HTML fragment, its sections, its cards, and the results it
published.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mistune.util import striptags
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from emolib.report.cards import CARD, RESULTS
from emolib.report.errors import BuildError
from emolib.report.markup import Card


@dataclass(frozen=True)
class Chapter:
    """What the page needs of a notebook.

    Attributes:
        id: of the chapter on the page.
        title: the first-level heading.
        sections: ``(id, title)`` of each second-level heading.
        html: a fragment, not a page.
    """

    id: str
    title: str
    sections: list[tuple[str, str]]
    html: str


class FormulaError(ValueError):
    """A formula is not LaTeX that MathML can be made of."""


class Prose(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, and headings one level down with ids of their own.

    HTML in it stands on the page as text, and so does a link that is neither on the page nor to the
    web: a name or a label in the data must not become markup. A picture is part of the file or not
    there.
    """

    def __init__(self, chapter: str) -> None:
        super().__init__(escape=True)
        self.chapter = chapter
        self.headings: list[tuple[int, str, str]] = []  # level, id, title

    def inline_math(self, body: str) -> str:
        """A formula in a line of text."""
        return _mathml(body, display="inline")

    def block_math(self, body: str) -> str:
        """A formula that stands by itself."""
        return f'<span class="formula">{_mathml(body, display="block")}</span>'

    def latex_environment(self, name: str, body: str) -> str:
        """A formula of several lines, by the environment that it is written in."""
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link on the page or to the web; of any other the text."""
        return super().link(text, url, title) if url.startswith(("#", "https:", "http:")) else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture that is part of the file; of any other the alt text."""
        return super().image(text, url, title) if url.startswith("data:image/") else text

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading one level down, with an id and a link to itself."""
        title = unescape(striptags(text))
        slug = re.sub(r"\W+", "-", title.lower()).strip("-")
        # the chapter's own title carries the chapter's id; the same heading twice gets a number
        id = self.chapter if level == 1 else f"{self.chapter}-{slug}"
        taken = [heading[1] for heading in self.headings]
        if id in taken:
            id = f"{id}-{len(taken)}"
        self.headings.append((level, id, title))
        below = min(level + 1, 6)
        link = f'<a class="anchor" href="#{id}" aria-label="Link to this section">#</a>'
        return f'<h{below} id="{id}">{text} {link}</h{below}>\n'


def tidy(
    notebook: NotebookNode, stem: str, parameters: dict[str, Any]
) -> tuple[list[Card], dict[str, Any]]:
    """Takes out of an executed notebook what differs from run to run or is not for readers.

    Args:
        notebook: tidied in place.
        stem: the notebook is the file ``<stem>.ipynb``.
        parameters: what it was given; absolute paths among them are shown as file names.

    Returns:
        The cards it shows, and the results it published, by name.

    Raises:
        BuildError: two cells publish the same name.
    """
    paths = [
        value
        for value in parameters.values()
        if isinstance(value, str) and Path(value).is_absolute()
    ]

    def clean(text: str) -> str:
        for path in paths:
            text = text.replace(path, Path(path).name)
        return re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", text)

    cards: list[Card] = []
    results: dict[str, Any] = {}
    for cell in notebook.cells:
        cell.source = clean(cell.source)
        shown = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if RESULTS in data:
                if twice := data[RESULTS].keys() & results.keys():
                    raise BuildError(f"chapter {stem}: {', '.join(twice)} is published twice")
                results.update(data[RESULTS])
                continue
            if output.output_type == "stream" and output.name == "stderr":
                continue
            if CARD in data:
                cards.append(data[CARD])
            elif output.output_type == "stream":
                output.text = clean(output.text)
            elif output.output_type == "error":
                output.evalue, output.traceback = (
                    clean(output.evalue),
                    [clean(line) for line in output.traceback],
                )
            for mime in data:
                if mime.startswith("text/"):
                    data[mime] = clean(data[mime])
            shown.append(output)
        if cell.cell_type == "code":
            cell.outputs = shown
    return cards, results


def convert_chapter(notebook: NotebookNode, stem: str, show: Callable[[Card], str]) -> Chapter:
    """Turns a tidied notebook into a chapter; a cell that never ran says so.

    Args:
        notebook: executed, from :func:`tidy`.
        stem: the notebook is the file ``<stem>.ipynb``.
        show: markup of a card.

    Raises:
        BuildError: there is no title, or a formula cannot be read.
    """
    id = chapter_id(stem)
    prose = Prose(id)
    exporter = HTMLExporter(
        template_name="basic",
        template_file=str(Path(__file__).with_name("chapter.html")),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={
            "markdown2html": MarkdownWithMath(prose).render,
            "slot": _slot,
            "first_line": _first_line,
        },
        # widgets and scripts would need a server or the network; their static siblings are shown
        config=Config(
            NbConvertBase={
                "display_data_priority": [
                    "text/html",
                    "text/markdown",
                    "image/svg+xml",
                    "image/png",
                    "image/jpeg",
                    "text/plain",
                ]
            }
        ),
    )
    try:
        html, _ = exporter.from_notebook_node(notebook)
    except FormulaError as error:
        raise BuildError(f"chapter {stem}: {error}") from error
    titles = [title for level, _, title in prose.headings if level == 1]
    if not titles:
        raise BuildError(f"chapter {stem}: there is no title, a heading '# …'")
    html = html.replace("<pre>", '<pre tabindex="0">')  # wide code scrolls, by the keyboard as well
    # the exporter parses and rewrites its page, in which pictures are best left out
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if CARD in output.get("data", {}):
                html = html.replace(_slot(output.data[CARD]), show(output.data[CARD]))
    sections = [(id, title) for level, id, title in prose.headings if level == 2]
    return Chapter(id, titles[0], sections, html)


def chapter_id(stem: str) -> str:
    """The id on the page of the chapter in ``<stem>.ipynb``, which no figure or table has."""
    return "chapter-" + stem.lstrip("0123456789_")


def _slot(card: Card) -> str:
    return f'<div data-card="{card["id"]}"></div>'


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]


def _mathml(latex: str, display: str) -> str:
    try:
        formula = convert(latex.strip(), display=display)
    except Exception as error:  # latex2mathml's errors have no common type
        raise FormulaError(
            f"the formula {latex.strip()} cannot be read ({type(error).__name__})"
        ) from error
    if "\\" in formula:  # it lets a command that it does not know stand as text
        raise FormulaError(f"the formula {latex.strip()} holds a command that is not known")
    return formula
