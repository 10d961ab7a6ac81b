"""Plan of a build: parameters of the chapters, their order, and keys of everything that their
outputs depend on.
"""

import ast
import hashlib
import json
import platform
import re
import reprlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emolib.report import BuildError
from emolib.utils import boolean, real_number, say_once, shown, whole_number

PAPER: dict[str, Any] = {
    "seeds": 10,
    "widths": list(range(6, 17)),
    "angles": list(range(0, 91, 10)),
    "draws": 1000,
    "beyond": 1500,
    "cnn_draws": 12,
    "pick_draws": 30,
    "cnn_picks": 12,
    "restarts": 2,
    "every_reading": True,
    "other_deals": True,
    "shuffles": 500,
    "simulations": 40,
    "simulated_rows": [200, 675, 1500],
}
PROFILES = {
    # a minute and a half: enough networks to see every effect, too few for narrow intervals
    "quick": {
        "seeds": 1,
        "folds": 3,
        "widths": [6, 11, 16],
        "angles": [0, 15, 30, 60, 90],
        "draws": 60,
        "beyond": 200,
        "cnn_draws": 2,
        "pick_draws": 8,
        "cnn_picks": 1,
        "restarts": 1,
        "every_reading": False,
        "other_deals": False,
        "shuffles": 100,
        "simulations": 16,
        "simulated_rows": [675],
    },
    # every hidden-layer width and angle of the paper's figures
    "paper": PAPER,
    # more seeds for narrower intervals, and many more draws of CNNs
    "full": PAPER | {"seeds": 30, "cnn_draws": 300, "cnn_picks": 50},
}

# Settings of :func:`emolib.load`, which chapters hand over as their parameter ``loading``.
LOADING = ("incomplete", "order", "size", "crop", "preset", "edges")

# Lowest and highest value of each numeric parameter, and of each value of a list.
BOUNDS = {
    "seeds": (1, 1_000),
    "epochs": (0, 100_000),
    "folds": (2, 100),
    "widths": (1, 1_024),
    "angles": (0, 180),
    "draws": (1, 100_000),
    "beyond": (1, 100_000),
    "cnn_draws": (1, 100_000),
    "pick_draws": (1, 10_000),
    "cnn_picks": (1, 10_000),
    "restarts": (1, 1_000),
    "shuffles": (1, 100_000),
    "simulations": (1, 100_000),
    "simulated_rows": (100, 100_000),
}

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


