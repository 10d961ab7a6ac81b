"""Does the paper hold? Each of :data:`emolib.paper.CLAIMS` against the rows of
:mod:`emolib.analysis.evidence`, and nothing else.

A rule reads rows by their id, and answers for each protocol whether the claim is shown, refuted, or
left open by an interval that holds both. The rows it read are named beside its verdict.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from emolib import paper
from emolib.analysis.evidence import difference_id, level_id, printed_id
from emolib.analysis.statistics import ROPE

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"
OPEN = f"{UNTESTABLE} (the intervals hold both)"
# A figure printed to two digits is met by anything that rounds to it.
ROUNDING = 0.005
ALPHA = 0.05

# Shown, refuted, or None where the data leave it open.
Shown = bool | None
Rule = Callable[["Evidence"], tuple[str, str]]


class Evidence:
    """Rows of evidence by id, and a note of those that were read.

    Args:
        rows: columns as in :data:`emolib.analysis.evidence.ROW`.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows.set_index("id")
        self.read: list[str] = []

    def __getitem__(self, id: str) -> pd.Series:
        if id not in self.read:
            self.read.append(id)
        row = self.rows.loc[id]
        assert isinstance(row, pd.Series)  # an id is that of one row
        return row

    def values(self, kind: str) -> pd.Series:
        """Estimates of all rows of a kind that have no model, by id."""
        chosen = self.rows[self.rows["kind"] == kind]
        self.read += [id for id in chosen.index if id not in self.read]
        return chosen["estimate"]

    def settings(self, model: str) -> list[tuple[str, str]]:
        """Every protocol, each with the recipe under which the model does better on average: what
        favours the paper.
        """
        chosen = self.rows[
            (self.rows["model"] == model)
            & (self.rows["emotion"] == "average")
            & (self.rows["kind"] == "recall")
        ]
        recipe = str(chosen.groupby("recipe")["estimate"].mean().idxmax())
        return [(protocol, recipe) for protocol in chosen["protocol"].unique()]

    def level(
        self, model: str, emotion: str = "average", measure: str = "recall"
    ) -> dict[str, pd.Series]:
        """Rows of a measure, by protocol, each with the recipe under which the model does better."""
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

    def width_models(self, modality: str) -> list[str]:
        """Names of the unpruned shallow networks of one modality, narrowest first."""
        found = (
            self.rows["model"]
            .dropna()
            .str.extract(rf"^({modality} shallow, (\d+) units)$")
            .dropna()
            .drop_duplicates()
        )
        return list(found.assign(units=found[1].astype(int)).sort_values("units")[0])

    def angle_models(self, modality: str, activations: str) -> dict[float, str]:
        """Names of the pruned shallow networks of one modality by minimal angle, smallest first."""
        found = (
            self.rows["model"]
            .dropna()
            .str.extract(rf"^({modality} shallow, ([\d.]+)°, {activations})$")
            .dropna()
            .drop_duplicates()
        )
        return {
            float(angle): name
            for name, angle in sorted(found.itertuples(index=False), key=lambda row: float(row[1]))
        }


