"""Verdicts on the claims of the paper: each of :data:`emolib.paper.CLAIMS` against the rows of
:mod:`emolib.analysis.evidence`, and nothing else.

A rule reads rows of evidence, and returns for each protocol whether the claim is shown, refuted, or
left open by an interval that holds both, or by a number that is missing. The ids of these rows are
listed beside the verdict.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from emolib import paper
from emolib.analysis.evidence import WHO, difference_id, level_id, printed_id
from emolib.analysis.statistics import ROPE
from emolib.folds import PROTOCOLS

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"
NOT_JUDGED = "not judged"
OPEN = f"{UNTESTABLE} (the intervals hold both)"
# A figure printed to two digits is met by anything that rounds to it.
ROUNDING = 0.005
ALPHA = 0.05

# Shown, refuted, or None where the data leave it open.
Shown = bool | None
Row = dict[str, Any]  # of evidence
Rows = dict[str, Row]  # by protocol
# The measurement in words, and either a result per protocol or the verdict itself.
Found = tuple[str, list[Shown] | str]


class Evidence:
    """Rows of evidence by id, and a note of those that were read.

    Args:
        table: columns as in :data:`emolib.analysis.evidence.ROW`.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.rows = {str(row["id"]): row for row in table.to_dict("records", into=Row())}
        self.read: list[str] = []

    def __getitem__(self, id: str) -> Row:
        if id not in self.rows:
            raise ValueError(f"the evidence has no row {id!r}; the claims need it")
        self.read += [id] * (id not in self.read)
        return self.rows[id]

    def of_data(self, *measures: str) -> list[Row]:
        """Rows about the data with one of these measures."""
        chosen = (self.table["kind"] == "data") & self.table["measure"].isin(measures)
        return [self[id] for id in self.table["id"][chosen]]

    def missing(self) -> dict[str, str]:
        """Protocols without results, and why."""
        found = set(self.table["protocol"])
        missing = {p: f"there are no {p} folds" for p in PROTOCOLS if p not in found}
        return missing | ({PROTOCOLS[1]: WHO} if missing and self.of_data("persons") else {})

    def settings(self, model: str) -> list[tuple[str, str]]:
        """Every protocol, each with the recipe under which the model does better on average, which
        favours the paper.
        """
        own = self.table[
            (self.table["model"] == model)
            & (self.table["emotion"] == "average")
            & (self.table["kind"] == "recall")
        ]
        if own.empty:
            raise ValueError(f"the evidence has no recall of {model!r}; the claims need it")
        # a recipe without a result may be the better one: then it is the one that leaves it open
        means = own.groupby("recipe")["estimate"].agg(lambda each: each.mean(skipna=False))
        recipe = str(means.fillna(np.inf).idxmax())
        return [(protocol, recipe) for protocol in own["protocol"].unique()]

    def level(self, model: str, emotion: str = "average", measure: str = "recall") -> Rows:
        """Rows of a measure by protocol, each with the recipe under which the model does better."""
        return {p: self[level_id(model, p, r, measure, emotion)] for p, r in self.settings(model)}

    def gap(self, better: str, worse: str, emotion: str = "average") -> Rows:
        """Rows of a difference by protocol, each with the recipe under which its first model does
        better.
        """
        settings = self.settings(better)
        return {p: self[difference_id(better, worse, p, r, emotion)] for p, r in settings}

    def printed(self, model: str, emotion: str = "average") -> float:
        """The figure of Table 3."""
        return float(self[printed_id(model, emotion)]["estimate"])

    def baseline(self, measure: str) -> list[float]:
        """The figures of the baseline's own table, in the order of the emotions."""
        return [float(self[f"Dhall et al., {measure}, {e}"]["estimate"]) for e in paper.EMOTIONS]

    def width_models(self, modality: str) -> dict[int, str]:
        """Unpruned shallow networks of one modality by hidden units, fewest first."""
        own = self.table[(self.table["modality"] == modality) & self.table["hidden"].notna()]
        return dict(sorted(zip(own["hidden"].astype(int), own["model"], strict=True)))

    def angle_models(self, modality: str, activation_shift: float) -> dict[float, str]:
        """Pruned shallow networks of one modality by minimal angle, smallest first."""
        shifted = self.table["activation_shift"] == activation_shift
        own = self.table[(self.table["modality"] == modality) & shifted]
        return dict(sorted(zip(own["angle"].astype(float), own["model"], strict=True)))


def evaluate_claims(rows: pd.DataFrame) -> pd.DataFrame:
    """Verdicts, one row per claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``,
    ``evidence`` (ids of the rows it rests on).

    A claim about results is reproduced when both protocols show it, partly when one does, not
    reproduced when none does and one refutes it, and not testable when intervals leave it open
    under both. Where a protocol has no results, because the data do not say who is who, the verdict
    is that of the other alone and names it; a claim that this one leaves open is not judged.
    """
    found, evidence = [], Evidence(rows)
    for claim in paper.CLAIMS:
        evidence.read = []
        ours, verdict = RULES[claim.id](evidence)
        if not isinstance(verdict, str):
            missing = evidence.missing()
            ours += "".join(f"; {p} {NOT_JUDGED}: {why}" for p, why in missing.items())
            folds = " and ".join(rows["protocol"].dropna().unique())
            why = "; ".join(missing.values())
            verdict = _verdict(verdict, f"{folds} folds alone; {why}" if missing else "")
        found.append((claim.id, claim.place, claim.text, claim.paper, ours, verdict, evidence.read))
    columns = ["id", "place", "claim", "paper", "ours", "verdict", "evidence"]
    return pd.DataFrame(found, columns=columns)


