"""Persons, views, and emotions as facial action units, of the drawn faces."""

from dataclasses import dataclass

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
    1: "inner brow up",
    2: "outer brow up",
    4: "brows lowered",
    5: "upper lid up",
    6: "cheek up",
    7: "lids tightened",
    9: "nose wrinkled",
    12: "lip corners up",
    15: "lip corners down",
    16: "lower lip down",
    17: "chin up",
    20: "lips stretched",
    23: "lips tightened",
    25: "lips parted",
    26: "jaw dropped",
}

HAIR_STYLES = ("cropped", "parted", "long", "bun", "curly", "bald")
OCCLUDERS = ("", "hand", "strand", "scarf", "shoulder")


@dataclass(frozen=True)
class Identity:
    """Properties of a person, the same in every picture. Lengths in pixels, tones 0 to 255."""

    head_width: float = 24.0  # half-axis
    head_height: float = 31.0  # half-axis
    jaw: float = 0.72  # width at the mouth as a share of the head's
    skin: float = 186.0
    eye_spacing: float = 10.5  # from the middle of the face to an eye
    eye_size: float = 5.2  # half the distance between the corners
    iris: float = 70.0  # tone
    brow_height: float = 8.5  # above the eyes
    brow_thickness: float = 1.5
    nose_length: float = 11.5  # from the eye line to the tip
    nose_width: float = 4.2
    mouth_height: float = 19.0  # below the eye line
    mouth_width: float = 8.5  # half the distance between the corners
    lip_fullness: float = 2.0
    hair_style: str = "parted"
    hair: float = 62.0  # tone
    clothes: float = 90.0  # tone
    glasses: bool = False
    beard: float = 0.0  # 0 shaven to 1 full


@dataclass(frozen=True)
class View:
    """What differs between two pictures of one face. Angles in degrees, lengths in pixels."""

    roll: float = 0.0  # tilted clockwise, as the viewer sees it
    yaw: float = 0.0  # turned to the viewer's right
    pitch: float = 0.0  # chin up
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: float = -35.0  # where the lamp stands: -90 left, 0 front, 90 right
    contrast: float = 0.45  # share of the light that comes from the lamp
    exposure: float = 1.0
    backdrop: float = 168.0  # tone
    blur: float = 0.0  # standard deviation
    occluder: str = ""  # one of OCCLUDERS
    clutter: float = 0.0  # opacity of the things behind the head, 0 to 1
    noise: float = 0.0  # standard deviation in grey levels
    seed: int = 0  # of the noise, the clutter and where the occluder lies
