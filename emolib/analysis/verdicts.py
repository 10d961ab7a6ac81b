"""Verdicts on the claims of :mod:`emolib.paper`, from the rows of evidence and nothing else.

A rule reads rows of evidence, and returns for each protocol whether the claim is shown, refuted, or
left open by an interval that holds both, or by a number that is missing. The ids of these rows are
listed beside the verdict.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from emolib import paper
from emolib.analysis.evidence import WHO
from emolib.analysis.statistics import LIMITS, ROPE
from emolib.folds import PROTOCOLS

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"
NOT_JUDGED = "not judged"
OPEN = f"{UNTESTABLE} (the intervals hold both)"
# A figure printed to two digits is met by anything that rounds to it.
ROUNDING = 0.005
ALPHA = 0.05

MODALITIES = ("LPQ", "PHOG")
INTERVAL = "{protocol} {estimate:.2f} [{low:.2f}, {high:.2f}]"
POINTS = "{protocol} {estimate:+.3f} [{low:+.3f}, {high:+.3f}]"

# How far a statement is shown, in Kleene's logic: "and" is the minimum, "or" the maximum.
REFUTED, UNDECIDED, SHOWN = 0.0, 0.5, 1.0
Shown = NDArray[np.float64]
# The measurement in words, and either a result per protocol or the verdict itself.
Found = tuple[str, Shown | str]


class Evidence:
    """Rows of evidence by their columns, and a note of those that were read.

    Each model is judged by the recipe under which it does better on average, which favours the
    paper; a difference by that of its first model.

    Attributes:
        table: rows with the columns :data:`emolib.analysis.evidence.ROW`, and ``judged``: whether
            the row is of the recipe to judge by, or of none.
        read: ids of the rows that were read.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        averages = table[(table["kind"] == "recall") & (table["emotion"] == "average")]
        means = averages.groupby(["model", "recipe"])["estimate"].agg(
            lambda each: each.mean(skipna=False)
        )
        # a recipe without a result may be the better one: then it is the one that leaves it open
        better = means.fillna(np.inf).unstack("recipe").idxmax(axis=1)
        own = table["first"].fillna(table["model"]).map(better)
        judged = table["recipe"].isna() | (table["recipe"] == own)
        self.table = table.assign(judged=judged)
        self.read: list[str] = []

    def select(self, **columns: Any) -> pd.DataFrame:
        """Rows whose columns hold the given values."""
        held = [self.table[name] == value for name, value in columns.items()]
        return self.table[np.logical_and.reduce(held)]

    def rows(self, kind: str, **columns: Any) -> pd.DataFrame:
        """Rows of a kind whose columns hold the given values, see :meth:`select`."""
        found = self.select(kind=kind, **columns)
        if found.empty:
            raise ValueError(f"the evidence has no {kind} of {columns}; the claims need it")
        self.read += [name for name in found["id"] if name not in self.read]
        return found

    def level(self, model: str, emotion: str = "average", measure: str = "recall") -> pd.DataFrame:
        """Rows of a measure by protocol."""
        return self.rows(measure, model=model, emotion=emotion, judged=True)

    def gap(self, better: str, worse: str, emotion: str = "average") -> pd.DataFrame:
        """Rows of a difference by protocol."""
        return self.rows("difference", first=better, second=worse, emotion=emotion, judged=True)

    def printed(self, model: str, emotion: str = "average") -> float:
        """The figure of Table 3."""
        row = self.rows("printed", model=model, measure="accuracy", emotion=emotion)
        return float(row["estimate"].iloc[0])

    def baseline(self, measure: str) -> list[float]:
        """The figures of the baseline's own table, in the order of the emotions."""
        return self.rows("printed", model="SPI baseline", measure=measure)["estimate"].tolist()

    def models(self, varied: str, **columns: Any) -> dict[float, str]:
        """Models of a sweep by the column that it varies, smallest value first."""
        own = self.select(kind="recall", **columns).dropna(subset=varied).sort_values(varied)
        return dict(zip(own[varied], own["model"], strict=True))


