"""E."""

import numpy as np
from PIL import Image, ImageDraw

from emolib.data.faces.sketch import EYE_Y, Sketch, curve, mirror, oval, through


def brow(sketch: Sketch, au: dict[int, float], side: int) -> None:
    face = sketch.identity
    y, grief = EYE_Y - face.brow_height, au[1] * au[4]
    # raised and drawn together at once (grief, fear), the inner end stays up and the outer loses its arch
    up, out, down = au[1], au[2] * (1 - 0.55 * grief), au[4] * (1 - 0.5 * au[1])
    brow = through(
        (face.eye_spacing - 6.2 - 1.8 * au[4] - 0.5 * au[9], y - 4.2 * up - 0.9 * out + 3.4 * down + 2.0 * au[9] + 0.7),
        (face.eye_spacing - 2.4 - 1.0 * au[4], y - 2.6 * up - 2.2 * out + 2.8 * down + 1.5 * au[9] - 0.3),
        (face.eye_spacing + 2.6, y - 0.6 * up - 3.9 * out + 1.7 * down + 0.8 * au[9] - 0.7),
        (face.eye_spacing + 7.2, y + 1.0 * up - 3.4 * out + 0.7 * down + 1.5),
    )
    along = np.linspace(0, 1, len(brow))[:, None]
    half = face.brow_thickness * np.minimum(1, 0.45 + 6 * along) * (1.25 - along) * [0, 1]
    tone = 0.6 * face.hair + 0.25 * face.skin if face.hair > 110 else face.hair * 0.8
    sketch.fill(mirror(np.concatenate([brow - half, (brow + half)[::-1]]), side), tone, lift=1)


def eye(sketch: Sketch, au: dict[int, float], side: int) -> None:
    face = sketch.identity
    size = face.eye_size
    x0, tall = face.eye_spacing, 0.52 * size
    grief = au[1] * au[4]
    upper = tall * (1 + 0.85 * au[5] - 0.42 * au[7] - 0.2 * au[6] - 0.25 * au[9] - 0.22 * grief * (1 - au[5]))
    lower = tall * (0.8 + 0.15 * au[5] - 0.62 * au[7] - 0.75 * au[6] - 0.4 * au[9])
    slant = 0.9 * grief + 0.5 * au[15] * au[1]                                # the inner corner goes up
    inner, outer = (x0 - size, EYE_Y + 0.5 - slant), (x0 + size, EYE_Y - 0.3 + slant)
    arch = (x0 - 0.5 * size, EYE_Y - 1.75 * upper - slant), (x0 + 0.6 * size, EYE_Y - 1.6 * upper + slant)
    lid = curve(inner, *arch, outer)
    rim = curve(outer, (x0 + 0.5 * size, EYE_Y + 1.5 * lower), (x0 - 0.5 * size, EYE_Y + 1.3 * lower), inner)

    # ball, iris and pupil show only between the lids
    mask = Image.new("L", sketch.image.size)
    opening = sketch.placed(sketch.turned(mirror(np.concatenate([lid, rim]), side)))
    ImageDraw.Draw(mask).polygon(opening, fill=255)
    before = sketch.image.copy()
    white, radius = min(248, 205 + 0.2 * face.skin), 0.54 * size
    sketch.fill(mirror(oval(x0, EYE_Y, size * 1.2, size), side), white)
    sketch.fill(mirror(oval(x0, EYE_Y - upper - 0.2, size, 1.0), side), white * 0.8)
    sketch.fill(mirror(oval(x0, EYE_Y - 0.2, radius, radius), side), face.iris * 0.6)
    sketch.fill(mirror(oval(x0, EYE_Y - 0.2, radius * 0.8, radius * 0.8), side), face.iris)
    sketch.fill(mirror(oval(x0, EYE_Y - 0.2, radius * 0.5, radius * 0.5), side), 12)
    sketch.fill(oval(side * x0 - 0.9, EYE_Y - 1.2, 0.62, 0.62), 252)
    sketch.image = Image.composite(sketch.image, before, mask)
    sketch.draw = ImageDraw.Draw(sketch.image)

    dark = min(40.0, sketch.skin(0.3))
    sketch.line(mirror(lid, side), 1.5, dark)
    sketch.line(mirror(rim, side), 0.6 + 0.5 * max(au[6], au[7]), sketch.skin(0.62))
    crease = lid + [0, -1.5 - 0.5 * au[5]]
    sketch.line(mirror(crease[2:-1], side), 0.7 + 0.3 * au[5], sketch.skin(0.72))


