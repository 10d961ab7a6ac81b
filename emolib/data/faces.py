"""One grey portrait, drawn from facial action units.

An action unit (AU) is the visible work of one facial muscle, numbered as in the Facial Action Coding
System (Ekman & Friesen 1978). Here a unit moves the control points of a drawing: brows, lids, lips, jaw.

Points are (x, y) in pixels of the final picture, in the head's own frame: origin between eyes and nose,
x to the viewer's right, y down. `_Sketch` turns, scales and places them, and draws at SUPER × the size.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

SIZE = 96
SUPER = 4
CENTRE = np.array([48.0, 50.5])
ZOOM = 1.14
DEPTH = 24.0  # half-axis of the head towards the viewer, pixels
EYE_Y = -3.0

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
    1: "inner brow up", 2: "outer brow up", 4: "brows down and together", 5: "upper lid up",
    6: "cheek up", 7: "lids tightened", 9: "nose wrinkled", 12: "lip corners up", 15: "lip corners down",
    16: "lower lip down", 17: "chin up", 20: "lips stretched", 23: "lips tightened", 25: "lips parted",
    26: "jaw dropped",
}

HAIR_STYLES = ("cropped", "parted", "long", "bun", "curly", "bald")
OCCLUDERS = ("", "hand", "strand", "scarf", "shoulder")


@dataclass(frozen=True)
class Identity:
    """What stays the same in every picture of a person. Lengths in pixels, tones 0 (black) to 255."""

    head_width: float = 24.0      # half-axis
    head_height: float = 31.0     # half-axis
    jaw: float = 0.72             # width at the mouth as a share of the head's
    skin: float = 186.0
    eye_spacing: float = 10.5     # from the middle of the face to an eye
    eye_size: float = 5.2         # half the distance between the corners
    iris: float = 70.0            # tone
    brow_height: float = 8.5      # above the eyes
    brow_thickness: float = 1.5
    nose_length: float = 11.5     # from the eye line to the tip
    nose_width: float = 4.2
    mouth_height: float = 19.0    # below the eye line
    mouth_width: float = 8.5      # half the distance between the corners
    lip_fullness: float = 2.0
    hair_style: str = "parted"
    hair: float = 62.0            # tone
    clothes: float = 90.0         # tone
    glasses: bool = False
    beard: float = 0.0            # 0 shaven to 1 full


@dataclass(frozen=True)
class View:
    """What differs between two pictures of one face. Angles in degrees, lengths in pixels."""

    roll: float = 0.0             # tilted clockwise, as the viewer sees it
    yaw: float = 0.0              # turned to the viewer's right
    pitch: float = 0.0            # chin up
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: float = -35.0          # where the lamp stands: -90 left, 0 front, 90 right
    contrast: float = 0.45        # share of the light that comes from the lamp
    exposure: float = 1.0
    backdrop: float = 168.0       # tone
    blur: float = 0.0             # standard deviation
    occluder: str = ""            # one of OCCLUDERS
    clutter: float = 0.0          # opacity of the things behind the head, 0 to 1
    noise: float = 0.0            # standard deviation in grey levels
    seed: int = 0                 # of the noise, the clutter and where the occluder lies


def draw_face(units: dict[int, float], identity: Identity = Identity(), view: View = View()) -> np.ndarray:
    """One face: [96, 96] uint8.

    `units` maps the number of an action unit to its intensity, 0 to 1; units left out rest at 0.

    >>> surprised = draw_face({1: 1, 2: 1, 5: 1, 26: 1}, Identity(hair_style="bun"), View(yaw=15))
    """
    unknown = sorted(set(units) - set(UNITS))
    if unknown:
        raise ValueError(f"no drawing for action units {unknown}; known are {sorted(UNITS)}")
    au = {number: float(units.get(number, 0.0)) for number in UNITS}
    rng = np.random.default_rng(view.seed)
    sketch = _Sketch(identity, view)
    _hair_behind(sketch)
    _body(sketch)
    _head(sketch, au)
    _folds(sketch, au)
    _nose(sketch, au)
    for side in (-1, 1):
        _eye(sketch, au, side)
        _brow(sketch, au, side)
    _mouth(sketch, au)
    _beard(sketch, au)
    _hair_front(sketch)
    if identity.glasses:
        _glasses(sketch)
    picture = view.exposure * _over(_backdrop(view, rng), sketch, _light(sketch, au))
    if view.occluder:
        picture = _over(picture, _occluder(identity, view, rng), view.exposure)
    return _camera(picture, view, rng)


# --- drawing ---------------------------------------------------------------------------------------------


@lru_cache
def _bernstein(order: int, steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps)[:, None]
    k = np.arange(order + 1)
    return np.array([comb(order, i) for i in k]) * t**k * (1 - t) ** (order - k)


def _curve(*control: tuple[float, float], steps: int = 14) -> np.ndarray:
    """Bézier curve from the first to the last control point, drawn towards the others: [steps, 2]."""
    return _bernstein(len(control) - 1, steps) @ np.array(control, float)


def _through(*points: tuple[float, float]) -> np.ndarray:
    """Smooth curve through all points (Catmull-Rom): [6 · (points - 1), 2]."""
    p = np.array([points[0], *points, points[-1]], float)
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    control = np.stack([b, b + (c - a) / 6, c - (d - b) / 6, c])              # [4, segments, 2]
    return np.einsum("tk,ksx->stx", _bernstein(3, 6), control).reshape(-1, 2)


@lru_cache
def _circle(steps: int) -> np.ndarray:
    t = np.arange(steps) * (2 * np.pi / steps)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def _oval(x: float, y: float, rx: float, ry: float, steps: int = 28) -> np.ndarray:
    return _circle(steps) * [rx, ry] + [x, y]


@lru_cache
def _swell(steps: int) -> np.ndarray:
    return np.sin(np.pi * np.linspace(0.12, 0.88, steps))[:, None] / 2


def _mirror(points: np.ndarray, side: int) -> np.ndarray:
    return points * [side, 1]


class _Sketch:
    """A canvas in head coordinates; 0 where nothing is drawn. With `lift`, points lie on the face and turn with it."""

    def __init__(self, identity: Identity, view: View):
        self.identity, self.view = identity, view
        self.image = Image.new("L", (SIZE * SUPER, SIZE * SUPER), 0)
        self.draw = ImageDraw.Draw(self.image)
        self.yaw, self.pitch, roll = np.radians([view.yaw, view.pitch, view.roll]).tolist()
        self.turn = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        self.tilt = ZOOM * view.scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        self.centre = CENTRE + view.shift

    def turned(self, points: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Points after yaw and pitch, [n, 2]; they lie `lift` pixels in front of the head's ellipsoid."""
        x, y = points[:, 0], points[:, 1]
        inside = 1 - (x / self.identity.head_width) ** 2 - (y / self.identity.head_height) ** 2
        z = lift + DEPTH * np.sqrt(np.maximum(inside, 0))
        cos_yaw, sin_yaw, cos_pitch, sin_pitch = self.turn
        x, z = x * cos_yaw + z * sin_yaw, z * cos_yaw - x * sin_yaw
        return np.array([x, y * cos_pitch - z * sin_pitch]).T

    def placed(self, points: np.ndarray) -> list[float]:
        """Head frame → canvas, x and y in turn."""
        return ((points @ self.tilt.T + self.centre) * SUPER).ravel().tolist()

    def fill(self, points: np.ndarray, tone: float, lift: float | None = 0.0) -> None:
        """Polygon; lift None for what does not turn with the face."""
        points = points if lift is None else self.turned(points, lift)
        self.draw.polygon(self.placed(points), fill=max(1, min(255, int(tone))))

    def line(self, points: np.ndarray, width: float, tone: float, lift: float | None = 0.0) -> None:
        """A stroke that swells from both ends to `width` pixels in its middle."""
        points = points if lift is None else self.turned(points, lift)
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
        across = along[:, ::-1] * [-width, width] / np.maximum(np.sqrt((along**2).sum(1)), 1e-9)[:, None]
        half = across * _swell(len(points))
        self.fill(np.concatenate([points + half, (points - half)[::-1]]), tone, None)

    def skin(self, share: float) -> float:
        """Tone of the skin times `share`."""
        return self.identity.skin * share


