"""A network that trains in the browser: features, script and one run's picture as HTML."""

import base64
import hashlib
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML

import emolib
from emolib.explore import live
from emolib.figures import learning_curves, style
from emolib.report import cards
from emolib.training import sweeps


def network(
    modality: str = "PHOG",
    protocol: str = "random",
    hidden: int = 16,
    learning_rate: float = 0.01,
    max_epochs: int = 200,
    angle: float = 0.0,
    activation_shift: float = 0.5,
    merge_weights: bool = False,
    seed: int = 0,
) -> HTML:
    """A 5-H-7 network on the drawn faces that trains on the page, with controls, learning curves,
    hidden units and recall; without script a picture of one run.

    Args:
        modality: of the features, ``"LPQ"`` or ``"PHOG"``.
        protocol, hidden, learning_rate, max_epochs, angle, activation_shift, merge_weights, seed:
            columns of a sweep, at which the controls begin; on offer are the learning rates 0.0001,
            0.001, 0.01 and 0.1, and the shifts 0.0 and 0.5.

    Raises:
        ValueError: a column of a sweep cannot have the value.

    Example:
        >>> network(angle=15, activation_shift=0.0)
    """
    table = emolib.sweep(**locals())
    data = emolib.load().as_distributed()
    row = sweeps.check(table, data)[0]
    whole = np.array([data.labels, pd.factorize(data.resampling_units)[0]], np.uint8)
    # options have numbers for values; nothing of this holds an apostrophe
    shown = {
        "preset": row | {"merge_weights": int(merge_weights)},
        "emotions": {
            name: (style.EMOTION[name], style.dark(style.EMOTION[name])) for name in data.classes
        },
        "faces": base64.b64encode(data.features[modality].tobytes() + whole.tobytes()).decode(),
    }
    script, rules = slim()
    return HTML(
        f"<div class=\"network\" data-network='{json.dumps(shown)}'><style>{rules}</style>"
        f'<div class="still">{one_run(data, table.head(1))}</div><script>{script}</script></div>'
    )


def one_run(data: emolib.EmotionData, table: pd.DataFrame) -> str:
    """Learning curves of one network of a sweep and a sentence on its end, as HTML; units that are
    left are not counted, because a lesson asks for them.
    """
    *_, history = live.history(data, table, partial(live.scores, data))
    end, setting = history.query("line == 'test rows'").iloc[-1], table.iloc[0]
    picture = learning_curves(history, end["epoch"], {"accuracy": 1 / len(data.classes)})
    return (
        f"{cards.macro('cards.html', 'picture', cards.as_svg(picture))}<p>For comparison, one run "
        f"of the library with {setting['protocol']} folds and a minimal angle of "
        f"{setting['angle']:g}°: test accuracy {style.percent(end['mean'])} after {end['epoch']} "
        "epochs.</p>"
    )


def slim() -> tuple[str, str]:
    """The page's script and style without comments and blanks that they do not need."""
    script, rules = (
        Path(__file__).with_suffix(end).read_text(encoding="utf-8") for end in (".js", ".css")
    )
    # texts keep their blanks; no template of the script holds another
    parts = re.split(
        r"""("[^"\n]*"|'[^'\n]*'|`[^`]*`)""",
        re.sub(r"(^|  )\s*// [^\n]*", "", script, flags=re.MULTILINE),
    )
    parts[::2] = [
        re.sub(r"\s*([-+*/%=<>?:!&|,;{}()\[\]])\s*", r"\1", re.sub(r"\s+", " ", code))
        for code in parts[::2]
    ]
    return (
        "".join(parts).strip(),
        re.sub(r"/\*.*?\*/|\s*([{};,])\s*|(?<=:) ", r"\1", rules).strip(),
    )


def allowed(page: str) -> str:
    """A page whose policy lets the script of its networks run, by the script's digest."""
    digest = base64.b64encode(hashlib.sha256(slim()[0].encode()).digest()).decode()
    wanted = int('class="network"' in page)  # times that the policy is replaced
    return page.replace("script-src", f"script-src 'sha256-{digest}'", wanted)
