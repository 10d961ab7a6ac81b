"""Chapters under one shell: the finished page, and the check that its ids are whole and unique."""

from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from emolib.report.chapter import Chapter
from emolib.report.errors import BuildError

_shell = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
).get_template("shell.html")


def compose(title: str, chapters: Sequence[Chapter], provenance: dict[str, Any]) -> str:
    """One HTML page that needs no other file.

    Args:
        title: of the page.
        chapters: in the order of the page.
        provenance: the last section; its ``data_source`` becomes the subtitle and its ``banner``, if there, a note
            above everything.
    """
    return _shell.render(title=title, chapters=chapters, provenance=provenance)


def check_ids(page: str, required: Sequence[str]) -> None:
    """Refuses a page in which an id appears twice, or one of the ``required`` ids not at all.

    Raises:
        BuildError: one sentence that names them.
    """
    reader = _Ids()
    reader.feed(page)
    twice = [id for id, count in reader.ids.items() if count > 1]
    missing = [id for id in required if id not in reader.ids]
    if twice:
        raise BuildError(f"the page has more than one {', '.join(twice)}")
    if missing:
        raise BuildError(f"no chapter shows {', '.join(missing)}")


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(value for name, value in attrs if name == "id" and value)
