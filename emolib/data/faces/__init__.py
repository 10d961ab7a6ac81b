"""One grey portrait, drawn from facial action units: :func:`draw_face`.

An action unit (AU) is the visible work of one facial muscle, numbered as in the Facial Action
Coding System (Ekman and Friesen 1978). Here a unit moves the control points of a drawing: brows,
lids, lips, jaw.
"""

from emolib.data.faces.person import HAIR_STYLES, OCCLUDERS, PROTOTYPES, UNITS, Identity, View
from emolib.data.faces.portrait import draw_face

__all__ = ["HAIR_STYLES", "OCCLUDERS", "PROTOTYPES", "UNITS", "Identity", "View", "draw_face"]
