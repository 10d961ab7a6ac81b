"""Chapters under one shell: the finished page, and the check that its ids and links are whole."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolib.report import BuildError
from emolib.report.chapter import Card, Chapter, convert_chapter, numbers, tidy
from emolib.report.markup import templates
from emolib.report.opening import CARDS, in_order, link, opening
from emolib.report.parameters import declared
from emolib.report.provenance import origin

if TYPE_CHECKING:
    from emolib.report.schedule import Task


def assemble(
    chapters: Mapping[str, "Task"],
    title: str,
    provenance: Mapping[str, Any],
    faults: Sequence[str],
    required: Sequence[str],
) -> tuple[str, dict[str, Any]]:
    """The page of executed chapters, whole or as far as they came, and the results they published.

    Args:
        chapters: after their run, by name, in the order of the page.
        title, provenance, faults: see :func:`compose`.
        required: ids that must be on a whole page.

    Raises:
        BuildError: what the chapters show cannot be put on one page; the message says what and
            where.
    """
    cards: list[Card] = []
    results: dict[str, Any] = {}
    origins: dict[str, dict[str, str]] = {}
    for stem, task in chapters.items():
        given = declared(task.notebook) | task.parameters
        shown, published = tidy(task.node, stem, given)
        if twice := published.keys() & results.keys():
            raise BuildError(f"more than one chapter publishes {', '.join(sorted(twice))}")
        cards += shown
        results |= published
        origins |= dict.fromkeys((card.id for card in shown), origin(provenance, given))
    cards = in_order(cards)
    called = numbers(cards)
    html = {card.id: card.finished(called[card.id], origins[card.id]) for card in cards}
    in_place = html | {id: link(id, called[id]) for id in html if id in CARDS}
    parts = opening(cards, called, results, html.__getitem__)
    parts += [
        convert_chapter(task.node, stem, in_place.__getitem__) for stem, task in chapters.items()
    ]
    page = compose(title, parts, provenance, called, faults)
    if not faults:
        check_page(page, required)
    return page, results | {"provenance": dict(provenance)}


def compose(
    title: str,
    chapters: Sequence[Chapter],
    provenance: Mapping[str, Any],
    numbers: Mapping[str, str],
    faults: Sequence[str] = (),
    lesson: bool = False,
) -> str:
    """One HTML page that needs no other file.

    Args:
        title: of the page.
        chapters: in the order of the page.
        provenance: the last section; its ``data_source`` becomes the subtitle and its ``banner``,
            if there, a note above everything.
        numbers: what each figure and table is called, by id: the text of links that have none.
        faults: why the report is not whole, shown above everything.
        lesson: whether it is a walkthrough and not the report: its code is open, and it may hold
            durations.
    """
    script = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
    page = templates.get_template("shell.html").render(
        title=title,
        chapters=chapters,
        provenance=provenance,
        faults=faults,
        script=script,
        lesson=lesson,
        # the browser runs this script alone, whatever else got onto the page
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return re.sub(
        r'(<a href="#([\w-]+)">)(?=</a>)', lambda found: found[1] + numbers.get(found[2], ""), page
    )


def check_page(page: str, required: Sequence[str]) -> None:
    """Refuses a page in which an id appears twice or a required one not at all, or a link leads
    nowhere.

    Raises:
        BuildError: one sentence that names them.
    """
    reader = _Reader()
    reader.feed(page)
    twice = [id for id, count in reader.ids.items() if count > 1]
    missing = [id for id in required if id not in reader.ids]
    astray = sorted(reader.links - set(reader.ids))
    if twice:
        raise BuildError(f"the page has more than one {', '.join(twice)}")
    if missing:
        raise BuildError(f"no chapter shows {', '.join(missing)}")
    if astray:
        raise BuildError(f"a link leads to {', '.join(astray)}, which is not on the page")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(value for name, value in attrs if name == "id" and value)
        if tag == "a":
            self.links.update(
                value[1:]
                for name, value in attrs
                if name == "href" and value and value.startswith("#")
            )
