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
        table_3: recall and average precision by ``measure``, ``model`` (the rows of Table 3), ``protocol``, ``recipe``
            and ``emotion``.
        widths: recall by ``modality``, ``protocol``, ``recipe``, ``hidden`` and ``emotion``, nothing pruned.
        angles: mean recall by ``modality``, ``protocol``, ``recipe``, ``angle`` and ``centre``.
        centres: for each modality the means of features 2 to 5 after min-max scaling.
    """

    table_3: pd.DataFrame
    widths: pd.DataFrame
    angles: pd.DataFrame
    centres: dict[str, list[float]]


def judge(evidence: Evidence) -> pd.DataFrame:
    """One row a claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``.

    A claim about results is reproduced when random and person-independent folds both show it, partly when one does,
    each under the recipe that does better on average. A level shows when the printed figure lies within our seeds or
    below their mean; a gain when our mean is as far ahead as printed; an order or a trend when it holds by more than
    :data:`NOTABLE` for every modality.
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


def _average(evidence: Evidence, model: str, measure: str = "recall") -> pd.DataFrame:
    """Average over emotions, a row for each protocol."""
    table = evidence.table_3[evidence.table_3["measure"] == measure]
    rows = _best_recipe(table[(table["model"] == model) & (table["emotion"] == "average")])
    return rows.set_index("protocol")


def _level(model: str) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = _average(evidence, model)
        printed = paper.TABLE_3_AVERAGE[model]
        shown = [low - ROUNDING <= printed <= high + ROUNDING or mean > printed for low, high, mean in rows[["low", "high", "mean"]].to_numpy()]
        ours = ", ".join(f"{p} {r['mean']:.2f} ({r['low']:.2f} to {r['high']:.2f})" for p, r in rows.iterrows())
        precision = _average(evidence, model, "average precision")["mean"]
        by_precision = " and ".join(f"{value:.2f}" for value in precision)
        return f"{ours}; {rows['recipe'].iloc[0]}; by average precision {by_precision}", _verdict(shown)

    return rule


def _gain(models: tuple[str, ...], printed: float) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        baseline = float(np.mean(paper.SPI_BASELINE["recall"]))
        best = max((_average(evidence, model) for model in models), key=lambda rows: rows["mean"].mean())
        gains = best["mean"] - baseline
        ours = ", ".join(f"{protocol} {gain:+.2f}" for protocol, gain in gains.items())
        return f"{ours} over the baseline's recall of {baseline:.2f}; {best['recipe'].iloc[0]}", _verdict(list(gains >= printed - ROUNDING))

    return rule


def _order(better: str, worse: tuple[str, ...]) -> Callable[[Evidence], tuple[str, str]]:
    def rule(evidence: Evidence) -> tuple[str, str]:
        ahead = _average(evidence, better)
        behind = pd.concat([_average(evidence, model)["mean"] for model in worse], axis=1).max(axis=1)
        margin = ahead["mean"] - behind
        ours = ", ".join(f"{protocol} {gap:+.3f}" for protocol, gap in margin.items())
        return f"{ours}; {ahead['recipe'].iloc[0]}", _verdict(list(margin > NOTABLE))

    return rule


def _table_2(_: Evidence) -> tuple[str, str]:
    degrees = angles(torch.tensor(paper.TABLE_1)).numpy()
    worst = max(abs(degrees[i - 1, j - 1] - printed) for (i, j), printed in paper.TABLE_2.items())
    return f"largest difference {worst:.2f}°, on activations as they are", REPRODUCED if worst <= 0.15 else NOT


def _feature_centres(evidence: Evidence) -> tuple[str, str]:
    ours = "; ".join(f"{modality} {', '.join(f'{c:.2f}' for c in centres)}" for modality, centres in evidence.centres.items())
    return ours, _verdict([abs(centre - 0.4) <= 0.1 for centres in evidence.centres.values() for centre in centres])


def _averages(_: Evidence) -> tuple[str, str]:
    off = max(abs(np.mean(row) - paper.TABLE_3_AVERAGE[model]) for model, row in paper.TABLE_3.items())
    return f"largest difference {off:.4f}", REPRODUCED if off <= ROUNDING else CONTRADICTED


def _more_units(evidence: Evidence) -> tuple[str, str]:
    rows = _best_recipe(evidence.widths[evidence.widths["emotion"] == "average"])
    mean = rows.set_index(["protocol", "modality", "hidden"])["mean"].unstack().sort_index(axis=1)
    if mean.shape[1] < 2:
        return "one width only", UNTESTABLE + " (one width only)"
    gain = mean.iloc[:, -1] - mean.iloc[:, 0]
    ours = ", ".join(f"{modality} {protocol} {value:+.3f}" for (protocol, modality), value in gain.items())
    shown = (gain > NOTABLE).groupby("protocol").all().tolist()
    return f"{ours} (widest over narrowest; {rows['recipe'].iloc[0]})", _verdict(shown)


def _best_angle(evidence: Evidence) -> tuple[str, str]:
    rows = _best_recipe(evidence.angles)
    mean = rows.set_index(["centre", "protocol", "modality", "angle"])["mean"].unstack()
    if 60.0 not in mean or mean.shape[1] < 2:
        return "60° was not among the angles", UNTESTABLE + " (60° was not among the angles)"
    ahead = mean[60.0] - mean.drop(columns=60.0).max(axis=1) > NOTABLE
    # shown by a protocol if all modalities agree under one of the two conventions
    shown = ahead.groupby(["protocol", "centre"]).all().groupby("protocol").any().tolist()
    best = {
        centre: ", ".join(f"{modality} {protocol} {angle:g}°" for (protocol, modality), angle in part.droplevel(0).items())
        for centre, part in mean.idxmax(axis=1).groupby("centre")
    }
    return f"best at, shifted: {best[0.5]}; as they are: {best[0.0]}; {rows['recipe'].iloc[0]}", _verdict(shown)


def _happy_width(evidence: Evidence) -> tuple[str, str]:
    phog = evidence.widths[evidence.widths["modality"] == "PHOG"]
    recipe = _best_recipe(phog[phog["emotion"] == "average"])["recipe"].iloc[0]
    rows = phog[(phog["emotion"] == "Happy") & (phog["recipe"] == recipe)]
    mean = rows.set_index(["protocol", "hidden"])["mean"].unstack().sort_index(axis=1)
    if mean.shape[1] < 3 or mean.columns[-1] != 16:
        return "too few widths, or none of 16", UNTESTABLE + " (too few widths, or none of 16)"
    shown, ours = [], []
    for protocol, row in mean.iterrows():
        shown.append(row.idxmin() == 16 and row.iloc[1:-1].max() > row.iloc[0])
        ours.append(f"{protocol} {row.iloc[0]:.2f} at {row.index[0]}, {row.iloc[-1]:.2f} at 16, lowest at {row.idxmin()}")
    return f"{'; '.join(ours)}; {recipe}", _verdict(shown)


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
    ours = (
        f"the row is the {source} of Dhall et al. under person-independent folds; the paper calls its own figures average "
        "precision in section 4.2 and accuracy in section 4.3, and states no split"
    )
    return ours, UNTESTABLE + " (the paper states no split, and two measures)"


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
