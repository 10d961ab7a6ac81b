"""Where this project keeps what it can make again."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder named by ``EMOLIB_CACHE``, or one of the user's; made when missing."""
    path = Path(os.environ.get("EMOLIB_CACHE") or user_cache_path("emolib"))
    path.mkdir(parents=True, exist_ok=True)
    return path
