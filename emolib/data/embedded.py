"""The default data: drawn faces through LPQ and PHOG to five principal components each."""

import hashlib

import pandas as pd

from emolib.data import REPAIRS, EmotionData
from emolib.data.components import Components
from emolib.data.drawn import draw_faces
from emolib.data.features import lpq, phog
from emolib.paper import EMOTIONS
from emolib.utils.sources import source_digest
from emolib.utils.storage import kept

SOURCES = ("data", "training.kernels.compiler")
LIBRARIES = ("numba", "numpy", "pillow", "scipy", "torch")


def draw(wildness: float = 0.5, seed: int = 2011) -> EmotionData:
    """675 faces of 58 invented people, with SFEW's class counts; they are no evidence about real
    ones.

    Drawing takes a few seconds, so what was drawn once is kept, under a key of the code that draws.

    Args:
        wildness: 0 for laboratory pictures to 1 for film stills.
        seed: the only source of chance.
    """
    return kept(f"drawn-{_key(wildness, seed)}", lambda: _describe(wildness, seed))


def _key(wildness: float, seed: int) -> str:
    made_of = [wildness, seed, source_digest(*SOURCES, libraries=LIBRARIES)]
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]


def _describe(wildness: float, seed: int) -> EmotionData:
    faces = draw_faces(wildness, seed)
    descriptors = {"LPQ": lpq(faces.images), "PHOG": phog(faces.images)}
    return EmotionData(
        features={
            modality: Components.fit(values).transform(values)
            for modality, values in descriptors.items()
        },
        labels=faces.labels,
        classes=EMOTIONS,
        groups=faces.groups,
        names=faces.names,
        source=f"{len(faces.labels)} drawn faces, not SFEW",
        drawn=True,
        repairs=pd.DataFrame(columns=REPAIRS),
        descriptors=descriptors,
    )