def _over(picture: np.ndarray, sketch: _Sketch, light: np.ndarray | float) -> np.ndarray:
    """The sketch, lit, in front of a picture: [96, 96]."""
    share = np.asarray(sketch.image.point([0] + 255 * [255]).reduce(SUPER), np.float64) / 255
    # reducing has already weighted the tones by their share of each pixel
    return picture * (1 - share) + np.asarray(sketch.image.reduce(SUPER), np.float64) * light


# --- parts, from back to front -----------------------------------------------------------------------------


def _backdrop(view: View, rng: np.random.Generator) -> np.ndarray:
    """A wall, or lamps, frames and people out of focus: [96, 96]."""
    wall = view.backdrop * np.linspace(1.06, 0.9, SIZE)[:, None] * np.ones(SIZE)
    if not view.clutter:
        return wall
    image = Image.new("L", (SIZE, SIZE), int(rng.uniform(20, 200)))
    draw = ImageDraw.Draw(image)
    for _ in range(10):
        x, y, w, h = rng.uniform([0, 0, 4, 4], [SIZE, SIZE, 24, 34])
        shape = draw.rectangle if rng.random() < 0.6 else draw.ellipse
        shape([x - w, y - h, x + w, y + h], fill=int(rng.uniform(5, 250)))
    return (1 - view.clutter) * wall + view.clutter * gaussian_filter(np.asarray(image, np.float64), 1.2)


