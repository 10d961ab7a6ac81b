"""Evidence: levels, differences, confusions and printed figures as rows with columns, with
intervals and tests.

Axes: ``S`` repetitions, ``N`` rows of the data, ``C`` classes. Rows that no network tested are left
out everywhere; results that are then undefined are NaN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from emolib import paper
from emolib.analysis import statistics
from emolib.analysis.statistics import Interval, bootstrap, emotion_means, with_mean
from emolib.data import EmotionData, Rows
from emolib.metrics import MEASURES, UNTESTED, confusion, measures, predict
from emolib.pruning import angles
from emolib.training.scaling import scale
from emolib.training.sweeps import REPETITION
from emolib.training.train import Trained

# A sweep's columns without the repetition.
READING = [column for column in REPETITION if column != "seed"]
SETTING = ["model", "protocol", "recipe"]
# The columns of evidence. Each row has an id of its own; ``modality``, ``hidden``, ``angle`` and
# ``activation_shift`` are filled in where a sweep varies them, ``first`` and ``second`` are the
# models of a difference, and ``feature`` numbers the features of a modality.
ROW = [
    "id",
    "kind",
    *SETTING,
    "emotion",
    "estimate",
    "low",
    "high",
    "null",
    "p",
    "p_holm",
    "worse",
    "equivalent",
    "better",
    "detectable",
    "measure",
    "tested",
    "first",
    "second",
    "modality",
    "hidden",
    "angle",
    "activation_shift",
    "feature",
]
LIMITS = ("estimate", "low", "high")
T_TESTS = ("p", "worse", "equivalent", "better")
WHO = "the data do not say who is who"

# Models of Table 3 that the paper compares with each other.
PAIRS = (
    ("PHOG shallow", "LPQ shallow"),
    ("LPQ shallow", "PHOG shallow"),
    ("CNN fusion", "LPQ CNN"),
    ("CNN fusion", "PHOG CNN"),
    ("CNN fusion", "LPQ shallow"),
    ("CNN fusion", "PHOG shallow"),
    ("PHOG CNN", "LPQ CNN"),
    ("PHOG CNN", "CNN fusion"),
    ("LPQ CNN", "PHOG CNN"),
    ("LPQ CNN", "CNN fusion"),
)


@dataclass(frozen=True)
class Condition:
    """Out-of-fold scores of one model under one protocol and recipe, over all repetitions.

    Attributes:
        model: its name in the report.
        protocol, recipe: how it was tested and trained.
        scores: ``[S, N, C]``, out of fold; NaN where a row was not tested.
        fold: ``[S, N]``, the fold that tested the row, -1 where none did.
        data: the rows.
        folds: number of folds that the rows were cut into; those in ``fold`` when 0.
        setting: the sweep's columns that made the networks, such as ``hidden`` and ``angle``.
    """

    model: str
    protocol: str
    recipe: str
    scores: NDArray[np.floating]
    fold: Rows
    data: EmotionData
    folds: int = 0
    setting: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def predicted(self) -> Rows:
        """Predicted emotion ``[S, N]``; -1 where a row was not tested."""
        return predict(self.scores)

    @cached_property
    def hit(self) -> NDArray[np.float64]:
        """Whether a row was recognised, 1 or 0, ``[S, N]``; NaN where it was not tested."""
        right = (self.predicted == self.data.labels).astype(float)
        return np.where(self.predicted == UNTESTED, np.nan, right)

    @cached_property
    def tested(self) -> NDArray[np.bool]:
        """Rows that some repetition tested, ``[N]``."""
        tested: NDArray[np.bool] = (self.predicted != UNTESTED).any(0)
        return tested

    @cached_property
    def fold_recall(self) -> NDArray[np.float64]:
        """Mean recall over emotions in each fold ``[S, folds]``, see :func:`fold_recall`."""
        return fold_recall(self.hit, self.fold, self.data.labels)

    @property
    def fold_count(self) -> int:
        """Number of folds that the rows were cut into, at least 1."""
        return self.folds or max(int(self.fold.max(initial=0)) + 1, 1)

    def columns(self, measure: str, emotion: str) -> dict[str, Any]:
        """Columns that all rows of evidence on this condition have: id, setting, rows tested."""
        setting = {column: getattr(self, column) for column in SETTING}
        tested = (self.predicted != UNTESTED).sum(1).min()
        id = level_id(self.model, self.protocol, self.recipe, measure, emotion)
        return {"id": id, "measure": measure, "emotion": emotion, "tested": tested} | setting


def conditions(trained: Trained, name: Callable[[pd.Series], str] | None = None) -> list[Condition]:
    """Conditions of a sweep: the repetitions of each setting put together.

    Args:
        name: the model's name from a row of the sweep; its column ``model`` when not given.

    Raises:
        ValueError: there is neither a ``name`` nor a column ``model``.
    """
    table, data = trained.table, trained.data
    named = ["model"] if "model" in table else []
    if not named and name is None:
        raise ValueError("the sweep has no column 'model'; pass name, a function of its rows")
    number = table.groupby([*READING, *named], sort=False, dropna=False).ngroup().to_numpy()
    found = []
    for setting in np.unique(number):
        positions = np.flatnonzero(number == setting)
        part = table.iloc[positions]
        first = part.iloc[0]
        seed, seeds = pd.factorize(part["seed"])
        scores = np.full((len(seeds), len(data), len(data.classes)), np.nan, np.float32)
        fold = np.full(scores.shape[:2], UNTESTED)
        for s, k, position in zip(seed, part["fold"], positions, strict=True):
            result = trained.results[position]
            scores[s, result.test_rows] = result.scores
            fold[s, result.test_rows] = k
        found.append(
            Condition(
                name(first) if name else str(first["model"]),
                first["protocol"],
                first["recipe"],
                scores,
                fold,
                data,
                int(first["folds"]),
                {column: first[column] for column in READING},
            )
        )
    return found


def fold_recall(
    hit: NDArray[np.float64], fold: Rows, labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean recall over emotions in each fold, an emotion weighted as in all tested rows, because a
    fold may lack one.

    Args:
        hit: ``[S, N]``, whether a row was recognised, NaN where it was not tested.
        fold: ``[S, N]``, the fold that tested the row.
        labels: ``[N]``.

    Returns:
        ``[S, folds]``, for the folds that tested a row.
    """
    tested = ~np.isnan(hit)
    rows = np.bincount(labels[tested.any(0)], minlength=labels.max() + 1)
    weight: NDArray[np.float64] = (1 / np.maximum(rows, 1))[labels]
    member = (fold[:, None] == np.unique(fold[tested])[:, None]) & tested[:, None]  # [S, folds, N]
    hits = np.where(tested, hit, 0) * weight
    with np.errstate(invalid="ignore"):  # a repetition without this fold
        recall: NDArray[np.float64] = (member.astype(float) @ hits[..., None])[..., 0] / (
            member.astype(float) @ weight
        )
    return recall


