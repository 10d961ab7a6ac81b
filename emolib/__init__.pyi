"""The names of the package, and where each is defined."""

__version__: str

from . import figures as figures
from . import paper as paper
from .analysis.error_rates import calibrate as calibrate
from .analysis.evidence import PAPER_MODELS as PAPER_MODELS
from .analysis.evidence import angle_sweep as angle_sweep
from .analysis.evidence import collect_evidence as collect_evidence
from .analysis.evidence import conditions as conditions
from .analysis.evidence import differences as differences
from .analysis.evidence import evaluate as evaluate
from .analysis.evidence import repetitions as repetitions
from .analysis.evidence import survivors as survivors
from .analysis.evidence import table3_models as table3_models
from .analysis.evidence import table3_sweep as table3_sweep
from .analysis.evidence import width_sweep as width_sweep
from .analysis.robustness import near_duplicates as near_duplicates
from .analysis.verdicts import evaluate_claims as evaluate_claims
from .data import EmotionData as EmotionData
from .data import load as load
from .estimators import FusionCNNClassifier as FusionCNNClassifier
from .estimators import PrunedShallowClassifier as PrunedShallowClassifier
from .folds import KEPT_APART as KEPT_APART
from .folds import PROTOCOLS as PROTOCOLS
from .folds import SINGLE as SINGLE
from .folds import make_folds as make_folds
from .folds import protocols as protocols
from .metrics import MEASURES as MEASURES
from .metrics import by_emotion as by_emotion
from .metrics import confusion as confusion
from .metrics import spread as spread
from .models import FeatureNet as FeatureNet
from .models import FusionNet as FusionNet
from .models import ShallowNet as ShallowNet
from .pruning import angles as angles
from .pruning import prune_network as prune_network
from .training.cache import Cache as Cache
from .training.scaling import scale as scale
from .training.sweeps import LOSSES as LOSSES
from .training.sweeps import OPTIMISERS as OPTIMISERS
from .training.sweeps import RECIPES as RECIPES
from .training.sweeps import sweep as sweep
from .training.train import Trained as Trained
from .training.train import train as train
from .utils.cache import cached as cached
