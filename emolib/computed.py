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
from emolib.storage import cache_folder

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "baycomp", "statsmodels")


def computed(function: Callable[..., Any], data: EmotionData, *arguments: Any, **options: Any) -> Any:
    """``function(data, *arguments, **options)``, or what it gave before.

    The key covers the data's digest, the arguments, the versions of the libraries and the source of all of this package that
    computes (figures and report apart); change any of them and it is computed anew. A damaged file is not found.

    Example:
        >>> slow = computed(calibrate, data, "person-independent", shuffles=500)
    """
    here = Path(__file__).parent
    code = b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))
    versions = [f"{library} {version(library)}" for library in LIBRARIES]
    made_of = (function.__module__, function.__qualname__, data.digest, hashlib.sha256(code).hexdigest(), versions, arguments, options)
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
