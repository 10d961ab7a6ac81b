"""Provenance of a report: the commit, the versions of the libraries, and the origin of a number."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emolib.utils.console import say_once

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


def commit(checkout: Path) -> str:
    """The short commit of a checkout, and whether files differ from it; ``"unknown"`` where there
    is no git checkout, or, after a sentence that says why, where git fails.
    """
    if not (checkout / ".git").exists():  # git would go on and find a repository around the folder
        return "unknown"
    try:
        head = _git(checkout, "rev-parse", "--short=10", "HEAD")
        changes = _git(checkout, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        say_once(f"the commit is unknown, because git fails in {checkout}: {said}")
        return "unknown"
    return f"{head} with uncommitted changes" if changes else f"{head}, clean tree"


def versions() -> dict[str, str]:
    """The version of Python and of each library that the numbers or the page may depend on."""
    return {
        "Python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def origin(provenance: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    """The origin of the numbers of one chapter's figures and tables, as name and text.

    Args:
        provenance: of the report, with ``data_source``, ``data_digest``, ``commit`` and
            ``versions``.
        parameters: of the chapter, defaults included.
    """
    shown = {name: value for name, value in parameters.items() if name != "source"}
    return {
        "Data": provenance["data_source"],
        "Digest of the data": provenance["data_digest"],
        "Parameters": ", ".join(f"{name} = {value}" for name, value in shown.items()) or "none",
        "Commit": provenance["commit"],
        "Versions": ", ".join(
            f"{library} {number}" for library, number in provenance["versions"].items()
        ),
    }


def _git(checkout: Path, *arguments: str) -> str:
    # also where the checkout is another user's, as in a container: its code is running already
    trusted = ["-c", f"safe.directory={checkout.resolve()}", "-c", "core.fsmonitor=false"]
    done = subprocess.run(
        ["git", *trusted, *arguments],
        cwd=checkout,
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
    )
    return done.stdout.strip()
