"""Folders of face images, one sub-folder per emotion: ``faces/Happy/ada_000000001.png``."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from emolib.data import REPAIRS, EmotionData
from emolib.data.descriptors import PRESETS, Components, lpq, phog, pixels
from emolib.data.images import SUFFIXES, Unreadable, crop_face, read_grey, square
from emolib.data.persons import persons
from emolib.data.table import read_cells, twice
from emolib.paper import EMOTIONS
from emolib.utils.cache import cached
from emolib.utils.validation import boolean, one_of, whole_number

Repair = tuple[str, int, str]  # found, rows, done
Entry = tuple[Path, str, str, str, str]  # path, file, emotion or number, part, reason
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
    name: dict(zip(numbers, emotions.split(), strict=True))
    for name, numbers, emotions in (
        ("sfew", "1234567", " ".join(EMOTIONS)),
        ("fer", "0123456", "Angry Disgust Fear Happy Sad Surprise Neutral"),
        ("rafdb", "1234567", "Surprise Fear Disgust Happy Sad Angry Neutral"),
        ("affectnet", "01234567", f"Neutral Happy Sad Surprise Fear Disgust Angry {CONTEMPT}"),
    )
}

# A folder that holds one part of a database's own split. FER-2013's public test is for validation.
PARTS = {
    "train": r"train(ing)?",
    "val": r"(val(id|idation)?|public[\W_]*test)",
    "test": r"(private[\W_]*)?test(ing)?",
}


# Options of a folder, see :func:`read_folder`.
OPTIONS: dict[str, Any] = {"size": 96, "crop": False, "preset": "wang", "order": None}


def read_folder(root: Path, **options: Any) -> EmotionData:
    """Reads and describes every image; the result is cached until a file changes.

    Modalities are LPQ, PHOG and ``image``, the face itself; the features are five principal
    components of each.

    Args:
        root: see :func:`list_folder`.
        size: pixels along a side: every face is brought to one size, since LPQ looks at seven
            pixels however large the picture is.
        crop: whether to cut out the largest face, see :func:`emolib.data.images.crop_face`; a
            picture in which none is found is left out. Otherwise the largest square in the middle
            is the face.
        preset: of the descriptors, a name in :data:`emolib.data.descriptors.PRESETS`.
        order: of numbered sub-folders, a name in :data:`ORDERS`.

    Raises:
        ValueError: the folder does not say which image shows what, or there is no such option.
    """
    for name in options:
        one_of("option of an image folder", name, OPTIONS)
    options = OPTIONS | options
    options["size"] = whole_number("size", options["size"], 24, 1024)
    boolean("crop", options["crop"])
    one_of("preset", options["preset"], PRESETS)
    one_of("order", options["order"], [None, *ORDERS])
    listing = list_folder(root, options["order"])
    data: EmotionData = cached(_describe, None, root, *listing, options, code=("data", "paper"))
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
        :class:`~emolib.data.EmotionData`; and files that are not read, with the reason.

    Raises:
        ValueError: the folder does not say which image shows what; the message says what would be
            right.
    """
    entries = pd.DataFrame(
        _walk(root), columns=["path", "file", "emotion", "part", "reason"], dtype=object
    )
    left_out = entries.loc[entries["reason"] != "", ["file", "reason"]]
    found, repairs, names = entries[entries["reason"] == ""], [], NAMES
    numbers = sorted(set(found["emotion"]) - set(NAMES))
    if numbers and found["emotion"].isin(NAMES).any():
        raise ValueError(
            f"{root}: some sub-folders are named after emotions and some are numbered; name all"
        )
    if numbers:
        names = _numbered(root, numbers, order)
        done = "read as " + ", ".join(f"{number} {names[number]}" for number in numbers)
        repairs.append(("sub-folders have numbers", len(numbers), done))
    found = found.assign(emotion=found["emotion"].map(names))
    images = found[found["emotion"] != CONTEMPT]
    if images.empty:
        raise ValueError(
            f"{root}: there is no image in a sub-folder named after an emotion, such as "
            f"{root.name}/{EMOTIONS[3]}"
        )
    if len(images) < len(found):
        done = "left out: contempt is none of the seven emotions"
        repairs.append(("images in a folder named contempt", len(found) - len(images), done))
    images = images.assign(
        label=images["emotion"].map(EMOTIONS.index).astype(int),
        changed=[f"{stat.st_size} {stat.st_mtime_ns}" for stat in map(Path.stat, images["path"])],
    ).sort_values(["label", "file"], ignore_index=True)
    table = next((path for path in root.iterdir() if _plain(path.name) == "groups.csv"), None)
    if table:
        images["group"] = _groups_by_table(table, root, images["file"].tolist())
    return images, repairs, list(left_out.itertuples(index=False, name=None))


def _walk(root: Path) -> Iterator[Entry]:
    """Images, and other files with the reason why they are not read."""
    for path in sorted(root.rglob("*")):
        below, link = path.relative_to(root), path.is_symlink()
        if any(name.startswith(".") for name in below.parts) or (path.is_dir() and not link):
            continue
        image = path.suffix.lower() in SUFFIXES
        emotion, part, inside = _stated(path.parent, root)
        reasons = {
            "a link that leads out of the folder, to another folder or nowhere": link
            and not (path.is_file() and path.resolve().is_relative_to(root.resolve())),
            "in a folder inside an emotion's folder": image and inside,
            "in no emotion's folder, so nothing tells its emotion": image and not emotion,
            f"its name does not end in {', '.join(SUFFIXES)}": emotion and not image,
        }
        reason = next((reason for reason, found in reasons.items() if found), "")
        if emotion or reason:
            yield path, _printable(below), emotion, part, reason


