"""One function a figure: tables in, a :class:`Picture` out. Nothing here computes a result or trains a network."""

from emolib.figures.diagrams import fusion_network, shallow_network
from emolib.figures.distributions import box_plots
from emolib.figures.evidence import error_rates, luck, picks, specification_curve
from emolib.figures.faces import sample_faces
from emolib.figures.matrices import angle_matrix, confusion_matrices
from emolib.figures.states import network_state
from emolib.figures.style import Picture
from emolib.figures.sweeps import accuracy_curves, emotion_bars, emotion_curves, levels, loss_curves

__all__ = [
    "Picture",
    "accuracy_curves",
    "angle_matrix",
    "box_plots",
    "confusion_matrices",
    "emotion_bars",
    "emotion_curves",
    "error_rates",
    "fusion_network",
    "levels",
    "loss_curves",
    "network_state",
    "luck",
    "picks",
    "sample_faces",
    "shallow_network",
    "specification_curve",
]
