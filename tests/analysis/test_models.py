"""The sweeps that chapters share, and which units of one network go at which minimal angle."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emolib.analysis.models import (
    PAPER_MODELS,
    angle_sweep,
    repetitions,
    survivors,
    table3_sweep,
    width_sweep,
)
from emolib.models import ShallowNet
from emolib.pruning import prune_network
from emolib.training.sweeps import sweep


def test_the_sweep_of_table_3_is_that_of_each_model_by_itself(tiny):
    table = table3_sweep(tiny, folds=3, seeds=2, max_epochs=7)
    assert list(dict.fromkeys(table["model"])) == list(PAPER_MODELS)
    for model, choices in PAPER_MODELS.items():
        alone = sweep(
            **choices,
            protocol=["random", "person-independent"],
            recipe=["printed", "converged"],
            folds=3,
            seed=range(2),
            max_epochs=7,
        )
        own = table[table["model"] == model].drop(columns="model").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone)


def test_widths_and_angles_are_named_by_what_varies(tiny):
    widths = width_sweep(tiny, [3, 16], folds=2)
    assert set(widths["model"]) == {
        f"{m} shallow, {units} units" for m in ("LPQ", "PHOG") for units in (3, 16)
    }
    for row in widths.itertuples():
        assert row.model == f"{row.modality} shallow, {row.hidden} units" and row.angle == 0
    angles = angle_sweep(tiny, [0, 7.5], folds=2)
    assert len(angles) == 2 * 2 * 2 * 2 * 2 * 2
    chosen = angles[angles["model"] == "PHOG shallow, 7.5°, as they are"]
    assert (chosen["activation_shift"] == 0).all() and (chosen["angle"] == 7.5).all()


def test_unknown_persons_leave_random_folds_alone(tiny):
    unknown = replace(tiny, groups=None)
    assert repetitions(unknown)["protocol"] == ("random",)
    for table in (table3_sweep(unknown), width_sweep(unknown, [6]), angle_sweep(unknown, [60])):
        assert set(table["protocol"]) == {"random"}


@pytest.mark.parametrize("choices", [{"seeds": 1.5}, {"folds": "5"}, {"seeds": True}])
def test_counts_of_a_sweep_are_whole(tiny, choices):
    ((name, value),) = choices.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number"):
        table3_sweep(tiny, **choices)


@pytest.mark.parametrize("activation_shift", [0.0, 0.5])
def test_as_many_units_stay_as_pruning_at_each_angle_leaves(activation_shift):
    torch.manual_seed(4)
    net, x = ShallowNet(hidden=12), np.random.default_rng(4).normal(size=(80, 5)).astype(np.float32)
    minimal = [0, 5, 30, 60, 90]
    degrees, alive = survivors(net, x, minimal, activation_shift)
    left = [
        prune_network(
            net, torch.from_numpy(x), angle=angle, activation_shift=activation_shift
        ).hidden.out_features
        for angle in minimal
    ]
    assert alive.sum(1).tolist() == left and left[0] == 12 and left[-1] < 12
    for angle, kept in zip(minimal, alive, strict=True):
        pairs = degrees[np.ix_(kept, kept)][np.triu_indices(kept.sum(), 1)]
        assert (pairs >= angle).all()


def test_the_network_stays_as_it_was():
    net = ShallowNet(hidden=6)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    survivors(net, np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32), [90])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
