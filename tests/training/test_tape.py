"""A step on the tape against PyTorch's gradient, for CNNs of many shapes."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from emolib.models import FeatureNet, FusionNet
from emolib.training.kernels import arithmetic, record
from emolib.training.kernels.operations import epoch

ROWS, CLASSES, RATE = 23, 7, 0.5


def fusion(channels, pool, kernel=3, padding=1, features=5, modalities=2):
    """A fusion network whose convolutions and poolings are not the paper's."""
    net = FusionNet(modalities, features, CLASSES, channels)
    for branch in net.branches:
        branch.pool = pool
        branch.convolutions = nn.ModuleList(
            nn.Conv1d(1 if layer == 0 else channels, channels, kernel, padding=padding)
            for layer in range(FeatureNet.LAYERS)
        )
    joined = sum(branch(torch.zeros(1, features)).numel() for branch in net.branches)
    net.reduce = nn.Linear(joined, net.reduce.out_features)
    return net.double(), features, 0


def pictured(modalities, side):
    return FusionNet(modalities, 5, CLASSES, side=side).double(), 5, side


NETS = {
    "the paper's": lambda: fusion(16, nn.MaxPool1d(3, 1, 1)),
    "one modality": lambda: fusion(16, nn.MaxPool1d(3, 1, 1), modalities=1),
    "five channels": lambda: fusion(5, nn.MaxPool1d(3, 1, 1), modalities=3),
    "twenty channels": lambda: fusion(20, nn.MaxPool1d(3, 1, 1)),
    "a pooling that halves": lambda: fusion(16, nn.MaxPool1d(2), features=70, padding=2),
    "windows that overlap by one": lambda: fusion(8, nn.MaxPool1d(3, 2), kernel=5, features=150),
    "five poolings that halve": lambda: (FusionNet(2, 5, CLASSES, 8, "halving").double(), 5, 0),
    "no pooling": lambda: (FusionNet(1, 5, CLASSES, 5, "none").double(), 5, 0),
    "a wide kernel": lambda: fusion(16, nn.MaxPool1d(2, 1), kernel=9, padding=4, features=7),
    "images": lambda: pictured(0, 16),
    "images of which poolings leave a line": lambda: pictured(2, 20),
}


@pytest.mark.parametrize("batch", [10, 3])
@pytest.mark.parametrize("name", NETS)
def test_a_step_follows_pytorch_s_gradient_and_the_scores_are_the_module_s(name, batch):
    torch.manual_seed(0)
    net, features, side = NETS[name]()
    modalities = len(net.branches) - (side > 0)
    x, image = (
        torch.rand(ROWS, modalities, features).double(),
        torch.randn(ROWS, side, side).double(),
    )
    inputs = (x, image) if side else (x,)
    target = F.one_hot(torch.arange(ROWS) % CLASSES, CLASSES).double()
    rows = torch.arange(ROWS).split(batch)[-1]  # the last batch is not full
    loss = F.smooth_l1_loss(net(*(part[rows] for part in inputs)), target[rows])
    before = parameters_to_vector(net.parameters()).detach()
    gradient = parameters_to_vector(torch.autograd.grad(loss, tuple(net.parameters())))

    tape = record.ConvolutionTape(
        net, batch, [(1, features)] * modalities + [(side, side)] * (side > 0), np.float64
    )
    weights = np.stack([before.numpy()] * 2)
    state = weights, np.zeros_like(weights), np.zeros_like(weights), np.zeros(2, int)
    rule = np.tile([RATE, *arithmetic.OPTIMISERS["SGD"], *arithmetic.LOSSES["smooth L1"]], (2, 1))

    def run(order, scores):
        losses = np.zeros(1)
        epoch(
            *state,
            rule,
            np.empty((2, 0), bool),
            np.array([1]),  # the first network rests
            x.numpy().reshape(1, ROWS, -1),
            np.zeros(2, int),
            image.numpy().reshape(ROWS, -1),
            target.argmax(1).numpy(),
            order.numpy().astype(np.int32)[None],
            np.array([len(order)]),
            np.zeros(2, int),
            batch,
            tape.operations,
            tape.windows,
            tape.places,
            tape.slots,
            tuple(tape.room.tolist()),
            tape.memory,
            losses,
            scores,
            arithmetic.constants(np.dtype(float)),
        )
        return losses

    scores = np.zeros((1, ROWS, CLASSES))
    run(torch.arange(ROWS), scores)
    np.testing.assert_allclose(scores[0], net(*inputs).detach().numpy(), rtol=1e-12, atol=1e-14)
    losses = run(rows, np.zeros((0, 0, 0)))
    np.testing.assert_allclose(losses, loss.item(), rtol=1e-12)
    np.testing.assert_array_equal(weights[0], before.numpy())
    found = (before.numpy() - weights[1]) / RATE
    np.testing.assert_allclose(found, gradient.numpy(), rtol=0, atol=1e-13 * gradient.abs().max())
    assert state[3].tolist() == [0, 1]
