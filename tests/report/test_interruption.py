"""A run killed at any moment goes on from the shards it had done, and ends as an undisturbed one."""

import random
import subprocess
import sys
import time

import numpy as np

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
data = emolib.load()
training.train(data, sweep(network="cnn", modality="PHOG", folds=2))  # loads what was compiled before
print("begins", flush=True)
training.train(data, sweep(network="cnn", seed=range(12), folds=3), cache=Cache(sys.argv[1]), jobs=2)
print("ends", flush=True)
"""


def test_ten_kills_change_nothing(drawn, tmp_path):
    path = tmp_path / "networks.sqlite"
    moments, done = random.Random(0), []
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout.readline() == "begins\n"
        time.sleep(moments.uniform(0, 1.5))
        process.kill()
        process.communicate()
        cache = Cache(path)
        done.append(cache.connection.execute("SELECT count(*) FROM entry").fetchone()[0])
    assert done == sorted(done) and done[-1] > 0  # nothing done is lost

    table = sweep(network="cnn", seed=range(12), folds=3)
    undisturbed, resumed = (
        train(drawn, table, jobs=1),
        train(drawn, table, cache=Cache(path), jobs=1),
    )
    for a, b in zip(undisturbed.results, resumed.results, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)
        np.testing.assert_array_equal(a.weights, b.weights)
