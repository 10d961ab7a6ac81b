"""What takes long and is not a network of a sweep, computed once."""

from collections.abc import Callable
from typing import Any

import joblib

from emolib.data import EmotionData
from emolib.utils.sources import source_digest
from emolib.utils.storage import kept

# What is computed lies in these; a plot edit leaves it alone.
SOURCES = (
    "analysis",
    "data",
    "estimators",
    "folds",
    "metrics",
    "models",
    "paper",
    "pruning",
    "training",
)
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "baycomp")


def computed(
    function: Callable[..., Any], data: EmotionData, *arguments: Any, **options: Any
) -> Any:
    """``function(data, *arguments, **options)``, or what it gave before: anything that
    :func:`emolib.utils.packing.pack` takes.

    The key covers the data's digest, the arguments, the versions of the libraries and the source of all
    rooms in :data:`SOURCES`; change any of them and it is computed anew. So is what was damaged.

    Example:
        >>> slow = computed(calibrate, data, "person-independent", shuffles=500)
    """
    code = source_digest(*SOURCES, libraries=LIBRARIES)
    made_of = (
        function.__module__,
        function.__qualname__,
        data.digest,
        code,
        arguments,
        options,
    )
    name = f"computed/{function.__name__}-{joblib.hash(made_of)}"
    return kept(name, lambda: function(data, *arguments, **options), shared=[data])
