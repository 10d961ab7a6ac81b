"""The bench on a small scale: steps are counted as they are, and the file has the parts that the
report reads; no time is asserted.
"""

from itertools import islice
from math import inf

import pytest

import emolib
from emolib import bench

ROWS = 48  # that train in a fold of the 60
STEPS = -(-ROWS // bench.BATCH)


@pytest.mark.parametrize(("net", "epochs"), [("shallow", 200), ("fusion", 30)])
def test_each_way_counts_its_steps(tiny, net, epochs):
    assert len(bench.lessons(tiny, net)[0]) == ROWS
    for method in ("dataloader", "loop"):
        assert list(bench.WAYS[method](tiny, net, 3)) == [0, STEPS, STEPS, STEPS]
    assert list(bench.ours(tiny, net, 3)) == [0, 3 * epochs * STEPS]
    if net == "shallow":
        assert list(bench.sklearn(tiny, net, 2)) == [0, 5 * STEPS, 5 * STEPS]


@pytest.mark.parametrize("net", ["shallow", "fusion"])
def test_jax_takes_whole_batches(tiny, net):
    pytest.importorskip("jax")
    steps = 2 * (ROWS // bench.BATCH)
    assert list(islice(bench.jax(tiny, net, 2), 3)) == [0, steps, steps]


@pytest.mark.parametrize(("seconds", "steps"), [(0, 3), (inf, 3 + 4)])
def test_steps_count_from_when_all_is_ready_until_time_is_up(monkeypatch, seconds, steps):
    monkeypatch.setattr(bench, "SECONDS", seconds)
    assert bench.timed(iter([0, 3, 4]))[1] == steps


def test_the_whole_bench(tiny, tmp_path, monkeypatch, capsys):
    apart = {bench.compiling: 1.5, bench.memory: 99.0}
    recorded = bench.recorded()
    monkeypatch.setattr(bench, "apart", lambda function, *_: apart[function])
    monkeypatch.setattr(bench, "NETWORKS", (1, 2))
    monkeypatch.setattr(bench, "FEW", 1)
    monkeypatch.setattr(bench, "SECONDS", 0.01)
    monkeypatch.setattr(bench, "rate", lambda work, amount: float(amount))
    monkeypatch.setattr(bench, "FILE", tmp_path / "bench.json")
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    bench.main()
    found = bench.recorded()
    assert set(found) == set(recorded)
    assert {(row["net"], row["method"], row["networks"]) for row in found["rows"]} == {
        (net, method, count)
        for net in bench.NETS
        for method in bench.WAYS
        for count in (1, 2)
        if method != "sklearn" or net == "shallow"
    }
    assert all(row["microseconds_per_net_step"] > 0 for row in found["rows"])
    assert [row["networks"] for row in found["memory"]] == list(bench.MEMORY)
    for part in ("rows", "memory"):
        assert set(found[part][0]) == set(recorded[part][0])
    said = capsys.readouterr().out
    assert "fusion" in said and said.endswith("bench.json\n")


def test_a_part_apart_is_a_process_of_its_own():
    assert 50 < bench.apart(bench.memory, 1) < 4096  # MiB


def test_compiling_is_the_extra_time_of_the_first_networks(tiny, monkeypatch):
    seconds = iter([7.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5])
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(bench, "timed", lambda _: (next(seconds), 1))
    assert bench.compiling() == 10.0 - 2.0


def test_the_work_of_a_step_by_hand():
    net = emolib.ShallowNet(hidden=16, features=5, classes=7)
    weights, parameters = 5 * 16 + 16 * 7, 5 * 16 + 16 + 16 * 7 + 7
    work = {"flop": 3 * 2 * 10 * weights + 12 * parameters, "bytes": 3 * 2 * 4 * parameters}
    assert bench.work(net) == work == bench.recorded()["steps"]["shallow"]


def test_a_rate_is_the_work_done_per_second(monkeypatch):
    monkeypatch.setattr(bench.Timer, "autorange", lambda _: (4, 2.0))  # runs, seconds
    assert bench.rate(lambda: None, 10) == 4 * 10 / 2.0
