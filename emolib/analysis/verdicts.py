"""Verdicts on the claims of :mod:`emolib.paper`, from the rows of evidence and nothing else.

A claim has one part or several. A part's rule compares the interval of its row under each protocol
with the printed figure, or with a margin, and gives a word; the interval decides for and against.
The ids of the rows stand beside the verdict.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from emolib import paper
from emolib.analysis.evidence import BASELINE, DRAWN, FALL, PAPER_MODELS, READINGS, WHO
from emolib.analysis.statistics import CONFIDENCE, LIMITS, ROPE, inflation
from emolib.folds import PROTOCOLS

NOT, UNDECIDED, COMPATIBLE, REPRODUCED = (
    "not reproduced",
    "undecided",
    "compatible",
    "reproduced",
)
CONTRADICTED, UNTESTABLE = "contradicted by the paper's own table", "not testable"
NOT_JUDGED, NOT_RERUN = "not judged", "not re-run"
# From the weakest: a claim is as weak as its weakest part, and as its weaker protocol.
WEAKEST_FIRST = (CONTRADICTED, UNTESTABLE, NOT, UNDECIDED, COMPATIBLE, REPRODUCED, NOT_JUDGED)
# A figure printed to two digits stands for anything that rounds to it.
ROUNDING = 0.005
MODALITIES, GUESSING = ("LPQ", "PHOG"), 1 / len(paper.EMOTIONS)

# The headline's words: the verdict on the main claim, and where a level was measured.
HEADLINE = {
    REPRODUCED: "comes back",
    COMPATIBLE: "is compatible with ours",
    UNDECIDED: "is neither confirmed nor refuted",
    NOT: "does not come back",
}
WHERE = {
    "random": "when people recur between training and test",
    "person-independent": "when they do not",
}
ALONE = {"random": "under random folds; new people are not judged"}

PRIMARY = next(iter(READINGS))  # of the readings of Figures 6a, 9 and 10
Columns = dict[str, Any]  # of evidence, and the values that they must hold
Step = tuple[str, int, Columns, bool]  # label, sign, rows, and whether it counts
STEP: Columns = {"kind": "difference", "emotion": "average"}  # along a sweep
HAPPY = STEP | {"emotion": "Happy"}
# Claims that are counted apart, by the rule of their parts.
KINDS = {"arithmetic": "arithmetic", "read off an axis": "the data", "count": "the data"}
# The rule of each kind of claim, for the reader.
RULES_IN_WORDS = {
    "level": "The interval lies within the printed figure ± twice the margin: reproduced; it holds "
    "the figure and not chance: compatible; both: undecided; it excludes the figure: not "
    "reproduced. Chance is what exchanged labels give; of a gain it is 0.",
    "order": "The interval of the difference lies above the margin: reproduced; below it: not "
    "reproduced; else undecided. Of an emotion that a model tells from others it is recall minus "
    "that of exchanged labels.",
    "no worse": "As an order, but the difference needs to lie above minus the margin only.",
    "most networks": "Trained anew at the higher rate until their loss stops, some networks end "
    f"with a loss lower by more than {FALL:.0%}. The exact interval of their share lies below a "
    "half: reproduced; above it: not reproduced; else undecided.",
    "count": "Numbers that have no error are compared as they are.",
    "read off an axis": "The value is met to a tolerance: 0.025 of the features as they come, 0.1 "
    "of the scaled ones.",
    "arithmetic": "The paper's own printed numbers are recomputed.",
    "open": "The paper or the data lack what a test needs.",
}


class Evidence:
    """Rows of evidence by their columns, and a note of those that were read.

    Each model is judged by the recipe under which it does better on average; a difference by that
    of its first model.

    Args:
        table: rows with the columns :data:`emolib.analysis.evidence.ROW`.
        confidence: of the intervals; the table's own are of :data:`CONFIDENCE`, and others are
            scaled by quantiles of the normal distribution.

    Attributes:
        read: ids of the rows that were read.
    """

    def __init__(self, table: pd.DataFrame, confidence: float = CONFIDENCE) -> None:
        averages = table[
            table["kind"].isin(["recall", "by width", "by angle"]) & table["emotion"].eq("average")
        ]
        means = averages.groupby(["model", "recipe"])["estimate"].agg(
            lambda each: each.mean(skipna=False)
        )
        # a recipe without a result may be the better one: then it is the one that leaves it open
        better = means.fillna(np.inf).unstack("recipe").idxmax(axis=1)
        own = table["first"].fillna(table["model"]).map(better)
        ratio = np.divide(*stats.norm.ppf((1 + np.array([confidence, CONFIDENCE])) / 2))
        table = table.assign(
            judged=table["recipe"].isna() | (table["recipe"] == own),
            **{
                limit: table["estimate"] + ratio * (table[limit] - table["estimate"])
                for limit in ("low", "high", "row_low", "row_high")
            },
        )
        self.none, self.kinds = table[:0], dict(tuple(table.groupby("kind")))
        self.read: list[str] = []

    def select(self, kind: str, **columns: Any) -> pd.DataFrame:
        """Rows of a kind whose columns hold the given values, or one of several."""
        table = self.kinds.get(kind, self.none)
        held = [table[name].isin(np.atleast_1d(value)) for name, value in columns.items()]
        return table[np.logical_and.reduce([table["id"].notna(), *held])]

    def rows(self, kind: str, **columns: Any) -> pd.DataFrame:
        """Rows of a kind, as :meth:`select`, noted as read.

        Raises:
            ValueError: there are none.
        """
        found = self.select(kind, **columns)
        if found.empty:
            raise ValueError(f"the evidence has no {kind} of {columns}; the claims need it")
        self.read += [name for name in found["id"] if name not in self.read]
        return found

    def level(self, model: str, emotion: str = "average") -> pd.DataFrame:
        """Rows of recall by protocol."""
        return self.rows("recall", model=model, emotion=emotion, judged=True)

    def over_chance(self, model: str, emotion: str) -> pd.DataFrame:
        """Rows of recall by protocol, above that of exchanged labels."""
        rows = self.level(model, emotion)
        return rows.assign(**{limit: rows[limit] - rows["null"] for limit in LIMITS})

    def gap(self, better: str, worse: str, emotion: str = "average") -> pd.DataFrame:
        """Rows of a difference by protocol."""
        return self.rows("difference", first=better, second=worse, emotion=emotion, judged=True)

    def printed(self, model: str, emotion: str = "average") -> float:
        """The figure of Table 3."""
        row = self.rows("printed", model=model, measure="accuracy", emotion=emotion)
        return float(row["estimate"].iloc[0])


@dataclass(frozen=True)
class Part:
    """One checkable part of a claim.

    Attributes:
        label: name within the claim.
        rule: a key of :data:`RULES_IN_WORDS`.
        rows: its evidence, a row per protocol; of an order the difference that should be positive.
        figure: the printed figure of a level.
        word: the verdict where no interval decides; ``note`` says why.
        counted: whether the claim's verdict depends on it; other readings stand beside it.
        reference: the share that means no effect: 0 of a difference, guessing, or half of the
            networks.
    """

    label: str
    rule: str
    rows: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=["protocol", *LIMITS]))
    figure: float = np.nan
    word: str = ""
    note: str = ""
    counted: bool = True
    reference: float = 0.0

    def verdicts(self, margin: float) -> dict[str, str]:
        """The verdict under each protocol; one holds for all where no protocol enters."""
        if self.word:
            return dict.fromkeys(PROTOCOLS, self.word)
        low, high, compatible = self.rows["low"], self.rows["high"], np.array(False)
        if self.rule == "most networks":
            right, wrong = high < self.reference, low > self.reference
        elif self.rule == "level":
            right = (low >= self.figure - 2 * margin) & (high <= self.figure + 2 * margin)
            wrong = (low > self.figure + ROUNDING) | (high < self.figure - ROUNDING)
            compatible = (low > self.rows["null"]) | (high < self.rows["null"])
        else:
            least = -margin if self.rule == "no worse" else margin
            right, wrong = low > least, high < least
        words = np.select(
            [low.isna() | high.isna(), right, wrong, compatible],
            [UNDECIDED, REPRODUCED, NOT, COMPATIBLE],
            UNDECIDED,
        )
        return dict.fromkeys(PROTOCOLS, NOT_JUDGED) | dict(
            zip(self.rows["protocol"], words.tolist(), strict=True)
        )

    def ours(self) -> str:
        """The measurement in words, in percent or points."""
        points = "{} {:+.1f} [{:+.1f}, {:+.1f}] points"
        form = "{} {:.1f} % [{:.1f}, {:.1f}]" if self.reference else points
        percent = 100 * self.rows[list(LIMITS)].to_numpy(float)
        said = [form.format(p, *own) for p, own in zip(self.rows["protocol"], percent, strict=True)]
        return "; ".join(filter(None, [*said, self.note]))


def weakest(words: Iterable[str]) -> str:
    """The weakest verdict; "not judged" only where all are."""
    return min(words, key=WEAKEST_FIRST.index)


def evaluate_claims(
    rows: pd.DataFrame, margin: float = ROPE, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Verdicts on the paper's claims, one row per claim.

    A claim gets the verdict of its weakest part under its weaker protocol. Where a protocol was not
    run, the other decides alone, and the note says so. Drawn faces judge no result.

    Args:
        rows: of :func:`emolib.analysis.evidence.collect_evidence`.
        margin: of practical equivalence, as a share; a level may miss the figure by twice as much.
        confidence: of the intervals.

    Returns:
        Columns ``id``, ``topic``, ``place``, ``claim``, ``paper``, ``ours``, ``verdict``, one named
        after each protocol with its verdict, ``note``, ``kind`` (``"results"``,
        ``"the data"`` or ``"arithmetic"``), ``rule``, ``parts`` (dictionaries) and ``evidence``
        (ids of rows).
    """
    found, evidence, drawn = [], Evidence(rows, confidence), DRAWN in set(rows["id"])
    why = WHO if WHO in set(rows["id"]) else "the other folds were not run"
    for claim in paper.CLAIMS:
        evidence.read = []
        parts = list(RULES[claim.id](evidence))
        by_part = [part.verdicts(margin) for part in parts]
        kind = KINDS.get(parts[-1].rule, "results")
        if drawn and kind != "arithmetic":
            by_part = [
                {p: w if w in (CONTRADICTED, UNTESTABLE) else NOT_JUDGED for p, w in own.items()}
                for own in by_part
            ]
        by_protocol = {
            p: weakest(own[p] for part, own in zip(parts, by_part, strict=True) if part.counted)
            for p in PROTOCOLS
        }
        verdict = weakest(by_protocol.values())
        notes = {part.note for part in parts if part.word in (CONTRADICTED, UNTESTABLE)}
        if verdict == NOT_JUDGED:
            notes = {DRAWN}
        elif NOT_JUDGED in by_protocol.values():
            ran = " and ".join(p for p, word in by_protocol.items() if word != NOT_JUDGED)
            notes = {f"{ran} folds alone: {why}"}
        shown = [
            {"part": part.label, "ours": part.ours(), "verdict": weakest(own.values())}
            | own
            | {"counted": part.counted, "figure": part.figure, "reference": part.reference}
            | {"measured": part.rows[["protocol", *LIMITS]].to_dict("records"), "note": part.note}
            for part, own in zip(parts, by_part, strict=True)
        ]
        ours = "; ".join(f"{part['part']}: {part['ours']}".strip(": ") for part in shown)
        found.append(
            {"id": claim.id, "topic": claim.topic, "place": claim.place}
            | {"claim": claim.claim, "paper": claim.paper}
            | {"ours": ours, "verdict": verdict, **by_protocol}
            | {"note": "; ".join(sorted(note for note in notes if note not in ours)), "kind": kind}
            | {"rule": ", ".join(dict.fromkeys(part.rule for part in parts)), "parts": shown}
            | {"evidence": evidence.read}
        )
    return pd.DataFrame(found)


