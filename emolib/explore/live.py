"""Training that can be watched and stopped: the library's own stacks, an epoch at a time.

Axes: ``K`` networks, ``N`` rows of the data, ``M`` modalities, ``D`` features, ``B`` batch, ``C`` classes.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from emolib import stacked, sweeps
from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.lockstep import FORWARD
from emolib.preprocessing import scale
from emolib.stack import Stack


def squared(out: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Half the squared error, averaged over a batch and the classes, and its gradient by the outputs."""
    error = out - target
    scale = weight.unsqueeze(-1) / out.shape[-1]
    return (0.5 * error**2 * scale).sum((1, 2)), error * scale


def cross_entropy(out: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the softmax of the outputs, averaged over a batch, and its gradient by the outputs."""
    log_share = F.log_softmax(out, -1)
    loss = -(target * log_share).sum(-1) * weight
    return loss.sum(1), (log_share.exp() - target) * weight.unsqueeze(-1)


LOSSES = {"smooth L1": stacked.smooth_l1, "squared error": squared, "cross-entropy": cross_entropy}


@dataclass(frozen=True)
class Moment:
    """How far networks have come.

    Attributes:
        epoch: epochs done, by the slowest.
        loss: ``[K]``, mean training loss since the moment before.
        stack: the networks as they are now; the next moment changes them.
        inputs: ``[K, N, M, D]``, scaled features as each network sees them.
        pairs: training and test rows of each network.
        forward: of the networks' kind, see :mod:`emolib.stacked`.
    """

    epoch: int
    loss: np.ndarray
    stack: Stack
    inputs: Tensor
    pairs: list[tuple[np.ndarray, np.ndarray]]
    forward: Callable

    def scores(self) -> np.ndarray:
        """Outputs of each network on every row: ``[K, N, C]``."""
        return self.forward(self.stack.parameters, self.inputs)[0].numpy()

    def accuracy(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of training and of test rows predicted right, ``[K]`` each."""
        right = self.scores().argmax(-1) == labels
        shares = [[right[k, rows].mean() for k, pair in enumerate(self.pairs) for rows in [pair[side]]] for side in (0, 1)]
        return np.array(shares[0]), np.array(shares[1])


def training(data: EmotionData, table: pd.DataFrame, recipe: sweeps.Recipe, loss: Callable = stacked.smooth_l1) -> Iterator[Moment]:
    """Trains the networks of one kind in a table; yields before the first step and whenever all have done one more epoch.

    After as many epochs every network is what :func:`emolib.train` would have made of it; patience is not looked at.

    Raises:
        ValueError: a row that no network can be trained for.
    """
    sweeps.check(table, data)
    rows = table.to_dict("records")
    pairs = [make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]] for row in rows]
    inputs = torch.stack([_inputs(data, row, train) for row, (train, _) in zip(rows, pairs, strict=True)])
    target = F.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(inputs.dtype)
    forward, stack = FORWARD[rows[0]["network"]], Stack(data, rows, recipe)

    networks, steps = torch.arange(len(rows)), np.array([-(-len(train) // recipe.batch) for train, _ in pairs])
    order = torch.zeros(len(rows), steps.max(), recipe.batch, dtype=torch.long)
    weight = torch.zeros(order.shape)
    chance = [torch.Generator().manual_seed(sweeps.seeds(row["seed"], row["fold"])[1]) for row in rows]

    def shuffle(k: int) -> None:
        """Deals a network's training rows into batches; the last may be smaller."""
        dealt = torch.from_numpy(pairs[k][0])
        dealt = dealt[torch.randperm(len(dealt), generator=chance[k])]
        order[k].view(-1)[: len(dealt)] = dealt
        size = torch.tensor([min(recipe.batch, len(dealt) - start) for start in range(0, len(dealt), recipe.batch)])
        weight[k, : len(size)] = (torch.arange(recipe.batch) < size.unsqueeze(1)) / size.unsqueeze(1)

    for k in range(len(rows)):
        shuffle(k)
    place, epoch = np.zeros(len(rows), int), np.zeros(len(rows), int)
    total, counted = torch.zeros(len(rows)), 0
    yield Moment(0, np.full(len(rows), np.nan), stack, inputs, pairs, forward)
    for done in range(1, recipe.epochs + 1):
        while epoch.min() < done:
            at = torch.from_numpy(place)
            batch, share = order[networks, at], weight[networks, at]  # [K, B]
            out, backward = forward(stack.parameters, inputs[networks.unsqueeze(1), batch])
            losses, d_out = loss(out, target[batch], share)
            stack.step(backward(d_out))
            total, counted, place = total + losses, counted + 1, place + 1
            ended = np.flatnonzero(place == steps)
            place[ended], epoch[ended] = 0, epoch[ended] + 1
            for k in ended:
                shuffle(k)
            due = ended[stack.prunes[ended] & (stack.prunes_on[ended] | (epoch[ended] == 1))]
            if len(due):
                seen = torch.zeros(len(due), len(data))
                for number, k in enumerate(due):
                    seen[number, pairs[k][0]] = 1
                stack.prune(torch.from_numpy(due), inputs[due], seen)
        yield Moment(done, (total / counted).numpy(), stack, inputs, pairs, forward)
        total, counted = torch.zeros(len(rows)), 0


def _inputs(data: EmotionData, row: dict, train: np.ndarray) -> Tensor:
    fitted = train if row["scaling"] == "training rows" else None
    return torch.from_numpy(np.stack([scale(data, part, fitted) for part in row["modality"].split("+")], axis=1))


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
