"""Readings of what the paper leaves silent: shallow networks whose optimiser, learning rate and loss may all differ.

The report's own networks (:mod:`emolib.training`) follow two recipes. Here each network of a stack has a recipe of its own, and
what it predicts is noted along the way, so that one can ask which reading, or which lucky pick among them, gives what the paper
prints.

Axes: ``K`` networks, ``E`` checkpoints, ``N`` rows of the data, ``B`` batch, ``D`` features, ``H`` hidden units, ``C`` classes.
"""

from dataclasses import dataclass
from itertools import product

import joblib
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch import Tensor

from emolib import sweeps
from emolib.cores import core
from emolib.data import EmotionData
from emolib.folds import check_scaling, make_folds
from emolib.preprocessing import scale
from emolib.progress import track
from emolib.pruning import prune

OPTIMISERS = ("Adam", "SGD", "SGD, momentum 0.9")
LOSSES = ("smooth L1", "cross-entropy")
BATCH = 10  # paper, section 4.1
EPOCHS = 200
# Share of the training rows on which settings are chosen where they are chosen honestly.
VALIDATION = 0.2

# The columns of a table of readings, and what the report's own networks take.
DEFAULTS = {
    "modality": "LPQ",
    "hidden": 16,
    "angle": 0.0,  # degrees; 0 prunes nothing
    "centre": 0.5,  # taken off activations before angles
    "schedule": "first",  # prune after the first epoch, or after "every" one
    "optimiser": "Adam",
    "rate": 1e-4,
    "loss": "smooth L1",
    "protocol": "random",
    "folds": 5,
    "seed": 0,
}


def variants(**choices) -> pd.DataFrame:
    """Every combination of the given choices, one row a network, all folds included.

    Raises:
        ValueError: there is no such choice.

    Example:
        >>> len(variants(optimiser=OPTIMISERS, loss=LOSSES))
        30
    """
    unknown = set(choices) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"a reading has no {min(unknown)!r}; it has {', '.join(DEFAULTS)}")
    values = {c: [v] if isinstance(v, str) or np.ndim(v) == 0 else list(v) for c, v in (DEFAULTS | choices).items()}
    rows = [(*row, fold) for row in product(*values.values()) for fold in range(row[list(DEFAULTS).index("folds")])]
    table = pd.DataFrame(rows, columns=[*DEFAULTS, "fold"]).astype({"angle": float})
    table.loc[table["angle"] == 0, ["centre", "schedule"]] = [DEFAULTS["centre"], DEFAULTS["schedule"]]  # nothing to decide
    return table.drop_duplicates(ignore_index=True)


@dataclass(frozen=True)
class Read:
    """What became of a table of readings.

    Attributes:
        table: one row a network.
        predicted: ``[K, E, N]``, the predicted emotion of every row, its own training rows included, at each checkpoint.
        scores: ``[K, N, C]`` at the end.
        part: ``[K, N]``: 0 for a row trained on, 1 for one that settings are chosen on, 2 for one tested.
        epochs: ``[E]``, the checkpoints.
    """

    table: pd.DataFrame
    predicted: np.ndarray
    scores: np.ndarray
    part: np.ndarray
    epochs: np.ndarray

    def recall(self, data: EmotionData, part: int) -> np.ndarray:
        """Mean recall over emotions on one part of the rows, ``[K, E]``; an emotion that does not occur there is left out."""
        recalls = []
        for c in np.unique(data.labels):
            rows = (self.part == part) & (data.labels == c)  # [K, N]
            with np.errstate(invalid="ignore"):
                recalls.append(((self.predicted == c) & rows[:, None]).sum(-1) / rows.sum(-1)[:, None])
        return np.nanmean(recalls, axis=0)


