"""Pruning by distinctiveness: of hidden units with a small angle between them all but one go.

The vector of a hidden unit is its activation over all training patterns (Gedeon and Harris 1991;
paper, section 3.1, equation 2). Every function takes one network or a stack of them in the leading
axes.

Axes: ``K`` networks (optional), ``P`` patterns, ``H`` hidden units, ``C`` classes. Angles are in
degrees.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from emolib.models import ShallowNet
from emolib.utils.validation import boolean, real_number

# A unit whose activation stays within this range over all patterns says nothing about any of them.
CONSTANT_RANGE = 0.01


def angles(
    activations: Tensor | ArrayLike,
    activation_shift: float | Tensor = 0.0,
    weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Angle between every two hidden units.

    Args:
        activations: ``[…, P, H]``, in 0..1.
        activation_shift: subtracted from every activation; a tensor, where networks of a stack
            differ in it. The paper's Table 2 needs ``0.0``; Gedeon and Harris shift by ``0.5``, so
            that angles span 0 to 180°. Unshifted sigmoid outputs are all positive, and rarely more
            than 30° apart.
        weight: ``[…, P]``, 1 for a pattern that counts and 0 for one that does not; all count when
            not given.

    Returns:
        ``[…, H, H]`` degrees, symmetric, 0 on the diagonal; NaN for a unit whose vector is zero.

    Raises:
        ValueError: there is no pattern or no unit, or a number is missing or infinite.

    Example:
        >>> angles(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).round()
        tensor([[ 0., 90.],
                [90.,  0.]], dtype=torch.float64)
    """
    activations = _finite("activations", activations)
    if activations.ndim < 2 or 0 in activations.shape[-2:]:
        raise ValueError(
            f"activations have the shape {list(activations.shape)}; angles need at least one "
            "pattern and one hidden unit, as [patterns, units]"
        )
    if isinstance(activation_shift, Tensor):
        activation_shift = _finite("activation_shift", activation_shift)
        if activation_shift.shape != activations.shape[:-2]:
            raise ValueError(
                f"activation_shift has the shape {list(activation_shift.shape)}; it must hold one "
                f"number per network, {list(activations.shape[:-2])}"
            )
        activation_shift = activation_shift[..., None, None]
    else:
        activation_shift = real_number("activation_shift", activation_shift, -1, 1)
    if weight is not None:
        weight = _finite("weight", weight)
        if weight.shape != activations.shape[:-1] or not ((weight == 0) | (weight == 1)).all():
            raise ValueError(
                f"weight has the shape {list(weight.shape)}; it must hold 0 or 1 for each pattern, "
                f"{list(activations.shape[:-1])}"
            )
        if not weight.any(-1).all():
            raise ValueError("weight is 0 for every pattern; angles need at least one")
    return _angles(activations, activation_shift, weight)


def _finite(name: str, values: Tensor | ArrayLike) -> Tensor:
    """Values as a tensor in double precision; ValueError where one is no finite number."""
    try:
        given = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
        if given.is_complex():
            raise TypeError
        numbers = given.double()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be an array of numbers") from None
    if not numbers.isfinite().all():
        raise ValueError(f"{name} must hold no number that is missing or infinite")
    return numbers


def _angles(activations: Tensor, activation_shift: float | Tensor, weight: Tensor | None) -> Tensor:
    """As :func:`angles`, for networks in training, whose weights may have diverged."""
    vectors = activations.double() - activation_shift
    if weight is not None:
        vectors = vectors * weight.unsqueeze(-1)
    vectors = vectors / vectors.norm(dim=-2, keepdim=True)
    cosine = vectors.transpose(-1, -2) @ vectors  # [..., H, H]
    degrees = torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))
    degrees.diagonal(dim1=-2, dim2=-1).mul_(0)  # rounding leaves a little; NaN stays
    return degrees


