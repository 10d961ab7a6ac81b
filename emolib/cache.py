"""Outcomes of trained networks, kept on disk under a key of everything that made them."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from emolib.data import EmotionData
from emolib.outcome import Outcome
from emolib.storage import cache_folder

# The code that a network's outcome depends on.
SOURCES = (
    *("data/components", "engines", "folds", "image_branch", "kernels/*", "lockstep", "material", "models", "preprocessing"),
    *("pruning", "sweeps"),
)
ARRAYS = ("scores", "weights", "losses")


class Cache:
    """A file of outcomes, one a network.

    A key covers the data's digest, the sweep's row, the source of the code that computes and the versions of the
    libraries that it computes with; change any of them and the network is trained anew. A damaged entry is not found.

    Args:
        path: the file, made when missing; by default ``outcomes.sqlite`` in :func:`~emolib.storage.cache_folder`.
    """

    def __init__(self, path: str | Path | None = None):
        path = path or cache_folder() / "outcomes.sqlite"
        self.connection = sqlite3.connect(path, timeout=60)
        self.connection.execute("CREATE TABLE IF NOT EXISTS outcome (key TEXT PRIMARY KEY, head TEXT, body BLOB, checksum TEXT)")
        here = Path(__file__).parent
        files = [file for name in SOURCES for file in sorted(here.glob(f"{name}.py"))]
        code = hashlib.sha256(b"".join(file.read_bytes() for file in files))
        for library in ("torch", "numpy", "numba", "scikit-learn"):
            code.update(f"{library} {version(library)}".encode())
        self.code = code.hexdigest()

    def key(self, data: EmotionData, row: dict, engine: str) -> str:
        return hashlib.sha256(json.dumps([data.digest, row, engine, self.code], default=str).encode()).hexdigest()

    def get(self, data: EmotionData, row: dict, engine: str) -> Outcome | None:
        """The outcome of a row by an engine (a device and a precision), or None."""
        key = self.key(data, row, engine)
        found = self.connection.execute("SELECT head, body, checksum FROM outcome WHERE key = ?", [key]).fetchone()
        if found is None or hashlib.sha256(found[0].encode() + found[1]).hexdigest() != found[2]:
            return None
        head = json.loads(found[0])
        arrays, start = {}, 0
        values = np.frombuffer(found[1], np.float32)
        for name in ARRAYS:
            shape = head.pop(name)
            arrays[name] = values[start : start + int(np.prod(shape))].reshape(shape)
            start += arrays[name].size
        return Outcome(**arrays, **head)

    def put(self, data: EmotionData, rows: dict[int, dict], outcomes: Sequence[Outcome | None], engine: str) -> None:
        """Keeps the outcomes of some rows, all or none."""
        entries = []
        for position, row in rows.items():
            outcome = outcomes[position]
            head = {name: list(getattr(outcome, name).shape) for name in ARRAYS}
            head |= {"units": outcome.units, "train_accuracy": outcome.train_accuracy, "stopped": outcome.stopped}
            text = json.dumps(head)
            body = b"".join(getattr(outcome, name).astype(np.float32).tobytes() for name in ARRAYS)
            entries.append((self.key(data, row, engine), text, body, hashlib.sha256(text.encode() + body).hexdigest()))
        with self.connection:
            self.connection.executemany("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?)", entries)
