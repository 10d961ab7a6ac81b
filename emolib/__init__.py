"""The paper's models, their pruning, training by the thousand, metrics and figures: the names a notebook imports."""

from emolib import figures, paper
from emolib.cache import Cache
from emolib.claims import Evidence, judge
from emolib.data import EmotionData, load
from emolib.folds import PROTOCOLS, folds
from emolib.metrics import MEASURES, by_emotion, confusion, spread
from emolib.models import FeatureNet, FusionNet, ShallowNet
from emolib.preprocessing import scale
from emolib.pruning import angles, prune_network
from emolib.sweep import RECIPES, sweep
from emolib.training import Trained, train

__all__ = [
    "MEASURES",
    "PROTOCOLS",
    "RECIPES",
    "Cache",
    "EmotionData",
    "Evidence",
    "FeatureNet",
    "FusionNet",
    "ShallowNet",
    "Trained",
    "angles",
    "by_emotion",
    "confusion",
    "figures",
    "folds",
    "judge",
    "load",
    "paper",
    "prune_network",
    "scale",
    "spread",
    "sweep",
    "train",
]
