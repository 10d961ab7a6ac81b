"""P."""

import numpy as np

from emolib.data.faces.person import UNITS, Identity, View
from emolib.data.faces.expression import brow, eye, folds, mouth, nose
from emolib.data.faces.hair import beard, hair_behind, hair_front
from emolib.data.faces.head import body, glasses, head
from emolib.data.faces.scene import backdrop, camera, light, occluder
from emolib.data.faces.sketch import Sketch, over


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
    sketch = Sketch(identity, view)
    hair_behind(sketch)
    body(sketch)
    head(sketch, au)
    folds(sketch, au)
    nose(sketch, au)
    for side in (-1, 1):
        eye(sketch, au, side)
        brow(sketch, au, side)
    mouth(sketch, au)
    beard(sketch, au)
    hair_front(sketch)
    if identity.glasses:
        glasses(sketch)
    picture = view.exposure * over(backdrop(view, rng), sketch, light(sketch, au))
    if view.occluder:
        picture = over(picture, occluder(identity, view, rng), view.exposure)
    return camera(picture, view, rng)