def _body(sketch: _Sketch) -> None:
    face = sketch.identity
    chin = face.head_height
    shoulders = np.concatenate([
        _curve((-46, chin + 40), (-44, chin + 9), (-20, chin + 7), (-9, chin - 1)),
        _curve((9, chin - 1), (20, chin + 7), (44, chin + 9), (46, chin + 40)),
    ])
    sketch.fill(shoulders, face.clothes, lift=None)
    neck = [(-10.5, chin - 16), (10.5, chin - 16), (11.5, chin + 3), (0, chin + 11), (-11.5, chin + 3)]
    sketch.fill(np.array(neck), sketch.skin(0.74), lift=None)
    for side in (-1, 1):
        collar = _curve((11.5, chin + 1), (7, chin + 8), (0, chin + 11))
        sketch.line(_mirror(collar, side), 1.6, face.clothes * 0.72, None)


def _outline(sketch: _Sketch, au: dict[int, float]) -> np.ndarray:
    """The head's silhouette in the head frame: an ellipse drawn in at the jaw, its chin following the jaw."""
    face = sketch.identity
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    low = np.clip(np.sin(t), 0, 1)
    x = face.head_width * np.cos(t) * (1 - (1 - face.jaw) * low**2) * (1 + 0.14 * low * np.abs(np.cos(t)))
    y = face.head_height * np.sin(t) + low**3 * (4.5 * au[26] - 0.8 * au[17])
    # the skull turns about its axis: its rim stays, while chin and cheeks, nearer to the viewer, swing aside
    swing = DEPTH * (0.12 + 0.28 * low)
    return np.stack([x + swing * np.sin(sketch.yaw), y - 0.25 * DEPTH * low * np.sin(sketch.pitch)], axis=1)


