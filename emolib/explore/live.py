"""Training that can be watched and stopped: the library's own stacks, an epoch at a time.

Axes: ``K`` networks, ``N`` rows of the data, ``B`` batch, ``C`` classes.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor

from emolib import sweeps
from emolib.data import EmotionData
from emolib.engines import Stacked
from emolib.lockstep import Stack

# Loss of each row of a batch, from outputs and one-hot targets [B, C]. The first is the library's own.
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "smooth L1": lambda out, target: F.smooth_l1_loss(out, target, reduction="none").mean(1),
    "squared error": lambda out, target: 0.5 * (out - target).square().mean(1),
    "cross-entropy": lambda out, target: F.cross_entropy(out, target, reduction="none"),
}


class OtherLoss(Stacked):
    """The engine that can differentiate anything, with another loss than the paper's."""

    def __init__(self, stack: Stack, loss: str):
        self.each = LOSSES[loss]
        rate = np.array([recipe.learning_rate for recipe in stack.recipes])
        super().__init__(stack.net, stack.weights, stack.alive, rate, stack.recipes[0].batch, stack.material)

    def _loss(self, weights: Tensor, alive: Tensor, x: Tensor, target: Tensor, share: Tensor) -> Tensor:
        return (self.each(self._forward(weights, alive, x), target) * share).sum()


@dataclass(frozen=True)
class Moment:
    """How far networks have come.

    Attributes:
        epoch: epochs done.
        loss: ``[K]``, mean training loss of the last one.
        stack: the networks as they are now; the next moment changes them.
    """

    epoch: int
    loss: np.ndarray
    stack: Stack

    def pair(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows of one network."""
        return self.stack.material.pairs[self.stack.material.split[k]]

    def scores(self) -> np.ndarray:
        """Outputs of each network on every row: ``[K, N, C]``."""
        return np.stack([self.stack.engine.scores(k) for k in range(len(self.stack.rows))])

    def accuracy(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of training and of test rows predicted right, ``[K]`` each."""
        right = self.scores().argmax(-1) == self.stack.material.labels
        shares = np.array([[right[k, rows].mean() for rows in self.pair(k)] for k in range(len(right))])
        return shares[:, 0], shares[:, 1]


def training(data: EmotionData, table: pd.DataFrame, recipe: sweeps.Recipe, loss: str = "smooth L1") -> Iterator[Moment]:
    """Trains the networks of one kind in a table; yields before the first step and after every epoch.

    After as many epochs every network is what :func:`emolib.train` would have made of it.

    Raises:
        ValueError: a row that no network can be trained for.
    """
    sweeps.check(table, data)
    stack = Stack(data, table.to_dict("records"), recipe=recipe)
    if loss != "smooth L1":
        stack.engine = OtherLoss(stack, loss)
    yield Moment(0, np.full(len(table), np.nan), stack)
    while stack.training.any():
        losses = stack.epoch()
        yield Moment(stack.epochs, losses, stack)


class Run:
    """One training at a time, between two messages of the kernel, so that every control answers while it goes on."""

    INTERVAL = 0.25  # seconds between two pictures, at least

    def __init__(self) -> None:
        self.task: asyncio.Task | None = None

    def start(self, moments: Iterator, draw: Callable[[object, bool], None]) -> None:
        """Takes moments, and hands some of them to ``draw``, with whether it is the last; what ran before stops."""
        before, self.task = self.task, None  # whose last picture is no longer wanted
        if before:
            before.cancel()
        self.task = asyncio.get_running_loop().create_task(self._run(moments, draw))

    def stop(self) -> None:
        if self.task:
            self.task.cancel()

    async def _run(self, moments: Iterator, draw: Callable[[object, bool], None]) -> None:
        drawn, moment = -np.inf, None
        try:
            for moment in moments:
                if monotonic() - drawn >= self.INTERVAL:
                    draw(moment, False)
                    drawn = monotonic()
                await asyncio.sleep(0.001)  # what came meanwhile is dealt with here
        finally:
            if moment is not None and self.task is asyncio.current_task():
                draw(moment, True)
