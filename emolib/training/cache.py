"""Cache of trained networks: each result under a key of data, code and settings."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolib.data import EmotionData, Rows
from emolib.utils.cache import cache_folder, source_digest
from emolib.utils.console import say_once

# The rooms and libraries that decide a network's result; a plot edit leaves it alone.
SOURCES = ("data", "folds", "metrics", "models", "pruning", "training")
LIBRARIES = ("numba", "numpy", "pillow", "scikit-learn", "scipy", "torch")
# SQLite's errors of a file that is no whole database; all others (full, read-only, locked) are no
# fault of the file.
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@dataclass(frozen=True)
class NetworkResult:
    """The scores of one network on the rows it never saw, and how it came by them.

    Attributes:
        scores: outputs on the test rows ``[T, C]``; NaN where the weights diverged.
        test_rows: ``[T]``, the row numbers of the data that the scores belong to.
        weights: parameters of the compacted network, flat, in the order of the module's own.
        losses: mean training loss of each epoch.
        units: hidden units left (0 for a CNN).
        train_accuracy: share of training rows predicted right at the end; NaN where the weights
            diverged.
        linear_share: share of outputs on training rows more than 1 from their target, where the
            smooth L1 loss is linear.
        stopped: whether the loss had stopped falling before the recipe's last epoch.
    """

    scores: NDArray[np.floating]
    test_rows: Rows
    weights: NDArray[np.floating]
    losses: NDArray[np.floating]
    units: int
    train_accuracy: float
    linear_share: float
    stopped: bool


class Cache:
    """A file of results, one per network.

    A key covers the data's digest, the sweep's row, the source of the code that computes and the
    versions of the libraries that it computes with; change any of them and the network is trained
    anew. So it is when its entry is damaged, and when the file cannot be read or written; one
    sentence says each.

    Args:
        path: the file, made when missing; by default ``networks.sqlite`` in
            :func:`~emolib.utils.cache.cache_folder`, and none where that cannot be written.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        folder = cache_folder() if path is None else Path()
        self.path = None if folder is None else folder / (path or "networks.sqlite")
        self.code = source_digest(*SOURCES, libraries=LIBRARIES)

    def key(self, data: EmotionData, row: Mapping[str, Any], engine: str) -> str:
        """The key of a row's result by an engine (a device and a precision): a digest of all that
        it depends on.
        """
        return hashlib.sha256(
            json.dumps([data.digest, row, engine, self.code], default=str).encode()
        ).hexdigest()

    def get(self, keys: Sequence[str]) -> dict[str, NetworkResult]:
        """The results that are kept, by key."""
        kept = {}
        for key, content in self._run(
            "SELECT key, content FROM network WHERE key = ?", [[key] for key in keys]
        ):
            try:
                kept[key] = _unpack(key, content)
            except Exception:  # whatever the bytes have become; the checksum of each array is read
                say_once(
                    f"{self.path} holds results that are damaged; those networks are trained again"
                )
        return kept

    def put(self, results: Mapping[str, NetworkResult]) -> None:
        """Keeps some results by their keys, all or none."""
        self._run(
            "INSERT OR REPLACE INTO network VALUES (?, ?)",
            [(key, _pack(key, result)) for key, result in results.items()],
        )

    def _run(
        self, statement: str, values: Sequence[Sequence[str | bytes]]
    ) -> list[tuple[Any, ...]]:
        """The rows that a statement returns for all these values; none where the file fails. A
        damaged file is put aside.
        """
        if self.path is None:
            return []
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS network (key TEXT PRIMARY KEY, content BLOB)"
                )
                return [row for each in values for row in connection.execute(statement, each)]
        except sqlite3.DatabaseError as error:
            reason = f"cannot be used ({error}); what is trained now will be trained again"
            if getattr(error, "sqlite_errorcode", None) in DAMAGED:
                reason = "is damaged, and lies beside as .damaged; what it held is trained again"
                with suppress(OSError):
                    os.replace(self.path, self.path.with_suffix(".damaged"))
                    self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
            say_once(f"{self.path} {reason}")
            return []


def _pack(key: str, result: NetworkResult) -> bytes:
    """A result as the bytes of an ``.npz`` file, which holds a checksum of each array."""
    content = BytesIO()
    np.savez(content, key=key, **vars(result))
    return content.getvalue()


def _unpack(key: str, content: bytes) -> NetworkResult:
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        values = {name: array if array.ndim else array.item() for name, array in arrays.items()}
    if values.pop("key") != key:
        raise ValueError("the result of another network")
    return NetworkResult(**values)
