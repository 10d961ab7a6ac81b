"""Hair behind and in front of the head, and beards."""

import numpy as np

from emolib.data.faces.head import outline
from emolib.data.faces.sketch import DEPTH, EYE_Y, Sketch, both, curve, mirror, oval, ring, through

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
