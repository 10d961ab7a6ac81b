"""One executed notebook as a chapter: an HTML fragment, its sections, its cards, its results."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mistune.util import striptags
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from traitlets.config import Config

from emolib.report import BuildError
from emolib.report.cards import CARD, RESULTS, UNNUMBERED, macro

# Widgets and scripts would need a server or the network; their static siblings are shown.
SHOWN = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/plain",
]


WIDGET = "application/vnd.jupyter.widget-view+json"
EXPORTER = HTMLExporter(  # of all chapters, which compiles its templates once
    template_name="basic",
    template_file=str(Path(__file__).with_name("chapter.html")),
    exclude_input_prompt=True,
    exclude_output_prompt=True,
    config=Config(NbConvertBase={"display_data_priority": SHOWN}),
)


@dataclass(frozen=True)
class Card:
    """A figure or table that a notebook showed.

    Attributes:
        id: on the page.
        number: as in the paper, or what stands for the number until :func:`numbers` gives it one.
        caption: follows the number.
        html: from :mod:`emolib.report.cards`, without the origin of its data.
    """

    id: str
    number: str
    caption: str
    html: str

    def finished(self, number: str, origin: Mapping[str, str]) -> str:
        """The HTML with its number on the page and the origin of its data, as name and text."""
        html = self.html.replace(self.number, number)
        return html.replace('<dl class="origin"></dl>', macro("cards.html", "origin", origin))


def numbers(cards: Iterable[Card]) -> dict[str, str]:
    """The number of each card by its id: Figure 6a and Table 3 as in the paper, Figure S1, Table
    S1 … the others.

    Args:
        cards: in the order of the page.
    """
    called: dict[str, str] = {}
    count: Counter[str] = Counter()
    for card in cards:
        kind, own, _ = card.number.partition(UNNUMBERED)
        count[kind] += bool(own)
        called[card.id] = f"{kind} S{count[kind]}" if own else card.number
    return called


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


class Prose(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, and headings one level down with ids of their own.

    HTML in it stands on the page as text, and so does a link that is neither on the page nor to the
    web: a name or a label in the data must not become markup. A picture is part of the file or not
    there.
    """

    def __init__(self, stem: str, down: int = 1) -> None:
        super().__init__(escape=True)
        self.stem, self.down = stem, down
        self.headings: list[tuple[int, str, str]] = []  # level, id, title

    def text(self, text: str) -> str:
        """Text in which a number and its percent sign stay on one line."""
        return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", super().text(text))

    def inline_math(self, body: str) -> str:
        """A formula in a line of text."""
        return self._mathml(body, display="inline")

    def block_math(self, body: str) -> str:
        """A formula that stands by itself."""
        return f'<span class="formula">{self._mathml(body, display="block")}</span>'

    def _mathml(self, latex: str, display: str) -> str:
        with suppress(Exception):  # latex2mathml's errors have no common type
            formula = convert(latex.strip(), display=display)
            if "\\" not in formula:  # it lets a command that it does not know stand as text
                return formula
        raise BuildError(f"chapter {self.stem}: the formula {latex.strip()} cannot be read")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link on the page or to the web; of any other the text."""
        return super().link(text, url, title) if url.startswith(("#", "https:", "http:")) else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture that is part of the file; of any other the alt text."""
        return super().image(text, url, title) if url.startswith("data:image/") else text

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading some levels down, with an id and a link to itself."""
        title = unescape(striptags(text))
        slug = re.sub(r"\W+", "-", title.lower()).strip("-")
        # the chapter's own title carries the chapter's id; the same heading twice gets a number
        id = "chapter-" + self.stem.lstrip("0123456789_") + (f"-{slug}" if level > 1 else "")
        if id in [own for _, own, _ in self.headings]:
            id = f"{id}-{len(self.headings)}"
        self.headings.append((level, id, title))
        below = min(level + self.down, 6)
        link = f'<a class="anchor" href="#{id}" aria-label="Link to this section">#</a>'
        return f'<h{below} id="{id}">{text} {link}</h{below}>\n'


def tidy(
    notebook: NotebookNode, stem: str, parameters: Mapping[str, Any], results: dict[str, Any]
) -> list[Card]:
    """Takes out of an executed notebook, in place, what no reader should see and what differs
    between runs: stderr, addresses of objects, folders of files, published results, and the pieces
    in which a text arrived.

    Args:
        notebook: executed, see :func:`emolib.report.execution.execute`.
        stem: the notebook is the file ``<stem>.ipynb``.
        parameters: what it was given; absolute paths among them are shown as file names.
        results: gets those that it published, by name.

    Returns:
        The cards it shows.

    Raises:
        BuildError: two cells or chapters publish the same name.
    """
    paths = [
        value for value in parameters.values() if isinstance(value, str) and os.path.isabs(value)
    ]

    def clean(item: Any) -> Any:
        """``item`` with all text in it cleaned, however deep in lists and dicts it stands."""
        match item:
            case str():
                for path in paths:
                    item = item.replace(path, Path(path).name)
                # the bytes of a picture may read as an address
                return re.sub(r"(?<![\w+/])0x[0-9a-f]{6,}\b", "0x…", item)
            case list():
                return [clean(part) for part in item]
            case dict():
                return NotebookNode({name: clean(part) for name, part in item.items()})
        return item

    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"]:
        for output in cell.outputs:
            published = output.get("data", {}).get(RESULTS, {})
            if twice := published.keys() & results.keys():
                raise BuildError(f"chapter {stem} publishes {min(twice)}, as a cell before did")
            results.update(published)
        # a progress bar's widget ignores TQDM_DISABLE, and its text differs between runs
        cell.outputs = [
            output
            for output in cell.outputs
            if output.get("name") != "stderr"
            and output.get("data", {}).keys() - {"text/plain"} not in ({RESULTS}, {WIDGET})
        ]
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    notebook.cells = clean(notebook.cells)
    return [
        Card(**output.metadata[CARD], html=output.data["text/html"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if CARD in output.get("metadata", {})
    ]


def _arranged(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells of a chapter as the page has them: below the title those with the tag ``answer``,
    and in one cell the code of these and of all that show nothing.
    """
    answers = [cell for cell in cells if "answer" in cell.metadata.get("tags", []) and cell.outputs]
    silent = [
        cell
        for cell in cells
        if cell.cell_type == "code" and cell.execution_count and not cell.outputs
    ]
    title, *rest = [cell for cell in cells if cell not in answers and cell not in silent[1:]]
    for cell in silent[:1]:
        cell.source = "\n\n".join(own.source for own in cells if own in silent or own in answers)
    for cell in answers:
        cell.source = ""
    return [title, *answers, *rest]