def evaluate_claims(rows: pd.DataFrame) -> pd.DataFrame:
    """Verdicts, one row per claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``,
    ``evidence`` (ids of the rows it rests on).

    A claim about results is reproduced when both protocols show it, partly when one does, not
    reproduced when none does and one refutes it, and not testable when intervals leave it open
    under both. Where a protocol has no results, because the data do not say who is who, the verdict
    is that of the other alone and names it; a claim that this one leaves open is not judged.
    """
    protocols = rows["protocol"].dropna().unique()
    unknown = [WHO] if WHO in set(rows["id"]) else []
    missing = {p: f"there are no {p} folds" for p in PROTOCOLS if p not in protocols}
    if unknown:
        missing[PROTOCOLS[1]] = WHO
    alone = f"{' and '.join(protocols)} folds alone; {'; '.join(missing.values())}"
    found, evidence = [], Evidence(rows)
    for claim in paper.CLAIMS:
        evidence.read = []
        ours, verdict = RULES[claim.id](evidence)
        if not isinstance(verdict, str):
            ours += "".join(f"; {p} {NOT_JUDGED}: {why}" for p, why in missing.items())
            verdict = _verdict(verdict, alone if missing else "")
            evidence.read += unknown
        found.append((*claim, ours, verdict, evidence.read))
    columns = ["id", "place", "claim", "paper", "ours", "verdict", "evidence"]
    return pd.DataFrame(found, columns=columns)


def _verdict(shown: Shown, alone: str = "") -> str:
    """Verdict on the results per protocol; ``alone`` names the protocols, if one is missing."""
    word = PARTLY if SHOWN in shown else NOT if REFUTED in shown else NOT_JUDGED if alone else OPEN
    if alone:
        return f"{word} ({alone})"
    return REPRODUCED if (shown == SHOWN).all() else word


def _adds_up(shown: Shown) -> str:
    """The verdict on a statement about printed figures alone."""
    return {SHOWN: REPRODUCED, REFUTED: CONTRADICTED, UNDECIDED: OPEN}[float(shown)]


def _decide(refuted: Any, shown: Any) -> Shown:
    """Undecided where neither holds, as where a number is missing."""
    return np.where(refuted, REFUTED, np.where(shown, SHOWN, UNDECIDED))


def _near(value: ArrayLike, target: ArrayLike, tolerance: float) -> Shown:
    off = np.abs(np.subtract(value, target))
    return _decide(off > tolerance, off <= tolerance)


def _listed(rows: pd.DataFrame, text: str) -> str:
    return ", ".join(map(text.format_map, rows.to_dict("records")))


def _together(
    parts: dict[str, pd.DataFrame],
    test: Callable[[pd.DataFrame], Shown],
    text: str = POINTS,
) -> tuple[str, Shown]:
    """Several parts of a claim in words, and for each protocol whether all of them are shown."""
    shown: Shown = np.min([test(rows) for rows in parts.values()], axis=0)
    return "; ".join(f"{part}: {_listed(rows, text)}" for part, rows in parts.items()), shown


def _reaches(evidence: Evidence, rows: pd.DataFrame) -> Shown:
    """A level is shown if its interval reaches the printed figure and it is better than chance;
    refuted if it stays below.
    """
    figure = evidence.printed(*rows[["model", "emotion"]].iloc[0]) - ROUNDING
    shown = (rows["high"] >= figure) & (rows["p_holm"] <= ALPHA)
    return _decide(rows["high"] < figure, shown)


def _ahead(rows: pd.DataFrame) -> Shown:
    """A difference is shown if its interval lies above 0 and the t-test, which averages have,
    agrees; refuted if it can be no more than practically equivalent.
    """
    agrees = (rows["p"] <= ALPHA) | (rows["p"].isna() & (rows["emotion"] != "average"))
    return _decide(rows["high"] < ROPE, (rows["low"] > 0) & agrees)


def _behind(rows: pd.DataFrame) -> Shown:
    return _ahead(rows.assign(low=-rows["high"], high=-rows["low"]))


