"""The drawn faces: what each action unit and each property of a view changes, and the shape of the
whole set.
"""

import re
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from emolib.data.drawn import CLASSES, PERSONS, draw_faces, film_stills
from emolib.data.faces import HAIR_STYLES, OCCLUDERS, PROTOTYPES, UNITS, Identity, View, draw_face


@pytest.fixture(scope="module")
def faces():
    return draw_faces()


@cache
def stills(wildness=0.5):
    return list(film_stills(wildness))


def difference(one, two):
    return np.abs(one.astype(float) - two.astype(float))


def test_the_set_has_the_shape_of_sfew(faces):
    assert faces.images.shape == (675, 96, 96) and faces.images.dtype == np.uint8
    assert CLASSES == ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    assert np.bincount(faces.labels).tolist() == [100, 75, 100, 100, 100, 100, 100]
    sizes = np.unique(faces.groups, return_counts=True)[1]
    assert len(sizes) == len(set(PERSONS)) == 58
    assert 80 <= sizes.max() <= 100
    assert 18 <= 675**2 / (sizes**2).sum() <= 20  # inverse Simpson
    assert len(set(faces.names)) == 675
    for name, person in zip(faces.names, faces.groups, strict=True):
        assert re.fullmatch(person + r"_\d{9}_\d{8}", name)


def test_no_two_persons_look_alike_and_each_keeps_one_look():
    looks = {}
    for still in stills():
        looks.setdefault(still.person, set()).add(still.identity)
    assert all(len(look) == 1 for look in looks.values())
    assert len(set.union(*looks.values())) == 58


def test_every_picture_is_its_own_and_none_is_blank(faces):
    assert len({image.tobytes() for image in faces.images}) == 675
    assert faces.images.reshape(675, -1).std(axis=1).min() > 5


def test_the_same_seed_draws_the_same_faces(faces):
    assert stills() == list(film_stills())
    assert [still.name for still in stills()] == faces.names.tolist()
    for still, image in list(zip(stills(), faces.images, strict=True))[::15]:
        assert np.array_equal(draw_face(still.units, still.identity, still.view), image)
    assert [still.name for still in film_stills(seed=1)] != faces.names.tolist()


def test_wildness_changes_the_pictures_but_not_the_cast():
    laboratory, wild = stills(0), stills(1)
    for one, two in zip(laboratory, wild, strict=True):
        assert (one.name, one.label, one.identity) == (two.name, two.label, two.identity)
        assert (one.view.blur, one.view.clutter, one.view.noise, one.view.occluder) == (0, 0, 0, "")
    assert np.std([s.view.yaw for s in wild]) > 3 * np.std([s.view.yaw for s in laboratory])
    assert {s.view.occluder for s in wild} == set(OCCLUDERS)
    assert not any(s.view.occluder == "strand" and s.identity.hair_style == "bald" for s in wild)
    pairs = [
        (draw_face(a.units, a.identity, a.view), draw_face(b.units, b.identity, b.view))
        for a, b in zip(laboratory[::75], wild[::75], strict=True)
    ]
    assert all(difference(*pair).mean() > 5 for pair in pairs)


def test_laboratory_faces_pose_the_prototype():
    for still in stills(0):
        prototype = PROTOTYPES[CLASSES[still.label]]
        assert {unit for unit, strength in still.units.items() if strength} <= prototype.keys()
        assert all(still.units[unit] > 0.8 for unit, always in prototype.items() if always)


@pytest.mark.parametrize("wildness", [-0.1, 1.1])
def test_wildness_outside_its_range_is_named(wildness):
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw_faces(wildness)


# rows and columns of a frontal face where each unit works; the rest of the picture may change less
REGIONS = {
    1: (20, 42),
    2: (18, 42),
    4: (26, 44),
    5: (38, 54),
    6: (40, 60),
    7: (40, 56),
    9: (36, 70),
    12: (56, 76),
    15: (60, 84),
    16: (64, 84),
    17: (64, 90),
    20: (60, 82),
    23: (60, 80),
    25: (60, 84),
    26: (60, 96),
}


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_works_where_its_muscle_is(unit):
    change = difference(draw_face({}), draw_face({unit: 1}))
    top, bottom = REGIONS[unit]
    assert change.max() > 30
    assert change[top:bottom].sum() > 0.75 * change.sum()
    half = difference(draw_face({}), draw_face({unit: 0.5}))
    assert 0 < half.sum() < change.sum()


