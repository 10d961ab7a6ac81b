"""What takes long and is not a network of a sweep, computed once."""

import hashlib
import pickle
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib

from emolib.data import EmotionData
from emolib.report.imports import reached
from emolib.storage import cache_folder

DATA = Path(__file__).parent / "data"
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "baycomp")


def computed(function: Callable[..., Any], data: EmotionData, *arguments: Any, **options: Any) -> Any:
    """``function(data, *arguments, **options)``, or what it gave before.

    The key covers the data's digest, the arguments, the versions of the libraries and the source of the function's module with all
    modules of this package that it imports, directly or not; change any of them and it is computed anew. A damaged file is
    not found.

    Example:
        >>> slow = computed(calibrate, data, "person-independent", shuffles=500)
    """
    files = reached([f"import {function.__module__}"])
    # what the data modules give is known by the digest
    code = hashlib.sha256(b"".join(file.read_bytes() for file in files if DATA not in file.parents))
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
