"""Notebooks in, one HTML out.

A notebook imports ``figure``, ``slider``, ``table``, ``claim_list``, ``publish``, ``published`` and
``plain`` from here; :mod:`emolib.report.build` does the rest.
"""

from typing import Any

import lazy_loader

# The drawing libraries load on first use: a build that has nothing to do needs none.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cards": ["figure", "slider", "table", "claim_list", "publish", "published", "plain"]
    },
)


class BuildError(RuntimeError):
    """A report could not be built; the message is one sentence for the person who asked for it."""


class ChapterError(BuildError):
    """A chapter failed.

    Attributes:
        notebook: the chapter as far as it came; a cell that never ran has no execution count.
    """

    def __init__(self, sentence: str, notebook: Any = None) -> None:
        super().__init__(sentence)
        self.notebook = notebook
