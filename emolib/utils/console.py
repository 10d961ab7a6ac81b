"""Messages to the terminal: on stderr, one line at a time."""

import sys
from functools import cache

NAME = "emolib"  # begins every line
LENGTH = 600  # characters; a stranger's file may have names of any length


def one_line(text: object) -> str:
    """Text as one line that can be printed: no line breaks, no control characters, not longer than
    :data:`LENGTH`.
    """
    words = " ".join(
        "".join(
            letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}"
            for letter in str(text)
        ).split()
    )
    return words if len(words) <= LENGTH else f"{words[: LENGTH - 2]} …"


def say(sentence: object) -> None:
    """Prints a sentence; the report's build shows it as well where a chapter says it."""
    print(f"{NAME}:", one_line(sentence), file=sys.stderr, flush=True)


@cache
def say_once(sentence: str) -> None:
    """Prints a sentence that this process has not said yet: what goes wrong a thousand times is
    told once.
    """
    say(sentence)
