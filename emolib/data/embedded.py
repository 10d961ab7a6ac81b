"""The default data: drawn faces through LPQ and PHOG to five principal components each."""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import pandas as pd

from emolib.data import EmotionData
from emolib.data.drawn import draw_faces
from emolib.data.components import Components
from emolib.data.features import lpq, phog
from emolib.paper import EMOTIONS
from emolib.storage import cache_folder

LIBRARIES = ("numpy", "pillow", "scikit-learn", "scipy", "torch")


def draw(wildness: float = 0.5, seed: int = 2011) -> EmotionData:
    """675 faces of 58 invented people, with SFEW's class counts; they are no evidence about real ones.

    Drawing takes a few seconds, so what was drawn once is kept, under a key of the code that draws.

    Args:
        wildness: 0 for laboratory pictures to 1 for film stills.
        seed: the only source of chance.
    """
    path = cache_folder() / f"drawn-{_key(wildness, seed)}.npz"
    if not path.exists():
        _keep(path, wildness, seed)
    with np.load(path, allow_pickle=False) as kept:
        arrays = dict(kept)
    labels, groups, names = (arrays.pop(part) for part in ("labels", "groups", "names"))
    descriptors = {modality: arrays.pop(f"{modality} descriptor") for modality in list(arrays) if f"{modality} descriptor" in arrays}
    return EmotionData(
        features=arrays,
        labels=labels,
        classes=EMOTIONS,
        groups=groups,
        names=names,
        source=f"{len(labels)} drawn faces, not SFEW",
        drawn=True,
        repairs=pd.DataFrame(columns=["found", "rows", "done"]),
        descriptors=descriptors,
    )


def _key(wildness: float, seed: int) -> str:
    here = Path(__file__).parent
    sources = sorted([here / "drawn.py", here / "components.py", here / "features.py", *here.glob("faces*"), *here.glob("faces/*.py")])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources if source.is_file()))
    digest.update(repr([wildness, seed, [version(library) for library in LIBRARIES]]).encode())
    return digest.hexdigest()[:16]


def _keep(path: Path, wildness: float, seed: int) -> None:
    faces = draw_faces(wildness, seed)
    descriptors = {"LPQ": lpq(faces.images), "PHOG": phog(faces.images)}
    features = {modality: Components.fit(values).transform(values) for modality, values in descriptors.items()}
    # written aside and renamed, so that nobody ever reads half a file
    with NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as aside:
        np.savez(
            aside,
            **features,
            **{f"{modality} descriptor": values for modality, values in descriptors.items()},
            labels=faces.labels,
            groups=faces.groups,
            names=faces.names,
        )
    os.replace(aside.name, path)
