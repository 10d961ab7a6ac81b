"""The networks of the paper as plain PyTorch modules: linear layers, convolutions, poolings.

Nothing here knows of sweeps or stacks; :mod:`emolib.training.stack` trains the same networks by
the thousand.

Axes: ``B`` batch, ``M`` modalities, ``D`` features per modality, ``H`` hidden units, ``C`` classes,
``F`` channels, ``S`` pixels along a side of an image.
"""

import torch
from torch import Tensor, nn


class ShallowNet(nn.Module):
    """One layer of sigmoid hidden units and a linear output (paper, section 3.1 and Figure 4).

    Args:
        features: inputs, five in the paper.
        hidden: hidden units ``H``, 6 to 16 in the paper.
        classes: outputs ``C``, seven emotions in the paper.

    Shape:
        ``[B, D]`` or ``[B, 1, D]`` to ``[B, C]``.

    Example:
        >>> ShallowNet(features=5, hidden=16, classes=7)(torch.zeros(10, 5)).shape
        torch.Size([10, 7])
    """

    def __init__(self, features: int = 5, hidden: int = 16, classes: int = 7) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, hidden)
        self.output = nn.Linear(hidden, classes)

    def activations(self, x: Tensor) -> Tensor:
        """Outputs of the hidden units, in 0..1: ``[B, D]`` to ``[B, H]``."""
        return torch.sigmoid(self.hidden(x.flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        """One output per class; shapes as above."""
        outputs: Tensor = self.output(self.activations(x))
        return outputs


# Kernel and stride of each way of pooling that fits five layers on five features.
POOLINGS = {"overlapping": (3, 1), "halving": (3, 2), "none": (1, 1)}


class FeatureNet(nn.Module):
    """Five one-dimensional convolutions, each with max-pooling (paper, section 3.2 and Figure 5).

    The paper gives the kernel, three, and neither the channels nor how five poolings fit five
    inputs. A pooling that halves has nothing left to pool after the third; here each pooling takes
    the largest of three neighbours and moves by one, so that five inputs stay five and every layer
    has work to do.

    Args:
        channels: of each convolution, ``F``.
        pooling: one of :data:`POOLINGS`; ``"halving"`` takes the largest of three as well.

    Shape:
        ``[B, D]`` to ``[B, F * D]``; fewer where pooling halves.

    Example:
        >>> FeatureNet(channels=16)(torch.zeros(10, 5)).shape
        torch.Size([10, 80])
    """

    LAYERS = 5

    def __init__(self, channels: int = 16, pooling: str = "overlapping") -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(1 if layer == 0 else channels, channels, kernel_size=3, padding=1)
            for layer in range(self.LAYERS)
        )
        kernel, stride = POOLINGS[pooling]
        self.pool: nn.Module = nn.MaxPool1d(kernel, stride, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """What the convolutions make of the features; shapes as above."""
        h = x.unsqueeze(1)  # [B, 1, D]: one channel to begin with
        for convolution in self.convolutions:
            h = self.pool(torch.relu(convolution(h)))  # [B, F, D]
        return h.flatten(1)


class ImageNet(FeatureNet):
    """A :class:`FeatureNet` of two dimensions: three convolutions, each with max-pooling that
    halves.

    Shape:
        ``[B, S, S]`` to ``[B, F * (S // 8)²]``.

    Example:
        >>> ImageNet(channels=8)(torch.zeros(10, 32, 32)).shape
        torch.Size([10, 128])
    """

    LAYERS = 3

    def __init__(self, channels: int = 8) -> None:
        super().__init__(channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(1 if layer == 0 else channels, channels, kernel_size=3, padding=1)
            for layer in range(self.LAYERS)
        )
        self.pool = nn.MaxPool2d(2)


class FusionNet(nn.Module):
    """A :class:`FeatureNet` for each modality, joined by two fully connected layers (paper, section
    3.2, Figure 5).

    The first layer reduces the joined features to twice the number of classes, the second predicts
    the classes. With one modality this is the paper's single-modality CNN.

    Args:
        side: pixels along a side of the images that an :class:`ImageNet` sees as a last branch,
            which the paper does not have; 0: no such branch.

    Shape:
        ``[B, M, D]`` to ``[B, C]``; with images, ``[B, M, D]`` and ``[B, S, S]``, and ``M`` may be
        0.

    Example:
        >>> FusionNet(modalities=2)(torch.zeros(10, 2, 5)).shape
        torch.Size([10, 7])
        >>> FusionNet(modalities=2, side=32)(torch.zeros(10, 2, 5), torch.zeros(10, 32, 32)).shape
        torch.Size([10, 7])
    """

    def __init__(
        self,
        modalities: int = 2,
        features: int = 5,
        classes: int = 7,
        channels: int = 16,
        pooling: str = "overlapping",
        side: int = 0,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(FeatureNet(channels, pooling) for _ in range(modalities))
        inputs = [torch.zeros(1, features)] * modalities
        if side:
            self.branches.append(ImageNet())
            inputs.append(torch.zeros(1, side, side))
        joined = sum(branch(x).shape[1] for branch, x in zip(self.branches, inputs, strict=True))
        self.reduce = nn.Linear(joined, 2 * classes)
        self.output = nn.Linear(2 * classes, classes)

    def forward(self, x: Tensor, image: Tensor | None = None) -> Tensor:
        """One output per class; shapes as above."""
        images = [] if image is None else [image]
        inputs = [*(x[:, m] for m in range(len(self.branches) - len(images))), *images]
        joined = [branch(each) for branch, each in zip(self.branches, inputs, strict=True)]
        outputs: Tensor = self.output(torch.relu(self.reduce(torch.cat(joined, dim=1))))
        return outputs
