"""Verdicts on the claims of the paper: each of :data:`emolib.paper.CLAIMS` against the rows of
:mod:`emolib.analysis.evidence`, and nothing else.

A rule reads rows of evidence, and returns for each protocol whether the claim is shown, refuted, or
left open by an interval that holds both, or by a number that is missing. The ids of these rows are
listed beside the verdict.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from emolib import paper
from emolib.analysis.evidence import (
    WHO,
    angle_id,
    baseline_id,
    confusion_id,
    difference_id,
    level_id,
    printed_id,
)
from emolib.analysis.statistics import ROPE
from emolib.folds import PROTOCOLS

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"
OPEN = f"{UNTESTABLE} (the intervals hold both)"
NOT_JUDGED = "not judged"
# A figure printed to two digits is met by anything that rounds to it.
ROUNDING = 0.005
ALPHA = 0.05

# Shown, refuted, or None where the data leave it open.
Shown = bool | None
# What was measured, in words, and either what each protocol shows or the verdict itself.
Rule = Callable[["Evidence"], tuple[str, list[Shown] | str]]


class Evidence:
    """Rows of evidence by id, and a note of those that were read.

    Args:
        rows: columns as in :data:`emolib.analysis.evidence.ROW`.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows.set_index("id")
        self.read: list[str] = []

    def __getitem__(self, id: str) -> pd.Series:
        if id not in self.rows.index:
            raise ValueError(f"the evidence has no row {id!r}; the claims need it")
        if id not in self.read:
            self.read.append(id)
        row = self.rows.loc[id]
        assert isinstance(row, pd.Series)  # an id is that of one row
        return row

    def of_data(self, *measures: str) -> list[pd.Series]:
        """Rows about the data with one of these measures."""
        chosen = self.rows[(self.rows["kind"] == "data") & self.rows["measure"].isin(measures)]
        return [self[id] for id in chosen.index]

    def missing(self) -> dict[str, str]:
        """Protocols without results, and why."""
        found = set(self.rows["protocol"].dropna())
        missing = {p: f"there are no {p} folds" for p in PROTOCOLS if p not in found}
        if missing and self.of_data("persons"):
            missing["person-independent"] = WHO
        return missing

    def settings(self, model: str) -> list[tuple[str, str]]:
        """Every protocol, each with the recipe under which the model does better on average: what
        favours the paper.
        """
        chosen = self.rows[
            (self.rows["model"] == model)
            & (self.rows["emotion"] == "average")
            & (self.rows["kind"] == "recall")
        ]
        if chosen.empty:
            raise ValueError(f"the evidence has no recall of {model!r}; the claims need it")
        # a recipe without a result may be the better one: then it is the one that leaves it open
        means = chosen.groupby("recipe")["estimate"].agg(lambda own: own.mean(skipna=False))
        recipe = str(means.fillna(np.inf).idxmax())
        return [(protocol, recipe) for protocol in chosen["protocol"].unique()]

    def level(
        self, model: str, emotion: str = "average", measure: str = "recall"
    ) -> dict[str, pd.Series]:
        """Rows of a measure by protocol, each with the recipe under which the model does better."""
        return {
            protocol: self[level_id(model, protocol, recipe, measure, emotion)]
            for protocol, recipe in self.settings(model)
        }

    def gap(self, better: str, worse: str, emotion: str = "average") -> dict[str, pd.Series]:
        """Rows of a difference, by protocol, each with the recipe under which its first model does
        better.
        """
        return {
            protocol: self[difference_id(better, worse, protocol, recipe, emotion)]
            for protocol, recipe in self.settings(better)
        }

    def printed(self, model: str, emotion: str) -> float:
        """What Table 3 prints."""
        return float(self[printed_id(model, emotion)]["estimate"])

    def width_models(self, modality: str) -> dict[int, str]:
        """Unpruned shallow networks of one modality by hidden units, fewest first."""
        own = self.rows[(self.rows["modality"] == modality) & self.rows["hidden"].notna()]
        return {int(h): m for h, m in sorted(zip(own["hidden"], own["model"], strict=True))}

    def angle_models(self, modality: str, activation_shift: float) -> dict[float, str]:
        """Pruned shallow networks of one modality by minimal angle, smallest first."""
        own = self.rows[
            (self.rows["modality"] == modality)
            & (self.rows["activation_shift"] == activation_shift)
        ]
        return dict(sorted(zip(own["angle"].astype(float), own["model"], strict=True)))


