"""Does the paper hold? Each of :data:`emolib.paper.CLAIMS` against what was measured here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from emolib import paper
from emolib.pruning import angles

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"

# A figure printed to two digits is met by anything that rounds to it.
ROUNDING = 0.005
# A difference between mean recalls below one point is no difference that 675 rows could show.
NOTABLE = 0.01


@dataclass(frozen=True)
class Evidence:
    """What was measured, as :func:`emolib.metrics.spread` gives it.

    Attributes:
        table_3: recall by ``model`` (the rows of Table 3), ``protocol``, ``recipe`` and ``emotion``.
        widths: recall by ``modality``, ``protocol``, ``recipe``, ``hidden`` and ``emotion``, nothing pruned.
        angles: mean recall by ``modality``, ``protocol``, ``recipe``, ``angle`` and ``centre``.
        centres: mean of features 2 to 5 of each modality after min-max scaling.
    """

    table_3: pd.DataFrame
    widths: pd.DataFrame
    angles: pd.DataFrame
    centres: list[float]


def judge(evidence: Evidence) -> pd.DataFrame:
    """One row a claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``.

    A figure or a trend is reproduced when random and person-independent folds both show it, partly when one does,
    under the recipe that does better on average; the recipe is named.
    """
    rows = []
    for claim in paper.CLAIMS:
        ours, verdict = RULES[claim.id](evidence)
        rows.append((claim.id, claim.place, claim.text, claim.paper, ours, verdict))
    return pd.DataFrame(rows, columns=["id", "place", "claim", "paper", "ours", "verdict"])


def _verdict(shown: list[bool]) -> str:
    return REPRODUCED if all(shown) else PARTLY if any(shown) else NOT


def _best_recipe(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the recipe whose mean is highest."""
    return rows[rows["recipe"] == rows.groupby("recipe")["mean"].mean().idxmax()]


def _mean_recall(evidence: Evidence, model: str, emotion: str = "average") -> pd.DataFrame:
    """A row for each protocol."""
    table = evidence.table_3
    model_rows = _best_recipe(table[(table["model"] == model) & (table["emotion"] == "average")])
    rows = table[(table["model"] == model) & (table["emotion"] == emotion) & (table["recipe"] == model_rows["recipe"].iloc[0])]
    return rows.set_index("protocol")


def _level(model: str) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = _mean_recall(evidence, model)
        printed = paper.TABLE_3_AVERAGE[model]
        shown = [low - ROUNDING <= printed <= high + ROUNDING or mean > printed for low, high, mean in rows[["low", "high", "mean"]].to_numpy()]
        ours = ", ".join(f"{p} {r['mean']:.2f} ({r['low']:.2f} to {r['high']:.2f})" for p, r in rows.iterrows())
        return f"{ours}; {rows['recipe'].iloc[0]}", _verdict(shown)

    return rule


def _gain(models: tuple[str, ...], printed: float) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        baseline = float(np.mean(paper.SPI_BASELINE["recall"]))
        best = max((_mean_recall(evidence, model) for model in models), key=lambda rows: rows["mean"].mean())
        gains = best["mean"] - baseline
        ours = ", ".join(f"{protocol} {gain:+.2f}" for protocol, gain in gains.items())
        return f"{ours} over the baseline's recall of {baseline:.2f}", _verdict(list(gains >= printed - ROUNDING))

    return rule


def _order(better: str, worse: tuple[str, ...]) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        ahead = _mean_recall(evidence, better)
        behind = pd.concat([_mean_recall(evidence, model)["mean"] for model in worse], axis=1).max(axis=1)
        margin = ahead["mean"] - behind
        return ", ".join(f"{protocol} {gap:+.3f}" for protocol, gap in margin.items()), _verdict(list(margin > NOTABLE))

    return rule


def _table_2(_: Evidence) -> tuple[str, str]:
    degrees = angles(torch.tensor(paper.TABLE_1)).numpy()
    worst = max(abs(degrees[i - 1, j - 1] - printed) for (i, j), printed in paper.TABLE_2.items())
    return f"largest difference {worst:.2f}°, on activations as they are", REPRODUCED if worst <= 0.15 else NOT


def _feature_centres(evidence: Evidence) -> tuple[str, str]:
    near = [abs(centre - 0.4) <= 0.1 for centre in evidence.centres]
    return ", ".join(f"{centre:.2f}" for centre in evidence.centres), _verdict(near)


def _averages(_: Evidence) -> tuple[str, str]:
    off = max(abs(np.mean(row) - paper.TABLE_3_AVERAGE[model]) for model, row in paper.TABLE_3.items())
    return f"largest difference {off:.4f}", REPRODUCED if off <= ROUNDING else CONTRADICTED


