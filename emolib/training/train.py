"""Training of all networks of a sweep: scores of every network on the rows it never saw.

The table is cut into shards of similar networks (:mod:`emolib.training.stack`). joblib hands them
to the cores of this machine, or Dask to the workers of a cluster. A shard is a function of its rows
and the data alone, and the result of a network depends neither on its shard nor on the machine.

Axes: ``R`` repetitions, ``N`` rows of the data, ``T`` tested rows, ``C`` classes.
"""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn
from tqdm import tqdm

from emolib.data import EmotionData
from emolib.metrics import UNTESTED, predict
from emolib.training import sweeps
from emolib.training.cache import LIBRARIES, SOURCES, Cache, NetworkResult
from emolib.training.kernels.vector import VECTOR
from emolib.training.stack import PRECISIONS, train_stack
from emolib.utils import cluster
from emolib.utils.cache import source_digest, version
from emolib.utils.console import say_once
from emolib.utils.validation import one_of, whole_number

# About what a step of one network takes, for each of its modalities; only to cut a sweep into
# shards of some SECONDS, which is what an interruption costs at most.
STEP = {"shallow": 0.7e-6, "cnn": 16e-6, sweeps.IMAGE_NETWORK: 400e-6}
STEP_UNCOMPILED = 100e-6  # of any other network
SECONDS = 2.0
# What a shard may hold in memory, and how many networks a graphics card is given at once.
BYTES = 64 * 2**20
ON_CARD = 4096

# Columns that training adds to a sweep: hidden units left, parameters, epochs run, training loss
# and accuracy of the last one, share of outputs in the loss's linear branch, whether the loss had
# stopped falling, number of rows tested.
ADDED = [
    *("units", "parameters", "epochs", "train_loss", "train_accuracy", "linear_share"),
    *("stopped", "tested"),
]


@dataclass(frozen=True)
class Trained:
    """A trained sweep: its table, and the result of each row.

    Attributes:
        table: the sweep, one row per network, numbered from 0, with the columns :data:`ADDED`;
            columns of the user's own are kept.
        results: one per row, in the same order.
        data: what it was trained on.
    """

    table: pd.DataFrame
    results: list[NetworkResult]
    data: EmotionData

    def out_of_fold(self) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        """Scores of each repetition, its folds put together.

        Returns:
            One row per repetition (the sweep's columns but ``fold``, own columns that do not tell
            the folds of a repetition apart, means over folds of what training added, and how many
            rows were ``tested``), and the scores ``[R, N, C]`` that each row of the data got from
            the network that had not seen it, NaN where none tested it.
        """
        number, own = _repetitions(self.table)
        first = np.unique(number, return_index=True)[1]
        scores = np.full((len(first), len(self.data), len(self.data.classes)), np.nan, np.float32)
        for place, result in zip(number, self.results, strict=True):
            scores[place, result.test_rows] = result.scores
        means = self.table.groupby(number, sort=False)[ADDED].mean()
        means["tested"] = (predict(scores) != UNTESTED).sum(-1)
        named = self.table[[*sweeps.REPETITION, *own]].iloc[first].reset_index(drop=True)
        return named.join(means), scores

    @property
    def steps(self) -> dict[str, int]:
        """Training steps by kind of network, ``"shallow"``, ``"cnn"`` or ``"cnn fusion"``: epochs
        times batches of the rows that a network did not test, whether it was trained now or before.
        """
        rows = self.table.to_dict("records", into=sweeps.Row())
        kinds = [
            row["network"] + " fusion" * (row["network"] != "shallow" and "+" in row["modality"])
            for row in rows
        ]
        batches = [
            -(-(len(self.data) - len(result.test_rows)) // sweeps.recipe_of(row).batch)
            for row, result in zip(rows, self.results, strict=True)
        ]
        return dict((self.table["epochs"] * batches).groupby(kinds).sum().astype(int))

    def member(self, position: int) -> nn.Module:
        """The trained network of one row as a plain, compacted module.

        Args:
            position: of the row, counted from 0 whatever the table's index.
        """
        position = whole_number("position", position, 0, len(self.results) - 1)
        row, result = dict(self.table.iloc[position]), self.results[position]
        net = sweeps.build(row | {"hidden": max(result.units, 1)}, self.data)
        nn.utils.vector_to_parameters(torch.from_numpy(result.weights.copy()), net.parameters())
        return net


def _repetitions(table: pd.DataFrame) -> tuple[NDArray[np.intp], list[Any]]:
    """The repetition of each row ``[K]``, and the own columns that belong to repetitions.

    Rows of one repetition are equal in all columns but the fold. A column of the user's own that
    differs between them separates repetitions if each then still has all its folds (a model's name,
    where two models were put together), and is left out if not (a running number).
    """
    groups = table.groupby(sweeps.REPETITION, sort=False, dropna=False)
    number, all_folds = groups.ngroup(), groups["fold"].transform("nunique")
    kept: list[Any] = []
    for name in table.columns.difference([*sweeps.NETWORK, *ADDED], sort=False):
        finer = table.groupby([number, table[name].map(repr)], sort=False)
        if (finer["fold"].transform("nunique") == all_folds).all():
            number = finer.ngroup()
            kept.append(name)
    return np.asarray(number, np.intp), kept


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
        table: one row per network, see :func:`emolib.training.sweeps.sweep`. Its index is ignored,
            and columns of your own are kept.
        cache: where results are kept as soon as their shard is done; a row found there is not
            trained again, so an interrupted call goes on where it was. Nothing is kept when not
            given.
        jobs: shards trained side by side; by default one per core of the machine or cluster.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a graphics card where there is one.
        precision: ``"float32"`` or ``"float64"``.

    Memory: a shard holds at most about :data:`BYTES`, and one is in work on each core; what stays
    are the results, a few kilobytes each.

    Raises:
        ValueError: a row that no network can be trained for, folds that cannot be made, a number
            of jobs that is not whole, a device or precision that is not there, a cluster that does
            not answer, whose versions differ, or whose workers die.

    Example:
        >>> trained = train(data, sweep(modality="PHOG", seed=range(10)))
        >>> repetitions, scores = trained.out_of_fold()
    """
    rows = sweeps.check(table, data)
    jobs = None if jobs is None else whole_number("jobs", jobs, 1)
    one_of("precision", precision, PRECISIONS)
    one_of("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device is 'cuda', but there is no graphics card that PyTorch can use here; "
            "device='cpu' works everywhere"
        )
    device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    keys = [
        cache.key(data, row, f"{device} {precision}") if cache else str(k)
        for k, row in enumerate(rows)
    ]
    found = cache.get(keys) if cache else {}
    missing = [position for position, key in enumerate(keys) if key not in found]
    if missing:
        for shard, results in _trained(data, rows, missing, jobs, device, precision):
            fresh = dict(zip([keys[position] for position in shard], results, strict=True))
            found |= fresh
            if cache:
                cache.put(fresh)

    results = [found[key] for key in keys]
    added = pd.DataFrame(
        {
            "units": [result.units for result in results],
            "parameters": [len(result.weights) for result in results],
            "epochs": [len(result.losses) for result in results],
            "train_loss": [result.losses[-1] for result in results],
            "train_accuracy": [result.train_accuracy for result in results],
            "linear_share": [result.linear_share for result in results],
            "stopped": [result.stopped for result in results],
            "tested": [(predict(result.scores) != UNTESTED).sum() for result in results],
        }
    )
    diverged = (added["tested"] < [len(result.test_rows) for result in results]).sum()
    if diverged:
        say_once(
            f"{diverged:,} of {len(rows):,} networks diverged: their weights left the range of "
            f"{precision}, and the rows that they tested count as untested; a lower learning_rate "
            "would help"
        )
    own = table.drop(columns=[*sweeps.NETWORK, *ADDED], errors="ignore").reset_index(drop=True)
    return Trained(pd.concat([sweeps.table(rows), own, added], axis=1), results, data)


def _trained(
    data: EmotionData,
    rows: list[sweeps.Row],
    missing: list[int],
    jobs: int | None,
    device: str,
    precision: str,
) -> Iterator[tuple[list[int], list[NetworkResult]]]:
    """Trains the rows at some positions; yields positions and results shard by shard."""
    with (
        cluster.connect(versions) as client,
        # shards side by side use all cores: threads of each one's products would wait for others
        threadpool_limits(1, "blas"),
        tqdm(total=len(missing), desc="training networks", leave=False, delay=0.2) as progress,
    ):
        cores = sum(client.ncores().values()) if client else joblib.effective_n_jobs(-1)
        jobs = 1 if device == "cuda" else jobs or cores
        calls = [
            (shard, [rows[position] for position in shard])
            for shard in _shards(data, rows, missing, jobs, device)
        ]
        if client:
            done = cluster.run(client, versions, _train_shard, calls, (data, device, precision))
        else:
            # Compiled loops release the interpreter's lock, so threads do; a process would load
            # everything anew.
            work = joblib.Parallel(jobs, prefer="threads", return_as="generator_unordered")
            done = work(
                joblib.delayed(_train_shard)(*call, data, device, precision) for call in calls
            )
        for shard, results in done:
            yield shard, results
            progress.update(len(shard))


def versions() -> dict[str, str]:
    """Versions by name of all that a result depends on."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "emolib with digest": source_digest(*SOURCES)[:8],
    } | {name: version(name) for name in LIBRARIES}


