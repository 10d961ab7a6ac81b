"""Notebooks in, one HTML out.

A notebook imports ``figure``, ``slider``, ``table``, ``publish`` and ``plain`` from here;
:mod:`emolib.report.build` does the rest.
"""

import re
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAMES = ("figure", "slider", "table", "publish", "plain")


class BuildError(RuntimeError):
    """A report could not be built; the message is one sentence for the person who asked for it."""


class ChapterError(BuildError):
    """A chapter failed.

    Attributes:
        notebook: the chapter as far as it came; a cell that never ran has no execution count.
    """

    def __init__(self, sentence: str, notebook: "NotebookNode | None" = None) -> None:
        super().__init__(sentence)
        self.notebook = notebook


def tally(results: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The verdicts on the published claims and how many of them there are, most frequent first."""
    claims = results.get("claims", [])
    return Counter(re.sub(r" \(.*", "", claim["verdict"]) for claim in claims).most_common()


def __getattr__(name: str) -> Any:
    """Imports the drawing libraries on first use: a build that has nothing to do needs none."""
    if name not in NAMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.cards"), name)
