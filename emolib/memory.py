"""What takes long and is not a network of a sweep, computed once."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from emolib.data import EmotionData
from emolib.imports import reached
from emolib.storage import kept

DATA = Path(__file__).parent / "data"
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "baycomp")


def computed(function: Callable[..., Any], data: EmotionData, *arguments: Any, **options: Any) -> Any:
    """``function(data, *arguments, **options)``, or what it gave before: anything that :func:`emolib.packing.pack` takes.

    The key covers the data's digest, the arguments, the versions of the libraries and the source of the function's module with all
    modules of this package that it imports, directly or not; change any of them and it is computed anew. So is what was damaged.

    Example:
        >>> slow = computed(calibrate, data, "person-independent", shuffles=500)
    """
    files = reached([f"import {function.__module__}"])
    # what the data modules give is known by the digest
    code = hashlib.sha256(b"".join(file.read_bytes() for file in files if DATA not in file.parents))
    versions = [f"{library} {version(library)}" for library in LIBRARIES]
    made_of = (function.__module__, function.__qualname__, data.digest, code.hexdigest(), versions, arguments, options)
    name = f"computed/{function.__name__}-{joblib.hash(made_of)}"
    return kept(name, lambda: function(data, *arguments, **options), shared=[data])