def _head(sketch: _Sketch, au: dict[int, float]) -> None:
    face = sketch.identity
    for side in (-1, 1) if face.hair_style != "long" else ():
        x = side * (face.head_width + 1.2) * np.cos(sketch.yaw) - 4 * np.sin(sketch.yaw)
        sketch.fill(_oval(x, EYE_Y + 4, 3.4, 6), sketch.skin(0.86), lift=None)
        sketch.fill(_oval(x, EYE_Y + 4, 1.8, 3.8), sketch.skin(0.68), lift=None)
    sketch.fill(_outline(sketch, au), face.skin, lift=None)


def _brow(sketch: _Sketch, au: dict[int, float], side: int) -> None:
    face = sketch.identity
    y, grief = EYE_Y - face.brow_height, au[1] * au[4]
    # raised and drawn together at once (grief, fear), the inner end stays up and the outer loses its arch
    up, out, down = au[1], au[2] * (1 - 0.55 * grief), au[4] * (1 - 0.5 * au[1])
    brow = _through(
        (face.eye_spacing - 6.2 - 1.8 * au[4] - 0.5 * au[9], y - 4.2 * up - 0.9 * out + 3.4 * down + 2.0 * au[9] + 0.7),
        (face.eye_spacing - 2.4 - 1.0 * au[4], y - 2.6 * up - 2.2 * out + 2.8 * down + 1.5 * au[9] - 0.3),
        (face.eye_spacing + 2.6, y - 0.6 * up - 3.9 * out + 1.7 * down + 0.8 * au[9] - 0.7),
        (face.eye_spacing + 7.2, y + 1.0 * up - 3.4 * out + 0.7 * down + 1.5),
    )
    along = np.linspace(0, 1, len(brow))[:, None]
    half = face.brow_thickness * np.minimum(1, 0.45 + 6 * along) * (1.25 - along) * [0, 1]
    tone = 0.6 * face.hair + 0.25 * face.skin if face.hair > 110 else face.hair * 0.8
    sketch.fill(_mirror(np.concatenate([brow - half, (brow + half)[::-1]]), side), tone, lift=1)


def _eye(sketch: _Sketch, au: dict[int, float], side: int) -> None:
    face = sketch.identity
    size = face.eye_size
    x0, tall = face.eye_spacing, 0.52 * size
    grief = au[1] * au[4]
    upper = tall * (1 + 0.85 * au[5] - 0.42 * au[7] - 0.2 * au[6] - 0.25 * au[9] - 0.22 * grief * (1 - au[5]))
    lower = tall * (0.8 + 0.15 * au[5] - 0.62 * au[7] - 0.75 * au[6] - 0.4 * au[9])
    slant = 0.9 * grief + 0.5 * au[15] * au[1]                                # the inner corner goes up
    inner, outer = (x0 - size, EYE_Y + 0.5 - slant), (x0 + size, EYE_Y - 0.3 + slant)
    arch = (x0 - 0.5 * size, EYE_Y - 1.75 * upper - slant), (x0 + 0.6 * size, EYE_Y - 1.6 * upper + slant)
    lid = _curve(inner, *arch, outer)
    rim = _curve(outer, (x0 + 0.5 * size, EYE_Y + 1.5 * lower), (x0 - 0.5 * size, EYE_Y + 1.3 * lower), inner)

    # ball, iris and pupil show only between the lids
    mask = Image.new("L", sketch.image.size)
    opening = sketch.placed(sketch.turned(_mirror(np.concatenate([lid, rim]), side)))
    ImageDraw.Draw(mask).polygon(opening, fill=255)
    before = sketch.image.copy()
    white, radius = min(248, 205 + 0.2 * face.skin), 0.54 * size
    sketch.fill(_mirror(_oval(x0, EYE_Y, size * 1.2, size), side), white)
    sketch.fill(_mirror(_oval(x0, EYE_Y - upper - 0.2, size, 1.0), side), white * 0.8)
    sketch.fill(_mirror(_oval(x0, EYE_Y - 0.2, radius, radius), side), face.iris * 0.6)
    sketch.fill(_mirror(_oval(x0, EYE_Y - 0.2, radius * 0.8, radius * 0.8), side), face.iris)
    sketch.fill(_mirror(_oval(x0, EYE_Y - 0.2, radius * 0.5, radius * 0.5), side), 12)
    sketch.fill(_oval(side * x0 - 0.9, EYE_Y - 1.2, 0.62, 0.62), 252)
    sketch.image = Image.composite(sketch.image, before, mask)
    sketch.draw = ImageDraw.Draw(sketch.image)

    dark = min(40.0, sketch.skin(0.3))
    sketch.line(_mirror(lid, side), 1.5, dark)
    sketch.line(_mirror(rim, side), 0.6 + 0.5 * max(au[6], au[7]), sketch.skin(0.62))
    crease = lid + [0, -1.5 - 0.5 * au[5]]
    sketch.line(_mirror(crease[2:-1], side), 0.7 + 0.3 * au[5], sketch.skin(0.72))


