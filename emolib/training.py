"""Trains a table of networks at once: a sweep in, every network's scores on the rows it never saw back.

Networks of one shape and recipe are stacked (:mod:`emolib.stacked`) and take their steps together. Each has its own
start, its own batches and its own end, so that it ends as it would have, trained alone.

Axes: ``K`` networks, ``S`` splits (a fold of a repetition), ``B`` batch, ``M`` modalities, ``D`` features, ``H`` hidden
units, ``C`` classes, ``N`` rows of the data.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import joblib
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emolib import stacked, sweeps
from emolib.cache import Cache
from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.preprocessing import scale
from emolib.progress import track
from emolib.pruning import prune
from emolib.sweeps import NETWORK, RECIPES, REPETITION

# Networks a stack. Up to the second number its tensors stay in a core's cache; below the first, overhead dominates
# and a stack is not worth splitting over cores.
STACK = {"shallow": (64, 512), "cnn": (25, 50)}
FORWARD = {"shallow": stacked.shallow, "cnn": stacked.fusion}
# Narrower networks of a stack are padded with hidden units that count for nothing; rows of eight numbers compute best.
WIDTH = 8


@dataclass(frozen=True)
class Outcome:
    """What training leaves of one network.

    Attributes:
        scores: outputs on the test rows ``[T, C]``, in the order of the fold's test rows.
        weights: parameters of the compacted network, flat, in the order of the module's own.
        losses: mean training loss of each epoch.
        units: hidden units left (0 for a CNN).
        train_accuracy: share of training rows predicted right at the end.
        stopped: whether the loss had stopped falling before the recipe's last epoch.
    """

    scores: np.ndarray
    weights: np.ndarray
    losses: np.ndarray
    units: int
    train_accuracy: float
    stopped: bool


@dataclass(frozen=True)
class Trained:
    """A sweep and what became of it.

    Attributes:
        table: the sweep, one row a network, with the columns ``units``, ``parameters``, ``epochs``, ``loss``,
            ``train_accuracy`` and ``stopped`` added.
        outcomes: one a row, in the same order.
    """

    table: pd.DataFrame
    outcomes: list[Outcome]
    data: EmotionData

    def out_of_fold(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Puts the folds of each repetition together.

        Returns:
            One row a repetition (the sweep's columns but ``fold``, and means over folds of what training added), and
            the scores ``[R, N, C]`` that each row of the data got from the network that had not seen it.
        """
        repetitions = self.table.groupby(REPETITION, sort=False)
        table = repetitions[["units", "parameters", "epochs", "loss", "train_accuracy", "stopped"]].mean().reset_index()
        scores = np.full((len(table), len(self.data), len(self.data.classes)), np.nan, np.float32)
        for number, position in zip(repetitions.ngroup(), range(len(self.table)), strict=True):
            row = self.table.iloc[position]
            _, test = split_of(self.data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
            scores[number, test] = self.outcomes[position].scores
        return table, scores

    def member(self, position: int) -> nn.Module:
        """The trained network of one row as a plain, compacted module."""
        row, outcome = self.table.iloc[position].to_dict(), self.outcomes[position]
        net = sweeps.build(row | {"hidden": max(outcome.units, 1)}, self.data)
        nn.utils.vector_to_parameters(torch.from_numpy(outcome.weights.copy()), net.parameters())
        return net


def train(data: EmotionData, table: pd.DataFrame, *, cache: Cache | None = None, jobs: int | None = None) -> Trained:
    """Trains every network of a sweep.

    Args:
        data: what to learn from.
        table: one row a network, see :func:`emolib.sweeps.sweep`.
        cache: where outcomes are kept; a row found there is not trained again. Nothing is kept when not given.
        jobs: stacks trained side by side, by default one a core.

    Raises:
        ValueError: a row that no network can be trained for, or folds that cannot be made.

    Example:
        >>> trained = train(data, sweep(modality="PHOG", seed=range(10)))
        >>> repetitions, scores = trained.out_of_fold()
    """
    sweeps.check(table, data)
    rows = table[NETWORK].to_dict("records")
    outcomes: list[Outcome | None] = [cache.get(data, row) if cache else None for row in rows]
    missing = [position for position, outcome in enumerate(outcomes) if outcome is None]
    shards = _shards(data, rows, missing, jobs or joblib.cpu_count())
    epochs = [sum(_recipe(rows[position]).epochs for position in shard) for shard in shards]

    # Processes, not threads: a step is dozens of tiny operations, and threads would queue for the interpreter.
    with _counted(len(shards), sum(epochs), f"training {len(missing):,} networks") as counter:
        work = joblib.Parallel(n_jobs=min(jobs or joblib.cpu_count(), max(len(shards), 1)), return_as="generator_unordered")
        for number, trained in work(
            joblib.delayed(_train_shard)(data, [rows[position] for position in shard], counter, number)
            for number, shard in enumerate(shards)
        ):
            for position, outcome in zip(shards[number], trained, strict=True):
                outcomes[position] = outcome
            if cache:
                cache.put(data, {position: rows[position] for position in shards[number]}, outcomes)

    added = pd.DataFrame(
        {
            "units": [outcome.units for outcome in outcomes],
            "parameters": [len(outcome.weights) for outcome in outcomes],
            "epochs": [len(outcome.losses) for outcome in outcomes],
            "loss": [outcome.losses[-1] for outcome in outcomes],
            "train_accuracy": [outcome.train_accuracy for outcome in outcomes],
            "stopped": [outcome.stopped for outcome in outcomes],
        },
        index=table.index,
    )
    return Trained(table[NETWORK].join(added), outcomes, data)


@lru_cache(maxsize=256)
def split_of(data: EmotionData, protocol: str, seed: int, count: int):
    """:func:`emolib.folds.make_folds`, remembered."""
    return make_folds(data, protocol, seed, count)


@contextmanager
def _counted(shards: int, total: int, label: str) -> Iterator[Path]:
    """Shows progress of work that other processes do: each counts network-epochs in a place of its own in a file."""
    with track(total, label) as progress, TemporaryDirectory(prefix="emolib-") as folder:
        path, over = Path(folder, "done"), Event()
        done = np.memmap(path, np.int64, "w+", shape=max(shards, 1))

        def follow() -> None:
            shown = 0
            while not over.wait(0.2):
                progress.update(int(done.sum()) - shown)
                shown = int(done.sum())

        follower = Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield path
        finally:
            over.set()
            follower.join()


def _train_shard(data: EmotionData, rows: list[dict], counter: Path, number: int) -> tuple[int, list[Outcome]]:
    done = np.memmap(counter, np.int64, "r+")

    def report(epochs: int) -> None:
        done[number] += epochs

    return number, train_stack(data, rows, report)


def _recipe(row: dict) -> sweeps.Recipe:
    return RECIPES[row["network"], row["recipe"]]


def _shards(data: EmotionData, rows: list[dict], missing: list[int], jobs: int) -> list[list[int]]:
    """Positions of rows by the stack that trains them: one recipe, and as alike in size as possible."""
    groups: dict[tuple, list[int]] = {}
    for position in missing:
        row = rows[position]
        groups.setdefault((row["network"], row["recipe"], row["modality"].count("+")), []).append(position)

    def size(position: int) -> tuple[int, int]:
        row = rows[position]
        train, _ = split_of(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
        return row["hidden"], len(train)

    shards = []
    for (network, *_), positions in groups.items():
        fewest, most = STACK[network]
        count = max(-(-len(positions) // most), min(jobs, len(positions) // fewest), 1)
        shards += [part.tolist() for part in np.array_split(sorted(positions, key=size), count)]

    def cost(shard: list[int]) -> int:
        row = rows[shard[0]]
        return _recipe(row).epochs * (STACK[row["network"]][0] + len(shard))

    return sorted(shards, key=cost, reverse=True)  # the longest first, so that no core is left with one at the end


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
    recipe = _recipe(rows[0])
    forward = FORWARD[rows[0]["network"]]
    shallow = rows[0]["network"] == "shallow"

    # Splits, and the inputs that each split's own scaling gives: views [V, N, M, D].
    split_keys, split_of_row = _unique([(r["protocol"], r["seed"], r["folds"], r["fold"]) for r in rows])
    view_keys, view_of_row = _unique([(*s, r["scaling"], r["modality"]) for s, r in zip((split_keys[i] for i in split_of_row), rows)])
    pairs = [split_of(data, protocol, seed, count)[fold] for protocol, seed, count, fold in split_keys]
    inputs = torch.stack([_inputs(data, *key) for key in view_keys])
    everything = inputs.flatten(0, 1)  # [V * N, M, D]
    targets = F.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(inputs.dtype)
    labels = torch.from_numpy(data.labels)

    stack = _Stack(data, rows, recipe)
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
    train, _ = split_of(data, protocol, seed, count)[fold]
    rows = train if scaling == "training rows" else None
    scaled = np.stack([scale(data, part, rows) for part in modality.split("+")], axis=1)
    return torch.from_numpy(scaled).to(torch.get_default_dtype())  # as the modules are made


class Adam:
    """:class:`torch.optim.Adam` with its defaults, on stacked parameters that come and go.

    The optimiser's own class spends more time on bookkeeping than a step of these networks takes, and cannot let go of
    networks that are done; the arithmetic is PyTorch's, in one call.
    """

    def __init__(self, parameters: stacked.Parameters, learning_rate: float):
        self.learning_rate = learning_rate
        self.mean = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.square = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.steps = [torch.zeros((), dtype=torch.float32) for _ in parameters]

    def step(self, parameters: stacked.Parameters, gradients: stacked.Parameters) -> None:
        torch._foreach_add_(self.steps, 1)
        torch._fused_adam_(
            list(parameters.values()),
            [gradients[name].contiguous() for name in parameters],  # the fused kernel does not look at strides
            list(self.mean.values()),
            list(self.square.values()), [], self.steps, lr=self.learning_rate, beta1=0.9, beta2=0.999, eps=1e-8,
            weight_decay=0.0, amsgrad=False, maximize=False,
        )  # fmt: skip

    def keep(self, left: np.ndarray) -> None:
        self.mean = {name: value[left] for name, value in self.mean.items()}
        self.square = {name: value[left] for name, value in self.square.items()}


class _Stack:
    """Parameters and optimiser of networks of one shape; padded and pruned hidden units have zero outgoing weights."""

    def __init__(self, data: EmotionData, rows: list[dict], recipe: sweeps.Recipe):
        nets = [sweeps.build(row, data) for row in rows]
        names = [name for name, _ in nets[0].named_parameters()]
        self.alive = None
        if rows[0]["network"] == "shallow":
            hidden = torch.tensor([int(row["hidden"]) for row in rows])
            width = -(-int(hidden.max()) // WIDTH) * WIDTH
            self.alive = torch.arange(width) < hidden.unsqueeze(1)  # [K, H]
            for net in nets:
                _pad(net, self.alive.shape[1])
        self.parameters = stacked.pack(
            {name: torch.stack([net.get_parameter(name).detach() for net in nets]) for name in names}
        )
        self.angle = torch.tensor([row["angle"] for row in rows])
        self.centre = torch.tensor([row["centre"] for row in rows])
        self.merge = torch.tensor([row["merge"] for row in rows])
        self.prunes = np.array([row["angle"] > 0 for row in rows])
        self.prunes_on = np.array([row["schedule"] == "every" for row in rows])
        self.optimiser = Adam(self.parameters, recipe.learning_rate)
        self._mask()

    def _mask(self) -> None:
        self.mask = None if self.alive is None or self.alive.all() else self.alive.unsqueeze(1).float()  # [K, 1, H]

    def step(self, gradients: stacked.Parameters) -> None:
        self.optimiser.step(self.parameters, gradients)
        if self.mask is not None:
            self.parameters["output.weight"] *= self.mask

    def prune(self, which: Tensor, inputs: Tensor, in_training: Tensor) -> None:
        """Prunes some networks by their activations over the training rows; survivors keep weights and momentum."""
        p = self.parameters
        h = torch.sigmoid(stacked.linear(inputs.flatten(2), p["hidden.weight"][which], p["hidden.bias"][which]))
        self.alive[which], p["output.weight"][which], p["output.bias"][which] = prune(
            h, self.alive[which], p["output.weight"][which], p["output.bias"][which],
            angle=self.angle[which], centre=self.centre[which], merge=self.merge[which], weight=in_training,
        )  # fmt: skip
        self._mask()

    def units(self, k: int) -> int:
        return 0 if self.alive is None else int(self.alive[k].sum())

    def weights(self, k: int) -> np.ndarray:
        """Parameters of one network, flat, without the units that count for nothing."""
        parts = {name: p[k] for name, p in stacked.unpack(self.parameters).items()}
        if self.alive is not None:
            alive = self.alive[k]
            parts["hidden.weight"], parts["hidden.bias"] = parts["hidden.weight"][alive], parts["hidden.bias"][alive]
            parts["output.weight"] = parts["output.weight"][:, alive]
        return torch.cat([part.flatten() for part in parts.values()]).numpy()

    def keep(self, left: np.ndarray) -> None:
        """Leaves only the networks at these places, with their optimiser's state."""
        self.parameters = {name: p[left] for name, p in self.parameters.items()}
        self.optimiser.keep(left)
        self.alive = None if self.alive is None else self.alive[left]
        self.angle, self.centre, self.merge = self.angle[left], self.centre[left], self.merge[left]
        self.prunes, self.prunes_on = self.prunes[left], self.prunes_on[left]
        self._mask()


def _pad(net: nn.Module, width: int) -> None:
    """Adds hidden units that count for nothing, up to ``width``."""
    extra = width - net.hidden.out_features
    net.hidden.weight = nn.Parameter(F.pad(net.hidden.weight.detach(), (0, 0, 0, extra)))
    net.hidden.bias = nn.Parameter(F.pad(net.hidden.bias.detach(), (0, extra)))
    net.output.weight = nn.Parameter(F.pad(net.output.weight.detach(), (0, extra)))
