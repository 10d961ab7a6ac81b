"""What training leaves of one network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NetworkResult:
    """The scores of one network on the rows it never saw, and how it came by them.

    Attributes:
        scores: outputs on the test rows ``[T, C]``, in the order of the fold's test rows.
        weights: parameters of the compacted network, flat, in the order of the module's own.
        losses: mean training loss of each epoch.
        units: hidden units left (0 for a CNN).
        train_accuracy: share of training rows predicted right at the end.
        stopped: whether the loss had stopped falling before the recipe's last epoch.
    """

    scores: NDArray[np.floating]
    weights: NDArray[np.floating]
    losses: NDArray[np.floating]
    units: int
    train_accuracy: float
    stopped: bool
    test_rows: NDArray[np.intp] | None = None  # stub of the contract: set by the stack
