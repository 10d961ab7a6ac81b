"""Trains networks of one kind and recipe in step: one tensor operation serves them all.

Each network has its own start, its own batches and its own end, so that it ends as it would have, trained alone.

Axes: ``K`` networks, ``S`` splits (a fold of a repetition), ``V`` views (a split's scaling of some modalities), ``B``
batch, ``M`` modalities, ``D`` features, ``C`` classes, ``N`` rows of the data.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emolib import stacked, sweeps
from emolib.data import EmotionData
from emolib.folds import check_scaling, make_folds
from emolib.outcome import Outcome
from emolib.preprocessing import scale
from emolib.stack import Stack

FORWARD = {"shallow": stacked.shallow, "cnn": stacked.fusion}


class _Batches:
    """The shuffled batches of each split, padded to one shape.

    An epoch is a fresh permutation of the split's training rows; the last batch may be smaller. ``rows`` is
    ``[S, steps, B]``, ``weight`` of the same shape holds one over the batch's size, 0 where no row is.
    """

    def __init__(self, training: list[np.ndarray], batch: int, generator_seeds: list[int]):
        self.training = [torch.from_numpy(rows) for rows in training]
        self.generators = [torch.Generator().manual_seed(seed) for seed in generator_seeds]
        self.steps = np.array([-(-len(rows) // batch) for rows in training])
        self.rows = torch.zeros(len(training), self.steps.max(), batch, dtype=torch.long)
        self.weight = torch.zeros(self.rows.shape)
        self.splits = torch.arange(len(training))
        for split, rows in enumerate(self.training):
            size = torch.tensor([min(batch, len(rows) - start) for start in range(0, len(rows), batch)])
            filled = torch.arange(batch) < size.unsqueeze(1)
            self.weight[split, : len(size)] = filled / size.unsqueeze(1)

    def shuffle(self, split: int) -> None:
        rows = self.training[split]
        order = rows[torch.randperm(len(rows), generator=self.generators[split])]
        self.rows[split].view(-1)[: len(order)] = order

    def at(self, steps: np.ndarray) -> tuple[Tensor, Tensor]:
        """Rows and weights ``[S, B]`` of each split's batch number ``steps[split]``."""
        place = torch.from_numpy(steps)
        return self.rows[self.splits, place], self.weight[self.splits, place]


