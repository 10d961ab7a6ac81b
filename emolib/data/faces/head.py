"""What a face is drawn on: shoulders, neck, ears and the head itself; and the glasses in front."""

import numpy as np
from numpy.typing import NDArray

from emolib.data.faces.sketch import DEPTH, EYE_Y, SUPER, Sketch, both, curve, mirror, oval, ring

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
