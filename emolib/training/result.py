"""What training leaves of one network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolib.data import Rows


@dataclass(frozen=True)
class NetworkResult:
    """The scores of one network on the rows it never saw, and how it came by them.

    Attributes:
        scores: outputs on the test rows ``[T, C]``; NaN where the weights diverged.
        test_rows: ``[T]``, the row numbers of the data that the scores belong to.
        weights: parameters of the compacted network, flat, in the order of the module's own.
        losses: mean training loss of each epoch.
        units: hidden units left (0 for a CNN).
        train_accuracy: share of training rows predicted right at the end; NaN where the weights diverged.
        stopped: whether the loss had stopped falling before the recipe's last epoch.
    """

    scores: NDArray[np.floating]
    test_rows: Rows
    weights: NDArray[np.floating]
    losses: NDArray[np.floating]
    units: int
    train_accuracy: float
    stopped: bool
