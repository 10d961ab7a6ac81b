"""Two training engines with the same result: compiled loops on the processor, stacked tensors on a
graphics card.

An engine trains some networks ``which`` of a stack for an epoch, in place, and returns the mean
loss of each; and it returns the scores of one network on all rows. Parameters are ``[K, P]``, flat
in the order of the module's own.

Axes: as in :mod:`emolib.training.inputs`, and ``P`` parameters of a network, ``H`` hidden units.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from emolib.data import Rows
from emolib.models import FusionNet, ShallowNet
from emolib.training import kernels
from emolib.training.inputs import FoldInputs
from emolib.training.kernels.arithmetic import BETA1, BETA2, EPSILON, constants
from emolib.training.kernels.compiler import Floats

KINDS = (ShallowNet, FusionNet)  # those with a kernel


class NumbaEngine:
    """Networks of :data:`KINDS` one after another, by :mod:`emolib.training.kernels`."""

    def __init__(
        self,
        net: ShallowNet | FusionNet,
        weights: Tensor,
        alive: Tensor | None,
        rule: NDArray[np.float64],
        batch: int,
        material: FoldInputs,
    ) -> None:
        self.net, self.material, self.batch, self.rule = net, material, batch, rule
        self.weights: Floats = weights.numpy()  # the same memory
        self.alive = None if alive is None else alive.numpy()
        self.mean, self.square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.steps = np.zeros(len(rule), int)
        self.constants = constants(self.weights.dtype)
        # the kernels' order of parameters, in which a convolution is [3, out, in]
        parameters = list(net.parameters())
        parts = torch.arange(self.weights.shape[1]).split([p.numel() for p in parameters])
        turned = [
            part.view(p.shape).permute(2, 0, 1).flatten() if p.ndim == 3 else part
            for part, p in zip(parts, parameters, strict=True)
        ]
        self.places = torch.cat(turned).numpy()

    def epoch(self, which: Rows) -> Floats:
        """Trains some networks for an epoch; returns the mean loss of each, in the order of
        ``which``.
        """
        m = self.material
        state = (self.weights, self.mean, self.square, self.steps, self.rule)
        if self.alive is not None:
            alive, inputs = (
                self.alive.astype(self.weights.dtype),
                m.inputs.reshape(*m.inputs.shape[:2], -1),
            )
            return kernels.shallow_epoch(
                *state,
                alive,
                which,
                inputs,
                m.view,
                m.targets,
                m.order,
                m.length,
                m.split,
                self.batch,
                self.constants,
            )
        channels, narrow = self._shape()
        return kernels.fusion_epoch(
            *state,
            self.places,
            which,
            m.inputs,
            m.view,
            m.targets,
            m.order,
            m.length,
            m.split,
            self.batch,
            channels,
            narrow,
            self.constants,
        )

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        inputs = self.material.inputs[self.material.view[k]]
        classes = self.material.targets.shape[1]
        if self.alive is not None:
            alive = self.alive[k].astype(self.weights.dtype)
            return kernels.shallow_scores(
                self.weights[k], alive, inputs.reshape(len(inputs), -1), classes, self.constants
            )
        return kernels.fusion_scores(self.weights[k], self.places, inputs, *self._shape(), classes)

    def _shape(self) -> tuple[int, int]:
        assert isinstance(self.net, FusionNet)
        return self.net.channels, self.net.reduce.out_features


class VmapEngine:
    """Any module, on any device: its networks as one, by :func:`torch.func.vmap` over the plain
    module and its gradient.
    """

    def __init__(
        self,
        net: nn.Module,
        weights: Tensor,
        alive: Tensor | None,
        rule: NDArray[np.float64],
        batch: int,
        material: FoldInputs,
    ) -> None:
        self.net, self.weights, self.alive, self.batch, self.material = (
            net,
            weights,
            alive,
            batch,
            material,
        )
        self.shapes = {name: p.shape for name, p in net.named_parameters()}
        device = weights.device
        self.rule = torch.from_numpy(rule).to(device)
        self.mean, self.square = torch.zeros_like(weights), torch.zeros_like(weights)
        self.steps = torch.zeros(len(weights), dtype=torch.float64, device=device)
        self.inputs = torch.from_numpy(material.inputs).to(device)
        self.targets = torch.from_numpy(material.targets).to(device)
        self.gradient = vmap(grad_and_value(self._loss))

    def _forward(self, weights: Tensor, alive: Tensor, x: Tensor) -> Tensor:
        """Outputs ``[B, C]`` of one network; a hidden unit that was pruned adds nothing."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = weights.split(sizes)
        p = {
            name: part.view(shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        if self.alive is not None:
            p["output.weight"] = p["output.weight"] * alive
        outputs: Tensor = functional_call(self.net, p, (x,))
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
        """Trains some networks for an epoch; returns the mean loss of each, in the order of
        ``which``.
        """
        m, device = self.material, self.weights.device
        chosen = torch.from_numpy(which).to(device)
        order, length = (
            torch.from_numpy(m.order[m.split[which]]).to(device).long(),
            torch.from_numpy(m.length[m.split[which]]).to(device),
        )
        view = torch.from_numpy(m.view[which]).to(device).unsqueeze(1)
        weights, mean, square, steps = (
            state[chosen] for state in (self.weights, self.mean, self.square, self.steps)
        )
        alive = (
            weights.new_ones(len(which), 1)
            if self.alive is None
            else self.alive[chosen].to(weights.dtype)
        )
        rule = self.rule[chosen].unsqueeze(2)  # [K, 5, 1]
        rate, momentum, adaptive = rule[:, 0], rule[:, 1], rule[:, 2] > 0
        bound, smooth = rule[:, 3, 0].to(weights), rule[:, 4, 0].to(weights)
        total = weights.new_zeros(len(which))
        for start in range(0, order.shape[1], self.batch):
            place = torch.arange(start, min(start + self.batch, order.shape[1]), device=device)
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
            taken = steps.unsqueeze(1)
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
            (self.weights, self.mean, self.square, self.steps),
            (weights, mean, square, steps),
            strict=True,
        ):
            state[chosen] = fresh
        return (total / ((length + self.batch - 1) // self.batch)).cpu().numpy()

    def scores(self, k: int) -> Floats:
        """Outputs ``[N, C]`` of one network on every row."""
        alive = (
            self.weights.new_ones(1) if self.alive is None else self.alive[k].to(self.weights.dtype)
        )
        with torch.no_grad():
            return (
                self._forward(self.weights[k], alive, self.inputs[self.material.view[k]])
                .cpu()
                .numpy()
            )
