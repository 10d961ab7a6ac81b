"""Cards to HTML: numbers them, says where they come from, and refuses one that lacks anything."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from emolib.report.errors import BuildError

Card = dict[str, Any]

# What stands in a data URI as it is: all but the signs that end it or an attribute, and those that
# URIs read otherwise.
_AS_IT_IS = " !$'()*+,-./:;=>?@[]^_`{|}~"


def _uri(mime: str, content: str) -> Markup:
    return Markup(f"data:{mime};charset=utf-8,") + Markup(quote(content, safe=_AS_IT_IS))


templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
templates.filters["svg_uri"] = lambda content: _uri("image/svg+xml", content)
templates.filters["csv_uri"] = lambda content: _uri("text/csv", content)


def numbers(cards: Iterable[Card]) -> dict[str, str]:
    """What each card is called, by its id: Figure 6a and Table 3 as in the paper, Figure S1, Table
    S1 … the others.

    Args:
        cards: in the order of the page.

    Raises:
        BuildError: two cards have one id.
    """
    called: dict[str, str] = {}
    count: Counter[str] = Counter()
    for card in cards:
        if card["id"] in called:
            raise BuildError(f"the page has more than one {card['id']}")
        kind = "Table" if card["kind"] == "table" else "Figure"
        own = re.fullmatch(r"(?:fig|table)-(\w+)", card["id"])
        count[kind] += own is None
        called[card["id"]] = f"{kind} {own[1] if own else f'S{count[kind]}'}"
    return called


def render(card: Card, number: str, origin: Mapping[str, str]) -> str:
    """The card as it stands on the page.

    Args:
        card: from :mod:`emolib.report.cards`.
        number: what the card is called, from :func:`numbers`.
        origin: where its numbers come from, as name and text.

    Raises:
        BuildError: there is no caption, alt text, picture, data or part of the origin.
    """
    check(card, origin)
    return macro("cards.html", "card")(card, number, origin)


def macro(template: str, name: str) -> Callable[..., str]:
    """A macro that one of the templates defines."""
    found: Callable[..., str] = getattr(templates.get_template(template).module, name)
    return found


def check(card: Card, origin: Mapping[str, str]) -> None:
    """Raises BuildError, naming the card, for one that lacks something a reader must find there."""
    pictures = {"figure": [card], "slider": card.get("states", []), "table": []}[card["kind"]]
    there = {
        "caption": card["caption"].strip(),
        "data": card["csv"].strip().count("\n"),  # more than its header
        "picture": all(state["svg"].startswith("<svg") for state in pictures),
        "alt text": all(state["alt"].strip() for state in pictures),
        **{name: str(value).strip() for name, value in origin.items()},
    }
    missing = [name for name, value in there.items() if not value]
    if missing or not origin:
        raise BuildError(f"{card['id']} has no {', '.join(missing) or 'origin'}")
