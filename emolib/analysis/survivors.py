"""One trained network at many minimal angles: which of its hidden units would go."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from emolib.models import ShallowNet
from emolib.pruning import angles as between
from emolib.pruning import prune


def survivors(
    net: ShallowNet, x: NDArray[np.float32], minimal: Sequence[float], activation_shift: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.bool]]:
    """The angles between a network's hidden units, and the units that step 2 of Algorithm 1 leaves
    at each minimal angle.

    Args:
        net: trained, not pruned; it stays as it is.
        x: ``[P, D]``, the patterns, scaled as the network saw them.
        minimal: ``A`` minimal angles in degrees.
        activation_shift: see :func:`emolib.pruning.angles`.

    Returns:
        ``[H, H]`` degrees, and ``[A, H]``, boolean, whether a unit stays.

    Example:
        >>> degrees, alive = survivors(ShallowNet(hidden=6), np.random.rand(100, 5).astype("float32"), [0, 90])
        >>> alive.sum(1)[0].item()
        6
    """
    count = len(minimal)
    with torch.no_grad():
        activations = net.activations(torch.as_tensor(x))
        alive, _, _ = prune(
            activations.expand(count, -1, -1),
            torch.ones(count, activations.shape[1], dtype=torch.bool),
            net.output.weight.expand(count, -1, -1),
            net.output.bias.expand(count, -1),
            angle=torch.tensor(minimal, dtype=torch.float32),
            activation_shift=torch.full((count,), activation_shift),
            merge_weights=torch.zeros(count, dtype=torch.bool),
        )
        return between(activations, activation_shift).numpy(), alive.numpy()