def declared(notebook: Path) -> dict[str, Any]:
    """Name and default of each parameter in a notebook's cell tagged ``parameters``, which holds
    literals only.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    lines = ast.parse("\n".join("".join(cell["source"]) for cell in tagged)).body
    return {
        line.targets[0].id: ast.literal_eval(line.value)
        for line in lines
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }


def parse(text: str) -> dict[str, Any]:
    """Reads ``name=value name=value …``; a value is a Python literal, or else text.

    Raises:
        ValueError: a part is not ``name=value``, or a name stands twice.
    """
    # a list may hold blanks, so a new setting begins only where a name and an equals sign follow
    given: dict[str, Any] = {}
    for setting in filter(None, re.split(r"\s+(?=[A-Za-z_]\w*=)", text.strip())):
        if not re.match(r"[A-Za-z_]\w*=", setting):
            raise ValueError(f"a setting is written name=value, not {reprlib.repr(setting)}")
        name, value = setting.split("=", 1)
        if name in given:
            raise ValueError(f"{name} is set twice")
        try:
            given[name] = ast.literal_eval(value)
        # the last two: brackets in brackets in brackets …
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            given[name] = value
    return given


def check(parameters: dict[str, Any], notebooks: Sequence[Path]) -> dict[str, Any]:
    """Parameters in the types of their defaults: a whole value of any numeric type is a count.

    Raises:
        ValueError: no notebook declares a parameter, or its value is of another type or beyond
            :data:`BOUNDS`; one sentence names it with the nearest declared name or what it must be.
    """
    defaults = {
        name: default for notebook in notebooks for name, default in declared(notebook).items()
    }
    if unknown := sorted(parameters.keys() - defaults.keys()):
        near = get_close_matches(unknown[0], defaults, n=1) or sorted(defaults)
        raise ValueError(
            f"no chapter declares a parameter {unknown[0]}: did you mean {' or '.join(near)}?"
        )
    return {name: _like(defaults[name], name, value) for name, value in parameters.items()}


def _like(default: Any, name: str, value: Any) -> Any:
    """``value`` in the type of a default; ValueError names it where it cannot be."""
    low, high = BOUNDS.get(name, (-(10**9), 10**9))
    match default:
        case bool():
            return boolean(f"parameter {name}", value)
        case int():
            return whole_number(f"parameter {name}", value, low, high)
        case float():
            return real_number(f"parameter {name}", value, low, high)
        case str() if not isinstance(value, str):
            raise ValueError(f"parameter {name} is {shown(value)}; it must be text")
        case [first, *_]:
            if isinstance(value, list | tuple) and value:
                return [_like(first, name, item) for item in value]
            raise ValueError(
                f"parameter {name} is {shown(value)}; it must be a list such as {default}"
            )
    return value


@dataclass
class Task:
    """A chapter, and how far it is.

    Attributes:
        notebook: its file.
        parameters: of the chapter.
        needs: names of the chapters that it runs after.
        key: digests of all that its outputs depend on, named as a sentence names them.
        why: the reason for its run; empty if its outputs are kept.
        node: the notebook with its prose as it is now, and the outputs of the cells that ran.
        fault: one sentence that says why it did not reach its end; empty if it did.
        seconds: how long it took; negative while it runs.
    """

    notebook: Path
    parameters: dict[str, Any]
    needs: list[str]
    key: dict[str, str]
    why: str = ""
    node: Any = None
    fault: str = ""
    seconds: float = 0.0


def plan(notebooks: Sequence[Path], parameters: Mapping[str, Any]) -> dict[str, Task]:
    """The chapters by name, those first that others need. A run under an equal key would give the
    same outputs again.

    Prose is no part of a key: the page takes it from the notebook as it is. Files that a chapter
    shows are: the list ``files`` under ``emolib`` in its metadata, from the folder above the
    notebooks.

    Raises:
        BuildError: a chapter needs one that is not there, or some wait for one another.
    """
    files = {file.stem: file for file in notebooks}
    nodes = {stem: json.loads(file.read_text(encoding="utf-8")) for stem, file in files.items()}
    about = {stem: node["metadata"].get("emolib", {}) for stem, node in nodes.items()}
    needs = {stem: own.get("needs", []) for stem, own in about.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise BuildError(
            f"chapters {', '.join(sorted(set(error.args[1])))} wait for one another"
        ) from error
    if unknown := set(order) - nodes.keys():
        raise BuildError(f"a chapter needs {min(unknown)}, which is no chapter")
    root = notebooks[0].parents[1]
    source = parameters.get("source", "")
    data = files_digest(Path(source)) if source else "drawn faces"  # which the library draws
    shared = {"the environment": digest([files_digest(root / "requirements.lock"), versions()])} | {
        file.relative_to(PACKAGE.parent).as_posix(): files_digest(file)
        for file in sorted(PACKAGE.rglob("*"))
        if file.suffix in (".py", ".pyi", ".html")
        if file.relative_to(PACKAGE).parts[0] not in APART or file.name in SHOWN
    }
    tasks: dict[str, Task] = {}
    for stem in order:
        given = {name: parameters[name] for name in declared(files[stem]) if name in parameters}
        key = {
            **shared,
            **{name: files_digest(root / name) for name in about[stem].get("files", [])},
            **{f"chapter {name}": digest(tasks[name].key) for name in needs[stem]},
            **{name: repr(value) for name, value in given.items()},
            "its code": digest(
                [
                    "".join(cell["source"])
                    for cell in nodes[stem]["cells"]
                    if cell["cell_type"] == "code"
                ]
            ),
        }
        if key.pop("source", ""):  # the place of the data counts for nothing
            key["the data"] = data
        tasks[stem] = Task(files[stem], given, needs[stem], key)
    return tasks


def changes(old: Mapping[str, str] | None, new: Mapping[str, str]) -> str:
    """The reason why a chapter runs whose last key was ``old`` and is ``new``."""
    if not old:
        return "it has not run yet"
    names = sorted(name for name in {**old, **new} if old.get(name) != new.get(name))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more} changed" if names else "its outputs are no longer kept"


def digest(value: Any) -> str:
    """SHA-256 of anything that JSON holds, such as a key."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def files_digest(*paths: Path) -> str:
    """Digest of the bytes of some files and, for folders among them, of the names inside."""
    return digest(
        [
            [
                file.relative_to(path).as_posix(),
                hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file",
            ]
            for path in paths
            for file in sorted(filter(Path.is_file, path.rglob("*"))) or [path]
        ]
    )


def commit(checkout: Path) -> str:
    """The short commit of a checkout, and whether files differ from it; ``"unknown"`` where there
    is no git checkout, or, after a sentence that says why, where git fails.
    """
    if not (checkout / ".git").exists():  # git would go on and find a repository around the folder
        return "unknown"
    # also where the checkout is another user's, as in a container: its code is running already
    trusted = ["-c", f"safe.directory={checkout.resolve()}", "-c", "core.fsmonitor=false"]
    try:
        said = subprocess.check_output(
            ["git", *trusted, "status", "--porcelain=v2", "--branch"],
            cwd=checkout,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.CalledProcessError) as error:
        say_once(
            f"the commit is unknown, because git fails in {checkout}: "
            f"{getattr(error, 'stderr', error)}"
        )
        return "unknown"
    head, *lines = said.splitlines()
    clean = all(line.startswith("#") for line in lines)
    return head.removeprefix("# branch.oid ")[:10] + (
        ", clean tree" if clean else " with uncommitted changes"
    )


def versions() -> dict[str, str]:
    """The version of Python and of each library that the numbers or the page may depend on."""
    return {
        "Python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
