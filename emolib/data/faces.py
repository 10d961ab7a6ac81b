"""One grey portrait, drawn from facial action units: :func:`draw_face`.

An action unit (AU) is the visible work of one facial muscle, numbered as in the Facial Action
Coding System (Ekman and Friesen 1978). Here a unit moves the control points of a drawing: brows,
lids, lips, jaw. The face stands in front of a backdrop, lit, perhaps half hidden, and photographed.

Points are ``(x, y)`` in pixels of the final picture, in the head's own frame: origin between eyes
and nose, ``x`` to the viewer's right, ``y`` down. Every shape is an array ``[P, 2]``, or ``[…, P,
2]`` for several at once.

Axes: ``P`` points of a shape, ``H`` × ``W`` pixels of the picture, 96 each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, cos, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

# Persons, views, and emotions as facial action units.

#: Action units of each emotion (EMFACS); False: only some faces show it.
PROTOTYPES: dict[str, dict[int, bool]] = {
    "Angry": {4: True, 5: True, 7: True, 23: True},
    "Disgust": {9: True, 15: True, 16: True, 17: False},
    "Fear": {1: True, 2: True, 4: True, 5: True, 7: True, 20: True, 26: True},
    "Happy": {6: True, 12: True, 25: False},
    "Neutral": {},
    "Sad": {1: True, 4: True, 15: True, 17: False},
    "Surprise": {1: True, 2: True, 5: True, 26: True},
}

#: What each drawn unit does.
UNITS: dict[int, str] = {
    1: "inner brow up",
    2: "outer brow up",
    4: "brows lowered",
    5: "upper lid up",
    6: "cheek up",
    7: "lids tightened",
    9: "nose wrinkled",
    12: "lip corners up",
    15: "lip corners down",
    16: "lower lip down",
    17: "chin up",
    20: "lips stretched",
    23: "lips tightened",
    25: "lips parted",
    26: "jaw dropped",
}

HAIR_STYLES = ("cropped", "parted", "long", "bun", "curly", "bald")
OCCLUDERS = ("", "hand", "strand", "scarf", "shoulder")


@dataclass(frozen=True)
class Identity:
    """Properties of a person, the same in every picture. Lengths in pixels, tones 0 to 255."""

    head_width: float = 24.0  # half-axis
    head_height: float = 31.0  # half-axis
    jaw: float = 0.72  # width at the mouth as a share of the head's
    skin: float = 186.0
    eye_spacing: float = 10.5  # from the middle of the face to an eye
    eye_size: float = 5.2  # half the distance between the corners
    iris: float = 70.0  # tone
    brow_height: float = 8.5  # above the eyes
    brow_thickness: float = 1.5
    nose_length: float = 11.5  # from the eye line to the tip
    nose_width: float = 4.2
    mouth_height: float = 19.0  # below the eye line
    mouth_width: float = 8.5  # half the distance between the corners
    lip_fullness: float = 2.0
    hair_style: str = "parted"
    hair: float = 62.0  # tone
    clothes: float = 90.0  # tone
    glasses: bool = False
    beard: float = 0.0  # 0 shaven to 1 full


@dataclass(frozen=True)
class View:
    """What differs between two pictures of one face. Angles in degrees, lengths in pixels."""

    roll: float = 0.0  # tilted clockwise, as the viewer sees it
    yaw: float = 0.0  # turned to the viewer's right
    pitch: float = 0.0  # chin up
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: float = -35.0  # where the lamp stands: -90 left, 0 front, 90 right
    contrast: float = 0.45  # share of the light that comes from the lamp
    exposure: float = 1.0
    backdrop: float = 168.0  # tone
    blur: float = 0.0  # standard deviation
    occluder: str = ""  # one of OCCLUDERS
    clutter: float = 0.0  # opacity of the things behind the head, 0 to 1
    noise: float = 0.0  # standard deviation in grey levels
    seed: int = 0  # of the noise, the clutter and where the occluder lies


# Canvas: curves, placed and turned.

SIZE = 96  # side of the picture
SUPER = 4  # the canvas is this many times larger
CENTRE = np.array([48.0, 50.5])
ZOOM = 1.14
DEPTH = 24.0  # half-axis of the head towards the viewer
EYE_Y = -3.0  # the line of the eyes


@lru_cache
def _bernstein(order: int, steps: int) -> NDArray[np.float64]:
    t = np.linspace(0, 1, steps)[:, None]
    k = np.arange(order + 1)
    return np.array([comb(order, i) for i in k]) * t**k * (1 - t) ** (order - k)


def curve(*control: tuple[float, float], steps: int = 14) -> NDArray[np.float64]:
    """Bézier curve from the first to the last control point, drawn towards the others: ``[P, 2]``,
    ``P = steps``.
    """
    return np.asarray(_bernstein(len(control) - 1, steps) @ np.array(control, float))


def through(*points: tuple[float, float]) -> NDArray[np.float64]:
    """Smooth curve through all points (Catmull-Rom): ``[P, 2]``, ``P = 6 * (len(points) - 1)``."""
    p = np.array([points[0], *points, points[-1]], float)
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    control = np.stack([b, b + (c - a) / 6, c - (d - b) / 6, c], axis=1)  # [segments, 4, 2]
    return np.reshape(_bernstein(3, 6) @ control, (-1, 2))


def oval(x: float, y: float, rx: float, ry: float, steps: int = 28) -> NDArray[np.float64]:
    """Ellipse around ``(x, y)``: ``[P, 2]``, ``P = steps``."""
    angle = np.arange(steps) * (2 * np.pi / steps)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * (rx, ry) + (x, y)


def ring(edge: NDArray[np.float64], opposite: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outline of what lies between two edges that run the same way: ``[…, P, 2]``, the points
    of both.
    """
    return np.concatenate([edge, opposite[..., ::-1, :]], axis=-2)