def evaluate_claims(rows: pd.DataFrame) -> pd.DataFrame:
    """Verdicts, one row per claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``,
    ``evidence`` (ids of the rows it rests on).

    A claim about results is reproduced when both protocols show it, partly when one does, not
    reproduced when none does and one refutes it, and not testable when intervals leave it open
    under both. Where a protocol has no results, because the data do not say who is who, the verdict
    is that of the other alone and names it; a claim that this one leaves open is not judged.
    """
    found = []
    for claim in paper.CLAIMS:
        evidence = Evidence(rows)
        ours, verdict = RULES[claim.id](evidence)
        if not isinstance(verdict, str):
            missing = evidence.missing()
            ours += "".join(f"; {p} {NOT_JUDGED}: {why}" for p, why in missing.items())
            folds = " and ".join(evidence.rows["protocol"].dropna().unique())
            why = "; ".join(missing.values())
            verdict = _verdict(verdict, f"{folds} folds alone; {why}" if missing else "")
        found.append((claim.id, claim.place, claim.text, claim.paper, ours, verdict, evidence.read))
    return pd.DataFrame(
        found, columns=["id", "place", "claim", "paper", "ours", "verdict", "evidence"]
    )


def _verdict(shown: list[Shown], alone: str = "") -> str:
    """The verdict on what each protocol shows; ``alone`` names those there are, if not all."""
    if alone:
        word = PARTLY if True in shown else NOT if False in shown else NOT_JUDGED
        return f"{word} ({alone})"
    if all(shown):
        return REPRODUCED
    if any(shown):
        return PARTLY
    return NOT if False in shown else OPEN


def _all(shown: list[Shown]) -> Shown:
    """Whether all of several things are shown; refuted as soon as one is."""
    return False if False in shown else None if None in shown else True


def _near(value: float, target: float, tolerance: float) -> Shown:
    return None if np.isnan(value) else bool(abs(value - target) <= tolerance)


def _interval(row: pd.Series) -> str:
    return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _points(row: pd.Series) -> str:
    return f"{row['estimate']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def _by_protocol(rows: dict[str, pd.Series], text: Callable[[pd.Series], str]) -> str:
    return ", ".join(f"{protocol} {text(row)}" for protocol, row in rows.items())


def _reaches(row: pd.Series, printed: float) -> Shown:
    """A level is shown if its interval reaches the printed figure and it is better than chance;
    refuted if it stays below.
    """
    if row["high"] < printed - ROUNDING:
        return False
    reached = row["high"] >= printed - ROUNDING  # not so where it is NaN
    return True if reached and row["p_holm"] <= ALPHA else None


def _ahead(row: pd.Series) -> Shown:
    """A difference is shown if its interval lies above 0 and the t-test, which averages have,
    agrees; refuted if it can be no more than practically equivalent.
    """
    if row["high"] < ROPE:
        return False
    untested = np.isnan(row["p"]) and row["emotion"] != "average"
    return True if row["low"] > 0 and (untested or row["p"] <= ALPHA) else None


def _behind(row: pd.Series) -> Shown:
    flipped = row.copy()
    flipped["low"], flipped["high"] = -row["high"], -row["low"]
    return _ahead(flipped)


def _level(model: str) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        rows = evidence.level(model)
        printed = evidence.printed(model, "average")
        precision = evidence.level(model, measure="average precision")
        by_precision = " and ".join(f"{row['estimate']:.2f}" for row in precision.values())
        recipe = next(iter(rows.values()))["recipe"]
        ours = f"{_by_protocol(rows, _interval)}; {recipe}; as average precision {by_precision}"
        return ours, [_reaches(row, printed) for row in rows.values()]

    return rule


def _emotion_levels(model: str, emotions: tuple[str, ...]) -> Rule:
    """Every emotion named must reach what Table 3 prints for it."""

    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        rows = {emotion: evidence.level(model, emotion) for emotion in emotions}
        shown = [
            _all([_reaches(rows[e][protocol], evidence.printed(model, e)) for e in emotions])
            for protocol in rows[emotions[0]]
        ]
        return "; ".join(f"{e}: {_by_protocol(rows[e], _interval)}" for e in emotions), shown

    return rule


