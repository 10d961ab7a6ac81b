"""The drawn faces: what each action unit and each property of a view changes, and the shape of the
whole set.
"""

import re
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from emolib.data.drawn import CLASSES, PERSONS, draw_faces, film_stills
from emolib.data.faces import (
    HAIR_STYLES,
    OCCLUDERS,
    PROTOTYPES,
    UNITS,
    Identity,
    View,
    draw_face,
    stroke,
)


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
    for a, b in zip(laboratory[::75], wild[::75], strict=True):
        pair = draw_face(a.units, a.identity, a.view), draw_face(b.units, b.identity, b.view)
        assert difference(*pair).mean() > 5


def test_laboratory_faces_pose_the_prototype():
    for still in stills(0):
        prototype = PROTOTYPES[CLASSES[still.label]]
        assert {unit for unit, strength in still.units.items() if strength} <= prototype.keys()
        assert all(still.units[unit] > 0.8 for unit, always in prototype.items() if always)


# rows and columns of a frontal face where each unit works; the rest of the picture may change less
BROWS, LIDS = [(20, 42), (18, 42), (26, 44)], [(38, 54), (40, 60), (40, 56)]
LIPS = [(56, 76), (60, 84), (64, 84), (64, 90), (60, 82), (60, 80), (60, 84)]
REGIONS = dict(zip(UNITS, [*BROWS, *LIDS, (36, 70), *LIPS, (60, 96)], strict=True))


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_works_where_its_muscle_is(unit):
    change = difference(draw_face({}), draw_face({unit: 1}))
    top, bottom = REGIONS[unit]
    assert change.max() > 30
    assert change[top:bottom].sum() > 0.75 * change.sum()
    half = difference(draw_face({}), draw_face({unit: 0.5}))
    assert 0 < half.sum() < change.sum()


def test_corners_of_the_mouth_and_ends_of_the_brows_follow_their_unit():
    def row(units, rows, columns):
        """Mean row of the dark pixels in a part of a frontal face."""
        part = draw_face(units, view=View(contrast=0))[rows, columns]
        return np.nonzero(part < 90)[0].mean()

    def corner(units):
        mouth = slice(60, 84)
        return row(units, mouth, slice(36, 41)) - row(units, mouth, slice(46, 51))

    assert corner({12: 1}) < corner({}) - 1 and corner({15: 1}) > corner({}) + 1
    brow, inner, outer = slice(25, 43), slice(41, 44), slice(29, 34)
    assert row({1: 1}, brow, inner) < row({}, brow, inner) - 2
    assert row({4: 1}, brow, inner) > row({}, brow, inner) + 2
    assert row({2: 1}, brow, outer) < row({}, brow, outer) - 2


def test_lids_open_and_close_the_eyes_and_a_dropped_jaw_the_dark_mouth():
    def white(units):
        return (draw_face(units, Identity(skin=120), View(contrast=0))[36:56, 28:68] > 190).sum()

    def dark(units):  # the mouth with its tongue
        return (draw_face(units, view=View(contrast=0))[60:84, 36:60] < 80).sum()

    assert white({5: 1}) > white({}) + 10 > white({7: 1}) + 20
    assert dark({26: 1}) > dark({26: 0.5}) > dark({}) + 10


def test_an_unknown_unit_or_occluder_or_wildness_is_named():
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw_faces(wildness=1.1)
    with pytest.raises(ValueError, match=r"action units \[3, 99\]"):
        draw_face({1: 1, 99: 1, 3: 1})
    with pytest.raises(ValueError, match="no occluder 'hat'"):
        draw_face({}, view=View(occluder="hat"))


OTHER = (
    dict(hair_style="curly", glasses=True, beard=0.8, iris=140.0, hair=120.0, clothes=150.0)
    | dict(occluder="hand", clutter=0.8, noise=5.0, blur=1.5, shift=(4.0, 2.0), roll=12.0)
    | dict(yaw=20.0, pitch=12.0, light=50.0, contrast=0.9, seed=1)
)


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
    turned = View(roll=60, yaw=-70, pitch=40, scale=1.6, shift=(30, -20), exposure=3)
    view = replace(turned, clutter=1, noise=40, occluder=occluder)
    identity = Identity(hair_style=hair_style, glasses=True, beard=1)
    image = draw_face(dict.fromkeys(UNITS, 1), identity, view)
    assert image.shape == (96, 96) and image.dtype == np.uint8 and image.std() > 10


def test_the_light_falls_from_its_side():
    def left_share(light):
        face = draw_face({}, view=View(light=light, contrast=0.9)).astype(float)[40:70]
        return face[:, 28:48].sum() / face[:, 28:68].sum()

    assert left_share(-60) > 0.55 > 0.45 > left_share(60)
    assert abs(left_share(0) - 0.5) < 0.03


def test_stroke_swells_along_the_gradient_of_its_line():
    lines = np.random.default_rng(3).normal(size=(2, 9, 2))
    left, right = np.split(stroke(lines, 1.5), 2, axis=-2)
    right = right[..., ::-1, :]
    np.testing.assert_allclose((left + right) / 2, lines, atol=1e-12)
    across, along = left - right, np.gradient(lines, axis=-2)
    np.testing.assert_allclose((across * along).sum(-1), 0, atol=1e-12)
    swell = 1.5 * np.sin(np.pi * np.linspace(0.12, 0.88, 9))
    np.testing.assert_allclose(np.linalg.norm(across, axis=-1), [swell, swell])
