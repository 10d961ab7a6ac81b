"""The paper's models, their pruning, training by the thousand, metrics and figures: the names a notebook imports.

They load when first used, so that a process that trains does not wait for the libraries that draw.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["baselines", "figures", "luck", "paper"],
    submod_attrs={
        "cache": ["Cache"],
        "calibration": ["calibrate"],
        "claims": ["judge"],
        "memory": ["computed"],
        "data": ["EmotionData", "load"],
        "estimators": ["FusionCNNClassifier", "PrunedShallowClassifier"],
        "evidence": ["conditions", "differences", "gather", "measured"],
        "folds": ["KEPT_APART", "PROTOCOLS", "SINGLE", "make_folds"],
        "grid_search": ["SweepGridSearchCV"],
        "leakage": ["near_duplicates"],
        "line_up": ["OF_THE_PAPER", "models_of"],
        "metrics": ["MEASURES", "by_emotion", "confusion", "spread"],
        "models": ["FeatureNet", "FusionNet", "ShallowNet"],
        "preprocessing": ["scale"],
        "pruning": ["angles", "prune_network"],
        "removal": ["survivors"],
        "sweeps": ["LOSSES", "OPTIMISERS", "RECIPES", "sweep"],
        "training": ["Trained", "train"],
    },
)