def headline(claims: pd.DataFrame) -> str:
    """Answer of the report in one sentence, from the verdict on the paper's main claim.

    Args:
        claims: of :func:`evaluate_claims`.
    """
    claim = dict(claims.set_index("id").loc["fusion"])
    part = claim["parts"][0]
    printed = f"The printed {100 * part['figure']:.0f} %"
    if claim["verdict"] == NOT_JUDGED:
        return f"Everything runs on drawn faces, which say nothing about the {printed[4:]}."
    levels = {own["protocol"]: own["estimate"] for own in part["measured"]}
    shown = {p: "no value" if np.isnan(x) else f"{100 * x:.0f} %" for p, x in levels.items()}
    said = {
        p: "is surpassed" if claim[p] == NOT and x > part["figure"] else HEADLINE[claim[p]]
        for p, x in levels.items()
    }
    where = WHERE if len(levels) == len(PROTOCOLS) else ALONE
    if len(set(said.values())) > 1:
        each = [f"{said[p]} {where[p]} ({level})" for p, level in shown.items()]
        return f"{printed} {' and '.join(each)}."
    return f"{printed} {said['random']}: {', '.join(f'{shown[p]} {where[p]}' for p in shown)}."


def sensitivity(rows: pd.DataFrame, dealt: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Verdicts under other margins, a Bonferroni correction, each protocol alone, and other ways of
    dealing persons to folds.

    Args:
        rows: the evidence of the report.
        dealt: rows that another way of dealing persons puts in their place, by its name.

    Returns:
        A column for each setting, indexed by the claims' ids; :data:`NOT_RERUN` where a setting
        replaces none of a claim's evidence.
    """
    settings = {f"margin {100 * m:g}": (rows, m, CONFIDENCE) for m in (0, ROPE / 2, 2 * ROPE)}
    settings["Bonferroni"] = (rows, ROPE, 1 - (1 - CONFIDENCE) / len(paper.CLAIMS))
    settings |= {
        f"{p} alone": (rows[rows["protocol"].isna() | (rows["protocol"] == p)], ROPE, CONFIDENCE)
        for p in PROTOCOLS
        if rows["protocol"].nunique() > 1
    }
    settings |= {
        name: (pd.concat([rows, again]).drop_duplicates("id", keep="last"), ROPE, CONFIDENCE)
        for name, again in dealt.items()
    }
    found = {name: evaluate_claims(*own).set_index("id") for name, own in settings.items()}
    verdicts = pd.DataFrame({name: claims["verdict"] for name, claims in found.items()})
    for name, again in dealt.items():
        untouched = found[name]["evidence"].map(set(again["id"]).isdisjoint)
        verdicts[name] = verdicts[name].mask(untouched, NOT_RERUN)
    return verdicts


def _signed(rows: pd.DataFrame, sign: int) -> pd.DataFrame:
    """A difference, the other way round if ``sign`` is -1."""
    low, high = (sign * rows[limit] for limit in ("low", "high")[::sign])
    return rows.assign(estimate=sign * rows["estimate"], low=low, high=high)


def _levels(model: str, emotions: tuple[str, ...], evidence: Evidence) -> list[Part]:
    """Recall of each emotion, against its figure in Table 3; beside an average, other measures that
    "accuracy" could mean.
    """
    parts = [
        Part(
            "" if emotion == "average" else emotion,
            "level",
            evidence.level(model, emotion),
            evidence.printed(model, emotion),
            reference=GUESSING,
        )
        for emotion in emotions
    ]
    beside = ("accuracy", "average precision") if emotions == ("average",) else ()
    return parts + [
        replace(
            parts[0],
            label=measure,
            rows=evidence.rows(measure, model=model, emotion="average", judged=True),
            counted=False,
        )
        for measure in beside
    ]


def _gain(models: tuple[str, ...], figure: float, evidence: Evidence) -> list[Part]:
    """Gain of the best of some models over the baseline's published recall, whose own binomial
    error widens the interval: inflated by persons as the model's, and by its two folds.
    """
    published = evidence.rows("printed", id=BASELINE).iloc[0]
    levels = [evidence.level(model) for model in models]
    best = levels[int(np.argmax([rows["estimate"].mean(skipna=False) for rows in levels]))]
    inflated = (best["high"] - best["low"]) / (best["row_high"] - best["row_low"])
    error = inflation(2, 0)[-1] * inflated * (published["high"] - published["low"]) / 2
    gain = best["estimate"] - published["estimate"]
    rows = best.assign(
        estimate=gain,
        low=gain - np.hypot(best["estimate"] - best["low"], error),
        high=gain + np.hypot(best["high"] - best["estimate"], error),
        null=0.0,
    )
    said = f"over the baseline's recall of {100 * published['estimate']:.1f} %"
    return [Part("", "level", rows, figure, note=said)]


def _order(better: str, worse: tuple[str, ...], evidence: Evidence) -> Iterable[Part]:
    """A model is better than each of others on average."""
    for other in worse:
        points = 100 * (evidence.printed(better) - evidence.printed(other))
        note = f"Table 3: {points:+.0f} points"
        yield Part(f"over {other}", "order", evidence.gap(better, other), note=note)


def _stronger(
    better: str,
    worse: tuple[str, ...],
    emotions: tuple[str, ...],
    evidence: Evidence,
    sign: int = 1,
) -> Iterable[Part]:
    """A model is better (``sign`` 1) or worse (-1) than others on some emotions: contradicted where
    Table 3 prints the opposite.
    """
    for emotion, other in product(emotions, worse):
        rows = _signed(evidence.gap(better, other, emotion), sign)
        one, two = evidence.printed(better, emotion), evidence.printed(other, emotion)
        note = f"Table 3: {better} {100 * one:.0f} %, {other} {100 * two:.0f} %"
        part = Part(f"{emotion}, against {other}", "order", rows)
        yield replace(part, word=CONTRADICTED, note=note) if sign * (one - two) < 0 else part


def _separates(model: str, emotions: tuple[str, ...], evidence: Evidence) -> Iterable[Part]:
    """Emotions that a model tells from the others: recall above that of exchanged labels.
    Contradicted where Table 3 prints no more than guessing.
    """
    for emotion in emotions:
        part = Part(emotion, "order", evidence.over_chance(model, emotion))
        figure = evidence.printed(model, emotion)
        note = f"Table 3: {100 * figure:.0f} %, as by guessing"
        yield replace(part, word=CONTRADICTED, note=note) if figure <= GUESSING else part


def _weak(model: str, emotion: str, evidence: Evidence) -> Iterable[Part]:
    """An emotion that a model does not tell from the others: chance is no worse than its recall."""
    rows = _signed(evidence.over_chance(model, emotion), -1)
    note = f"Table 3: {100 * evidence.printed(model, emotion):.0f} %"
    yield Part(f"exchanged labels over {emotion}", "no worse", rows, note=note)


def _confused(model: str, pairs: tuple[str, ...], evidence: Evidence) -> list[Part]:
    """Pairs that are confused more than emotions are on average."""
    return [
        Part(pair, "order", evidence.rows("confusion", model=model, emotion=pair, judged=True))
        for pair in pairs
    ]


def _open(why: str, evidence: Evidence) -> list[Part]:
    """A claim that nothing tests."""
    return [Part("", "open", word=UNTESTABLE, note=why)]


def _by_reading(modalities: tuple[str, ...], *steps: tuple[str, int, Columns]) -> list[Step]:
    """Steps between widths by each reading of the networks behind Figures 6a, 9 and 10, of which
    the primary one counts.
    """
    return [
        (label.format(f"{m}, {name}"), sign, own | setting | {"modality": m}, name == PRIMARY)
        for m, (name, setting), (label, sign, own) in product(modalities, READINGS.items(), steps)
    ]


def _along(why: str, steps: list[Step], evidence: Evidence) -> list[Part]:
    """Differences along a sweep; open where one of them was not tried."""
    if any(evidence.select(**columns).empty for _, _, columns, _ in steps):
        return _open(why, evidence)
    return [
        Part(label, "order", _signed(evidence.rows(**columns, judged=True), sign), counted=counted)
        for label, sign, columns, counted in steps
    ]


def _best_angle(evidence: Evidence) -> list[Part]:
    parts = []
    for (taken, shift), m in product((("shifted", 0.5), ("as they are", 0.0)), MODALITIES):
        columns = STEP | {"step": "to 60°", "modality": m, "activation_shift": shift}
        if not evidence.select(**columns)["angle"].lt(60).any():
            return _open("60° and a smaller angle were not both tried", evidence)
        gaps: dict[Any, pd.DataFrame] = dict(
            tuple(evidence.rows(**columns, judged=True).groupby("angle"))
        )
        means = [rows["estimate"].mean(skipna=False) for rows in gaps.values()]
        nearest = list(gaps.values())[int(np.argmin(means))]
        parts += [
            Part(f"60° over {other} ({m}, {taken})", "order", rows, counted=shift == 0.5)
            for other, rows in ((f"{min(gaps):g}°", gaps[min(gaps)]), ("the best other", nearest))
        ]
    return parts


def _few_parameters(evidence: Evidence) -> list[Part]:
    cnn, shallow = (
        evidence.rows("parameters", id=f"parameters, {name}")["estimate"].iloc[0]
        for name in ("CNN", "shallow")
    )
    note = f"{cnn:.0f} against {shallow:.0f}, with 16 channels, of which the paper says nothing"
    label = "no more parameters than the shallow net"
    return [_checked("count", cnn <= shallow, note, label, counted=False)] + [
        Part(f"accuracy on {m}", "no worse", evidence.gap(f"{m} CNN", f"{m} shallow"))
        for m in MODALITIES
    ]


def _images(evidence: Evidence) -> list[Part]:
    if evidence.select("difference", first="CNN fusion with image").empty:
        return _open("the data hold no images", evidence)
    return [Part("", "order", evidence.gap("CNN fusion with image", "CNN fusion"))]


def _converged(evidence: Evidence) -> list[Part]:
    return [
        Part(
            model,
            "most networks",
            evidence.rows("falling", model=model, recipe="printed"),
            reference=0.5,
        )
        for model in PAPER_MODELS
    ]


def _better_than(variants: tuple[str, ...], evidence: Evidence) -> list[Part]:
    """Table 3's shallow nets against the same nets with another loss or other inputs."""
    return [
        Part(f"{m}, against {name}", "order", evidence.gap(f"{m} shallow", f"{m} shallow, {name}"))
        for name, m in product(variants, MODALITIES)
    ]


def _smooth_l1(evidence: Evidence) -> list[Part]:
    rows = evidence.rows("linear", model=list(PAPER_MODELS), judged=True)
    reached = rows.groupby("model", sort=False)["estimate"].mean()
    note = (
        f"at most {100 * reached.max():.1f} % of outputs on training rows reach its linear branch "
        f"({reached.index[int(np.argmax(reached.to_numpy()))]}), elsewhere it is half the squared "
        "error"
    )
    *parts, last = _better_than(("squared error",), evidence)
    return [*parts, replace(last, note=note)]


def _checked(rule: str, right: bool, note: str, label: str = "", counted: bool = True) -> Part:
    """A part that numbers decide which have no error."""
    wrong = CONTRADICTED if rule == "arithmetic" else NOT
    return Part(label, rule, word=REPRODUCED if right else wrong, note=note, counted=counted)


def _table_2(evidence: Evidence) -> Iterable[Part]:
    cut = np.floor(10 * evidence.rows("angle")["estimate"].to_numpy()) / 10
    same = np.isclose(cut, list(paper.TABLE_2.values())).sum()
    note = f"{same} of {len(cut)} equal ours, cut off after one decimal; activations as they are"
    yield _checked("arithmetic", same == len(cut), note)


def _similar_pair(evidence: Evidence) -> Iterable[Part]:
    degrees = evidence.rows("angle")["estimate"].to_numpy()
    i, j = list(paper.TABLE_2)[int(degrees.argmin())]
    yield _checked("arithmetic", (i, j) == (3, 4), f"units {i} and {j}, {degrees.min():.2f}°")


def _averages(evidence: Evidence) -> Iterable[Part]:
    off = [
        np.mean([evidence.printed(model, e) for e in paper.EMOTIONS]) - evidence.printed(model)
        for model in paper.TABLE_3
    ]
    worst = np.max(np.abs(off))
    yield _checked("arithmetic", worst <= ROUNDING, f"largest difference {100 * worst:.2f} points")


def _rows(evidence: Evidence) -> Iterable[Part]:
    count = evidence.rows("data", measure="rows")["estimate"].iloc[0]
    yield _checked("count", count == 675, f"{count:.0f}")


def _read_off(
    figures: list[float], half_step: float, cases: dict[str, Columns], evidence: Evidence
) -> Iterable[Part]:
    """Smallest and largest value of the features against what a figure of the paper shows."""
    for label, columns in cases.items():
        values = evidence.rows("data", **columns)["estimate"].agg(["min", "max"])
        met = (values - figures).abs().max() <= half_step
        note = f"{values['min']:.3f} to {values['max']:.3f}"
        yield _checked("read off an axis", met, note, label)


RULES: dict[str, Callable[[Evidence], Iterable[Part]]] = {
    "fusion": partial(_levels, "CNN fusion", ("average",)),
    "phog-cnn": partial(_levels, "PHOG CNN", ("average",)),
    "lpq-cnn": partial(_levels, "LPQ CNN", ("average",)),
    "phog-shallow": partial(_levels, "PHOG shallow", ("average",)),
    "lpq-shallow": partial(_levels, "LPQ shallow", ("average",)),
    "pruned-angry-happy": partial(_levels, "PHOG shallow", ("Angry", "Happy")),
    "fusion-happy": partial(_levels, "CNN fusion", ("Happy",)),
    "shallow-gain": partial(_gain, ("LPQ shallow", "PHOG shallow"), 0.08),
    "fusion-gain": partial(_gain, ("CNN fusion",), 0.12),
    "same-measure": partial(_open, "the paper states no split, and two measures"),
    "phog-beats-lpq": partial(_order, "PHOG shallow", ("LPQ shallow",)),
    "fusion-beats-either": partial(_order, "CNN fusion", ("LPQ CNN", "PHOG CNN")),
    "fusion-beats-pruning": partial(_order, "CNN fusion", ("LPQ shallow", "PHOG shallow")),
    "few-parameters": _few_parameters,
    "images": _images,
    "more-units": partial(
        _along,
        "one width only",
        _by_reading(MODALITIES, ("{}", 1, STEP | {"step": "narrow to wide"})),
    ),
    "best-angle": _best_angle,
    # on the same folds
    "pruning-improves": partial(
        _along,
        "no width of 16",
        [
            (
                e,
                1,
                STEP
                | {"step": "unpruned to pruned", "emotion": e, "modality": "PHOG", "hidden": 16},
                True,
            )
            for e in ("Angry", "Happy")
        ],
    ),
    # networks of the narrowest and the widest width keep other shares of their units
    "compression": partial(
        _along, "one width only", _by_reading(MODALITIES, ("{}", 1, {"kind": "compression"}))
    ),
    "happy-width": partial(
        _along,
        "too few widths, or none of 16",
        _by_reading(
            ("PHOG",),
            ("rises to the middle width ({})", 1, HAPPY | {"step": "narrow to middle"}),
            ("falls from there to 16 ({})", -1, HAPPY | {"step": "middle to wide", "hidden": 16}),
            (
                "lower at 16 than at the narrowest ({})",
                -1,
                HAPPY | {"step": "narrow to wide", "hidden": 16},
            ),
        ),
    ),
    "phog-cnn-happy": partial(_separates, "PHOG CNN", ("Happy",)),
    "lpq-cnn-angry": partial(_separates, "LPQ CNN", ("Angry",)),
    "fusion-angry-happy": partial(_separates, "CNN fusion", ("Angry", "Happy")),
    "fusion-weak-disgust": partial(_weak, "CNN fusion", "Disgust"),
    "confused-pairs": partial(_confused, "PHOG shallow", ("Angry, Surprise", "Surprise, Sad")),
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
    "converged": _converged,
    "smooth-l1": _smooth_l1,
    "good-scaling": partial(_better_than, ("inputs standardised", "inputs as they come")),
    "averages": _averages,
    "table-2": _table_2,
    "similar-pair": _similar_pair,
    "rows": _rows,
    "raw-range": partial(
        _read_off, [-0.05, 0.15], 0.025, {"": {"measure": ["smallest", "largest"]}}
    ),
    "raw-centres": partial(_read_off, [0, 0], 0.025, {"": {"measure": "median"}}),
    "feature-centres": partial(
        _read_off,
        [0.4, 0.4],
        0.1,
        {
            m: {"measure": "scaled median", "modality": m, "feature": range(2, 6)}
            for m in MODALITIES
        },
    ),
}
