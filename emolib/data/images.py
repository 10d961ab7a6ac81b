"""A folder of face images, one sub-folder an emotion: ``faces/Happy/ada_000000001.png``."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from emolib.data import REPAIRS, EmotionData
from emolib.data.components import Components
from emolib.data.features import PRESETS, lpq, phog, pixels
from emolib.data.folder import ORDERS, Listing, list_folder, strangers
from emolib.data.picture import Unreadable, crop_face, read_grey, square
from emolib.data.table import twice
from emolib.paper import EMOTIONS
from emolib.utils.console import say
from emolib.utils.progress import track
from emolib.utils.sources import source_digest
from emolib.utils.storage import cache_folder

DIGEST = "digest"  # the file beside the others that tells whether they are whole
BATCH = 64  # images between two writes to disk
SOURCES = ("data", "training.kernels.compiler")
LIBRARIES = ("numba", "numpy", "opencv-python-headless", "pillow", "scipy", "torch")


@dataclass(frozen=True)
class Settings:
    """How a folder of images is read.

    Attributes:
        size: pixels along a side: every face is brought to one size, since LPQ looks at seven
            pixels however large the picture is.
        crop: whether to cut out the largest face, see :func:`emolib.data.picture.crop_face`; a
            picture in which none is found is left out. Otherwise the largest square in the middle
            is the face.
        preset: of the descriptors, a name in :data:`emolib.data.features.PRESETS`.
        decorrelate: see :func:`emolib.data.features.lpq_codes`.
        first: 0 or 1, the number of Angry where sub-folders are numbers that could be either.
        order: of such numbers, a name in :data:`emolib.data.folder.ORDERS`.
    """

    size: int = 96
    crop: bool = False
    preset: str = "wang"
    decorrelate: bool = False
    first: int | None = None
    order: str = "sfew"

    def __post_init__(self) -> None:
        kinds = {
            "size": int,
            "crop": bool,
            "preset": str,
            "decorrelate": bool,
            "first": int | None,
            "order": str,
        }
        for name, kind in kinds.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise ValueError(
                    f"{name} is {value!r}, which it cannot be; see emolib.data.images.Settings"
                )
        if self.preset not in PRESETS:
            raise ValueError(f"preset is {self.preset!r}; it must be one of {', '.join(PRESETS)}")
        if self.order not in ORDERS:
            raise ValueError(f"order is {self.order!r}; it must be one of {', '.join(ORDERS)}")
        if not 24 <= self.size <= 1024:
            raise ValueError(f"size is {self.size}; it must lie between 24 and 1024 pixels")
        if self.first not in (None, 0, 1):
            raise ValueError(f"first is {self.first}; the number of Angry is 0 or 1")

    def changed(self, given: dict[str, Any]) -> "Settings":
        """These settings, some of them replaced; raises ValueError for one that does not exist."""
        names = [field.name for field in fields(self)]
        for name in given.keys() - set(names):
            raise ValueError(
                f"{name} says nothing about how images are read; there are {', '.join(names)}"
            )
        return replace(self, **given)

    def face(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Any grey picture to the square that is described. Raises Unreadable when it is to be
        cropped in vain.
        """
        return square(crop_face(grey) if self.crop else grey, self.size)

    def describe(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Descriptors of faces ``[N, size, size]`` by modality, each ``[N, D]`` float32."""
        preset = PRESETS[self.preset]
        return {
            "LPQ": lpq(faces, **preset["lpq"], decorrelate=self.decorrelate),
            "PHOG": phog(faces, **preset["phog"]),
            "image": pixels(faces),
        }


def read_folder(root: Path, **settings: Any) -> EmotionData:
    """Reads and describes every image, once: what was found is kept on disk and read from there the
    next time.

    Modalities are LPQ, PHOG and ``image``, the face itself; the features are five principal
    components of each.

    Args:
        root: its sub-folders are named after emotions or numbered, see
            :func:`emolib.data.folder.list_folder`.
        settings: see :class:`Settings`.

    Raises:
        ValueError: the folder does not say which image shows what, or a setting does not exist.
    """
    if (root / DIGEST).is_file():  # what keep() wrote
        if not _is_whole(root):
            raise ValueError(
                f"{root}: what was kept of the images is damaged; build again, and they are described again"
            )
        return _read(root)
    return _read(keep(root, Settings().changed(settings)))


def keep(root: Path, settings: Settings) -> Path:
    """The folder, in :func:`~emolib.utils.storage.cache_folder`, that holds what was read; made
    when missing.
    """
    listing = list_folder(root, settings.first, settings.order)
    path = cache_folder() / f"images-{_key(listing, settings)}"
    if _is_whole(path):
        return path
    with FileLock(
        path.parent / "images.lock"
    ):  # one describes at a time, so what else lies aside was left by a run that was killed
        for leftover in path.parent.glob("images-*.tmp"):
            shutil.rmtree(leftover, ignore_errors=True)
        if path.exists() and not _is_whole(path):
            say(f"{path} is damaged; the images are described again")
            shutil.rmtree(path)
        if not path.exists():
            aside = Path(mkdtemp(prefix="images-", suffix=".tmp", dir=path.parent))
            try:
                _describe(listing, settings, aside)
                os.replace(aside, path)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return path


def _is_whole(folder: Path) -> bool:
    """Whether a folder holds what :func:`_describe` wrote, to the last bit."""
    try:
        return (folder / DIGEST).read_bytes() == _digest(folder)
    except OSError:
        return False


def _digest(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for file in sorted(set(folder.iterdir()) - {folder / DIGEST}):
        with file.open("rb") as content:
            digest.update(file.name.encode() + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest().encode()


def settings_of(source: str) -> Settings:
    """How the images were read that :func:`keep` wrote to the folder ``source``; the default for
    anything else.
    """
    found = Path(source, "found.json")
    return (
        Settings(**json.loads(found.read_text())["settings"])
        if source and found.is_file()
        else Settings()
    )


def _key(listing: Listing, settings: Settings) -> str:
    stamps = [
        (str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in listing.paths
    ]
    state = [
        stamps,
        listing.labels,
        listing.groups,
        listing.repairs,
        listing.left_out,
        asdict(settings),
    ]
    made_of = [*state, source_digest(*SOURCES, libraries=LIBRARIES)]
    text = json.dumps(made_of).encode(errors="surrogateescape")
    return hashlib.sha256(text).hexdigest()[:16]


def _describe(listing: Listing, settings: Settings, folder: Path) -> None:
    """Writes what an :class:`~emolib.data.EmotionData` holds into a folder, a batch of images in
    memory at a time.
    """
    kept, left_out, maps = [], list(listing.left_out), {}
    with track(len(listing.paths), "reading images") as progress:
        for start in range(0, len(listing.paths), BATCH):
            faces = []
            for place in range(start, min(start + BATCH, len(listing.paths))):
                try:
                    faces.append(settings.face(read_grey(listing.paths[place])))
                    kept.append(place)
                except Unreadable as reason:
                    left_out.append((listing.files[place], str(reason)))
                progress.update(1)
            for modality, values in settings.describe(np.stack(faces)).items() if faces else ():
                if modality not in maps:
                    shape = (len(listing.paths), values.shape[1])
                    maps[modality] = np.lib.format.open_memmap(
                        folder / f"{modality}.npy", "w+", np.float32, shape
                    )
                maps[modality][len(kept) - len(faces) : len(kept)] = values
    labels = np.array([listing.labels[place] for place in kept], int)
    _check(listing, labels, left_out)

    features = {}
    for modality, values in maps.items():
        features[modality] = Components.fit(values[: len(kept)]).transform(values[: len(kept)])
    reasons = pd.Series([reason for _, reason in left_out], dtype=object).value_counts()
    repairs = [
        *listing.repairs,
        *strangers(listing, kept),
        *(
            (f"image left out: {reason}", int(count), "left out")
            for reason, count in reasons.items()
        ),
    ]
    repairs += twice(np.concatenate(list(features.values()), axis=1), labels)
    np.savez(
        folder / "rows.npz",
        allow_pickle=False,
        labels=labels,
        groups=np.array([listing.groups[place] for place in kept]),
        names=np.array([listing.paths[place].stem for place in kept]),
        **features,
    )
    chosen = [
        f"{name} {value}"
        for name, value in asdict(settings).items()
        if value != getattr(Settings, name)
    ]
    source = f"{len(kept)} images of the folder {listing.root.name}" + (
        f" ({', '.join(chosen)})" if chosen else ""
    )
    (folder / "found.json").write_text(
        json.dumps(
            {
                "source": source,
                "settings": asdict(settings),
                "repairs": repairs,
                "left_out": left_out,
            }
        )
    )
    for values in maps.values():
        values.flush()
    (folder / DIGEST).write_bytes(_digest(folder))


def _check(listing: Listing, labels: NDArray[np.intp], left_out: list[tuple[str, str]]) -> None:
    """Raises ValueError when there is nothing to tell apart."""
    present = np.unique(labels)
    if len(present) == 0:
        example = f": {left_out[0][0]}, {left_out[0][1]}" if left_out else ""
        raise ValueError(
            f"{listing.root}: no image can be read (the first of {len(left_out)}{example})"
        )
    if len(present) == 1:
        raise ValueError(
            f"{listing.root}: all images show {EMOTIONS[present[0]]}; at least two emotions are needed"
        )


def _read(folder: Path) -> EmotionData:
    with np.load(folder / "rows.npz", allow_pickle=False) as kept:
        arrays = dict(kept)
    found = json.loads((folder / "found.json").read_text())
    labels, groups, names = (arrays.pop(part) for part in ("labels", "groups", "names"))
    return EmotionData(
        features=arrays,
        labels=labels,
        classes=EMOTIONS,
        groups=groups,
        names=names,
        source=found["source"],
        drawn=False,
        repairs=pd.DataFrame(found["repairs"], columns=list(REPAIRS)),
        descriptors={
            modality: np.load(folder / f"{modality}.npy", mmap_mode="r", allow_pickle=False)[
                : len(labels)
            ]
            for modality in arrays
        },
        left_out=pd.DataFrame(found["left_out"], columns=["file", "reason"]),
    )