def _more_units(evidence: Evidence) -> tuple[str, str]:
    rows = _best_recipe(evidence.widths[evidence.widths["emotion"] == "average"])
    gains = {}
    for (protocol, modality), part in rows.groupby(["protocol", "modality"], sort=False):
        part = part.sort_values("hidden")
        gains[f"{modality} {protocol}"] = part["mean"].iloc[-1] - part["mean"].iloc[0]
    ours = ", ".join(f"{name} {gain:+.3f}" for name, gain in gains.items())
    return f"{ours} (widest over narrowest; {rows['recipe'].iloc[0]})", _verdict([gain > NOTABLE for gain in gains.values()])


def _best_angle(evidence: Evidence) -> tuple[str, str]:
    rows = _best_recipe(evidence.angles)
    if not (rows["angle"] == 60).any():
        return "60° was not among the angles", UNTESTABLE + " (60° was not among the angles)"
    shown, best = [], {0.5: [], 0.0: []}
    for (centre, modality, protocol), part in rows.groupby(["centre", "modality", "protocol"], sort=False):
        mean = part.set_index("angle")["mean"]
        shown.append(mean[60.0] - mean.drop(60.0).max() > NOTABLE)
        best[centre].append(f"{modality} {protocol} {mean.idxmax():g}°")
    ours = f"best at, shifted: {', '.join(best[0.5])}; as they are: {', '.join(best[0.0])}; {rows['recipe'].iloc[0]}"
    return ours, _verdict(shown)


def _happy_width(evidence: Evidence) -> tuple[str, str]:
    rows = evidence.widths
    rows = _best_recipe(rows[(rows["emotion"] == "Happy") & (rows["modality"] == "PHOG")])
    shown, ours = [], []
    for protocol, part in rows.groupby("protocol", sort=False):
        mean = part.set_index("hidden")["mean"].sort_index()
        inner = mean.iloc[1:-1].max()
        shown.append(mean.idxmin() == mean.index[-1] and inner > mean.iloc[0])
        ours.append(f"{protocol} {mean.iloc[0]:.2f} at {mean.index[0]}, {mean.iloc[-1]:.2f} at {mean.index[-1]}, lowest at {mean.idxmin()}")
    return "; ".join(ours), _verdict(shown)


def _printed(model: str, emotion: str) -> float:
    return paper.TABLE_3[model][paper.EMOTIONS.index(emotion)]


def _lpq_best_fear(_: Evidence) -> tuple[str, str]:
    own, fusion = _printed("LPQ CNN", "Fear"), _printed("CNN fusion", "Fear")
    return f"Table 3: LPQ {own:.2f}, fusion {fusion:.2f}", CONTRADICTED if fusion > own else REPRODUCED


def _fusion_best_four(_: Evidence) -> tuple[str, str]:
    lost = [e for e in ("Angry", "Disgust", "Happy", "Surprise") if _printed("PHOG CNN", e) > _printed("CNN fusion", e)]
    ours = ", ".join(f"{e}: PHOG {_printed('PHOG CNN', e):.2f}, fusion {_printed('CNN fusion', e):.2f}" for e in lost)
    return f"Table 3: {ours}", CONTRADICTED if lost else REPRODUCED


def _fusion_weak_disgust(_: Evidence) -> tuple[str, str]:
    row = paper.TABLE_3["CNN fusion"]
    rank = sorted(row, reverse=True).index(_printed("CNN fusion", "Disgust")) + 1
    return f"Table 3: {_printed('CNN fusion', 'Disgust'):.2f}, rank {rank} of {len(row)}", CONTRADICTED if rank <= 3 else REPRODUCED


def _same_measure(_: Evidence) -> tuple[str, str]:
    source = next((measure for measure, row in paper.SPI_BASELINE.items() if row == paper.TABLE_3["SPI baseline"]), None)
    ours = f"the row is the {source} of Dhall et al. under person-independent folds; the paper names neither for its own rows"
    return ours, UNTESTABLE + " (the paper states neither its measure nor its split)"


RULES: dict[str, Callable[[Evidence], tuple[str, str]]] = {
    "table-2": _table_2,
    "feature-centres": _feature_centres,
    "averages": _averages,
    "lpq-shallow": _level("LPQ shallow"),
    "phog-shallow": _level("PHOG shallow"),
    "lpq-cnn": _level("LPQ CNN"),
    "phog-cnn": _level("PHOG CNN"),
    "fusion": _level("CNN fusion"),
    "shallow-gain": _gain(("LPQ shallow", "PHOG shallow"), 0.08),
    "fusion-gain": _gain(("CNN fusion",), 0.12),
    "more-units": _more_units,
    "best-angle": _best_angle,
    "phog-beats-lpq": _order("PHOG shallow", ("LPQ shallow",)),
    "fusion-beats-either": _order("CNN fusion", ("LPQ CNN", "PHOG CNN")),
    "happy-width": _happy_width,
    "lpq-best-fear": _lpq_best_fear,
    "fusion-best-four": _fusion_best_four,
    "fusion-weak-disgust": _fusion_weak_disgust,
    "same-measure": _same_measure,
}
