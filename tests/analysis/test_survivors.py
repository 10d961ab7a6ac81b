"""Which units of one network go at which minimal angle: as pruning that network at each angle says."""

import numpy as np
import pytest
import torch

from emolib.analysis.survivors import survivors
from emolib.models import ShallowNet
from emolib.pruning import prune_network


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
