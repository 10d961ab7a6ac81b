"""The head: neck, ears, skull, glasses, hair and beard."""

import numpy as np
from numpy.typing import NDArray

from emolib.data.faces.sketch import (
    DEPTH,
    EYE_Y,
    SUPER,
    Sketch,
    both,
    curve,
    mirror,
    oval,
    ring,
    through,
)

_ANGLES = np.linspace(0, 2 * np.pi, 64, endpoint=False)
_COS, _SIN = np.cos(_ANGLES), np.sin(_ANGLES)
_LOW = np.maximum(_SIN, 0)  # 0 above the middle of the head to 1 at the chin
_JOWL = 1 + 0.14 * _LOW * np.abs(_COS)


def draw_body(sketch: Sketch) -> None:
    """Shoulders in their clothes, the neck, the collar."""
    face = sketch.identity
    chin = face.head_height
    shoulder = curve((9, chin - 1), (20, chin + 7), (44, chin + 9), (46, chin + 40))
    sketch.fill(ring(shoulder, mirror(shoulder)), face.clothes, None)
    neck = [
        (-10.5, chin - 16),
        (10.5, chin - 16),
        (11.5, chin + 3),
        (0, chin + 11),
        (-11.5, chin + 3),
    ]
    sketch.fill(np.array(neck), sketch.skin(0.74), None)
    collar = curve((11.5, chin + 1), (7, chin + 8), (0, chin + 11))
    sketch.line(both(collar), 1.6, face.clothes * 0.72, None)


def outline(sketch: Sketch, au: dict[int, float]) -> NDArray[np.float64]:
    """The head's silhouette ``[64, 2]``: an ellipse drawn in at the jaw, its chin following the
    jaw.
    """
    face = sketch.identity
    x = face.head_width * _COS * (1 - (1 - face.jaw) * _LOW**2) * _JOWL
    y = face.head_height * _SIN + _LOW**3 * (4.5 * au[26] - 0.8 * au[17])
    # the skull turns about its axis: its rim stays, while chin and cheeks, nearer to the viewer,
    # swing aside
    swing = DEPTH * (0.12 + 0.28 * _LOW)
    return np.stack(
        [x + swing * np.sin(sketch.yaw), y - 0.25 * DEPTH * _LOW * np.sin(sketch.pitch)], axis=1
    )


def draw_head(sketch: Sketch, au: dict[int, float]) -> None:
    """The head without its features, and ears where hair does not hide them."""
    face = sketch.identity
    if face.hair_style != "long":
        x, swing = (face.head_width + 1.2) * np.cos(sketch.yaw), (4 * np.sin(sketch.yaw), 0)
        sketch.fill(both(oval(x, EYE_Y + 4, 3.4, 6)) - swing, sketch.skin(0.86), None)
        sketch.fill(both(oval(x, EYE_Y + 4, 1.8, 3.8)) - swing, sketch.skin(0.68), None)
    sketch.fill(outline(sketch, au), face.skin, None)


def draw_glasses(sketch: Sketch) -> None:
    """Round rims, temples and a bridge, for those who wear them."""
    face = sketch.identity
    if not face.glasses:
        return
    width = round(1.1 * SUPER * sketch.view.scale)
    for side in (-1, 1):
        rim = oval(
            side * face.eye_spacing, EYE_Y + 0.6, face.eye_size + 2.6, face.eye_size + 1.2, 33
        )
        (closed,) = sketch.placed(sketch.turned(np.concatenate([rim, rim[:1]]), 2))
        sketch.draw.line(closed, fill=38, width=width, joint="curve")
    temple = curve(
        (face.eye_spacing + face.eye_size + 2.4, EYE_Y - 0.4), (face.head_width - 0.5, EYE_Y)
    )
    sketch.line(both(temple), 1.2, 38)
    gap = face.eye_spacing - face.eye_size - 2.2
    sketch.line(curve((-gap, EYE_Y - 0.4), (0, EYE_Y - 2), (gap, EYE_Y - 0.4)), 1.5, 38, lift=3)


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
        sketch.fill(ring(fall, mirror(fall)), face.hair * 0.72, None)
    elif face.hair_style == "bun":
        x, y = -0.3 * sketch.view.yaw, -h * 1.2
        sketch.fill(oval(x, y, w * 0.42, h * 0.22), face.hair * 0.92, None)
        sketch.line(curve((x - 7, y + 1), (x - 1, y - 7), (x + 7, y)), 1.2, face.hair + 22, None)
    elif face.hair_style == "curly":
        for t in np.linspace(-0.8, np.pi + 0.8, 13):
            curl = oval(1.08 * w * np.cos(t), -3 - 0.96 * h * np.sin(t), 7.2, 7.2, 18)
            sketch.fill(curl, face.hair * (0.86 + 0.12 * np.cos(5 * t)), None)


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
    sketch.fill(np.concatenate([hairline, rim * size]), face.hair, None)
    if face.hair_style == "curly":
        for x in np.linspace(-0.8, 0.8, 8):
            curl = oval(
                size[0] * x + swing[0] / 1.5, -size[1] * (0.84 - 0.34 * x * x), 4.8, 4.8, 18
            )
            sketch.fill(curl, face.hair * (1.04 + 0.12 * np.cos(9 * x)), None)
        return
    strands = []
    for share in (0.36, 0.45, 0.55, 0.64):
        root, end = (
            hairline[int(share * len(hairline))],
            crown[int((1 - share) * len(crown))] * size,
        )
        strands.append(
            curve(
                0.92 * root + 0.08 * end, (root + end) / 2 * (1.06, 1.03), 0.12 * root + 0.88 * end
            )
        )
    sketch.line(np.array(strands), 0.8, face.hair * 1.07 + 9, None)


def draw_beard(sketch: Sketch, au: dict[int, float]) -> None:
    """A moustache and a chin beard; both leave the lips free."""
    face = sketch.identity
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
    sketch.fill(both(ring(top, low)), tone, lift=2)
    rim = outline(sketch, au)
    chin = rim[rim[:, 1] > rim[:, 1].max() - 6.5]
    sketch.fill(ring(chin, chin * (0.55, 1) - (0, 3.0)), tone, None)
