"""The networks of :mod:`emolib.models` by the thousand: the same arithmetic with the network as leading axis.

A network of the paper is so small that a training step spends its time on overhead. Here one matrix product serves a
whole stack of networks, and the gradients are written out, which leaves a few dozen tensor operations a step. That
each function equals the plain module and its automatic gradient is a test, not a promise.

Axes: ``K`` networks, ``B`` batch, ``M`` modalities, ``D`` features a modality, ``H`` hidden units, ``C`` classes,
``F`` channels. Parameters go by the plain module's names, with ``K`` in front of each shape.
"""

import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from emolib.models import FeatureNet

Parameters = dict[str, Tensor]
# The gradient of the loss by the outputs [K, B, C] -> the gradients by the parameters.
Backward = Callable[[Tensor], Parameters]


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``[K, B, in]`` by ``[K, out, in]`` to ``[K, B, out]``."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))


def shallow(p: Parameters, x: Tensor) -> tuple[Tensor, Backward]:
    """A stack of :class:`~emolib.models.ShallowNet`: ``x`` ``[K, B, M, D]`` with one modality to outputs ``[K, B, C]``."""
    x = x.flatten(2)
    h = torch.sigmoid(linear(x, p["hidden.weight"], p["hidden.bias"]))  # [K, B, H]
    out = linear(h, p["output.weight"], p["output.bias"])

    def backward(d_out: Tensor) -> Parameters:
        d_hidden = torch.ops.aten.sigmoid_backward(torch.bmm(d_out, p["output.weight"]), h)
        return {
            "hidden.weight": torch.bmm(d_hidden.transpose(1, 2), x),
            "hidden.bias": d_hidden.sum(1),
            "output.weight": torch.bmm(d_out.transpose(1, 2), h),
            "output.bias": d_out.sum(1),
        }

    return out, backward


def windows(h: Tensor) -> Tensor:
    """What a kernel of three sees at each position: ``[S, B, D, F]`` to ``[S, B * D, 3 * F]``, zeros past the ends."""
    stack, batch, length, channels = h.shape
    seen = h.new_zeros(stack, batch, length, 3, channels)
    seen[:, :, 1:, 0] = h[:, :, :-1]
    seen[:, :, :, 1] = h
    seen[:, :, :-1, 2] = h[:, :, 1:]
    return seen.view(stack, batch * length, -1)


def unwindows(d_seen: Tensor) -> Tensor:
    """The gradient by :func:`windows`' input: ``[S, B, D, 3, F]`` to ``[S, B, D, F]``."""
    d_h = d_seen[:, :, :, 1].clone()
    d_h[:, :, :-1] += d_seen[:, :, 1:, 0]
    d_h[:, :, 1:] += d_seen[:, :, :-1, 2]
    return d_h


def pool(h: Tensor) -> tuple[Tensor, Tensor]:
    """Largest of three neighbours: ``[S, B, D, F]`` to the same shape, and where each maximum was."""
    stack, batch, length, channels = h.shape
    image = h.view(stack * batch, length, 1, channels).permute(0, 3, 1, 2)  # channels last in memory
    out, where = F.max_pool2d(image, (3, 1), stride=1, padding=(1, 0), return_indices=True)
    return out.permute(0, 2, 3, 1).view(h.shape), where


def unpool(d_pooled: Tensor, h: Tensor, where: Tensor) -> Tensor:
    """Sends the gradient by :func:`pool`'s output back to where each maximum was."""
    stack, batch, length, channels = h.shape
    as_image = (stack * batch, length, 1, channels)
    d_h = torch.ops.aten.max_pool2d_with_indices_backward(
        d_pooled.view(as_image).permute(0, 3, 1, 2),
        h.view(as_image).permute(0, 3, 1, 2),
        [3, 1], [1, 1], [1, 0], [1, 1], False, where,
    )  # fmt: skip
    return d_h.permute(0, 2, 3, 1).view(h.shape)


