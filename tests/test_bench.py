"""The bench on a small scale: steps are counted as they are, the loops compute the library's
numbers, and the file has the parts that the report reads; no time is asserted.
"""

import json
import sys

import numpy as np
import pytest

import emolib
from emolib import bench
from emolib.bench import __main__ as command
from emolib.bench import contenders
from emolib.models import ShallowNet

ROWS = 48  # that train in a fold of the 60
STEPS = -(-ROWS // contenders.BATCH)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 34, 41), dtype=np.uint8)


@pytest.mark.parametrize("net", ["shallow", "fusion"])
def test_each_way_counts_its_steps(tiny, net):
    assert len(contenders.lessons(tiny, net)[0]) == ROWS
    for method in ("dataloader", "loop"):
        way = contenders.WAYS[method]
        assert way(tiny, net, 3, 0)[1] == STEPS  # time is up after the first network
        assert way(tiny, net, 3, np.inf)[1] == 3 * STEPS
    assert contenders.ours(tiny, net, 3, 2)[1] == 3 * 2 * STEPS
    if net == "shallow":
        assert contenders.sklearn(tiny, net, 2, np.inf)[1] == 2 * 5 * STEPS


def test_jax_takes_whole_batches(tiny):
    pytest.importorskip("jax")
    for net in ("shallow", "fusion"):
        steps = contenders.jax(tiny, net, 2, 0.01)[1]
        assert steps > 0 and steps % (2 * (ROWS // contenders.BATCH)) == 0


def test_the_loops_return_the_library_s_numbers():
    lpq, phog = (contenders.DESCRIPTORS[name, "ours"] for name in ("lpq", "phog"))
    assert np.abs(contenders.lpq_loop(IMAGES) - lpq(IMAGES)).max() < 1e-6
    assert np.abs(contenders.phog_loop(IMAGES) - phog(IMAGES)).max() < 1e-6


def test_the_bench_has_a_row_per_descriptor_method_and_size(monkeypatch):
    monkeypatch.setattr(command, "SIZES", {(24, 32): 2})
    rows = list(command.descriptors(repeats=1))
    assert [(row["descriptor"], row["method"]) for row in rows] == list(contenders.DESCRIPTORS)
    assert all(row["images_per_second"] > 0 and row["height"] == 24 for row in rows)
    assert all(row["times_loop"] == 1 for row in rows if row["method"] == "loop")


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["emolib.bench", *arguments])
    command.main()


def test_the_whole_bench(tiny, tmp_path, monkeypatch, capsys):
    apart = {"compiling": 1.5, "memory": 99.0, "folder": {"images": 7, "images_per_second": 3.5}}
    monkeypatch.setattr(command, "apart", lambda name, *_: apart[name])
    monkeypatch.setattr(command, "descriptors", lambda: [{"descriptor": "lpq"}])
    monkeypatch.setattr(command, "NETWORKS", (1, 2))
    monkeypatch.setattr(command, "FEW", 1)
    monkeypatch.setattr(command, "rate", lambda work, amount: float(amount))
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    file = tmp_path / "new" / "bench.json"
    run(monkeypatch, "--out", str(file), "--seconds", "0.01")
    found = json.loads(file.read_text())
    assert set(found) == set(bench.recorded())
    assert {(row["net"], row["method"], row["networks"]) for row in found["rows"]} == {
        (net, method, count)
        for net in contenders.NETS
        for method in contenders.WAYS
        for count in (1, 2)
        if method != "sklearn" or net == "shallow"
    }
    assert all(row["microseconds_per_net_step"] > 0 for row in found["rows"])
    assert [row["networks"] for row in found["memory"]] == list(command.MEMORY)
    said = capsys.readouterr().out
    assert "fusion" in said and said.endswith("bench.json\n")


def test_a_part_measured_alone_leaves_the_others_as_they_were(tmp_path, monkeypatch, capsys):
    file, before = tmp_path / "bench.json", bench.recorded()
    file.write_text(json.dumps(before))
    monkeypatch.setattr(command, "descriptors", lambda: [{"descriptor": "phog"}])
    run(monkeypatch, "--only", "descriptors", "--out", str(file))
    assert json.loads(file.read_text()) == before | {"descriptors": [{"descriptor": "phog"}]}
    with pytest.raises(SystemExit):
        run(monkeypatch, "--only", "descriptor")
    assert "invalid choice: 'descriptor'" in capsys.readouterr().err


def test_a_part_apart_is_a_process_of_its_own():
    measured = command.apart("folder", 21)
    assert measured["images"] == 21 and 0 <= measured["own_growth_mib"] < 2048
    assert "emolib.bench.__main__" in sys.modules  # here it is imported, there it is run


def test_compiling_is_the_extra_time_of_the_first_networks(tiny, monkeypatch):
    clock = iter([0.0, 7.0, 10.0, 12.0])
    monkeypatch.setattr(emolib, "load", lambda: tiny)
    monkeypatch.setattr(contenders, "ours", lambda *_: None)
    monkeypatch.setattr(command, "perf_counter", lambda: next(clock))
    assert command.compiling() == 7.0 - 2.0


def test_the_work_of_a_step_by_hand():
    net = ShallowNet(hidden=16, features=5, classes=7)
    weights, parameters = 5 * 16 + 16 * 7, 5 * 16 + 16 + 16 * 7 + 7
    assert command.flop(net) == 3 * 2 * 10 * weights + 12 * parameters
    assert command.traffic(net) == 3 * 2 * 4 * parameters
    recorded = bench.recorded()["steps"]["shallow"]
    assert recorded == {"flop": command.flop(net), "bytes": command.traffic(net)}


def test_a_rate_is_the_work_done_per_second(monkeypatch):
    clock = iter([0.0, 0.2, 0.4, 1.5, 2.0])  # begun, three looks, and the end
    monkeypatch.setattr(command, "perf_counter", lambda: next(clock))
    assert command.rate(lambda: None, 10) == 2 * 10 / 2.0