def _nose(sketch: _Sketch, au: dict[int, float]) -> None:
    face = sketch.identity
    tip = EYE_Y + face.nose_length - 1.3 * au[9]
    wide = face.nose_width * (1 + 0.18 * au[9] + 0.08 * au[12] + 0.05 * au[20])
    for side in (-1, 1):
        nostril = _oval(0.5 * wide, tip + 1.9, 0.27 * wide, 0.75)
        crest = (0.82 * wide, tip - 2.2 - 0.8 * au[9])
        wing = _curve(crest, (1.35 * wide, tip - 0.6), (1.1 * wide, tip + 2.6), (0.72 * wide, tip + 2.0))
        sketch.line(_mirror(wing, side), 0.9 + 0.5 * au[9], sketch.skin(0.62), lift=3)
        sketch.fill(_mirror(nostril, side), sketch.skin(0.3), lift=4)
    base = _curve((-0.4 * wide, tip + 2.4), (0, tip + 3.3), (0.4 * wide, tip + 2.4))
    sketch.line(base, 0.9, sketch.skin(0.62), lift=5)


def _folds(sketch: _Sketch, au: dict[int, float]) -> None:
    """Lines that a unit presses into the skin; each as dark and wide as its unit is strong."""
    face = sketch.identity
    brow, x0 = EYE_Y - face.brow_height, face.eye_spacing
    tip, mouth = EYE_Y + face.nose_length, EYE_Y + face.mouth_height

    def fold(strength: float, *control: tuple[float, float], width: float = 1.1, lift: float = 0.0) -> None:
        if strength > 0.02:
            s = min(strength, 1.0)
            sketch.line(_curve(*control), width * (0.5 + 0.5 * s), sketch.skin(1 - 0.36 * s), lift)

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


def _mouth(sketch: _Sketch, au: dict[int, float]) -> None:
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
        return _curve((-wide, corner), (-wide * square, pull), (wide * square, pull), (wide, corner), steps=21)

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
        hook = _curve((wide - 0.8, corner), (wide + 0.6, corner + 0.2 * pull), (wide + 1.3, corner + 1.2 * pull))
        sketch.line(_mirror(hook, side), 0.9, sketch.skin(0.52), lift=1)
        if au[23] > 0.05:                                                     # tight lips bulge at their rims
            for y in (top - fullness - 1.3, bottom + fullness + 1.8):
                bulge = _curve((0.8, y), (0.5 * wide, y), (0.95 * wide, corner + (y - corner) * 0.4))
                sketch.line(_mirror(bulge, side), 0.9 * au[23], sketch.skin(0.74), lift=1)
    shadow = bottom + 2.0 * fullness + 1.2
    under = _curve((-0.42 * wide, shadow), (0, shadow + 0.9), (0.42 * wide, shadow))
    sketch.line(under, 1.0, sketch.skin(0.82), lift=1)


