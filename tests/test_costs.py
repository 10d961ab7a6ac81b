"""The bench runs to its end on a small scale and counts steps as they are; no time is asserted."""

import importlib.util
import json

import pytest

import emolib
from emolib.bench import __main__ as bench
from emolib.bench import contenders, machine, recorded
from emolib.models import ShallowNet

ROWS = 48  # that train in a fold of the 60
STEPS = -(-ROWS // contenders.BATCH)


@pytest.mark.parametrize("net", ["shallow", "fusion"])
def test_each_way_tells_the_steps_that_it_took(tiny, net):
    assert len(contenders.lessons(tiny, net)[0]) == ROWS
    for way in (contenders.dataloader, contenders.loop):
        elapsed, steps = way(tiny, net, 3, 0)
        assert steps == STEPS and elapsed > 0  # time is up after the first network
        assert way(tiny, net, 3, 60)[1] == 3 * STEPS
    assert contenders.ours(tiny, net, 3, 2)[1] == 3 * 2 * STEPS
    if net == "shallow":
        assert contenders.sklearn(tiny, net, 2, 60)[1] == 2 * 5 * STEPS


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_jax_tells_whole_epochs(tiny):
    from emolib.bench.in_jax import vmap_scan

    elapsed, steps = vmap_scan(tiny, "shallow", 2, 0.01)
    assert steps > 0 and steps % (2 * (ROWS // contenders.BATCH)) == 0 and elapsed > 0


def test_the_whole_bench(tiny, tmp_path, monkeypatch, capsys):
    apart = {"compiling": 1.5, "memory": 99.0, "folder": {"images": 7, "images_per_second": 3.5}}
    monkeypatch.setattr(bench, "apart", lambda what, *_: apart[what])
    monkeypatch.setattr(
        bench, "descriptors_bench", lambda: [{"descriptor": "lpq", "images_per_second": 2.0}]
    )
    monkeypatch.setattr(bench, "NETWORKS", (1, 2))
    monkeypatch.setattr(bench, "FEW", 1)
    monkeypatch.setattr(
        machine, "_rate", lambda work, amount, seconds: work() is None or float(amount)
    )
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(
        "sys.argv",
        ["emolib.bench", "--out", str(tmp_path / "new" / "bench.json"), "--seconds", "0.01"],
    )
    bench.main()
    found = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert set(found) == set(recorded())
    ways = {(row["net"], row["method"], row["networks"]) for row in found["rows"]}
    expected = {
        (net, way, n)
        for net in contenders.NETS
        for way in contenders.WAYS
        for n in (1, 2)
        if way != "sklearn" or net == "shallow"
    }
    assert expected <= ways and {way for _, way, _ in ways - expected} <= {"jax"}
    assert all(row["microseconds_per_net_step"] > 0 for row in found["rows"])
    assert [row["networks"] for row in found["memory"]] == list(bench.MEMORY)
    said = capsys.readouterr().out
    assert "fusion" in said and said.endswith("bench.json\n")


def test_what_is_measured_apart_is_a_process_of_its_own():
    held = bench.apart("memory", 5)
    assert 100 < held < 4096


def test_compiling_is_what_the_first_networks_take_longer(tiny, monkeypatch):
    clock = iter([0.0, 7.0, 10.0, 12.0])
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(bench, "perf_counter", lambda: next(clock))
    assert bench.compiling() == 7.0 - 2.0


def test_the_work_of_a_step_by_hand():
    net = ShallowNet(hidden=16, features=5, classes=7)
    weights, parameters = 5 * 16 + 16 * 7, 5 * 16 + 16 + 16 * 7 + 7
    assert machine.flop(net, 10) == 3 * 2 * 10 * weights + 12 * parameters
    assert machine.traffic(net) == 3 * 2 * 4 * parameters
    assert machine.product_speed(32, 0.01) > 0 and machine.copy_speed(1024, 0.01) > 0
    assert "cores" in machine.name()
