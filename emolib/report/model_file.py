"""A report's model as a file: one ``.npz`` of arrays, what is said of them as JSON text, and a
digest of both. No pickle.
"""

import hashlib
import json
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from emolib.utils.storage import write

ABOUT, DIGEST = "about", "digest"
LARGEST = 2**30  # bytes that a model may unpack to


def save(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Writes the file in one move."""
    content, text = BytesIO(), json.dumps(about)
    np.savez_compressed(
        content,
        allow_pickle=False,
        **{ABOUT: np.array(text), DIGEST: np.array(_digest(arrays, text))},
        **arrays,
    )
    write({path: content.getvalue()})


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads arrays and what is said of them; nothing in the file can run.

    Raises:
        ValueError: the file is something else, or damaged.
    """
    try:
        with ZipFile(path) as archive:
            if (
                sum(member.file_size for member in archive.infolist()) > LARGEST
            ):  # zipfile unpacks no byte more than it says
                raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = dict(kept)
        text, digest = str(arrays.pop(ABOUT)), str(arrays.pop(DIGEST))
        if digest != _digest(arrays, text):
            raise ValueError("the digest is that of another model")
        return arrays, json.loads(text)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        AttributeError,
        MemoryError,
        RuntimeError,
        zlib.error,
        BadZipFile,
    ) as error:
        raise ValueError(
            f"{path}: this is no model that a report left, or it is damaged; build the report anew"
        ) from error


def _digest(arrays: dict[str, np.ndarray], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name, values in sorted(arrays.items()):
        digest.update(
            f"{name} {values.shape} {values.dtype}".encode()
            + np.ascontiguousarray(values).tobytes()
        )
    return digest.hexdigest()
