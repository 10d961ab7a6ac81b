"""Trains a table of networks at once: a sweep in, every network's scores on the rows it never saw
back.

The table is cut into shards of networks alike (:mod:`emolib.training.stack`), and shards go out
through joblib: to the cores of this machine, or to a Dask cluster. A shard is a function of its
rows and the data alone, and what a network becomes depends neither on its shard nor on where that
ran.

Axes: ``R`` repetitions, ``N`` rows of the data, ``T`` tested rows, ``C`` classes.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from emolib.data import EmotionData
from emolib.training import image_network, sweeps
from emolib.training.cache import Cache
from emolib.training.cores import core
from emolib.training.kernels.shallow import LANES
from emolib.training.result import NetworkResult
from emolib.training.stack import PRECISIONS, train_stack
from emolib.training.sweeps import NETWORK, REPETITION, Row, recipe_of
from emolib.utils.progress import track

# The environment variable that names a Dask scheduler to send the shards to.
CLUSTER = "EMOLIB_CLUSTER"
# About what a step of one network takes, for each of its modalities; only to cut a sweep into
# shards of some SECONDS, which is what an interruption costs at most.
STEP = {"shallow": 1.3e-6, "cnn": 55e-6}
STEP_UNCOMPILED = 100e-6  # of any other network
SECONDS = 2.0
# What a shard may hold in memory, and how many networks a graphics card is given at once.
BYTES = 64 * 2**20
ON_CARD = 4096


@dataclass(frozen=True)
class Trained:
    """A sweep and what became of it.

    Attributes:
        table: the sweep, one row a network, with the columns ``units``, ``parameters``, ``epochs``,
            ``train_loss``, ``train_accuracy`` and ``stopped`` added.
        results: one a row, in the same order.
        data: what it was trained on.
    """

    table: pd.DataFrame
    results: list[NetworkResult]
    data: EmotionData

    def out_of_fold(self) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        """Puts the folds of each repetition together.

        Returns:
            One row a repetition (the sweep's columns but ``fold``, and means over folds of what
            training added), and the scores ``[R, N, C]`` that each row of the data got from the
            network that had not seen it.
        """
        repetitions = self.table.groupby(REPETITION, sort=False)
        table = (
            repetitions[
                ["units", "parameters", "epochs", "train_loss", "train_accuracy", "stopped"]
            ]
            .mean()
            .reset_index()
        )
        scores = np.full((len(table), len(self.data), len(self.data.classes)), np.nan, np.float32)
        for number, position in zip(repetitions.ngroup(), range(len(self.table)), strict=True):
            result = self.results[position]
            scores[number, result.test_rows] = result.scores
        table["tested"] = (~np.isnan(scores[..., 0])).sum(1)
        return table, scores

    def member(self, position: int) -> nn.Module:
        """The trained network of one row as a plain, compacted module."""
        (row,), result = (
            self.table.iloc[[position]].to_dict("records", into=Row()),
            self.results[position],
        )
        build = image_network.build if row["network"] == image_network.NETWORK else sweeps.build
        net = build(row | {"hidden": max(result.units, 1)}, self.data)
        nn.utils.vector_to_parameters(torch.from_numpy(result.weights.copy()), net.parameters())
        return net


def train(
    data: EmotionData,
    table: pd.DataFrame,
    *,
    cache: Cache | None = None,
    jobs: int | None = None,
    device: str = "auto",
    precision: str = "float32",
) -> Trained:
    """Trains every network of a sweep.

    Args:
        data: what to learn from.
        table: one row a network, see :func:`emolib.training.sweeps.sweep`.
        cache: where results are kept as soon as their shard is done; a row found there is not
            trained again, so an interrupted call goes on where it was. Nothing is kept when not
            given.
        jobs: shards trained side by side, by default one a core of this machine or of the cluster.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a graphics card where there is one.
        precision: ``"float32"``, ``"float64"``, or on a graphics card ``"tf32"`` or ``"bfloat16"``.

    Memory: a shard holds at most about :data:`BYTES`, and one is in work on each core; what stays
    are the results, a few kilobytes each.

    Raises:
        ValueError: a row that no network can be trained for, folds that cannot be made, a device or
            precision that is not there.

    Example:
        >>> trained = train(data, sweep(modality="PHOG", seed=range(10)))
        >>> repetitions, scores = trained.out_of_fold()
    """
    sweeps.check(table, data)
    device = _device(device, precision)
    engine = f"{device} {precision}"
    rows = table[NETWORK].to_dict("records", into=Row())
    found: dict[int, NetworkResult] = {}  # by position

    def keep(positions: Iterable[int]) -> None:
        if cache:
            cache.put(data, [(rows[position], found[position]) for position in positions], engine)

    if cache:
        kept = ((position, cache.get(data, row, engine)) for position, row in enumerate(rows))
        found |= {position: result for position, result in kept if result is not None}
    image_network.train_missing(data, rows, found, lambda place: keep([place]), jobs)
    missing = [position for position in range(len(rows)) if position not in found]
    if missing:
        _train_missing(data, rows, missing, found, keep, jobs, device, precision)

    results = [found[position] for position in range(len(rows))]
    added = pd.DataFrame(
        {
            "units": [result.units for result in results],
            "parameters": [len(result.weights) for result in results],
            "epochs": [len(result.losses) for result in results],
            "train_loss": [result.losses[-1] for result in results],
            "train_accuracy": [result.train_accuracy for result in results],
            "stopped": [result.stopped for result in results],
        },
        index=table.index,
    )
    added.index = table.index
    extra = [column for column in table if column not in added]
    return Trained(
        pd.concat([table[extra], added], axis=1).reset_index(drop=True), results, data
    )


def _train_missing(
    data: EmotionData,
    rows: list[Row],
    missing: list[int],
    found: dict[int, NetworkResult],
    keep: Callable[[list[int]], None],
    jobs: int | None,
    device: str,
    precision: str,
) -> None:
    """Trains the rows at some positions, adds their results to those that are ``found``, and keeps
    them shard by shard.
    """
    with _workers():
        jobs = 1 if device == "cuda" else jobs or joblib.effective_n_jobs(-1)
        shards = _shards(data, rows, missing, jobs, device)
        epochs = [sum(recipe_of(rows[position]).epochs for position in shard) for shard in shards]
        # Threads: compiled loops leave the interpreter's lock alone, and a process would load
        # everything anew.
        work = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")
        with track(sum(epochs), f"training {len(missing):,} networks") as progress:
            for number, trained in work(
                joblib.delayed(_train_shard)(
                    number, data, [rows[position] for position in shard], device, precision
                )
                for number, shard in enumerate(shards)
            ):
                found.update(zip(shards[number], trained, strict=True))
                keep(shards[number])
                progress.update(epochs[number])


def _device(device: str, precision: str) -> str:
    """Where to train, ``"cpu"`` or ``"cuda"``."""
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {device!r}; it must be auto, cpu or cuda")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device is 'cuda', but there is no graphics card that PyTorch can use here; device='cpu' works everywhere"
        )
    device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    if device == "cpu" and precision in ("tf32", "bfloat16"):
        raise ValueError(
            f"precision is {precision!r}, which only a graphics card computes in; take float32 or float64"
        )
    return device


@contextmanager
def _workers() -> Iterator[None]:
    """Sends joblib's work to the Dask cluster that :data:`CLUSTER` names, if it names one."""
    address = os.environ.get(CLUSTER)
    if not address:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            f"{CLUSTER} is set, but Dask is not installed: pip install 'emolib[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as reason:
        raise ValueError(f"no Dask scheduler answers at {address}") from reason
    with client, joblib.parallel_config("dask"):
        yield


