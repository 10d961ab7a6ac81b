"""Many networks of one shape: their parameters, their optimiser, and pruning inside the stack.

Axes: ``K`` networks, ``N`` rows of the data, ``H`` hidden units.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emolib import stacked, sweeps
from emolib.data import EmotionData
from emolib.pruning import prune

# Narrower networks of a stack are padded with hidden units that count for nothing; rows of eight numbers compute best.
WIDTH = 8


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


class Stack:
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
