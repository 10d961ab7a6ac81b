"""A progress bar for a long step, none in a chapter that a build runs."""

from typing import Any

from tqdm.auto import tqdm


def track(total: int, label: str) -> "tqdm[Any]":
    """A bar that shows the progress of the body; call ``.update(n)`` on it.

    Args:
        total: how many units long the body is.
        label: what the body does, for the reader.

    Example:
        >>> with track(3, "training") as progress:
        ...     for _ in range(3):
        ...         progress.update(1)
    """
    return tqdm(total=total, desc=label, leave=False, delay=0.2)  # none for what is over at once
