"""Sweeps: tables with one row per network and a column per setting."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from emolib.data import EmotionData
from emolib.folds import DEALT, LARGEST_SEED
from emolib.models import POOLINGS, FusionNet, ShallowNet
from emolib.training.kernels import arithmetic
from emolib.utils.validation import boolean, one_of, real_number, whole_number

Row = dict[str, Any]  # of a sweep: what each of its columns holds


@dataclass(frozen=True)
class Recipe:
    """How long and how fast a network is trained on one-hot targets, in shuffled batches.

    Attributes:
        epochs: passes over the training rows; an upper bound where ``patience`` is set.
        learning_rate: of the optimiser.
        batch: rows per step; the last batch of an epoch may be smaller.
        patience: stop once the epoch's mean training loss has not fallen by ``tolerance`` below its
            best for so many epochs. 0: never.
        tolerance: the fall that counts, relative to the best so far.
    """

    epochs: int
    learning_rate: float
    batch: int = 10
    patience: int = 0
    tolerance: float = 0.001


# “printed” is section 4.1 of the paper to the letter. “converged” takes the paper at its word that
# training went on until it converged: a higher rate, because at the printed one the loss still
# falls after thousands of epochs, and an end set by the training loss alone, never by a look at
# test rows. The bounds are far above what it takes: on SFEW the loss of shallow networks stops
# falling after 30 to 500 epochs, that of CNNs after 340 to 940; of one in a hundred it never falls.
RECIPES = {
    ("shallow", "printed"): Recipe(epochs=200, learning_rate=1e-4),
    ("cnn", "printed"): Recipe(epochs=30, learning_rate=1e-4),
    ("shallow", "converged"): Recipe(epochs=1000, learning_rate=1e-2, patience=25),
    ("cnn", "converged"): Recipe(epochs=2000, learning_rate=1e-3, patience=25),
    # Not in the paper: as its CNNs. A step takes twenty times as long, so that these are stopped at
    # 40 epochs, whether or not their loss still falls.
    ("cnn 2-D", "printed"): Recipe(epochs=30, learning_rate=1e-4),
    ("cnn 2-D", "converged"): Recipe(epochs=40, learning_rate=1e-3, patience=25),
}
OPTIMISERS, LOSSES = tuple(arithmetic.OPTIMISERS), tuple(arithmetic.LOSSES)
IMAGE_NETWORK, IMAGE = "cnn 2-D", "image"  # and the modality that its image branch reads
NETWORKS = ("shallow", "cnn", IMAGE_NETWORK)

# The columns of a sweep and what a row holds unless told otherwise.
DEFAULTS: Row = {
    # "shallow": ShallowNet; "cnn": FusionNet; "cnn 2-D": the same, which sees images too
    "network": "shallow",
    "modality": "LPQ",  # several are joined by +
    "hidden": 16,  # hidden units to begin with; a CNN has none
    "channels": 16,  # of each convolution of a "cnn", of which the paper says nothing
    "pooling": "overlapping",  # of a "cnn": see emolib.models.POOLINGS
    "angle": 0.0,  # degrees; 0 prunes nothing
    "activation_shift": 0.5,  # taken off activations before angles: 0.0 or 0.5
    "schedule": "first",  # prune after the first epoch, or after "every" one
    "merge_weights": False,  # whether removed units hand on their weights (Gedeon and Harris)
    "recipe": "printed",
    "max_epochs": 0,  # epochs in place of the recipe's own; 0: as the recipe says
    "learning_rate": 0.0,  # learning rate in place of the recipe's own, likewise
    "optimiser": "Adam",  # the paper names none
    "loss": "smooth L1",  # paper, equation 3
    # where min-max (equation 1) is fitted, the paper's own way is "all rows"; or "standardised":
    # mean 0 and variance 1 over the training rows; or "as they come"
    "scaling": "training rows",
    "protocol": "random",
    "folds": 5,
    # of one repetition: fixes the folds, and per fold the initial weights and the batches
    "seed": 0,
    "restart": 0,  # other initial weights and batches on the same folds
}
REPETITION = list(DEFAULTS)
NETWORK = [*REPETITION, "fold"]
LARGEST = 1_000_000  # rows; far more would not fit in memory
WIDEST = 10_000  # hidden units


def text(name: str, value: Any) -> str:
    """A text as it is; ValueError where the value is of another type."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be a text")
    return value