def mirror(points: NDArray[np.float64], side: int = -1) -> NDArray[np.float64]:
    """The same on the other side of the face; unchanged for ``side`` 1."""
    return points * (side, 1)


def both(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """On the left and on the right of the face: ``[…, 2, P, 2]``."""
    return np.stack([mirror(points), points], axis=-3)


@lru_cache
def _swell(steps: int) -> NDArray[np.float64]:
    return np.asarray(np.sin(np.pi * np.linspace(0.12, 0.88, steps)) / 2)


def stroke(points: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Outline of lines that swell from both ends to ``width`` in their middle: ``[…, 2P, 2]``."""
    before, after = points[..., :-1, :], points[..., 1:, :]
    step = after - before
    # as np.gradient, in a sixth of its time
    along = np.concatenate(
        [step[..., :1, :], (after[..., 1:, :] - before[..., :-1, :]) / 2, step[..., -1:, :]],
        axis=-2,
    )
    length = np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-9)
    half = along[..., ::-1] * (-1, 1) * (width * _swell(points.shape[-2]) / length)[..., None]
    return ring(points + half, points - half)


class Shape(NamedTuple):
    """Polygons of one tone or, with a ``width``, strokes.

    Attributes:
        points: ``[…, P, 2]``.
        tone: 1 to 255.
        width: strokes swell from both ends to so many pixels in their middle; None: filled.
        lift: pixels in front of the head's ellipsoid, on which the shape lies and turns with it;
            None: it stays where it is.
    """

    points: NDArray[np.float64]
    tone: float
    width: float | None = None
    lift: float | None = 0.0


class Sketch:
    """A canvas in head coordinates, drawn at ``SUPER`` × the size; 0 where nothing is drawn.

    ``au[number]`` is the intensity of an action unit, 0 to 1.
    """

    def __init__(self, identity: Identity, view: View, au: dict[int, float]) -> None:
        self.identity, self.view, self.au = identity, view, au
        self.image = Image.new("L", (SIZE * SUPER, SIZE * SUPER), 0)
        self.yaw, self.pitch, roll = radians(view.yaw), radians(view.pitch), radians(view.roll)
        # x turns to z by the yaw, then z to y by the pitch: where x and y go, and where the axis to
        # the viewer goes
        self.turn = np.array(
            [[cos(self.yaw), sin(self.yaw) * sin(self.pitch)], [0, cos(self.pitch)]]
        )
        self.ahead = np.array([sin(self.yaw), -cos(self.yaw) * sin(self.pitch)])
        self.tilt = ZOOM * view.scale * np.array([[cos(roll), sin(roll)], [-sin(roll), cos(roll)]])
        self.centre = CENTRE + view.shift

    def turned(self, points: NDArray[np.float64], lift: float = 0.0) -> NDArray[np.float64]:
        """Points ``lift`` pixels in front of the head's ellipsoid after yaw and pitch: ``[…, P,
        2]``.
        """
        x, y = points[..., 0] / self.identity.head_width, points[..., 1] / self.identity.head_height
        z = lift + DEPTH * np.sqrt(np.maximum(1 - x * x - y * y, 0))
        return np.asarray(points @ self.turn + z[..., None] * self.ahead)

    def placed(self, points: NDArray[np.float64]) -> list[list[float]]:
        """Head frame to canvas: for each shape ``x`` and ``y`` in turn."""
        canvas = (points @ self.tilt + self.centre) * SUPER
        return list(canvas.reshape(-1, 2 * points.shape[-2]).tolist())

    def draw(self, *shapes: Shape, inside: NDArray[np.float64] | None = None) -> None:
        """Draws shapes, each over those before it; all show only ``inside`` these polygons on the
        face, if any.
        """
        image = self.image if inside is None else self.image.copy()
        pen = ImageDraw.Draw(image)
        for points, tone, width, lift in shapes:
            points = points if lift is None else self.turned(points, lift)
            for polygon in self.placed(points if width is None else stroke(points, width)):
                pen.polygon(polygon, fill=max(1, min(255, int(tone))))
        if inside is not None:
            mask = Image.new("1", image.size)
            pen = ImageDraw.Draw(mask)
            for polygon in self.placed(self.turned(inside)):
                pen.polygon(polygon, fill=1)
            self.image.paste(image, mask=mask)

    def over(
        self, picture: NDArray[np.float64], light: NDArray[np.float64] | float
    ) -> NDArray[np.float64]:
        """The sketch, lit, in front of a picture: ``[H, W]``."""
        share = np.asarray(self.image.point(lambda tone: 255 * (tone > 0)).reduce(SUPER)) / 255
        # reducing has already weighted the tones by their share of each pixel
        return picture * (1 - share) + np.asarray(self.image.reduce(SUPER), np.float64) * light


# Parts of a face.

_DOWN = np.array([0.0, 1.0])
_ACROSS = np.linspace(-1, 1, 21)[:, None]  # the mouth, corner to corner
_BODY = (1 - np.abs(_ACROSS) ** 1.8) * _DOWN
_BOW = _BODY * (1 - 0.3 * np.exp(-((_ACROSS / 0.16) ** 2)))  # the upper lip dips under the nose
_TONGUE = (1 - _ACROSS**2) * _DOWN
_ALONG = np.linspace(0, 1, 18)[:, None]  # a brow, from its inner end
_BROW = np.minimum(1, 0.45 + 6 * _ALONG) * (1.25 - _ALONG) * _DOWN


def draw_brows(sketch: Sketch) -> None:
    """Both brows, each thickest a little way from its inner end."""
    face, au = sketch.identity, sketch.au
    y, grief = EYE_Y - face.brow_height, au[1] * au[4]
    # raised and drawn together at once (grief, fear), the inner end stays up and the outer loses
    # its arch
    up, out, down = au[1], au[2] * (1 - 0.55 * grief), au[4] * (1 - 0.5 * au[1])
    brow = through(
        (
            face.eye_spacing - 6.2 - 1.8 * au[4] - 0.5 * au[9],
            y - 4.2 * up - 0.9 * out + 3.4 * down + 2.0 * au[9] + 0.7,
        ),
        (
            face.eye_spacing - 2.4 - 1.0 * au[4],
            y - 2.6 * up - 2.2 * out + 2.8 * down + 1.5 * au[9] - 0.3,
        ),
        (face.eye_spacing + 2.6, y - 0.6 * up - 3.9 * out + 1.7 * down + 0.8 * au[9] - 0.7),
        (face.eye_spacing + 7.2, y + 1.0 * up - 3.4 * out + 0.7 * down + 1.5),
    )
    half = face.brow_thickness * _BROW
    tone = 0.6 * face.hair + 0.25 * face.skin if face.hair > 110 else face.hair * 0.8
    sketch.draw(Shape(both(ring(brow - half, brow + half)), tone, lift=1))


def draw_eyes(sketch: Sketch) -> None:
    """Both eyes: balls that show between the lids, and the lids."""
    face, au = sketch.identity, sketch.au
    size, x0 = face.eye_size, face.eye_spacing
    tall = 0.52 * size
    grief = au[1] * au[4]
    upper = tall * (
        1 + 0.85 * au[5] - 0.42 * au[7] - 0.2 * au[6] - 0.25 * au[9] - 0.22 * grief * (1 - au[5])
    )
    lower = tall * (0.8 + 0.15 * au[5] - 0.62 * au[7] - 0.75 * au[6] - 0.4 * au[9])
    slant = 0.9 * grief + 0.5 * au[15] * au[1]  # the inner corner goes up
    inner, outer = (x0 - size, EYE_Y + 0.5 - slant), (x0 + size, EYE_Y - 0.3 + slant)
    lid = curve(
        inner,
        (x0 - 0.5 * size, EYE_Y - 1.75 * upper - slant),
        (x0 + 0.6 * size, EYE_Y - 1.6 * upper + slant),
        outer,
    )
    rim = curve(
        inner, (x0 - 0.5 * size, EYE_Y + 1.3 * lower), (x0 + 0.5 * size, EYE_Y + 1.5 * lower), outer
    )

    white, radius = min(248, 205 + 0.2 * face.skin), 0.54 * size
    sketch.draw(
        Shape(both(oval(x0, EYE_Y, size * 1.2, size)), white),
        Shape(both(oval(x0, EYE_Y - upper - 0.2, size, 1.0)), white * 0.8),
        *(
            Shape(both(oval(x0, EYE_Y - 0.2, radius * share, radius * share)), tone)
            for share, tone in ((1.0, face.iris * 0.6), (0.8, face.iris), (0.5, 12))
        ),
        # the lamp, mirrored in the pupils
        Shape(both(oval(x0, EYE_Y - 1.2, 0.62, 0.62)) - (0.9, 0), 252),
        inside=both(ring(lid, rim)),
    )
    sketch.draw(
        Shape(both(lid), min(40.0, face.skin * 0.3), 1.5),
        Shape(both(rim), face.skin * 0.62, 0.6 + 0.5 * max(au[6], au[7])),
        Shape(both(lid[2:-1] - (0, 1.5 + 0.5 * au[5])), face.skin * 0.72, 0.7 + 0.3 * au[5]),
    )


def draw_nose(sketch: Sketch) -> None:
    """The wings, the nostrils and the line beneath the tip."""
    face, au = sketch.identity, sketch.au
    tip = EYE_Y + face.nose_length - 1.3 * au[9]
    wide = face.nose_width * (1 + 0.18 * au[9] + 0.08 * au[12] + 0.05 * au[20])
    wing = curve(
        (0.82 * wide, tip - 2.2 - 0.8 * au[9]),
        (1.35 * wide, tip - 0.6),
        (1.1 * wide, tip + 2.6),
        (0.72 * wide, tip + 2.0),
    )
    sketch.draw(
        Shape(both(wing), face.skin * 0.62, 0.9 + 0.5 * au[9], lift=3),
        Shape(both(oval(0.5 * wide, tip + 1.9, 0.27 * wide, 0.75)), face.skin * 0.3, lift=4),
        Shape(
            curve((-0.4 * wide, tip + 2.4), (0, tip + 3.3), (0.4 * wide, tip + 2.4)),
            face.skin * 0.62,
            0.9,
            lift=5,
        ),
    )


def draw_mouth(sketch: Sketch) -> None:
    """The lips; between them, where they part, teeth and tongue."""
    face, au = sketch.identity, sketch.au
    y0 = EYE_Y + face.mouth_height
    round_ = au[26] * (1 - 0.8 * au[20])  # a jaw that drops freely rounds the lips
    wide = face.mouth_width * (
        1 + 0.26 * au[12] + 0.3 * au[20] - 0.2 * au[23] - 0.18 * round_ - 0.05 * au[17]
    )
    corner = (
        y0
        - 3.8 * au[12]
        + (3.2 - 1.0 * au[9]) * au[15]
        + 1.0 * au[20]
        + 3.4 * round_
        + 1.4 * au[26] * au[20]
    )
    # where the lips meet in the middle: one line while closed
    top = y0 + 0.6 * au[12] - 2.0 * au[9] - 0.8 * au[12] * au[25] - 1.0 * au[17] - 1.2 * round_
    gap = max(
        0.0,
        3.0 * au[25] + (2.8 + 1.4 * au[9]) * au[16] + (11.0 - 3.5 * au[20]) * au[26] - 1.5 * au[17],
    )
    bottom = top + gap
    fullness = face.lip_fullness * (1 - 0.62 * au[23] - 0.25 * au[20] - 0.2 * au[12])

    def rim(middle: float, square: float) -> NDArray[np.float64]:
        """Between the corners, through ``middle``; the larger ``square``, the flatter there: ``[21,
        2]``.
        """
        pull = corner + (middle - corner) * 4 / 3
        return curve(
            (-wide, corner), (-wide * square, pull), (wide * square, pull), (wide, corner), steps=21
        )

    def between(
        upper: NDArray[np.float64],
        lower: NDArray[np.float64],
        tone: float,
        narrow: float = 1.0,
        trim: int = 0,
    ) -> Shape:
        kept = slice(trim, len(upper) - trim)
        return Shape(ring(upper[kept], lower[kept]) * (narrow, 1), tone, lift=1)

    upper = rim(top, 0.5 + 0.35 * au[9] + 0.35 * round_)
    lower = rim(bottom, 0.6 + 0.45 * au[26] + 0.2 * au[16])
    shapes = [
        between(upper - 1.15 * fullness * _BOW, upper, face.skin * 0.58),
        between(lower, lower + (1.45 + 0.3 * au[16]) * fullness * _BODY, face.skin * 0.68),
    ]
    if gap > 0.4:
        above = (1 - 0.6 * au[16]) * (1 - 0.4 * round_) * min(0.75 * gap, 2.6)
        below = au[16] * 0.5 * gap + au[20] * au[26] * 1.8
        shapes += [
            between(upper, lower, 24),
            between(upper, np.minimum(upper + above * _DOWN, lower), 228, 0.9, 2),
        ]
        if gap > 5:
            tongue = np.maximum(lower - 0.45 * gap * _TONGUE, upper)
            shapes.append(between(tongue, lower, face.skin * 0.36, 0.85, 3))
        shapes.append(between(np.maximum(lower - below * _DOWN, upper), lower, 210, 0.8, 3))
    else:
        shapes.append(Shape(upper, face.skin * 0.3, 1.3 + 0.3 * au[23], lift=1))
    pull = au[15] - au[12]
    hook = curve(
        (wide - 0.8, corner), (wide + 0.6, corner + 0.2 * pull), (wide + 1.3, corner + 1.2 * pull)
    )
    shapes.append(Shape(both(hook), face.skin * 0.52, 0.9, lift=1))
    if au[23] > 0.05:  # tight lips bulge at their rims
        bulges = [
            curve((0.8, y), (0.5 * wide, y), (0.95 * wide, corner + (y - corner) * 0.4))
            for y in (top - fullness - 1.3, bottom + fullness + 1.8)
        ]
        shapes.append(Shape(both(np.array(bulges)), face.skin * 0.74, 0.9 * au[23], lift=1))
    shadow = bottom + 2.0 * fullness + 1.2
    under = curve((-0.42 * wide, shadow), (0, shadow + 0.9), (0.42 * wide, shadow))
    sketch.draw(*shapes, Shape(under, face.skin * 0.82, 1.0, lift=1))


def draw_folds(sketch: Sketch) -> None:
    """Lines that a unit presses into the skin; each as dark and wide as its unit is strong."""
    face, au = sketch.identity, sketch.au
    brow, x0 = EYE_Y - face.brow_height, face.eye_spacing
    tip, mouth = EYE_Y + face.nose_length, EYE_Y + face.mouth_height

    forehead = [(k, brow - 7 - 3.1 * k) for k in range(3)]
    bridge = [(2.8 + 0.3 * k, EYE_Y - 2 + 2.6 * k) for k in range(3)]
    eye, wing, corner = x0 + face.eye_size + 1.4, face.nose_width + 1.2, face.mouth_width
    rows = [(k, EYE_Y + 0.8 * k) for k in (-1, 0, 1)]
    dimples = [(-1.8, 9.2), (1.2, 8.7), (0.0, 10.4), (2.6, 10.2), (-3.0, 10.6)]
    # strength, width, distance in front of the head, whether on both sides, and creases, each by
    # its control points
    folds: list[tuple[float, float, float, bool, Sequence[Sequence[tuple[float, float]]]]] = [
        (
            0.9 * au[2],
            1.1,
            0,
            False,
            [[(k - 12, y + 1.2), (0, y - 1.8), (12 - k, y + 1.2)] for k, y in forehead],
        ),
        (
            0.9 * au[1] * (1 - au[2]),
            1.1,
            0,
            False,
            [[(-5.5, y + 1.6), (0, y - 0.6), (5.5, y + 1.6)] for _, y in forehead],
        ),
        (au[9], 1.2, 2, False, [[(-x, y), (0, y - 1.4), (x, y)] for x, y in bridge]),
        (
            au[4] * (1 - 0.4 * au[1]),
            1.4,
            0,
            True,
            [[(1.9, brow - 2.6), (1.3, brow + 0.5), (2.1, brow + 4.0)]],
        ),
        (
            0.8 * au[6],
            0.9,
            0,
            True,
            [[(eye, y), (eye + 1.8, y + 0.6 * k), (eye + 3.8, y + 1.7 * k - 0.2)] for k, y in rows],
        ),
        (
            0.55 * au[6],
            0.8,
            0,
            True,
            [[(x0 - 4, EYE_Y + 4.2), (x0 + 1, EYE_Y + 6.2), (x0 + 5.4, EYE_Y + 4.2)]],
        ),
        (
            0.6 * au[7],
            0.9,
            0,
            True,
            [[(x0 - 4, EYE_Y + 3.4), (x0, EYE_Y + 4.6), (x0 + 4.4, EYE_Y + 3.4)]],
        ),
        (
            max(0.9 * au[12], 0.75 * au[9]),
            1.3,
            0,
            True,
            [
                [
                    (wing, tip - 0.5),
                    (wing + 5 + 2 * au[12], tip + 2.5),
                    (corner + 3.5 + 2 * au[12], mouth - 0.5 - au[12]),
                ]
            ],
        ),
        (
            0.6 * au[15],
            1.1,
            0,
            True,
            [[(corner + 1.2, mouth + 3), (corner + 2.4, mouth + 5), (corner + 1, mouth + 8)]],
        ),
        (
            0.7 * au[20],
            1.1,
            0,
            True,
            [[(corner + 4.6, mouth - 3), (corner + 6.2, mouth), (corner + 4.8, mouth + 3.5)]],
        ),
        (au[17], 1.5, 0, False, [[(-4.2, mouth + 7.6), (0, mouth + 4.4), (4.2, mouth + 7.6)]]),
        (
            0.5 * au[17],
            1.0,
            0,
            False,
            [
                [(x - 0.7, mouth + y), (x, mouth + y + 0.5), (x + 0.7, mouth + y)]
                for x, y in dimples
            ],
        ),
    ]
    for strength, width, lift, paired, creases in folds:
        if strength > 0.02:
            s = min(strength, 1.0)
            lines = np.array([curve(*crease) for crease in creases])
            tone, width = face.skin * (1 - 0.36 * s), width * (0.5 + 0.5 * s)
            sketch.draw(Shape(both(lines) if paired else lines, tone, width, lift))


_ANGLES = np.linspace(0, 2 * np.pi, 64, endpoint=False)
_COS, _SIN = np.cos(_ANGLES), np.sin(_ANGLES)
_LOW = np.maximum(_SIN, 0)  # 0 above the middle of the head to 1 at the chin
_JOWL = 1 + 0.14 * _LOW * np.abs(_COS)


def draw_body(sketch: Sketch) -> None:
    """Shoulders in their clothes, the neck, the collar."""
    face = sketch.identity
    chin = face.head_height
    shoulder = curve((9, chin - 1), (20, chin + 7), (44, chin + 9), (46, chin + 40))
    neck = [(-10.5, -16), (10.5, -16), (11.5, 3), (0, 11), (-11.5, 3)]
    sketch.draw(
        Shape(ring(shoulder, mirror(shoulder)), face.clothes, lift=None),
        Shape(np.array(neck) + (0, chin), face.skin * 0.74, lift=None),
        Shape(
            both(curve((11.5, chin + 1), (7, chin + 8), (0, chin + 11))),
            face.clothes * 0.72,
            1.6,
            lift=None,
        ),
    )


def outline(sketch: Sketch) -> NDArray[np.float64]:
    """The head's silhouette ``[64, 2]``: an ellipse drawn in at the jaw, its chin following the
    jaw.
    """
    face, au = sketch.identity, sketch.au
    x = face.head_width * _COS * (1 - (1 - face.jaw) * _LOW**2) * _JOWL
    y = face.head_height * _SIN + _LOW**3 * (4.5 * au[26] - 0.8 * au[17])
    # the skull turns about its axis: its rim stays, while chin and cheeks, nearer to the viewer,
    # swing aside
    swing = DEPTH * (0.12 + 0.28 * _LOW)
    return np.stack(
        [x + swing * np.sin(sketch.yaw), y - 0.25 * DEPTH * _LOW * np.sin(sketch.pitch)], axis=1
    )


def draw_head(sketch: Sketch) -> None:
    """The head without its features, and ears where hair does not hide them."""
    face = sketch.identity
    if face.hair_style != "long":
        x, swing = (face.head_width + 1.2) * np.cos(sketch.yaw), (4 * np.sin(sketch.yaw), 0)
        sketch.draw(
            Shape(both(oval(x, EYE_Y + 4, 3.4, 6)) - swing, face.skin * 0.86, lift=None),
            Shape(both(oval(x, EYE_Y + 4, 1.8, 3.8)) - swing, face.skin * 0.68, lift=None),
        )
    sketch.draw(Shape(outline(sketch), face.skin, lift=None))


def draw_glasses(sketch: Sketch) -> None:
    """Round rims, temples and a bridge, for those who wear them."""
    face = sketch.identity
    if not face.glasses:
        return
    for side in (-1, 1):
        rim = oval(
            side * face.eye_spacing, EYE_Y + 0.6, face.eye_size + 2.6, face.eye_size + 1.2, 33
        )
        (closed,) = sketch.placed(sketch.turned(np.concatenate([rim, rim[:1]]), 2))
        ImageDraw.Draw(sketch.image).line(
            closed, fill=38, width=round(1.1 * SUPER * sketch.view.scale), joint="curve"
        )
    hinge = face.eye_spacing + face.eye_size + 2.4
    gap = face.eye_spacing - face.eye_size - 2.2
    sketch.draw(
        Shape(both(curve((hinge, EYE_Y - 0.4), (face.head_width - 0.5, EYE_Y))), 38, 1.2),
        Shape(curve((-gap, EYE_Y - 0.4), (0, EYE_Y - 2), (gap, EYE_Y - 0.4)), 38, 1.5, lift=3),
    )


#: Each hairline from ear to ear, in half-axes of the head.
_HAIRLINES = {
    "cropped": through(
        (-0.99, -0.02),
        (-0.87, -0.36),
        (-0.68, -0.66),
        (-0.3, -0.78),
        (0.3, -0.78),
        (0.68, -0.66),
        (0.87, -0.36),
        (0.99, -0.02),
    ),
    "parted": through(
        (-0.99, -0.02),
        (-0.86, -0.4),
        (-0.68, -0.66),
        (-0.42, -0.83),
        (0.1, -0.72),
        (0.6, -0.62),
        (0.88, -0.36),
        (0.99, -0.02),
    ),
    "long": through(
        (-0.96, 0.8),
        (-0.98, 0.3),
        (-0.93, -0.25),
        (-0.7, -0.64),
        (-0.1, -0.86),
        (0.1, -0.86),
        (0.7, -0.64),
        (0.93, -0.25),
        (0.98, 0.3),
        (0.96, 0.8),
    ),
    "bun": through(
        (-0.99, 0.0),
        (-0.88, -0.5),
        (-0.5, -0.8),
        (0.0, -0.88),
        (0.5, -0.8),
        (0.88, -0.5),
        (0.99, 0.0),
    ),
    "curly": through(
        (-0.99, 0.0), (-0.86, -0.5), (-0.4, -0.72), (0.4, -0.72), (0.86, -0.5), (0.99, 0.0)
    ),
}

#: Half a turn from the right ear over the crown to the left one.
_OVER = np.linspace(0.02, np.pi - 0.02, 31)
_CROWN = np.stack([np.cos(_OVER), -np.sin(_OVER)], axis=1)


def draw_hair_behind(sketch: Sketch) -> None:
    """What of the hair the head hides in part: falling, pinned up or curls all round."""
    face = sketch.identity
    w, h = face.head_width, face.head_height
    if face.hair_style == "long":
        fall = through((-0.8, -0.6), (-1.1, 0), (-1.16, 0.5), (-1.2, 1.05), (-0.6, 1.2)) * (w, h)
        sketch.draw(Shape(ring(fall, mirror(fall)), face.hair * 0.72, lift=None))
    elif face.hair_style == "bun":
        x, y = -0.3 * sketch.view.yaw, -h * 1.2
        sketch.draw(
            Shape(oval(x, y, w * 0.42, h * 0.22), face.hair * 0.92, lift=None),
            Shape(
                curve((x - 7, y + 1), (x - 1, y - 7), (x + 7, y)), face.hair + 22, 1.2, lift=None
            ),
        )
    elif face.hair_style == "curly":
        curls = [
            (oval(1.08 * w * np.cos(t), -3 - 0.96 * h * np.sin(t), 7.2, 7.2, 18), np.cos(5 * t))
            for t in np.linspace(-0.8, np.pi + 0.8, 13)
        ]
        sketch.draw(
            *(Shape(curl, face.hair * (0.86 + 0.12 * gleam), lift=None) for curl, gleam in curls)
        )


def draw_hair_front(sketch: Sketch) -> None:
    """The hair between the hairline and the skull's rim, with curls or a few strands that catch the
    light.
    """
    face = sketch.identity
    if face.hair_style == "bald":
        return
    size = np.array([face.head_width, face.head_height])
    hairline = _HAIRLINES[face.hair_style]
    middle = np.maximum(1 - hairline[:, 0] ** 2, 0)  # the brow's part of the line swings most
    swing = DEPTH * np.array([0.45 * np.sin(sketch.yaw), -0.3 * np.sin(sketch.pitch)])
    hairline = hairline * size + np.outer(middle, swing)
    # how far the hair stands out at the sides and over the crown, in half-axes of the head
    side, full = {"cropped": (1.04, 1.1), "long": (1.14, 1.17), "bun": (1.07, 1.1)}.get(
        face.hair_style, (1.07, 1.17)
    )
    crown = rim = _CROWN * (side, full)
    if face.hair_style == "long":
        fall = through((1.0, 0.95), (1.24, 0.9), (1.22, 0.4), (side, -0.05))
        rim = np.concatenate([fall, rim, mirror(fall)[::-1]])
    shapes = [Shape(np.concatenate([hairline, rim * size]), face.hair, lift=None)]
    if face.hair_style == "curly":
        shapes += [
            Shape(
                oval(size[0] * x + swing[0] / 1.5, -size[1] * (0.84 - 0.34 * x * x), 4.8, 4.8, 18),
                face.hair * (1.04 + 0.12 * np.cos(9 * x)),
                lift=None,
            )
            for x in np.linspace(-0.8, 0.8, 8)
        ]
    else:
        ends = [
            (hairline[int(share * len(hairline))], crown[int((1 - share) * len(crown))] * size)
            for share in (0.36, 0.45, 0.55, 0.64)
        ]
        strands = [
            curve(0.92 * a + 0.08 * b, (a + b) / 2 * (1.06, 1.03), 0.12 * a + 0.88 * b)
            for a, b in ends
        ]
        shapes += [Shape(strand, face.hair * 1.07 + 9, 0.8, lift=None) for strand in strands]
    sketch.draw(*shapes)


def draw_beard(sketch: Sketch) -> None:
    """A moustache and a chin beard; both leave the lips free."""
    face, au = sketch.identity, sketch.au
    if face.beard < 0.1:
        return
    tone = face.beard * face.hair + (1 - face.beard) * face.skin
    y0 = EYE_Y + face.mouth_height
    nose, corner = EYE_Y + face.nose_length + 3.6, y0 - 3.4 * au[12] + 3.6 * au[15] + 2.0 * au[26]
    wide = face.mouth_width * (1 + 0.2 * au[12] + 0.25 * au[20])
    lift_lip = 1.6 * au[9] + 0.6 * au[17]
    top = curve((0, nose), (0.5 * wide, nose - 0.6), (wide + 1.2, corner + 0.4))
    low = curve(
        (0, y0 - 2.6 - lift_lip), (0.5 * wide, y0 - 2.8 - lift_lip), (wide + 1.2, corner + 0.4)
    )
    rim = outline(sketch)
    chin = rim[rim[:, 1] > rim[:, 1].max() - 6.5]
    sketch.draw(
        Shape(both(ring(top, low)), tone, lift=2),
        Shape(ring(chin, chin * (0.55, 1) - (0, 3.0)), tone, lift=None),
    )


# From behind to in front.
PARTS = (
    draw_hair_behind,
    draw_body,
    draw_head,
    draw_folds,
    draw_nose,
    draw_eyes,
    draw_brows,
    draw_mouth,
    draw_beard,
    draw_hair_front,
    draw_glasses,
)


# The picture.


def backdrop(view: View, rng: np.random.Generator) -> NDArray[np.float64]:
    """A wall, or lamps, frames and people out of focus: ``[H, W]``."""
    wall = view.backdrop * np.repeat(np.linspace(1.06, 0.9, SIZE)[:, None], SIZE, axis=1)
    if not view.clutter:
        return wall
    image = Image.new("L", (SIZE, SIZE), int(rng.uniform(20, 200)))
    draw = ImageDraw.Draw(image)
    things = rng.uniform([0, 0, 4, 4, 0, 5], [SIZE, SIZE, 24, 34, 1, 250], (10, 6))
    for x, y, w, h, kind, tone in things.tolist():
        shape = draw.rectangle if kind < 0.6 else draw.ellipse
        shape([x - w, y - h, x + w, y + h], fill=int(tone))
    return (1 - view.clutter) * wall + view.clutter * gaussian_filter(
        np.asarray(image, np.float64), 1.2
    )


def light(sketch: Sketch) -> NDArray[np.float64]:
    """How brightly each pixel is lit, ``[H, W]``, about 1: Lambert's law."""
    view = sketch.view
    dy, dx = np.gradient(_relief(sketch) * view.scale)
    azimuth, elevation = np.radians(view.light), np.radians(32)
    lamp = (
        np.cos(elevation) * np.sin(azimuth),
        -np.sin(elevation),
        np.cos(elevation) * np.cos(azimuth),
    )
    facing = (lamp[2] - dx * lamp[0] - dy * lamp[1]) / np.sqrt(1 + dx * dx + dy * dy)
    return np.asarray(1 + view.contrast * (1.45 * np.maximum(facing, 0) - 1))


def _relief(sketch: Sketch) -> NDArray[np.float64]:
    """How far the head stands out at each pixel, ``[H, W]``: an ellipsoid with smooth bumps."""
    face, au = sketch.identity, sketch.au
    x, y = np.arange(SIZE) + 0.5 - sketch.centre[:, None]
    u, v = (along * x + down * y[:, None] for along, down in np.linalg.inv(sketch.tilt).T)
    distance = (u / (1.22 * face.head_width)) ** 2 + (v / (1.2 * face.head_height)) ** 2
    height: NDArray[np.float64] = 1.1 * DEPTH * np.sqrt(np.maximum(1 - distance, 0.04))
    x0, tip, mouth = face.eye_spacing, EYE_Y + face.nose_length, EYE_Y + face.mouth_height
    cheek = 1.5 + 1.6 * au[6] + 0.8 * au[12] + 0.4 * au[9]
    bumps = np.array(
        [  # x, y, radius x, radius y, height
            (0, tip - 0.5, 3.2, 3.0, 3.0),
            (0, tip - 5, 2.2, 5.5, 2.0),
            (-x0, EYE_Y, 5.5, 3.6, -1.7),
            (x0, EYE_Y, 5.5, 3.6, -1.7),
            (-x0 - 2, tip - 1 - 1.6 * au[6], 5.5, 4.2, cheek),
            (x0 + 2, tip - 1 - 1.6 * au[6], 5.5, 4.2, cheek),
            (0, mouth, 8, 3.4, 1.0),
            (0, mouth + 9 + 3.5 * au[26] - 2 * au[17], 4.5, 3.4, 1.6 + 1.2 * au[17]),
            (0, EYE_Y - face.brow_height + 1, 13, 2.6, 0.8 + 0.8 * au[4]),
        ]
    )
    bumps[:, :2] = sketch.turned(bumps[:, :2], lift=1)
    # beyond 4.5 radii a bump is lower than 1e-8 of its height; the pixels nearer than that, `first`
    # to before `end`
    middle = bumps[:, :2] @ sketch.tilt + sketch.centre
    far = 4.5 * np.hypot(bumps[:, 2:3] * sketch.tilt[0], bumps[:, 3:4] * sketch.tilt[1])
    first, end = np.clip([middle - far, middle + far + 1], 0, SIZE).astype(int).tolist()
    for (x, y, rx, ry, tall), (left, top), (right, bottom) in zip(
        bumps.tolist(), first, end, strict=True
    ):
        near = slice(top, bottom), slice(left, right)
        height[near] += tall * np.exp(-(((u[near] - x) / rx) ** 2 + ((v[near] - y) / ry) ** 2))
    return height


def occluder(face: Identity, view: View, rng: np.random.Generator) -> Sketch:
    """What ``view.occluder`` names, in front of the face, on the side and at the place that
    ``view.seed`` gives.
    """
    side, shift = rng.choice([-1, 1]), rng.uniform(-3, 3)
    if view.occluder == "hand":
        palm = curve((4, 50), (2, 30 + shift), (7, 20 + shift), (20, 22), (24, 40), (22, 52))
        fingers = [
            curve((x, y + shift), (x + 1 + k, 16), (x + 2, 30 + shift))
            for k, (x, y) in enumerate([(3, 6), (7.5, 2.5), (12.5, 2), (17.5, 5)])
        ]
        shapes = [Shape(palm, face.skin * 0.84)] + [
            Shape(finger, face.skin * share, width)
            for finger in fingers
            for share, width in ((0.66, 6.6), (0.9, 5.0))
        ]
    elif view.occluder == "strand":
        locks = [
            curve(
                (-4 + 2.6 * k, -35 + 0.7 * k),
                (12 + 2 * k + shift, -16),
                (5 + 2.6 * k, 4 + shift),
                (13 + k, 27 - 2.5 * k),
            )
            for k in range(7)
        ]
        shapes = [
            Shape(lock, face.hair * (0.85 + 0.1 * (k % 3)), 3.4) for k, lock in enumerate(locks)
        ]
    elif view.occluder == "scarf":
        low, w = 14 + shift, 1.06 * face.head_width
        edge = curve((-w, low - 9), (-0.5 * w, low + 4), (0.4 * w, low), (w, low - 7))
        cloth = np.concatenate([edge, [(1.25 * w, 66), (-1.25 * w, 66)]])
        shapes = [Shape(cloth, face.clothes * 1.25)] + [
            Shape(
                edge * (1 + 0.02 * k, 1) + (0, 4.5 * k), face.clothes * (0.85 + 0.2 * (k % 2)), 1.3
            )
            for k in range(1, 6)
        ]
    elif view.occluder == "shoulder":
        edge = curve((2 + shift, 60), (8, 22 + shift), (20, 4 + shift), (50, -2))
        shapes = [Shape(np.concatenate([edge, [(60, 60)]]), 24)]
    else:
        raise ValueError(
            f"no occluder {view.occluder!r}; known are {', '.join(filter(None, OCCLUDERS))}"
        )
    cover = Sketch(face, view, {})
    cover.draw(
        *(Shape(mirror(points, side), tone, width, None) for points, tone, width, _ in shapes)
    )
    return cover


def camera(picture: NDArray[np.float64], view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as it is taken, blurred and noisy: ``[H, W]`` uint8."""
    noisy = gaussian_filter(picture, view.blur, mode="nearest") + rng.normal(
        0, view.noise, picture.shape
    )
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def draw_face(
    units: dict[int, float], identity: Identity = Identity(), view: View = View()
) -> NDArray[np.uint8]:
    """One face, drawn from its action units.

    Args:
        units: intensity of each action unit by its number, 0 to 1; units left out rest at 0.
        identity: who is drawn.
        view: how the person is seen.

    Returns:
        ``[H, W]`` uint8.

    Raises:
        ValueError: there is no drawing for an action unit, or for the occluder of the view.

    Example:
        >>> surprised = {1: 1, 2: 1, 5: 1, 26: 1}
        >>> picture = draw_face(surprised, Identity(hair_style="bun"), View(yaw=15))
    """
    unknown = sorted(set(units) - set(UNITS))
    if unknown:
        raise ValueError(f"no drawing for action units {unknown}; known are {sorted(UNITS)}")
    au = {number: float(units.get(number, 0.0)) for number in UNITS}
    rng = np.random.default_rng(view.seed)
    sketch = Sketch(identity, view, au)
    for draw in PARTS:
        draw(sketch)
    picture = view.exposure * sketch.over(backdrop(view, rng), light(sketch))
    if view.occluder:
        picture = occluder(identity, view, rng).over(picture, view.exposure)
    return camera(picture, view, rng)
