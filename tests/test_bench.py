"""The loops that the descriptors are timed against compute the same; no time is asserted."""

import json
from time import sleep

import numpy as np
import pytest

from emolib import bench
from emolib.bench import __main__ as bench_command
from emolib.bench import descriptors
from emolib.bench.machine import growth
from emolib.data.descriptors import lpq, phog

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 34, 41), dtype=np.uint8)


def test_the_loops_give_what_the_library_gives():
    assert np.abs(descriptors.lpq_loop(IMAGES) - lpq(IMAGES)).max() < 1e-6
    assert np.abs(descriptors.phog_loop(IMAGES) - phog(IMAGES)).max() < 1e-6


def test_the_bench_has_a_row_for_each_descriptor_method_and_size(monkeypatch):
    monkeypatch.setattr(descriptors, "SIZES", {(24, 32): 2})
    rows = descriptors.descriptors_bench(repeats=1)
    assert [(row["descriptor"], row["method"]) for row in rows] == list(descriptors.methods())
    assert all(row["images_per_second"] > 0 and row["height"] == 24 for row in rows)
    assert all(row["times_loop"] == 1 for row in rows if row["method"] == "loop")


def test_the_folder_bench_reads_every_image():
    measured = descriptors.folder_bench(count=21)
    assert measured["images"] == 21 and measured["own_growth_mib"] >= 0


def test_memory_that_is_held_for_a_while_is_seen():
    with growth() as grown:
        held = np.ones(2**23)  # 64 MiB
        sleep(0.2)
        del held
    assert 60 < grown["own_growth_mib"] < 200


def test_a_part_measured_alone_leaves_the_others_as_they_were(tmp_path, monkeypatch, capsys):
    file, before = tmp_path / "bench.json", json.loads(bench.FILE.read_text())
    file.write_text(json.dumps(before))
    monkeypatch.setattr(bench_command, "descriptors_bench", lambda: [{"descriptor": "phog"}])
    monkeypatch.setattr("sys.argv", ["bench", "--only", "descriptors", "--out", str(file)])
    bench_command.main()
    assert json.loads(file.read_text()) == before | {"descriptors": [{"descriptor": "phog"}]}
    monkeypatch.setattr("sys.argv", ["bench", "--only", "descriptor"])
    with pytest.raises(SystemExit):
        bench_command.main()
    assert "no part descriptor; there are" in capsys.readouterr().err
