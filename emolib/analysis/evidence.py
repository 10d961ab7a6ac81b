"""Evidence: recall levels, differences and confusions of the compared networks, as rows.

Axes: ``S`` repetitions, ``N`` rows of the data, ``C`` classes. Rows that no network tested are left
out everywhere; results that are then undefined are NaN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from emolib import paper
from emolib.analysis.statistics import (
    LIMITS,
    Statistic,
    better_than_chance,
    bootstrap,
    compare,
    detectable,
    emotion_means,
    fold_recall,
    holm,
    inflation,
    repetition_mean,
    with_mean,
)
from emolib.data import EmotionData, Rows
from emolib.folds import protocols
from emolib.metrics import MEASURES, UNTESTED, confusion, measures, predict
from emolib.models import ShallowNet
from emolib.pruning import angles as angles_between
from emolib.pruning import prune
from emolib.training.scaling import scale
from emolib.training.sweeps import IMAGE, IMAGE_NETWORK, REPETITION, sweep
from emolib.training.train import Trained
from emolib.utils.validation import real_number, whole_number

# The models of the paper, and the columns of a sweep that make them.
PAPER_MODELS: dict[str, dict[str, Any]] = {
    "LPQ shallow": {"modality": "LPQ", "angle": 60},
    "PHOG shallow": {"modality": "PHOG", "angle": 60},
    "LPQ CNN": {"modality": "LPQ", "network": "cnn"},
    "PHOG CNN": {"modality": "PHOG", "network": "cnn"},
    "CNN fusion": {"modality": "LPQ+PHOG", "network": "cnn"},
}
RECIPES = ("printed", "converged")
# A sweep's columns without the repetition.
READING = [column for column in REPETITION if column != "seed"]
# The columns of evidence. Each row has an id of its own; ``modality``, ``hidden``, ``angle`` and
# ``activation_shift`` are filled in where a sweep varies them, ``first`` and ``second`` are the
# models of a difference or the emotions of a confusion, and ``feature`` numbers the features of a
# modality.
ROW = [
    *("id", "kind", "model", "protocol", "recipe", "emotion", "estimate", "low", "high"),
    *("null", "p", "p_holm", "worse", "equivalent", "better", "detectable", "measure", "tested"),
    *("first", "second", "modality", "hidden", "angle", "activation_shift", "feature"),
]
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


def table3_models(data: EmotionData) -> dict[str, dict[str, Any]]:
    """The models of Table 3, and for each modality beyond LPQ and PHOG the same again, alone and
    fused with both.

    Where the data hold the images themselves, a two-dimensional branch joins, alone and fused.

    Returns:
        For the name of each model the choices for :func:`emolib.sweep`.

    Example:
        >>> list(table3_models(load("faces")))[5:]
        ['image shallow', 'image CNN', 'CNN fusion with image', '2-D CNN', '2-D CNN fusion']
    """
    models = dict(PAPER_MODELS)
    for modality in data.modalities:
        if modality not in ("LPQ", "PHOG"):
            models |= {
                f"{modality} shallow": {"modality": modality, "angle": 60},
                f"{modality} CNN": {"modality": modality, "network": "cnn"},
                f"CNN fusion with {modality}": {
                    "modality": f"LPQ+PHOG+{modality}",
                    "network": "cnn",
                },
            }
    if IMAGE in data.descriptors:
        models |= {
            "2-D CNN": {"modality": IMAGE, "network": IMAGE_NETWORK},
            "2-D CNN fusion": {"modality": f"LPQ+PHOG+{IMAGE}", "network": IMAGE_NETWORK},
        }
    return models


def repetitions(
    data: EmotionData,
    folds: int = 5,
    seeds: int = 1,
    max_epochs: int = 0,
    recipe: str | Sequence[str] = RECIPES,
    protocol: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Choices for :func:`emolib.sweep` that every sweep of a report shares: the protocols, the
    recipes, and the repetitions.

    Args:
        seeds: repetitions, each with folds, initial weights and batches of its own.
        max_epochs: epochs in place of the recipe's own; 0: as the recipe says.
        protocol: :func:`emolib.protocols` of the data when not given.

    Raises:
        ValueError: a count is not whole.

    Example:
        >>> sweep(modality="PHOG", **repetitions(data, folds=5, seeds=10))
    """
    return {
        "protocol": protocol or protocols(data),
        "recipe": recipe,
        "folds": whole_number("folds", folds, 2),
        "seed": range(whole_number("seeds", seeds, 1)),
        "max_epochs": max_epochs,
    }