def _coloured(code: str) -> str:
    """Highlighted code with a tag for each run of one colour, and none where there is no colour.

    style.css has keywords, strings, numbers and comments, by the first letter in Pygments.
    """
    code = re.sub(
        r'<span class="([ksmc])\w*">[^<]*</span>(?:<span class="\1\w*">[^<]*</span>)*',
        lambda run: f'<span class="{run[1]}">{striptags(run[0])}</span>',
        code.replace('class="ow"', 'class="k"'),  # and, or, not, in
    )
    return re.sub(r'<span(?: class="(?![ksmc]")\w+")?>([^<]*)</span>', r"\1", code)


def convert_chapter(notebook: NotebookNode, stem: str, show: Callable[[str], str]) -> Chapter:
    """Turns a tidied notebook into a chapter; a cell that never ran says so.

    Args:
        notebook: executed, from :func:`tidy`.
        stem: the notebook is the file ``<stem>.ipynb``.
        show: HTML of a card by its id, from :meth:`Card.finished`.

    Raises:
        BuildError: there is no title, or a formula cannot be read.
    """
    lesson = notebook.metadata.get("code") == "open"  # a page of its own, whose title it holds
    prose = Prose(stem, down=not lesson)
    EXPORTER.register_filter("markdown2html", MarkdownWithMath(prose).render)
    # all kernels are IPython's; the highlighter may not depend on whether one has said so
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if not lesson:
        notebook.cells = _arranged(notebook.cells)
    html, _ = EXPORTER.from_notebook_node(notebook)
    titles = [(id, title) for level, id, title in prose.headings if level == 1]
    if not titles:
        raise BuildError(f"chapter {stem}: there is no title, a heading '# …'")
    html = re.sub(
        r'<div class="highlight.*?</div>', lambda code: _coloured(code[0]), html, flags=re.DOTALL
    )

    # the exporter parses and rewrites its page, in which pictures are best left out
    html = re.sub(
        r'<div data-card="([\w-]+)"></div>\s*(<details class="code">.*?</details>)?',
        lambda slot: show(slot[1]).replace("<!--code-->", slot[2] or ""),
        html,
        flags=re.DOTALL,
    )
    return Chapter(
        *titles[0], [(id, title) for level, id, title in prose.headings if level == 2], html
    )