def _gain(models: tuple[str, ...], printed: float) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        baseline = float(
            np.mean([evidence[baseline_id("recall", e)]["estimate"] for e in paper.EMOTIONS])
        )
        best = max(
            (evidence.level(model) for model in models),
            key=lambda rows: np.nan_to_num(np.mean([r["estimate"] for r in rows.values()]), nan=1),
        )
        gains = {protocol: row.copy() for protocol, row in best.items()}
        for row in gains.values():
            row[["estimate", "low", "high"]] -= baseline
        shown = [
            False if row["high"] < printed - ROUNDING else True if row["low"] > 0 else None
            for row in gains.values()
        ]
        recipe = next(iter(best.values()))["recipe"]
        over = f"over the baseline's recall of {baseline:.2f}"
        return f"{_by_protocol(gains, _points)} {over}; {recipe}", shown

    return rule


def _order(better: str, worse: tuple[str, ...]) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        rows = {other: evidence.gap(better, other) for other in worse}
        shown = [
            _all([_ahead(rows[other][protocol]) for other in worse]) for protocol in rows[worse[0]]
        ]
        ours = [f"over {other}: {_by_protocol(rows[other], _points)}" for other in worse]
        return "; ".join(ours), shown

    return rule


def _stronger(
    better: str, worse: tuple[str, ...], emotions: tuple[str, ...], sign: int = 1
) -> Rule:
    """A model is better (``sign`` 1) or worse (-1) than others on some emotions: first in Table 3
    itself, then here.
    """

    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        ours = {(m, e): evidence.printed(m, e) for e in emotions for m in (better, *worse)}
        lost = [
            f"{e}: {better} {ours[better, e]:.2f}, {other} {ours[other, e]:.2f}"
            for e in emotions
            for other in worse
            if sign * (ours[better, e] - ours[other, e]) < 0
        ]
        if lost:
            return f"Table 3: {'; '.join(lost)}", CONTRADICTED
        rows = {(e, other): evidence.gap(better, other, e) for e in emotions for other in worse}
        test = _ahead if sign > 0 else _behind
        protocols = next(iter(rows.values()))
        shown = [_all([test(row[protocol]) for row in rows.values()]) for protocol in protocols]
        texts = [f"{e}, against {o}: {_by_protocol(row, _points)}" for (e, o), row in rows.items()]
        return "; ".join(texts), shown

    return rule


def _separates(model: str, emotions: tuple[str, ...]) -> Rule:
    """Emotions that a model is said to tell from the rest: among its best three in Table 3, and
    here better than chance.
    """

    def test(row: pd.Series, printed: float) -> Shown:
        if np.isnan(row["p_holm"]):
            return None
        return True if row["p_holm"] <= ALPHA else False if row["high"] < printed else None

    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        ranked = sorted(paper.EMOTIONS, key=lambda e: -evidence.printed(model, e))
        weak = [
            f"{e} {evidence.printed(model, e):.2f}, rank {ranked.index(e) + 1} of {len(ranked)}"
            for e in emotions
            if ranked.index(e) > 2
        ]
        if weak:
            return f"Table 3: {', '.join(weak)}", CONTRADICTED
        rows = {e: evidence.level(model, e) for e in emotions}
        shown = [
            _all([test(rows[e][protocol], evidence.printed(model, e)) for e in emotions])
            for protocol in rows[emotions[0]]
        ]
        texts = [
            f"{e}: {_by_protocol(rows[e], lambda row: f'{_interval(row)} p = {row.p_holm:.3f}')}"
            for e in emotions
        ]
        return f"{'; '.join(texts)} (against exchanged labels, Holm over emotions)", shown

    return rule


def _weak(model: str, emotion: str) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        ranked = sorted((evidence.printed(model, e) for e in paper.EMOTIONS), reverse=True)
        own = evidence.printed(model, emotion)
        rank = ranked.index(own) + 1
        if rank <= 3:
            return f"Table 3: {own:.2f}, rank {rank} of {len(ranked)}", CONTRADICTED
        rows = evidence.level(model, emotion)
        shown: list[Shown] = [True if row["p_holm"] > ALPHA else None for row in rows.values()]
        return _by_protocol(rows, _interval), shown

    return rule


