"""Executed notebooks as one HTML page: chapters, their cards and results, and the check that the
page's ids and links are whole.
"""

import base64
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from emolib.report.cards import CARD, RESULTS, UNNUMBERED, macro, templates
from emolib.report.plan import Task, declared

# Cards that leave their chapter for the first page, in this order; the chapter keeps a link in
# their place.
FIRST = ("levels", "claims")
SECTIONS = [
    ("reading", "How to read"),
    ("register", "Figures and tables"),
    ("provenance", "Provenance"),
]
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


def assemble(
    chapters: Sequence[Task],
    title: str,
    provenance: Mapping[str, Any],
    faults: Sequence[str],
    required: Sequence[str],
) -> tuple[str, dict[str, Any]]:
    """The page of executed chapters, whole or as far as they came, and the results they published.

    Args:
        chapters: after their run, in the order of the page.
        title, provenance, faults: see :func:`compose`.
        required: ids that must be on a whole page.

    Raises:
        BuildError: what the chapters show cannot be put on one page; the message says what and
            where.
    """
    cards: list[Card] = []
    results: dict[str, Any] = {}
    origins: dict[str, dict[str, str]] = {}
    for task in chapters:
        given = declared(task.notebook) | task.parameters
        shown = tidy(task.node, task.notebook.stem, given, results)
        cards += shown
        origins |= dict.fromkeys((card.id for card in shown), origin(provenance, given))
    cards.sort(key=lambda card: card.id not in FIRST)
    called = numbers(cards)
    html = {card.id: card.finished(called[card.id], origins[card.id]) for card in cards}
    opening = macro(
        "opening.html",
        "verdict",
        len(results.get("claims", [])),
        results.get("sentences", []),
        *(html.get(id, "") for id in FIRST),
        [(card.id, called[card.id], card.caption) for card in cards],
        provenance,
    )
    html |= {
        id: f'<p class="moved"><a href="#{id}">{called[id]}</a> stands on the first page.</p>'
        "<!--code-->"
        for id in FIRST
        if id in html
    }
    parts = [
        Chapter("verdict", "The verdict", SECTIONS, opening),
        *(convert_chapter(task.node, task.notebook.stem, html.__getitem__) for task in chapters),
    ]
    page = compose(title, parts, provenance, called, faults, answer=results.get("answer"))
    if not faults:
        check_page(page, required)
    return page, results | {"provenance": dict(provenance)}


def origin(provenance: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    """The origin of the numbers of one chapter's figures and tables, as name and text.

    Args:
        provenance: of the report, with ``data_source``, ``data_digest``, ``commit`` and
            ``versions``.
        parameters: of the chapter, defaults included.
    """
    shown = [f"{name} = {value}" for name, value in parameters.items() if name != "source"]
    return {
        "Data": provenance["data_source"],
        "Digest of the data": provenance["data_digest"],
        "Parameters": ", ".join(shown) or "none",
        "Commit": provenance["commit"],
        "Versions": ", ".join(
            f"{library} {number}" for library, number in provenance["versions"].items()
        ),
    }


def compose(
    title: str,
    chapters: Sequence[Chapter],
    provenance: Mapping[str, Any],
    numbers: Mapping[str, str],
    faults: Sequence[str] = (),
    answer: Mapping[str, str] | None = None,
    lesson: str = "",
    more: Sequence[Path] = (),
) -> str:
    """One HTML page that needs no other file.

    Args:
        title: of the page.
        chapters: in the order of the page.
        provenance: its ``data_source`` stands below the title and its ``banner``, if there, above
            everything; a lesson shows the rest at its end.
        numbers: what each figure and table is called, by id: the text of links that have none.
        faults: why the report is not whole, shown above everything.
        answer: of the report, its ``headline`` above the title, ``kicker`` and ``scale``.
        lesson: head of a walkthrough, which may hold durations, in place of the report's.
        more: files of script and style beside the page's own.
    """
    script, style = (_slim(suffix, more) for suffix in (".js", ".css"))
    style = re.sub(r"\s*([{};,])\s*|(?<=:) ", r"\1", style)
    page = templates.get_template("shell.html").render(
        title=title,
        chapters=chapters,
        provenance=provenance,
        faults=faults,
        script=script,
        style=style,
        lesson=lesson,
        answer=answer or {},
        # the browser runs this script alone, whatever else got onto the page
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return re.sub(
        r'(<a href="#([\w-]+)">)(?=</a>)', lambda found: found[1] + numbers.get(found[2], ""), page
    )


def _slim(suffix: str, more: Sequence[Path]) -> str:
    """The script or style of a page without comments and indentation."""
    own = [Path(__file__).with_name(name) for name in ("page.js", "style.css")]
    files = [file for file in [*own, *more] if file.suffix == suffix]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"^\s*//[^\n]*\n|^\s+|/\*.*?\*/", "", text, flags=re.MULTILINE | re.DOTALL)


def check_page(page: str, required: Sequence[str]) -> None:
    """Refuses a page in which an id appears twice or a required one not at all, or a link leads
    nowhere.

    Raises:
        BuildError: one sentence that names them.
    """
    ids = Counter(re.findall(r'<[a-z][^>]*\sid="([^"]*)"', page))
    for fault, wrong in (
        ("the page has more than one {}", [id for id, count in ids.items() if count > 1]),
        ("no chapter shows {}", [id for id in required if id not in ids]),
        (
            "a link leads to {}, which is not on the page",
            sorted(set(re.findall(r'<a\s[^>]*href="#([^"]*)"', page)) - ids.keys()),
        ),
    ):
        if wrong:
            raise BuildError(fault.format(", ".join(wrong)))
