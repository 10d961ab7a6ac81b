"""The contrast that SFEW was made to show: the same networks on laboratory faces, on film stills,
and in between.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emolib.data.drawn import drawn_data
from emolib.folds import PROTOCOLS
from emolib.metrics import confusion
from emolib.training.cache import Cache
from emolib.training.sweeps import sweep
from emolib.training.train import train


def accuracy_by_wildness(
    wildness: Sequence[float] = (0, 0.25, 0.5, 0.75, 1),
    seeds: int = 2,
    modality: Sequence[str] = ("LPQ", "PHOG"),
    cache: Cache | None = None,
) -> pd.DataFrame:
    """Trains the paper's shallow networks on the drawn cast at several degrees of wildness.

    Persons, labels and their order are the same at each degree, so only the pictures differ.

    Returns:
        Columns ``protocol``, ``modality``, ``wildness``, ``mean``, ``low``, ``high``: accuracy, the
        share of all rows predicted right out of fold, over seeds.
    """
    parts = []
    for degree in wildness:
        data = drawn_data(
            float(degree)
        ).as_distributed()  # components fitted once, not for each of many folds
        trained = train(
            data,
            sweep(modality=modality, protocol=PROTOCOLS, recipe="converged", seed=range(seeds)),
            cache=cache,
        )
        table, scores = trained.out_of_fold()
        right = np.trace(confusion(data.labels, scores), axis1=1, axis2=2) / len(data)
        parts.append(table.assign(value=right, wildness=degree))
    by = ["protocol", "modality", "wildness"]
    return (
        pd.concat(parts)
        .groupby(by, sort=False)["value"]
        .agg(mean="mean", low="min", high="max")
        .reset_index()
    )
