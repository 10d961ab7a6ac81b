"""The first pages: the verdict, and how to read the rest. The place to change when something else
should open the report.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emolib.report.chapter import Card, Chapter
from emolib.report.markup import macro

# Cards that leave their chapter for the first page, in this order; the chapter keeps a link in
# their place.
CARDS = ("claims",)


def tally(results: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The verdicts on the published claims and how many of them there are, most frequent first."""
    claims = results.get("claims", [])
    return Counter(re.sub(r" \(.*", "", claim["verdict"]) for claim in claims).most_common()


def opening(
    cards: Sequence[Card],
    numbers: Mapping[str, str],
    results: Mapping[str, Any],
    show: Callable[[str], str],
) -> list[Chapter]:
    """The verdict, and how to read the rest.

    Args:
        cards: all of the report's, in the order of the page.
        numbers: the number of each, by id.
        results: what the chapters published; the verdicts of ``claims`` are counted.
        show: HTML of a card, by its id.
    """
    counted = tally(results)
    first = [show(card.id) for card in cards if card.id in CARDS]
    total = sum(count for _, count in counted)
    verdict = macro("opening.html", "verdict", counted, total, first)
    register = [(card.id, numbers[card.id], card.caption) for card in cards]
    reading = macro("opening.html", "reading", register)
    return [
        Chapter("verdict", "The verdict", [], verdict),
        Chapter("reading", "How to read this report", [], reading),
    ]


def in_order(cards: Sequence[Card]) -> list[Card]:
    """Cards in the order of the page: those of the first page first."""
    return sorted(cards, key=lambda card: card.id not in CARDS)


def link(id: str, number: str) -> str:
    """What the chapter shows in place of a card that stands on the first page."""
    return f'<p class="moved"><a href="#{id}">{number}</a> stands on the first page.</p>'
