"""Chapters under one shell: the finished page, and the check that its ids and links are whole."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emolib.report import BuildError
from emolib.report.cards import macro, templates
from emolib.report.chapter import Card, Chapter, convert_chapter, numbers, tidy
from emolib.report.keys import Task
from emolib.report.parameters import declared

# Cards that leave their chapter for the first page, in this order; the chapter keeps a link in
# their place.
FIRST = ("levels", "claims")
SECTIONS = [
    ("reading", "How to read"),
    ("register", "Figures and tables"),
    ("provenance", "Provenance"),
]


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