def evaluate_claims(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a claim: ``id``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``, ``evidence``
    (ids of the rows it rests on).

    A claim about results is reproduced when both protocols show it, partly when one does, not
    reproduced when none does and one refutes it, and not testable when intervals leave it open
    under both.
    """
    found = []
    for claim in paper.CLAIMS:
        evidence = Evidence(rows)
        ours, verdict = RULES[claim.id](evidence)
        found.append((claim.id, claim.place, claim.text, claim.paper, ours, verdict, evidence.read))
    return pd.DataFrame(
        found, columns=["id", "place", "claim", "paper", "ours", "verdict", "evidence"]
    )


def _verdict(shown: list[Shown]) -> str:
    if all(shown):
        return REPRODUCED
    if any(shown):
        return PARTLY
    return NOT if False in shown else OPEN


def _all(shown: list[Shown]) -> Shown:
    """Whether all of several things are shown; refuted as soon as one is."""
    return False if False in shown else None if None in shown else True


def _interval(row: pd.Series) -> str:
    return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _points(row: pd.Series) -> str:
    return f"{row['estimate']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def _told(rows: dict[str, pd.Series], text: Callable[[pd.Series], str]) -> str:
    return ", ".join(f"{protocol} {text(row)}" for protocol, row in rows.items())


def _reaches(row: pd.Series, printed: float) -> Shown:
    """A level is shown if its interval reaches the printed figure and it is better than chance;
    refuted if it stays below.
    """
    if row["high"] < printed - ROUNDING:
        return False
    return True if row["p_holm"] <= ALPHA else None


def _ahead(row: pd.Series) -> Shown:
    """A difference is shown if its interval lies above 0 and, where there is a t-test, that agrees;
    refuted if it can be no more than practically equivalent.
    """
    if row["high"] < ROPE:
        return False
    return True if row["low"] > 0 and not row["p"] > ALPHA else None


def _behind(row: pd.Series) -> Shown:
    flipped = row.copy()
    flipped["low"], flipped["high"] = -row["high"], -row["low"]
    return _ahead(flipped)


def _level(model: str) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = evidence.level(model)
        printed = evidence.printed(model, "average")
        precision = evidence.level(model, measure="average precision")
        by_precision = " and ".join(f"{row['estimate']:.2f}" for row in precision.values())
        ours = f"{_told(rows, _interval)}; {next(iter(rows.values()))['recipe']}; as average precision {by_precision}"
        return ours, _verdict([_reaches(row, printed) for row in rows.values()])

    return rule


def _emotion_levels(model: str, emotions: tuple[str, ...]) -> Rule:
    """Every emotion named must reach what Table 3 prints for it."""

    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = {emotion: evidence.level(model, emotion) for emotion in emotions}
        shown = [
            _all([_reaches(rows[e][protocol], evidence.printed(model, e)) for e in emotions])
            for protocol in rows[emotions[0]]
        ]
        return "; ".join(f"{e}: {_told(rows[e], _interval)}" for e in emotions), _verdict(shown)

    return rule


def _gain(models: tuple[str, ...], printed: float) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, str]:
        baseline = float(
            np.mean([evidence[f"Dhall et al., recall, {e}"]["estimate"] for e in paper.EMOTIONS])
        )
        best = max(
            (evidence.level(model) for model in models),
            key=lambda rows: np.mean([r["estimate"] for r in rows.values()]),
        )
        gains = {protocol: row.copy() for protocol, row in best.items()}
        for row in gains.values():
            row[["estimate", "low", "high"]] -= baseline
        shown = [
            False if row["high"] < printed - ROUNDING else True if row["low"] > 0 else None
            for row in gains.values()
        ]
        return (
            f"{_told(gains, _points)} over the baseline's recall of {baseline:.2f}; {next(iter(best.values()))['recipe']}",
            _verdict(shown),
        )

    return rule


def _order(better: str, worse: tuple[str, ...]) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = {other: evidence.gap(better, other) for other in worse}
        shown = [
            _all([_ahead(rows[other][protocol]) for other in worse]) for protocol in rows[worse[0]]
        ]
        return "; ".join(
            f"over {other}: {_told(rows[other], _points)}" for other in worse
        ), _verdict(shown)

    return rule


def _stronger(
    better: str, worse: tuple[str, ...], emotions: tuple[str, ...], sign: int = 1
) -> Rule:
    """A model is better (``sign`` 1) or worse (-1) than others on some emotions: first in Table 3
    itself, then here.
    """

    def rule(evidence: Evidence) -> tuple[str, str]:
        lost = [
            f"{e}: {better} {evidence.printed(better, e):.2f}, {other} {evidence.printed(other, e):.2f}"
            for e in emotions
            for other in worse
            if sign * (evidence.printed(better, e) - evidence.printed(other, e)) < 0
        ]
        if lost:
            return f"Table 3: {'; '.join(lost)}", CONTRADICTED
        rows = {(e, other): evidence.gap(better, other, e) for e in emotions for other in worse}
        test = _ahead if sign > 0 else _behind
        protocols = next(iter(rows.values()))
        shown = [_all([test(row[protocol]) for row in rows.values()]) for protocol in protocols]
        return "; ".join(
            f"{e}, against {other}: {_told(row, _points)}" for (e, other), row in rows.items()
        ), _verdict(shown)

    return rule


def _separates(model: str, emotions: tuple[str, ...]) -> Rule:
    """Emotions that a model is said to tell from the rest: among its best three in Table 3, and
    here better than chance.
    """

    def rule(evidence: Evidence) -> tuple[str, str]:
        ranked = sorted(paper.EMOTIONS, key=lambda e: -evidence.printed(model, e))
        weak = [e for e in emotions if ranked.index(e) > 2]
        if weak:
            ours = ", ".join(
                f"{e} {evidence.printed(model, e):.2f}, rank {ranked.index(e) + 1} of {len(ranked)}"
                for e in weak
            )
            return f"Table 3: {ours}", CONTRADICTED
        rows = {e: evidence.level(model, e) for e in emotions}

        def test(row: pd.Series, emotion: str) -> Shown:
            return (
                True
                if row["p_holm"] <= ALPHA
                else False
                if row["high"] < evidence.printed(model, emotion)
                else None
            )

        shown = [
            _all([test(rows[e][protocol], e) for e in emotions]) for protocol in rows[emotions[0]]
        ]
        told = "; ".join(
            f"{e}: {_told(rows[e], lambda row: f'{_interval(row)} p = {row.p_holm:.3f}')}"
            for e in emotions
        )
        return f"{told} (against exchanged labels, Holm over emotions)", _verdict(shown)

    return rule


def _weak(model: str, emotion: str) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, str]:
        ranked = sorted((evidence.printed(model, e) for e in paper.EMOTIONS), reverse=True)
        own = evidence.printed(model, emotion)
        rank = ranked.index(own) + 1
        if rank <= 3:
            return f"Table 3: {own:.2f}, rank {rank} of {len(ranked)}", CONTRADICTED
        rows = evidence.level(model, emotion)
        shown = [None if row["p_holm"] <= ALPHA else True for row in rows.values()]
        return _told(rows, _interval), _verdict(shown)

    return rule


def _confused(model: str, pairs: tuple[tuple[str, str], ...]) -> Rule:
    def rule(evidence: Evidence) -> tuple[str, str]:
        rows = {
            pair: {
                p: evidence[f"{model}, {pair[0]} with {pair[1]}, {p}, {recipe}"]
                for p, recipe in evidence.settings(model)
            }
            for pair in pairs
        }
        shown = [
            _all([_ahead(row[protocol]) for row in rows.values()]) for protocol in rows[pairs[0]]
        ]
        told = "; ".join(
            f"{' and '.join(pair)}: {_told(row, _points)}" for pair, row in rows.items()
        )
        return f"more than emotions on average: {told}", _verdict(shown)

    return rule


def _more_units(evidence: Evidence) -> tuple[str, str]:
    rows = {}
    for modality in ("LPQ", "PHOG"):
        models = evidence.width_models(modality)
        if len(models) < 2:
            return "one width only", f"{UNTESTABLE} (one width only)"
        rows[modality] = evidence.gap(models[-1], models[0])
    shown = [_all([_ahead(row[protocol]) for row in rows.values()]) for protocol in rows["LPQ"]]
    return "widest over narrowest: " + "; ".join(
        f"{m}: {_told(row, _points)}" for m, row in rows.items()
    ), _verdict(shown)


def _best_angle(evidence: Evidence) -> tuple[str, str]:
    shown: dict[str, list[Shown]] = {}
    told = []
    for activations in ("shifted", "as they are"):
        by_protocol: dict[str, list[Shown]] = {}
        for modality in ("LPQ", "PHOG"):
            models = evidence.angle_models(modality, activations)
            if 60.0 not in models or min(models) == 60.0:
                why = "60° and a smaller angle were not both tried"
                return why, f"{UNTESTABLE} ({why})"
            rows = evidence.gap(models[60.0], models[min(models)])
            for protocol, row in rows.items():
                levels = {
                    a: evidence[level_id(name, protocol, row["recipe"])]["estimate"]
                    for a, name in models.items()
                }
                best = max(levels, key=lambda angle: levels[angle]) == 60.0
                by_protocol.setdefault(protocol, []).append(_ahead(row) and (best or None))
            told.append(f"{modality}, {activations}: {_told(rows, _points)}")
        for protocol, both in by_protocol.items():
            shown.setdefault(protocol, []).append(_all(both))
    # one of the two conventions is enough
    either = [True if True in s else None if None in s else False for s in shown.values()]
    return "60° over the smallest angle: " + "; ".join(told), _verdict(either)


def _happy_width(evidence: Evidence) -> tuple[str, str]:
    models = evidence.width_models("PHOG")
    if len(models) < 3 or models[-1] != "PHOG shallow, 16 units":
        return "too few widths, or none of 16", f"{UNTESTABLE} (too few widths, or none of 16)"
    narrow, middle, wide = models[0], models[len(models) // 2], models[-1]
    rises, falls, lowest = (
        evidence.gap(*pair, "Happy") for pair in ((middle, narrow), (wide, middle), (wide, narrow))
    )
    shown = [_all([_ahead(rises[p]), _behind(falls[p]), _behind(lowest[p])]) for p in rises]
    steps = {
        "to the middle width": rises,
        "from there to 16": falls,
        "16 over the narrowest": lowest,
    }
    return "; ".join(f"{name}: {_told(rows, _points)}" for name, rows in steps.items()), _verdict(
        shown
    )


def _table_2(evidence: Evidence) -> tuple[str, str]:
    recomputed = evidence.values("angle")
    worst = max(
        abs(recomputed[f"angle between units {i} and {j} of Table 1"] - printed)
        for (i, j), printed in paper.TABLE_2.items()
    )
    return (
        f"largest difference {worst:.2f}°, on activations as they are",
        REPRODUCED if worst <= 0.15 else NOT,
    )


def _raw_range(evidence: Evidence) -> tuple[str, str]:
    values = (
        evidence.rows[evidence.rows["kind"] == "data"]
        .filter(regex="^(smallest|largest)", axis=0)
        .index
    )
    ends = {id: evidence[id]["estimate"] for id in values}
    low, high = min(ends.values()), max(ends.values())
    # read off an axis: to the nearest half step of a grid of 0.05
    return f"{low:.3f} to {high:.3f}", _verdict(
        [abs(low + 0.05) <= 0.025, abs(high - 0.15) <= 0.025]
    )


def _feature_centres(evidence: Evidence) -> tuple[str, str]:
    ids = evidence.rows.filter(regex="^scaled mean", axis=0).index
    centres = {id: evidence[id]["estimate"] for id in ids}
    ours = ", ".join(
        f"{id.removeprefix('scaled mean, ').replace('feature ', '')} {value:.2f}"
        for id, value in centres.items()
    )
    return ours, _verdict([bool(abs(value - 0.4) <= 0.1) for value in centres.values()])


def _averages(evidence: Evidence) -> tuple[str, str]:
    off = max(
        abs(
            np.mean([evidence.printed(model, e) for e in paper.EMOTIONS])
            - evidence.printed(model, "average")
        )
        for model in paper.TABLE_3
    )
    return f"largest difference {off:.4f}", REPRODUCED if off <= ROUNDING else CONTRADICTED


def _same_measure(evidence: Evidence) -> tuple[str, str]:
    row = [evidence.printed("SPI baseline", e) for e in paper.EMOTIONS]
    source = next(
        (
            m
            for m in paper.SPI_BASELINE
            if row == [evidence[f"Dhall et al., {m}, {e}"]["estimate"] for e in paper.EMOTIONS]
        ),
        "unknown",
    )
    ours = (
        f"the row is the {source} of Dhall et al. under person-independent folds; the paper calls its own figures average "
        "precision in section 4.2 and accuracy in section 4.3, and states no split"
    )
    return ours, f"{UNTESTABLE} (the paper states no split, and two measures)"


def _baseline_adds_up(evidence: Evidence) -> tuple[str, str]:
    """Every wrong decision misses one class and falls on another, so misses and false alarms must
    be as many.
    """
    size = np.array(paper.SFEW_ROWS)
    recall, specificity = (
        np.array([evidence[f"Dhall et al., {m}, {e}"]["estimate"] for e in paper.EMOTIONS])
        for m in ("recall", "specificity")
    )
    missed, alarms = ((1 - recall) * size).sum(), ((1 - specificity) * (size.sum() - size)).sum()
    ours = f"{missed:.0f} rows missed, but {alarms:.0f} false alarms"
    return ours, REPRODUCED if abs(alarms / missed - 1) <= 0.1 else CONTRADICTED


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
