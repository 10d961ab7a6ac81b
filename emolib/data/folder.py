"""Folders of face images, one sub-folder per emotion: ``faces/Happy/ada_000000001.png``."""

import os
import re
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from emolib.data import REPAIRS, EmotionData, Split
from emolib.data.descriptors import PRESETS, Components, lpq, phog, pixels
from emolib.data.images import SUFFIXES, Unreadable, crop_face, read_grey, square
from emolib.data.persons import persons
from emolib.data.table import read_cells, twice
from emolib.paper import EMOTIONS
from emolib.utils.cache import cached
from emolib.utils.validation import boolean, one_of, whole_number

Entry = tuple[Path | None, str, str, str]  # path, file, emotion or number, part of a split
BATCH = 512  # images in memory at a time
CONTEMPT = "contempt"  # in CK+ and AffectNet, and none of the seven emotions

# Names of the emotions in the common databases.
NAMES = {name.casefold(): name for name in EMOTIONS} | {
    alias: emotion
    for emotion, aliases in {
        "Angry": ("anger",),
        "Disgust": ("disgusted",),
        "Fear": ("afraid", "fearful"),
        "Happy": ("happiness", "joy"),
        "Sad": ("sadness",),
        "Surprise": ("surprised",),
        CONTEMPT: (CONTEMPT,),
    }.items()
    for alias in aliases
}

# Numbers of the emotions in SFEW (as in the paper), FER-2013, RAF-DB and AffectNet.
ORDERS = {
    "sfew": dict(enumerate(EMOTIONS, 1)),
    "fer": dict(enumerate(("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"))),
    "rafdb": dict(
        enumerate(("Surprise", "Fear", "Disgust", "Happy", "Sad", "Angry", "Neutral"), 1)
    ),
    "affectnet": dict(
        enumerate(("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Angry", CONTEMPT))
    ),
}

# A folder that holds one part of a database's own split. FER-2013's public test is for validation.
PARTS = {
    "train": r"train(ing)?",
    "val": r"val(id|idation)?|public[\W_]*test",
    "test": r"(private[\W_]*)?test(ing)?",
}


