"""H."""

import numpy as np

from emolib.data.faces.sketch import DEPTH, EYE_Y, SUPER, Sketch, curve, mirror, oval


def body(sketch: Sketch) -> None:
    face = sketch.identity
    chin = face.head_height
    shoulders = np.concatenate([
        curve((-46, chin + 40), (-44, chin + 9), (-20, chin + 7), (-9, chin - 1)),
        curve((9, chin - 1), (20, chin + 7), (44, chin + 9), (46, chin + 40)),
    ])
    sketch.fill(shoulders, face.clothes, lift=None)
    neck = [(-10.5, chin - 16), (10.5, chin - 16), (11.5, chin + 3), (0, chin + 11), (-11.5, chin + 3)]
    sketch.fill(np.array(neck), sketch.skin(0.74), lift=None)
    for side in (-1, 1):
        collar = curve((11.5, chin + 1), (7, chin + 8), (0, chin + 11))
        sketch.line(mirror(collar, side), 1.6, face.clothes * 0.72, None)


def outline(sketch: Sketch, au: dict[int, float]) -> np.ndarray:
    """The head's silhouette in the head frame: an ellipse drawn in at the jaw, its chin following the jaw."""
    face = sketch.identity
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    low = np.clip(np.sin(t), 0, 1)
    x = face.head_width * np.cos(t) * (1 - (1 - face.jaw) * low**2) * (1 + 0.14 * low * np.abs(np.cos(t)))
    y = face.head_height * np.sin(t) + low**3 * (4.5 * au[26] - 0.8 * au[17])
    # the skull turns about its axis: its rim stays, while chin and cheeks, nearer to the viewer, swing aside
    swing = DEPTH * (0.12 + 0.28 * low)
    return np.stack([x + swing * np.sin(sketch.yaw), y - 0.25 * DEPTH * low * np.sin(sketch.pitch)], axis=1)


def head(sketch: Sketch, au: dict[int, float]) -> None:
    face = sketch.identity
    for side in (-1, 1) if face.hair_style != "long" else ():
        x = side * (face.head_width + 1.2) * np.cos(sketch.yaw) - 4 * np.sin(sketch.yaw)
        sketch.fill(oval(x, EYE_Y + 4, 3.4, 6), sketch.skin(0.86), lift=None)
        sketch.fill(oval(x, EYE_Y + 4, 1.8, 3.8), sketch.skin(0.68), lift=None)
    sketch.fill(outline(sketch, au), face.skin, lift=None)


def glasses(sketch: Sketch) -> None:
    face = sketch.identity
    for side in (-1, 1):
        ring = oval(side * face.eye_spacing, EYE_Y + 0.6, face.eye_size + 2.6, face.eye_size + 1.2, 33)
        closed = np.concatenate([ring, ring[:1]])
        width = round(1.1 * SUPER * sketch.view.scale)
        sketch.draw.line(sketch.placed(sketch.turned(closed, 2)), fill=38, width=width, joint="curve")
        x = face.eye_spacing + face.eye_size + 2.4
        sketch.line(mirror(curve((x, EYE_Y - 0.4), (face.head_width - 0.5, EYE_Y)), side), 1.2, 38)
    gap = face.eye_spacing - face.eye_size - 2.2
    sketch.line(curve((-gap, EYE_Y - 0.4), (0, EYE_Y - 2), (gap, EYE_Y - 0.4)), 1.5, 38, lift=3)
