"""The machine's cores, shared out among threads and processes: who trains holds one of them while
it does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import joblib
from filelock import FileLock, Timeout

# The environment variable that names a folder with a file for each core; without it nobody waits
# for anybody.
VARIABLE = "EMOLIB_CORES"


def share_out(folder: Path) -> dict[str, str]:
    """Makes a file for each core in ``folder``; returns the variable that tells other processes of
    them.
    """
    folder.mkdir()
    for number in range(joblib.cpu_count()):
        (folder / f"{number}.core").touch()
    return {VARIABLE: str(folder)}


@contextmanager
def core() -> Iterator[None]:
    """Waits until a core is free and holds it, for a block or as a decorator for a function that a
    worker runs.

    A core held by a process that dies is free again. Nothing that holds one may wait for another.

    Chapters that run side by side each train on all cores; this keeps those at work as many as
    there are.
    """
    folder = os.environ.get(VARIABLE)
    if folder is None:
        yield
        return
    locks = [FileLock(file) for file in sorted(Path(folder).glob("*.core"))]
    while True:
        for lock in locks:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield
            finally:
                lock.release()
            return
        sleep(0.02)