def _beard(sketch: _Sketch, au: dict[int, float]) -> None:
    """A moustache and a chin beard; both leave the lips free."""
    face = sketch.identity
    if face.beard < 0.1:
        return
    tone = face.beard * face.hair + (1 - face.beard) * face.skin
    y0 = EYE_Y + face.mouth_height
    nose, corner = EYE_Y + face.nose_length + 3.6, y0 - 3.4 * au[12] + 3.6 * au[15] + 2.0 * au[26]
    wide = face.mouth_width * (1 + 0.2 * au[12] + 0.25 * au[20])
    lift_lip = 1.6 * au[9] + 0.6 * au[17]
    for side in (-1, 1):
        top = _curve((0, nose), (0.5 * wide, nose - 0.6), (wide + 1.2, corner + 0.4))
        low = _curve((0, y0 - 2.6 - lift_lip), (0.5 * wide, y0 - 2.8 - lift_lip), (wide + 1.2, corner + 0.4))
        sketch.fill(_mirror(np.concatenate([top, low[::-1]]), side), tone, lift=2)
    outline = _outline(sketch, au)
    chin = outline[outline[:, 1] > outline[:, 1].max() - 6.5]
    sketch.fill(np.concatenate([chin, (chin * [0.55, 1] - [0, 3.0])[::-1]]), tone, lift=None)


def _hair_behind(sketch: _Sketch) -> None:
    face = sketch.identity
    w, h = face.head_width, face.head_height
    if face.hair_style == "long":
        fall = _through((-0.8, -0.6), (-1.1, 0), (-1.16, 0.5), (-1.2, 1.05), (-0.6, 1.2)) * [w, h]
        sketch.fill(np.concatenate([fall, _mirror(fall, -1)[::-1]]), face.hair * 0.72, lift=None)
    elif face.hair_style == "bun":
        x, y = -0.3 * sketch.view.yaw, -h * 1.2
        sketch.fill(_oval(x, y, w * 0.42, h * 0.22), face.hair * 0.92, lift=None)
        sketch.line(_curve((x - 7, y + 1), (x - 1, y - 7), (x + 7, y)), 1.2, face.hair + 22, None)
    elif face.hair_style == "curly":
        for t in np.linspace(-0.8, np.pi + 0.8, 13):
            curl = _oval(1.08 * w * np.cos(t), -3 - 0.96 * h * np.sin(t), 7.2, 7.2, 18)
            sketch.fill(curl, face.hair * (0.86 + 0.12 * np.cos(5 * t)), lift=None)


#: Each hairline from ear to ear, in half-axes of the head.
_HAIRLINES = {
    "cropped": [(-0.99, -0.02), (-0.87, -0.36), (-0.68, -0.66), (-0.3, -0.78),
                (0.3, -0.78), (0.68, -0.66), (0.87, -0.36), (0.99, -0.02)],
    "parted": [(-0.99, -0.02), (-0.86, -0.4), (-0.68, -0.66), (-0.42, -0.83),
               (0.1, -0.72), (0.6, -0.62), (0.88, -0.36), (0.99, -0.02)],
    "long": [(-0.96, 0.8), (-0.98, 0.3), (-0.93, -0.25), (-0.7, -0.64), (-0.1, -0.86),
             (0.1, -0.86), (0.7, -0.64), (0.93, -0.25), (0.98, 0.3), (0.96, 0.8)],
    "bun": [(-0.99, 0.0), (-0.88, -0.5), (-0.5, -0.8), (0.0, -0.88), (0.5, -0.8), (0.88, -0.5), (0.99, 0.0)],
    "curly": [(-0.99, 0.0), (-0.86, -0.5), (-0.4, -0.72), (0.4, -0.72), (0.86, -0.5), (0.99, 0.0)],
}


