"""The first pages: what stands on them, and in which order. The place to change when something else
should open the report.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emolib.report.chapter import Chapter
from emolib.report.markup import Card, macro

# Cards that leave their chapter for the first page, in this order; the chapter keeps a link in
# their place.
CARDS = ("claims",)


def opening(
    cards: Sequence[Card],
    numbers: Mapping[str, str],
    results: Mapping[str, Any],
    show: Callable[[Card], str],
) -> list[Chapter]:
    """The verdict, and how to read the rest.

    Args:
        cards: all of the report's, in the order of the page.
        numbers: what each is called, by id.
        results: what the chapters published; the verdicts of ``claims`` are counted.
        show: markup of a card.
    """
    tally = Counter(re.sub(r" \(.*", "", claim["verdict"]) for claim in results.get("claims", []))
    verdict = macro("opening.html", "verdict")(
        tally.most_common(), tally.total(), [show(card) for card in cards if card["id"] in CARDS]
    )
    reading = macro("opening.html", "reading")(
        [(card["id"], numbers[card["id"]], card["caption"]) for card in cards]
    )
    return [
        Chapter("verdict", "The verdict", [], str(verdict)),
        Chapter("reading", "How to read this report", [], str(reading)),
    ]


def in_order(cards: Sequence[Card]) -> list[Card]:
    """Cards in the order of the page: those of the first page first."""
    first = [card for id in CARDS for card in cards if card["id"] == id]
    return first + [card for card in cards if card["id"] not in CARDS]


def link(card: Card, number: str) -> str:
    """What the chapter shows in place of a card that stands on the first page."""
    return f'<p class="moved"><a href="#{card["id"]}">{number}</a> stands on the first page.</p>'