def features(weights: list[Tensor], biases: list[Tensor], x: Tensor):
    """A stack of ``S`` :class:`~emolib.models.FeatureNet`: ``x`` ``[S, B, D]`` to ``[S, B, F * D]``, and its backward.

    ``weights[layer]`` is ``[S, out, in, 3]``, ``biases[layer]`` ``[S, out]``; the backward returns gradients in the
    same two lists.
    """
    stack, batch, length = x.shape
    h = x.unsqueeze(-1)  # [S, B, D, 1]: channels last, so that a window is one row of a matrix product
    saved = []
    for weight, bias in zip(weights, biases, strict=True):
        seen = windows(h)
        flat = weight.transpose(2, 3).flatten(2)  # [S, out, 3 * in]
        z = torch.relu(linear(seen, flat, bias)).view(stack, batch, length, -1)
        h, where = pool(z)
        saved.append((seen, flat, z, where))
    out = h.transpose(2, 3).reshape(stack, batch, -1)  # channels first, as Flatten finds them

    def backward(d_out: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        d_weights, d_biases = [], []
        d_h = d_out.view(stack, batch, -1, length).transpose(2, 3).contiguous()
        for layer in reversed(range(len(saved))):
            seen, flat, z, where = saved[layer]
            d_z = torch.ops.aten.threshold_backward(unpool(d_h, z, where), z, 0).view(stack, batch * length, -1)
            d_flat = torch.bmm(d_z.transpose(1, 2), seen)
            d_weights.insert(0, d_flat.unflatten(2, (3, -1)).transpose(2, 3))
            d_biases.insert(0, d_z.sum(1))
            if layer:
                d_h = unwindows(torch.bmm(d_z, flat).view(stack, batch, length, 3, -1))
        return d_weights, d_biases

    return out, backward


def pack(p: Parameters) -> Parameters:
    """Puts the branches of each network side by side: ``branches.m.convolutions.l.weight`` ``[K, …]`` of all ``m`` become
    one ``convolutions.l.weight`` ``[K, M, …]``, so that a step need not gather them. Other parameters stay as they are."""
    packed: dict[str, list[Tensor]] = {}
    for name, value in p.items():
        packed.setdefault(re.sub(r"^branches\.\d+\.", "", name), []).append(value)
    return {name: torch.stack(values, 1) if name.startswith("convolutions") else values[0] for name, values in packed.items()}


def unpack(packed: Parameters) -> Parameters:
    """The inverse of :func:`pack`, in the order of the plain module's parameters."""
    convolutions = {name: value for name, value in packed.items() if name.startswith("convolutions")}
    rest = {name: value for name, value in packed.items() if name not in convolutions}
    modalities = next(iter(convolutions.values())).shape[1] if convolutions else 0
    branches = {f"branches.{m}.{name}": value[:, m] for m in range(modalities) for name, value in convolutions.items()}
    return branches | rest


def fusion(p: Parameters, x: Tensor) -> tuple[Tensor, Backward]:
    """A stack of :class:`~emolib.models.FusionNet`: ``x`` ``[K, B, M, D]`` to outputs ``[K, B, C]``.

    The branches of all networks are alike, so they make one stack of ``K * M``; the parameters come from :func:`pack`.
    """
    networks, batch, modalities, _ = x.shape
    names = [[f"convolutions.{layer}.{kind}" for layer in range(FeatureNet.LAYERS)] for kind in ("weight", "bias")]
    weights, biases = ([p[name].flatten(0, 1) for name in kind] for kind in names)

    found, features_backward = features(weights, biases, x.transpose(1, 2).flatten(0, 1))
    joined = found.view(networks, modalities, batch, -1).transpose(1, 2).flatten(2)  # [K, B, M * F * D]
    reduced = torch.relu(linear(joined, p["reduce.weight"], p["reduce.bias"]))
    out = linear(reduced, p["output.weight"], p["output.bias"])

    def backward(d_out: Tensor) -> Parameters:
        d_reduced = torch.ops.aten.threshold_backward(torch.bmm(d_out, p["output.weight"]), reduced, 0)
        d_joined = torch.bmm(d_reduced, p["reduce.weight"]).view(networks, batch, modalities, -1)
        by_branch = features_backward(d_joined.transpose(1, 2).reshape(networks * modalities, batch, -1))
        gradients = {
            "reduce.weight": torch.bmm(d_reduced.transpose(1, 2), joined),
            "reduce.bias": d_reduced.sum(1),
            "output.weight": torch.bmm(d_out.transpose(1, 2), reduced),
            "output.bias": d_out.sum(1),
        }
        for kind, of_layers in zip(names, by_branch, strict=True):
            for name, gradient in zip(kind, of_layers, strict=True):
                gradients[name] = gradient.unflatten(0, (networks, modalities))
        return gradients

    return out, backward


def smooth_l1(out: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Smooth L1 loss (paper, equation 3), averaged over a batch and the classes, and its gradient by the outputs.

    Args:
        out, target: ``[K, B, C]``.
        weight: ``[K, B]``, one over the number of rows in the batch; 0 for a place that no row fills.

    Returns:
        Loss ``[K]`` and gradient ``[K, B, C]``, of each network on its own.
    """
    error = out - target
    slope = error.clamp(-1, 1)
    scale = weight.unsqueeze(-1) / out.shape[-1]
    # 0.5 e² where |e| <= 1 and |e| - 0.5 elsewhere, in one expression of the clamped error
    loss = (slope * (error - 0.5 * slope) * scale).sum((1, 2))
    return loss, slope * scale
