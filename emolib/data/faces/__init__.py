"""One grey portrait, drawn from facial action units: :func:`draw_face`.

An action unit (AU) is the visible work of one facial muscle, numbered as in the Facial Action
Coding System (Ekman and Friesen 1978). Here a unit moves the control points of a drawing: brows,
lids, lips, jaw. The face stands in front of a backdrop, lit, perhaps half hidden, and photographed.

Axes: ``H`` × ``W`` pixels of the picture, 96 each.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from emolib.data.faces.parts import PARTS
from emolib.data.faces.person import HAIR_STYLES, OCCLUDERS, PROTOTYPES, UNITS, Identity, View
from emolib.data.faces.sketch import DEPTH, EYE_Y, SIZE, Shape, Sketch, curve, mirror

__all__ = ["HAIR_STYLES", "OCCLUDERS", "PROTOTYPES", "UNITS", "Identity", "View", "draw_face"]


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
