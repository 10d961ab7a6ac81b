"""A real Dask scheduler and worker processes: results do not depend on where a shard ran or on a
worker's death, and whatever is wrong with a cluster is said in one sentence.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from time import sleep
from types import SimpleNamespace

import numpy as np
import pytest

import emolib
from emolib.data import EmotionData
from emolib.training import cluster
from emolib.training import train as training
from emolib.training.cache import Cache
from emolib.training.sweeps import sweep
from emolib.training.train import train

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
# closing a client may come a moment before its last message is read
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@contextmanager
def running(*command, **environment):
    """A process of Dask in the midst of the block."""
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            f"distributed.cli.{command[0]}",
            *command[1:],
            "--no-dashboard",
        ],
        env=os.environ | environment,
        **quiet,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def scheduling(deaths=3):
    """A scheduler in the midst of the block, which forgives a shard so many deaths of workers;
    gives its process and address.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    forgiving = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(deaths)}
    with (
        running("dask_scheduler", "--host", address, "--no-show", **forgiving) as process,
        distributed.Client(address, timeout=60),
    ):
        yield process, address


@contextmanager
def working(address, count, *options, **environment):
    """So many workers and no others in the midst of the block; gives their processes."""
    if count == 0:
        with distributed.Client(address, timeout=60) as client:
            while client.ncores():  # of an earlier test
                sleep(0.05)
        yield []
        return
    command = ["dask_worker", address, "--nthreads", "1", "--no-nanny", *options]
    with (
        working(address, 0),
        ExitStack() as processes,
        distributed.Client(address, timeout=60) as client,
    ):
        started = [processes.enter_context(running(*command, **environment)) for _ in range(count)]
        client.wait_for_workers(count, timeout=120)
        yield started


@pytest.fixture(scope="module")
def scheduler():
    with scheduling() as (_, address):
        yield address


@pytest.fixture
def there(scheduler, monkeypatch):
    """The scheduler's address, to which this process sends its shards: fourteen of them."""
    monkeypatch.setattr(training, "SECONDS", 1e-3)
    monkeypatch.setattr(cluster, "ABSENCE", 2.0)
    monkeypatch.setenv(cluster.CLUSTER, scheduler)
    return scheduler


@pytest.fixture
def table(tiny):
    return sweep(modality=tiny.modalities, seed=range(150), folds=3)


def when_a_shard_is_done(monkeypatch, do):
    """Something happens when a shard is done: a progress bar that shows none."""

    @contextmanager
    def bar(**shown):
        yield SimpleNamespace(update=lambda n: do())

    monkeypatch.setattr(training, "tqdm", bar)


def test_two_workers_give_what_one_process_gives_also_when_one_of_them_dies(
    tiny, there, table, monkeypatch
):
    with monkeypatch.context() as alone:
        alone.delenv(cluster.CLUSTER)
        expected = train(tiny, table, jobs=1)
    pickled, shards = [], []
    monkeypatch.setattr(
        EmotionData, "__getstate__", lambda data: pickled.append(data) or vars(data), raising=False
    )
    with working(there, 2) as workers:
        when_a_shard_is_done(monkeypatch, lambda: shards.append(workers[0].kill()))
        found = train(tiny, table)
        assert workers[0].wait() != 0
    for a, b in zip(expected.results, found.results, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)
    assert len(pickled) < len(shards) / 3  # the data travel once, however many shards


def test_networks_that_end_their_workers_are_given_up(tiny, there, table, tmp_path, monkeypatch):
    deadly = tmp_path / "deadly.py"
    deadly.write_text(
        "import os\nfrom emolib.training import train\ntrain.train_stack = lambda *_: os._exit(9)\n"
    )
    with scheduling(deaths=0) as (_, address), working(address, 1, "--preload", str(deadly)):
        monkeypatch.setenv(cluster.CLUSTER, address)
        with pytest.raises(ValueError, match="the same networks ended 1 workers"):
            train(tiny, table)


def test_shards_that_were_done_are_kept_when_the_last_worker_dies(
    tiny, there, table, tmp_path, monkeypatch
):
    cache = Cache(tmp_path / "kept.sqlite")
    kept = []
    uncompiled = {"NUMBA_CACHE_DIR": str(tmp_path)}  # the worker compiles what it lacks
    with monkeypatch.context() as patch, working(there, 1, **uncompiled) as workers:
        when_a_shard_is_done(patch, lambda: kept.append(workers[0].kill()))
        with pytest.raises(ValueError, match="has no worker, or lost all it had; networks trained"):
            train(tiny, table, cache=cache)
    monkeypatch.delenv(cluster.CLUSTER)
    rest, once = [], training.train_stack
    monkeypatch.setattr(
        training, "train_stack", lambda data, rows, *_: rest.extend(rows) or once(data, rows, *_)
    )
    train(tiny, table, cache=cache, jobs=1)
    assert kept and 0 < len(rest) < len(table) and list(tmp_path.rglob("*.nbc"))


def other(package):
    """Another version of emolib."""
    shutil.copytree(Path(emolib.__file__).parent, package)
    with (package / "pruning.py").open("a") as file:
        file.write("# changed\n")


def without(package):
    """Something of that name that cannot be imported."""
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (other, r"has emolib with digest \w{8}, this one \w{8}; all need the same environment"),
        (without, "one of its workers has no emolib, or another version"),
    ],
)
def test_a_worker_of_another_version_is_named(tiny, there, table, tmp_path, make, sentence):
    make(tmp_path / "emolib")
    with (
        working(there, 1, PYTHONPATH=str(tmp_path)),
        pytest.raises(ValueError, match=sentence),
    ):
        train(tiny, table)


@pytest.mark.parametrize("name", list(training.versions()))
def test_a_worker_that_came_later_is_compared_as_well(name):
    versions = training.versions() | {name: "0"}
    with pytest.raises(ValueError, match=f"has {re.escape(name)} .*, this one 0;"):
        cluster.checked(training.versions, versions)


def test_a_scheduler_without_workers_is_named(tiny, there, table):
    with (
        working(there, 0),
        pytest.raises(ValueError, match=f"scheduler at {there} has no worker"),
    ):
        train(tiny, table)


def test_a_scheduler_that_goes_is_named(tiny, there, table, capfd, monkeypatch):
    with scheduling() as (process, address), working(address, 1):
        monkeypatch.setenv(cluster.CLUSTER, address)
        when_a_shard_is_done(monkeypatch, process.kill)
        with pytest.raises(ValueError, match=f"scheduler at {address} no longer answers"):
            train(tiny, table)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:x", "http://x", "nonsense"])
def test_a_scheduler_that_is_not_there_is_named(tiny, table, capfd, monkeypatch, address):
    monkeypatch.setattr(cluster, "ANSWER", 1.0)
    monkeypatch.setenv(cluster.CLUSTER, address)
    with pytest.raises(ValueError, match=f"no Dask scheduler answers at {address}"):
        train(tiny, table)
    assert capfd.readouterr() == ("", "")


def test_a_web_server_is_no_scheduler(tiny, table, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with server.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv(cluster.CLUSTER, address)
        with pytest.raises(ValueError, match=f"no Dask scheduler answers at {address}"):
            train(tiny, table)