def _train_shard(
    number: int, data: EmotionData, rows: list[Row], device: str, precision: str
) -> tuple[int, list[NetworkResult]]:
    with core(), _arithmetic(precision):
        return number, train_stack(data, rows, device, precision)


@contextmanager
def _arithmetic(precision: str) -> Iterator[None]:
    """Full precision unless told otherwise: PyTorch by itself lets a card's convolutions round to
    ten bits.
    """
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, convolution.allow_tf32
    matmul.allow_tf32 = convolution.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, convolution.allow_tf32 = before


def _shards(
    data: EmotionData, rows: list[Row], missing: list[int], jobs: int, device: str
) -> list[list[int]]:
    """Positions of rows by the shard that trains them: one kind of network, alike in size, and
    splits kept together.
    """
    groups: dict[tuple[str, int, int], list[int]] = {}
    for position in missing:
        row = rows[position]
        groups.setdefault(
            (row["network"], row["modality"].count("+") + 1, recipe_of(row).batch), []
        ).append(position)

    shards: list[tuple[float, list[int]]] = []
    for (network, modalities, batch), positions in groups.items():

        def alike(position: int) -> tuple[Any, ...]:
            row = rows[position]
            return (
                row["hidden"],
                recipe_of(row).epochs,
                row["loss"],
                row["protocol"],
                row["folds"],
                row["seed"],
                row["fold"],
            )

        def seconds(position: int) -> float:
            return (
                recipe_of(rows[position]).epochs
                * len(data)
                / batch
                * STEP.get(network, STEP_UNCOMPILED)
                * modalities
            )

        features = modalities * data.features[data.modalities[0]].shape[1]
        held = (
            len(data) * (features + len(data.classes) + 1) * 4
        )  # one network's inputs, scores and order, if it shares none
        most = ON_CARD if device == "cuda" else max(BYTES // held, 1)
        wanted = 1 if device == "cuda" else int(sum(map(seconds, positions)) / SECONDS)
        if network == "shallow":
            wanted = min(
                wanted, len(positions) // LANES
            )  # shallow networks train side by side at the price of one
        count = max(-(-len(positions) // most), min(jobs, -(-len(positions) // 16)), wanted)
        for part in np.array_split(sorted(positions, key=alike), min(count, len(positions))):
            shards.append((sum(map(seconds, part)), part.tolist()))
    shards.sort(
        key=lambda shard: shard[0], reverse=True
    )  # the longest first, so that no core is left with one at the end
    return [shard for _, shard in shards]
