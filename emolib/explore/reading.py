"""From any picture of a face to the ten numbers and the scores that the drawn faces' networks give it."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import torch
from torch import nn

import emolib
from emolib.data.drawn import draw_faces
from emolib.data.features import lpq, phog
from emolib.storage import cache_folder

DESCRIPTORS = {"LPQ": lpq, "PHOG": phog}
MODELS = ("LPQ", "PHOG", "LPQ+PHOG")


@dataclass(frozen=True)
class Reader:
    """The way of a picture through descriptors, principal components and min-max scaling into the paper's three CNNs.

    Attributes:
        maps: for each modality the matrix ``[1 + descriptor, 5]`` that takes a descriptor, after a 1, to its numbers.
        low, high: for each modality the extremes of each number over the training rows.
        models: by modality, trained.
    """

    maps: dict[str, np.ndarray]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    models: dict[str, nn.Module]

    def read(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The scaled numbers and the scores of each model for one picture ``[H, W]``."""
        numbers = {}
        for modality, describe in DESCRIPTORS.items():
            values = np.concatenate([[1], describe(image[None])[0]]) @ self.maps[modality]
            numbers[modality] = (values - self.low[modality]) / (self.high[modality] - self.low[modality])
        with torch.no_grad():
            scores = {
                name: model(torch.tensor(np.stack([numbers[part] for part in name.split("+")])[None]).float())[0].numpy()
                for name, model in self.models.items()
            }
        return numbers, scores


@lru_cache(maxsize=1)
def reader() -> Reader:
    """The reader of the drawn faces: models of one fold, trained when first asked for and kept from then on."""
    data = emolib.load()
    table = emolib.sweep(network="cnn", modality=MODELS, recipe="converged")
    trained = emolib.train(data, table[table["fold"] == 0].reset_index(drop=True), cache=emolib.Cache())
    rows, _ = emolib.make_folds(data, "random", 0)[0]
    return Reader(
        maps=_maps(data),
        low={modality: values[rows].min(0) for modality, values in data.features.items()},
        high={modality: values[rows].max(0) for modality, values in data.features.items()},
        models={modality: trained.member(k) for k, modality in enumerate(trained.table["modality"])},
    )


def _maps(data: emolib.EmotionData) -> dict[str, np.ndarray]:
    """The linear map that gave the drawn faces their numbers, found again from 675 descriptors and their numbers."""
    path = cache_folder() / f"maps-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]}-{data.digest[:16]}.npz"
    if not path.exists():
        images = draw_faces().images
        maps = {}
        for modality, describe in DESCRIPTORS.items():
            known = np.column_stack([np.ones(len(images)), describe(images)])
            maps[modality] = np.linalg.lstsq(known, data.features[modality].astype(float), rcond=1e-8)[0]
        with NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as aside:
            np.savez(aside, **maps)
        os.replace(aside.name, path)
    with np.load(path) as kept:
        return dict(kept)
