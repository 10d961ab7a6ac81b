"""Keys of chapters: everything that a chapter's outputs depend on, and what of it has changed."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emolib.utils.console import say_once

PACKAGE = Path(__file__).parents[1]
# No chapter runs these. All other files of the library count for every chapter, so that none that
# is added or moved can drop out of a key.
APART = ("__main__.py", "explore", "walkthroughs", "report")
# Of the report itself, what runs in a chapter.
SHOWN = ("cards.py", "cards.html")

LIBRARIES = (
    "torch",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "matplotlib",
    "seaborn",
    "nbconvert",
)

Key = dict[str, Any]


def chapter_key(
    notebook: Path, parameters: Mapping[str, Any], data: str, lock: str, needs: Mapping[str, Key]
) -> Key:
    """The key of a chapter: a run under an equal key would give the same outputs again.

    Prose is no part of it: the page takes it from the notebook as it is. Files that a chapter shows
    are: the list ``files`` under ``emolib`` in its metadata, from the folder above the notebooks.

    Args:
        notebook: the chapter's file.
        parameters: those that the chapter is given, without the place of the data.
        data: digest of the data, from :func:`data_digest`.
        lock: digest of the environment, from :func:`environment_digest`.
        needs: keys of the chapters that it runs after, by name.
    """
    node = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell["source"] for cell in node["cells"] if cell["cell_type"] == "code"]
    files = node["metadata"].get("emolib", {}).get("files", ())
    return {
        "cells": digest(["".join(source) for source in cells]),
        "code": {name: _sha_of(PACKAGE.parent / name)[:16] for name in _library()},
        "files": {Path(name).name: _sha_of(notebook.parents[1] / name) for name in files},
        "data": data,
        "parameters": json.loads(json.dumps(dict(parameters))),
        "environment": lock,
        "needs": {name: digest(key) for name, key in needs.items()},
    }


def changes(old: Key | None, new: Key) -> str:
    """The reasons why outputs made under ``old`` do not serve ``new``; empty if they do."""
    if old is None or old.keys() != new.keys():  # the latter: an earlier version wrote it
        return "it has not run yet"
    files = _differing(old["code"], new["code"])
    more = f" and {len(files) - 2} more" if len(files) > 2 else ""
    said = [f"{', '.join(files[:2])}{more} changed"] if files else []
    said += [f"{name} has changed" for name in _differing(old["files"], new["files"])]
    for name in _differing(old["parameters"], new["parameters"]):
        before, after = (key["parameters"].get(name, "its default") for key in (old, new))
        said.append(f"{name} went from {before} to {after}")
    said += [
        f"{name}, which it needs, has changed" for name in _differing(old["needs"], new["needs"])
    ]
    whole = {
        "cells": "its code cells have changed",
        "data": "the data are others",
        "environment": "the environment has changed",
    }
    return "; ".join([*said, *(whole[part] for part in whole if old[part] != new[part])])


def digest(value: Any) -> str:
    """SHA-256 of anything that JSON holds, such as a key."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def data_digest(source: str) -> str:
    """Digest of a file's bytes, or of the names and bytes of a folder's files; the drawn faces
    follow from the library's code.
    """
    path = Path(source)
    if source and path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest([[file.relative_to(path).as_posix(), _sha_of(file)] for file in files])
    return _sha_of(path) if source else "drawn faces"


def environment_digest(root: Path) -> str:
    """Digest of the lock beside the notebooks, and of the versions in use."""
    return digest([_sha_of(root / "requirements.lock"), versions()])


def files_digest(files: list[Path]) -> str:
    """Digest of the names and bytes of some files."""
    return digest([[file.name, _sha_of(file)] for file in files])


def _library() -> list[str]:
    """The files of the library that a chapter runs, from the folder of the package."""
    files = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi")]
    names = [path.relative_to(PACKAGE) for path in files]
    return [
        *sorted(
            f"{PACKAGE.name}/{name.as_posix()}" for name in names if name.parts[0] not in APART
        ),
        *(f"{PACKAGE.name}/report/{name}" for name in SHOWN),
    ]


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Sorted names under which two mappings hold other values."""
    return sorted(name for name in {**old, **new} if old.get(name) != new.get(name))


def _sha_of(file: Path) -> str:
    if not file.is_file():
        return "no file"
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def commit(checkout: Path) -> str:
    """The short commit of a checkout, and whether files differ from it; ``"unknown"`` where there
    is no git checkout, or, after a sentence that says why, where git fails.
    """
    if not (checkout / ".git").exists():  # git would go on and find a repository around the folder
        return "unknown"
    # also where the checkout is another user's, as in a container: its code is running already
    trusted = ["-c", f"safe.directory={checkout.resolve()}", "-c", "core.fsmonitor=false"]
    status = ["git", *trusted, "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(status, cwd=checkout, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode() if isinstance(error, subprocess.CalledProcessError) else error
        say_once(f"the commit is unknown, because git fails in {checkout}: {said}")
        return "unknown"
    head, *lines = done.stdout.decode(errors="replace").splitlines()
    changed = any(not line.startswith("#") for line in lines)
    state = " with uncommitted changes" if changed else ", clean tree"
    return head.removeprefix("# branch.oid ")[:10] + state


def versions() -> dict[str, str]:
    """The version of Python and of each library that the numbers or the page may depend on."""
    return {
        "Python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
