"""What a chapter's outputs depend on, and which of it has changed since they were made."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emolib.report.provenance import versions
from emolib.utils.imports import PACKAGE, reached

Key = dict[str, Any]


def chapter_key(
    notebook: Path, parameters: Mapping[str, Any], data: str, lock: str, needs: Mapping[str, Key]
) -> Key:
    """The key of a chapter: outputs made under an equal key are the outputs that a run would make
    again.

    Its prose is no part of it: a page takes that from the notebook as it is. Files that a chapter
    shows are: the list ``files`` under ``emolib`` in its metadata, from the folder above the
    notebooks.

    Args:
        notebook: the chapter's file.
        parameters: those that the chapter is given, without the place of the data.
        data: digest of the data, from :func:`data_digest`.
        lock: digest of the environment, from :func:`environment_digest`.
        needs: keys of the chapters that it runs after, by name.
    """
    node = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in node["cells"] if cell["cell_type"] == "code"]
    shown = [
        notebook.parents[1] / name for name in node["metadata"].get("emolib", {}).get("files", ())
    ]
    sources = ["".join(cell["source"]) for cell in cells]
    return {
        "cells": _sha(
            json.dumps([[cell["id"], source] for cell, source in zip(cells, sources, strict=True)])
        ),
        "code": {
            file.relative_to(PACKAGE.parent).as_posix(): _sha(file.read_bytes())
            for file in reached(sources)
        },
        "files": {
            file.name: _sha(file.read_bytes()) if file.is_file() else "no file" for file in shown
        },
        "data": data,
        "parameters": json.loads(json.dumps(dict(parameters))),
        "environment": lock,
        "needs": {name: digest(key) for name, key in needs.items()},
    }


def changes(old: Key | None, new: Key) -> str:
    """Says in words why outputs made under ``old`` do not serve ``new``; empty if they do."""
    if (
        old is None or old.keys() != new.keys()
    ):  # the latter: an earlier version of this library wrote it
        return "it has not run yet"
    said = []
    if old["cells"] != new["cells"]:
        said.append("its code cells have changed")
    differing = [
        file
        for file in {**old["code"], **new["code"]}
        if old["code"].get(file) != new["code"].get(file)
    ]
    if differing:
        more = f" and {len(differing) - 2} more" if len(differing) > 2 else ""
        said.append(", ".join(sorted(differing)[:2]) + f"{more} changed")
    said += [
        f"{name} has changed"
        for name in new["files"]
        if old["files"].get(name) != new["files"][name]
    ]
    if old["data"] != new["data"]:
        said.append("the data are others")
    for name in {**old["parameters"], **new["parameters"]}:
        before, after = (
            old["parameters"].get(name, "its default"),
            new["parameters"].get(name, "its default"),
        )
        if before != after:
            said.append(f"{name} went from {before} to {after}")
    said += [
        f"{name}, which it needs, has changed"
        for name in new["needs"]
        if old["needs"].get(name) != new["needs"][name]
    ]
    if old["environment"] != new["environment"]:
        said.append("the environment has changed")
    return "; ".join(said)


def digest(key: Key) -> str:
    """A key as a name of a file."""
    return _sha(json.dumps(key, sort_keys=True))[:32]


def data_digest(source: str) -> str:
    """Of a file its bytes, of a folder its files' names and bytes; the drawn faces follow from the
    library's code.
    """
    path = Path(source)
    if not source:
        return "drawn faces"
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return _sha(
            json.dumps([[file.relative_to(path).as_posix(), _sha_of(file)] for file in files])
        )
    return _sha_of(path) if path.is_file() else "no file"


def environment_digest(root: Path) -> str:
    """Of the lock beside the notebooks, and of the versions that are in use."""
    lock = root / "requirements.lock"
    return _sha(
        json.dumps([lock.read_text(encoding="utf-8") if lock.is_file() else "", versions()])
    )


def files_digest(files: list[Path]) -> str:
    """Of the names and bytes of some files."""
    return _sha(json.dumps([[file.name, _sha(file.read_bytes())] for file in files]))


def _sha_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sha(content: bytes | str) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