def _confused(model: str, pairs: tuple[tuple[str, str], ...]) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, list[Shown] | str]:
        rows = {
            pair: {
                protocol: evidence[confusion_id(model, *pair, protocol, recipe)]
                for protocol, recipe in evidence.settings(model)
            }
            for pair in pairs
        }
        protocols = rows[pairs[0]]
        shown = [_all([_ahead(row[protocol]) for row in rows.values()]) for protocol in protocols]
        texts = [
            f"{' and '.join(pair)}: {_by_protocol(row, _points)}" for pair, row in rows.items()
        ]
        return f"more than emotions on average: {'; '.join(texts)}", shown

    return rule


def _more_units(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    rows = {}
    for modality in ("LPQ", "PHOG"):
        models = list(evidence.width_models(modality).values())
        if len(models) < 2:
            return "one width only", f"{UNTESTABLE} (one width only)"
        rows[modality] = evidence.gap(models[-1], models[0])
    shown = [_all([_ahead(row[protocol]) for row in rows.values()]) for protocol in rows["LPQ"]]
    texts = [f"{m}: {_by_protocol(row, _points)}" for m, row in rows.items()]
    return f"widest over narrowest: {'; '.join(texts)}", shown


def _best_angle(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    shown: dict[str, list[Shown]] = {}
    texts = []
    for activations, shift in (("shifted", 0.5), ("as they are", 0.0)):
        by_protocol: dict[str, list[Shown]] = {}
        for modality in ("LPQ", "PHOG"):
            models = evidence.angle_models(modality, shift)
            if 60.0 not in models or min(models) == 60.0:
                why = "60° and a smaller angle were not both tried"
                return why, f"{UNTESTABLE} ({why})"
            rows = evidence.gap(models[60.0], models[min(models)])
            for protocol, row in rows.items():
                levels = {
                    angle: evidence[level_id(name, protocol, row["recipe"])]["estimate"]
                    for angle, name in models.items()
                }
                # NaN is above and below nothing
                best = all(levels[60.0] >= level for level in levels.values()) and all(
                    levels[60.0] > level for angle, level in levels.items() if angle < 60
                )
                by_protocol.setdefault(protocol, []).append(_ahead(row) and (best or None))
            texts.append(f"{modality}, {activations}: {_by_protocol(rows, _points)}")
        for protocol, both in by_protocol.items():
            shown.setdefault(protocol, []).append(_all(both))
    # one of the two conventions is enough
    either = [True if True in s else None if None in s else False for s in shown.values()]
    return f"60° over the smallest angle: {'; '.join(texts)}", either


def _happy_width(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    widths = evidence.width_models("PHOG")
    if len(widths) < 3 or max(widths) != 16:
        return "too few widths, or none of 16", f"{UNTESTABLE} (too few widths, or none of 16)"
    models = list(widths.values())
    narrow, middle, wide = models[0], models[len(models) // 2], models[-1]
    steps = {
        "to the middle width": evidence.gap(middle, narrow, "Happy"),
        "from there to 16": evidence.gap(wide, middle, "Happy"),
        "16 over the narrowest": evidence.gap(wide, narrow, "Happy"),
    }
    rises, falls, lowest = steps.values()
    shown = [_all([_ahead(rises[p]), _behind(falls[p]), _behind(lowest[p])]) for p in rises]
    return "; ".join(f"{name}: {_by_protocol(r, _points)}" for name, r in steps.items()), shown


def _table_2(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    angles = {pair: evidence[angle_id(*pair)]["estimate"] for pair in paper.TABLE_2}
    worst = np.max([abs(angles[pair] - printed) for pair, printed in paper.TABLE_2.items()])
    ours = f"largest difference {worst:.2f}°, on activations as they are"
    return ours, _verdict([_near(worst, 0, 0.15)])


def _raw_range(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    ends = [row["estimate"] for row in evidence.of_data("smallest", "largest")]
    low, high = np.min(ends), np.max(ends)
    # read off an axis: to the nearest half step of a grid of 0.05
    return f"{low:.3f} to {high:.3f}", _verdict(
        [_near(low, -0.05, 0.025), _near(high, 0.15, 0.025)]
    )


def _feature_centres(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    rows = evidence.of_data("scaled mean")
    ours = ", ".join(f"{r['modality']}, {r['feature']:.0f} {r['estimate']:.2f}" for r in rows)
    return ours, _verdict([_near(row["estimate"], 0.4, 0.1) for row in rows])


def _averages(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    off = np.max(
        [
            abs(
                np.mean([evidence.printed(model, e) for e in paper.EMOTIONS])
                - evidence.printed(model, "average")
            )
            for model in paper.TABLE_3
        ]
    )
    return f"largest difference {off:.4f}", _adds_up(_near(off, 0, ROUNDING))


def _same_measure(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    row = [evidence.printed("SPI baseline", e) for e in paper.EMOTIONS]
    source = "unknown"
    for measure in paper.SPI_BASELINE:
        theirs = [evidence[baseline_id(measure, e)]["estimate"] for e in paper.EMOTIONS]
        if row == theirs:
            source = measure
            break
    ours = (
        f"the row is the {source} of Dhall et al. under person-independent folds; the paper calls "
        "its own figures average precision in section 4.2 and accuracy in section 4.3, and states "
        "no split"
    )
    return ours, f"{UNTESTABLE} (the paper states no split, and two measures)"


def _baseline_adds_up(evidence: Evidence) -> tuple[str, list[Shown] | str]:
    """Every wrong decision misses one class and falls on another, so misses and false alarms must
    be as many.
    """
    size = np.array(paper.SFEW_ROWS)
    recall, specificity = (
        np.array([evidence[baseline_id(measure, e)]["estimate"] for e in paper.EMOTIONS])
        for measure in ("recall", "specificity")
    )
    missed, alarms = ((1 - recall) * size).sum(), ((1 - specificity) * (size.sum() - size)).sum()
    ours = f"{missed:.0f} rows missed, but {alarms:.0f} false alarms"
    return ours, _adds_up(_near(alarms / missed, 1, 0.1))


def _adds_up(shown: Shown) -> str:
    """Verdict on a statement about printed figures alone."""
    return OPEN if shown is None else REPRODUCED if shown else CONTRADICTED


RULES: dict[str, Rule] = {
    "lpq-shallow": _level("LPQ shallow"),
    "phog-shallow": _level("PHOG shallow"),
    "lpq-cnn": _level("LPQ CNN"),
    "phog-cnn": _level("PHOG CNN"),
    "fusion": _level("CNN fusion"),
    "shallow-gain": _gain(("LPQ shallow", "PHOG shallow"), 0.08),
    "fusion-gain": _gain(("CNN fusion",), 0.12),
    "pruned-angry-happy": _emotion_levels("PHOG shallow", ("Angry", "Happy")),
    "more-units": _more_units,
    "best-angle": _best_angle,
    "phog-beats-lpq": _order("PHOG shallow", ("LPQ shallow",)),
    "fusion-beats-either": _order("CNN fusion", ("LPQ CNN", "PHOG CNN")),
    "fusion-beats-pruning": _order("CNN fusion", ("LPQ shallow", "PHOG shallow")),
    "happy-width": _happy_width,
    "phog-cnn-happy": _separates("PHOG CNN", ("Happy",)),
    "lpq-cnn-angry": _separates("LPQ CNN", ("Angry",)),
    "fusion-angry-happy": _separates("CNN fusion", ("Angry", "Happy")),
    "fusion-weak-disgust": _weak("CNN fusion", "Disgust"),
    "confused-pairs": _confused("PHOG shallow", (("Angry", "Surprise"), ("Surprise", "Sad"))),
    "lpq-strong": _stronger("LPQ shallow", ("PHOG shallow",), ("Disgust", "Fear", "Surprise")),
    "phog-strong": _stronger("PHOG shallow", ("LPQ shallow",), ("Angry", "Happy", "Surprise")),
    "phog-best-happy": _stronger("PHOG CNN", ("LPQ CNN", "CNN fusion"), ("Happy",)),
    "fusion-best-four": _stronger(
        "CNN fusion", ("LPQ CNN", "PHOG CNN"), ("Angry", "Disgust", "Happy", "Surprise")
    ),
    "lpq-best-fear": _stronger("LPQ CNN", ("PHOG CNN", "CNN fusion"), ("Fear",)),
    "lpq-worse-elsewhere": _stronger(
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
