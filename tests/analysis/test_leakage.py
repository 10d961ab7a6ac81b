"""Near-duplicates where they were planted, and none where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.analysis.leakage import clips, near_duplicates


def test_planted_twins_are_counted(tiny):
    assert near_duplicates(tiny)["rows with a near-duplicate of the same person"] <= 2
    for modality in tiny.modalities:
        tiny.features[modality][1] = tiny.features[modality][0]  # of one person, of another emotion
        tiny.features[modality][13] = tiny.features[modality][10]  # of one person and one emotion
    found = near_duplicates(tiny)
    assert found["rows with a near-duplicate of the same person"] == pytest.approx(4, abs=2)
    assert found["near-duplicate has the same emotion"] == pytest.approx(0.5, abs=0.25)


def test_neighbours_by_hand(tiny):
    """Two persons, each in a corner of its own: a row's nearest neighbour is the person, its
    nearest stranger is not.
    """
    groups = np.repeat(["a", "b"], 30)
    corner = np.where(groups == "a", 0.0, 1.0)[:, None]
    noise = np.random.default_rng(0).normal(size=(60, 5)) * 0.01
    data = replace(
        tiny,
        groups=groups,
        labels=np.repeat([0, 1], 30),
        features={m: (corner + noise).astype(np.float32) for m in tiny.modalities},
    )
    found = near_duplicates(data)
    assert (
        found["nearest neighbour is the same person"]
        == found["nearest neighbour has the same emotion"]
        == 1
    )
    assert found["nearest stranger has the same emotion"] == 0


def test_a_clip_is_a_name_without_its_last_number(tiny):
    names = np.array(
        [f"Film_000000001_{frame:08d}.mat" for frame in range(30)]
        + [f"Film_{clip:09d}_00000001" for clip in range(30)]
    )
    data = replace(tiny, names=names)
    assert len(set(clips(data)[:30])) == 1 and len(set(clips(data)[30:])) == 30
    found = near_duplicates(data)
    assert found["clips"] == 30 and found["rows in a clip of several"] == 31
