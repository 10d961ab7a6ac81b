"""Five ways to train the same networks on the same rows, each told for how long; each tells seconds
and steps taken.

Sequential ways (a loop, scikit-learn) cost the same for each network, so they may stop before the
last one: what counts is the time a network's step takes.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from emolib.data import EmotionData
from emolib.folds import make_folds
from emolib.training import sweeps
from emolib.training.scaling import scale
from emolib.training.train import train

NETS = {
    "shallow": {"modality": "PHOG"},
    "lpq": {"network": "cnn", "modality": "LPQ"},
    "phog": {"network": "cnn", "modality": "PHOG"},
    "fusion": {"network": "cnn", "modality": "LPQ+PHOG"},
}
BATCH = 10


def lessons(data: EmotionData, net: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Training rows of one fold as every way gets them: inputs ``[N, M, D]`` and one-hot targets
    ``[N, C]``.
    """
    training, _ = make_folds(data, "random", 0, 5)[0]
    x = np.stack(
        [scale(data, part, training) for part in NETS[net]["modality"].split("+")], axis=1
    )[training]
    return torch.from_numpy(x), torch.eye(len(data.classes))[data.labels[training]]


def build(data: EmotionData, net: str, seed: int) -> nn.Module:
    """One of :data:`NETS`, untrained."""
    return sweeps.build(sweeps.DEFAULTS | NETS[net] | {"seed": seed, "fold": 0}, data)


def dataloader(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """One network after another, its batches from a DataLoader: the loop that people write."""
    x, y = lessons(data, net)

    def batches() -> Iterable[Sequence[torch.Tensor]]:
        return DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)

    return _one_after_another(data, net, networks, seconds, batches)


def loop(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """The same without DataLoader: batches are rows of a permutation."""
    x, y = lessons(data, net)

    def batches() -> Iterable[Sequence[torch.Tensor]]:
        return ((x[rows], y[rows]) for rows in torch.randperm(len(x)).split(BATCH))

    return _one_after_another(data, net, networks, seconds, batches)


def _one_after_another(
    data: EmotionData,
    net: str,
    networks: int,
    seconds: float,
    batches: Callable[[], Iterable[Sequence[torch.Tensor]]],
) -> tuple[float, int]:
    criterion, steps, began = nn.SmoothL1Loss(), 0, perf_counter()
    for seed in range(networks):
        model = build(data, net, seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
        for x, y in batches():
            optimiser.zero_grad()
            criterion(model(x), y).backward()
            optimiser.step()
            steps += 1
        if perf_counter() - began > seconds:
            break
    return perf_counter() - began, steps


def sklearn(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """scikit-learn's MLPClassifier of the same size; the shallow network only."""
    x, y = lessons(data, net)
    x, y, steps, began = x.flatten(1).numpy(), y.argmax(1).numpy(), 0, perf_counter()
    for seed in range(networks):
        model = MLPClassifier(
            (16,),
            activation="logistic",
            batch_size=BATCH,
            learning_rate_init=1e-4,
            max_iter=5,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ConvergenceWarning
            )  # five epochs are not meant to suffice
            model.fit(x, y)
        steps += model.n_iter_ * -(-len(x) // BATCH)
        if perf_counter() - began > seconds:
            break
    return perf_counter() - began, steps


def ours(data: EmotionData, net: str, networks: int, epochs: float) -> tuple[float, int]:
    """:func:`emolib.train`, from the table to the outcomes; 0 epochs are as many as the printed
    recipe has.
    """
    table = sweeps.sweep(
        **NETS[net], folds=5, seed=range(-(-networks // 5)), max_epochs=int(epochs)
    ).head(networks)
    began = perf_counter()
    trained = train(data, table)
    elapsed = perf_counter() - began
    sizes = {
        (seed, fold): -(-len(make_folds(data, "random", seed, 5)[fold][0]) // BATCH)
        for seed, fold in table[["seed", "fold"]].itertuples(index=False)
    }
    done = trained.table[["seed", "fold", "epochs"]].itertuples(index=False)
    return elapsed, sum(sizes[seed, fold] * epochs for seed, fold, epochs in done)


WAYS: dict[str, Callable[[EmotionData, str, int, float], tuple[float, int]]] = {
    "dataloader": dataloader,
    "loop": loop,
    "sklearn": sklearn,
    "ours": ours,
}
