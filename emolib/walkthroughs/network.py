"""A network that trains in the browser: features, script and one run's picture as HTML."""

import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import HTML

import emolib
from emolib.data import EmotionData
from emolib.figures import learning_curves
from emolib.figures.style import EMOTION, Picture, dark, percent
from emolib.metrics import accuracy, predict
from emolib.report import cards
from emolib.training import sweeps
from emolib.training.stack import NetworkStack
from emolib.utils.validation import one_of

# The controls on the page, by the columns of a sweep, and their values unless told otherwise.
CONTROLS: dict[str, Any] = {
    "protocol": "random",
    "hidden": 16,
    "learning_rate": 0.01,  # of the recipe "converged"
    "max_epochs": 200,
    "angle": 0.0,
    "activation_shift": 0.5,
    "merge_weights": False,
    "seed": 0,
}
LEARNING_RATES = (1e-4, 1e-3, 1e-2, 1e-1)  # on offer
# Texts of the script, whose blanks stay; no template holds another.
TEXT = r"""("[^"\n]*"|'[^'\n]*'|`[^`]*`)"""


def network(modality: str = "PHOG", **preset: Any) -> HTML:
    """A 5-H-7 network on the drawn faces that trains on the page, with controls, learning curves,
    hidden units and recall; without script a picture of one run.

    Args:
        modality: of the features, ``"LPQ"`` or ``"PHOG"``.
        preset: values of :data:`CONTROLS` to begin with.

    Raises:
        ValueError: there is no such control, or it cannot have the value.

    Example:
        >>> network(angle=15, activation_shift=0.0)
    """
    for name in preset:
        one_of("control", name, CONTROLS)
    data = emolib.load().as_distributed()
    table = sweeps.sweep(modality=modality, **CONTROLS | preset)
    row = sweeps.check(table, data)[0]
    one_of("learning_rate", row["learning_rate"], LEARNING_RATES)
    _, people = np.unique(data.resampling_units, return_inverse=True)
    parts = data.features[modality], data.labels.astype(np.uint8), people.astype(np.uint8)
    shown = {
        # an option's value is 0 or 1
        "preset": {name: row[name] for name in CONTROLS} | {"merge_weights": +row["merge_weights"]},
        "emotions": {name: (EMOTION[name], dark(EMOTION[name])) for name in data.classes},
        "faces": base64.b64encode(b"".join(part.tobytes() for part in parts)).decode(),
    }
    picture, caption = one_run(data, row)
    drawn = cards.macro("cards.html", "picture", cards._drawn(picture))
    return HTML(
        f'<div class="network" data-network="{escape(json.dumps(shown))}"><style>{style()}</style>'
        f'<div class="still">{drawn}<p>{caption}</p></div><script>{script()}</script></div>'
    )


def one_run(data: EmotionData, row: sweeps.Row) -> tuple[Picture, str]:
    """Learning curves of one network of a sweep, and a sentence on its end."""
    stack, rows = NetworkStack(data, [row]), []
    while stack.training.any():
        (loss,) = stack.epoch()
        result = stack.result(0)
        right = accuracy(data.labels[result.test_rows], predict(result.scores))
        for panel, line, value in (
            ("training loss", "training rows", loss),
            ("accuracy", "training rows", result.train_accuracy),
            ("accuracy", "test rows", right),
        ):
            rows.append((panel, line, stack.epochs, value, value, value))
    history = pd.DataFrame(rows, columns=["panel", "line", "epoch", "mean", "low", "high"])
    return learning_curves(history, stack.epochs, {"accuracy": 1 / len(data.classes)}), (
        f"One run of the library with {row['protocol']} folds and a minimal angle of "
        f"{row['angle']:g}°: test accuracy {percent(right)} after {stack.epochs} epochs, "
        f"{result.units} of {row['hidden']} units left."
    )


def script() -> str:
    """The page's script without comments and blanks that it does not need."""
    source = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    parts = re.split(TEXT, re.sub(r"(^|  )\s*// [^\n]*", "", source, flags=re.MULTILINE))
    for place in range(0, len(parts), 2):
        code = re.sub(r"\s+", " ", parts[place])
        parts[place] = re.sub(r" ?([-+*/%=<>?:!&|,;{}()\[\]]) ?", r"\1", code)
    return "".join(parts).strip()


def style() -> str:
    """The page's style without comments and blanks that it does not need."""
    source = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/|\s*([{};,])\s*|(?<=:) ", r"\1", source).strip()


def allowed(page: str) -> str:
    """A page whose policy lets the script of its networks run, by the script's digest."""
    if 'class="network"' not in page:
        return page
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return page.replace("script-src ", f"script-src 'sha256-{digest}' ")