def table3_sweep(
    data: EmotionData,
    folds: int = 5,
    seeds: int = 1,
    max_epochs: int = 0,
    recipe: str | Sequence[str] = RECIPES,
    models: Mapping[str, Mapping[str, Any]] | None = None,
    protocol: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Sweep of all models of Table 3, with their names in a column ``model``.

    Args:
        folds, seeds, max_epochs, recipe, protocol: see :func:`repetitions`.
        models: :func:`table3_models` of the data when not given.

    Example:
        >>> found = conditions(train(data, table3_sweep(data, seeds=10)))
    """
    shared = repetitions(data, folds, seeds, max_epochs, recipe, protocol)
    parts = [
        sweep(**choices, **shared).assign(model=model)
        for model, choices in (models or table3_models(data)).items()
    ]
    return pd.concat(parts, ignore_index=True)


def width_sweep(
    data: EmotionData, widths: Sequence[int], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of unpruned shallow networks over the number of hidden units, with a column ``model``.

    Args:
        widths: numbers of hidden units.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    shared = repetitions(data, folds, seeds, max_epochs)
    table = sweep(modality=data.modalities, hidden=widths, **shared)
    return table.assign(model=table["modality"] + table["hidden"].map(" shallow, {} units".format))


def angle_sweep(
    data: EmotionData, angles: Sequence[float], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of pruned shallow networks over the minimal angle, by both conventions of activations,
    with a column ``model``.

    Args:
        angles: minimal angles in degrees.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    shared = repetitions(data, folds, seeds, max_epochs)
    table = sweep(modality=data.modalities, angle=angles, activation_shift=[0.5, 0.0], **shared)
    activations = table["activation_shift"].map({0.5: "shifted", 0.0: "as they are"})
    degrees = table["angle"].map(" shallow, {:g}°, ".format)
    return table.assign(model=table["modality"] + degrees + activations)


def survivors(
    net: ShallowNet, x: NDArray[np.float32], minimal: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.bool]]:
    """Angles between a network's hidden units, and the units that step 2 of Algorithm 1 leaves at
    each minimal angle, both of activations shifted by 0.5.

    Args:
        net: trained, not pruned; it stays as it is.
        x: ``[P, D]``, the patterns, scaled as the network saw them.
        minimal: ``A`` minimal angles in degrees.

    Returns:
        ``[H, H]`` degrees, and ``[A, H]``, boolean, whether a unit stays.

    Example:
        >>> x = np.random.rand(100, 5).astype("float32")
        >>> degrees, alive = survivors(ShallowNet(hidden=6), x, [0, 90])
        >>> alive.sum(1)[0].item()
        6
    """
    count = len(minimal)
    with torch.no_grad():
        activations = net.activations(torch.as_tensor(x).to(net.hidden.weight))
        alive, _, _ = prune(
            activations.expand(count, -1, -1),
            torch.ones(count, activations.shape[1], dtype=torch.bool),
            net.output.weight.expand(count, -1, -1),
            net.output.bias.expand(count, -1),
            angle=torch.tensor([real_number("minimal angle", angle, 0, 180) for angle in minimal]),
            activation_shift=torch.full((count,), 0.5),
            merge_weights=torch.zeros(count, dtype=torch.bool),
        )
        return angles_between(activations, 0.5).numpy(), alive.numpy()


@dataclass(frozen=True)
class Condition:
    """Out-of-fold scores of one model under one protocol and recipe, over all repetitions.

    Attributes:
        model: its name in the report.
        protocol, recipe: how it was tested and trained.
        scores: ``[S, N, C]``, out of fold; NaN where a row was not tested.
        fold: ``[S, N]``, the fold that tested the row, -1 where none did.
        data: the rows.
        folds: number of folds that the rows were cut into.
        setting: the sweep's columns that made the networks, such as ``hidden`` and ``angle``.
    """

    model: str
    protocol: str
    recipe: str
    scores: NDArray[np.floating]
    fold: Rows
    data: EmotionData
    folds: int
    setting: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def predicted(self) -> Rows:
        """Predicted emotion ``[S, N]``; -1 where a row was not tested."""
        return predict(self.scores)

    @cached_property
    def hit(self) -> NDArray[np.float64]:
        """Whether a row was recognised, 1 or 0, ``[S, N]``; NaN where it was not tested."""
        return np.where(self.predicted == UNTESTED, np.nan, self.predicted == self.data.labels)

    @property
    def tested(self) -> NDArray[np.bool]:
        """Rows that some repetition tested, ``[N]``."""
        return np.asarray((self.predicted != UNTESTED).any(0))

    @property
    def recalls(self) -> Statistic:
        """Mean recall over repetitions, by emotion and on average, as a statistic for the
        bootstrap.
        """
        return emotion_means(self.data.labels, self.hit, len(self.data.classes))

    @property
    def emotions(self) -> list[str]:
        """The emotions, and ``average``."""
        return [*self.data.classes, "average"]

    def rows(self, names: Iterable[str], **columns: Any) -> pd.DataFrame:
        """Rows of evidence on this condition: ids, made of ``names`` and the setting, the setting,
        the fewest rows that a repetition tested, and ``columns``.
        """
        return pd.DataFrame(
            {
                "id": [f"{name}, {self.protocol}, {self.recipe}" for name in names],
                "tested": (self.predicted != UNTESTED).sum(1).min(),
                "model": self.model,
                "protocol": self.protocol,
                "recipe": self.recipe,
            }
            | columns
        )

    def levels(self, measure: str, **columns: Any) -> pd.DataFrame:
        """Rows of evidence on a measure by emotion and on average."""
        names = [f"{self.model}, {measure}, {emotion}" for emotion in self.emotions]
        return self.rows(names, measure=measure, emotion=self.emotions, **columns)


def conditions(trained: Trained) -> list[Condition]:
    """Conditions of a sweep: the repetitions of each setting put together.

    Raises:
        ValueError: the sweep has no column ``model``, which names the conditions.
    """
    table, data = trained.table, trained.data
    if "model" not in table:
        raise ValueError(
            "the sweep has no column 'model'; name its models by table.assign(model=…)"
        )
    found = []
    for _, part in table.groupby([*READING, "model"], sort=False, dropna=False):
        seed, seeds = pd.factorize(part["seed"])
        scores = np.full((len(seeds), len(data), len(data.classes)), np.nan, np.float32)
        fold = np.full(scores.shape[:2], UNTESTED)
        for s, k, position in zip(seed, part["fold"], part.index, strict=True):
            result = trained.results[position]
            scores[s, result.test_rows] = result.scores
            fold[s, result.test_rows] = k
        own = part.iloc[0]
        setting = {column: own[column] for column in READING}
        found.append(
            Condition(
                own["model"],
                own["protocol"],
                own["recipe"],
                scores,
                fold,
                data,
                own["folds"],
                setting,
            )
        )
    return found


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

        def each(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            by_measure = list(measures(data.labels, scores, which, weight).values())
            values = with_mean(np.stack(by_measure, -2), occurs)
            return np.moveaxis(values, 1, 0)  # [S, B, measures, C + 1]

        wider = inflation(condition.folds, classes)
        interval, by_row = (
            bootstrap(of, units, condition.tested).widened(wider).of_shares()
            for of, units in (
                (lambda weight: repetition_mean(each(weight)), data.resampling_units),
                (condition.recalls, np.arange(len(data))),
            )
        )
        by_seed = each(np.ones((1, len(data))))[:, 0]  # [S, measures, C + 1]
        null, p = better_than_chance(
            data.labels, condition.predicted, data.groups, classes, condition.folds
        )
        for m, measure in enumerate(which):
            part = condition.levels(
                measure,
                ours=interval.estimate[m],
                low=interval.low[m],
                high=interval.high[m],
                seed_low=np.fmin.reduce(by_seed[:, m]),
                seed_high=np.fmax.reduce(by_seed[:, m]),
                repetitions=len(by_seed),
                undefined=np.isnan(by_seed[:, m]).sum(0),
            )
            if measure == "recall":
                part = part.assign(row_low=by_row.low, row_high=by_row.high, null=null, p=p)
                part["p_holm"] = [*holm(p[:-1]), np.nan]
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    averages = (table["measure"] == "recall") & (table["emotion"] == "average")
    for _, own in table[averages].groupby(["protocol", "recipe"]):
        table.loc[own.index, "p_holm"] = holm(own["p"])
    return table


def differences(found: Sequence[Condition], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Recall of one model minus that of another on the same folds, by emotion and on average, under
    every protocol and recipe, over the rows that both tested. A classifier of recipe ``"nested"``
    is subtracted from models of any recipe.

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
    parts = [pd.DataFrame(columns=ROW)]
    for (better, worse), first, second in product(pairs, found, found):
        wanted = (better, worse, first.protocol)
        if (first.model, second.model, second.protocol) != wanted:
            continue
        if second.recipe not in (first.recipe, "nested"):
            continue
        if len(first.scores) != len(second.scores):
            raise ValueError(
                f"{better} has {len(first.scores)} repetitions and {worse} {len(second.scores)}; "
                "a difference needs the same ones of both"
            )
        data, gaps = first.data, first.hit - second.hit
        differ = emotion_means(data.labels, gaps, len(data.classes))
        tested = np.asarray(~np.isnan(gaps).all(0))
        interval = bootstrap(differ, data.resampling_units, tested).widened(
            inflation(first.folds, len(data.classes))
        )
        name = f"{better} − {worse}"
        part = first.rows(
            [f"{name}, {emotion}" for emotion in first.emotions],
            kind="difference",
            model=name,
            first=better,
            second=worse,
            measure="recall",
            emotion=first.emotions,
            tested=(~np.isnan(gaps)).sum(1).min(),
            detectable=detectable(interval),
            **dict(zip(LIMITS, interval, strict=True)),
        )
        paired = np.array_equal(first.fold, second.fold)
        if paired and np.array_equal(np.isnan(first.hit), np.isnan(second.hit)):
            ours, theirs = (fold_recall(c.hit, c.fold, data.labels) for c in (first, second))
            t_test = compare(ours, theirs, first.folds)
            part.loc[part.index[-1], list(t_test)] = list(t_test.values())
        parts.append(part)
    return pd.concat(parts, ignore_index=True).infer_objects()


def confusions(found: Iterable[Condition], pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """How much more often two emotions are taken for each other than emotions are on average, in
    either direction.
    """
    parts = []
    for condition in found:
        data, classes = condition.data, condition.data.classes
        apart = ~np.eye(len(classes), dtype=bool)
        i, j = np.transpose([[classes.index(emotion) for emotion in pair] for pair in pairs])

        def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            counts = confusion(data.labels, condition.scores, weight)
            with np.errstate(invalid="ignore"):
                share = counts / counts.sum(-1, keepdims=True)  # [B, S, C, C]
            mutual = (share[..., i, j] + share[..., j, i]) / 2  # [B, S, pairs]
            above = mutual - share[..., apart].mean(-1, keepdims=True)
            return repetition_mean(np.moveaxis(above, 1, 0))

        interval = bootstrap(statistic, data.resampling_units, condition.tested).widened(
            inflation(condition.folds, 1)[0]
        )
        part = condition.rows(
            [f"{condition.model}, {one} with {other}" for one, other in pairs],
            kind="confusion",
            measure="confusion",
            emotion=[f"{one}, {other}" for one, other in pairs],
            **dict(zip(LIMITS, interval, strict=True)),
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def estimates(found: Iterable[Condition], varied: Sequence[str]) -> pd.DataFrame:
    """Mean recall of many conditions, without intervals.

    Args:
        varied: the sweep's columns that the rows keep, such as ``hidden``.
    """
    parts = [
        condition.levels(
            "recall",
            kind="recall",
            estimate=condition.recalls(np.ones((1, len(condition.data))))[0],
            **{column: condition.setting[column] for column in varied},
        )
        for condition in found
    ]
    return pd.concat(parts, ignore_index=True)


def collect_evidence(
    table_3: pd.DataFrame, models: list[Condition], widths: list[Condition], angles: list[Condition]
) -> pd.DataFrame:
    """All rows that the claims rest on.

    Args:
        table_3: :func:`evaluate` of ``models``.
        models: the models of the paper's Table 3.
        widths: unpruned shallow networks, see :func:`width_sweep`.
        angles: pruned shallow networks, see :func:`angle_sweep`.
    """
    along_width, along_angle = [], []
    for _, own in _by_setting(widths, "hidden").groupby("modality", sort=False):
        names = own["model"].unique()
        narrow, middle, wide = names[[0, len(names) // 2, -1]]
        along_width += [(wide, narrow), (middle, narrow), (wide, middle)]
    alike = ["modality", "activation_shift"]
    for _, own in _by_setting(angles, "angle").groupby(alike, sort=False):
        best = own["model"][own["angle"] == 60]
        if len(best) and own["angle"].iloc[0] < 60:
            along_angle.append((best.iloc[0], own["model"].iloc[0]))
    rows = [
        of_data(models[0].data),
        printed(),
        table_3.rename(columns={"ours": "estimate"}).assign(kind=table_3["measure"]),
        differences(models, PAIRS),
        confusions(
            [c for c in models if c.model == "PHOG shallow"],
            [("Angry", "Surprise"), ("Surprise", "Sad")],
        ),
        estimates(widths, ("modality", "hidden")),
        differences(widths, dict.fromkeys(along_width)),
        estimates(angles, ("modality", "angle", "activation_shift")),
        differences(angles, along_angle),
    ]
    return pd.concat(rows, ignore_index=True).reindex(columns=ROW).infer_objects()


def _by_setting(found: list[Condition], varied: str) -> pd.DataFrame:
    """Settings and names of the models of a sweep, smallest value of what it varies first."""
    table = pd.DataFrame([condition.setting | {"model": condition.model} for condition in found])
    return table.sort_values(varied, kind="stable")


def of_data(data: EmotionData) -> pd.DataFrame:
    """Evidence on data and angles: ranges, means after scaling over all rows, recomputed angles,
    and whether the persons are unknown.
    """
    rows: list[dict[str, Any]] = []
    for m in data.modalities:
        ends = {"smallest": data.features[m].min(), "largest": data.features[m].max()}
        of_modality = {"kind": "data", "modality": m}
        rows += [
            {"id": f"{end} {m} value", "measure": end, "estimate": value} | of_modality
            for end, value in ends.items()
        ]
        rows += [
            {"id": f"scaled mean, {m}, feature {number}", "measure": "scaled mean"}
            | {"estimate": mean, "feature": number}
            | of_modality
            for number, mean in enumerate(scale(data, m).mean(0)[1:], 2)
        ]
    degrees = angles_between(torch.tensor(paper.TABLE_1)).numpy()
    rows += [
        {
            "id": f"angle between units {i} and {j} of Table 1",
            "kind": "angle",
            "estimate": degrees[i - 1, j - 1],
        }
        for i, j in paper.TABLE_2
    ]
    if data.groups is None:
        rows.append({"id": WHO, "kind": "data", "measure": "persons"})
    return pd.DataFrame(rows)


def printed() -> pd.DataFrame:
    """Evidence that is printed: the paper's Table 3 and its baseline's table."""
    emotions, averages = (*paper.EMOTIONS, "average"), paper.TABLE_3_AVERAGE
    rows = [
        (f"paper, {model}, {emotion}", model, "accuracy", emotion, value)
        for model, values in paper.TABLE_3.items()
        for emotion, value in zip(emotions, (*values, averages[model]), strict=True)
    ]
    rows += [
        (f"Dhall et al., {measure}, {emotion}", "SPI baseline", measure, emotion, value)
        for measure, values in paper.SPI_BASELINE.items()
        for emotion, value in zip(paper.EMOTIONS, values, strict=True)
    ]
    names = ["id", "model", "measure", "emotion", "estimate"]
    return pd.DataFrame(rows, columns=names).assign(kind="printed")
