"""The embedded default data: 675 drawn faces, shaped like the film stills of SFEW.

58 invented persons of very unequal screen time, each with a random mix of emotions; every person's
pictures come in shots, frames of one scene that share pose, light and background. A model that sees
one frame of a shot in training recognises the others: what person-independent folds are there to
prevent.

Axes: ``N`` faces, ``H`` × ``W`` pixels, 96 each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from emolib.data import REPAIRS, EmotionData
from emolib.data.descriptors import Components, lpq, phog
from emolib.data.faces import HAIR_STYLES, OCCLUDERS, PROTOTYPES, UNITS, Identity, View, draw_face
from emolib.paper import EMOTIONS
from emolib.utils.cache import cached

CLASSES = tuple(PROTOTYPES)  # alphabetical, the order of the labels
COUNTS = (100, 75, 100, 100, 100, 100, 100)
HAIR_SHARES = (0.21, 0.21, 0.2, 0.14, 0.16, 0.08)
PERSONS = [
    "Ada",
    "Abel",
    "Bea",
    "Ben",
    "Cara",
    "Cleo",
    "Cy",
    "Dan",
    "Dora",
    "Edda",
    "Eli",
    "Emil",
    "Enid",
    "Fay",
    "Finn",
    "Flo",
    "Gil",
    "Greta",
    "Gus",
    "Hal",
    "Hedy",
    "Hugo",
    "Ida",
    "Igor",
    "Ines",
    "Ivo",
    "Jan",
    "Jo",
    "Judd",
    "June",
    "Kai",
    "Kim",
    "Kit",
    "Lars",
    "Lea",
    "Leo",
    "Liv",
    "Lou",
    "Mae",
    "Max",
    "Mia",
    "Milo",
    "Nell",
    "Nils",
    "Noor",
    "Olga",
    "Otis",
    "Pia",
    "Quin",
    "Rae",
    "Rolf",
    "Ruth",
    "Sid",
    "Tess",
    "Ulla",
    "Vera",
    "Wim",
    "Zoe",
]


@dataclass(frozen=True)
class Faces:
    """The drawn set, one row a face.

    Attributes:
        images: ``[N, H, W]``, uint8.
        labels: ``[N]``, int, the index of the emotion in ``CLASSES``.
        groups: ``[N]``, str, the person.
        names: ``[N]``, str.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.intp]
    groups: NDArray[np.str_]
    names: NDArray[np.str_]


@dataclass(frozen=True)
class Still:
    """One picture before it is drawn.

    Attributes:
        units, identity, view: the arguments of :func:`~emolib.data.faces.draw_face`.
        label: the index of its emotion in ``CLASSES``.
        person: whose face it is.
        name: as in :class:`Faces`.
    """

    units: dict[int, float]
    identity: Identity
    view: View
    label: int
    person: str
    name: str


def drawn_data(wildness: float = 0.5, seed: int = 2011) -> EmotionData:
    """The default data: 675 drawn faces of 58 invented persons, with SFEW's class counts, through
    LPQ and PHOG to five principal components each; no evidence about real faces.

    Drawing takes a few seconds, so the result is cached.

    Args:
        wildness: 0 for laboratory pictures to 1 for film stills.
        seed: the only source of chance.
    """
    data: EmotionData = cached(_describe, None, wildness, seed, code=("data", "paper"))
    return data


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


def draw_faces(wildness: float = 0.5, seed: int = 2011) -> Faces:
    """Draws the whole set: 100 faces of each emotion, 75 of Disgust.

    Persons, labels and names depend on the seed alone, so that two degrees of wildness show the
    same cast.

    Args:
        wildness: 0 for a laboratory (posed, frontal, evenly lit) to 1 for stills from films: weak
            and mixed expressions, turned heads, dim light, blur, clutter and things in the way.
        seed: the only source of chance.

    Raises:
        ValueError: ``wildness`` is not in 0..1.

    Example:
        >>> faces = draw_faces(wildness=0)
        >>> faces.images.shape, len(set(faces.groups))
        ((675, 96, 96), 58)
    """
    stills = list(film_stills(wildness, seed))
    return Faces(
        images=np.stack([draw_face(still.units, still.identity, still.view) for still in stills]),
        labels=np.array([still.label for still in stills]),
        groups=np.array([still.person for still in stills]),
        names=np.array([still.name for still in stills]),
    )


