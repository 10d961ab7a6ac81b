"""Networks trained side by side, epoch by epoch, with pruning and early stopping per network.

Networks that look at the image itself are trained one by one.

Two engines with the same result do the work of a stack. Each trains some networks ``which`` for an
epoch, in place, and returns the mean loss of each, in the order of ``which``; and it returns the
scores of one network on all rows. Parameters are ``[K, P]``, flat in the order of the module's own.

Axes: ``K`` networks, ``N`` rows of the data, ``H`` hidden units, ``B`` batch, ``C`` classes, ``P``
parameters of a network.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.utils import parameters_to_vector

from emolib.data import EmotionData, Rows
from emolib.metrics import accuracy, predict
from emolib.models import FusionNet, ShallowNet
from emolib.pruning import prune
from emolib.training import sweeps
from emolib.training.cache import NetworkResult
from emolib.training.kernels import Floats
from emolib.training.kernels.arithmetic import (
    BETA1,
    BETA2,
    EPSILON,
    LOSSES,
    OPTIMISERS,
    constants,
)
from emolib.training.kernels.fusion import fusion_epoch, fusion_scores
from emolib.training.kernels.shallow import shallow_epoch, shallow_scores
from emolib.training.scaling import FoldInputs
from emolib.training.sweeps import IMAGE, Row

KINDS = (ShallowNet, FusionNet)  # those with a kernel
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
            :class:`NumbaEngine`, all others by
            :class:`VmapEngine`.
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
        self.material = FoldInputs(data, rows, precision)
        width = max(row["hidden"] for row in rows)
        self.net = sweeps.build(rows[0] | {"hidden": width}, data).to(device)
        shallow = isinstance(self.net, ShallowNet)
        hidden = torch.tensor([row["hidden"] if shallow else 0 for row in rows])
        self.alive = (torch.arange(width) < hidden.unsqueeze(1)).to(device)
        size = sum(p.numel() for p in self.net.parameters())
        self.weights = torch.zeros(len(rows), size, dtype=getattr(torch, precision), device=device)
        stacked = self.parameters()
        for k, row in enumerate(rows):
            for name, initial in sweeps.build(row, data).named_parameters():
                own = tuple(slice(length) for length in initial.shape)
                stacked[name][k][own] = initial.detach()
        rule = np.array(
            [
                (recipe.learning_rate, *OPTIMISERS[row["optimiser"]], *LOSSES[row["loss"]])
                for recipe, row in zip(recipes, rows, strict=True)
            ]
        )
        self.rule = torch.from_numpy(rule).to(device)
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.steps = torch.zeros(len(rows), dtype=torch.int64, device=device)
        self.batch = recipes[0].batch
        compiled = device == "cpu" and isinstance(self.net, KINDS)
        self.engine: NumbaEngine | VmapEngine = NumbaEngine(self) if compiled else VmapEngine(self)

        self.patience = np.array([recipe.patience for recipe in recipes])
        self.tolerance = np.array([recipe.tolerance for recipe in recipes])
        self.max_epochs = np.array([recipe.epochs for recipe in recipes])
        self.prunes = np.array([shallow and row["angle"] > 0 for row in rows])
        self.prunes_on = np.array([row["schedule"] == "every" for row in rows])
        self.training = np.ones(len(rows), bool)
        self.epochs = 0
        self.losses: list[Floats] = []
        self.done = np.zeros(len(rows), int)
        self.best = np.full(len(rows), np.inf)
        self.waited = np.zeros(len(rows), int)

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
        self.done[which] = self.epochs
        self.training[which] = ~self._stopped(which) & (self.epochs < self.max_epochs[which])
        return losses

    def _stopped(self, which: Rows | int) -> NDArray[np.bool]:
        """Whether the loss has stopped falling."""
        return (self.patience[which] > 0) & (self.waited[which] >= self.patience[which])

    def parameters(self) -> dict[str, Tensor]:
        """The networks' parameters by the module's names, ``[K, …]``: views of the same memory."""
        return named_parameters(self.net, self.weights)

    def _prune(self, due: Rows) -> None:
        """Prunes some networks by their activations over the training rows; survivors keep weights
        and momentum.
        """
        which = torch.from_numpy(due).to(self.weights.device)
        # in double precision, so that no unit's fate hangs on the order in which a sum was taken
        p = {name: value[which].double() for name, value in self.parameters().items()}
        inputs = torch.from_numpy(self.material.inputs[self.material.view[due]]).to(which.device)
        counts = torch.zeros(inputs.shape[:2])
        for i, split in enumerate(self.material.split[due]):
            counts[i, self.material.pairs[split][0]] = 1
        bias, incoming = p["hidden.bias"].unsqueeze(1), p["hidden.weight"].transpose(1, 2)
        h = torch.sigmoid(torch.baddbmm(bias, inputs.flatten(2).double(), incoming))
        settings = {
            name: torch.tensor([self.rows[k][name] for k in due]).to(h.device)
            for name in ("angle", "activation_shift", "merge_weights")
        }
        self.alive[which], outgoing, bias = prune(
            h,
            self.alive[which],
            p["output.weight"],
            p["output.bias"],
            **settings,
            weight=counts.to(h),
        )
        stacked = self.parameters()
        stacked["output.weight"][which] = outgoing.to(self.weights)
        stacked["output.bias"][which] = bias.to(self.weights)

    def compacted(self, k: int) -> Floats:
        """Parameters of one network, flat, without the units that count for nothing."""
        parts = named_parameters(self.net, self.weights[k])
        if isinstance(self.net, ShallowNet):
            alive = self.alive[k]
            parts["hidden.weight"] = parts["hidden.weight"][alive]
            parts["hidden.bias"] = parts["hidden.bias"][alive]
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
            losses=np.array([losses[k] for losses in self.losses[: self.done[k]]], np.float32),
            units=int(self.alive[k].sum()),
            train_accuracy=accuracy(self.material.labels[trained_on], predict(scores[trained_on])),
            stopped=bool(self._stopped(k)),
        )


def named_parameters(net: nn.Module, weights: Tensor) -> dict[str, Tensor]:
    """Parameters of a module by name, as views of flat weights ``[…, P]``."""
    parts = weights.split([p.numel() for p in net.parameters()], dim=-1)
    return {
        name: part.view(*part.shape[:-1], *p.shape)
        for (name, p), part in zip(net.named_parameters(), parts, strict=True)
    }


class NumbaEngine:
    """Compiled loops on the processor, for networks of :data:`KINDS`, one after another or in the
    lanes of a vector register: :mod:`emolib.training.kernels`.
    """

    def __init__(self, stack: NetworkStack) -> None:
        self.stack, self.constants = stack, constants(stack.weights.numpy().dtype)
        if isinstance(stack.net, FusionNet):
            self.shape = stack.net.channels, stack.net.reduce.out_features
        # the kernels' order of parameters, in which a convolution is [3, out, in]
        places = named_parameters(stack.net, torch.arange(stack.weights.shape[1])).values()
        turned = [place.permute(2, 0, 1) if place.ndim == 3 else place for place in places]
        self.places = torch.cat([place.flatten() for place in turned]).numpy()

    def epoch(self, which: Rows) -> Floats:
        """Trains some networks for an epoch; returns the mean loss of each."""
        s, m = self.stack, self.stack.material
        moments = s.mean.numpy(), s.square.numpy()  # the same memory, as of all others
        state = (s.weights.numpy(), *moments, s.steps.numpy(), s.rule.numpy())
        batches = (m.targets, m.order, m.length, m.split, s.batch)
        if isinstance(s.net, ShallowNet):
            alive = s.alive.numpy().astype(m.inputs.dtype)
            inputs = m.inputs.reshape(*m.inputs.shape[:2], -1)
            return shallow_epoch(*state, alive, which, inputs, m.view, *batches, self.constants)
        return fusion_epoch(
            *state, self.places, which, m.inputs, m.view, *batches, *self.shape, self.constants
        )

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        weights, m = self.stack.weights[k].numpy(), self.stack.material
        inputs, classes = m.inputs[m.view[k]], m.targets.shape[1]
        if isinstance(self.stack.net, ShallowNet):
            alive = self.stack.alive[k].numpy().astype(weights.dtype)
            flat = inputs.reshape(len(inputs), -1)
            return shallow_scores(weights, alive, flat, classes, self.constants)
        return fusion_scores(weights, self.places, inputs, *self.shape, classes)


class VmapEngine:
    """Stacked tensors on any device, for any module: its networks as one, by
    :func:`torch.func.vmap` over the plain module and its gradient.
    """

    def __init__(self, stack: NetworkStack) -> None:
        self.stack = stack
        self.inputs = torch.from_numpy(stack.material.inputs).to(stack.weights.device)
        self.targets = torch.from_numpy(stack.material.targets).to(stack.weights.device)
        self.gradient = vmap(grad_and_value(self._loss))

    def _forward(self, weights: Tensor, alive: Tensor, x: Tensor) -> Tensor:
        """Outputs ``[B, C]`` of one network; a hidden unit that was pruned adds nothing."""
        p = named_parameters(self.stack.net, weights)
        if isinstance(self.stack.net, ShallowNet):
            p["output.weight"] = p["output.weight"] * alive
        outputs: Tensor = functional_call(self.stack.net, p, (x,))
        return outputs

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
            F.cross_entropy(out, target, reduction="none"),
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
        rule = s.rule[chosen].unsqueeze(2)  # [K, 5, 1]
        rate, momentum, adaptive = rule[:, 0], rule[:, 1], rule[:, 2] > 0
        bound, smooth = rule[:, 3, 0].to(weights), rule[:, 4, 0].to(weights)
        total = weights.new_zeros(len(which))
        for start in range(0, order.shape[1], s.batch):
            place = torch.arange(start, min(start + s.batch, order.shape[1]), device=device)
            there = place < length.unsqueeze(1)  # [K, B]
            count = there.sum(1)
            on = (count > 0).unsqueeze(1)  # a network with fewer batches waits for the others
            rows = order[:, place]
            share = there / count.clamp(min=1).unsqueeze(1).to(weights.dtype)
            gradient, loss = self.gradient(
                weights, alive, self.inputs[view, rows], self.targets[rows], share, bound, smooth
            )
            total += loss
            steps += on[:, 0]
            # as adam_coefficients and optimizer_step, each network by its own steps and rule
            taken = steps.unsqueeze(1).double()
            keep, take = momentum.to(weights), (1 - BETA1 * adaptive.double()).to(weights)
            mean = torch.where(on, mean * keep + gradient * take, mean)
            square = torch.where(on, square * BETA2 + (1 - BETA2) * gradient.square(), square)
            root = (1 - BETA2**taken).sqrt().to(weights)
            size = torch.where(adaptive, rate / (1 - BETA1**taken), rate).to(weights)
            weights = torch.where(
                on,
                weights - size * mean / torch.where(adaptive, square.sqrt() / root + EPSILON, 1.0),
                weights,
            )
        for state, fresh in zip(
            (s.weights, s.mean, s.square, s.steps),
            (weights, mean, square, steps),
            strict=True,
        ):
            state[chosen] = fresh
        return (total / ((length + s.batch - 1) // s.batch)).cpu().numpy()

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        s = self.stack
        with torch.no_grad():
            alive, inputs = s.alive[k].to(s.weights.dtype), self.inputs[s.material.view[k]]
            return self._forward(s.weights[k], alive, inputs).cpu().numpy()


def train_stack(
    data: EmotionData, rows: list[Row], device: str = "cpu", precision: str = "float32"
) -> list[NetworkResult]:
    """Trains networks of one kind from start to end."""
    stack = NetworkStack(data, rows, device, precision)
    while stack.training.any():
        stack.epoch()
    return [stack.result(k) for k in range(len(rows))]


def train_image_network(data: EmotionData, row: Row) -> NetworkResult:
    """Trains the network of one row that looks at images, by PyTorch's own means."""
    torch.set_num_threads(1)  # as many networks train side by side as there are cores
    recipe = sweeps.recipe_of(row)
    parts = [part for part in row["modality"].split("+") if part != IMAGE]
    # a network of the image alone has no use for features
    material = FoldInputs(data, [row | {"modality": "+".join(parts) or data.modalities[0]}])
    trained_on, tested = material.pairs[0]
    x, target = torch.from_numpy(material.inputs[0]), torch.from_numpy(material.targets)
    image = images(data)
    net = sweeps.build(row, data)
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate, fused=True)
    losses: list[float] = []
    best, waited = np.inf, 0
    while len(losses) < recipe.epochs and not 0 < recipe.patience <= waited:
        material.shuffle([0])
        total = 0.0
        for batch in torch.from_numpy(material.order[0]).long().split(recipe.batch):
            optimiser.zero_grad()
            loss = F.smooth_l1_loss(net(x[batch], image[batch]), target[batch])
            loss.backward()
            optimiser.step()
            total += loss.item()
        losses.append(total / -(-len(trained_on) // recipe.batch))
        fell = losses[-1] < best * (1 - recipe.tolerance)
        best, waited = (losses[-1], 0) if fell else (best, waited + 1)
    with torch.no_grad():
        scores = net(x, image).numpy()
    return NetworkResult(
        scores=scores[tested],
        test_rows=tested,
        weights=parameters_to_vector(net.parameters()).detach().numpy(),
        losses=np.array(losses, np.float32),
        units=0,
        train_accuracy=accuracy(material.labels[trained_on], predict(scores[trained_on])),
        stopped=len(losses) < recipe.epochs,
    )


def images(data: EmotionData) -> Tensor:
    """Faces ``[N, S, S]``, each with mean 0 and variance 1; ``S`` pixels along a side."""
    flat = torch.from_numpy(np.array(data.descriptors[IMAGE]))
    side = round(flat.shape[1] ** 0.5)
    return flat.view(-1, side, side)
