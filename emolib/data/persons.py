"""Persons read from file names, by the naming conventions of the field's data sets."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

# A name without folder and suffix, by data set. SFEW: film, time, frame. CK+: subject, sequence,
# frame. JAFFE: initials, expression, number. KDEF: session, sex and number, expression, angle; two
# of its names are cut off.
CONVENTIONS = {
    "SFEW": r"(?P<person>.+?)[_-]\d{9}(_+\d{8})?",
    "CK+": r"(?P<person>S\d{3})_\d{3}_\d{8}",
    "JAFFE": r"(?P<person>[A-Z]{2})[._-](AN|DI|FE|HA|NE|SA|SU)\d{1,2}[._-]\d{1,3}",
    "KDEF": r"[AB](?P<person>[FM]\d{2})[A-Z]{0,4}",
}
# Actors recur across the films of a series, so a series is one group.
SERIES = re.compile(r"(HarryPotter|Oceans)(?![a-z])")
# A counter after one of these numbers pictures and names nobody; so does a date.
COUNTED = re.compile(
    r"(^|.*[\W\d_])(frames?|im|ima?ge?s?|pics?|pictures?|photos?|faces?|dsc[nf]?|pxl|mvimg"
    r"|vid(eo)?s?|crop(ped)?|aligned|data(set)?|sample|row|file|(public|private)?(train|test)(ing)?"
    r"|val(id)?|validation|public|private|screen ?shots?|\w*stock|getty\w*|cam(era)?s?|clips?"
    r"|subjects?)([\W\d_]+[a-z]?)?|[\d\W_]{0,3}|[\d\W_]{6,}",
    re.IGNORECASE,
)
# A title that is an emotion, or begins with one, is the label of the row and not its person.
EMOTION = re.compile(
    r"(ang(ry|er)|disgust(ed)?|fear(ful)?|afraid|happ(y|iness)|joy(ful)?|neutral|sad(ness)?"
    r"|surprised?|contempt)([\W\d_].*)?",
    re.IGNORECASE,
)


def person_of(name: str, convention: str = "SFEW") -> str | None:
    """The person that a file name states by one of :data:`CONVENTIONS`; None if it states none.

    A folder in front of the name does not count, nor does a suffix.

    Example:
        >>> person_of("Train/SomeFilm_123456789_00012345.png")
        'SomeFilm'
    """
    stem = re.sub(r"\.[A-Za-z]\w{0,4}$", "", PurePosixPath(name.replace("\\", "/")).name)
    found = re.fullmatch(CONVENTIONS[convention], stem, re.IGNORECASE)
    if found is None:
        return None
    if convention != "SFEW":
        return found["person"].upper()
    title = found["person"]
    # a title of digits alone before a time and a frame is a film's
    film = found[2] is not None and re.fullmatch(r"[\d_]+", title)
    if EMOTION.fullmatch(title) or (COUNTED.fullmatch(title) and not film):
        return None
    series = SERIES.match(title)
    return series[1] if series else title


def persons(names: Sequence[str]) -> tuple[NDArray[np.str_] | None, list[tuple[str, int, str]]]:
    """The person of each row, where the names of all rows follow one convention; else None.

    Returns:
        ``[N]`` persons, or None where nothing is known; and the conclusion as a row of
        :attr:`emolib.data.EmotionData.repairs`.

    Example:
        >>> persons(["KA.AN1.39.tiff", "KM.HA1.4.tiff"])[0].tolist()
        ['KA', 'KM']
    """
    found = {each: [person_of(name, each) for name in names] for each in CONVENTIONS}
    best = max(found, key=lambda each: sum(person is not None for person in found[each]))
    known = [person for person in found[best] if person is not None]
    count, rows = len(set(known)), len(names)
    if count > 1 and len(known) == rows:
        return np.array(known), [(f"file names as in {best}", rows, f"read as {count} persons")]
    why = "file names do not say who is who"
    if count > 1:
        why = f"only {len(known)} of {rows} file names say who is who, as in {best}"
    elif known:
        why = f"file names as in {best}, all of one title or person"
    return None, [(why, rows, "persons unknown: no person-independent folds")]
