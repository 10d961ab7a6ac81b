"""The networks that a report compares: the rows of the paper's Table 3, the sweeps that several
chapters share, and one network at many minimal angles.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from emolib.data import EmotionData
from emolib.folds import protocols
from emolib.models import ShallowNet
from emolib.pruning import angles as angles_between
from emolib.pruning import prune
from emolib.training.sweeps import IMAGE, IMAGE_NETWORK, sweep
from emolib.utils.validation import real_number, whole_number

# The models of the paper, and the columns of a sweep that make them.
PAPER_MODELS: dict[str, dict[str, Any]] = {
    "LPQ shallow": {"modality": "LPQ", "angle": 60},
    "PHOG shallow": {"modality": "PHOG", "angle": 60},
    "LPQ CNN": {"modality": "LPQ", "network": "cnn"},
    "PHOG CNN": {"modality": "PHOG", "network": "cnn"},
    "CNN fusion": {"modality": "LPQ+PHOG", "network": "cnn"},
}
RECIPES = ("printed", "converged")


def table3_models(data: EmotionData) -> dict[str, dict[str, Any]]:
    """The models of Table 3, and for each modality beyond LPQ and PHOG the same again, alone and
    fused with both.

    Where the data hold the images themselves, a two-dimensional branch joins, alone and fused.

    Returns:
        For the name of each model the choices for :func:`emolib.sweep`.

    Example:
        >>> list(table3_models(load("faces")))[5:]
        ['image shallow', 'image CNN', 'CNN fusion with image', '2-D CNN', '2-D CNN fusion']
    """
    models = dict(PAPER_MODELS)
    for modality in data.modalities:
        if modality not in ("LPQ", "PHOG"):
            models[f"{modality} shallow"] = {"modality": modality, "angle": 60}
            models[f"{modality} CNN"] = {"modality": modality, "network": "cnn"}
            models[f"CNN fusion with {modality}"] = {
                "modality": f"LPQ+PHOG+{modality}",
                "network": "cnn",
            }
    if IMAGE in data.descriptors:
        models["2-D CNN"] = {"modality": IMAGE, "network": IMAGE_NETWORK}
        models["2-D CNN fusion"] = {"modality": f"LPQ+PHOG+{IMAGE}", "network": IMAGE_NETWORK}
    return models


def repetitions(
    data: EmotionData,
    folds: int = 5,
    seeds: int = 1,
    max_epochs: int = 0,
    recipe: str | Sequence[str] = RECIPES,
) -> dict[str, Any]:
    """Choices for :func:`emolib.sweep` that every sweep of a report shares: the protocols that the
    data allow, the recipes, and the repetitions.

    Args:
        seeds: repetitions, each with folds, initial weights and batches of its own.
        max_epochs: epochs in place of the recipe's own; 0: as the recipe says.

    Raises:
        ValueError: a count is not whole.

    Example:
        >>> sweep(modality="PHOG", **repetitions(data, folds=5, seeds=10))
    """
    return {
        "protocol": protocols(data),
        "recipe": recipe,
        "folds": whole_number("folds", folds, 2),
        "seed": range(whole_number("seeds", seeds, 1)),
        "max_epochs": max_epochs,
    }


def table3_sweep(
    data: EmotionData,
    folds: int = 5,
    seeds: int = 1,
    max_epochs: int = 0,
    recipe: str | Sequence[str] = RECIPES,
    models: Mapping[str, Mapping[str, Any]] | None = None,
) -> pd.DataFrame:
    """Sweep of all models of Table 3, with their names in a column ``model``.

    Args:
        folds, seeds, max_epochs, recipe: see :func:`repetitions`.
        models: :func:`table3_models` of the data when not given.

    Example:
        >>> found = conditions(train(data, table3_sweep(data, seeds=10)))
    """
    shared = repetitions(data, folds, seeds, max_epochs, recipe)
    models = table3_models(data) if models is None else models
    parts = [sweep(**choices, **shared).assign(model=model) for model, choices in models.items()]
    return pd.concat(parts, ignore_index=True)


def width_sweep(
    data: EmotionData, widths: Sequence[int], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of unpruned shallow networks over the number of hidden units, with a column ``model``.

    Args:
        widths: numbers of hidden units.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    shared = repetitions(data, folds, seeds, max_epochs)
    table = sweep(modality=data.modalities, hidden=widths, **shared)
    names = [f"{row.modality} shallow, {row.hidden} units" for row in table.itertuples()]
    return table.assign(model=names)


def angle_sweep(
    data: EmotionData, angles: Sequence[float], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of pruned shallow networks over the minimal angle, by both conventions of activations,
    with a column ``model``.

    Args:
        angles: minimal angles in degrees.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    shared = repetitions(data, folds, seeds, max_epochs)
    table = sweep(modality=data.modalities, angle=angles, activation_shift=[0.5, 0.0], **shared)
    activations = np.where(table["activation_shift"] > 0, "shifted", "as they are")
    rows = zip(table["modality"], table["angle"], activations, strict=True)
    return table.assign(model=[f"{m} shallow, {angle:g}°, {taken}" for m, angle, taken in rows])


def survivors(
    net: ShallowNet, x: NDArray[np.float32], minimal: Sequence[float], activation_shift: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.bool]]:
    """Angles between a network's hidden units, and the units that step 2 of Algorithm 1 leaves at
    each minimal angle.

    Args:
        net: trained, not pruned; it stays as it is.
        x: ``[P, D]``, the patterns, scaled as the network saw them.
        minimal: ``A`` minimal angles in degrees.
        activation_shift: see :func:`emolib.pruning.angles`.

    Returns:
        ``[H, H]`` degrees, and ``[A, H]``, boolean, whether a unit stays.

    Example:
        >>> x = np.random.rand(100, 5).astype("float32")
        >>> degrees, alive = survivors(ShallowNet(hidden=6), x, [0, 90])
        >>> alive.sum(1)[0].item()
        6
    """
    minimal = [real_number("minimal angle", angle, 0, 180) for angle in minimal]
    count = len(minimal)
    with torch.no_grad():
        activations = net.activations(torch.as_tensor(x).to(net.hidden.weight))
        alive, _, _ = prune(
            activations.expand(count, -1, -1),
            torch.ones(count, activations.shape[1], dtype=torch.bool),
            net.output.weight.expand(count, -1, -1),
            net.output.bias.expand(count, -1),
            angle=torch.tensor(minimal, dtype=torch.float32),
            activation_shift=torch.full((count,), activation_shift),
            merge_weights=torch.zeros(count, dtype=torch.bool),
        )
        return angles_between(activations, activation_shift).numpy(), alive.numpy()
