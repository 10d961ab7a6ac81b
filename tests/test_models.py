"""The plain networks against closed forms and direct loops, and the written-out loss against
PyTorch's.
"""

import numpy as np
import pytest
import torch
from torch import nn

from emolib.models import FeatureNet, FusionNet, ShallowNet


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


def arrays(*tensors):
    return [tensor.detach().numpy().astype(float) for tensor in tensors]


@pytest.mark.parametrize(
    ("net", "given", "returned", "parameters"),
    [
        (ShallowNet(), (10, 5), (10, 7), 215),
        (ShallowNet(hidden=6), (10, 1, 5), (10, 7), (5 + 1) * 6 + (6 + 1) * 7),
        (ShallowNet(features=3, hidden=6, classes=2), (1, 3), (1, 2), 38),
        (FeatureNet(), (10, 5), (10, 80), (3 + 1) * 16 + 4 * (16 * 3 + 1) * 16),
        (FeatureNet(channels=3), (10, 8), (10, 24), 132),
        (FusionNet(modalities=1), (10, 1, 5), (10, 7), 4439),
        (FusionNet(), (10, 2, 5), (10, 7), 2 * 3200 + (160 + 1) * 14 + (14 + 1) * 7),
        (FusionNet(modalities=3, features=4, classes=6, channels=2), (10, 3, 4), (10, 6), 570),
    ],
)
def test_shapes_and_parameters(net, given, returned, parameters):
    assert net(torch.randn(given)).shape == returned
    assert sum(p.numel() for p in net.parameters()) == parameters


def test_the_shallow_net_is_a_sigmoid_layer_and_a_linear_one():
    net, inputs = ShallowNet(), torch.randn(20, 5)
    x, w, b, v, c = arrays(inputs, *net.parameters())
    h = 1 / (1 + np.exp(-(x @ w.T + b)))
    np.testing.assert_allclose(arrays(net.activations(inputs))[0], h, atol=1e-6)
    np.testing.assert_allclose(arrays(net(inputs))[0], h @ v.T + c, atol=1e-6)


def convolved_and_pooled(x, weight, bias):
    """One layer on one row, [in, D] to [out, D], by the definition: zeros past the ends, ReLU,
    largest of three.
    """
    length = x.shape[1]
    z = np.zeros((len(weight), length))
    for channel, position in np.ndindex(z.shape):
        total = bias[channel]
        for source, tap in np.ndindex(len(x), 3):
            if 0 <= position + tap - 1 < length:
                total += weight[channel, source, tap] * x[source, position + tap - 1]
        z[channel, position] = max(total, 0)
    neighbours = [z[:, max(position - 1, 0) : position + 2] for position in range(length)]
    return np.stack([near.max(1) for near in neighbours], axis=1)


def test_the_feature_net_is_five_direct_convolutions_with_pooling():
    net, inputs = FeatureNet(channels=4), torch.randn(6, 5)
    # at PyTorch's start a signal of one number in -1..1 all but vanishes in five layers
    for convolution in net.convolutions:
        nn.init.normal_(convolution.weight, std=0.7)
    expected = []
    for row in arrays(inputs)[0]:
        h = row[None]
        for convolution in net.convolutions:
            h = convolved_and_pooled(h, *arrays(convolution.weight, convolution.bias))
        expected.append(h.ravel())
    assert len(net.convolutions) == 5 and np.std(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(arrays(net(inputs))[0], expected, atol=1e-5)


def test_the_fusion_net_gives_each_modality_its_own_branch():
    net, inputs = FusionNet(modalities=3), torch.randn(4, 3, 5)
    joined = torch.cat([net.branches[m](inputs[:, m]) for m in range(3)], dim=1)
    torch.testing.assert_close(net(inputs), net.output(torch.relu(net.reduce(joined))))
    for m in range(3):
        changed = inputs.clone()
        changed[:, m] += 1
        assert not torch.allclose(net(changed), net(inputs))
