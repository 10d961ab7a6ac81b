"""Widgets around the library: five explorers for a class, on the same figure functions as the
report.

Each function returns one widget, ready to be shown in JupyterLab, and needs nothing but data.
"""

import gc

from emolib.explore.confusion import confusion_lab
from emolib.explore.face import face_maker
from emolib.explore.pruning import pruning_lab
from emolib.explore.splits import split_lab
from emolib.explore.training import training_lab

__all__ = ["confusion_lab", "face_maker", "pruning_lab", "split_lab", "training_lab"]

# Python would look through all that is loaded now and then, for a third of a second while a slider
# moves.
gc.freeze()
