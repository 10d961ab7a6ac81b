"""The walkthrough on a thousand networks at once: the loop that the stack replaces, and its checks."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from emolib.models import ShallowNet
from emolib.walkthroughs.verdict import Wrong, array, check, close, function

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
        rate: learning rate of Adam.
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
    layer = function(answer)
    generator = torch.Generator().manual_seed(4)
    x, weight, bias = (
        torch.randn(shape, generator=generator) for shape in ((6, 5), (3, 4, 5), (3, 4))
    )
    right = torch.stack([F.linear(x, weight[k], bias[k]) for k in range(3)])
    try:
        given = layer(x, weight, bias)
    except RuntimeError as error:
        raise Wrong(
            f"PyTorch could not match the shapes ({str(error).splitlines()[0]}). weight.transpose(1, 2) is [K, D, H], which x [B, D] can be multiplied by; "
            "bias.unsqueeze(1) is [K, 1, H]."
        ) from None
    if isinstance(given, torch.Tensor) and given.shape == (6, 3, 4):
        raise Wrong("yours is [B, K, H]; the network comes first: [K, B, H].")
    if isinstance(given, torch.Tensor) and given.shape == (3, 4, 6):
        raise Wrong("yours is [K, H, B]; transpose the last two axes.")
    if isinstance(given, torch.Tensor) and given.shape == (6, 4):
        raise Wrong(
            "the axis of networks is gone: yours is [B, H], as if there were one network. Keep k in the result."
        )
    found = array(given, tuple(right.shape))
    if close(found, right.numpy()):
        return "one product for all networks; torch.baddbmm does it with the bias in one call."
    if close(found, (right - bias.unsqueeze(1)).numpy()):
        raise Wrong("the bias is missing.")
    if close(found, torch.sigmoid(right).numpy()):
        raise Wrong("this is after the sigmoid; the sums before it are asked for.")
    if close(found, right[:1].expand(3, -1, -1).numpy()):
        raise Wrong("every network has the weights of the first; does your product use weight[0]?")
    raise Wrong("network k, row r, unit h should be Σ_d weight[k, h, d]·x[r, d] + bias[k, h].")


@check
def one_number(answer: Any) -> str:
    """A function ``(losses [K, B])`` to one number whose gradient treats each network as if it were
    alone.
    """
    reduce = function(answer)
    losses = torch.rand(7, 5, generator=torch.Generator().manual_seed(5), requires_grad=True)
    given = reduce(losses)
    if not isinstance(given, torch.Tensor):
        raise Wrong("a tensor should come back, or PyTorch cannot follow the gradient.")
    if given.numel() != 1:
        raise Wrong(f"one number is asked for; yours has shape {tuple(given.shape)}.")
    slope = torch.autograd.grad(given.sum(), losses)[0]
    if close(slope, torch.full((7, 5), 1 / 5), 1e-6):
        return "a mean over the rows of a network, as alone, and a sum over networks: no gradient knows how many there are."
    if close(slope, torch.full((7, 5), 1 / 35), 1e-6):
        raise Wrong(
            "this is the mean of everything: each network's gradient is 7 times too small with 7 networks, and 1000 times with 1000."
        )
    if (slope == 0).any():
        raise Wrong("only some of the losses have a say; every row of every network pulls.")
    if close(slope, torch.ones(7, 5), 1e-6):
        raise Wrong(
            "this is the sum of everything: the rows of a network are to be averaged, as in smooth_l1_loss."
        )
    if close(slope, torch.full((7, 5), 1 / 7), 1e-6):
        raise Wrong("the other way round: you averaged over networks and added up the rows.")
    raise Wrong(
        "every row of every network should pull with the same weight, one over the number of rows in a batch."
    )


@check
def coupled(answer: Any) -> str:
    """Which of five habits let one network's training depend on the others of its stack."""
    if isinstance(answer, str):
        answer = {answer}
    chosen = set(answer)
    if unknown := chosen - set(COUPLING):
        raise Wrong(
            f"{sorted(unknown, key=str)[0]!r} is none of the five; give the strings themselves."
        )
    for habit, couples in COUPLING.items():
        if habit in chosen and not couples:
            raise Wrong(
                f"{habit} does no harm: what it does to one number of one network is the same with or without the others."
            )
    if missing := sum(COUPLING.values()) - len(chosen):
        count = "one more" if missing == 1 else "more than one"
        raise Wrong(
            f"there is {count}: which habit looks at all networks together before it acts on each, so that one that behaves badly moves the others?"
        )
    return "both look at all networks together before they act on each, and so a network would end otherwise in other company."
