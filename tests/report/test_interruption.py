"""A run killed at any moment goes on from the shards it had done, and ends as an undisturbed one."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

import emolib
from emolib.training.cache import Cache
from emolib.training.sweeps import sweep
from emolib.training.train import train

RUN = """
import sys
import emolib
from emolib.training import train as training
from emolib.training.cache import Cache
from emolib.training.sweeps import sweep

training.SECONDS = 0.1
table = sweep(network="cnn", seed=range(12), folds=3)
training.train(emolib.load(), table, cache=Cache(sys.argv[1]), jobs=2)
"""


def kept(path: Path) -> int:
    """How many results the cache holds."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        tables = list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        counts = [connection.execute(f"SELECT count(*) FROM {name}") for (name,) in tables]
        return sum(count.fetchone()[0] for count in counts)


def test_kills_change_nothing(drawn, tmp_path):
    path, done = tmp_path / "networks.sqlite", [0]
    own = os.environ | {"PYTHONPATH": str(Path(emolib.__file__).parents[1])}
    command = [sys.executable, "-c", RUN, str(path)]
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=own)
        while process.poll() is None and kept(path) == done[-1]:
            time.sleep(0.02)
        process.kill()
        process.wait()
        done.append(kept(path))
    assert done == sorted(done) and done[-1] > 0  # nothing done is lost

    table = sweep(network="cnn", seed=range(12), folds=3)
    cache = Cache(path)
    undisturbed, resumed = train(drawn, table, jobs=1), train(drawn, table, cache=cache, jobs=1)
    for a, b in zip(undisturbed.results, resumed.results, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)
        np.testing.assert_array_equal(a.weights, b.weights)
