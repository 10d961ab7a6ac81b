"""Numba, told where to keep what it compiled."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from numba import config, njit

from emolib.storage import cache_folder

# Numba looks at the file of a function alone to see whether it changed, not at those of the functions that it calls:
# so compiled code is kept by the source of all kernels.
SOURCE = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


def compiled(function: Callable) -> Callable:
    """Compiles a function when first called, once a machine; it runs without the interpreter's lock."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder() / "compiled" / SOURCE[:16])
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