# How the values of each column are checked: by a function of name, value and these bounds.
VALID: dict[str, tuple[Any, ...]] = {
    "network": (one_of, NETWORKS),
    "modality": (text,),
    "hidden": (whole_number, 0, WIDEST),
    "channels": (whole_number, 0, WIDEST),
    "pooling": (one_of, tuple(POOLINGS)),
    "angle": (real_number, 0, 180),
    "activation_shift": (real_number, -1, 1),
    "schedule": (one_of, ("first", "every")),
    "merge_weights": (boolean,),
    "recipe": (one_of, ("printed", "converged")),
    "max_epochs": (whole_number, 0, LARGEST),
    # with far higher ones weights leave the range of single precision
    "learning_rate": (real_number, 0, 10),
    "optimiser": (one_of, OPTIMISERS),
    "loss": (one_of, LOSSES),
    "scaling": (one_of, ("training rows", "all rows", "standardised", "as they come")),
    "protocol": (text,),
    "folds": (whole_number, 1),
    "seed": (whole_number, 0, LARGEST_SEED),
    "restart": (whole_number, 0, LARGEST_SEED),
    "fold": (whole_number, 0),
}


def valid(column: str, value: Any) -> Any:
    """A value of a column as Python's own type; ValueError where the column cannot hold it."""
    check, *bounds = VALID[column]
    return check(column, value.item() if isinstance(value, np.generic) else value, *bounds)


def sweep(**choices: Any) -> pd.DataFrame:
    """Every combination of the given choices, one row per network, all folds of each repetition
    included.

    Args:
        choices: for a column of :data:`DEFAULTS` one value or a list of them.

    Raises:
        ValueError: there is no such column, or no value for it, or the value is none that the
            column can hold, or there are too many combinations.

    Example:
        >>> len(sweep(modality=["LPQ", "PHOG"], hidden=range(6, 17), seed=range(10)))
        1100
    """
    for name in choices:
        one_of("column", name, DEFAULTS)
    values = {}
    for column, choice in (DEFAULTS | choices).items():
        several = np.iterable(choice) and not isinstance(choice, str | bytes)
        given = islice(choice, LARGEST + 1) if several else [choice]
        values[column] = [valid(column, value) for value in given]
        if not values[column]:
            raise ValueError(f"{column} has no value; a sweep needs at least one for each column")
    others = (len(choice) for column, choice in values.items() if column != "folds")
    count = sum(values["folds"]) * prod(others)
    if count > LARGEST:
        raise ValueError(f"these choices make {count:,} networks; a sweep has at most {LARGEST:,}")
    found = table(
        [
            (*row, fold)
            for row in product(*values.values())
            for fold in range(row[REPETITION.index("folds")])
        ]
    )
    # what the others do not have
    found.loc[found["network"] != "shallow", ["hidden", "angle"]] = [0, 0.0]
    found.loc[found["network"] != "cnn", "channels"] = 0
    found.loc[found["network"] != "cnn", "pooling"] = "none"
    return found.drop_duplicates(ignore_index=True)


def table(rows: Sequence[tuple[Any, ...] | Row]) -> pd.DataFrame:
    """Rows with the columns :data:`NETWORK`, one per network, as a table that :func:`emolib.train`
    takes.
    """
    return pd.DataFrame(rows, columns=NETWORK).astype(
        {"angle": float, "activation_shift": float, "learning_rate": float, "merge_weights": bool}
    )


