"""What a report was made from: the commit and the versions of the libraries."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "matplotlib")


def commit(checkout: Path) -> str:
    """The short commit of ``checkout``, and whether files differ from it; ``"unknown"`` if it is no git checkout."""
    if not (checkout / ".git").exists():  # git would go on and find a repository around the folder
        return "unknown"
    try:
        head = _git(checkout, "rev-parse", "--short", "HEAD")
        changes = _git(checkout, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with uncommitted changes" if changes else head


def versions() -> dict[str, str]:
    """The version of Python and of each library that the numbers may depend on."""
    return {"Python": platform.python_version(), **{library: version(library) for library in LIBRARIES}}


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=checkout, check=True, capture_output=True, text=True)
    return done.stdout.strip()