def prune(
    activations: Tensor,
    alive: Tensor,
    outgoing: Tensor,
    bias: Tensor,
    *,
    angle: Tensor,
    activation_shift: Tensor,
    merge_weights: Tensor,
    weight: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Step 2 of Algorithm 1 for a stack of networks: which units stay, and what the layer above
    becomes.

    Pairs are taken from the smallest angle on; of two similar units the later one goes. With
    ``merge_weights`` the rules of Gedeon and Harris hold: its outgoing weights are added to the
    unit that stays, a pair more than ``180 - angle`` apart is complementary and both go, and a
    constant unit goes after its contribution is added to the bias. The last unit always stays.

    Args:
        activations: ``[K, P, H]``.
        alive: ``[K, H]``, false for units that went before.
        outgoing: ``[K, C, H]``, weights of the layer above.
        bias: ``[K, C]``, of the layer above.
        angle: ``[K]`` degrees, minimal angle between two units that both stay.
        activation_shift: ``[K]``, see :func:`angles`.
        merge_weights: ``[K]``, boolean.
        weight: ``[K, P]``, see :func:`angles`.

    Returns:
        ``alive``, ``outgoing``, ``bias`` as they are afterwards; the weights of units that went are
        zero.
    """
    stack = torch.arange(len(alive), device=alive.device)
    alive, outgoing, bias = alive.clone(), outgoing.clone(), bias.clone()

    if merge_weights.any():
        counted = (
            torch.ones_like(activations[..., 0], dtype=torch.bool) if weight is None else weight > 0
        )
        low = activations.masked_fill(~counted.unsqueeze(-1), torch.inf).amin(1)
        high = activations.masked_fill(~counted.unsqueeze(-1), -torch.inf).amax(1)
        constant = alive & (high - low < CONSTANT_RANGE) & merge_weights.unsqueeze(1)
        first = alive.cumsum(1) == 1
        constant &= ~(
            first & (constant == alive).all(1, keepdim=True)
        )  # if all are constant, the first of them stays
        level = torch.where(constant, (high + low) / 2, 0.0)
        bias += torch.einsum("kch,kh->kc", outgoing, level)
        alive &= ~constant

    degrees = _angles(activations, activation_shift.view(-1, 1, 1), weight)
    units = alive.shape[1]
    pair = alive.new_ones(units, units).triu(1)

    def both_alive() -> Tensor:
        return (pair & alive.unsqueeze(-1) & alive.unsqueeze(-2) & ~degrees.isnan()).flatten(1)

    while True:
        smallest, place = degrees.flatten(1).masked_fill(~both_alive(), torch.inf).min(1)
        similar = smallest < angle
        if not similar.any():
            break
        stays, goes = place // units, place % units
        merged = outgoing[stack, :, stays] + outgoing[stack, :, goes]
        outgoing[stack, :, stays] = torch.where(
            (similar & merge_weights).unsqueeze(1), merged, outgoing[stack, :, stays]
        )
        alive[stack, goes] &= ~similar

    while merge_weights.any():
        largest, place = degrees.flatten(1).masked_fill(~both_alive(), -torch.inf).max(1)
        complementary = merge_weights & (largest > 180 - angle) & (alive.sum(1) > 2)
        if not complementary.any():
            break
        alive[stack, place // units] &= ~complementary
        alive[stack, place % units] &= ~complementary

    return alive, outgoing * alive.unsqueeze(1), bias


def compact(net: ShallowNet, alive: Tensor) -> ShallowNet:
    """Step 3 of Algorithm 1: a smaller network of the units that stay, which computes the same.

    Args:
        net: a network whose removed units have outgoing weights of zero.
        alive: ``[H]``, boolean.
    """
    smaller = ShallowNet(net.hidden.in_features, int(alive.sum()), net.output.out_features)
    smaller.to(net.hidden.weight)  # its precision and device
    with torch.no_grad():
        smaller.hidden.weight.copy_(net.hidden.weight[alive])
        smaller.hidden.bias.copy_(net.hidden.bias[alive])
        smaller.output.weight.copy_(net.output.weight[:, alive])
        smaller.output.bias.copy_(net.output.bias)
    return smaller


def prune_network(
    net: ShallowNet,
    x: Tensor | ArrayLike,
    *,
    angle: float,
    activation_shift: float = 0.0,
    merge_weights: bool = False,
) -> ShallowNet:
    """Prunes one network by its activations over ``x`` ``[P, D]`` and rebuilds it without the
    removed units.

    Raises:
        ValueError: it is no shallow network, there is no pattern, a number is missing or infinite,
            or ``angle`` is not from 0 to 180 degrees.

    Example:
        >>> net = ShallowNet(hidden=6)
        >>> prune_network(net, torch.rand(100, 5), angle=90.0).hidden.out_features
        1
    """
    if not isinstance(net, ShallowNet):
        raise ValueError(f"net is a {type(net).__name__}; a ShallowNet is pruned")
    inputs = _finite("x", _finite("x", x).to(net.hidden.weight)).to(net.hidden.weight)
    if inputs.ndim < 2 or not len(inputs) or inputs[0].numel() != net.hidden.in_features:
        raise ValueError(
            f"x has the shape {list(inputs.shape)}; the network needs at least one pattern of "
            f"{net.hidden.in_features} features"
        )
    for name, values in net.state_dict().items():
        _finite(name, values)
    with torch.no_grad():
        alive, outgoing, bias = prune(
            net.activations(inputs)[None],
            torch.ones(1, net.hidden.out_features, dtype=torch.bool),
            net.output.weight[None],
            net.output.bias[None],
            angle=torch.tensor([real_number("angle", angle, 0, 180)]),
            activation_shift=torch.tensor(
                [real_number("activation_shift", activation_shift, -1, 1)]
            ),
            merge_weights=torch.tensor([boolean("merge_weights", merge_weights)]),
        )
        pruned = ShallowNet(
            net.hidden.in_features, net.hidden.out_features, net.output.out_features
        ).to(net.hidden.weight)
        pruned.hidden.load_state_dict(net.hidden.state_dict())
        pruned.output.weight.copy_(outgoing[0])
        pruned.output.bias.copy_(bias[0])
    return compact(pruned, alive[0])
