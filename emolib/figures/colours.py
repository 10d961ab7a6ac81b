"""Colours and markers of emotions, modalities, protocols, layers and ways of training.

An emotion and a modality keep their colour in every figure. The colours are distinct under the
common colour-vision deficiencies, after Okabe and Ito; lines differ in marker as well.
"""

from typing import Any

EMOTION = {
    "Angry": "#c8430b",
    "Disgust": "#00805e",
    "Fear": "#6a4c93",
    "Happy": "#d99100",
    "Neutral": "#6b6b6b",
    "Sad": "#0068a5",
    "Surprise": "#c2608f",
    "average": "#111111",
}
EMOTION_MARKER = dict(zip(EMOTION, "osD^Xv<.", strict=True))
MODALITY = {"LPQ": "#17706b", "PHOG": "#9b2f6b", "LPQ+PHOG": "#2b2d42"}
MODALITY_MARKER = {"LPQ": "o", "PHOG": "s", "LPQ+PHOG": "D"}
UNNAMED = "#888888"  # an emotion or a modality that has no colour above
PROTOCOL = {"random": "#17706b", "person-independent": "#9b2f6b"}
OURS, OTHER = PROTOCOL.values()
PAPER = "#b07d00"  # what the paper printed, wherever it stands beside ours
GUESSING: dict[str, Any] = {
    "color": "#777777",
    "linewidth": 1,
    "linestyle": ":",
}  # the line of chance
SEQUENTIAL = "crest"  # the colour map of matrices

# Layers of a network and its hidden units, those that stay after pruning and those that go.
LAYER: dict[str, dict[str, Any]] = {
    "input": {"facecolor": "#eeeeee", "edgecolor": "#777777"},
    "hidden": {"facecolor": "#f7e3bd", "edgecolor": "#b07d00"},
    "gone": {"facecolor": "white", "edgecolor": "#c9c9c9", "linestyle": ":"},
    "Linear": {"facecolor": "#cfdcee", "edgecolor": "#33588c"},
    "Conv1d": {"facecolor": "#cfe8d5", "edgecolor": "#2f7d4a"},
    "MaxPool1d": {"facecolor": "#f3c9c2", "edgecolor": "#b0412f"},
}
CONNECTION = {"stays": "#33588c", "goes": "#c9c9c9"}

# Ways of training that the bench compares.
WAY = {
    "dataloader": "#c8430b",
    "loop": "#d99100",
    "sklearn": "#6a4c93",
    "jax": "#0068a5",
    "ours": "#111111",
}
