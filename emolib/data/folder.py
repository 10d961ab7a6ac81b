"""Which file of a folder shows which emotion of whom; no image is opened here."""

import os
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from emolib.data.cells import read_cells
from emolib.data.picture import SUFFIXES
from emolib.data.table import group_of
from emolib.paper import EMOTIONS

# What the common databases call the emotions.
NAMES = {name.casefold(): label for label, name in enumerate(EMOTIONS)} | {
    alias: EMOTIONS.index(emotion)
    for emotion, aliases in {
        "Angry": ("anger",),
        "Disgust": ("disgusted",),
        "Fear": ("afraid", "fearful"),
        "Happy": ("happiness", "joy"),
        "Sad": ("sadness",),
        "Surprise": ("surprised",),
    }.items()
    for alias in aliases
}

# In which order databases number them: the paper's, which is SFEW's, and that of FER-2013.
ORDERS = {
    "sfew": EMOTIONS,
    "fer": ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"),
}


@dataclass
class Listing:
    """The images of a folder, in the order of emotions and names.

    Attributes:
        root: the folder.
        paths, files, labels, groups: one an image: where it is, its path below ``root``, the index
            of its emotion, and the person, or what stands for the person.
        repairs: what was found and done, as in :class:`~emolib.data.EmotionData`.
        left_out: files that are not read, with the reason.
    """

    root: Path
    paths: list[Path] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    repairs: list[tuple[str, int, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def list_folder(root: Path, first: int | None = None, order: str = "sfew") -> Listing:
    """Lists ``<root>/<emotion>/*`` by emotion.

    A sub-folder has an emotion's name, in any case, or its number from 0 or from 1. Whose face an
    image shows is told by ``<root>/groups.csv`` (columns ``name`` and ``group``) if that is there,
    else by the title that its name begins with, as in SFEW; where neither tells, every image is a
    group of its own.

    Args:
        first: the number of the first emotion where the sub-folders' numbers could begin with
            either.
        order: a name in :data:`ORDERS`, where the sub-folders are numbered.

    Raises:
        ValueError: the folder does not say which image shows what; the message says what would be
            right.
    """
    listing = Listing(root)
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    for entry in sorted(root.iterdir()):
        if (
            entry.suffix.lower() in SUFFIXES
            and not entry.is_dir()
            and not entry.name.startswith(".")
        ):
            listing.left_out.append(
                (
                    printable(entry.relative_to(root)),
                    "beside the sub-folders, so nothing tells its emotion",
                )
            )
    names = {path: unicodedata.normalize("NFC", path.name).strip().casefold() for path in folders}
    labels = _numbered(listing, names, first, order) or _named(listing, names)
    if not labels:
        raise ValueError(
            f"{root}: there is no sub-folder named after an emotion, such as {root.name}/{EMOTIONS[3]}"
        )
    for path, label in sorted(labels.items(), key=lambda item: (item[1], item[0].name)):
        before = len(listing.paths)
        for entry in sorted(path.iterdir()):
            _list_entry(listing, entry, label)
        if len(listing.paths) == before:
            listing.repairs.append(
                (f"sub-folder without an image ({EMOTIONS[label]})", 0, "nothing to read")
            )
    table = root / "groups.csv"
    listing.groups = (
        _groups_by_table(table, listing) if table.is_file() else _groups_by_name(listing)
    )
    return listing


def _list_entry(listing: Listing, entry: Path, label: int) -> None:
    if entry.name.startswith("."):
        return
    file = printable(entry.relative_to(listing.root))
    if not entry.resolve().is_relative_to(listing.root.resolve()):
        listing.left_out.append((file, "a link that leads out of the folder"))
    elif entry.is_dir():
        listing.left_out.append((file, "a folder inside an emotion's folder"))
    elif not entry.is_file():
        listing.left_out.append((file, "a link that leads nowhere, or no file"))
    elif entry.suffix.lower() not in SUFFIXES:
        listing.left_out.append((file, f"its name does not end in {', '.join(SUFFIXES)}"))
    else:
        listing.paths.append(entry)
        listing.files.append(file)
        listing.labels.append(label)


def printable(path: Path) -> str:
    """A path as text, whatever bytes are in it."""
    return os.fsencode(path).decode(errors="replace")


def _numbered(
    listing: Listing, names: dict[Path, str], first: int | None, order: str
) -> dict[Path, int]:
    """Labels of sub-folders whose names are numbers; none if other names are there."""
    if not names or not all(name.isdecimal() for name in names.values()):
        return {}
    numbers = {path: int(name) for path, name in names.items()}
    last = len(EMOTIONS)
    if max(numbers.values()) > last or {0, last} <= set(numbers.values()):
        raise ValueError(
            f"{listing.root}: sub-folders are numbered 0 to {last - 1} or 1 to {last}, not {sorted(numbers.values())}"
        )
    found = 0 if 0 in numbers.values() else 1 if last in numbers.values() else first
    if found is None:
        raise ValueError(
            f"{listing.root}: the sub-folders' numbers {sorted(numbers.values())} could begin with 0 or with 1; "
            f"say first=0 or first=1, the number of {EMOTIONS[0]}"
        )
    if first not in (None, found):
        raise ValueError(
            f"{listing.root}: first is {first}, but the sub-folders' numbers begin with {found}"
        )
    counted = ", ".join(
        f"{number} {emotion}" for number, emotion in enumerate(ORDERS[order], found)
    )
    other = "".join(
        f"; order={name} would read them as {name.upper()} does" for name in ORDERS if name != order
    )
    listing.repairs.append(("sub-folders have numbers", len(numbers), f"read as {counted}{other}"))
    return {path: EMOTIONS.index(ORDERS[order][number - found]) for path, number in numbers.items()}


def _named(listing: Listing, names: dict[Path, str]) -> dict[Path, int]:
    """Labels of sub-folders that are named after an emotion. What is nearly an emotion is refused,
    what is none left out.
    """
    for path, name in names.items():
        near = get_close_matches(name, NAMES, n=1, cutoff=0.65)
        if name not in NAMES and near:
            raise ValueError(
                f"{printable(path)}: there is no such emotion; did you mean {EMOTIONS[NAMES[near[0]]]}?"
            )
        if name not in NAMES:
            listing.left_out.append(
                (
                    printable(path.relative_to(listing.root)),
                    "a sub-folder that is named after none of the emotions",
                )
            )
    return {path: NAMES[name] for path, name in names.items() if name in NAMES}


def _groups_by_table(table: Path, listing: Listing) -> list[str]:
    """Groups from a table that names each image: by its path below the root, its file name, or that
    without suffix.
    """
    cells = read_cells(table)
    header = [] if cells.empty else cells.iloc[0].tolist()
    if not {"name", "group"} <= set(header):
        raise ValueError(
            f"{table}: the columns are {', '.join(map(str, header)) or 'none'}; name and group are needed"
        )
    known: dict[str, str] = {}
    for name, group in cells.iloc[1:, [header.index("name"), header.index("group")]].itertuples(
        index=False, name=None
    ):
        if known.setdefault(name, group) != group:
            raise ValueError(f"{table}: {name} has two groups")
    found = [
        known.get(file) or known.get(path.name) or known.get(path.stem)
        for file, path in zip(listing.files, listing.paths, strict=True)
    ]
    groups = [group for group in found if group]
    if len(groups) < len(found):
        absent = [file for file, group in zip(listing.files, found, strict=True) if not group]
        raise ValueError(
            f"{table}: there is no group for {absent[0]} (the first of {len(absent)} such images)"
        )
    return groups


def _groups_by_name(listing: Listing) -> list[str]:
    groups = [group_of(printable(Path(path.stem))) for path in listing.paths]
    return [
        file if group is None else group for file, group in zip(listing.files, groups, strict=True)
    ]


def strangers(listing: Listing, places: list[int]) -> list[tuple[str, int, str]]:
    """What is to be said of the images at these places that are groups of their own, as in
    :attr:`Listing.repairs`.
    """
    count = sum(listing.groups[place] == listing.files[place] for place in places)
    said = [("image whose name tells no person", count, "a group of its own")] if count else []
    if len({listing.groups[place] for place in places}) == len(places):
        said.append(
            (
                "nothing tells which images show one person",
                len(places),
                "no person-independent folds; a groups.csv that says who is who would allow them",
            )
        )
    return said