def read(
    data: EmotionData, table: pd.DataFrame, *, epochs: int = EPOCHS, every: int = EPOCHS, validation: bool = False, jobs: int | None = None
) -> Read:
    """Trains the networks of a table of readings.

    Args:
        epochs: passes over the training rows.
        every: epochs between checkpoints.
        validation: keep :data:`VALIDATION` of each network's training rows to choose settings on.
        jobs: processes, by default one a core.

    Raises:
        ValueError: an unknown optimiser or loss.
    """
    for column, allowed in (("optimiser", OPTIMISERS), ("loss", LOSSES)):
        for value in set(table[column]) - set(allowed):
            raise ValueError(f"{column} is {value!r}; it must be one of {', '.join(allowed)}")
    jobs = min(jobs or joblib.cpu_count(), len(table))
    shards = [part for part in np.array_split(np.arange(len(table)), jobs) if len(part)]
    with track(len(shards), f"training {len(table):,} readings") as progress:
        found = []
        for part in joblib.Parallel(n_jobs=jobs, return_as="generator")(
            joblib.delayed(_train)(data, table.iloc[shard].to_dict("records"), epochs, every, validation) for shard in shards
        ):
            found.append(part)
            progress.update(1)
    predicted, scores, part = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Read(table, predicted, scores, part, np.arange(every, epochs + 1, every))


def _parts(data: EmotionData, row: dict, validation: bool) -> np.ndarray:
    train, test = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    part = np.zeros(len(data), np.int8)
    part[test] = 2
    if validation:
        _, chosen_on = train_test_split(train, test_size=VALIDATION, stratify=data.labels[train], random_state=row["seed"])
        part[chosen_on] = 1
    return part


