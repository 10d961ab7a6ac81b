"""One portrait, from its parts.

Axes: ``H`` × ``W`` pixels of the picture, 96 each.
"""

import numpy as np
from numpy.typing import NDArray

from emolib.data.faces.expression import draw_brows, draw_eyes, draw_folds, draw_mouth, draw_nose
from emolib.data.faces.hair import draw_beard, draw_hair_behind, draw_hair_front
from emolib.data.faces.head import draw_body, draw_glasses, draw_head
from emolib.data.faces.person import UNITS, Identity, View
from emolib.data.faces.scene import backdrop, camera, light, occluder
from emolib.data.faces.sketch import Sketch


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
        >>> surprised = draw_face({1: 1, 2: 1, 5: 1, 26: 1}, Identity(hair_style="bun"), View(yaw=15))
    """
    unknown = sorted(set(units) - set(UNITS))
    if unknown:
        raise ValueError(f"no drawing for action units {unknown}; known are {sorted(UNITS)}")
    au = {number: float(units.get(number, 0.0)) for number in UNITS}
    rng = np.random.default_rng(view.seed)
    sketch = Sketch(identity, view)
    draw_hair_behind(sketch)
    draw_body(sketch)
    draw_head(sketch, au)
    draw_folds(sketch, au)
    draw_nose(sketch, au)
    draw_eyes(sketch, au)
    draw_brows(sketch, au)
    draw_mouth(sketch, au)
    draw_beard(sketch, au)
    draw_hair_front(sketch)
    draw_glasses(sketch)
    picture = view.exposure * sketch.over(backdrop(view, rng), light(sketch, au))
    if view.occluder:
        picture = occluder(identity, view, rng).over(picture, view.exposure)
    return camera(picture, view, rng)
