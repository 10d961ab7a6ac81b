"""What the last build made and from what: a small file beside the report, by which the next one
knows what is to do.
"""

import json
from pathlib import Path
from typing import Any

from emolib.report.keys import Key, files_digest
from emolib.utils.storage import seal, unseal

NAME = ".{}.state.json"


def last(output: Path, name: str) -> dict[str, Any]:
    """``inputs`` and ``files`` (a digest) of the last build of a report; empty if there is none
    that can be read.
    """
    try:
        state: dict[str, Any] = json.loads(unseal(name, (output / NAME.format(name)).read_bytes()))
        return state
    except (OSError, ValueError):
        return {}


def last_key(state: dict[str, Any], chapter: str) -> Key | None:
    """The key under which a chapter last ran to its end."""
    key: Key | None = state.get("inputs", {}).get("chapters", {}).get(chapter)
    return key


def is_current(state: dict[str, Any], inputs: dict[str, Any], files: list[Path]) -> bool:
    """Whether the last build was made of ``inputs``, and what it wrote still stands as it wrote it."""
    return (
        state.get("inputs") == inputs
        and all(file.is_file() for file in files)
        and state.get("files") == files_digest(files)
    )


def written(name: str, inputs: dict[str, Any], files: list[Path]) -> bytes:
    """The content of the file, after a build of ``inputs`` wrote ``files``; none if it failed."""
    return seal(
        name,
        json.dumps(
            {"inputs": inputs, "files": files_digest(files) if files else None}, indent=1
        ).encode(),
    )