def _rank(model: str, emotion: str, evidence: Evidence) -> tuple[int, str]:
    """Rank of an emotion in Table 3, and its figure and rank in words."""
    printed = {e: evidence.printed(model, e) for e in paper.EMOTIONS}
    rank = 1 + sum(value > printed[emotion] for value in printed.values())
    return rank, f"{printed[emotion]:.2f}, rank {rank} of {len(printed)}"


def _level(model: str, evidence: Evidence) -> Found:
    rows = evidence.level(model)
    shown = _reaches(evidence, rows)
    precision = evidence.level(model, measure="average precision")
    means = " and ".join(precision["estimate"].map("{:.2f}".format))
    words = f"{_listed(rows, INTERVAL)}; {rows['recipe'].iloc[0]}; as average precision {means}"
    return words, shown


def _emotion_levels(model: str, emotions: tuple[str, ...], evidence: Evidence) -> Found:
    """Every emotion named must reach its figure in Table 3."""
    levels = {e: evidence.level(model, e) for e in emotions}
    return _together(levels, partial(_reaches, evidence), INTERVAL)


def _gain(models: tuple[str, ...], printed: float, evidence: Evidence) -> Found:
    """The best of some models gains on the baseline; a mean that is missing counts as the best."""
    baseline = float(np.mean(evidence.baseline("recall")))
    levels = [evidence.level(model) for model in models]
    best = levels[int(np.argmax([rows["estimate"].mean(skipna=False) for rows in levels]))]
    gains = best.assign(**{limit: best[limit] - baseline for limit in LIMITS})
    shown = _decide(gains["high"] < printed - ROUNDING, gains["low"] > 0)
    over = f"over the baseline's recall of {baseline:.2f}; {best['recipe'].iloc[0]}"
    return f"{_listed(gains, POINTS)} {over}", shown


def _order(better: str, worse: tuple[str, ...], evidence: Evidence) -> Found:
    return _together({f"over {other}": evidence.gap(better, other) for other in worse}, _ahead)


def _stronger(
    better: str,
    worse: tuple[str, ...],
    emotions: tuple[str, ...],
    evidence: Evidence,
    sign: int = 1,
) -> Found:
    """A model is better (``sign`` 1) or worse (-1) than others on some emotions: first in Table 3
    itself, then here.
    """
    pairs, printed = [(e, other) for e in emotions for other in worse], evidence.printed
    lost = [
        f"{e}: {better} {printed(better, e):.2f}, {other} {printed(other, e):.2f}"
        for e, other in pairs
        if sign * (printed(better, e) - printed(other, e)) < 0
    ]
    if lost:
        return f"Table 3: {'; '.join(lost)}", CONTRADICTED
    gaps = {f"{e}, against {other}": evidence.gap(better, other, e) for e, other in pairs}
    return _together(gaps, _ahead if sign > 0 else _behind)


def _separates(model: str, emotions: tuple[str, ...], evidence: Evidence) -> Found:
    """Emotions that a model is said to tell from the rest: among its best three in Table 3, and
    here better than chance.
    """
    ranks = {e: _rank(model, e, evidence) for e in emotions}
    weak = [f"{e} {text}" for e, (rank, text) in ranks.items() if rank > 3]
    if weak:
        return f"Table 3: {', '.join(weak)}", CONTRADICTED

    def test(rows: pd.DataFrame) -> Shown:
        below = rows["high"] < evidence.printed(model, rows["emotion"].iloc[0])
        return _decide((rows["p_holm"] > ALPHA) & below, rows["p_holm"] <= ALPHA)

    levels = {e: evidence.level(model, e) for e in emotions}
    ours, shown = _together(levels, test, INTERVAL + " p = {p_holm:.3f}")
    return f"{ours} (against exchanged labels, Holm over emotions)", shown


def _weak(model: str, emotion: str, evidence: Evidence) -> Found:
    rank, text = _rank(model, emotion, evidence)
    if rank <= 3:
        return f"Table 3: {text}", CONTRADICTED
    rows = evidence.level(model, emotion)
    return _listed(rows, INTERVAL), _decide(False, rows["p_holm"] > ALPHA)


