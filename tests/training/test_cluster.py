"""A real Dask scheduler and two worker processes: results do not depend on where a shard ran, or on
a worker's death.
"""

import socket
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from emolib.training import train as training
from emolib.training.sweeps import sweep
from emolib.training.train import train

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
# closing a client may come a moment before its last message is read
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def cluster(monkeypatch):
    """A scheduler and two workers, a process each; gives the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = [sys.executable, "-m"]
    scheduler = ["distributed.cli.dask_scheduler", "--host", address, "--no-dashboard", "--no-show"]
    worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    commands = [scheduler, *[[*worker, "--no-dashboard"]] * 2]
    processes = [subprocess.Popen(run + command, **quiet) for command in commands]
    try:
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv(training.CLUSTER, address)
        yield processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_two_workers_give_what_one_process_gives_also_when_one_of_them_dies(
    tiny, cluster, monkeypatch
):
    workers = cluster
    monkeypatch.setattr(training, "SECONDS", 0.05)  # many shards
    table = sweep(modality=tiny.modalities, seed=range(30), folds=3)
    with monkeypatch.context() as alone:
        alone.delenv(training.CLUSTER)
        expected = train(tiny, table, jobs=1)

    @contextmanager
    def killing(**shown):
        """As :func:`tqdm`, but a worker dies when the first shard is done."""
        yield SimpleNamespace(update=lambda n: workers[0].kill())

    monkeypatch.setattr(training, "tqdm", killing)
    found = train(tiny, table)
    assert workers[0].wait() != 0
    for a, b in zip(expected.results, found.results, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)


def test_a_scheduler_that_is_not_there_is_named(tiny, monkeypatch):
    monkeypatch.setenv(training.CLUSTER, "tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        train(tiny, sweep(modality=tiny.modalities[0], folds=3))