@core()
def _train(data: EmotionData, rows: list[dict], epochs: int, every: int, validation: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One stack, its gradients written out: hundreds of networks share each operation."""
    torch.set_num_threads(1)
    part = np.stack([_parts(data, row, validation) for row in rows])
    inputs = []
    for row, own in zip(rows, part, strict=True):
        scaled = scale(data, row["modality"], np.flatnonzero(own == 0))
        check_scaling(scaled, np.flatnonzero(own == 0))
        inputs.append(scaled)
    x = torch.from_numpy(np.stack(inputs))  # [K, N, D]
    y = F.one_hot(torch.from_numpy(data.labels), len(data.classes)).float()
    stack = _Stack(data, rows)
    entropy = torch.tensor([row["loss"] == "cross-entropy" for row in rows]).view(-1, 1, 1)
    generators = [np.random.default_rng(sweeps.seeds(row["seed"], row["fold"])[1]) for row in rows]
    training = [np.flatnonzero(own == 0) for own in part]
    steps = -(-max(map(len, training)) // BATCH)
    order = np.zeros((len(rows), steps * BATCH), int)
    weight = np.zeros(order.shape, np.float32)
    for k, own in enumerate(training):
        for start in range(0, len(own), BATCH):
            end = min(start + BATCH, len(own))
            weight[k, start:end] = 1 / (end - start)
    weights = torch.from_numpy(weight).view(len(rows), steps, BATCH, 1)
    # rows of all networks one after another, so that a batch is one selection
    flat, offset = x.flatten(0, 1), len(data) * torch.arange(len(rows)).unsqueeze(1)
    predicted = []

    for epoch in range(1, epochs + 1):
        for k, own in enumerate(training):
            order[k, : len(own)] = generators[k].permutation(own)
        batches = torch.from_numpy(order).view(len(rows), steps, BATCH)
        for step in range(steps):
            here, w = batches[:, step], weights[:, step]
            xb = flat.index_select(0, (here + offset).flatten()).view(len(rows), BATCH, -1)
            yb = y.index_select(0, here.flatten()).view(len(rows), BATCH, -1)
            h, out = stack.forward(xb)
            smooth = (out - yb).clamp_(-1, 1).mul_(1 / len(data.classes))  # smooth L1, averaged over classes
            # a network whose rows have run out waits for the others
            stack.step(xb, h, torch.where(entropy, out.softmax(-1) - yb, smooth).mul_(w), w[:, 0, 0] > 0)
        due = np.array([row["angle"] > 0 and (epoch == 1 or row["schedule"] == "every") for row in rows])
        if due.any():
            stack.prune(x, torch.from_numpy((part == 0).astype(np.float32)), np.flatnonzero(due))
        if epoch % every == 0:
            predicted.append(stack.forward(x)[1].argmax(-1).to(torch.int8).numpy())
    return np.stack(predicted, 1), stack.forward(x)[1].numpy(), part


class _Stack:
    """Shallow networks padded to one width, their parameters flat ``[K, P]``, and an optimiser of each one's own."""

    def __init__(self, data: EmotionData, rows: list[dict]):
        self.rows = rows
        nets = [sweeps.build(row | {"network": "shallow"}, data) for row in rows]  # as the report's own networks start
        width = max(row["hidden"] for row in rows)
        self.alive = torch.arange(width) < torch.tensor([row["hidden"] for row in rows]).unsqueeze(1)
        shapes = [(width, nets[0].hidden.in_features), (width,), (len(data.classes), width), (len(data.classes),)]
        self.flat = torch.zeros(len(rows), sum(int(np.prod(shape)) for shape in shapes))
        parts = self.flat.split([int(np.prod(shape)) for shape in shapes], 1)
        # views of the same memory: hidden weight and bias, output weight and bias
        self.w1, self.b1, self.w2, self.b2 = (part.view(-1, *shape) for part, shape in zip(parts, shapes, strict=True))
        for k, (net, row) in enumerate(zip(nets, rows, strict=True)):
            units = row["hidden"]
            self.w1[k, :units], self.b1[k, :units] = net.hidden.weight.detach(), net.hidden.bias.detach()
            self.w2[k, :, :units], self.b2[k] = net.output.weight.detach(), net.output.bias.detach()
        self.adam = torch.tensor([row["optimiser"] == "Adam" for row in rows])
        momentum = torch.tensor([0.9 * (row["optimiser"] != "SGD") for row in rows])  # Adam's first beta, too
        self.rate = torch.tensor([row["rate"] for row in rows])
        self.keep, self.fresh = momentum.unsqueeze(1), torch.where(self.adam, 0.1, 1.0).unsqueeze(1)
        self.mean, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.clock = torch.zeros(len(rows), dtype=torch.float64)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Activations ``[K, B, H]`` and outputs ``[K, B, C]``."""
        h = torch.baddbmm(self.b1.unsqueeze(1), x, self.w1.mT).sigmoid_()
        return h, torch.baddbmm(self.b2.unsqueeze(1), h, self.w2.mT)

    def step(self, x: Tensor, h: Tensor, d_out: Tensor, moving: Tensor) -> None:
        """One step of those that move, by Adam or by gradient descent, with PyTorch's defaults."""
        d_h = torch.ops.aten.sigmoid_backward(torch.bmm(d_out, self.w2), h)
        gradients = (torch.bmm(d_h.mT, x).flatten(1), d_h.sum(1), torch.bmm(d_out.mT, h).flatten(1), d_out.sum(1))
        g = torch.cat(gradients, 1)
        self.clock += moving
        started = self.clock.clamp(min=1)
        # Adam's bias corrections; gradient descent moves by rate times a decaying sum
        size = torch.where(self.adam, self.rate / (1 - 0.9**started), self.rate).float().mul_(moving).unsqueeze(1)
        root = (1 - 0.999**started).rsqrt().float().unsqueeze(1)
        if moving.all():
            self.mean.mul_(self.keep).addcmul_(g, self.fresh)
            self.square.mul_(0.999).addcmul_(g, g, value=0.001)
        else:
            on = moving.unsqueeze(1)
            self.mean = torch.where(on, self.mean * self.keep + g * self.fresh, self.mean)
            self.square = torch.where(on, self.square * 0.999 + g * g * 0.001, self.square)
        below = torch.where(self.adam.unsqueeze(1), self.square.sqrt().mul_(root).add_(1e-8), 1.0)
        self.flat.addcdiv_(self.mean * size, below, value=-1)
        self.w2.mul_(self.alive.unsqueeze(1))

    def prune(self, x: Tensor, counts: Tensor, due: np.ndarray) -> None:
        """Prunes some networks by their activations over the rows that count, as Algorithm 1 does."""
        which = torch.from_numpy(due)
        h = torch.baddbmm(self.b1[which].unsqueeze(1), x[which], self.w1[which].mT).sigmoid_()
        angle, centre = (torch.tensor([float(self.rows[k][name]) for k in due]) for name in ("angle", "centre"))
        self.alive[which], self.w2[which], self.b2[which] = prune(
            h, self.alive[which], self.w2[which], self.b2[which],
            angle=angle, centre=centre, merge=torch.zeros(len(due), dtype=torch.bool), weight=counts[which],
        )  # fmt: skip
