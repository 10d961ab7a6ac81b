"""Parts of a drawn face: head, hair, glasses, brows, eyes, nose, mouth and folds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from emolib.data.faces.sketch import (
    DEPTH,
    EYE_Y,
    SUPER,
    Shape,
    Sketch,
    both,
    curve,
    mirror,
    oval,
    ring,
    through,
)

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
    full = {"cropped": 1.1, "bun": 1.1}.get(face.hair_style, 1.17)
    side = {"cropped": 1.04, "long": 1.14}.get(face.hair_style, 1.07)
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
