"""The bench on a small scale: steps are counted as they are, the loops compute the library's
numbers, and the file has the parts that the report reads; no time is asserted.
"""

import numpy as np
import pytest

import emolib
from emolib import bench
from emolib.models import ShallowNet

ROWS = 48  # that train in a fold of the 60
STEPS = -(-ROWS // bench.BATCH)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 34, 41), dtype=np.uint8)


@pytest.mark.parametrize("net", ["shallow", "fusion"])
def test_each_way_counts_its_steps(tiny, net):
    assert len(bench.lessons(tiny, net)[0]) == ROWS
    for method in ("dataloader", "loop"):
        way = bench.WAYS[method]
        assert way(tiny, net, 3, 0)[1] == STEPS  # time is up after the first network
        assert way(tiny, net, 3, np.inf)[1] == 3 * STEPS
    assert bench.ours(tiny, net, 3, 2)[1] == 3 * 2 * STEPS
    if net == "shallow":
        assert bench.sklearn(tiny, net, 2, np.inf)[1] == 2 * 5 * STEPS


def test_jax_takes_whole_batches(tiny):
    pytest.importorskip("jax")
    for net in ("shallow", "fusion"):
        steps = bench.jax(tiny, net, 2, 0.01)[1]
        assert steps > 0 and steps % (2 * (ROWS // bench.BATCH)) == 0


def test_the_loops_return_the_library_s_numbers():
    for descriptor in ("lpq", "phog"):
        ours, loop = (bench.DESCRIPTORS[descriptor, method] for method in ("ours", "loop"))
        assert np.abs(loop(IMAGES) - ours(IMAGES)).max() < 1e-6


def test_the_bench_has_a_row_per_descriptor_method_and_size(monkeypatch):
    monkeypatch.setattr(bench, "SIZES", {(24, 32): 2})
    rows = list(bench.descriptors())
    assert [(row["descriptor"], row["method"]) for row in rows] == list(bench.DESCRIPTORS)
    assert all(row["images_per_second"] > 0 and row["height"] == 24 for row in rows)
    assert all(row["times_loop"] == 1 for row in rows if row["method"] == "loop")


def test_the_whole_bench(tiny, tmp_path, monkeypatch, capsys):
    folder = {"images": 7, "images_per_second": 3.5}
    apart = {bench.compiling: 1.5, bench.memory: 99.0, bench.folder: folder}
    recorded = bench.recorded()
    monkeypatch.setattr(bench, "apart", lambda function, *_: apart[function])
    monkeypatch.setattr(bench, "descriptors", lambda: [{"descriptor": "lpq"}])
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
    said = capsys.readouterr().out
    assert "fusion" in said and said.endswith("bench.json\n")


def test_a_part_apart_is_a_process_of_its_own():
    measured = bench.apart(bench.folder, 21)
    assert measured["images"] == 21 and 0 <= measured["own_growth_mib"] < 2048


def test_compiling_is_the_extra_time_of_the_first_networks(tiny, monkeypatch):
    seconds = iter([7.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5])
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(bench, "ours", lambda *_: (next(seconds), 1))
    assert bench.compiling() == 10.0 - 2.0


def test_the_work_of_a_step_by_hand():
    net = ShallowNet(hidden=16, features=5, classes=7)
    weights, parameters = 5 * 16 + 16 * 7, 5 * 16 + 16 + 16 * 7 + 7
    work = {"flop": 3 * 2 * 10 * weights + 12 * parameters, "bytes": 3 * 2 * 4 * parameters}
    assert bench.work(net) == work == bench.recorded()["steps"]["shallow"]


def test_a_rate_is_the_work_done_per_second(monkeypatch):
    clock = iter([0.0, 0.2, 0.4, 1.5, 2.0])  # begun, three looks, and the end
    monkeypatch.setattr(bench, "perf_counter", lambda: next(clock))
    assert bench.rate(lambda: None, 10) == 2 * 10 / 2.0
