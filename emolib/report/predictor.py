"""The fusion model of a report, for faces that it has never seen.

Every fold of every repetition left a network behind, with principal components and scaling of its
own; a new face is seen by all of them, and their scores are averaged. What a score is worth is told
by the faces that were out of fold: how often the emotion of the highest score was the right one.

Axes: ``K`` networks, ``N`` faces, ``D`` descriptor values, ``P`` components, ``C`` classes, ``B``
bins.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emolib.data import EmotionData
from emolib.data.components import Components
from emolib.data.folder import Settings
from emolib.folds import make_folds
from emolib.models import FusionNet
from emolib.report import model_file
from emolib.training.cache import Cache
from emolib.training.sweeps import sweep
from emolib.training.train import train

MODALITIES = ("LPQ", "PHOG")
BINS = 5


@dataclass(frozen=True)
class Predictor:
    """Networks, what they need to see a face, and what their scores are worth.

    Attributes:
        arrays: for each modality ``<modality> mean`` ``[K, D]``, ``axes`` ``[K, P, D]``, ``low``
            and ``high`` ``[K, P]`` (the training rows' extremes); ``weights`` ``[K, W]``, flat;
            ``edges`` ``[B + 1]``, ``right`` and ``rows`` ``[B]``: between which highest scores how
            many out-of-fold faces lay, and how many of them were named right; ``named`` and ``named
            right`` ``[C]``: the same by the emotion that was named.
        about: ``classes``, ``settings`` of the images, ``source`` of the training data,
            ``protocol`` of the folds, and ``report``, a digest of the report's results.
    """

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]

    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.floating]:
        """Faces ``[N, S, S]`` as the settings make them, to mean scores ``[N, C]``."""
        a = self.arrays
        described = Settings(**self.about["settings"]).describe(faces)
        total = np.zeros((len(faces), len(self.about["classes"])), np.float32)
        for k, weights in enumerate(a["weights"]):
            inputs = []
            for modality in MODALITIES:
                values = Components(a[f"{modality} mean"][k], a[f"{modality} axes"][k]).transform(
                    described[modality]
                )
                low, high = a[f"{modality} low"][k], a[f"{modality} high"][k]
                inputs.append((values - low) / np.where(high > low, high - low, 1))
            net = FusionNet(len(MODALITIES), inputs[0].shape[1], len(self.about["classes"]))
            nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), net.parameters())
            with torch.no_grad():
                total += net(torch.from_numpy(np.stack(inputs, axis=1)).float()).numpy()
        return total / len(a["weights"])

    def calibration(self, score: float) -> tuple[int, int]:
        """Of how many out-of-fold faces with about this highest score how many were named right:
        ``(right, rows)``.
        """
        place = np.searchsorted(self.arrays["edges"][1:-1], score, side="right")
        return int(self.arrays["right"][place]), int(self.arrays["rows"][place])

    def save(self, path: Path) -> None:
        """Writes one file, see :mod:`emolib.report.model_file`."""
        model_file.save(path, self.arrays, self.about)

    @classmethod
    def load(cls, path: Path) -> "Predictor":
        """Reads what :meth:`save` wrote; nothing in the file can run.

        Raises:
            ValueError: the file is something else, or damaged.
        """
        return cls(*model_file.load(path))


def fit(
    data: EmotionData,
    settings: Settings,
    *,
    seeds: int = 1,
    folds: int = 5,
    cache: Cache | None = None,
    report: str = "",
) -> Predictor:
    """Gathers the fusion networks of a report (converged recipe), trained now unless the cache
    holds them.

    Folds keep persons apart where the data tell who is who: a new face is that of a stranger.

    Raises:
        ValueError: the data hold no descriptors, as a spreadsheet does not.
    """
    if not set(MODALITIES) <= set(data.descriptors):
        raise ValueError(
            f"{data.source}: there are no images, only numbers, so no other face can be described as these were"
        )
    strangers = len(np.unique(data.groups)) < len(data)
    protocol = "person-independent" if strangers else "random"
    table = sweep(
        network="cnn",
        modality="+".join(MODALITIES),
        recipe="converged",
        protocol=protocol,
        folds=folds,
        seed=range(seeds),
    )
    trained = train(data, table, cache=cache)

    arrays: dict[str, list[np.ndarray]] = {
        "weights": [result.weights for result in trained.results]
    }
    for seed, fold in zip(table["seed"], table["fold"], strict=True):
        rows, _ = make_folds(data, protocol, seed, folds)[fold]
        for modality in MODALITIES:
            fitted = Components.fit(
                data.descriptors[modality][rows], data.features[modality].shape[1]
            )
            values = fitted.transform(data.descriptors[modality][rows]).astype(float)
            for name, value in {
                "mean": fitted.mean,
                "axes": fitted.axes,
                "low": values.min(0),
                "high": values.max(0),
            }.items():
                arrays.setdefault(f"{modality} {name}", []).append(value)
    mean_scores = trained.out_of_fold()[1].mean(axis=0)  # [N, C], over repetitions
    about = {
        "classes": list(data.classes),
        "settings": asdict(settings),
        "source": data.source,
        "protocol": protocol,
        "report": report,
    }
    return Predictor(
        {name: np.stack(values) for name, values in arrays.items()}
        | calibrate(mean_scores, data.labels),
        about,
    )


def calibrate(scores: NDArray[np.floating], labels: NDArray[np.intp]) -> dict[str, np.ndarray]:
    """How often the emotion of the highest score ``[N, C]`` was right, by that score and by that
    emotion.

    Returns:
        ``edges``, ``right``, ``rows``, ``named`` and ``named right`` of a :class:`Predictor`; bins
        hold equally many rows.
    """
    highest, named = scores.max(1), scores.argmax(1)
    hit = named == labels
    edges = np.quantile(highest, np.linspace(0, 1, BINS + 1))
    place = np.searchsorted(edges[1:-1], highest, side="right")
    classes = scores.shape[1]
    return {
        "edges": edges,
        "rows": np.bincount(place, minlength=BINS),
        "right": np.bincount(place, hit, minlength=BINS).astype(int),
        "named": np.bincount(named, minlength=classes),
        "named right": np.bincount(named, hit, minlength=classes).astype(int),
    }
