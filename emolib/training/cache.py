"""Outcomes of trained networks, kept on disk under a key of everything that made them."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolib.data import EmotionData
from emolib.training.result import NetworkResult
from emolib.utils.console import say_once
from emolib.utils.sources import source_digest
from emolib.utils.storage import cache_folder, seal, unseal

# The rooms and libraries that decide a network's result; a plot edit leaves it alone.
SOURCES = ("data", "folds", "metrics", "models", "pruning", "training")
LIBRARIES = ("numba", "numpy", "pillow", "scikit-learn", "scipy", "torch")
ARRAYS = ("scores", "weights", "losses")
# What SQLite says of a file that is no whole database; all else (full, read-only, locked) is no
# fault of the file.
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


class Cache:
    """A file of results, one a network.

    A key covers the data's digest, the sweep's row, the source of the code that computes and the
    versions of the libraries that it computes with; change any of them and the network is trained
    anew. So it is when its entry is damaged, and when the file cannot be read or written; each is
    told once.

    Args:
        path: the file, made when missing; by default ``networks.sqlite`` in
            :func:`~emolib.utils.storage.cache_folder`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path or cache_folder() / "networks.sqlite")
        try:
            self.connection = _connect(self.path)
        except sqlite3.DatabaseError as error:
            self.connection = _connect(":memory:")  # where the file cannot be opened
            self._mend(error)
        self.code = source_digest(*SOURCES, libraries=LIBRARIES)

    def __del__(self) -> None:
        if hasattr(self, "connection"):  # it could be opened
            self.connection.close()

    def key(self, data: EmotionData, row: Mapping[str, Any], engine: str) -> str:
        """What the result of a row by an engine is kept under: all that it depends on."""
        return hashlib.sha256(
            json.dumps([data.digest, row, engine, self.code], default=str).encode()
        ).hexdigest()

    def get(self, data: EmotionData, row: Mapping[str, Any], engine: str) -> NetworkResult | None:
        """The result of a row by an engine (a device and a precision), or None."""
        key = self.key(data, row, engine)
        for (sealed,) in self._run("SELECT sealed FROM entry WHERE key = ?", [[key]]):
            try:
                return _outcome(unseal(key, sealed))
            except (ValueError, TypeError, AttributeError):  # the last two: not even bytes
                say_once(
                    f"{self.path} holds results that are damaged; those networks are trained again"
                )
        return None

    def put(
        self,
        data: EmotionData,
        results: Iterable[tuple[Mapping[str, Any], NetworkResult]],
        engine: str,
    ) -> None:
        """Keeps the results of some rows, all or none."""
        keyed = [(self.key(data, row, engine), result) for row, result in results]
        self._run(
            "INSERT OR REPLACE INTO entry VALUES (?, ?)",
            [[key, seal(key, _content(result))] for key, result in keyed],
        )

    def _run(
        self, statement: str, values: Sequence[Sequence[str | bytes]]
    ) -> list[tuple[Any, ...]]:
        """What a statement finds for all these values; nothing, where the file does not let it."""
        for _ in range(2):
            try:
                with self.connection:
                    return [
                        found
                        for each in values
                        for found in self.connection.execute(statement, each)
                    ]
            except sqlite3.DatabaseError as error:
                if not self._mend(error):
                    break
        return []

    def _mend(self, error: sqlite3.DatabaseError) -> bool:
        """Tells of an error. Puts a fresh file in the place of a damaged one; another error may be
        over the next time.
        """
        if getattr(error, "sqlite_errorcode", None) not in DAMAGED:
            say_once(
                f"{self.path} cannot be used ({error}); what is trained now will be trained again"
            )
            return False
        say_once(
            f"{self.path} is damaged, and lies beside as .damaged; what it held is trained again"
        )
        self.connection.close()
        try:
            os.replace(self.path, self.path.with_suffix(".damaged"))
            self.path.with_name(f"{self.path.name}-journal").unlink(
                missing_ok=True
            )  # of the old file
            self.connection = _connect(self.path)
        except (OSError, sqlite3.DatabaseError):
            self.connection = _connect(":memory:")
        return True


def _connect(path: str | Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=60, check_same_thread=False
    )  # whichever thread lets go of a cache closes it
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, sealed BLOB)")
    except BaseException:
        connection.close()
        raise
    return connection


def _content(result: NetworkResult) -> bytes:
    head: dict[str, Any] = {name: list(getattr(result, name).shape) for name in ARRAYS}
    head |= {
        "test_rows": result.test_rows.tolist(),
        "units": result.units,
        "train_accuracy": result.train_accuracy,
        "stopped": result.stopped,
    }
    return (
        json.dumps(head).encode()
        + b"\n"
        + b"".join(getattr(result, name).astype(np.float32).tobytes() for name in ARRAYS)
    )


def _outcome(content: bytes) -> NetworkResult:
    text, _, body = content.partition(b"\n")
    head, values = json.loads(text), np.frombuffer(body, np.float32)
    arrays: dict[str, NDArray[np.float32]] = {}
    start = 0
    for name in ARRAYS:
        shape = head.pop(name)
        arrays[name] = values[start : start + int(np.prod(shape))].reshape(shape)
        start += arrays[name].size
    head["test_rows"] = np.array(head["test_rows"], np.intp)
    return NetworkResult(**head | arrays)
