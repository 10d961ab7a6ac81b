"""S."""

from functools import lru_cache
from math import comb

import numpy as np
from PIL import Image, ImageDraw

from emolib.data.faces.person import Identity, View

SIZE = 96
SUPER = 4
CENTRE = np.array([48.0, 50.5])
ZOOM = 1.14
DEPTH = 24.0  # half-axis of the head towards the viewer, pixels
EYE_Y = -3.0


@lru_cache
def _bernstein(order: int, steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps)[:, None]
    k = np.arange(order + 1)
    return np.array([comb(order, i) for i in k]) * t**k * (1 - t) ** (order - k)


def curve(*control: tuple[float, float], steps: int = 14) -> np.ndarray:
    """Bézier curve from the first to the last control point, drawn towards the others: [steps, 2]."""
    return _bernstein(len(control) - 1, steps) @ np.array(control, float)


def through(*points: tuple[float, float]) -> np.ndarray:
    """Smooth curve through all points (Catmull-Rom): [6 · (points - 1), 2]."""
    p = np.array([points[0], *points, points[-1]], float)
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    control = np.stack([b, b + (c - a) / 6, c - (d - b) / 6, c])              # [4, segments, 2]
    return np.einsum("tk,ksx->stx", _bernstein(3, 6), control).reshape(-1, 2)


@lru_cache
def _circle(steps: int) -> np.ndarray:
    t = np.arange(steps) * (2 * np.pi / steps)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def oval(x: float, y: float, rx: float, ry: float, steps: int = 28) -> np.ndarray:
    return _circle(steps) * [rx, ry] + [x, y]


@lru_cache
def _swell(steps: int) -> np.ndarray:
    return np.sin(np.pi * np.linspace(0.12, 0.88, steps))[:, None] / 2


def mirror(points: np.ndarray, side: int) -> np.ndarray:
    return points * [side, 1]


class Sketch:
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


def over(picture: np.ndarray, sketch: Sketch, light: np.ndarray | float) -> np.ndarray:
    """The sketch, lit, in front of a picture: [96, 96]."""
    share = np.asarray(sketch.image.point([0] + 255 * [255]).reduce(SUPER), np.float64) / 255
    # reducing has already weighted the tones by their share of each pixel
    return picture * (1 - share) + np.asarray(sketch.image.reduce(SUPER), np.float64) * light
