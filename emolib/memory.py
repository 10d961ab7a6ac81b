"""What takes long and is not a network of a sweep, computed once."""

import ast
import hashlib
import pickle
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib

from emolib.data import EmotionData
from emolib.storage import cache_folder

ROOT = Path(__file__).parent
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "baycomp", "statsmodels")


def computed(function: Callable[..., Any], data: EmotionData, *arguments: Any, **options: Any) -> Any:
    """``function(data, *arguments, **options)``, or what it gave before.

    The key covers the data's digest, the arguments, the versions of the libraries and the source of the function's module with all
    modules of this package that it imports, directly or not; change any of them and it is computed anew. A damaged file is
    not found.

    Example:
        >>> slow = computed(calibrate, data, "person-independent", shuffles=500)
    """
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources(function.__module__))))
    versions = [f"{library} {version(library)}" for library in LIBRARIES]
    made_of = (function.__module__, function.__qualname__, data.digest, code.hexdigest(), versions, arguments, options)
    folder = cache_folder() / "computed"
    folder.mkdir(exist_ok=True)
    path = folder / f"{function.__name__}-{joblib.hash(made_of)}.pickle"
    try:
        return pickle.loads(path.read_bytes())
    except Exception:  # not there, or damaged in one of many ways
        found = function(data, *arguments, **options)
    fresh = path.with_suffix(f".{uuid4().hex}")  # in one move, so that no reader sees half of it
    fresh.write_bytes(pickle.dumps(found))
    fresh.replace(path)
    return found


def sources(module: str) -> set[Path]:
    """The files of a module of this package and of all that it imports from the package."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = ROOT.parent.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        # a name imported from a package may be a module or what a module holds
        if path in found or not path.is_file() or path == ROOT / "__init__.py":
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "emolib":
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
