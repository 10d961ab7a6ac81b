"""Training of networks that look at the image itself, which the paper ends by wishing for.

Axes: ``M`` modalities of features, ``D`` features per modality, ``S`` pixels along a side, ``C``
classes, ``N`` rows of the data.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.metrics import accuracy, predict
from emolib.training.cache import NetworkResult
from emolib.training.scaling import scale
from emolib.training.sweeps import IMAGE, Recipe, Row, build, recipe_of, seeds
from emolib.training.sweeps import IMAGE_NETWORK as NETWORK

__all__ = ["IMAGE", "NETWORK", "images", "train_row"]


def train_row(data: EmotionData, row: Row) -> NetworkResult:
    """Trains the network of one row by PyTorch's own means, as :func:`emolib.train` does the others
    by the thousand.
    """
    torch.set_num_threads(1)  # as many networks train side by side as there are cores
    recipe = recipe_of(row)
    train, test = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    parts = [part for part in row["modality"].split("+") if part != IMAGE]
    rows = train if row["scaling"] == "training rows" else None
    scaled = [scale(data, part, rows) for part in parts] or [np.zeros((len(data), 0), np.float32)]
    x, image = torch.from_numpy(np.stack(scaled, axis=1)), images(data)
    target = F.one_hot(torch.from_numpy(data.labels), len(data.classes)).float()

    net = build(row, data)
    generator = torch.Generator().manual_seed(seeds(row["seed"], row["fold"])[1])
    losses = _fit(net, recipe, (x, image, target), torch.from_numpy(train), generator)
    with torch.no_grad():
        scores = net(x, image)
    return NetworkResult(
        scores=scores[test].numpy(),
        test_rows=test,
        weights=nn.utils.parameters_to_vector(net.parameters()).detach().numpy(),
        losses=np.array(losses, np.float32),
        units=0,
        train_accuracy=accuracy(data.labels[train], predict(scores[train].numpy())),
        stopped=len(losses) < recipe.epochs,
    )


def _fit(
    net: nn.Module,
    recipe: Recipe,
    tensors: tuple[Tensor, Tensor, Tensor],
    train: Tensor,
    generator: torch.Generator,
) -> list[float]:
    """Runs the recipe and returns the mean training loss of each epoch."""
    x, image, target = tensors
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate, fused=True)
    losses, best, waited = [], np.inf, 0
    for _ in range(recipe.epochs):
        total = 0.0
        for batch in train[torch.randperm(len(train), generator=generator)].split(recipe.batch):
            optimiser.zero_grad()
            loss = F.smooth_l1_loss(net(x[batch], image[batch]), target[batch])
            loss.backward()
            optimiser.step()
            total += loss.item()
        losses.append(total / -(-len(train) // recipe.batch))
        fell = losses[-1] < best * (1 - recipe.tolerance)
        best, waited = (losses[-1], 0) if fell else (best, waited + 1)
        if recipe.patience and waited >= recipe.patience:
            break
    return losses


def images(data: EmotionData) -> Tensor:
    """Faces ``[N, S, S]``, each with mean 0 and variance 1."""
    flat = torch.from_numpy(np.array(data.descriptors[IMAGE]))
    side = round(flat.shape[1] ** 0.5)
    return flat.view(-1, side, side)
