"""Pruning of hidden units by distinctiveness: of two with a small angle between them one stays.

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
from emolib.utils import boolean, real_number

# A unit whose activation stays within this range over all patterns says nothing about any of them.
CONSTANT_RANGE = 0.01


def angles(activations: Tensor | ArrayLike, activation_shift: float = 0.0) -> Tensor:
    """Angle between every two hidden units (paper, equation 2).

    Args:
        activations: ``[…, P, H]``, in 0..1.
        activation_shift: subtracted from every activation. The paper's Table 2 needs ``0.0``;
            Gedeon and Harris shift by ``0.5``, so that angles span 0 to 180°. Unshifted sigmoid
            outputs are all positive, and rarely more than 30° apart.

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
    return _angles(activations, real_number("activation_shift", activation_shift, -1, 1))


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


def _angles(
    activations: Tensor, activation_shift: float | Tensor, counts: float | Tensor = 1.0
) -> Tensor:
    """As :func:`angles`, for networks in training, whose weights may have diverged; ``counts`` is 0
    for patterns that are left out.
    """
    vectors = (activations.double() - activation_shift) * counts
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
    """Step 2 of Algorithm 1 for a stack of networks: the units that stay, and the layer above them.

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
        weight: ``[K, P]``, 1 for a pattern that counts and 0 for one that does not; all count when
            not given.

    Returns:
        ``alive``, ``outgoing``, ``bias`` as they are afterwards; the weights of units that went are
        zero.
    """
    stack, units = torch.arange(len(alive), device=alive.device), alive.shape[1]
    alive, outgoing, bias = alive.clone(), outgoing.clone(), bias.clone()
    counts = (torch.ones_like(activations[..., 0]) if weight is None else weight).unsqueeze(-1)

    if merge_weights.any():  # constant units
        low = activations.masked_fill(counts == 0, torch.inf).amin(1)
        high = activations.masked_fill(counts == 0, -torch.inf).amax(1)
        constant = alive & (high - low < CONSTANT_RANGE) & merge_weights.unsqueeze(1)
        all_constant = (constant == alive).all(1, keepdim=True)
        constant &= ~(all_constant & (alive.cumsum(1) == 1))  # the first of them stays
        bias += torch.einsum("kch,kh->kc", outgoing, torch.where(constant, (high + low) / 2, 0.0))
        alive &= ~constant

    degrees = _angles(activations, activation_shift.view(-1, 1, 1), counts)
    pairs = alive.new_ones(units, units).triu(1) & ~degrees.isnan()  # [K, H, H], each pair once

    def angles_of_pairs(otherwise: float) -> Tensor:
        """Angles ``[K, H * H]`` of the pairs that are both alive, ``otherwise`` elsewhere."""
        both_alive = pairs & alive.unsqueeze(-1) & alive.unsqueeze(-2)
        return degrees.masked_fill(~both_alive, otherwise).flatten(1)

    while True:
        smallest, place = angles_of_pairs(torch.inf).min(1)
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
        largest, place = angles_of_pairs(-torch.inf).max(1)
        complementary = merge_weights & (largest > 180 - angle) & (alive.sum(1) > 2)
        if not complementary.any():
            break
        alive[stack, place // units] &= ~complementary
        alive[stack, place % units] &= ~complementary

    return alive, outgoing * alive.unsqueeze(1), bias


def prune_network(
    net: ShallowNet,
    x: Tensor | ArrayLike,
    *,
    angle: float,
    activation_shift: float = 0.0,
    merge_weights: bool = False,
) -> ShallowNet:
    """Steps 2 and 3 of Algorithm 1 for one network: a smaller network of the units that stay.

    Args:
        x: ``[P, D]``, the patterns whose activations decide.
        angle: degrees, minimal angle between two units that both stay.
        activation_shift: see :func:`angles`.
        merge_weights: see :func:`prune`.

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
    features, classes = net.hidden.in_features, net.output.out_features
    if inputs.ndim < 2 or not len(inputs) or inputs[0].numel() != features:
        raise ValueError(
            f"x has the shape {list(inputs.shape)}; the network needs at least one pattern of "
            f"{features} features"
        )
    for name, values in net.state_dict().items():
        _finite(name, values)
    with torch.no_grad():
        (alive,), (outgoing,), (bias,) = prune(  # a stack of one network
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
        smaller = ShallowNet(features, int(alive.sum()), classes).to(net.hidden.weight)
        smaller.load_state_dict(
            {
                "hidden.weight": net.hidden.weight[alive],
                "hidden.bias": net.hidden.bias[alive],
                "output.weight": outgoing[:, alive],
                "output.bias": bias,
            }
        )
    return smaller
