"""Folders of face images, one sub-folder per emotion: ``faces/Happy/ada_000000001.png``."""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from emolib.data import REPAIRS, EmotionData
from emolib.data.descriptors import EDGES, PRESETS, Components, lpq, phog, pixels
from emolib.data.images import SUFFIXES, Unreadable, crop_face, read_grey, square
from emolib.data.persons import persons
from emolib.data.table import read_cells, twice
from emolib.paper import EMOTIONS
from emolib.utils.cache import cached
from emolib.utils.validation import boolean, one_of, whole_number

Repair = tuple[str, int, str]  # found, rows, done
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
        edges: pixels that count in PHOG, see :func:`emolib.data.descriptors.phog`.
        order: of numbered sub-folders, a name in :data:`ORDERS`.

    Raises:
        ValueError: an option has another value; the message names it.
    """

    size: int = 96
    crop: bool = False
    preset: str = "wang"
    edges: str = "all"
    order: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", whole_number("size", self.size, 24, 1024))
        boolean("crop", self.crop)
        one_of("preset", self.preset, PRESETS)
        one_of("edges", self.edges, EDGES)
        one_of("order", self.order, [None, *ORDERS])


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
    data: EmotionData = cached(
        _describe, None, root, *list_folder(root, chosen.order), chosen, code=("data", "paper")
    )
    return data


def list_folder(
    root: Path, order: str | None
) -> tuple[pd.DataFrame, list[Repair], list[tuple[str, str]]]:
    """Lists ``<root>/<emotion>/*``, in the order of emotions and names.

    A sub-folder has an emotion's name, in any case, or its number in one of :data:`ORDERS`. Folders
    above and below it may part the images into train, val and test; all are read. The person of
    each image is read from ``<root>/groups.csv`` (columns ``name`` and ``group``) if that is there,
    else from the file names, see :func:`emolib.data.persons.persons`.

    Args:
        order: a name in :data:`ORDERS`, where the sub-folders are numbered.

    Returns:
        The images, none opened yet: columns ``path``, ``file`` (the path below ``root``),
        ``label``, ``part`` (of a split, or nothing), ``group`` (if there is a groups.csv), and
        ``changed``, size and time of the file; the repairs, as in
        :class:`~emolib.data.EmotionData`, some of no row; and files that are not read, with the
        reason.

    Raises:
        ValueError: the folder does not say which image shows what; the message says what would be
            right.
    """
    entries = pd.DataFrame(
        _walk(root, root, "", ""), columns=["path", "file", "emotion", "part", "reason"]
    )
    left_out = entries.loc[entries["reason"] != "", ["file", "reason"]]
    images = entries[entries["reason"] == ""]
    numbers = sorted({int(name) for name in images["emotion"] if name.isdecimal()})
    if numbers and not images["emotion"].str.isdecimal().all():
        raise ValueError(
            f"{root}: some sub-folders are named after emotions and some are numbered; name all"
        )
    names = _numbered(root, numbers, order) if numbers else NAMES
    images = images.assign(emotion=images["emotion"].map(names))
    contempt = images["emotion"] == CONTEMPT
    repairs = [
        (
            "sub-folders have numbers",
            len(numbers),
            "read as " + ", ".join(f"{number} {names[str(number)]}" for number in numbers),
        ),
        (
            "folder named contempt",
            int(contempt.sum()),
            "left out: contempt is none of the seven emotions",
        ),
    ]
    images = images[~contempt]
    images = images.assign(
        label=images["emotion"].map(EMOTIONS.index).astype(int),
        changed=[f"{stat.st_size} {stat.st_mtime_ns}" for stat in map(Path.stat, images["path"])],
    ).sort_values(["label", "file"], ignore_index=True)
    tables = [
        entry
        for entry in sorted(root.iterdir())
        if _plain(entry.stem) == "groups"
        and entry.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx")
    ]
    if len(tables) > 1:
        raise ValueError(f"{root}: there are {tables[0].name} and {tables[1].name}; keep one")
    if tables:
        images["group"] = _groups_by_table(tables[0], root, images["file"].tolist())
    return images, repairs, list(left_out.itertuples(index=False, name=None))


def _walk(
    root: Path, folder: Path, emotion: str, part: str
) -> Iterator[tuple[Path, str, str, str, str]]:
    """Images and, with a reason, what is not read: path, file, emotion or number, part, reason."""
    for entry in sorted(folder.iterdir()):
        image, inner = entry.suffix.lower() in SUFFIXES, _part(entry.name)
        away = entry.is_symlink() and not (
            entry.is_file() and entry.resolve().is_relative_to(root.resolve())
        )
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not away and not (emotion and (part or not inner)):
            within = emotion or ("" if inner else _emotion(entry))
            yield from _walk(root, entry, within, inner or part)
        elif emotion or image or away:
            reasons = {
                "a link that leads out of the folder, to another folder or nowhere": away,
                "a folder inside an emotion's folder": entry.is_dir(),
                "in no sub-folder named after an emotion": not emotion,
                f"its name does not end in {', '.join(SUFFIXES)}": not image,
            }
            reason = next((reason for reason, holds in reasons.items() if holds), "")
            yield entry, _printable(entry.relative_to(root)), emotion, part, reason


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _printable(path: Path) -> str:
    """A path as text, whatever bytes are in it."""
    return os.fsencode(path.as_posix()).decode(errors="replace")


def _part(name: str) -> str:
    """Part of a split by a folder's name, such as ``Train_Aligned_Faces``; or nothing."""
    fits = (part for part in PARTS if re.fullmatch(rf"({PARTS[part]})([\W_].*)?", _plain(name)))
    return next(fits, "")


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


def _numbered(root: Path, numbers: list[int], order: str | None) -> dict[str, str]:
    """Emotions of numbered sub-folders. Raises ValueError where the order is not known."""
    if order is None or not set(numbers) <= set(ORDERS[order]):
        fits = [name for name, emotions in ORDERS.items() if set(numbers) <= set(emotions)]
        choices = [
            f"{name!r} ({', '.join(f'{number} {ORDERS[name][number]}' for number in ORDERS[name])})"
            for name in fits or ORDERS
        ]
        raise ValueError(
            f"{root}: the sub-folders are numbered {numbers}, and order is {order!r}; databases "
            f"number the emotions differently, so give order: {', '.join(choices)}"
        )
    return {str(number): ORDERS[order][number] for number in numbers}


def _groups_by_table(table: Path, root: Path, files: list[str]) -> list[str]:
    """Persons from a table that names each image: by its path below the root, as much of its end as
    is its own, with or without suffix.
    """
    cells = read_cells(table)
    header = [str(cell or "").strip().casefold() for cell in cells[:1].to_numpy().ravel()]
    if not {"name", "group"} <= set(header):
        raise ValueError(
            f"{table}: the columns are {', '.join(header) or 'none'}; name and group are needed"
        )
    owners: dict[str, set[int]] = defaultdict(set)
    for place, file in enumerate(files):
        parts = _path(f"{root.resolve().name}/{file}").split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            owners[end].add(place)
            owners[end.removesuffix(Path(file).suffix)].add(place)
    # a whole path is one image's, whatever longer path ends in it
    owners |= {_path(file): {place} for place, file in enumerate(files)}
    groups = [""] * len(files)
    for row in cells.iloc[1:, [header.index("name"), header.index("group")]].to_numpy():
        name, person = ("" if cell is None else str(cell).strip() for cell in row)
        places = sorted(owners.get(_path(name), ()))
        if len(places) > 1:
            raise ValueError(
                f"{table}: {name} may be {files[places[0]]} or {files[places[1]]}; name each with "
                "its folder"
            )
        for place in places:
            if person and groups[place] not in ("", person):
                raise ValueError(f"{table}: {name} has two groups")
            groups[place] = person or groups[place]
    absent = [file for file, group in zip(files, groups, strict=True) if not group]
    if absent:
        raise ValueError(
            f"{table}: there is no group for {absent[0]} (the first of {len(absent)} such images)"
        )
    return groups


def _path(name: str) -> str:
    """A path as it is compared: forward slashes, no blanks around it, nothing such as ``./``."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part.strip() for part in parts if part.strip() not in ("", "."))


def _describe(
    root: Path,
    images: pd.DataFrame,
    repairs: list[Repair],
    left_out: list[tuple[str, str]],
    settings: Settings,
) -> EmotionData:
    """Reads and describes the images of a listing, a batch in memory at a time."""
    preset, read, faces, batches = PRESETS[settings.preset], [], [], []
    paths = tqdm(images["path"], desc="reading images", leave=False, delay=0.2)
    for place, path in enumerate(paths):
        try:
            grey = read_grey(path)
            faces.append(square(crop_face(grey) if settings.crop else grey, settings.size))
            read.append(place)
        except Unreadable as reason:
            left_out.append((images["file"][place], str(reason)))
        if faces and (len(faces) == BATCH or place == len(images) - 1):
            stack = np.stack(faces)
            described = phog(stack, **preset["phog"], edges=settings.edges), pixels(stack)
            batches.append((lpq(stack, **preset["lpq"]), *described))
            faces = []
    images = images.iloc[read]
    labels = images["label"].to_numpy()
    if len(np.unique(labels)) < 2:
        shown = f"all images show {EMOTIONS[labels[0]]}" if len(labels) else "no image can be read"
        example = f" ({len(left_out)} left out; {': '.join(left_out[0])})" if left_out else ""
        raise ValueError(
            f"{root}: {shown}{example}; at least two sub-folders named after emotions are needed, "
            f"such as {root.name}/{EMOTIONS[3]}"
        )

    parts = map(np.concatenate, zip(*batches, strict=True))
    descriptors = dict(zip(("LPQ", "PHOG", "image"), parts, strict=True))
    features = {
        modality: Components.fit(values).transform(values)
        for modality, values in descriptors.items()
    }
    groups, said = persons(images["file"].tolist())
    if "group" in images:
        groups = images["group"].to_numpy(str)
        said = [
            (
                "groups.csv names the person of every image",
                len(groups),
                f"read as {len(set(groups))} persons",
            )
        ]
    reasons = Counter(reason for _, reason in left_out).most_common()
    repairs = [
        *repairs,
        *said,
        *((f"left out: {reason}", count, "left out") for reason, count in reasons),
        *twice(np.concatenate(list(features.values()), axis=1), labels),
    ]
    chosen = [
        f"{name} {value}"
        for name, value in asdict(settings).items()
        if value != getattr(Settings, name)
    ]
    stems = images["file"].map(lambda file: PurePosixPath(file).stem)
    rows = {part: np.flatnonzero(images["part"] == part) for part in PARTS}
    return EmotionData(
        features=features,
        labels=labels,
        classes=EMOTIONS,
        groups=groups,
        names=stems.mask(  # where several stems are the same, with their folders
            stems.duplicated(keep=False),
            images["file"].map(lambda file: str(PurePosixPath(file).with_suffix(""))),
        ).to_numpy(str),
        source=f"{len(images)} images of the folder {root.resolve().name}"
        + (f" ({', '.join(chosen)})" if chosen else ""),
        drawn=False,
        repairs=pd.DataFrame([repair for repair in repairs if repair[1]], columns=REPAIRS),
        descriptors=descriptors,
        left_out=pd.DataFrame(left_out, columns=["file", "reason"]),
        splits={
            f"train and {part}": (rows["train"], rows[part])
            for part in ("test", "val")
            if len(rows["train"]) and len(rows[part])
        },
    )