def nose(sketch: Sketch, au: dict[int, float]) -> None:
    face = sketch.identity
    tip = EYE_Y + face.nose_length - 1.3 * au[9]
    wide = face.nose_width * (1 + 0.18 * au[9] + 0.08 * au[12] + 0.05 * au[20])
    for side in (-1, 1):
        nostril = oval(0.5 * wide, tip + 1.9, 0.27 * wide, 0.75)
        crest = (0.82 * wide, tip - 2.2 - 0.8 * au[9])
        wing = curve(crest, (1.35 * wide, tip - 0.6), (1.1 * wide, tip + 2.6), (0.72 * wide, tip + 2.0))
        sketch.line(mirror(wing, side), 0.9 + 0.5 * au[9], sketch.skin(0.62), lift=3)
        sketch.fill(mirror(nostril, side), sketch.skin(0.3), lift=4)
    base = curve((-0.4 * wide, tip + 2.4), (0, tip + 3.3), (0.4 * wide, tip + 2.4))
    sketch.line(base, 0.9, sketch.skin(0.62), lift=5)


def mouth(sketch: Sketch, au: dict[int, float]) -> None:
    face = sketch.identity
    y0 = EYE_Y + face.mouth_height
    round_ = au[26] * (1 - 0.8 * au[20])                                      # a jaw that drops freely rounds the lips
    wide = face.mouth_width * (1 + 0.26 * au[12] + 0.3 * au[20] - 0.2 * au[23] - 0.18 * round_ - 0.05 * au[17])
    corner = y0 - 3.8 * au[12] + (3.2 - 1.0 * au[9]) * au[15] + 1.0 * au[20] + 3.4 * round_ + 1.4 * au[26] * au[20]
    # where the lips meet in the middle: one line while closed
    top = y0 + 0.6 * au[12] - 2.0 * au[9] - 0.8 * au[12] * au[25] - 1.0 * au[17] - 1.2 * round_
    parted = 3.0 * au[25] + (2.8 + 1.4 * au[9]) * au[16] + (11.0 - 3.5 * au[20]) * au[26] - 1.5 * au[17]
    gap = max(0.0, parted)
    bottom = top + gap
    fullness = face.lip_fullness * (1 - 0.62 * au[23] - 0.25 * au[20] - 0.2 * au[12])

    def rim(middle: float, square: float) -> np.ndarray:
        """Between the corners, through `middle`; the larger `square`, the flatter there: [21, 2]."""
        pull = corner + (middle - corner) * 4 / 3
        return curve((-wide, corner), (-wide * square, pull), (wide * square, pull), (wide, corner), steps=21)

    def between(upper: np.ndarray, lower: np.ndarray, tone: float, narrow: float = 1.0, trim: int = 0) -> None:
        kept = slice(trim, len(upper) - trim)
        ring = np.concatenate([upper[kept], lower[kept][::-1]])
        sketch.fill(ring * [narrow, 1], tone, lift=1)

    across = np.linspace(-1, 1, 21)
    body = 1 - np.abs(across) ** 1.8
    bow = body * (1 - 0.3 * np.exp(-((across / 0.16) ** 2)))                  # the dip under the nose
    down = np.array([0.0, 1.0])
    upper = rim(top, 0.5 + 0.35 * au[9] + 0.35 * round_)
    lower = rim(bottom, 0.6 + 0.45 * au[26] + 0.2 * au[16])
    between(upper - 1.15 * fullness * bow[:, None] * down, upper, sketch.skin(0.58))
    between(lower, lower + (1.45 + 0.3 * au[16]) * fullness * body[:, None] * down, sketch.skin(0.68))
    if gap > 0.4:
        between(upper, lower, 24)
        above = (1 - 0.6 * au[16]) * (1 - 0.4 * round_) * min(0.75 * gap, 2.6)
        below = au[16] * 0.5 * gap + au[20] * au[26] * 1.8
        between(upper, np.minimum(upper + above * down, lower), 228, 0.9, 2)
        if gap > 5:
            tongue = lower - 0.45 * gap * (1 - across**2)[:, None] * down
            between(np.maximum(tongue, upper), lower, sketch.skin(0.36), 0.85, 3)
        between(np.maximum(lower - below * down, upper), lower, 210, 0.8, 3)
    else:
        sketch.line(upper, 1.3 + 0.3 * au[23], sketch.skin(0.3), lift=1)
    for side in (-1, 1):
        pull = au[15] - au[12]
        hook = curve((wide - 0.8, corner), (wide + 0.6, corner + 0.2 * pull), (wide + 1.3, corner + 1.2 * pull))
        sketch.line(mirror(hook, side), 0.9, sketch.skin(0.52), lift=1)
        if au[23] > 0.05:                                                     # tight lips bulge at their rims
            for y in (top - fullness - 1.3, bottom + fullness + 1.8):
                bulge = curve((0.8, y), (0.5 * wide, y), (0.95 * wide, corner + (y - corner) * 0.4))
                sketch.line(mirror(bulge, side), 0.9 * au[23], sketch.skin(0.74), lift=1)
    shadow = bottom + 2.0 * fullness + 1.2
    under = curve((-0.42 * wide, shadow), (0, shadow + 0.9), (0.42 * wide, shadow))
    sketch.line(under, 1.0, sketch.skin(0.82), lift=1)


