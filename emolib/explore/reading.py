"""From any picture of a face to the ten numbers and the scores that the drawn faces' networks give
it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn

import emolib
from emolib.data.components import Components
from emolib.data.descriptors import lpq, phog

DESCRIPTORS = {"LPQ": lpq, "PHOG": phog}
MODELS = ("LPQ", "PHOG", "LPQ+PHOG")


@dataclass(frozen=True)
class Reader:
    """The way of a picture through descriptors, principal components and min-max scaling into the
    paper's three CNNs.

    Attributes:
        components: of each modality, fitted on the training rows.
        low, high: for each modality the extremes of each component over the training rows.
        models: by modality, trained.
        accuracy: of each, the share of test rows that it names right; random folds, so people stand
            on both sides.
    """

    components: dict[str, Components]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    models: dict[str, nn.Module]
    accuracy: dict[str, float]

    def read(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The scaled numbers and the scores of each model for one picture ``[H, W]``."""
        numbers = {}
        for modality, describe in DESCRIPTORS.items():
            values = self.components[modality].transform(describe(image[None]))[0]
            numbers[modality] = (values - self.low[modality]) / (
                self.high[modality] - self.low[modality]
            )
        with torch.no_grad():
            scores = {
                name: model(
                    torch.tensor(
                        np.stack([numbers[part] for part in name.split("+")])[None]
                    ).float()
                )[0].numpy()
                for name, model in self.models.items()
            }
        return numbers, scores


@lru_cache(maxsize=1)
def reader() -> Reader:
    """The reader of the drawn faces: models of one fold, trained when first asked for and kept from
    then on.
    """
    data = emolib.load()
    table = emolib.sweep(network="cnn", modality=MODELS, recipe="converged")
    trained = emolib.train(
        data, table[table["fold"] == 0].reset_index(drop=True), cache=emolib.Cache()
    )
    rows, tested = emolib.make_folds(data, "random", 0)[0]
    components = {
        modality: Components.fit(data.descriptors[modality][rows], data.features[modality].shape[1])
        for modality in DESCRIPTORS
    }
    seen = {
        modality: fitted.transform(data.descriptors[modality][rows])
        for modality, fitted in components.items()
    }
    return Reader(
        components=components,
        low={modality: values.min(0) for modality, values in seen.items()},
        high={modality: values.max(0) for modality, values in seen.items()},
        models={
            modality: trained.member(k) for k, modality in enumerate(trained.table["modality"])
        },
        accuracy={
            modality: float((result.scores.argmax(1) == data.labels[tested]).mean())
            for modality, result in zip(trained.table["modality"], trained.results, strict=True)
        },
    )
