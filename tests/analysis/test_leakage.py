"""Near-duplicates where they were planted, and none where there are none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emolib.analysis import leakage
from emolib.analysis.leakage import clips, near_duplicates
from emolib.training.scaling import scale


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


def test_unknown_persons_leave_neighbours_of_one_emotion(tiny):
    known, unknown = near_duplicates(tiny), near_duplicates(replace(tiny, groups=None))
    kept = ["rows", "nearest neighbour has the same emotion"]
    assert unknown[kept].tolist() == known[kept].tolist()
    assert list(unknown.index) == list(known.index) and unknown.drop(kept).isna().all()


def test_one_person_has_no_stranger(tiny):
    found = near_duplicates(replace(tiny, groups=np.full(60, "somebody")))
    assert np.isnan(found["nearest stranger has the same emotion"])
    assert found["nearest neighbour is the same person"] == 1
    assert found["rows with a near-duplicate of the same person"] == 0


def test_equals_a_loop_over_rows_in_parts_too(tiny, monkeypatch):
    x = np.hstack([scale(tiny, m) for m in tiny.modalities]).astype(float)
    same, stranger = [], []
    for row in range(60):
        distance = np.linalg.norm(x - x[row], axis=1)
        order = [n for n in np.argsort(distance, kind="stable") if n != row]
        strange = next(n for n in order if tiny.groups[n] != tiny.groups[row])
        same.append(tiny.labels[order[0]] == tiny.labels[row])
        stranger.append(tiny.labels[strange] == tiny.labels[row])
    whole = near_duplicates(tiny)
    assert whole["nearest neighbour has the same emotion"] == np.mean(same)
    assert whole["nearest stranger has the same emotion"] == np.mean(stranger)
    monkeypatch.setattr(leakage, "PART", 7 * 60)
    pd.testing.assert_series_equal(near_duplicates(tiny), whole)
