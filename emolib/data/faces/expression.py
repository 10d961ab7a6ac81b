"""Brows, eyes, nose, mouth and folds: what the action units move. ``au[number]`` is an intensity, 0
to 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emolib.data.faces.sketch import EYE_Y, Sketch, both, curve, oval, ring, through

_DOWN = np.array([0.0, 1.0])
_ACROSS = np.linspace(-1, 1, 21)[:, None]  # the mouth, corner to corner
_BODY = (1 - np.abs(_ACROSS) ** 1.8) * _DOWN
_BOW = _BODY * (1 - 0.3 * np.exp(-((_ACROSS / 0.16) ** 2)))  # the upper lip dips under the nose
_TONGUE = (1 - _ACROSS**2) * _DOWN
_ALONG = np.linspace(0, 1, 18)[:, None]  # a brow, from its inner end
_BROW = np.minimum(1, 0.45 + 6 * _ALONG) * (1.25 - _ALONG) * _DOWN


def draw_brows(sketch: Sketch, au: dict[int, float]) -> None:
    """Both brows, each thickest a little way from its inner end."""
    face = sketch.identity
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
    sketch.fill(both(ring(brow - half, brow + half)), tone, lift=1)


def draw_eyes(sketch: Sketch, au: dict[int, float]) -> None:
    """Both eyes: balls that show between the lids, and the lids."""
    face = sketch.identity
    size = face.eye_size
    x0, tall = face.eye_spacing, 0.52 * size
    grief = au[1] * au[4]
    upper = tall * (
        1 + 0.85 * au[5] - 0.42 * au[7] - 0.2 * au[6] - 0.25 * au[9] - 0.22 * grief * (1 - au[5])
    )
    lower = tall * (0.8 + 0.15 * au[5] - 0.62 * au[7] - 0.75 * au[6] - 0.4 * au[9])
    slant = 0.9 * grief + 0.5 * au[15] * au[1]  # the inner corner goes up
    inner, outer = (x0 - size, EYE_Y + 0.5 - slant), (x0 + size, EYE_Y - 0.3 + slant)
    arch = (
        (x0 - 0.5 * size, EYE_Y - 1.75 * upper - slant),
        (x0 + 0.6 * size, EYE_Y - 1.6 * upper + slant),
    )
    lid = curve(inner, *arch, outer)
    rim = curve(
        inner, (x0 - 0.5 * size, EYE_Y + 1.3 * lower), (x0 + 0.5 * size, EYE_Y + 1.5 * lower), outer
    )

    with sketch.within(both(ring(lid, rim))):
        white, radius = min(248, 205 + 0.2 * face.skin), 0.54 * size
        sketch.fill(both(oval(x0, EYE_Y, size * 1.2, size)), white)
        sketch.fill(both(oval(x0, EYE_Y - upper - 0.2, size, 1.0)), white * 0.8)
        for share, tone in ((1.0, face.iris * 0.6), (0.8, face.iris), (0.5, 12)):
            sketch.fill(both(oval(x0, EYE_Y - 0.2, radius * share, radius * share)), tone)
        sketch.fill(
            both(oval(x0, EYE_Y - 1.2, 0.62, 0.62)) - (0.9, 0), 252
        )  # the lamp, mirrored in the pupils

    sketch.line(both(lid), 1.5, min(40.0, sketch.skin(0.3)))
    sketch.line(both(rim), 0.6 + 0.5 * max(au[6], au[7]), sketch.skin(0.62))
    crease = lid[2:-1] - (0, 1.5 + 0.5 * au[5])
    sketch.line(both(crease), 0.7 + 0.3 * au[5], sketch.skin(0.72))


def draw_nose(sketch: Sketch, au: dict[int, float]) -> None:
    """The wings, the nostrils and the line beneath the tip."""
    face = sketch.identity
    tip = EYE_Y + face.nose_length - 1.3 * au[9]
    wide = face.nose_width * (1 + 0.18 * au[9] + 0.08 * au[12] + 0.05 * au[20])
    crest = (0.82 * wide, tip - 2.2 - 0.8 * au[9])
    wing = curve(crest, (1.35 * wide, tip - 0.6), (1.1 * wide, tip + 2.6), (0.72 * wide, tip + 2.0))
    sketch.line(both(wing), 0.9 + 0.5 * au[9], sketch.skin(0.62), lift=3)
    sketch.fill(both(oval(0.5 * wide, tip + 1.9, 0.27 * wide, 0.75)), sketch.skin(0.3), lift=4)
    base = curve((-0.4 * wide, tip + 2.4), (0, tip + 3.3), (0.4 * wide, tip + 2.4))
    sketch.line(base, 0.9, sketch.skin(0.62), lift=5)


def draw_mouth(sketch: Sketch, au: dict[int, float]) -> None:
    """The lips; between them, where they part, teeth and tongue."""
    face = sketch.identity
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
    parted = (
        3.0 * au[25] + (2.8 + 1.4 * au[9]) * au[16] + (11.0 - 3.5 * au[20]) * au[26] - 1.5 * au[17]
    )
    gap = max(0.0, parted)
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
    ) -> None:
        kept = slice(trim, len(upper) - trim)
        sketch.fill(ring(upper[kept], lower[kept]) * (narrow, 1), tone, lift=1)

    upper = rim(top, 0.5 + 0.35 * au[9] + 0.35 * round_)
    lower = rim(bottom, 0.6 + 0.45 * au[26] + 0.2 * au[16])
    between(upper - 1.15 * fullness * _BOW, upper, sketch.skin(0.58))
    between(lower, lower + (1.45 + 0.3 * au[16]) * fullness * _BODY, sketch.skin(0.68))
    if gap > 0.4:
        between(upper, lower, 24)
        above = (1 - 0.6 * au[16]) * (1 - 0.4 * round_) * min(0.75 * gap, 2.6)
        below = au[16] * 0.5 * gap + au[20] * au[26] * 1.8
        between(upper, np.minimum(upper + above * _DOWN, lower), 228, 0.9, 2)
        if gap > 5:
            tongue = lower - 0.45 * gap * _TONGUE
            between(np.maximum(tongue, upper), lower, sketch.skin(0.36), 0.85, 3)
        between(np.maximum(lower - below * _DOWN, upper), lower, 210, 0.8, 3)
    else:
        sketch.line(upper, 1.3 + 0.3 * au[23], sketch.skin(0.3), lift=1)
    pull = au[15] - au[12]
    hook = curve(
        (wide - 0.8, corner), (wide + 0.6, corner + 0.2 * pull), (wide + 1.3, corner + 1.2 * pull)
    )
    sketch.line(both(hook), 0.9, sketch.skin(0.52), lift=1)
    if au[23] > 0.05:  # tight lips bulge at their rims
        for y in (top - fullness - 1.3, bottom + fullness + 1.8):
            bulge = curve((0.8, y), (0.5 * wide, y), (0.95 * wide, corner + (y - corner) * 0.4))
            sketch.line(both(bulge), 0.9 * au[23], sketch.skin(0.74), lift=1)
    shadow = bottom + 2.0 * fullness + 1.2
    under = curve((-0.42 * wide, shadow), (0, shadow + 0.9), (0.42 * wide, shadow))
    sketch.line(under, 1.0, sketch.skin(0.82), lift=1)


def draw_folds(sketch: Sketch, au: dict[int, float]) -> None:
    """Lines that a unit presses into the skin; each as dark and wide as its unit is strong."""
    face = sketch.identity
    brow, x0 = EYE_Y - face.brow_height, face.eye_spacing
    tip, mouth = EYE_Y + face.nose_length, EYE_Y + face.mouth_height

    def fold(
        strength: float,
        *creases: Sequence[tuple[float, float]],
        width: float = 1.1,
        lift: float = 0.0,
        paired: bool = False,
    ) -> None:
        """Creases of one unit, each a row of control points; ``paired`` ones appear on both sides
        of the face.
        """
        if strength > 0.02:
            s = min(strength, 1.0)
            lines = np.array([curve(*crease) for crease in creases])
            sketch.line(
                both(lines) if paired else lines,
                width * (0.5 + 0.5 * s),
                sketch.skin(1 - 0.36 * s),
                lift,
            )

    forehead = [(k, brow - 7 - 3.1 * k) for k in range(3)]
    fold(0.9 * au[2], *[[(-12 + k, y + 1.2), (0, y - 1.8), (12 - k, y + 1.2)] for k, y in forehead])
    fold(
        0.9 * au[1] * (1 - au[2]),
        *[[(-5.5, y + 1.6), (0, y - 0.6), (5.5, y + 1.6)] for _, y in forehead],
    )
    bridge = [(2.8 + 0.3 * k, EYE_Y - 2 + 2.6 * k) for k in range(3)]
    fold(au[9], *[[(-x, y), (0, y - 1.4), (x, y)] for x, y in bridge], width=1.2, lift=2)
    frown = [(1.9, brow - 2.6), (1.3, brow + 0.5), (2.1, brow + 4.0)]
    fold(au[4] * (1 - 0.4 * au[1]), frown, width=1.4, paired=True)
    x = x0 + face.eye_size + 1.4
    rows = [(k, EYE_Y + 0.8 * k) for k in (-1, 0, 1)]
    crows_feet = [[(x, y), (x + 1.8, y + 0.6 * k), (x + 3.8, y + 1.7 * k - 0.2)] for k, y in rows]
    fold(0.8 * au[6], *crows_feet, width=0.9, paired=True)
    fold(
        0.55 * au[6],
        [(x0 - 4, EYE_Y + 4.2), (x0 + 1, EYE_Y + 6.2), (x0 + 5.4, EYE_Y + 4.2)],
        width=0.8,
        paired=True,
    )
    fold(
        0.6 * au[7],
        [(x0 - 4, EYE_Y + 3.4), (x0, EYE_Y + 4.6), (x0 + 4.4, EYE_Y + 3.4)],
        width=0.9,
        paired=True,
    )
    wing = face.nose_width + 1.2
    nose_to_mouth = [
        (wing, tip - 0.5),
        (wing + 5 + 2 * au[12], tip + 2.5),
        (face.mouth_width + 3.5 + 2 * au[12], mouth - 0.5 - au[12]),
    ]
    fold(max(0.9 * au[12], 0.75 * au[9]), nose_to_mouth, width=1.3, paired=True)
    x = face.mouth_width
    fold(
        0.6 * au[15], [(x + 1.2, mouth + 3), (x + 2.4, mouth + 5), (x + 1, mouth + 8)], paired=True
    )
    fold(
        0.7 * au[20], [(x + 4.6, mouth - 3), (x + 6.2, mouth), (x + 4.8, mouth + 3.5)], paired=True
    )
    fold(au[17], [(-4.2, mouth + 7.6), (0, mouth + 4.4), (4.2, mouth + 7.6)], width=1.5)
    below = [(-1.8, 9.2), (1.2, 8.7), (0.0, 10.4), (2.6, 10.2), (-3.0, 10.6)]
    dimples = [(x, mouth + y) for x, y in below]  # of a chin pushed up
    fold(0.5 * au[17], *[[(x - 0.7, y), (x, y + 0.5), (x + 0.7, y)] for x, y in dimples], width=1.0)