def _verdict(shown: list[Shown], alone: str = "") -> str:
    """Verdict on the results per protocol; ``alone`` names the protocols, if one is missing."""
    if alone:
        word = PARTLY if True in shown else NOT if False in shown else NOT_JUDGED
        return f"{word} ({alone})"
    if all(shown):
        return REPRODUCED
    return PARTLY if any(shown) else NOT if False in shown else OPEN


def _adds_up(shown: Shown) -> str:
    """The verdict on a statement about printed figures alone."""
    return OPEN if shown is None else REPRODUCED if shown else CONTRADICTED


def _all(shown: list[Shown]) -> Shown:
    """Whether all of several things are shown; refuted as soon as one is."""
    return False if False in shown else None if None in shown else True


def _near(value: float, target: float, tolerance: float) -> Shown:
    return None if np.isnan(value) else bool(abs(value - target) <= tolerance)


def _interval(row: Row) -> str:
    return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _points(row: Row) -> str:
    return f"{row['estimate']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def _by_protocol(rows: Rows, text: Callable[[Row], str]) -> str:
    return ", ".join(f"{protocol} {text(row)}" for protocol, row in rows.items())


def _together(
    parts: dict[str, Rows], test: Callable[[Row], Shown], text: Callable[[Row], str] = _points
) -> tuple[str, list[Shown]]:
    """Several parts of a claim in words, and for each protocol whether all of them are shown."""
    protocols = next(iter(parts.values()))
    shown = [_all([test(rows[p]) for rows in parts.values()]) for p in protocols]
    return "; ".join(f"{part}: {_by_protocol(rows, text)}" for part, rows in parts.items()), shown


def _reaches(row: Row, printed: float) -> Shown:
    """A level is shown if its interval reaches the printed figure and it is better than chance;
    refuted if it stays below.
    """
    if row["high"] < printed - ROUNDING:
        return False
    reached = row["high"] >= printed - ROUNDING  # not so where it is NaN
    return True if reached and row["p_holm"] <= ALPHA else None


def _ahead(row: Row) -> Shown:
    """A difference is shown if its interval lies above 0 and the t-test, which averages have,
    agrees; refuted if it can be no more than practically equivalent.
    """
    if row["high"] < ROPE:
        return False
    untested = np.isnan(row["p"]) and row["emotion"] != "average"
    return True if row["low"] > 0 and (untested or row["p"] <= ALPHA) else None


def _behind(row: Row) -> Shown:
    return _ahead(row | {"low": -row["high"], "high": -row["low"]})


def _rank(model: str, emotion: str, evidence: Evidence) -> tuple[int, str]:
    """Rank of an emotion in Table 3, and its figure and rank in words."""
    printed = {e: evidence.printed(model, e) for e in paper.EMOTIONS}
    rank = 1 + sum(value > printed[emotion] for value in printed.values())
    return rank, f"{printed[emotion]:.2f}, rank {rank} of {len(printed)}"


def _level(model: str, evidence: Evidence) -> Found:
    rows, printed = evidence.level(model), evidence.printed(model)
    precision = evidence.level(model, measure="average precision").values()
    means = " and ".join(f"{row['estimate']:.2f}" for row in precision)
    recipe = next(iter(rows.values()))["recipe"]
    ours = f"{_by_protocol(rows, _interval)}; {recipe}; as average precision {means}"
    return ours, [_reaches(row, printed) for row in rows.values()]


def _emotion_levels(model: str, emotions: tuple[str, ...], evidence: Evidence) -> Found:
    """Every emotion named must reach its figure in Table 3."""
    rows = {e: evidence.level(model, e) for e in emotions}
    reaches = lambda row: _reaches(row, evidence.printed(model, row["emotion"]))  # noqa: E731
    return _together(rows, reaches, _interval)


def _gain(models: tuple[str, ...], printed: float, evidence: Evidence) -> Found:
    baseline = float(np.mean(evidence.baseline("recall")))
    best = max(
        (evidence.level(model) for model in models),
        key=lambda rows: np.nan_to_num(np.mean([r["estimate"] for r in rows.values()]), nan=1),
    )
    gains = {
        p: row | {column: row[column] - baseline for column in ("estimate", "low", "high")}
        for p, row in best.items()
    }
    shown = [
        False if row["high"] < printed - ROUNDING else True if row["low"] > 0 else None
        for row in gains.values()
    ]
    recipe = next(iter(best.values()))["recipe"]
    over = f"over the baseline's recall of {baseline:.2f}"
    return f"{_by_protocol(gains, _points)} {over}; {recipe}", shown


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

    def test(row: Row) -> Shown:
        below = row["high"] < evidence.printed(model, row["emotion"])
        return (
            True if row["p_holm"] <= ALPHA else False if row["p_holm"] > ALPHA and below else None
        )

    ours, shown = _together(
        {e: evidence.level(model, e) for e in emotions},
        test,
        lambda row: f"{_interval(row)} p = {row['p_holm']:.3f}",
    )
    return f"{ours} (against exchanged labels, Holm over emotions)", shown


