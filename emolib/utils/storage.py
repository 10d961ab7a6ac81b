"""Where this project keeps what it can make again, and how anything is written: aside, then put in
place in one move.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from platformdirs import user_cache_path

from emolib.utils.console import say_once

T = TypeVar("T")
ASIDE = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")  # names of files before they are in place


def cache_folder() -> Path:
    """The folder named by ``EMOLIB_CACHE``, or one of the user's; made when missing."""
    path = Path(os.environ.get("EMOLIB_CACHE") or user_cache_path("emolib"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(files: Mapping[Path, bytes | str], *, durable: bool = True) -> None:
    """Puts all files in place, each in one move, after every one of them has been written; text as
    UTF-8.

    A reader finds a file as it was or as it is to be, whatever happens meanwhile: a kill, a full
    disk, another writer.

    Args:
        durable: whether to wait for the disk, so that a loss of power does no harm either.
    """
    aside = {path: path.with_name(f".{path.name}.{uuid4().hex}.tmp") for path in files}
    try:
        for path, content in files.items():
            with aside[path].open("xb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        for path in files:
            os.replace(aside[path], path)
    finally:
        for fresh in aside.values():
            fresh.unlink(missing_ok=True)


def sweep(folder: Path, age: float = 24 * 3600) -> None:
    """Removes what writers that were killed left in a folder, if it is older than ``age`` seconds:
    others may be at work.

    With an age of 0, where no other can be at work, whatever the clock says.
    """
    for leftover in folder.glob(".*.tmp"):
        with suppress(OSError):  # another may sweep as well
            if ASIDE.fullmatch(leftover.name) and (
                not age or time.time() - leftover.stat().st_mtime >= age
            ):
                leftover.unlink()


def seal(key: str, content: bytes) -> bytes:
    """Content under a line that tells whether it is whole, and kept under this key."""
    return _digest(key, content) + b"\n" + content


def unseal(key: str, sealed: bytes) -> bytes:
    """What :func:`seal` was given. Raises ValueError if it is damaged, or belongs to another key."""
    digest, _, content = sealed.partition(b"\n")
    if digest != _digest(key, content):
        raise ValueError(f"what is kept under {key} is damaged")
    return content


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\n" + content).hexdigest().encode()


def fetch(name: str) -> bytes | None:
    """What :func:`keep` kept in :func:`cache_folder` under this name, or None; damage is told and
    no more.
    """
    path = cache_folder() / name
    try:
        return unseal(name, path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "damaged"
        say_once(f"{path} cannot be read ({why}); it is made again")
        return None


def keep(name: str, content: bytes) -> None:
    """Keeps content for :func:`fetch`. Where that cannot be, work goes on without, and it is told."""
    path = cache_folder() / name
    try:
        path.parent.mkdir(exist_ok=True)
        write({path: seal(name, content)})
    except OSError as error:
        say_once(
            f"{path.parent} takes nothing more ({error.strerror}); what is made now will be made again"
        )


def kept(name: str, make: Callable[[], T], shared: Sequence[object] = ()) -> T:
    """What ``make()`` gives, or gave before: kept under this name as
    :func:`emolib.utils.packing.pack` packs it.

    Args:
        name: says all that the value depends on; may begin with a folder.
        shared: objects of which the value may be made, and which are not kept with it.
    """
    from emolib.utils.packing import (
        pack,
        unpack,
    )  # with pandas, which a build that has nothing to do does without

    content = fetch(name)
    if content is not None:
        with suppress(Exception):  # whole, but packed by an earlier version of this library
            before: T = unpack(content, shared)
            return before
    value = make()
    keep(name, pack(value, shared))
    return value