@lru_cache
def _stated(folder: Path, root: Path) -> tuple[str, str, bool]:
    """The emotion (or its number) and the part of a split, such as ``Train_Aligned_Faces``, that
    the names of folders state; and whether another folder lies inside the emotion's.
    """
    if folder == root:
        return "", "", False
    emotion, part, inside = _stated(folder.parent, root)
    name = _plain(folder.name)
    parts = [own for own in PARTS if re.fullmatch(PARTS[own] + r"([\W_].*)?", name)]
    if parts and not (part and emotion):
        return emotion, parts[0], inside
    if emotion:
        return emotion, part, True
    name = re.sub(r"^\d+[\W_]+", "", name)  # as in "3_Happy"
    known = name in NAMES or re.fullmatch("[0-9]", name)
    return (name if known else ""), part, False


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _printable(path: Path) -> str:
    """A path as text, whatever bytes are in it."""
    return os.fsencode(path.as_posix()).decode(errors="replace")


def _numbered(root: Path, numbers: list[str], order: str | None) -> dict[str, str]:
    """Emotions of numbered sub-folders. Raises ValueError where the order is not known."""
    fits = [name for name, emotions in ORDERS.items() if set(numbers) <= set(emotions)] or ORDERS
    if order is None or order not in fits:
        choices = [f"{name!r} ({', '.join(map(' '.join, ORDERS[name].items()))})" for name in fits]
        raise ValueError(
            f"{root}: the sub-folders are numbered {', '.join(numbers)}, and order is {order!r}; "
            f"databases number the emotions differently, so give order: {', '.join(choices)}"
        )
    return ORDERS[order]


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
    owners: dict[str, list[str]] = {}  # images by each end of their path
    for file in files:
        parts = _path(f"{root.resolve().name}/{file}").split("/")
        for start in range(len(parts)):
            owners.setdefault("/".join(parts[start:]), []).append(file)
    groups: dict[str, str] = {}
    for row in cells.iloc[1:, [header.index("name"), header.index("group")]].to_numpy():
        name, person = ("" if cell is None else str(cell).strip() for cell in row)
        owned = owners.get(_path(name), []) if person else []
        if len(owned) > 1:
            raise ValueError(
                f"{table}: {name} may be {owned[0]} or {owned[1]}; name each with its folder"
            )
        if any(groups.setdefault(file, person) != person for file in owned):
            raise ValueError(f"{table}: {name} has two groups")
    absent = [file for file in files if file not in groups]
    if absent:
        raise ValueError(
            f"{table}: there is no group for {absent[0]} (the first of {len(absent)} such images)"
        )
    return [groups[file] for file in files]


def _path(name: str) -> str:
    """A path as it is compared: forward slashes, no blanks around a part, nothing such as ``./``,
    no suffix.
    """
    name = re.sub(rf"({'|'.join(map(re.escape, SUFFIXES))})\s*$", "", name, flags=re.IGNORECASE)
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part.strip() for part in parts if part.strip() not in ("", "."))


def _describe(
    root: Path,
    images: pd.DataFrame,
    repairs: list[Repair],
    left_out: list[tuple[str, str]],
    options: dict[str, Any],
) -> EmotionData:
    """Reads and describes the images of a listing, a batch in memory at a time."""
    files, preset = images[["path", "file"]].to_numpy().tolist(), PRESETS[options["preset"]]
    read: list[int] = []
    batches: list[tuple[NDArray[np.float32], ...]] = []
    for start in tqdm(range(0, len(images), BATCH), "reading images", leave=False, delay=0.2):
        faces = {}
        for place, (path, file) in enumerate(files[start : start + BATCH], start):
            try:
                grey = read_grey(path)
                face = crop_face(grey) if options["crop"] else grey
                faces[place] = square(face, options["size"])
            except Unreadable as reason:
                left_out.append((file, str(reason)))
        if faces:
            stacked = np.stack(list(faces.values()))
            described = lpq(stacked, **preset["lpq"]), phog(stacked, **preset["phog"])
            batches.append((*described, pixels(stacked)))
            read += faces
    images = images.iloc[read]
    labels, shown = images["label"].to_numpy(), sorted(set(images["emotion"]))
    if len(shown) < 2:
        example = f" ({len(left_out)} left out; {': '.join(left_out[0])})" if left_out else ""
        raise ValueError(
            f"{root}: the images that can be read show {''.join(shown) or 'nothing'}{example}; at "
            "least two emotions are needed"
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
        found = "groups.csv names the person of every image"
        said = [(found, len(groups), f"read as {len(set(groups))} persons")]
    reasons = Counter(reason for _, reason in left_out)
    repairs = [
        *repairs,
        *said,
        *((f"left out: {reason}", count, "left out") for reason, count in reasons.most_common()),
        *twice(np.concatenate(list(features.values()), axis=1), labels),
    ]
    chosen = [f"{name} {value}" for name, value in options.items() if value != OPTIONS[name]]
    whole = images["file"].str.rsplit(".", n=1).str[0]
    stems = whole.str.rsplit("/", n=1).str[-1]
    rows = {part: np.flatnonzero(images["part"] == part) for part in PARTS}
    return EmotionData(
        features=features,
        labels=labels,
        classes=EMOTIONS,
        groups=groups,
        names=stems.mask(stems.duplicated(keep=False), whole).to_numpy(str),
        source=f"{len(images)} images of the folder {root.resolve().name}"
        + (f" ({', '.join(chosen)})" if chosen else ""),
        drawn=False,
        repairs=pd.DataFrame(repairs, columns=list(REPAIRS)),
        descriptors=descriptors,
        left_out=pd.DataFrame(left_out, columns=["file", "reason"]),
        splits={
            f"train and {part}": (rows["train"], rows[part])
            for part in ("test", "val")
            if len(rows["train"]) and len(rows[part])
        },
    )
