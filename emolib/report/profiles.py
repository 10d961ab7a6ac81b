"""How much work a report does: a name for each set of parameters the chapters declare, and what a
parameter may be.
"""

from typing import Any

QUICK: dict[str, Any] = {
    "seeds": 1,
    "widths": [6, 11, 16],
    "angles": [0, 15, 30, 60, 90],
    "draws": 60,
    "cnn_draws": 8,
    "pick_draws": 8,
    "every_reading": False,
    "shuffles": 100,
}
PAPER: dict[str, Any] = {
    "seeds": 10,
    "widths": list(range(6, 17)),
    "angles": list(range(0, 91, 10)),
    "draws": 1000,
    "cnn_draws": 100,
    "pick_draws": 100,
    "every_reading": True,
    "shuffles": 500,
}

PROFILES = {
    # a minute on a laptop: enough networks to see every effect, too few for narrow intervals
    "quick": QUICK,
    # every hidden-layer width and angle of the paper's figures
    "paper": PAPER,
    # the same with more seeds, for narrower intervals, and as many draws of CNNs as of shallow
    # networks
    "full": PAPER | {"seeds": 30, "cnn_draws": 1000},
}

# From where to where a parameter may lie; of a list, each of its values.
BOUNDS = {
    "seeds": (1, 1_000),
    "epochs": (0, 100_000),
    "folds": (2, 100),
    "widths": (1, 1_024),
    "angles": (0, 180),
    "draws": (1, 100_000),
    "cnn_draws": (1, 100_000),
    "pick_draws": (1, 10_000),
    "shuffles": (1, 100_000),
}
