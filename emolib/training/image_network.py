"""The image itself as a modality: a small two-dimensional CNN, alone or fused with the
one-dimensional branches.

The paper ends by wishing for images. Where the data hold them, its fusion network gets one branch
more.

Axes: ``B`` batch, ``M`` modalities of features, ``D`` features a modality, ``S`` pixels along a
side, ``C`` classes, ``N`` rows of the data.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.metrics import accuracy, predict
from emolib.models import FeatureNet
from emolib.training.cache import NetworkResult
from emolib.training.scaling import scale
from emolib.training.sweeps import Recipe, Row, initialise, recipe_of, seeds

NETWORK = "cnn 2-D"  # what a sweep calls a network with a two-dimensional branch
IMAGE = "image"  # the modality that this branch reads


class ImageNet(nn.Module):
    """Three two-dimensional convolutions, each with max-pooling that halves.

    Shape:
        ``[B, S, S]`` to ``[B, F * (S // 8)²]``.

    Example:
        >>> ImageNet(channels=8)(torch.zeros(10, 32, 32)).shape
        torch.Size([10, 128])
    """

    LAYERS = 3

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.channels = channels
        self.convolutions = nn.ModuleList(
            nn.Conv2d(1 if layer == 0 else channels, channels, kernel_size=3, padding=1)
            for layer in range(self.LAYERS)
        )
        self.pool = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> Tensor:
        """What the convolutions make of the pictures; shapes as above."""
        h = image.unsqueeze(1)  # [B, 1, S, S]
        for convolution in self.convolutions:
            h = self.pool(torch.relu(convolution(h)))
        return h.flatten(1)


class ImageFusionNet(nn.Module):
    """A :class:`~emolib.models.FusionNet` with an :class:`ImageNet` as its last branch.

    Shape:
        ``[B, M, D]`` and ``[B, S, S]`` to ``[B, C]``; ``M`` may be 0.

    Example:
        >>> ImageFusionNet(modalities=2)(torch.zeros(10, 2, 5), torch.zeros(10, 32, 32)).shape
        torch.Size([10, 7])
    """

    def __init__(
        self,
        modalities: int = 2,
        features: int = 5,
        classes: int = 7,
        channels: int = 16,
        side: int = 32,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(FeatureNet(channels) for _ in range(modalities))
        self.image = ImageNet()
        joined = (
            modalities * channels * features
            + self.image.channels * (side // 2**ImageNet.LAYERS) ** 2
        )
        self.reduce = nn.Linear(joined, 2 * classes)
        self.output = nn.Linear(2 * classes, classes)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        """One output a class; shapes as above."""
        joined = [branch(x[:, m]) for m, branch in enumerate(self.branches)] + [self.image(image)]
        outputs: Tensor = self.output(torch.relu(self.reduce(torch.cat(joined, dim=1))))
        return outputs


def build(row: Row, data: EmotionData) -> ImageFusionNet:
    """The untrained network of a row of a sweep, with the initial weights that its seed and fold
    give it.
    """
    parts = [part for part in row["modality"].split("+") if part != IMAGE]
    features = next(iter(data.features.values())).shape[1]
    net = ImageFusionNet(len(parts), features, len(data.classes), side=_images(data).shape[1])
    initialise(net, seeds(row["seed"], row["fold"])[0])
    return net


def train_row(data: EmotionData, row: Row) -> NetworkResult:
    """Trains the network of one row by PyTorch's own means, as :func:`emolib.train` does the others
    by the thousand.

    Raises:
        ValueError: the data hold no images.
    """
    torch.set_num_threads(1)  # as many networks train side by side as there are cores
    recipe = recipe_of(row)
    train, test = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    parts = [part for part in row["modality"].split("+") if part != IMAGE]
    rows = train if row["scaling"] == "training rows" else None
    scaled = [scale(data, part, rows) for part in parts] or [np.zeros((len(data), 0), np.float32)]
    x, image = torch.from_numpy(np.stack(scaled, axis=1)), _images(data)
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


def _images(data: EmotionData) -> Tensor:
    """Faces ``[N, S, S]``, each with mean 0 and variance 1."""
    if IMAGE not in data.descriptors:
        raise ValueError(
            f"{data.source}: there are no images, which the network {NETWORK!r} looks at"
        )
    flat = torch.from_numpy(np.array(data.descriptors[IMAGE]))
    side = round(flat.shape[1] ** 0.5)
    return flat.view(-1, side, side)
