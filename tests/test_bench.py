"""The bench on a small scale: steps are counted as they are, and the file has the parts that the
report reads; no time is asserted.
"""

from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from math import inf

import numpy as np
import pytest

import emolib
from emolib import bench
from emolib.training import sweeps
from emolib.training.cluster import CLUSTER

ROWS = 48  # that train in a fold of the 60
STEPS = -(-ROWS // bench.BATCH)


@pytest.fixture
def seen(tiny):
    """As the faces of the bench: with images."""
    images = np.random.default_rng(1).normal(size=(60, 32 * 32)).astype(np.float32)
    unread = {"image": tiny.features["LPQ"]}
    return replace(tiny, features=tiny.features | unread, descriptors={"image": images})


@pytest.mark.parametrize(("net", "epochs"), [("shallow", 200), ("fusion", 10), ("image", 10)])
def test_each_way_counts_its_steps(seen, net, epochs):
    tiny = seen
    assert len(bench.lessons(tiny, net)[0]) == ROWS
    for method in ("dataloader", "loop"):
        assert list(bench.WAYS[method](tiny, net, 3)) == [0, STEPS, STEPS, STEPS]
    for networks in (1, 3):  # the same number of epochs at every count, however often
        steps = networks * epochs * STEPS
        assert list(islice(bench.ours(tiny, net, networks), 3)) == [0, steps, steps]
    if net == "shallow":
        assert list(bench.sklearn(tiny, net, 2)) == [0, 5 * STEPS, 5 * STEPS]


@pytest.mark.parametrize(("seconds", "steps"), [(0, 3), (inf, 3 + 4)])
def test_steps_count_from_when_all_is_ready_until_time_is_up(monkeypatch, seconds, steps):
    monkeypatch.setattr(bench, "SECONDS", seconds)
    assert bench.timed(iter([0, 3, 4]))[1] == steps


def test_the_whole_bench(tiny, seen, tmp_path, monkeypatch, capsys):
    apart = {bench.compiling: 1.5, bench.memory: 99.0, bench.splits: {"seconds": 20.0}}
    apart[bench.cluster] = {"workers": 2, "milliseconds_per_shard": 3.0}
    recorded = bench.recorded()
    monkeypatch.setattr(bench, "apart", lambda function, *_: apart[function])
    monkeypatch.setattr(bench, "faces", lambda: seen)
    monkeypatch.setattr(bench, "NETWORKS", (1, 2))
    monkeypatch.setattr(bench, "IMAGE_NETWORKS", (1,))
    monkeypatch.setattr(bench, "SECONDS", 0.01)
    monkeypatch.setattr(bench, "rate", lambda work, amount: float(amount))
    monkeypatch.setattr(bench, "FILE", tmp_path / "bench.json")
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    bench.main()
    found = bench.recorded()
    assert set(found) >= set(recorded)
    networks = {
        (net, method, count)
        for net in bench.NETS
        for method in bench.WAYS
        for count in (1, 2)
        if method != "sklearn" or net == "shallow"
    }
    assert {(row["net"], row["method"], row["networks"]) for row in found["rows"]} == (
        networks | {("image", "loop", 1), ("image", "ours", 1)}
    )
    assert all(row["microseconds_per_net_step"] > 0 for row in found["rows"])
    assert [row["networks"] for row in found["memory"]] == list(bench.MEMORY)
    for part in ("rows", "memory"):
        assert set(found[part][0]) == set(recorded[part][0])
    assert found["splits"] == apart[bench.splits]
    if find_spec("distributed"):
        assert found["cluster"] == [apart[bench.cluster]] * len(bench.WORKERS)
    said = capsys.readouterr().out
    assert "fusion" in said and said.endswith("bench.json\n")


def test_a_part_apart_is_a_process_of_its_own():
    assert 50 < bench.apart(bench.memory, 1) < 4096  # MiB


def test_compiling_is_the_extra_time_of_the_first_networks(seen, monkeypatch):
    trained = []
    monkeypatch.setattr(bench, "faces", lambda: seen)
    monkeypatch.setattr(emolib, "train", lambda data, table: trained.extend(table["network"]))
    monkeypatch.setattr(bench.Timer, "repeat", lambda timer, *_: (timer.timeit(1), 10.0, 2.0)[1:])
    assert bench.compiling() == 10.0 - 2.0
    assert trained == ["shallow", "cnn", "cnn", "cnn", "cnn 2-D"]


def test_the_bench_looks_at_the_drawn_faces(drawn):
    faces = bench.faces()
    assert list(faces.descriptors) == ["image"] and len(faces) == len(drawn)
    np.testing.assert_allclose(faces.descriptors["image"].mean(1), 0, atol=1e-6)
    np.testing.assert_array_equal(faces.features["LPQ"], drawn.features["LPQ"])


def test_splits_are_as_many_as_networks(drawn, monkeypatch):
    tables = []
    monkeypatch.setattr(emolib, "train", lambda data, table: tables.append(table))
    found = bench.splits(50)
    assert found["networks"] == 50 and found["seconds"] > 0
    (table,) = tables
    assert len(table) == len(table[["seed", "fold"]].drop_duplicates()) == 50


def test_a_cluster_costs_time_and_bytes(tiny, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(bench.training, "SECONDS", 0)  # set by the bench, as is the variable
    monkeypatch.setenv(CLUSTER, "")
    started, local = [], distributed.LocalCluster
    monkeypatch.setattr(
        distributed, "LocalCluster", lambda **given: started.append(given) or local(**given)
    )
    sweep = emolib.sweep
    monkeypatch.setattr(emolib, "sweep", lambda seed, **rest: sweep(seed=seed[:26], **rest))
    found = bench.cluster(1)
    assert found["workers"] == 1 == started[0]["n_workers"]
    assert found["bytes_of_data"] > sum(part.nbytes for part in tiny.features.values())
    net = sweeps.build(bench.row("phog"), tiny)
    assert found["bytes_back"] > 4 * sum(part.numel() for part in net.parameters())
    assert found["bytes_there"] > len("".join(bench.row("phog")))  # the names of the columns


def test_the_work_of_a_step_by_hand():
    net = emolib.ShallowNet(hidden=16, features=5, classes=7)
    weights, parameters = 5 * 16 + 16 * 7, 5 * 16 + 16 + 16 * 7 + 7
    work = {"flop": 3 * 2 * 10 * weights + 12 * parameters, "bytes": 3 * 2 * 4 * parameters}
    assert bench.work(net) == work == bench.recorded()["steps"]["shallow"]


def test_a_rate_is_the_work_done_per_second(monkeypatch):
    monkeypatch.setattr(bench.Timer, "autorange", lambda _: (4, 9.0))  # runs, seconds
    monkeypatch.setattr(bench.Timer, "repeat", lambda _, times, runs: [2.0 + runs, 2.0 * runs / 4])
    assert bench.rate(lambda: None, 10) == 4 * 10 / 2.0
