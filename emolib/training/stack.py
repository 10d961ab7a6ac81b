"""Networks trained side by side, epoch by epoch, with pruning and early stopping per network.

An engine does the work of a stack. It trains some networks ``which`` for an epoch, in place, and
returns the mean loss of each, in the order of ``which``; and it returns the scores of one network
on all rows. Parameters are ``[K, P]``, flat in the order of the module's own.

Axes: ``K`` networks, ``N`` rows of the data, ``H`` hidden units, ``B`` batch, ``C`` classes, ``P``
parameters of a network.
"""

from __future__ import annotations

from typing import Any
from weakref import proxy

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emolib.data import EmotionData, Rows
from emolib.metrics import accuracy, predict
from emolib.models import FusionNet, ShallowNet
from emolib.pruning import prune
from emolib.training import sweeps
from emolib.training.cache import NetworkResult
from emolib.training.kernels import Floats, Ints, record
from emolib.training.kernels.arithmetic import (
    BETA1,
    BETA2,
    EPSILON,
    LOSSES,
    OPTIMISERS,
    constants,
)
from emolib.training.kernels.operations import epoch
from emolib.training.scaling import FoldInputs

PRECISIONS = ("float32", "float64")


class NetworkStack:
    """A stack of networks of one kind in training; recipes, splits, angles and widths may differ.

    Narrower networks are padded with hidden units that count for nothing. What a network becomes
    does not depend on which others are in the stack.

    Args:
        data: what to learn from.
        rows: rows of a sweep of one kind of network, with equally many modalities, one batch size,
            and one number of channels and pooling.
        device: on ``"cpu"`` networks are trained by the engine that :data:`ENGINES` names, all
            others by :class:`VmapEngine`; those that look at images always on the processor.
        precision: one of :data:`PRECISIONS`.

    Attributes:
        training: which networks have not come to their end, boolean ``[K]``.
        stopped: those whose loss has stopped falling, boolean ``[K]``.
        epochs: epochs done so far by those.
        settings: columns of the rows and of their recipes, ``[K]`` each.

    Example:
        >>> stack = NetworkStack(data, rows)
        >>> while stack.training.any():
        ...     losses = stack.epoch()
        >>> results = [stack.result(k) for k in range(len(rows))]
    """

    def __init__(
        self,
        data: EmotionData,
        rows: list[sweeps.Row],
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        self.data, self.rows = data, rows
        settings = pd.DataFrame([row | vars(sweeps.recipe_of(row)) for row in rows])
        self.settings = {name: column.to_numpy() for name, column in settings.items()}
        self.batch = int(self.settings["batch"][0])
        self.material = FoldInputs(data, rows, precision)
        # one module per width, drawn anew for each network: making it takes longer than drawing
        kinds = {row["hidden"]: row for row in rows}
        nets = {hidden: sweeps.build(row, data) for hidden, row in kinds.items()}
        self.net = nets[max(nets)]
        device = "cpu" if rows[0]["network"] == sweeps.IMAGE_NETWORK else device
        hidden = self.settings["hidden"] * isinstance(self.net, ShallowNet)
        self.alive = torch.from_numpy(np.arange(hidden.max()) < hidden[:, None]).to(device)
        kind = getattr(torch, precision)
        size = sum(parameter.numel() for parameter in self.net.parameters())
        self.weights = torch.zeros(len(rows), size, dtype=kind, device=device)
        stacked = named_parameters(self.net, self.weights)
        for k, row in enumerate(rows):
            net = nets[row["hidden"]]
            sweeps.initialise(net, sweeps.seeds(row["seed"], row["fold"], row["restart"])[0])
            for name, parameter in net.named_parameters():
                own = tuple(slice(length) for length in parameter.shape)
                stacked[name][k][own] = parameter.detach()
        self.net.to(device, kind)
        self.rule = torch.tensor(
            [
                (rate, *OPTIMISERS[row["optimiser"]], *LOSSES[row["loss"]])
                for rate, row in zip(self.settings["learning_rate"], rows, strict=True)
            ],
            dtype=torch.float64,
            device=device,
        )
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.steps = torch.zeros(len(rows), dtype=torch.int64, device=device)
        engine = ENGINES.get(type(self.net), VmapEngine) if device == "cpu" else VmapEngine
        self.engine = engine(self)

        self.training = np.ones(len(rows), bool)
        self.stopped = np.zeros(len(rows), bool)
        self.epochs = 0
        self.losses: list[NDArray[np.float64]] = []
        self.done, self.waited = np.zeros((2, len(rows)), int)
        self.best = np.full(len(rows), np.inf)

    def epoch(self) -> NDArray[np.float64]:
        """Trains one more epoch; returns mean losses ``[K]``, NaN for networks that have ended."""
        which = np.flatnonzero(self.training)
        now = {name: column[which] for name, column in self.settings.items()}
        self.material.shuffle(np.unique(self.material.split[which]))
        losses = np.full(len(self.rows), np.nan)
        losses[which] = self.engine.epoch(which)
        self.losses.append(losses)
        self.epochs += 1

        due = which[(now["angle"] > 0) & ((self.epochs == 1) | (now["schedule"] == "every"))]
        if len(due) and isinstance(self.net, ShallowNet):
            self._prune(due)

        fell = losses[which] < self.best[which] * (1 - now["tolerance"])
        self.best[which] = np.where(fell, losses[which], self.best[which])
        self.waited[which] = np.where(fell, 0, self.waited[which] + 1)
        self.stopped[which] = (now["patience"] > 0) & (self.waited[which] >= now["patience"])
        self.done[which] = self.epochs
        self.training[which] = ~self.stopped[which] & (self.epochs < now["epochs"])
        return losses

    def _prune(self, due: Rows) -> None:
        """Prunes some networks by their activations over the training rows; survivors keep weights
        and momentum.
        """
        which = torch.from_numpy(due).to(self.weights.device)
        # in double precision, so that no unit's fate hangs on the order in which a sum was taken
        stacked = named_parameters(self.net, self.weights)
        p = {name: value[which].double() for name, value in stacked.items()}
        inputs = torch.from_numpy(self.material.inputs[self.material.view[due]]).to(which.device)
        counts = torch.zeros(inputs.shape[:2])
        for i, split in enumerate(self.material.split[due]):
            counts[i, self.material.pairs[split][0]] = 1
        bias, incoming = p["hidden.bias"].unsqueeze(1), p["hidden.weight"].transpose(1, 2)
        h = torch.sigmoid(torch.baddbmm(bias, inputs.flatten(2).double(), incoming))
        self.alive[which], outgoing, bias = prune(
            h,
            self.alive[which],
            p["output.weight"],
            p["output.bias"],
            **{
                name: torch.tensor(self.settings[name][due].tolist()).to(h.device)
                for name in ("angle", "activation_shift", "merge_weights")
            },
            weight=counts.to(h),
        )
        stacked["output.weight"][which] = outgoing.to(self.weights)
        stacked["output.bias"][which] = bias.to(self.weights)

    def result(self, k: int) -> NetworkResult:
        """The result of one network, as far as it is trained."""
        trained_on, tested = self.material.pairs[self.material.split[k]]
        scores = self.engine.scores(k)
        parts, alive = named_parameters(self.net, self.weights[k]), self.alive[k]
        if isinstance(self.net, ShallowNet):  # without the units that count for nothing
            parts["hidden.weight"] = parts["hidden.weight"][alive]
            parts["hidden.bias"] = parts["hidden.bias"][alive]
            parts["output.weight"] = parts["output.weight"][:, alive]
        return NetworkResult(
            scores=scores[tested],
            test_rows=tested,
            weights=torch.cat([part.flatten() for part in parts.values()]).cpu().numpy(),
            losses=np.array([losses[k] for losses in self.losses[: self.done[k]]], np.float32),
            units=int(alive.sum()),
            train_accuracy=accuracy(self.data.labels[trained_on], predict(scores[trained_on])),
            linear_share=float((np.abs(scores - self.material.targets)[trained_on] > 1).mean()),
            stopped=bool(self.stopped[k]),
        )


def named_parameters(net: nn.Module, weights: Tensor) -> dict[str, Tensor]:
    """Parameters of a module by name, as views of flat weights ``[…, P]``."""
    parts = weights.split([p.numel() for p in net.parameters()], dim=-1)
    return {
        name: part.view(*part.shape[:-1], *p.shape)
        for (name, p), part in zip(net.named_parameters(), parts, strict=True)
    }


class TapeEngine:
    """Compiled loops on the processor: :mod:`emolib.training.kernels`."""

    def __init__(self, stack: NetworkStack) -> None:
        # not the stack itself: it would go only when Python looks for circles of references
        self.stack, kind = proxy(stack), stack.material.targets.dtype.type
        net: Any = stack.net
        self.constants = constants(stack.material.targets.dtype)
        views, rows, modalities, features = stack.material.inputs.shape
        self.inputs = stack.material.inputs.reshape(views, rows, modalities * features)
        self.image = np.empty((rows, 0), kind)
        if isinstance(net, ShallowNet):
            self.tape: record.Tape = record.ShallowTape(net, stack.batch, kind)
        else:
            shapes = [(1, features)] * modalities
            if len(net.branches) > modalities:
                faces = images(stack.data).numpy().astype(kind)
                shapes.append(faces.shape[1:])
                self.image = faces.reshape(rows, -1)
            self.tape = record.ConvolutionTape(net, stack.batch, shapes, kind)

    def _run(self, which: Rows, order: Ints, length: Ints, split: Ints, scores: Floats) -> Floats:
        losses = np.zeros(len(which), scores.dtype)
        s, m, tape = self.stack, self.stack.material, self.tape
        arguments: list[Any] = [
            # the same memory as the tensors'
            *(part.numpy() for part in (s.weights, s.mean, s.square, s.steps, s.rule, s.alive)),
            *(which, self.inputs, m.view, self.image, s.data.labels, order, length, split, s.batch),
            *(tape.operations, tape.windows, tape.places, tape.slots, tuple(tape.room.tolist())),
            *(tape.memory, losses, scores, self.constants),
        ]
        epoch(*arguments)
        return losses

    def epoch(self, which: Rows) -> Floats:
        """Trains some networks for an epoch; returns the mean loss of each."""
        m = self.stack.material
        return self._run(which, m.order, m.length, m.split, np.empty((0, 0, 0), m.targets.dtype))

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        rows, classes = self.stack.material.targets.shape
        found: Floats = np.empty((1, rows, classes), self.stack.material.targets.dtype)
        order, split = np.arange(rows, dtype=np.int32)[None], np.zeros(len(self.stack.rows), int)
        self._run(np.array([k]), order, np.array([rows]), split, found)
        return np.asarray(found[0])


class VmapEngine:
    """Stacked tensors on any device, for any module: its networks as one, by
    :func:`torch.func.vmap` over the plain module and its gradient.
    """

    def __init__(self, stack: NetworkStack) -> None:
        self.stack = proxy(stack)  # as above
        self.inputs = torch.from_numpy(stack.material.inputs).to(stack.weights.device)
        self.targets = torch.from_numpy(stack.material.targets).to(stack.weights.device)
        self.gradient = torch.func.vmap(torch.func.grad_and_value(self._loss))

    def _forward(self, weights: Tensor, alive: Tensor, x: Tensor) -> Any:
        """Outputs ``[B, C]`` of one network; a hidden unit that was pruned adds nothing."""
        p = named_parameters(self.stack.net, weights)
        if isinstance(self.stack.net, ShallowNet):
            p["output.weight"] = p["output.weight"] * alive
        return torch.func.functional_call(self.stack.net, p, (x,))

    def _loss(
        self,
        weights: Tensor,
        alive: Tensor,
        x: Tensor,
        target: Tensor,
        share: Tensor,
        bound: Tensor,
        smooth: Tensor,
    ) -> Tensor:
        """The loss of :func:`~emolib.training.kernels.arithmetic.loss_gradient`; ``share`` ``[B]``
        is one over the batch's size, 0 where no row is.
        """
        out = self._forward(weights, alive, x)
        error = out - target
        slope = error.minimum(bound).maximum(-bound)
        each = torch.where(
            smooth > 0,
            (slope * (error - 0.5 * slope)).mean(1),
            nn.functional.cross_entropy(out, target, reduction="none"),
        )
        return (each * share).sum()

    def epoch(self, which: Rows) -> Floats:
        """Trains some networks for an epoch; returns the mean loss of each."""
        s, m, device = self.stack, self.stack.material, self.stack.weights.device
        chosen = torch.from_numpy(which).to(device)
        order = torch.from_numpy(m.order[m.split[which]]).to(device).long()
        length = torch.from_numpy(m.length[m.split[which]]).to(device)
        view = torch.from_numpy(m.view[which]).to(device).unsqueeze(1)
        weights, mean, square, steps = (
            state[chosen] for state in (s.weights, s.mean, s.square, s.steps)
        )
        alive = s.alive[chosen].to(weights.dtype)
        rate, momentum, adaptive, bound, smooth = s.rule[chosen].T.unsqueeze(2)  # [K, 1] each
        bound, smooth = bound.to(weights), smooth.to(weights)
        total = weights.new_zeros(len(which))
        present = torch.arange(order.shape[1], device=device) < length.unsqueeze(1)
        batches = zip(order.split(s.batch, 1), present.split(s.batch, 1), strict=True)
        for rows, there in batches:  # [K, B]
            count = there.sum(1, keepdim=True)
            on = count > 0  # a network with fewer batches waits for the others
            share = there / count.clamp(min=1).to(weights.dtype)
            gradient, loss = self.gradient(
                weights, alive, self.inputs[view, rows], self.targets[rows], share, bound, smooth
            )
            total += loss
            steps += on[:, 0]
            # as adam_coefficients and optimizer_step, each network by its own steps and rule
            taken = steps.unsqueeze(1).double()
            keep, take = momentum.to(weights), (1 - BETA1 * adaptive).to(weights)
            mean = torch.where(on, mean * keep + gradient * take, mean)
            square = torch.where(on, square * BETA2 + (1 - BETA2) * gradient.square(), square)
            root = square.sqrt() / (1 - BETA2**taken).sqrt().to(weights) + EPSILON
            size = torch.where(adaptive > 0, rate / (1 - BETA1**taken), rate).to(weights)
            step = size * mean / torch.where(adaptive > 0, root, 1.0)
            weights = torch.where(on, weights - step, weights)
        for state, fresh in zip(
            (s.weights, s.mean, s.square, s.steps),
            (weights, mean, square, steps),
            strict=True,
        ):
            state[chosen] = fresh
        return np.asarray((total / ((length + s.batch - 1) // s.batch)).cpu())

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        s = self.stack
        with torch.no_grad():
            alive, inputs = s.alive[k].to(s.weights.dtype), self.inputs[s.material.view[k]]
            return np.asarray(self._forward(s.weights[k], alive, inputs).cpu())


def train_stack(
    data: EmotionData, rows: list[sweeps.Row], device: str = "cpu", precision: str = "float32"
) -> list[NetworkResult]:
    """Trains networks of one kind from start to end."""
    stack = NetworkStack(data, rows, device, precision)
    # PyTorch by itself lets a card's convolutions round to ten bits
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=device == "cpu"):
        while stack.training.any():
            stack.epoch()
    return [stack.result(k) for k in range(len(rows))]


def images(data: EmotionData) -> Tensor:
    """Faces ``[N, S, S]``, each with mean 0 and variance 1; ``S`` pixels along a side."""
    flat = torch.tensor(data.descriptors[sweeps.IMAGE])
    return flat.view(len(flat), round(flat.shape[1] ** 0.5), -1)


# Engines of the networks that have one of their own on the processor.
ENGINES: dict[type[nn.Module], Any] = {
    ShallowNet: TapeEngine,
    FusionNet: TapeEngine,
}
