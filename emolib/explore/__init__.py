"""Five explorers for a class: widgets around the library and the report's figures.

Each function returns one widget to be shown in JupyterLab, and needs nothing but data.
"""

import gc

from emolib.explore.face import face_maker
from emolib.explore.labs import confusion_lab, pruning_lab, split_lab, training_lab

__all__ = ["confusion_lab", "face_maker", "pruning_lab", "split_lab", "training_lab"]

# A full garbage collection takes a third of a second, and would fall into the move of a slider.
gc.freeze()
