"""One executed notebook as a chapter: an HTML fragment, its sections, and the results it published."""

import re
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

from emolib.report.cards import RESULTS
from emolib.report.errors import BuildError


@dataclass(frozen=True)
class Chapter:
    """What the page needs of a notebook.

    Attributes:
        id: of the chapter on the page.
        title: the first-level heading.
        sections: ``(id, title)`` of each second-level heading.
        html: a fragment, not a page.
        results: what the notebook published, by name.
    """

    id: str
    title: str
    sections: list[tuple[str, str]]
    html: str
    results: dict[str, Any]


class FormulaError(ValueError):
    """A formula is not LaTeX that MathML can be made of."""


class Prose(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, and headings one level down with ids of their own."""

    def __init__(self, chapter: str) -> None:
        super().__init__(escape=False)
        self.chapter = chapter
        self.headings: list[tuple[int, str, str]] = []  # level, id, title

    def inline_math(self, body: str) -> str:
        return _mathml(body, display="inline")

    def block_math(self, body: str) -> str:
        return f'<span class="formula">{_mathml(body, display="block")}</span>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
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


def convert_chapter(notebook: NotebookNode, stem: str, parameters: dict[str, Any]) -> Chapter:
    """Turns an executed notebook into a chapter; what differs from run to run is left out.

    Args:
        notebook: executed; it is tidied in place.
        stem: the notebook is the file ``<stem>.ipynb``.
        parameters: what the notebook was given; absolute paths among them are shown as file names.

    Raises:
        BuildError: there is no title, a formula cannot be read, or two cells publish the same name.
    """
    id = stem.lstrip("0123456789_")
    results = _tidy(notebook, parameters, stem)
    prose = Prose(id)
    exporter = HTMLExporter(
        template_name="basic",
        template_file=str(Path(__file__).with_name("chapter.html")),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={"markdown2html": MarkdownWithMath(prose).render},
        # widgets and scripts would need a server or the network; their static siblings are shown
        config=Config(NbConvertBase={"display_data_priority": ["text/html", "text/markdown", "image/svg+xml",
                                                               "image/png", "image/jpeg", "text/plain"]}),
    )  # fmt: skip
    try:
        html, _ = exporter.from_notebook_node(notebook)
    except FormulaError as error:
        raise BuildError(f"chapter {stem}: {error}") from error
    titles = [title for level, _, title in prose.headings if level == 1]
    if not titles:
        raise BuildError(f"chapter {stem}: there is no title, a heading '# …'")
    sections = [(id, title) for level, id, title in prose.headings if level == 2]
    return Chapter(id, titles[0], sections, html, results)


def _mathml(latex: str, display: str) -> str:
    try:
        formula = convert(latex.strip(), display=display)
    except Exception as error:  # latex2mathml's errors have no common type
        raise FormulaError(f"the formula {latex.strip()} cannot be read ({type(error).__name__})") from error
    if "\\" in formula:  # it lets a command that it does not know stand as text
        raise FormulaError(f"the formula {latex.strip()} holds a command that is not known")
    return formula


def _tidy(notebook: NotebookNode, parameters: dict[str, Any], stem: str) -> dict[str, Any]:
    """Takes out of ``notebook`` what is not for readers, and returns the published results."""
    paths = [value for value in parameters.values() if isinstance(value, str) and Path(value).is_absolute()]

    def clean(text: str) -> str:
        for path in paths:
            text = text.replace(path, Path(path).name)
        return text

    results: dict[str, Any] = {}
    for cell in notebook.cells:
        cell.source = clean(cell.source)
        shown = []
        for output in cell.get("outputs", []):
            published = output.get("data", {}).get(RESULTS)
            if published is not None:
                if twice := published.keys() & results.keys():
                    raise BuildError(f"chapter {stem}: {', '.join(twice)} is published twice")
                results.update(published)
            elif output.output_type == "stream" and output.name == "stdout":
                output.text = _without_addresses(clean(output.text))
                shown.append(output)
            elif output.output_type != "stream":
                for mime, content in output.get("data", {}).items():
                    if mime.startswith("text/"):
                        output.data[mime] = clean(content)
                if "text/plain" in output.data:
                    output.data["text/plain"] = _without_addresses(output.data["text/plain"])
                shown.append(output)
        if cell.cell_type == "code":
            cell.outputs = shown
    return results


def _without_addresses(text: str) -> str:
    return re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", text)
