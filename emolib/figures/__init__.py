"""One function per figure: tables in, a :class:`Picture` out.

Nothing here computes a result or trains a network.
"""

from emolib.figures.curves import (
    accuracy_curves,
    emotion_curves,
    epoch_curves,
    learning_curves,
    training_costs,
    wildness_curves,
)
from emolib.figures.faces import box_plots, eigenfaces, face_reading, face_row, sample_faces
from emolib.figures.networks import (
    angle_matrix,
    fusion_network,
    network_state,
    pruned_network,
    shallow_network,
)
from emolib.figures.results import (
    confusion_matrices,
    emotion_bars,
    error_rates,
    fold_map,
    model_recall,
    score_distribution,
    specification_curve,
    split_recall,
)
from emolib.figures.style import Picture

__all__ = [
    "Picture",
    "accuracy_curves",
    "angle_matrix",
    "box_plots",
    "confusion_matrices",
    "eigenfaces",
    "emotion_bars",
    "emotion_curves",
    "epoch_curves",
    "error_rates",
    "face_reading",
    "face_row",
    "fold_map",
    "fusion_network",
    "learning_curves",
    "model_recall",
    "network_state",
    "pruned_network",
    "sample_faces",
    "score_distribution",
    "shallow_network",
    "specification_curve",
    "split_recall",
    "training_costs",
    "wildness_curves",
]
