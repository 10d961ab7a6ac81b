"""Networks of one kind trained side by side, epoch by epoch, with pruning and early stopping per
network.

Axes: ``K`` networks, ``N`` rows of the data, ``H`` hidden units, ``P`` parameters of a network.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from emolib.data import EmotionData, Rows
from emolib.metrics import accuracy, predict
from emolib.models import ShallowNet
from emolib.pruning import prune
from emolib.training import sweeps
from emolib.training.cache import NetworkResult
from emolib.training.engines import KINDS, NumbaEngine, VmapEngine
from emolib.training.inputs import FoldInputs
from emolib.training.kernels.arithmetic import LOSSES, OPTIMISERS
from emolib.training.kernels.compiler import Floats
from emolib.training.sweeps import Row

PRECISIONS = ("float32", "float64")


class NetworkStack:
    """A stack of networks of one kind in training; recipes, splits, angles and widths may differ.

    Narrower networks are padded with hidden units that count for nothing. What a network becomes
    does not depend on which others are in the stack.

    Args:
        data: what to learn from.
        rows: rows of a sweep of one kind of network, with equally many modalities and one batch
            size.
        device: on ``"cpu"`` networks that have a kernel are trained by
            :class:`~emolib.training.engines.NumbaEngine`, all others by
            :class:`~emolib.training.engines.VmapEngine`.
        precision: one of :data:`PRECISIONS`.

    Attributes:
        training: which networks have not come to their end, boolean ``[K]``.
        epochs: epochs done so far by those.

    Example:
        >>> stack = NetworkStack(data, rows)
        >>> while stack.training.any():
        ...     losses = stack.epoch()
        >>> results = [stack.result(k) for k in range(len(rows))]
    """

    def __init__(
        self, data: EmotionData, rows: list[Row], device: str = "cpu", precision: str = "float32"
    ) -> None:
        self.rows = rows
        recipes = [sweeps.recipe_of(row) for row in rows]
        self.material = FoldInputs(data, rows, np.float64 if precision == "float64" else np.float32)
        width = max(row["hidden"] for row in rows)
        self.net = sweeps.build(rows[0] | {"hidden": width}, data).to(device)
        hidden = torch.tensor([row["hidden"] for row in rows])
        self.alive = (
            (torch.arange(width) < hidden.unsqueeze(1)).to(device)
            if isinstance(self.net, ShallowNet)
            else None
        )
        kind = torch.float64 if precision == "float64" else torch.float32
        plain = cache(
            lambda hidden: sweeps.build(rows[0] | {"hidden": hidden}, data)
        )  # one module a width, given weights anew
        self.weights = torch.stack(
            [self._padded(plain(row["hidden"]), row, width) for row in rows]
        ).to(device, kind)
        rule = np.array(
            [
                (recipe.learning_rate, *OPTIMISERS[row["optimiser"]], *LOSSES[row["loss"]])
                for recipe, row in zip(recipes, rows, strict=True)
            ]
        )
        common = (self.weights, self.alive, rule, recipes[0].batch, self.material)
        self.engine: NumbaEngine | VmapEngine
        if device == "cpu" and isinstance(self.net, KINDS):
            self.engine = NumbaEngine(self.net, *common)
        else:
            self.engine = VmapEngine(self.net, *common)

        self.patience = np.array([recipe.patience for recipe in recipes])
        self.tolerance = np.array([recipe.tolerance for recipe in recipes])
        self.max_epochs = np.array([recipe.epochs for recipe in recipes])
        self.prunes = np.array([self.alive is not None and row["angle"] > 0 for row in rows])
        self.prunes_on = np.array([row["schedule"] == "every" for row in rows])
        self.training = np.ones(len(rows), bool)
        self.epochs = 0
        self.losses: list[Floats] = []
        self.ended = np.zeros(len(rows), int)
        self.best = np.full(len(rows), np.inf)
        self.waited = np.zeros(len(rows), int)

    def _padded(self, net: torch.nn.Module, row: Row, width: int) -> Tensor:
        """A row's initial weights as a vector ``[P]``, padded to the stack's hidden units."""
        sweeps.initialise(net, sweeps.seeds(row["seed"], row["fold"])[0])
        if not isinstance(net, ShallowNet):
            return parameters_to_vector(net.parameters()).detach()
        extra = width - net.hidden.out_features
        pad = torch.nn.functional.pad
        parts = [
            pad(net.hidden.weight, (0, 0, 0, extra)),
            pad(net.hidden.bias, (0, extra)),
            pad(net.output.weight, (0, extra)),
            net.output.bias,
        ]
        return torch.cat([part.detach().flatten() for part in parts])

    def epoch(self) -> NDArray[np.float32]:
        """Trains one more epoch; returns mean losses ``[K]``, NaN for networks that have ended."""
        which = np.flatnonzero(self.training)
        self.material.shuffle(np.unique(self.material.split[which]))
        losses = np.full(len(self.rows), np.nan, np.float32)
        losses[which] = self.engine.epoch(which)
        self.losses.append(losses)
        self.epochs += 1

        due = which[self.prunes[which] & ((self.epochs == 1) | self.prunes_on[which])]
        if len(due):
            self._prune(due)

        fell = losses[which] < self.best[which] * (1 - self.tolerance[which])
        self.best[which] = np.where(fell, losses[which], self.best[which])
        self.waited[which] = np.where(fell, 0, self.waited[which] + 1)
        over = self._stopped(which) | (self.epochs >= self.max_epochs[which])
        self.ended[which[over]] = self.epochs
        self.training[which[over]] = False
        return losses

    def _stopped(self, which: Rows | int) -> NDArray[np.bool]:
        """Whether the loss has stopped falling."""
        return (self.patience[which] > 0) & (self.waited[which] >= self.patience[which])

    def parameters(self) -> dict[str, Tensor]:
        """The networks' parameters by the module's names, ``[K, …]``: views of the same memory."""
        parts = self.weights.split([p.numel() for p in self.net.parameters()], dim=1)
        return {
            name: part.view(-1, *p.shape)
            for (name, p), part in zip(self.net.named_parameters(), parts, strict=True)
        }

    def _prune(self, due: Rows) -> None:
        """Prunes some networks by their activations over the training rows; survivors keep weights
        and momentum.
        """
        assert self.alive is not None  # others are never due
        which = torch.from_numpy(due).to(self.weights.device)
        p = {name: value[which] for name, value in self.parameters().items()}
        inputs = (
            torch.from_numpy(self.material.inputs[self.material.view[due]])
            .to(self.weights.device)
            .flatten(2)
            .double()
        )
        counts = torch.zeros(inputs.shape[:2])
        for i, split in enumerate(self.material.split[due]):
            counts[i, self.material.pairs[split][0]] = 1
        # in double precision, so that no unit's fate hangs on the order in which a sum was taken
        h = torch.sigmoid(
            torch.baddbmm(
                p["hidden.bias"].double().unsqueeze(1),
                inputs,
                p["hidden.weight"].double().transpose(1, 2),
            )
        )
        angle, activation_shift, merge_weights = (
            torch.tensor([self.rows[k][name] for k in due]).to(h.device)
            for name in ("angle", "activation_shift", "merge_weights")
        )
        alive, outgoing, bias = prune(
            h,
            self.alive[which],
            p["output.weight"].double(),
            p["output.bias"].double(),
            angle=angle,
            activation_shift=activation_shift,
            merge_weights=merge_weights,
            weight=counts.to(h),
        )
        self.alive[which] = alive
        everything = self.parameters()
        everything["output.weight"][which], everything["output.bias"][which] = (
            outgoing.to(self.weights),
            bias.to(self.weights),
        )

    def compacted(self, k: int) -> Floats:
        """Parameters of one network, flat, without the units that count for nothing."""
        parts = {name: value[k] for name, value in self.parameters().items()}
        if self.alive is not None:
            alive = self.alive[k]
            parts["hidden.weight"], parts["hidden.bias"] = (
                parts["hidden.weight"][alive],
                parts["hidden.bias"][alive],
            )
            parts["output.weight"] = parts["output.weight"][:, alive]
        return torch.cat([part.flatten() for part in parts.values()]).cpu().numpy()

    def result(self, k: int) -> NetworkResult:
        """The result of one network, as far as it is trained."""
        trained_on, tested = self.material.pairs[self.material.split[k]]
        scores = self.engine.scores(k)
        return NetworkResult(
            scores=scores[tested],
            test_rows=tested,
            weights=self.compacted(k),
            losses=np.array(
                [losses[k] for losses in self.losses[: self.ended[k] or self.epochs]], np.float32
            ),
            units=int(self.alive[k].sum()) if self.alive is not None else 0,
            train_accuracy=accuracy(self.material.labels[trained_on], predict(scores[trained_on])),
            stopped=bool(self._stopped(k)),
        )


def train_stack(
    data: EmotionData, rows: list[Row], device: str = "cpu", precision: str = "float32"
) -> list[NetworkResult]:
    """Trains networks of one kind from start to end."""
    stack = NetworkStack(data, rows, device, precision)
    while stack.training.any():
        stack.epoch()
    return [stack.result(k) for k in range(len(rows))]
