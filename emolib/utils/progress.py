"""How far a long step has come: a bar in a notebook, or a small file that a build reads while the
notebook runs.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import NoReturn

from tqdm.auto import tqdm

from emolib.utils.storage import write

# The environment variable that names the file; without it a bar is drawn.
VARIABLE = "EMOLIB_PROGRESS"
# Seconds between two writes of the file, at least, and before a bar is drawn.
INTERVAL = 0.2


class Step:
    """One step's state, kept in a file as JSON: ``label``, ``done``, ``total``."""

    def __init__(self, file: Path, total: int, label: str) -> None:
        self.file, self.total, self.label, self.done = file, total, label, 0
        self.lock = Lock()  # stacks that train side by side count together
        self.write()

    def update(self, n: int = 1) -> None:
        """Counts ``n`` more units as done."""
        with self.lock:
            self.done += n
            if monotonic() - self.written >= INTERVAL:
                self.write()

    def write(self) -> None:
        """Writes the state in one move, so that a reader never sees half of it."""
        write(
            {self.file: json.dumps({"label": self.label, "done": self.done, "total": self.total})},
            durable=False,
        )
        self.written = monotonic()


@contextmanager
def track(total: int, label: str) -> Iterator["Step | tqdm[NoReturn]"]:
    """Shows the progress of the body; call ``.update(n)`` on what it yields.

    Args:
        total: how many units long the body is.
        label: what the body does, for the reader.

    Example:
        >>> with track(3, "training") as progress:
        ...     for _ in range(3):
        ...         progress.update(1)
    """
    file = os.environ.get(VARIABLE)
    if file is None:
        with tqdm(
            total=total, desc=label, leave=False, delay=INTERVAL
        ) as bar:  # none for what is over at once
            yield bar
    else:
        step, began = Step(Path(file), total, label), monotonic()
        try:
            yield step
        finally:
            step.write()
            print(f"{label}: {monotonic() - began:.1f} s", file=sys.stderr)  # into the build's log
