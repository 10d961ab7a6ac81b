"""The training loop that a student writes, as an oracle for the trainer."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emolib.folds import make_folds
from emolib.pruning import prune
from emolib.training import sweeps
from emolib.training.scaling import scale
from emolib.training.sweeps import recipe_of, seeds

CRITERIA = {
    "smooth L1": F.smooth_l1_loss,
    "squared error": lambda out, wanted: 0.5 * F.mse_loss(out, wanted),
    "cross-entropy": F.cross_entropy,
}
OPTIMISERS = {
    "Adam": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "SGD, momentum 0.9": lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.9),
}


def train_alone(data, row, kind=torch.float32):
    """The loop that a student writes, on the plain module; a pruned unit is held at zero. Returns
    test scores, losses.
    """
    recipe = recipe_of(row)
    training, tested = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    net = sweeps.build(row, data).to(kind)
    x = np.stack([scale(data, part, training) for part in row["modality"].split("+")], 1)
    x = torch.from_numpy(x).to(kind)
    y = nn.functional.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(x.dtype)
    rows = torch.from_numpy(training)
    generator = torch.Generator().manual_seed(seeds(row["seed"], row["fold"], row["restart"])[1])
    optimiser = OPTIMISERS[row["optimiser"]](net.parameters(), lr=recipe.learning_rate)
    criterion, losses = CRITERIA[row["loss"]], []
    alive = torch.ones(1, int(row["hidden"]), dtype=torch.bool)
    for epoch in range(recipe.epochs):
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        batch_losses = []
        for batch in shuffled.split(recipe.batch):
            optimiser.zero_grad()
            loss = criterion(net(x[batch]), y[batch])
            loss.backward()
            optimiser.step()
            if row["angle"]:
                net.output.weight.data *= alive
            batch_losses.append(loss.item())
        losses.append(np.mean(batch_losses))
        if row["angle"] and (epoch == 0 or row["schedule"] == "every"):
            with torch.no_grad():
                alive, outgoing, _ = prune(
                    net.activations(x[rows])[None],
                    alive,
                    net.output.weight[None],
                    net.output.bias[None],
                    angle=torch.tensor([row["angle"]]),
                    activation_shift=torch.tensor([row["activation_shift"]]),
                    merge_weights=torch.tensor([False]),
                )
                net.output.weight.copy_(outgoing[0])
        if recipe.patience and has_converged(losses, recipe):
            break
    with torch.no_grad():
        return net(x)[tested].numpy(), losses


def has_converged(losses, recipe):
    """Whether the last ``patience`` epochs brought no fall worth counting."""
    best, since = np.inf, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best * (1 - recipe.tolerance) else (best, since + 1)
    return since >= recipe.patience