def _hair_front(sketch: _Sketch) -> None:
    """The hair between the hairline and the skull's rim, with a few strands that catch the light."""
    face = sketch.identity
    if face.hair_style == "bald":
        return
    size = np.array([face.head_width, face.head_height])
    line = _through(*_HAIRLINES[face.hair_style]) * size
    middle = np.clip(1 - (line[:, 0] / face.head_width) ** 2, 0, 1)           # the brow's part of the line swings most
    line = line + np.outer(middle, DEPTH * np.array([0.45 * np.sin(sketch.yaw), -0.3 * np.sin(sketch.pitch)]))
    t = np.linspace(0.02, np.pi - 0.02, 31)
    full = {"cropped": 1.1, "bun": 1.1}.get(face.hair_style, 1.17)
    side = {"cropped": 1.04, "long": 1.14}.get(face.hair_style, 1.07)
    arc = rim = np.stack([side * np.cos(t), -full * np.sin(t)], axis=1)
    if face.hair_style == "long":
        fall = _through((1.0, 0.95), (1.24, 0.9), (1.22, 0.4), (side, -0.05))
        rim = np.concatenate([fall, rim, _mirror(fall, -1)[::-1]])
    sketch.fill(np.concatenate([line, rim * size]), face.hair, lift=None)
    if face.hair_style == "curly":
        swing = 0.3 * DEPTH * np.sin(sketch.yaw)
        for x in np.linspace(-0.8, 0.8, 8):
            curl = _oval(size[0] * x + swing, -size[1] * (0.84 - 0.34 * x * x), 4.8, 4.8, 18)
            sketch.fill(curl, face.hair * (1.04 + 0.12 * np.cos(9 * x)), lift=None)
        return
    for share in (0.36, 0.45, 0.55, 0.64):
        root, end = line[int(share * len(line))], arc[int((1 - share) * len(arc))] * size
        strand = _curve(0.92 * root + 0.08 * end, (root + end) / 2 * [1.06, 1.03], 0.12 * root + 0.88 * end)
        sketch.line(strand, 0.8, face.hair * 1.07 + 9, None)


def _glasses(sketch: _Sketch) -> None:
    face = sketch.identity
    for side in (-1, 1):
        ring = _oval(side * face.eye_spacing, EYE_Y + 0.6, face.eye_size + 2.6, face.eye_size + 1.2, 33)
        closed = np.concatenate([ring, ring[:1]])
        width = round(1.1 * SUPER * sketch.view.scale)
        sketch.draw.line(sketch.placed(sketch.turned(closed, 2)), fill=38, width=width, joint="curve")
        x = face.eye_spacing + face.eye_size + 2.4
        sketch.line(_mirror(_curve((x, EYE_Y - 0.4), (face.head_width - 0.5, EYE_Y)), side), 1.2, 38)
    gap = face.eye_spacing - face.eye_size - 2.2
    sketch.line(_curve((-gap, EYE_Y - 0.4), (0, EYE_Y - 2), (gap, EYE_Y - 0.4)), 1.5, 38, lift=3)


# --- light, things in the way, camera ------------------------------------------------------------------------


