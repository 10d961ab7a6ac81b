"""The cache folder, atomic file writes, source digests, and slow results kept by joblib."""

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib

from emolib.utils.console import say_once

PACKAGE = Path(__file__).parent.parent
version = cache(metadata.version)  # which reads and parses a file each time: 2 ms
# The rooms and modules that compute; a plot edit leaves what they computed alone.
COMPUTING = (
    *("analysis", "data", "estimators", "folds", "metrics", "models", "paper", "pruning"),
    "training",
)
LIBRARIES = ("joblib", "numpy", "pandas", "pillow", "scikit-learn", "scipy", "torch")


def _in_one_sentence(record: logging.LogRecord) -> bool:
    """A filter for joblib's log: one sentence in place of the traceback of a damaged entry."""
    damaged = "MemorizedFunc" in record.getMessage()
    if damaged:
        say_once("a damaged entry of the cache is computed again")
    return not damaged


logging.getLogger("joblib").addFilter(_in_one_sentence)


def cache_folder() -> Path | None:
    """The writable folder named by ``EMOLIB_CACHE``, or one below the user's home; None if neither
    can be written.

    Nothing in emolib needs a cache: without one every result is computed again, and one sentence
    per process says so.
    """
    return _writable(os.environ.get("EMOLIB_CACHE") or "~/.cache/emolib")


@cache
def _writable(name: str) -> Path | None:
    try:
        path = Path(name).expanduser().absolute()
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except (OSError, RuntimeError):  # the latter: a user id without a home
        say_once(
            f"no cache: the folder {name} cannot be written, so results are computed again each "
            "time; set EMOLIB_CACHE to a folder that can be written"
        )
        return None


def write(path: Path, content: bytes | str) -> None:
    """Atomic file write: readers find the old file or the new one, never a part; text in UTF-8."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with aside.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:  # with the name that was asked for
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def source_digest(*rooms: str, libraries: tuple[str, ...] = ()) -> str:
    """SHA-256 of all Python files of some modules and packages of emolib, and of library versions.

    A whole package counts, so that a file that is added or moved inside it cannot drop out of the
    key; a name that no longer exists raises instead of matching nothing.

    Args:
        rooms: modules or packages by name, such as ``"pruning"`` or ``"training"``.
        libraries: distributions whose version counts as well.

    Raises:
        FileNotFoundError: emolib has no module or package of that name.

    Example:
        >>> len(source_digest("pruning", "training", libraries=("numpy",)))
        64
    """
    digest = hashlib.sha256()
    for room in rooms:
        path = PACKAGE.joinpath(*room.split("."))
        for file in sorted(path.rglob("*.py")) or [path.with_suffix(".py")]:
            digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0".encode() + file.read_bytes())
    for library in libraries:
        digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()


def cached(
    function: Callable[..., Any],
    data: Any,
    *arguments: Any,
    code: tuple[str, ...] = COMPUTING,
    **options: Any,
) -> Any:
    """``function(data, *arguments, **options)``, read from the cache where it was computed before.

    joblib's own key holds the source of one function only, so this one covers everything a result
    depends on: ``data.digest`` (or None for no data), the arguments, the code it reaches and the
    versions of the libraries. A damaged entry is computed again.

    Args:
        function: at the top level of a module; its result must not depend on anything else.
        data: an object with a ``digest``, which is handed over and not hashed, or None.
        arguments, options: anything that joblib hashes and pickles.
        code: modules and packages of emolib that the result depends on, as for
            :func:`source_digest`.

    Example:
        >>> cached(calibrate, data, "person-independent", shuffles=500)
    """
    key = [getattr(data, "digest", None), source_digest(*code, libraries=LIBRARIES)]
    memory = joblib.Memory(cache_folder(), verbose=0, compress=True)
    # joblib warns where an entry is damaged or the disk is full; either way the result is right
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return memory.cache(_call, ignore=["data"])(function, data, arguments, options, key)


def _call(
    function: Callable[..., Any],
    data: Any,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    key: list[str | None],
) -> Any:
    return function(*([] if data is None else [data]), *arguments, **options)
