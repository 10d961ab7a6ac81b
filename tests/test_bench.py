"""The loops that the descriptors are timed against compute the same; no time is asserted."""

import numpy as np

from emolib.bench import descriptors
from emolib.data.features import lpq, phog

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
    assert descriptors.folder_bench(count=21)["images"] == 21