def check(table: pd.DataFrame, data: EmotionData) -> list[Row]:
    """The rows of a sweep as :func:`emolib.train` works on them, whatever the table's index and
    data types.

    Args:
        table: one row per network, with the columns :data:`NETWORK` and any others.
        data: what is to be learnt from.

    Returns:
        One dictionary per row, in order: the columns :data:`NETWORK` as Python's own types.

    Raises:
        ValueError: no table, a column that is missing or there twice, or a row that no network can
            be trained for; the message names row, column and value.
    """
    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            f"a sweep is a table such as emolib.sweep() makes, not of type {type(table).__name__}"
        )
    for name in [*NETWORK, *table.columns]:
        count = list(table.columns).count(name)
        if count != 1:
            raise ValueError(f"the sweep has {count} columns called {name!r}; it must have one")
    if not len(table):
        raise ValueError("the sweep has no rows, so there is nothing to train")
    rows: list[Row] = []
    for number, row in enumerate(table[NETWORK].to_dict("records", into=Row())):
        try:
            rows.append(checked_row(row, data))
        except ValueError as error:
            raise ValueError(f"row {number} of the sweep: {error}") from None
    return rows


def checked_row(given: Row, data: EmotionData) -> Row:
    """A row of a sweep with its values checked, each alone and together, as Python's own types.

    Raises:
        ValueError: no network can be trained for it; the message names column and value.
    """
    row = {name: valid(name, value) for name, value in given.items()}
    one_of("protocol", row["protocol"], dict.fromkeys([*DEALT, *data.splits]))
    whole_number("fold", row["fold"], 0, row["folds"] - 1)
    for part in row["modality"].split("+"):
        one_of("modality", part, data.modalities)
    if row["network"] == IMAGE_NETWORK and IMAGE not in data.descriptors:
        raise ValueError(
            f"{data.source}: there are no images, which the network {IMAGE_NETWORK!r} looks at"
        )
    if len({data.features[part].shape[1] for part in features_of(row)}) > 1:
        raise ValueError(
            f"modality is {row['modality']!r}; modalities that are fused need equally many features"
        )
    for network, column in (("shallow", "hidden"), ("cnn", "channels")):
        if row["network"] == network:
            whole_number(column, row[column], 1, WIDEST)
    return row


def features_of(row: Row) -> list[str]:
    """Modalities whose features a row's network reads: all but the image that it looks at."""
    looks = row["network"] == IMAGE_NETWORK
    return [part for part in row["modality"].split("+") if not (looks and part == IMAGE)]


def recipe_of(row: Row) -> Recipe:
    """The recipe that a row names, for its kind of network, with the row's own epochs and learning
    rate if it sets them.
    """
    recipe = RECIPES[row["network"], row["recipe"]]
    return replace(
        recipe,
        epochs=row["max_epochs"] or recipe.epochs,
        learning_rate=row["learning_rate"] or recipe.learning_rate,
    )


def seeds(seed: int, fold: int, restart: int = 0) -> tuple[int, int]:
    """Seeds of a network's initial weights and of its batches, from the repetition's seed, the fold
    and the restart alone, so that networks that differ in anything else are compared on the same
    start and the same batches.
    """
    weights, batches = np.random.SeedSequence([seed, fold, restart]).generate_state(2)
    return int(weights), int(batches)


def build(row: Row, data: EmotionData) -> nn.Module:
    """The untrained network of one row, as a plain module."""
    modalities, classes = features_of(row), len(data.classes)
    features = data.features[(modalities or data.modalities)[0]].shape[1]
    net: nn.Module
    if row["network"] == "shallow":
        net = ShallowNet(len(modalities) * features, int(row["hidden"]), classes)
    elif row["network"] == IMAGE_NETWORK:
        side = round(data.descriptors[IMAGE].shape[1] ** 0.5)
        net = FusionNet(len(modalities), features, classes, side=side)
    else:
        net = FusionNet(len(modalities), features, classes, row["channels"], row["pooling"])
    initialise(net, seeds(row["seed"], row["fold"], row["restart"])[0])
    return net


def initialise(net: nn.Module, seed: int) -> None:
    """PyTorch's default weights, uniform within one over the root of the fan-in, from a seed of the
    network's own.

    The same numbers as ``torch.manual_seed(seed)`` before the module is made, but safe in threads.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