def train_stack(data: EmotionData, rows: list[dict], report: Callable[[int], object] = lambda epochs: None) -> list[Outcome]:
    """Trains networks of one shape and recipe in step; ``report`` is told of network-epochs done."""
    recipe = sweeps.recipe_of(rows[0])
    forward = FORWARD[rows[0]["network"]]
    shallow = rows[0]["network"] == "shallow"

    # Splits, and the inputs that each split's own scaling gives: views [V, N, M, D].
    split_keys, split_of_row = _unique([(r["protocol"], r["seed"], r["folds"], r["fold"]) for r in rows])
    view_keys, view_of_row = _unique([(*s, r["scaling"], r["modality"]) for s, r in zip((split_keys[i] for i in split_of_row), rows)])
    pairs = [make_folds(data, protocol, seed, count)[fold] for protocol, seed, count, fold in split_keys]
    inputs = torch.stack([_inputs(data, *key) for key in view_keys])
    everything = inputs.flatten(0, 1)  # [V * N, M, D]
    targets = F.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(inputs.dtype)
    labels = torch.from_numpy(data.labels)

    stack = Stack(data, rows, recipe)
    batches = _Batches([train for train, _ in pairs], recipe.batch, [sweeps.seeds(s, f)[1] for _, s, _, f in split_keys])
    split = torch.from_numpy(split_of_row)
    view = torch.from_numpy(view_of_row)
    position = np.arange(len(rows))  # of the networks still training
    outcomes: list[Outcome | None] = [None] * len(rows)

    for s in range(len(split_keys)):
        batches.shuffle(s)
    step = np.zeros(len(split_keys), int)
    epoch = np.zeros(len(split_keys), int)
    loss_sum = torch.zeros(len(rows))
    losses: list[list[float]] = [[] for _ in rows]
    best = np.full(len(rows), np.inf)
    waited = np.zeros(len(rows), int)

    while len(position):
        live = np.unique(split.numpy())
        for _ in range((batches.steps - step)[live].min()):
            batch, weight = (of_split.index_select(0, split) for of_split in batches.at(step))  # [K, B]
            places = (batch + (view * len(data)).unsqueeze(1)).flatten()
            x = everything.index_select(0, places).view(*batch.shape, *everything.shape[1:])  # [K, B, M, D]
            target = targets.index_select(0, batch.flatten()).view(*batch.shape, -1)
            out, backward = forward(stack.parameters, x)
            loss, d_out = stacked.smooth_l1(out, target, weight)
            stack.step(backward(d_out))
            loss_sum += loss
            step[live] += 1

        ended = live[step[live] == batches.steps[live]]
        step[ended] = 0
        epoch[ended] += 1
        for s in ended:
            batches.shuffle(s)
        at_end = np.flatnonzero(np.isin(split.numpy(), ended))  # networks whose epoch ended
        means = loss_sum[at_end].numpy() / batches.steps[split[at_end]]
        loss_sum[at_end] = 0
        for k, mean in zip(position[at_end], means, strict=True):
            losses[k].append(mean)
        report(len(at_end))

        if shallow:
            due = at_end[stack.prunes[at_end] & ((epoch[split[at_end]] == 1) | stack.prunes_on[at_end])]
            if len(due):
                in_training = torch.zeros(len(due), len(data))
                for i, k in enumerate(due):
                    in_training[i, pairs[split[k]][0]] = 1
                stack.prune(torch.from_numpy(due), inputs[view[due]], in_training)

        fell = means < best[at_end] * (1 - recipe.tolerance)
        best[at_end] = np.where(fell, means, best[at_end])
        waited[at_end] = np.where(fell, 0, waited[at_end] + 1)
        stopped = (recipe.patience > 0) & (waited[at_end] >= recipe.patience)
        done = at_end[stopped | (epoch[split[at_end]] == recipe.epochs)]
        if len(done):
            scores = forward({name: p[done] for name, p in stack.parameters.items()}, inputs[view[done]])[0]
            right = (scores.argmax(-1) == labels).numpy()
            for i, k in enumerate(done):
                trained_on, tested = pairs[split[k]]
                outcomes[position[k]] = Outcome(
                    scores=scores[i, tested].numpy(),
                    weights=stack.weights(k),
                    losses=np.array(losses[position[k]], np.float32),
                    units=stack.units(k),
                    train_accuracy=float(right[i, trained_on].mean()),
                    stopped=bool(recipe.patience and waited[k] >= recipe.patience),
                )
                report(recipe.epochs - len(losses[position[k]]))
            left = np.setdiff1d(np.arange(len(position)), done)
            stack.keep(left)
            position, best, waited = position[left], best[left], waited[left]
            split, view, loss_sum = split[left], view[left], loss_sum[left]
    return outcomes


def _unique(keys: list[tuple]) -> tuple[list[tuple], np.ndarray]:
    """Distinct keys in order of appearance, and the number of each given key among them."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return list(numbers), np.array([numbers[key] for key in keys])


def _inputs(data: EmotionData, protocol: str, seed: int, count: int, fold: int, scaling: str, modality: str) -> Tensor:
    """Scaled features ``[N, M, D]`` as one fold of one repetition sees them."""
    train, _ = make_folds(data, protocol, seed, count)[fold]
    rows = train if scaling == "training rows" else None
    parts = [scale(data, part, rows) for part in modality.split("+")]
    if rows is not None:
        for part in parts:
            check_scaling(part, rows)
    scaled = np.stack(parts, axis=1)
    return torch.from_numpy(scaled).to(torch.get_default_dtype())  # as the modules are made
