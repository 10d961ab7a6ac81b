"""One function a figure: tables in, a :class:`Picture` out. Nothing here computes a result or
trains a network.
"""

from emolib.figures.costs import costs
from emolib.figures.curves import learning_curves
from emolib.figures.diagrams import fusion_network, shallow_network
from emolib.figures.distributions import box_plots
from emolib.figures.evidence import error_rates, luck, picks, specification_curve
from emolib.figures.faces import eigenfaces, sample_faces
from emolib.figures.matrices import angle_matrix, confusion_matrices
from emolib.figures.pruned import pruned_network
from emolib.figures.readings import face_reading, face_row
from emolib.figures.splits import fold_map, score_distribution
from emolib.figures.states import network_state
from emolib.figures.style import Picture
from emolib.figures.sweeps import accuracy_curves, emotion_bars, emotion_curves, levels, loss_curves
from emolib.figures.wildness import wildness_curves

__all__ = [
    "Picture",
    "accuracy_curves",
    "angle_matrix",
    "box_plots",
    "confusion_matrices",
    "costs",
    "eigenfaces",
    "emotion_bars",
    "emotion_curves",
    "error_rates",
    "face_reading",
    "face_row",
    "fold_map",
    "fusion_network",
    "learning_curves",
    "levels",
    "loss_curves",
    "luck",
    "network_state",
    "picks",
    "pruned_network",
    "sample_faces",
    "score_distribution",
    "shallow_network",
    "specification_curve",
    "wildness_curves",
]