def _confused(model: str, pairs: tuple[tuple[str, str], ...], evidence: Evidence) -> Found:
    rows = {
        f"{i} and {j}": evidence.rows("confusion", model=model, emotion=f"{i}, {j}", judged=True)
        for i, j in pairs
    }
    ours, shown = _together(rows, _ahead)
    return f"more than emotions on average: {ours}", shown


def _untried(why: str) -> Found:
    return why, f"{UNTESTABLE} ({why})"


def _more_units(evidence: Evidence) -> Found:
    models = {m: list(evidence.models("hidden", modality=m).values()) for m in MODALITIES}
    if min(map(len, models.values())) < 2:
        return _untried("one width only")
    ours, shown = _together({m: evidence.gap(own[-1], own[0]) for m, own in models.items()}, _ahead)
    return f"widest over narrowest: {ours}", shown


def _best_angle(evidence: Evidence) -> Found:
    texts, shown = [], []
    for (taken, shift), m in product((("shifted", 0.5), ("as they are", 0.0)), MODALITIES):
        own = evidence.models("angle", modality=m, activation_shift=shift)
        if 60.0 not in own or min(own) == 60.0:
            return _untried("60° and a smaller angle were not both tried")
        gap = {f"{m}, {taken}": evidence.gap(own[60.0], own[min(own)])}
        text, peaks = _together(gap, partial(_peak, own, evidence))
        texts.append(text)
        shown.append(peaks)
    # both modalities, but one of the two conventions is enough
    best = np.reshape(shown, (2, 2, -1)).min(1).max(0)
    return f"60° over the smallest angle: {'; '.join(texts)}", best


def _peak(models: dict[float, str], evidence: Evidence, rows: pd.DataFrame) -> Shown:
    """Whether 60° is ahead of the smallest angle and recall is highest there, by protocol."""
    setting = {"recipe": rows["recipe"].iloc[0], "emotion": "average"}
    levels = {
        angle: evidence.rows("recall", model=model, **setting)["estimate"].to_numpy()
        for angle, model in models.items()
    }
    best = levels.pop(60.0)  # nothing is below NaN
    highest = [best > level if a < 60 else best >= level for a, level in levels.items()]
    return np.minimum(_ahead(rows), _decide(False, np.all(highest, axis=0)))


