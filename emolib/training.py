"""Trains a table of networks at once: a sweep in, every network's scores on the rows it never saw back.

Networks of one kind and recipe are stacked and take their steps together (:mod:`emolib.lockstep`); stacks run side by
side, a core each. What a network becomes depends on neither.

Axes: ``R`` repetitions, ``N`` rows of the data, ``T`` tested rows, ``C`` classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import joblib
import numpy as np
import pandas as pd
import torch
from torch import nn

from emolib import image_branch, sweeps
from emolib.cache import Cache
from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.lockstep import train_stack
from emolib.outcome import Outcome
from emolib.progress import track
from emolib.sweeps import NETWORK, REPETITION, recipe_of

# Networks a stack. Up to the second number its tensors stay in a core's cache; below the first, overhead dominates
# and a stack is not worth splitting over cores.
STACK = {"shallow": (64, 512), "cnn": (25, 50)}


@dataclass(frozen=True)
class Trained:
    """A sweep and what became of it.

    Attributes:
        table: the sweep, one row a network, with the columns ``units``, ``parameters``, ``epochs``, ``loss``,
            ``train_accuracy`` and ``stopped`` added.
        outcomes: one a row, in the same order.
        data: what it was trained on.
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
            _, test = make_folds(self.data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
            scores[number, test] = self.outcomes[position].scores
        return table, scores

    def member(self, position: int) -> nn.Module:
        """The trained network of one row as a plain, compacted module."""
        row, outcome = self.table.iloc[position].to_dict(), self.outcomes[position]
        build = image_branch.build if row["network"] == image_branch.NETWORK else sweeps.build
        net = build(row | {"hidden": max(outcome.units, 1)}, self.data)
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
    image_branch.train_missing(data, rows, outcomes, lambda place: cache and cache.put(data, {place: rows[place]}, outcomes), jobs)
    missing = [position for position, outcome in enumerate(outcomes) if outcome is None]
    shards = _shards(data, rows, missing, jobs or joblib.cpu_count())
    epochs = [sum(recipe_of(rows[position]).epochs for position in shard) for shard in shards]

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


@contextmanager
def _counted(shards: int, total: int, label: str) -> Iterator[Path]:
    """Shows progress of work that other processes do: each counts network-epochs in a place of its own in a file."""
    with track(total, label) as progress, TemporaryDirectory(prefix="emolib-") as folder:
        path, over = Path(folder, "done"), Event()
        done = np.memmap(path, np.int64, "w+", shape=max(shards, 1))

        def follow() -> None:
            shown = 0
            running = True
            while running:
                running = not over.wait(0.2)  # once more at the end, for what came since
                now = int(done.sum())
                progress.update(now - shown)
                shown = now

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


def _shards(data: EmotionData, rows: list[dict], missing: list[int], jobs: int) -> list[list[int]]:
    """Positions of rows by the stack that trains them: one recipe, and as alike in size as possible."""
    groups: dict[tuple, list[int]] = {}
    for position in missing:
        row = rows[position]
        groups.setdefault((row["network"], row["recipe"], row["modality"].count("+")), []).append(position)

    def size(position: int) -> tuple[int, int]:
        row = rows[position]
        train, _ = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
        return row["hidden"], len(train)

    shards = []
    for (network, *_), positions in groups.items():
        fewest, most = STACK[network]
        count = max(-(-len(positions) // most), min(jobs, len(positions) // fewest), 1)
        shards += [part.tolist() for part in np.array_split(sorted(positions, key=size), count)]

    def cost(shard: list[int]) -> int:
        row = rows[shard[0]]
        return recipe_of(row).epochs * (STACK[row["network"]][0] + len(shard))

    return sorted(shards, key=cost, reverse=True)  # the longest first, so that no core is left with one at the end