def dark_rows(units, columns):
    """Mean row of the dark pixels of the mouth in some columns of a frontal face."""
    mouth = draw_face(units, view=View(contrast=0))[60:84, columns]
    rows, _ = np.nonzero(mouth < 90)
    return rows.mean()


def test_a_smile_lifts_the_corners_and_a_frown_lowers_them():
    left, middle = slice(36, 41), slice(46, 51)

    def lowered(units):
        return dark_rows(units, left) - dark_rows(units, middle)

    assert lowered({12: 1}) < lowered({}) - 1 and lowered({15: 1}) > lowered({}) + 1


def test_brows_rise_and_fall_at_the_end_their_unit_moves():
    def row(units, columns):
        brow = draw_face(units, view=View(contrast=0))[25:43, columns]
        return np.nonzero(brow < 90)[0].mean()

    inner, outer = slice(41, 44), slice(29, 34)
    assert row({1: 1}, inner) < row({}, inner) - 2 and row({4: 1}, inner) > row({}, inner) + 2
    assert row({2: 1}, outer) < row({}, outer) - 2


def test_raised_lids_open_the_eyes_and_tightened_lids_close_them():
    def white(units):
        return (draw_face(units, Identity(skin=120), View(contrast=0))[36:56, 28:68] > 190).sum()

    assert white({5: 1}) > white({}) + 10 > white({7: 1}) + 20


def test_a_dropped_jaw_opens_a_dark_mouth():
    def dark(units):
        return (
            draw_face(units, view=View(contrast=0))[60:84, 36:60] < 80
        ).sum()  # the mouth with its tongue

    assert dark({26: 1}) > dark({26: 0.5}) > dark({}) + 10


def test_an_unknown_unit_or_occluder_is_named():
    with pytest.raises(ValueError, match=r"action units \[3, 99\]"):
        draw_face({1: 1, 99: 1, 3: 1})
    with pytest.raises(ValueError, match="no occluder 'hat'"):
        draw_face({}, view=View(occluder="hat"))


OTHER = {
    "hair_style": "curly",
    "glasses": True,
    "beard": 0.8,
    "occluder": "hand",
    "clutter": 0.8,
    "noise": 5.0,
    "blur": 1.5,
    "shift": (4.0, 2.0),
    "roll": 12.0,
    "yaw": 20.0,
    "pitch": 12.0,
    "light": 50.0,
    "contrast": 0.9,
    "seed": 1,
    "iris": 140.0,
    "hair": 120.0,
    "clothes": 150.0,
}


@pytest.mark.parametrize(
    "kind, name", [(kind, field.name) for kind in (Identity, View) for field in fields(kind)]
)
def test_each_property_of_person_and_view_is_seen(kind, name):
    base = {"identity": Identity(), "view": View(noise=1.0)}  # noise, that a seed may show
    argument = kind.__name__.lower()
    value = OTHER[name] if name in OTHER else 1.12 * getattr(base[argument], name)
    changed = base | {argument: replace(base[argument], **{name: value})}
    still = 12 if name != "seed" else 2  # more than the noise does
    assert difference(draw_face({}, **base), draw_face({}, **changed)).max() > still


@pytest.mark.parametrize("hair_style", HAIR_STYLES)
@pytest.mark.parametrize("occluder", OCCLUDERS)
def test_extreme_views_still_draw(hair_style, occluder):
    view = View(
        roll=60, yaw=-70, pitch=40, scale=1.6, shift=(30, -20), exposure=3, clutter=1, noise=40
    )
    view = replace(view, occluder=occluder)
    image = draw_face(
        dict.fromkeys(UNITS, 1), Identity(hair_style=hair_style, glasses=True, beard=1), view
    )
    assert image.shape == (96, 96) and image.dtype == np.uint8 and image.std() > 10


def test_whole_numbers_are_as_good_as_fractions():
    whole, fraction = View(exposure=3, occluder="scarf"), View(exposure=3.0, occluder="scarf")
    assert np.array_equal(draw_face({12: 1}, view=whole), draw_face({12: 1.0}, view=fraction))


def test_the_light_falls_from_its_side():
    def left_share(light):
        face = draw_face({}, view=View(light=light, contrast=0.9)).astype(float)[40:70]
        return face[:, 28:48].sum() / face[:, 28:68].sum()

    assert left_share(-60) > 0.55 > 0.45 > left_share(60)
    assert abs(left_share(0) - 0.5) < 0.03