def _happy_width(evidence: Evidence) -> Found:
    widths = evidence.models("hidden", modality="PHOG")
    if len(widths) < 3 or max(widths) != 16:
        return _untried("too few widths, or none of 16")
    models = list(widths.values())
    narrow, middle, wide = models[0], models[len(models) // 2], models[-1]
    steps = {
        "to the middle width": evidence.gap(middle, narrow, "Happy"),
        "from there to 16": evidence.gap(wide, middle, "Happy"),
        "16 over the narrowest": evidence.gap(wide, narrow, "Happy"),
    }

    def test(rows: pd.DataFrame) -> Shown:
        return _behind(rows) if rows["first"].iloc[0] == wide else _ahead(rows)

    return _together(steps, test)


def _table_2(evidence: Evidence) -> Found:
    found = evidence.rows("angle")["estimate"].to_numpy()
    worst = np.max(np.abs(found - list(paper.TABLE_2.values())))
    words = f"largest difference {worst:.2f}°, on activations as they are"
    return words, _verdict(_near(worst, 0, 0.15))


def _raw_range(evidence: Evidence) -> Found:
    ends = [evidence.rows("data", measure=end)["estimate"] for end in ("smallest", "largest")]
    # read off an axis: to the nearest half step of a grid of 0.05
    shown = _near([np.min(ends), np.max(ends)], [-0.05, 0.15], 0.025)
    return f"{np.min(ends):.3f} to {np.max(ends):.3f}", _verdict(shown)


def _feature_centres(evidence: Evidence) -> Found:
    rows = evidence.rows("data", measure="scaled mean")
    verdict = _verdict(_near(rows["estimate"], 0.4, 0.1))
    return _listed(rows, "{modality}, {feature:.0f} {estimate:.2f}"), verdict


def _averages(evidence: Evidence) -> Found:
    off = [
        np.mean([evidence.printed(model, e) for e in paper.EMOTIONS]) - evidence.printed(model)
        for model in paper.TABLE_3
    ]
    worst = np.max(np.abs(off))
    return f"largest difference {worst:.4f}", _adds_up(_near(worst, 0, ROUNDING))


def _same_measure(evidence: Evidence) -> Found:
    row = [evidence.printed("SPI baseline", e) for e in paper.EMOTIONS]
    source = next((m for m in paper.SPI_BASELINE if row == evidence.baseline(m)), "unknown")
    ours = (
        f"the row is the {source} of Dhall et al. under person-independent folds; the paper calls "
        "its own figures average precision in section 4.2 and accuracy in section 4.3, and states "
        "no split"
    )
    return ours, f"{UNTESTABLE} (the paper states no split, and two measures)"


def _baseline_adds_up(evidence: Evidence) -> Found:
    """Every wrong decision misses one class and falls on another, so misses and false alarms must
    be as many.
    """
    size = np.array(paper.SFEW_ROWS)
    recall, specificity = (np.array(evidence.baseline(m)) for m in ("recall", "specificity"))
    missed, alarms = (1 - recall) @ size, (1 - specificity) @ (size.sum() - size)
    shown = _near(alarms / missed, 1, 0.1)
    return f"{missed:.0f} rows missed, but {alarms:.0f} false alarms", _adds_up(shown)


RULES: dict[str, Callable[[Evidence], Found]] = {
    "lpq-shallow": partial(_level, "LPQ shallow"),
    "phog-shallow": partial(_level, "PHOG shallow"),
    "lpq-cnn": partial(_level, "LPQ CNN"),
    "phog-cnn": partial(_level, "PHOG CNN"),
    "fusion": partial(_level, "CNN fusion"),
    "shallow-gain": partial(_gain, ("LPQ shallow", "PHOG shallow"), 0.08),
    "fusion-gain": partial(_gain, ("CNN fusion",), 0.12),
    "pruned-angry-happy": partial(_emotion_levels, "PHOG shallow", ("Angry", "Happy")),
    "more-units": _more_units,
    "best-angle": _best_angle,
    "phog-beats-lpq": partial(_order, "PHOG shallow", ("LPQ shallow",)),
    "fusion-beats-either": partial(_order, "CNN fusion", ("LPQ CNN", "PHOG CNN")),
    "fusion-beats-pruning": partial(_order, "CNN fusion", ("LPQ shallow", "PHOG shallow")),
    "happy-width": _happy_width,
    "phog-cnn-happy": partial(_separates, "PHOG CNN", ("Happy",)),
    "lpq-cnn-angry": partial(_separates, "LPQ CNN", ("Angry",)),
    "fusion-angry-happy": partial(_separates, "CNN fusion", ("Angry", "Happy")),
    "fusion-weak-disgust": partial(_weak, "CNN fusion", "Disgust"),
    "confused-pairs": partial(
        _confused, "PHOG shallow", (("Angry", "Surprise"), ("Surprise", "Sad"))
    ),
    "lpq-strong": partial(
        _stronger, "LPQ shallow", ("PHOG shallow",), ("Disgust", "Fear", "Surprise")
    ),
    "phog-strong": partial(
        _stronger, "PHOG shallow", ("LPQ shallow",), ("Angry", "Happy", "Surprise")
    ),
    "phog-best-happy": partial(_stronger, "PHOG CNN", ("LPQ CNN", "CNN fusion"), ("Happy",)),
    "fusion-best-four": partial(
        _stronger, "CNN fusion", ("LPQ CNN", "PHOG CNN"), ("Angry", "Disgust", "Happy", "Surprise")
    ),
    "lpq-best-fear": partial(_stronger, "LPQ CNN", ("PHOG CNN", "CNN fusion"), ("Fear",)),
    "lpq-worse-elsewhere": partial(
        _stronger,
        "LPQ CNN",
        ("PHOG CNN", "CNN fusion"),
        ("Angry", "Disgust", "Happy", "Neutral", "Sad", "Surprise"),
        sign=-1,
    ),
    "averages": _averages,
    "table-2": _table_2,
    "raw-range": _raw_range,
    "feature-centres": _feature_centres,
    "same-measure": _same_measure,
    "baseline-adds-up": _baseline_adds_up,
}