def evaluate(found: Iterable[Condition], which: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Every measure by emotion with its interval, and for recall the permutation test.

    Returns:
        Columns ``id``, ``model``, ``protocol``, ``recipe``, ``measure``, ``emotion`` (and
        ``average``: the mean over the emotions that have a tested row), ``ours`` (mean over
        repetitions), ``low`` and ``high`` (95 % by person; by row where the data do not say who is
        who), ``row_low`` and ``row_high`` (the same by row, for recall), ``seed_low`` and
        ``seed_high`` (lowest and highest repetition), ``repetitions``, ``undefined``, ``tested``
        (the fewest rows that a repetition tested), ``null`` and ``p`` (recall of exchanged labels,
        see :func:`emolib.analysis.statistics.better_than_chance`), ``p_holm`` (adjusted over the
        emotions; the average over the models given).
    """
    parts = []
    for condition in found:
        data, scores, classes = condition.data, condition.scores, len(condition.data.classes)
        occurs = np.isin(np.arange(classes), data.labels[condition.tested])

        def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            by_measure = list(measures(data.labels, scores, which, weight).values())
            return with_mean(np.stack(by_measure, -2), occurs)  # [B, S, measures, C + 1]

        each = statistic(np.ones((1, len(data))))[0]  # [S, measures, C + 1]
        recalls = emotion_means(data.labels, condition.hit, classes)
        interval, by_row = (
            bootstrap(of, units, condition.tested).widened().of_repetitions().of_shares()
            for of, units in ((statistic, data.resampling_units), (recalls, np.arange(len(data))))
        )
        chance = statistics.better_than_chance(
            data.labels, condition.predicted, data.groups, classes, condition.fold_count
        )
        for m, measure in enumerate(which):
            part = pd.DataFrame([condition.columns(measure, e) for e in [*data.classes, "average"]])
            part["ours"], part["low"], part["high"] = (values[m] for values in interval)
            part["seed_low"], part["seed_high"] = (
                np.fmin.reduce(each[:, m]),
                np.fmax.reduce(each[:, m]),
            )
            part["repetitions"], part["undefined"] = len(each), np.isnan(each[:, m]).sum(0)
            if measure == "recall":
                part["row_low"], part["row_high"] = by_row.low, by_row.high
                part["null"], part["p"] = chance.null, chance.p
                part["p_holm"] = np.r_[statistics.holm(chance.p[:-1]), np.nan]
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    averages = (table["measure"] == "recall") & (table["emotion"] == "average")
    if averages.any():
        tests = table[averages].groupby(["protocol", "recipe"])["p"]
        table.loc[averages, "p_holm"] = tests.transform(statistics.holm)
    return table


def level_id(
    model: str, protocol: str, recipe: str, measure: str = "recall", emotion: str = "average"
) -> str:
    """Id of the row of :func:`evaluate` with a model's level."""
    return f"{model}, {measure}, {emotion}, {protocol}, {recipe}"


def difference_id(
    better: str, worse: str, protocol: str, recipe: str, emotion: str = "average"
) -> str:
    """Id of the row of :func:`differences` with one model's recall minus another's."""
    return f"{better} − {worse}, {emotion}, {protocol}, {recipe}"


def differences(found: Iterable[Condition], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Recall of one model minus that of another on the same folds, by emotion and on average, under
    every protocol and recipe, over the rows that both tested.

    Args:
        found: conditions that hold both models of each pair.
        pairs: models, the one that is subtracted second.

    Returns:
        Rows with an interval by person; on average also the p-value of the corrected resampled
        t-test, the posterior probabilities of the Bayesian one, and the smallest difference that
        would have been found in four of five cases. The tests are NaN for a single fold and for
        models that were tested on other folds.

    Raises:
        ValueError: two models of a pair have different numbers of repetitions.
    """
    found = list(found)
    by_key = {(c.model, c.protocol, c.recipe): c for c in found}
    if len(by_key) < len(found):
        raise ValueError(
            "two conditions have one model, protocol and recipe; name the models apart"
        )
    rows = []
    for (better, worse), first in product(pairs, found):
        second = by_key.get((worse, first.protocol, first.recipe))
        if first.model != better or second is None:
            continue
        if len(first.scores) != len(second.scores):
            raise ValueError(
                f"{better} has {len(first.scores)} repetitions and {worse} {len(second.scores)}; "
                "a difference needs the same ones of both"
            )
        data, gaps = first.data, first.hit - second.hit
        both = ~np.isnan(gaps)
        # variance that repetitions share cancels between models on the same folds, so repetitions
        # are averaged row by row, over those that tested the row
        with np.errstate(invalid="ignore"):
            gap = np.where(both, gaps, 0).sum(0) / both.sum(0)
        differ = emotion_means(data.labels, gap, len(data.classes))
        tested = both.sum(0) > 0
        interval = bootstrap(differ, data.resampling_units, tested).widened()
        smallest = statistics.detectable(interval)
        paired = np.array_equal(first.fold, second.fold)
        paired &= np.array_equal(np.isnan(first.hit), np.isnan(second.hit))
        subtracted = second.fold_recall if paired else np.full_like(first.fold_recall, np.nan)
        t_test = statistics.compare(subtracted, first.fold_recall, first.fold_count)
        for e, emotion in enumerate([*data.classes, "average"]):
            tests = T_TESTS if emotion == "average" else ()
            rows.append(
                first.columns("recall", emotion)
                | {
                    "id": difference_id(better, worse, first.protocol, first.recipe, emotion),
                    "kind": "difference",
                    "model": f"{better} − {worse}",
                    "first": better,
                    "second": worse,
                    "tested": both.sum(1).min(),
                    "detectable": smallest[e],
                }
                | {limit: values[e] for limit, values in zip(LIMITS, interval, strict=True)}
                | {test: getattr(t_test, test) for test in tests}
            )
    return pd.DataFrame(rows, columns=ROW)


def confusions(
    found: Iterable[Condition], model: str, pairs: Iterable[tuple[str, str]]
) -> pd.DataFrame:
    """How much more often two emotions are taken for each other than emotions are on average, in
    either direction.
    """
    rows = []
    for condition, (one, other) in product(found, pairs):
        if condition.model != model:
            continue
        data, apart = condition.data, ~np.eye(len(condition.data.classes), dtype=bool)
        i, j = data.classes.index(one), data.classes.index(other)

        def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            counts = confusion(data.labels, condition.scores, weight)
            with np.errstate(invalid="ignore"):
                share = counts / counts.sum(-1, keepdims=True)  # [B, S, C, C]
            mutual: NDArray[np.float64] = (share[..., i, j] + share[..., j, i]) / 2
            difference: NDArray[np.float64] = mutual - share[..., apart].mean(-1)
            return difference

        interval = bootstrap(statistic, data.resampling_units, condition.tested)
        limits = dict(zip(LIMITS, interval.widened().of_repetitions(), strict=True))
        id = f"{model}, {one} with {other}, {condition.protocol}, {condition.recipe}"
        columns = condition.columns("confusion", f"{one}, {other}")
        rows.append(columns | limits | {"id": id, "kind": "confusion"})
    return pd.DataFrame(rows, columns=ROW)


def estimates(found: Iterable[Condition], varied: Sequence[str] = ()) -> pd.DataFrame:
    """Mean recall of many conditions, without intervals.

    Args:
        varied: the sweep's columns that the rows keep, such as ``hidden``.
    """
    rows = []
    for condition in found:
        data = condition.data
        recalls = emotion_means(data.labels, condition.hit, len(data.classes))
        each = recalls(np.ones((1, len(data))))[0]
        kept = {column: condition.setting[column] for column in varied} | {"kind": "recall"}
        values = Interval(each, each, each).of_repetitions().estimate
        for emotion, value in zip([*data.classes, "average"], values, strict=True):
            rows.append(condition.columns("recall", emotion) | kept | {"estimate": value})
    return pd.DataFrame(rows, columns=ROW)


def collect_evidence(
    table_3: pd.DataFrame, models: list[Condition], widths: list[Condition], angles: list[Condition]
) -> pd.DataFrame:
    """All rows that the claims rest on.

    Args:
        table_3: :func:`evaluate` of ``models``.
        models: the models of the paper's Table 3.
        widths: unpruned shallow networks, see :func:`emolib.analysis.models.width_sweep`.
        angles: pruned shallow networks, see :func:`emolib.analysis.models.angle_sweep`.
    """
    along_width, along_angle = [], []
    for modality in models[0].data.modalities:
        own = [c for c in widths if c.setting["modality"] == modality]
        names = list(dict.fromkeys(c.model for c in sorted(own, key=lambda c: c.setting["hidden"])))
        if names:
            narrow, middle, wide = names[0], names[len(names) // 2], names[-1]
            along_width += [(wide, narrow), (middle, narrow), (wide, middle)]
    alike = ("modality", "activation_shift")
    for c in angles:
        others = [o for o in angles if all(o.setting[k] == c.setting[k] for k in alike)]
        smallest = min(others, key=lambda o: o.setting["angle"])
        if c.setting["angle"] == 60 and c.model != smallest.model:
            along_angle.append((c.model, smallest.model))
    return pd.concat(
        [
            of_data(models[0].data),
            printed(),
            levels(table_3),
            differences(models, PAIRS),
            confusions(models, "PHOG shallow", [("Angry", "Surprise"), ("Surprise", "Sad")]),
            estimates(widths, ("modality", "hidden")),
            differences(widths, dict.fromkeys(along_width)),
            estimates(angles, ("modality", "angle", "activation_shift")),
            differences(angles, dict.fromkeys(along_angle)),
        ],
        ignore_index=True,
    )


def levels(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`evaluate` in the form of the other evidence."""
    renamed = table.rename(columns={"ours": "estimate"})
    return renamed.assign(kind=table["measure"]).reindex(columns=ROW)


def of_data(data: EmotionData) -> pd.DataFrame:
    """Evidence on data and angles: ranges, means after scaling over all rows, recomputed angles,
    and whether the persons are unknown.
    """
    rows: list[dict[str, Any]] = []
    for modality in data.modalities:
        values, own = data.features[modality], {"kind": "data", "modality": modality}
        for measure, value in (("smallest", values.min()), ("largest", values.max())):
            row = {"id": f"{measure} {modality} value", "measure": measure, "estimate": value}
            rows.append(row | own)
        for number, mean in enumerate(scale(data, modality).mean(0)[1:], 2):
            row = {"id": f"scaled mean, {modality}, feature {number}", "measure": "scaled mean"}
            rows.append(row | own | {"feature": number, "estimate": mean})
    degrees = angles(torch.tensor(paper.TABLE_1)).numpy()
    for i, j in paper.TABLE_2:
        rows.append(
            {
                "id": f"angle between units {i} and {j} of Table 1",
                "kind": "angle",
                "estimate": degrees[i - 1, j - 1],
            }
        )
    if data.groups is None:
        rows.append({"id": WHO, "kind": "data", "measure": "persons"})
    return pd.DataFrame(rows, columns=ROW)


def printed() -> pd.DataFrame:
    """Evidence that is printed: the paper's Table 3 and its baseline's table."""
    rows = []
    for model, values in paper.TABLE_3.items():
        for emotion, value in zip(
            (*paper.EMOTIONS, "average"), (*values, paper.TABLE_3_AVERAGE[model]), strict=True
        ):
            rows.append((printed_id(model, emotion), model, "accuracy", emotion, value))
    for measure, values in paper.SPI_BASELINE.items():
        for emotion, value in zip(paper.EMOTIONS, values, strict=True):
            rows.append(
                (f"Dhall et al., {measure}, {emotion}", "SPI baseline", measure, emotion, value)
            )
    table = pd.DataFrame(rows, columns=["id", "model", "measure", "emotion", "estimate"])
    return table.assign(kind="printed").reindex(columns=ROW)


def printed_id(model: str, emotion: str = "average") -> str:
    """Id of the row of :func:`printed` with a figure of Table 3."""
    return f"paper, {model}, {emotion}"