def _light(sketch: _Sketch, au: dict[int, float]) -> np.ndarray:
    """How brightly each pixel is lit, [96, 96], about 1: Lambert's law on a head of smooth bumps."""
    face, view = sketch.identity, sketch.view
    x, y = np.arange(SIZE) + 0.5 - sketch.centre[:, None]
    u, v = (along * x + down * y[:, None] for along, down in np.linalg.inv(sketch.tilt))
    distance = (u / (1.22 * face.head_width)) ** 2 + (v / (1.2 * face.head_height)) ** 2
    height = 1.1 * DEPTH * np.sqrt(np.clip(1 - distance, 0.04, 1))
    x0, tip, mouth = face.eye_spacing, EYE_Y + face.nose_length, EYE_Y + face.mouth_height
    cheek = 1.5 + 1.6 * au[6] + 0.8 * au[12] + 0.4 * au[9]
    bumps = [                                                                 # x, y, radius x, radius y, height
        (0, tip - 0.5, 3.2, 3.0, 3.0), (0, tip - 5, 2.2, 5.5, 2.0),
        (-x0, EYE_Y, 5.5, 3.6, -1.7), (x0, EYE_Y, 5.5, 3.6, -1.7),
        (-x0 - 2, tip - 1 - 1.6 * au[6], 5.5, 4.2, cheek), (x0 + 2, tip - 1 - 1.6 * au[6], 5.5, 4.2, cheek),
        (0, mouth, 8, 3.4, 1.0), (0, mouth + 9 + 3.5 * au[26] - 2 * au[17], 4.5, 3.4, 1.6 + 1.2 * au[17]),
        (0, EYE_Y - face.brow_height + 1, 13, 2.6, 0.8 + 0.8 * au[4]),
    ]
    spots = sketch.turned(np.array([bump[:2] for bump in bumps]), lift=1)
    for (x, y), (*_, rx, ry, tall) in zip(spots, bumps):
        height += tall * np.exp(-(((u - x) / rx) ** 2 + ((v - y) / ry) ** 2))
    dy, dx = np.gradient(height * view.scale)
    azimuth, elevation = np.radians(view.light), np.radians(32)
    lamp = np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), np.cos(elevation) * np.cos(azimuth)
    facing = (lamp[2] - dx * lamp[0] - dy * lamp[1]) / np.sqrt(1 + dx * dx + dy * dy)
    return 1 + view.contrast * (1.45 * np.maximum(facing, 0) - 1)


def _occluder(face: Identity, view: View, rng: np.random.Generator) -> _Sketch:
    """What `view.occluder` names, in front of the face, on the side and at the place that `view.seed` gives."""
    cover = _Sketch(face, view)
    side, shift = rng.choice([-1, 1]), rng.uniform(-3, 3)
    if view.occluder == "hand":
        palm = _curve((4, 50), (2, 30 + shift), (7, 20 + shift), (20, 22), (24, 40), (22, 52))
        cover.fill(_mirror(palm, side), face.skin * 0.84, None)
        for k, (x, y) in enumerate([(3, 6), (7.5, 2.5), (12.5, 2), (17.5, 5)]):
            finger = _mirror(_curve((x, y + shift), (x + 1 + k, 16), (x + 2, 30 + shift)), side)
            cover.line(finger, 6.6, face.skin * 0.66, None)
            cover.line(finger, 5.0, face.skin * 0.9, None)
    elif view.occluder == "strand":
        for k in range(7):
            root, tip = (-4 + 2.6 * k, -35 + 0.7 * k), (13 + k, 27 - 2.5 * k)
            lock = _curve(root, (12 + 2 * k + shift, -16), (5 + 2.6 * k, 4 + shift), tip)
            cover.line(_mirror(lock, side), 3.4, face.hair * (0.85 + 0.1 * (k % 3)), None)
    elif view.occluder == "scarf":
        low, w = 14 + shift, 1.06 * face.head_width
        edge = _mirror(_curve((-w, low - 9), (-0.5 * w, low + 4), (0.4 * w, low), (w, low - 7)), side)
        hem = _mirror(np.array([(1.25 * w, 66), (-1.25 * w, 66)]), side)
        cover.fill(np.concatenate([edge, hem]), face.clothes * 1.25, None)
        for k in range(1, 6):
            cover.line(edge * [1 + 0.02 * k, 1] + [0, 4.5 * k], 1.3, face.clothes * (0.85 + 0.2 * (k % 2)), None)
    elif view.occluder == "shoulder":
        edge = _curve((2 + shift, 60), (8, 22 + shift), (20, 4 + shift), (50, -2))
        cover.fill(_mirror(np.concatenate([edge, [(60, 60)]]), side), 24, None)
    else:
        raise ValueError(f"no occluder {view.occluder!r}; known are {', '.join(filter(None, OCCLUDERS))}")
    return cover


def _camera(picture: np.ndarray, view: View, rng: np.random.Generator) -> np.ndarray:
    if view.blur:
        picture = gaussian_filter(picture, view.blur, mode="nearest")
    if view.noise:
        picture = picture + rng.normal(0, view.noise, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