def folds(sketch: Sketch, au: dict[int, float]) -> None:
    """Lines that a unit presses into the skin; each as dark and wide as its unit is strong."""
    face = sketch.identity
    brow, x0 = EYE_Y - face.brow_height, face.eye_spacing
    tip, mouth = EYE_Y + face.nose_length, EYE_Y + face.mouth_height

    def fold(strength: float, *control: tuple[float, float], width: float = 1.1, lift: float = 0.0) -> None:
        if strength > 0.02:
            s = min(strength, 1.0)
            sketch.line(curve(*control), width * (0.5 + 0.5 * s), sketch.skin(1 - 0.36 * s), lift)

    for k in range(3):                                                        # forehead
        y = brow - 7 - 3.1 * k
        fold(0.9 * au[2], (-12 + k, y + 1.2), (0, y - 1.8), (12 - k, y + 1.2))
        fold(0.9 * au[1] * (1 - au[2]), (-5.5, y + 1.6), (0, y - 0.6), (5.5, y + 1.6))
    for k in range(3):                                                        # bridge of the nose
        y = EYE_Y - 2 + 2.6 * k
        fold(au[9], (-2.8 - 0.3 * k, y), (0, y - 1.4), (2.8 + 0.3 * k, y), width=1.2, lift=2)
    for side in (-1, 1):
        def mirrored(strength: float, *control: tuple[float, float], **kwargs: float) -> None:
            fold(strength, *[(side * x, y) for x, y in control], **kwargs)
        mirrored(au[4] * (1 - 0.4 * au[1]), (1.9, brow - 2.6), (1.3, brow + 0.5), (2.1, brow + 4.0), width=1.4)
        for k in (-1, 0, 1):                                                  # crow's feet
            x, y = x0 + face.eye_size + 1.4, EYE_Y + 0.8 * k
            mirrored(0.8 * au[6], (x, y), (x + 1.8, y + 0.6 * k), (x + 3.8, y + 1.7 * k - 0.2), width=0.9)
        mirrored(0.55 * au[6], (x0 - 4, EYE_Y + 4.2), (x0 + 1, EYE_Y + 6.2), (x0 + 5.4, EYE_Y + 4.2), width=0.8)
        mirrored(0.6 * au[7], (x0 - 4, EYE_Y + 3.4), (x0, EYE_Y + 4.6), (x0 + 4.4, EYE_Y + 3.4), width=0.9)
        wing = (face.nose_width + 1.2, tip - 0.5)
        mirrored(max(0.9 * au[12], 0.75 * au[9]), wing, (wing[0] + 5 + 2 * au[12], tip + 2.5),
                 (face.mouth_width + 3.5 + 2 * au[12], mouth - 0.5 - au[12]), width=1.3)
        x = face.mouth_width
        mirrored(0.6 * au[15], (x + 1.2, mouth + 3), (x + 2.4, mouth + 5), (x + 1, mouth + 8))
        mirrored(0.7 * au[20], (x + 4.6, mouth - 3), (x + 6.2, mouth), (x + 4.8, mouth + 3.5))
    fold(au[17], (-4.2, mouth + 7.6), (0, mouth + 4.4), (4.2, mouth + 7.6), width=1.5)
    for x, y in [(-1.8, 9.2), (1.2, 8.7), (0.0, 10.4), (2.6, 10.2), (-3.0, 10.6)]:  # a chin pushed up dimples
        fold(0.5 * au[17], (x - 0.7, mouth + y), (x, mouth + y + 0.5), (x + 0.7, mouth + y), width=1.0)