def _train_shard(
    shard: list[int], rows: list[sweeps.Row], data: EmotionData, device: str, precision: str
) -> tuple[list[int], list[NetworkResult]]:
    """The results of the rows at these positions, and the positions, to know them by."""
    return shard, train_stack(data, rows, device, precision)


def _shards(
    data: EmotionData, rows: list[sweeps.Row], missing: list[int], jobs: int, device: str
) -> list[list[int]]:
    """Positions of rows by the shard that trains them: one kind of network, alike in size, and
    splits kept together.
    """
    work = pd.DataFrame(
        [rows[position] | vars(sweeps.recipe_of(rows[position])) for position in missing],
        index=missing,
    )
    work["modalities"] = work["modality"].str.count(r"\+") + 1
    work["seconds"] = (
        work["epochs"]
        * len(data)
        / work["batch"]
        * work["modalities"]
        * work["network"].map(STEP).fillna(STEP_UNCOMPILED)
    )
    work = work.sort_values(["hidden", "epochs", "loss", "protocol", "folds", "seed", "fold"])
    shards: list[list[int]] = []
    width = data.features[data.modalities[0]].shape[1]
    for (network, modalities, *_), alike in work.groupby(
        ["network", "modalities", "batch", "channels", "pooling"]
    ):
        # what one network holds, if it shares nothing: inputs, scores and order
        held = len(data) * (modalities * width + len(data.classes) + 1) * 4
        most = ON_CARD if device == "cuda" else max(BYTES // held, 1)
        wanted = 1 if device == "cuda" else int(alike["seconds"].sum() / SECONDS)
        if network == "shallow":  # these train side by side at the price of one
            wanted = min(wanted, len(alike) // VECTOR)
        count = max(-(-len(alike) // most), min(jobs, -(-len(alike) // 16)), wanted)
        parts = np.array_split(alike.index.to_numpy(), min(count, len(alike)))
        shards += [part.tolist() for part in parts]
    # the longest first, so that no core is left with one at the end
    return sorted(shards, key=lambda shard: work["seconds"][shard].sum(), reverse=True)
