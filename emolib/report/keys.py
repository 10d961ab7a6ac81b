"""Chapter keys: everything that a chapter's outputs depend on, and what of it has changed."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emolib.report import BuildError
from emolib.report.parameters import declared
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

Key = dict[str, dict[str, str]]


def chapter_keys(notebooks: Sequence[Path], parameters: Mapping[str, Any]) -> dict[str, Key]:
    """The key of each chapter by name, those first that others need: a run under an equal key would
    give the same outputs again.

    Prose is no part of a key: the page takes it from the notebook as it is. Files that a chapter
    shows are: the list ``files`` under ``emolib`` in its metadata, from the folder above the
    notebooks.

    Returns:
        For each chapter the digests of ``parts``, named as a sentence names them, the digests of
        the chapters that it ``needs``, and its ``parameters`` without the place of the data.

    Raises:
        BuildError: a chapter needs one that is not there, or some wait for one another.
    """
    nodes = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in notebooks}
    about = {stem: node["metadata"].get("emolib", {}) for stem, node in nodes.items()}
    needs = {stem: own.get("needs", []) for stem, own in about.items()}
    for stem, needed in needs.items():
        if unknown := set(needed) - nodes.keys():
            raise BuildError(f"chapter {stem} needs {min(unknown)}, which is no chapter")
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise BuildError(f"chapters {circle} wait for one another") from error
    needed_by_others = {name for needed in needs.values() for name in needed}
    # Last those that no other waits for: one that trains nothing fills the core beside one that
    # waited for networks.
    order.sort(key=lambda stem: (stem not in needed_by_others, bool(needs[stem])))
    root = notebooks[0].parents[1]
    known = {notebook.stem: declared(notebook).keys() for notebook in notebooks}
    data = data_digest(parameters.get("source", ""))
    shared = {"the environment": digest([_sha_of(root / "requirements.lock"), versions()])} | {
        file.relative_to(PACKAGE.parent).as_posix(): _sha_of(file)
        for file in sorted(PACKAGE.rglob("*"))
        if file.suffix in (".py", ".pyi", ".html")
        if file.relative_to(PACKAGE).parts[0] not in APART or file.name in SHOWN
    }
    keys: dict[str, Key] = {}
    for stem in order:
        keys[stem] = {
            "parts": {
                **shared,
                **{name: _sha_of(root / name) for name in about[stem].get("files", [])},
                "its code": digest(
                    [
                        "".join(cell["source"])
                        for cell in nodes[stem]["cells"]
                        if cell["cell_type"] == "code"
                    ]
                ),
                "the data": data if "source" in known[stem] else "",
            },
            "needs": {name: digest(keys[name]) for name in needs[stem]},
            "parameters": {
                name: repr(parameters[name])
                for name in sorted(known[stem] & parameters.keys() - {"source"})
            },
        }
    return keys


def changes(old: Key | None, new: Key) -> str:
    """The reasons why outputs made under ``old`` do not serve ``new``; empty if they do."""
    if old is None or old.keys() != new.keys():  # the latter: an earlier version wrote it
        return "it has not run yet"
    parts = _differing(old["parts"], new["parts"])
    parts += [f"chapter {name}" for name in _differing(old["needs"], new["needs"])]
    more = f" and {len(parts) - 2} more" if len(parts) > 2 else ""
    said = [f"{', '.join(parts[:2])}{more} changed"] if parts else []
    for name in _differing(old["parameters"], new["parameters"]):
        before, after = (key["parameters"].get(name, "its default") for key in (old, new))
        said.append(f"{name} went from {before} to {after}")
    return "; ".join(said)


def digest(value: Any) -> str:
    """SHA-256 of anything that JSON holds, such as a key."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def data_digest(source: str) -> str:
    """Digest of a file's bytes, or of the names and bytes of a folder's files; the drawn faces
    follow from the library's code.
    """
    if not source:
        return "drawn faces"
    path = Path(source)
    files = sorted(file for file in path.rglob("*") if file.is_file()) or [path]
    return digest([[file.relative_to(path).as_posix(), _sha_of(file)] for file in files])


def files_digest(files: Iterable[Path]) -> str:
    """Digest of the names and bytes of some files."""
    return digest([[file.name, _sha_of(file)] for file in files])


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Sorted names under which two mappings hold other values."""
    return sorted(name for name in {**old, **new} if old.get(name) != new.get(name))


def _sha_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file"


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
        reason = getattr(error, "stderr", b"").decode(errors="replace") or error
        say_once(f"the commit is unknown, because git fails in {checkout}: {reason}")
        return "unknown"
    head, *lines = done.stdout.decode(errors="replace").splitlines()
    changed = any(not line.startswith("#") for line in lines)
    return head.removeprefix("# branch.oid ")[:10] + (
        " with uncommitted changes" if changed else ", clean tree"
    )


def versions() -> dict[str, str]:
    """The version of Python and of each library that the numbers or the page may depend on."""
    return {
        "Python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
