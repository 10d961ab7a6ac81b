"""The paper's models, their pruning, training by the thousand, metrics and figures: the names a notebook imports.

They load when first used, so that a process that trains does not wait for the libraries that draw.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "paper"],
    submod_attrs={
        "cache": ["Cache"],
        "claims": ["Evidence", "judge"],
        "data": ["EmotionData", "load"],
        "folds": ["PROTOCOLS", "make_folds"],
        "line_up": ["models_of"],
        "metrics": ["MEASURES", "by_emotion", "confusion", "spread"],
        "models": ["FeatureNet", "FusionNet", "ShallowNet"],
        "preprocessing": ["scale"],
        "pruning": ["angles", "prune_network"],
        "sweeps": ["RECIPES", "sweep"],
        "training": ["Trained", "train"],
    },
)
