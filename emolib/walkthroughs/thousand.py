"""The walkthrough on a thousand networks at once: the loop, the stack in its place, and checks."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from emolib.models import ShallowNet
from emolib.walkthroughs.lesson import Wrong, array, check, judged, tried

COUPLING = {
    "one learning rate for all": False,
    "clipping the norm of all gradients together": True,
    "a sum of the losses": False,
    "stopping all when the mean loss stops falling": True,
    "Adam, number by number": False,
}


def one_by_one(
    nets: Iterable[ShallowNet], x: Tensor, target: Tensor, batches: Tensor, learning_rate: float
) -> None:
    """Trains networks as every tutorial does: for each network, for each batch.

    Args:
        nets: changed in place.
        x: ``[N, D]``.
        target: ``[N, C]``, one-hot.
        batches: ``[steps, B]``, rows of each batch.
        learning_rate: of Adam.
    """
    for net in nets:
        optimiser = torch.optim.Adam(net.parameters(), learning_rate)
        for batch in batches:
            optimiser.zero_grad()
            loss = F.smooth_l1_loss(net(x[batch]), target[batch])
            loss.backward()
            optimiser.step()


def all_at_once(
    nets: list[ShallowNet], x: Tensor, target: Tensor, batches: Tensor, learning_rate: float
) -> dict[str, Tensor]:
    """The same for a stack of networks: for each batch, one operation for all of them.

    Args:
        nets: stay as they are.
        x, target, batches, learning_rate: as in :func:`one_by_one`.

    Returns:
        Their parameters after training, by name, ``K`` in front of each shape.
    """
    parameters, _ = stack_module_state(nets)

    def loss(p: dict[str, Tensor], seen: Tensor, wanted: Tensor) -> Tensor:
        return F.smooth_l1_loss(functional_call(nets[0], p, (seen,)), wanted)

    gradient = vmap(grad(loss), in_dims=(0, None, None))
    optimiser = torch.optim.Adam(parameters.values(), learning_rate)
    for batch in batches:
        gradients = gradient(parameters, x[batch], target[batch])
        for name, parameter in parameters.items():
            parameter.grad = gradients[name]
        optimiser.step()
    return {name: parameter.detach() for name, parameter in parameters.items()}


@check
def hidden_layers(answer: Any) -> str:
    """A function ``(x [B, D], weight [K, H, D], bias [K, H])`` to the sums of all hidden units
    ``[K, B, H]``, without a loop.
    """
    generator = torch.Generator().manual_seed(4)
    x, weight, bias = (
        torch.randn(shape, generator=generator) for shape in ((6, 5), (3, 4, 5), (3, 4))
    )
    right = torch.stack([F.linear(x, weight[k], bias[k]) for k in range(3)])
    found = array(
        tried(
            answer,
            x,
            weight,
            bias,
            error=(RuntimeError,),
            sentence="PyTorch could not match the shapes ({}). weight.transpose(1, 2) is "
            "[K, D, H], which x [B, D] can be multiplied by; bias.unsqueeze(1) is [K, 1, H].",
        ),
        (3, 6, 4),
        {
            (6, 3, 4): "yours is [B, K, H]; the network comes first: [K, B, H].",
            (3, 4, 6): "yours is [K, H, B]; transpose the last two axes.",
            (6, 4): "the axis of networks is gone: yours is [B, H], as if there were one network. "
            "Keep k in the result.",
        },
    )
    return judged(
        found,
        right,
        "one product for all networks; torch.baddbmm does it with the bias in one call.",
        [
            (right - bias.unsqueeze(1), "the bias is missing."),
            (
                torch.sigmoid(right),
                "this is after the sigmoid; the sums before it are asked for.",
            ),
            (
                right[:1].expand(3, -1, -1),
                "every network has the weights of the first; does your product use weight[0]?",
            ),
        ],
        "network k, row r, unit h should be Σ_d weight[k, h, d]·x[r, d] + bias[k, h].",
    )


@check
def one_number(answer: Any) -> str:
    """A function ``(losses [K, B])`` to one number whose gradient treats each network as if it were
    alone.
    """
    losses = torch.rand(7, 5, generator=torch.Generator().manual_seed(5), requires_grad=True)
    given = tried(answer, losses)
    if not isinstance(given, torch.Tensor):
        raise Wrong("a tensor should come back, or PyTorch cannot follow the gradient.")
    if given.numel() != 1:
        raise Wrong(f"one number is asked for; yours has shape {tuple(given.shape)}.")
    slope = torch.autograd.grad(given.sum(), losses)[0]
    return judged(
        slope,
        torch.full((7, 5), 1 / 5),
        "a mean over the rows of a network, as alone, and a sum over networks: no gradient depends "
        "on their number.",
        [
            (
                torch.full((7, 5), 1 / 35),
                "this is the mean of everything: each network's gradient is 7 times too small "
                "with 7 networks, and 1000 times with 1000.",
            ),
            (
                torch.ones(7, 5),
                "this is the sum of everything: the rows of a network are to be averaged, as in "
                "smooth_l1_loss.",
            ),
            (
                torch.full((7, 5), 1 / 7),
                "the other way round: you averaged over networks and added up the rows.",
            ),
            (
                bool((slope == 0).any()),
                "only some of the losses take part; every row of every network pulls.",
            ),
        ],
        "every row of every network should pull with the same weight, one over the number of "
        "rows in a batch.",
        tolerance=1e-6,
    )


@partial(check, options=tuple(COUPLING))
def coupled(answer: Any) -> str:
    """The habits, of five, that let one network's training depend on the others of its stack."""
    chosen = {answer} if isinstance(answer, str) else set(answer)
    if unknown := chosen - set(COUPLING):
        raise Wrong(
            f"{sorted(unknown, key=str)[0]!r} is none of the five; give the strings themselves."
        )
    if harmless := [habit for habit in COUPLING if habit in chosen and not COUPLING[habit]]:
        raise Wrong(
            f"{harmless[0]} does no harm: its effect on one number of one network is the same with "
            "or without the others."
        )
    if missing := sum(COUPLING.values()) - len(chosen):
        raise Wrong(
            f"there is {'one more' if missing == 1 else 'more than one'}: which habit looks at all "
            "networks together before it acts on each, so that one that behaves badly moves the "
            "others?"
        )
    return (
        "both look at all networks together before they act on each, and so a network would end "
        "otherwise in other company."
    )
