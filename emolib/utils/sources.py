"""A digest of the library's own source code, part of every key under which a result is cached."""

import hashlib
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


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
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        if not files:
            raise FileNotFoundError(f"emolib.{room} holds no source file")
        for file in files:
            digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0".encode() + file.read_bytes())
    for library in libraries:
        digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()
