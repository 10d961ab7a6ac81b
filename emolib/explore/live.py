"""Training that can be watched and stopped: the library's own stacks, an epoch at a time.

Axes: ``K`` networks, ``R`` repetitions, ``N`` rows of the data, ``C`` classes.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emolib.data import EmotionData, Split
from emolib.training import sweeps
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import Row

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Moment:
    """How far networks have come.

    Attributes:
        epoch: epochs done.
        loss: ``[K]``, mean training loss of the last one.
        stack: the networks as they are now; the next moment changes them.
    """

    epoch: int
    loss: NDArray[np.floating]
    stack: NetworkStack

    def pair(self, k: int) -> Split:
        """Training and test rows of one network."""
        material = self.stack.material
        return material.pairs[int(material.split[k])]

    def scores(self) -> NDArray[np.floating]:
        """Outputs of each network on every row: ``[K, N, C]``."""
        return np.stack([self.stack.engine.scores(k) for k in range(len(self.stack.rows))])

    def out_of_fold(self) -> NDArray[np.floating]:
        """Scores ``[R, N, C]`` of each repetition, every row by the network that had not seen it;
        for a table with all folds.
        """
        folds, scores = self.stack.rows[0]["folds"], self.scores()
        pooled = np.empty((len(scores) // folds, *scores.shape[1:]), scores.dtype)
        for k, own in enumerate(scores):
            _, test = self.pair(k)
            pooled[k // folds, test] = own[test]
        return pooled

    def accuracy(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share of training and of test rows predicted right, ``[K]`` each."""
        right = self.scores().argmax(-1) == self.stack.material.labels
        shares = np.array(
            [[right[k, rows].mean() for rows in self.pair(k)] for k in range(len(right))]
        )
        return shares[:, 0], shares[:, 1]


def training(data: EmotionData, table: pd.DataFrame) -> Iterator[Moment]:
    """Trains the networks of one kind in a table; yields before the first step and after every
    epoch.

    In the end every network is what :func:`emolib.train` would have made of it.

    Raises:
        ValueError: a row that no network can be trained for.
    """
    sweeps.check(table, data)
    stack = NetworkStack(data, table.to_dict("records", into=Row()))
    yield Moment(0, np.full(len(table), np.nan), stack)
    while stack.training.any():
        losses = stack.epoch()
        yield Moment(stack.epochs, losses, stack)


class Run:
    """One training at a time, between two messages of the kernel, so that every control answers
    while it goes on.
    """

    INTERVAL = 0.25  # seconds between two pictures, at least

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None

    def start(self, moments: Iterator[Shown], draw: Callable[[Shown, bool], None]) -> None:
        """Takes moments, and hands some of them to ``draw``, with whether it is the last; what ran
        before stops.
        """
        before, self.task = self.task, None  # whose last picture is no longer wanted
        if before:
            before.cancel()
        self.task = asyncio.get_running_loop().create_task(self._run(moments, draw))

    def stop(self) -> None:
        """Ends what runs, with a last picture of it."""
        if self.task:
            self.task.cancel()

    async def _run(self, moments: Iterator[Shown], draw: Callable[[Shown, bool], None]) -> None:
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