def _weak(model: str, emotion: str, evidence: Evidence) -> Found:
    rank, text = _rank(model, emotion, evidence)
    if rank <= 3:
        return f"Table 3: {text}", CONTRADICTED
    rows = evidence.level(model, emotion)
    shown: list[Shown] = [True if row["p_holm"] > ALPHA else None for row in rows.values()]
    return _by_protocol(rows, _interval), shown


def _confused(model: str, pairs: tuple[tuple[str, str], ...], evidence: Evidence) -> Found:
    settings = evidence.settings(model)
    rows = {
        f"{i} and {j}": {p: evidence[f"{model}, {i} with {j}, {p}, {r}"] for p, r in settings}
        for i, j in pairs
    }
    ours, shown = _together(rows, _ahead)
    return f"more than emotions on average: {ours}", shown


def _more_units(evidence: Evidence) -> Found:
    models = {m: list(evidence.width_models(m).values()) for m in ("LPQ", "PHOG")}
    if min(map(len, models.values())) < 2:
        return "one width only", f"{UNTESTABLE} (one width only)"
    gaps = {m: evidence.gap(own[-1], own[0]) for m, own in models.items()}
    ours, shown = _together(gaps, _ahead)
    return f"widest over narrowest: {ours}", shown


def _best_angle(evidence: Evidence) -> Found:
    models = {
        f"{m}, {activations}": evidence.angle_models(m, shift)
        for activations, shift in (("shifted", 0.5), ("as they are", 0.0))
        for m in ("LPQ", "PHOG")
    }
    if any(60.0 not in own or min(own) == 60.0 for own in models.values()):
        why = "60° and a smaller angle were not both tried"
        return why, f"{UNTESTABLE} ({why})"
    texts, shown = [], []
    for name, own in models.items():
        rows = evidence.gap(own[60.0], own[min(own)])
        texts.append(f"{name}: {_by_protocol(rows, _points)}")
        shown.append([_peak(own, row, evidence) for row in rows.values()])
    # both modalities, but one of the two conventions is enough
    either = [[_all([*both[:2]]), _all([*both[2:]])] for both in zip(*shown, strict=True)]
    best = [True if True in s else None if None in s else False for s in either]
    return f"60° over the smallest angle: {'; '.join(texts)}", best


def _peak(models: dict[float, str], row: Row, evidence: Evidence) -> Shown:
    """Whether 60° is ahead of the smallest angle and recall is highest there, in one setting."""
    setting = (row["protocol"], row["recipe"])
    levels = {a: evidence[level_id(name, *setting)]["estimate"] for a, name in models.items()}
    best = levels.pop(60.0)  # nothing is below NaN
    highest = all(best > level if a < 60 else best >= level for a, level in levels.items())
    return _ahead(row) and (highest or None)


def _happy_width(evidence: Evidence) -> Found:
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
    rises, *falls = steps.values()
    shown = [_all([_ahead(row), *(_behind(fall[p]) for fall in falls)]) for p, row in rises.items()]
    return "; ".join(f"{name}: {_by_protocol(r, _points)}" for name, r in steps.items()), shown


def _table_2(evidence: Evidence) -> Found:
    found = {
        (i, j): evidence[f"angle between units {i} and {j} of Table 1"]["estimate"]
        for i, j in paper.TABLE_2
    }
    worst = np.max([abs(found[pair] - printed) for pair, printed in paper.TABLE_2.items()])
    ours = f"largest difference {worst:.2f}°, on activations as they are"
    return ours, _verdict([_near(worst, 0, 0.15)])


def _raw_range(evidence: Evidence) -> Found:
    ends = [row["estimate"] for row in evidence.of_data("smallest", "largest")]
    low, high = np.min(ends), np.max(ends)
    # read off an axis: to the nearest half step of a grid of 0.05
    return f"{low:.3f} to {high:.3f}", _verdict(
        [_near(low, -0.05, 0.025), _near(high, 0.15, 0.025)]
    )


def _feature_centres(evidence: Evidence) -> Found:
    rows = evidence.of_data("scaled mean")
    ours = ", ".join(f"{r['modality']}, {r['feature']:.0f} {r['estimate']:.2f}" for r in rows)
    return ours, _verdict([_near(row["estimate"], 0.4, 0.1) for row in rows])


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
    missed, alarms = ((1 - recall) * size).sum(), ((1 - specificity) * (size.sum() - size)).sum()
    ours = f"{missed:.0f} rows missed, but {alarms:.0f} false alarms"
    return ours, _adds_up(_near(alarms / missed, 1, 0.1))


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