@dataclass(frozen=True)
class Settings:
    """Options of a folder of images.

    Attributes:
        size: pixels along a side: every face is brought to one size, since LPQ looks at seven
            pixels however large the picture is.
        crop: whether to cut out the largest face, see :func:`emolib.data.images.crop_face`; a
            picture in which none is found is left out. Otherwise the largest square in the middle
            is the face.
        preset: of the descriptors, a name in :data:`emolib.data.descriptors.PRESETS`.
        order: of numbered sub-folders, a name in :data:`ORDERS`.

    Raises:
        ValueError: an option has another value; the message names it.
    """

    size: int = 96
    crop: bool = False
    preset: str = "wang"
    order: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", whole_number("size", self.size, 24, 1024))
        boolean("crop", self.crop)
        one_of("preset", self.preset, PRESETS)
        if self.order is not None:
            one_of("order", self.order, ORDERS)

    def face(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The square of a grey picture that is described. Raises Unreadable when it is to be
        cropped in vain.
        """
        return square(crop_face(grey) if self.crop else grey, self.size)

    def describe(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Descriptors of faces ``[N, size, size]`` by modality, each ``[N, D]`` float32."""
        preset = PRESETS[self.preset]
        return {
            "LPQ": lpq(faces, **preset["lpq"]),
            "PHOG": phog(faces, **preset["phog"]),
            "image": pixels(faces),
        }


@dataclass
class Listing:
    """The images of a folder, none opened yet.

    Attributes:
        root: the folder.
        images: columns ``path``, ``file`` (the path below ``root``), ``label``, ``part`` (of a
            split, or nothing), ``group`` (if there is a groups.csv), and ``size`` and ``changed``
            of the file.
        repairs: as in :class:`~emolib.data.EmotionData`.
        left_out: files that are not read, with the reason.
    """

    root: Path
    images: pd.DataFrame = field(default_factory=pd.DataFrame)
    repairs: list[tuple[str, int, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read_folder(root: Path, **settings: Any) -> EmotionData:
    """Reads and describes every image; the result is cached until a file changes.

    Modalities are LPQ, PHOG and ``image``, the face itself; the features are five principal
    components of each.

    Args:
        root: see :func:`list_folder`.
        settings: see :class:`Settings`.

    Raises:
        ValueError: the folder does not say which image shows what, or there is no such option.
    """
    for name in settings:
        one_of("option of an image folder", name, [field.name for field in fields(Settings)])
    chosen = Settings(**settings)
    listing = list_folder(root, chosen.order)
    data: EmotionData = cached(_describe, None, listing, chosen, code=("data", "paper"))
    return data


def list_folder(root: Path, order: str | None = None) -> Listing:
    """Lists ``<root>/<emotion>/*``, in the order of emotions and names.

    A sub-folder has an emotion's name, in any case, or its number in one of :data:`ORDERS`. Folders
    above and below it may part the images into train, val and test; all are read. The person of
    each image is read from ``<root>/groups.csv`` (columns ``name`` and ``group``) if that is there,
    else from the file names, see :func:`emolib.data.persons.persons`.

    Args:
        order: a name in :data:`ORDERS`, where the sub-folders are numbered.

    Raises:
        ValueError: the folder does not say which image shows what; the message says what would be
            right.
    """
    listing = Listing(root)
    found = pd.DataFrame(_walk(listing, root, "", ""), columns=["path", "file", "emotion", "part"])
    folders = found["path"].isna()  # a row for each folder of an emotion as well
    numbered = found["emotion"].str.isdecimal().astype(bool)
    if len(found) and numbered.all():
        names = _numbered(listing, sorted(set(found["emotion"].astype(int))), order)
    else:
        if (numbered & ~folders).any():
            raise ValueError(
                f"{root}: some sub-folders are named after emotions and some are numbered; name all"
            )
        for file in found["file"][numbered & folders]:
            listing.left_out.append((file, "a numbered folder beside named ones"))
        found, names = found[~numbered], NAMES
    found = found.assign(emotion=found["emotion"].map(names))
    if not set(found["emotion"]) - {CONTEMPT}:
        raise ValueError(
            f"{root}: there is no sub-folder named after an emotion, such as "
            f"{root.name}/{EMOTIONS[3]}"
        )
    for emotion, count in found.groupby("emotion")["path"].count().items():
        if emotion == CONTEMPT:
            done = "left out: contempt is none of the seven emotions"
            listing.repairs.append(("folder named contempt", int(count), done))
        elif not count:
            said = (f"sub-folder without an image ({emotion})", 0, "nothing to read")
            listing.repairs.append(said)
    images = found[found["path"].notna() & (found["emotion"] != CONTEMPT)]
    stats = [path.stat() for path in images["path"]]
    images = images.assign(
        label=images["emotion"].map(EMOTIONS.index).astype(int),
        size=[stat.st_size for stat in stats],
        changed=[stat.st_mtime_ns for stat in stats],
    )
    listing.images = images.sort_values(["label", "file"], ignore_index=True)
    tables = [entry for entry in sorted(root.iterdir()) if _plain(entry.stem) == "groups"]
    tables = [
        entry for entry in tables if entry.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx")
    ]
    if len(tables) > 1:
        raise ValueError(f"{root}: there are {tables[0].name} and {tables[1].name}; keep one")
    if tables:
        listing.images["group"] = _groups_by_table(tables[0], listing)
    return listing


def _walk(listing: Listing, folder: Path, emotion: str, part: str) -> list[Entry]:
    """Images and emotions' folders below a folder; everything else goes to ``left_out``."""
    root, found = listing.root, []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        image, file = entry.suffix.lower() in SUFFIXES, _printable(entry.relative_to(root))
        reason = ""
        if not entry.resolve().is_relative_to(root.resolve()):
            if emotion or image or entry.is_dir():
                reason = "a link that leads out of the folder"
        elif entry.is_dir():
            own_part, own_emotion = _part(entry.name), emotion or _emotion(entry)
            if entry.is_symlink():
                reason = "a link to another folder"
            elif own_part and (not part or not emotion):
                found += _walk(listing, entry, emotion, own_part)
            elif emotion:
                reason = "a folder inside an emotion's folder"
            elif own_emotion:
                found += [
                    (None, file, own_emotion, part),
                    *_walk(listing, entry, own_emotion, part),
                ]
            else:
                before = len(listing.left_out)
                inside = _walk(listing, entry, "", part)
                found += inside
                if not inside:  # one line for all that is in it
                    del listing.left_out[before:]
                    reason = "a sub-folder that is named after none of the emotions"
        elif not emotion:
            reason = "in no emotion's folder, so nothing tells its emotion" if image else ""
        elif not entry.is_file():
            reason = "a link that leads nowhere, or no file"
        elif not image:
            reason = f"its name does not end in {', '.join(SUFFIXES)}"
        else:
            found.append((entry, file, emotion, part))
        if reason:
            listing.left_out.append((file, reason))
    return found


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _printable(path: Path) -> str:
    """A path as text, whatever bytes are in it."""
    return os.fsencode(path.as_posix()).decode(errors="replace")


def _part(name: str) -> str:
    """Part of a split by a folder's name, such as ``Train_Aligned_Faces``; or nothing."""
    for part, words in PARTS.items():
        if re.fullmatch(rf"({words})([\W_].*)?", _plain(name)):
            return part
    return ""


def _emotion(folder: Path) -> str:
    """The emotion or number that a folder's name states, or nothing; near misses are refused."""
    name = _plain(folder.name)
    if name.isdecimal():
        return str(int(name)) if int(name) < 10 else ""
    name = re.sub(r"^\d+[\W_]+", "", name)  # as in "3_Happy"
    near = get_close_matches(name, NAMES, n=1, cutoff=0.8)
    if near and name not in NAMES and len(name) > 3:
        raise ValueError(
            f"{_printable(folder)}: there is no such emotion; did you mean {NAMES[near[0]]}?"
        )
    return name if name in NAMES else ""


def _numbered(listing: Listing, numbers: list[int], order: str | None) -> dict[str, str]:
    """Emotions of numbered sub-folders. Raises ValueError where the order is not known."""
    counted = {
        name: ", ".join(f"{number} {emotion}" for number, emotion in emotions.items())
        for name, emotions in ORDERS.items()
    }
    if order is None:
        fits = [name for name, emotions in ORDERS.items() if set(numbers) <= set(emotions)]
        choices = ", ".join(f"{name!r} ({counted[name]})" for name in fits or ORDERS)
        raise ValueError(
            f"{listing.root}: the sub-folders are numbered {numbers}, and databases number the "
            f"emotions differently; give order: {choices}"
        )
    emotions = ORDERS[order]
    for number in numbers:
        if number not in emotions:
            raise ValueError(
                f"{listing.root}: there is a sub-folder {number}, and order={order!r} is "
                f"{counted[order]}; sub-folders may also have the emotions' names"
            )
    said = ("sub-folders have numbers", len(numbers), f"read as {counted[order]}")
    listing.repairs.append(said)
    return {str(number): emotions[number] for number in numbers}


def _groups_by_table(table: Path, listing: Listing) -> list[str]:
    """Persons from a table that names each image: by its path below the root, as much of its end as
    is its own, with or without suffix.
    """
    cells = read_cells(table)
    header = [] if cells.empty else [str(cell or "").strip().casefold() for cell in cells.iloc[0]]
    if not {"name", "group"} <= set(header):
        raise ValueError(
            f"{table}: the columns are {', '.join(header) or 'none'}; name and group are needed"
        )
    files = listing.images["file"].tolist()
    owners: dict[str, list[int]] = {}
    for place, file in enumerate(files):
        whole = _path(f"{listing.root.resolve().name}/{file}")
        for path in dict.fromkeys((whole, whole.removesuffix(Path(file).suffix))):
            parts = path.split("/")
            for start in range(len(parts)):
                owners.setdefault("/".join(parts[start:]), []).append(place)
    groups: dict[int, str] = {}
    for name, group in cells.iloc[1:, [header.index("name"), header.index("group")]].to_numpy():
        given, person = ("" if cell is None else str(cell).strip() for cell in (name, group))
        places = owners.get(_path(given), [])
        exact = [place for place in places if _path(files[place]) == _path(given)]
        places = exact if len(exact) == 1 else places
        if len(places) > 1:
            raise ValueError(
                f"{table}: {name} may be {files[places[0]]} or {files[places[1]]}; name each with "
                "its folder"
            )
        for place in places if person else []:
            if groups.setdefault(place, person) != person:
                raise ValueError(f"{table}: {name} has two groups")
    absent = [file for place, file in enumerate(files) if place not in groups]
    if absent:
        raise ValueError(
            f"{table}: there is no group for {absent[0]} (the first of {len(absent)} such images)"
        )
    return [groups[place] for place in range(len(files))]


def _path(name: str) -> str:
    """A path as it is compared: forward slashes, no blanks around it, nothing such as ``./``."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part.strip() for part in parts if part.strip() not in ("", "."))


def _describe(listing: Listing, settings: Settings) -> EmotionData:
    """Reads and describes the images of a listing, a batch in memory at a time."""
    images, left_out = listing.images, list(listing.left_out)
    whole = np.ones(len(images), bool)
    batches: dict[str, list[NDArray[np.float32]]] = {}
    with tqdm(total=len(images), desc="reading images", leave=False, delay=0.2) as progress:
        for start in range(0, len(images), BATCH):
            faces = []
            batch = images[["path", "file"]].iloc[start : start + BATCH].to_numpy().tolist()
            for place, (path, file) in enumerate(batch, start):
                try:
                    faces.append(settings.face(read_grey(path)))
                except Unreadable as reason:
                    left_out.append((file, str(reason)))
                    whole[place] = False
                progress.update(1)
            for modality, values in settings.describe(np.stack(faces)).items() if faces else ():
                batches.setdefault(modality, []).append(values)
    images = images[whole]
    labels = images["label"].to_numpy()
    _check(listing, labels, left_out)

    descriptors = {modality: np.concatenate(values) for modality, values in batches.items()}
    features = {
        modality: Components.fit(values).transform(values)
        for modality, values in descriptors.items()
    }
    groups, said = persons(images["file"].tolist())
    if "group" in images:
        groups = images["group"].to_numpy(str)
        done = f"read as {len(set(groups))} persons"
        said = [("groups.csv names the person of every image", len(groups), done)]
    reasons = Counter(reason for _, reason in left_out)
    repairs = [
        *listing.repairs,
        *said,
        *((f"left out: {reason}", count, "left out") for reason, count in reasons.most_common()),
        *twice(np.concatenate(list(features.values()), axis=1), labels),
    ]
    chosen = [
        f"{name} {value}"
        for name, value in asdict(settings).items()
        if value != getattr(Settings, name)
    ]
    return EmotionData(
        features=features,
        labels=labels,
        classes=EMOTIONS,
        groups=groups,
        names=_names(images["file"].tolist()),
        source=f"{len(images)} images of the folder {listing.root.resolve().name}"
        + (f" ({', '.join(chosen)})" if chosen else ""),
        drawn=False,
        repairs=pd.DataFrame(repairs, columns=list(REPAIRS)),
        descriptors=descriptors,
        left_out=pd.DataFrame(left_out, columns=["file", "reason"]),
        splits=_splits(images["part"]),
    )


def _names(files: list[str]) -> NDArray[np.str_]:
    """File names without suffix; with their folder where several are the same."""
    stems = [Path(file).stem for file in files]
    count = Counter(stems)
    ends = [file.removesuffix(Path(file).suffix) for file in files]
    pairs = zip(stems, ends, strict=True)
    return np.array([stem if count[stem] == 1 else end for stem, end in pairs])


def _splits(parts: pd.Series) -> dict[str, Split]:
    """Rows to train on and rows to test, where folders part the images."""
    rows = {part: np.flatnonzero(parts == part) for part in PARTS}
    return {
        f"train and {part}": (rows["train"], rows[part])
        for part in ("test", "val")
        if len(rows["train"]) and len(rows[part])
    }


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
            f"{listing.root}: all images show {EMOTIONS[present[0]]}; at least two emotions are "
            "needed"
        )
