"""Numba, told where to keep what it compiled."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from llvmlite.binding import get_host_cpu_features
from numba import config, njit

from emolib.storage import cache_folder

# Numba looks at the file of a function alone to see whether it changed, not at those of the functions that it calls:
# so compiled code is kept by the source of all kernels.
SOURCE = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()

# By itself LLVM uses half of each 512-bit register, lest the clock slow down; here whole ones are a quarter faster.
FEATURES = get_host_cpu_features()
if FEATURES.get("avx512f") and config.CPU_NAME is None and config.CPU_FEATURES is None:
    config.CPU_FEATURES = f"{FEATURES.flatten()},-prefer-256-bit"


def compiled(function: Callable) -> Callable:
    """Compiles a function when first called, once a machine; it runs without the interpreter's lock."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder() / "compiled" / SOURCE[:16])
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