def write_faces(root: Path, wildness: float = 0.5) -> Path:
    """Draws the whole set into a folder of the kind that :func:`emolib.load` reads,
    ``<root>/<emotion>/<name>.png``; returns it.

    Raises:
        ValueError: something is there that is not an empty folder, or ``wildness`` is not in 0..1.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(f"{root}: something is there already; name a new folder, or an empty one")
    for still in film_stills(wildness):
        folder = root / CLASSES[still.label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_face(still.units, still.identity, still.view)).save(
            folder / f"{still.name}.png"
        )
    return root


def film_stills(wildness: float = 0.5, seed: int = 2011) -> Iterator[Still]:
    """What :func:`draw_faces` draws, one picture after the other, sorted by person and emotion."""
    if not 0 <= wildness <= 1:
        raise ValueError(f"wildness must lie between 0 and 1, not {wildness}")
    w = wildness**2  # keeps the lower half of the scale mild
    cast, shots, stage = np.random.default_rng(seed).spawn(3)
    people = [_identity(cast) for _ in PERSONS]
    sizes = cast.permutation(_group_sizes(sum(COUNTS), len(PERSONS)))
    left, previous = 0, None  # frames left in this shot
    for who, label in zip(*_casting(cast, sizes), strict=True):
        if left == 0 or (who, label) != previous:
            left, serial, frame = shots.integers(1, 8), shots.integers(1, 8_000_000), 0
            units, view = scene(stage, CLASSES[label], people[who], w)
        left, previous, frame = left - 1, (who, label), frame + shots.integers(1, 40)
        # nobody holds quite still
        posed = {
            unit: strength * stage.uniform(0.85 - 0.15 * w, 1) for unit, strength in units.items()
        }
        roll, yaw, pitch, right, down, lamp = stage.normal(size=6) * (0.5 + 0.5 * w)
        moved = replace(
            view,
            roll=view.roll + 2.5 * roll,
            yaw=view.yaw + 4 * yaw,
            pitch=view.pitch + 2 * pitch,
            shift=(view.shift[0] + 0.7 * right, view.shift[1] + 0.7 * down),
            light=view.light + 6 * lamp,
        )
        name = f"{PERSONS[who]}_{serial:09d}_{frame:08d}"
        yield Still(posed, people[who], moved, int(label), PERSONS[who], name)


def _group_sizes(total: int, groups: int) -> NDArray[np.intp]:
    """Zipf-like sizes, at least 1, that sum to ``total``: the largest about 90, in effect about 19
    equal groups.
    """
    share = 1 / (np.arange(groups) + 5.5) ** 1.7
    exact = 1 + share / share.sum() * (total - groups)
    sizes = np.asarray(np.floor(exact), np.intp)
    sizes[np.argsort(sizes - exact, kind="stable")[: total - sizes.sum()]] += 1
    return sizes


def _casting(
    rng: np.random.Generator, sizes: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Person and label of each face, sorted by person and label; each person has a taste for some
    emotions.
    """
    person = np.repeat(np.arange(len(sizes)), sizes)
    taste = rng.dirichlet(np.ones(len(COUNTS)), len(sizes))
    label, remaining = np.empty_like(person), np.array(COUNTS, float)
    for i in rng.permutation(len(person)):
        weight = taste[person[i]] * remaining + 1e-9 * remaining
        label[i] = rng.choice(len(COUNTS), p=weight / weight.sum())
        remaining[label[i]] -= 1
    order = np.lexsort((label, person))
    return person[order], label[order]


def _identity(rng: np.random.Generator) -> Identity:
    """A person at random."""
    skin, hair_style = rng.uniform(88, 205), str(rng.choice(HAIR_STYLES, p=HAIR_SHARES))
    bearded = rng.random() < 0.3 and hair_style not in ("long", "bun")
    return Identity(
        head_width=rng.uniform(22, 25.5),
        head_height=rng.uniform(29, 32.5),
        jaw=rng.uniform(0.6, 0.86),
        skin=skin,
        eye_spacing=rng.uniform(9.7, 11.2),
        eye_size=rng.uniform(4.6, 5.9),
        iris=rng.uniform(35, 110),
        brow_height=rng.uniform(7.6, 9.3),
        brow_thickness=rng.uniform(0.9, 2.0),
        nose_length=rng.uniform(10.3, 12.3),
        nose_width=rng.uniform(3.6, 5.2),
        mouth_height=rng.uniform(18.3, 20),
        mouth_width=rng.uniform(7.4, 9.6),
        lip_fullness=rng.uniform(1.4, 2.9),
        hair_style=hair_style,
        hair=min(rng.uniform(22, 165), skin - 30),
        clothes=rng.uniform(35, 210),
        glasses=bool(rng.random() < 0.15),
        beard=bearded * rng.uniform(0.45, 0.95),
    )


def scene(
    rng: np.random.Generator,
    emotion: str,
    identity: Identity,
    w: float,
) -> tuple[dict[int, float], View]:
    """What the frames of one shot share: the expression at its height and the view."""
    strength = 1 - w * rng.uniform(0, 0.8)
    units = {
        unit: strength * (rng.random() < (1 - 0.3 * w if always else 0.5))
        for unit, always in PROTOTYPES[emotion].items()
    }
    for unit in UNITS:  # speech, habit, mixed feelings
        units.setdefault(unit, rng.uniform(0.1, 0.7) * (rng.random() < 0.2 * w))
    choices = [
        kind for kind in OCCLUDERS if kind and (kind != "strand" or identity.hair_style != "bald")
    ]
    occluder = str(rng.choice(choices)) if rng.random() < 0.4 * w else ""
    roll, yaw, pitch, right, down, zoom, stop = rng.normal(size=7)
    return units, View(
        roll=11 * w * roll,
        yaw=float(np.clip(18 * w * yaw, -45, 45)),
        pitch=8 * w * pitch,
        scale=1 + 0.09 * w * zoom,
        shift=(3.5 * w * right, 2.5 * w * down),
        light=-35 * (1 - w) + w * rng.uniform(-85, 85),
        contrast=0.4 + 0.5 * w * rng.random(),
        exposure=float(np.clip(np.exp(w * (0.35 * stop - 0.3)), 0.25, 1.25)),
        backdrop=168 - 60 * w * rng.random(),
        blur=w * rng.gamma(2, 0.5),
        occluder=occluder,
        clutter=w * rng.uniform(0.5, 1),
        noise=5 * w * rng.random(),
        seed=int(rng.integers(2**31)),
    )
