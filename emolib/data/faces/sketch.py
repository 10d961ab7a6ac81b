"""Canvas of a drawn face: curves, placed and turned.

Points are ``(x, y)`` in pixels of the final picture, in the head's own frame: origin between eyes
and nose, ``x`` to the viewer's right, ``y`` down. Every shape is an array ``[P, 2]``, or ``[…, P,
2]`` for several at once.

Axes: ``P`` points of a shape, ``H`` × ``W`` pixels of the picture, 96 each.
"""

from functools import lru_cache
from math import comb, cos, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emolib.data.faces.person import Identity, View

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
            outline = points if width is None else stroke(points, width)
            for polygon in self.placed(outline):
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
        drawn = self.image.point(lambda tone: 255 * (tone > 0))
        share = np.asarray(drawn.reduce(SUPER)) / 255
        # reducing has already weighted the tones by their share of each pixel
        return picture * (1 - share) + np.asarray(self.image.reduce(SUPER), np.float64) * light
