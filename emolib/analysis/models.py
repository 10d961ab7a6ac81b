"""Which models a report compares: the rows of the paper's Table 3, and what the data allow beyond
them.
"""

from typing import Any

from emolib.data import EmotionData
from emolib.training.image_network import IMAGE, NETWORK

# The models of the paper, and the columns of a sweep that make them.
PAPER_MODELS: dict[str, dict[str, Any]] = {
    "LPQ shallow": {"modality": "LPQ", "angle": 60},
    "PHOG shallow": {"modality": "PHOG", "angle": 60},
    "LPQ CNN": {"modality": "LPQ", "network": "cnn"},
    "PHOG CNN": {"modality": "PHOG", "network": "cnn"},
    "CNN fusion": {"modality": "LPQ+PHOG", "network": "cnn"},
}


def table3_models(data: EmotionData) -> dict[str, dict[str, Any]]:
    """The models of Table 3, and for each modality beyond LPQ and PHOG the same again, alone and
    fused with both.

    Where the data hold the images themselves, a two-dimensional branch joins, alone and fused.

    Returns:
        For the name of each model the choices for :func:`emolib.sweep`.

    Example:
        >>> list(table3_models(load("faces")))[5:]
        ['image shallow', 'image CNN', 'CNN fusion with image', '2-D CNN', '2-D CNN fusion']
    """
    models = dict(PAPER_MODELS)
    for modality in data.modalities:
        if modality not in ("LPQ", "PHOG"):
            models[f"{modality} shallow"] = {"modality": modality, "angle": 60}
            models[f"{modality} CNN"] = {"modality": modality, "network": "cnn"}
            models[f"CNN fusion with {modality}"] = {
                "modality": f"LPQ+PHOG+{modality}",
                "network": "cnn",
            }
    if IMAGE in data.descriptors:
        models["2-D CNN"] = {"modality": IMAGE, "network": NETWORK}
        models["2-D CNN fusion"] = {"modality": f"LPQ+PHOG+{IMAGE}", "network": NETWORK}
    return models
