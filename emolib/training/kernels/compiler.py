"""Numba, and where what it compiled is kept."""

import hashlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba
import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba import config, njit
from numba.core.caching import _Cache
from numba.core.codegen import CPUCodegen
from numba.core.compiler import CompileResult
from numba.core.cpu import CPUContext
from numba.core.serialize import dumps
from numba.core.typing.templates import Signature
from numpy.typing import NDArray

from emolib.utils.storage import cache_folder, fetch, keep

Given = ParamSpec("Given")
Result = TypeVar("Result")
# What kernels work on: numbers in the precision of the weights, and row numbers, counts or bits.
Floats = NDArray[np.floating]
Ints = NDArray[np.signedinteger]

# A compiled function holds those that it calls, so each is kept by the source of all kernels.
SOURCE = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()

# By itself LLVM uses half of each 512-bit register, lest the clock slow down; here whole ones are a
# quarter faster.
FEATURES = get_host_cpu_features()
SETTINGS = vars(config)
if FEATURES.get("avx512f") and SETTINGS["CPU_NAME"] is None and SETTINGS["CPU_FEATURES"] is None:
    SETTINGS["CPU_FEATURES"] = f"{FEATURES.flatten()},-prefer-256-bit"


def compiled(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Compiles a function when first called, once a machine; it runs without the interpreter's
    lock.
    """
    made = njit(nogil=True, error_model="numpy")(function)
    made._cache = _Kept(function)  # type: ignore[attr-defined]  # numba's stubs leave out what is private
    return made


class _Kept(_Cache):
    """NumbaEngine code in :func:`~emolib.utils.storage.cache_folder`, a file for each function and
    signature.

    Numba's own cache fails where a file is damaged or the disk full, and mixes up two processes
    that compile one function for different signatures at the same moment.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.name = function.__name__
        code = Path(function.__code__.co_filename).read_bytes()
        self.depends = (
            SOURCE,
            hashlib.sha256(code).hexdigest(),
            numba.__version__,
            sys.version_info[:2],
        )

    def load_overload(self, sig: Signature, target_context: CPUContext) -> CompileResult | None:
        target_context.refresh()
        content = fetch(self._name(sig, target_context.codegen()))
        return (
            None
            if content is None
            else CompileResult._rebuild(target_context, *pickle.loads(content))
        )

    def save_overload(self, sig: Signature, data: CompileResult) -> None:
        keep(self._name(sig, data.codegen), dumps(data._reduce()))

    def _name(self, signature: Signature, codegen: CPUCodegen) -> str:
        depends = repr((self.depends, signature, codegen.magic_tuple()))
        return f"compiled/{self.name}-{hashlib.sha256(depends.encode()).hexdigest()[:32]}"

    @property
    def cache_path(self) -> str:
        return str(cache_folder() / "compiled")

    def enable(self) -> None:
        """Always."""

    def disable(self) -> None:
        """Never."""

    def flush(self) -> None:
        """Nothing waits to be written."""
