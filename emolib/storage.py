"""Where this project keeps what it can make again."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder named by ``EMOLIB_CACHE``, or one of the user's; made when missing."""
    path = Path(os.environ.get("EMOLIB_CACHE") or user_cache_path("emolib"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array of this name in :func:`cache_folder`; made when missing."""
    path = cache_folder() / f"{name}.npy"
    if not path.exists():
        # written aside and renamed, so that nobody ever reads half a file
        with NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as aside:
            np.save(aside, make(), allow_pickle=False)
        os.replace(aside.name, path)
    return np.load(path, allow_pickle=False)
