"""Compiled training epochs: the arithmetic of :mod:`emolib.models` without a tensor library.

A step of the shallow network is some ten thousand multiplications. A tensor library spends far
longer on being called than on them, so here each network trains in one compiled loop, with its
numbers in the processor's own cache. Shallow networks go side by side, a lane of a vector register
each; a CNN is large enough to fill the registers by itself. None sees another, so a result cannot
depend on what a network was trained beside. Reassociation stays off, multiplications and additions
are fused only where it is written, and the exponential is spelled out: every operation is one that
IEEE 754 fixes to the last bit.

Axes: ``K`` networks, ``N`` rows of the data, ``V`` views (scalings of the inputs), ``S`` splits,
``B`` batch, ``M`` modalities, ``D`` features per modality, ``H`` hidden units, ``C`` classes, ``F``
channels, ``L`` lanes, ``P`` parameters of a network, in the order of
:func:`torch.nn.utils.parameters_to_vector`.

This file has the compiler's settings, and the folder in which Numba keeps the compiled code.
"""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numpy.typing import NDArray

from emolib.utils.cache import cache_folder, source_digest
from emolib.utils.console import say_once

# Numba's own documented settings, where the user has not set them; read when numba is imported.
FOLDER = cache_folder()
if FOLDER is not None:
    os.environ.setdefault("NUMBA_CACHE_DIR", str(FOLDER / "compiled"))
# By itself LLVM uses half of each 512-bit register, lest the clock slow down; here whole ones are a
# quarter faster.
FEATURES = get_host_cpu_features()
if FEATURES.get("avx512f") and "NUMBA_CPU_NAME" not in os.environ:
    os.environ.setdefault("NUMBA_CPU_FEATURES", f"{FEATURES.flatten()},-prefer-256-bit")

import numba  # noqa: E402

numba.config.reload_config()  # where somebody else had imported it before

Given = ParamSpec("Given")
Result = TypeVar("Result")
# What kernels work on: numbers in the precision of the weights, and row numbers, counts or bits.
Floats = NDArray[np.floating]
Ints = NDArray[np.signedinteger]

# Numba keeps a kernel together with the functions that it calls, but looks for changes in its own
# file only. So each is kept under a name with the digest of them all.
DIGEST = source_digest("models", "training.kernels")[:16]
SETTINGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Compiles a part of the kernels when first called, without the interpreter's lock."""
    return cast(Callable[Given, Result], numba.njit(**SETTINGS)(function))


def kernel(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Compiles a function that is called from Python, once per machine and precision.

    Each precision (that of the first argument) has files of its own: Numba mixes up two processes
    that keep one function for different types at the same moment. Files that cannot be read or
    written are removed, and the function is compiled anew (Numba's issue 10434).
    """
    made = {
        kind: _keeping(function, f"{function.__name__}_{kind}_{DIGEST}")
        for kind in ("float32", "float64")
    }

    @wraps(function)
    def call(*arguments: Given.args, **named: Given.kwargs) -> Result:
        kind = str(arguments[0].dtype)  # type: ignore[attr-defined]  # the first one is an array
        try:
            return made[kind](*arguments, **named)
        except Exception as error:  # raised before the function runs; it raises nothing itself
            folder = os.environ.get("NUMBA_CACHE_DIR", os.devnull)
            say_once(f"compiled code in {folder} cannot be used ({error}); it is compiled again")
            for file in Path(folder).rglob(f"*{DIGEST}*"):
                file.unlink(missing_ok=True)
            return made[kind](*arguments, **named)

    return call


def _keeping(function: Callable[..., Result], name: str) -> Callable[..., Result]:
    """A function to be compiled, which numba keeps under a name where it can."""
    function.__qualname__ = name
    keep = bool(os.environ.get("NUMBA_CACHE_DIR"))
    try:
        return cast(Callable[..., Result], numba.njit(cache=keep, **SETTINGS)(function))
    except RuntimeError:  # Numba found no folder that can be written
        return compiled(function)
