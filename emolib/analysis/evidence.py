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
from scipy import stats

from emolib import paper, pruning
from emolib.analysis.statistics import (
    CONFIDENCE,
    LIMITS,
    Interval,
    Statistic,
    better_than_chance,
    binomial_share,
    bootstrap,
    compare,
    detectable,
    emotion_means,
    fold_recall,
    holm,
    inflation,
    repetition_mean,
)
from emolib.data import EmotionData, Rows
from emolib.data.table import DONE
from emolib.folds import protocols
from emolib.metrics import DEFINED, MEASURES, UNTESTED, confusion, measures, predict
from emolib.models import FusionNet, ShallowNet
from emolib.training.scaling import scale
from emolib.training.sweeps import IMAGE, IMAGE_NETWORK, REPETITION, sweep
from emolib.training.train import Trained
from emolib.utils import real_number, whole_number

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
# A sweep's columns that evidence keeps.
VARIED = ["modality", "hidden", "angle", "activation_shift"]
# The columns of evidence. Each row has an id of its own; :data:`VARIED` is filled in for rows of
# the sweeps of widths and angles, ``step`` names the step along one of them that a difference is
# of, ``first`` and ``second`` are the models of a difference, and ``feature`` numbers the features
# of a modality.
ROW = [
    *("id", "kind", "model", "protocol", "recipe", "emotion", "estimate", "low", "high"),
    *("null", "p", "p_holm", "worse", "equivalent", "better", "detectable", "measure", "tested"),
    *("first", "second", *VARIED, "feature", "row_low", "row_high", "step"),
]
WHO, DRAWN = "the data do not say who is who", "the faces are drawn"
BASELINE = "Dhall et al., recall, average"
# The fall of a training loss, relative, that shows it had not converged: ten times that by which a
# recipe counts a loss as still falling.
FALL = 0.01
# The readings of the networks behind Figures 6a, 9 and 10, the primary one first.
READINGS: dict[str, dict[str, Any]] = {
    "pruned at 60°, shifted": {"angle": 60.0, "activation_shift": 0.5},
    "pruned at 60°, as they are": {"angle": 60.0, "activation_shift": 0.0},
    "unpruned": {"angle": 0.0, "activation_shift": 0.5},
}
# Other losses and inputs that Table 3's shallow networks are compared with.
VARIANTS: dict[str, dict[str, str]] = {
    "squared error": {"loss": "squared error"},
    "inputs standardised": {"scaling": "standardised"},
    "inputs as they come": {"scaling": "as they come"},
}

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
    ("LPQ CNN", "LPQ shallow"),
    ("PHOG CNN", "PHOG shallow"),
    ("CNN fusion with image", "CNN fusion"),
    *(
        (model, f"{model}, {variant}")
        for model, variant in product(("LPQ shallow", "PHOG shallow"), VARIANTS)
    ),
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
    for modality in [m for m in data.modalities if m not in ("LPQ", "PHOG")]:
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
    return pd.concat(
        [
            sweep(**choices, **shared).assign(model=model)
            for model, choices in (models or table3_models(data)).items()
        ],
        ignore_index=True,
    )


def variant_sweep(
    data: EmotionData,
    folds: int = 5,
    seeds: int = 1,
    max_epochs: int = 0,
    protocol: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Sweep of Table 3's shallow networks by each of :data:`VARIANTS`.

    Args:
        folds, seeds, max_epochs, protocol: see :func:`repetitions`.
    """
    models = {
        f"{model}, {name}": PAPER_MODELS[model] | choices
        for model, (name, choices) in product(("LPQ shallow", "PHOG shallow"), VARIANTS.items())
    }
    return table3_sweep(data, folds, seeds, max_epochs, models=models, protocol=protocol)


def width_sweep(
    data: EmotionData, widths: Sequence[int], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of shallow networks over the number of hidden units, pruned and unpruned, with a column
    ``model``.

    The captions of the paper's Figures 9 and 10 name the pruned network, so the first reading is
    pruned at 60° with activations shifted by 0.5, as in Table 3.

    Args:
        widths: numbers of hidden units to begin with.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    models = {
        f"{m} shallow, {units} units, {reading}": own | {"modality": m, "hidden": units}
        for (reading, own), m, units in product(READINGS.items(), data.modalities, widths)
    }
    return table3_sweep(data, folds, seeds, max_epochs, models=models)


def angle_sweep(
    data: EmotionData, angles: Sequence[float], folds: int = 5, seeds: int = 1, max_epochs: int = 0
) -> pd.DataFrame:
    """Sweep of pruned shallow networks over the minimal angle, by both conventions of activations,
    with a column ``model``.

    Args:
        angles: minimal angles in degrees.
        folds, seeds, max_epochs: see :func:`repetitions`.
    """
    models = {
        f"{m} shallow, {angle:g}°, {activations}": {"angle": angle, "modality": m} | shift
        for m, angle, (activations, shift) in product(
            data.modalities,
            angles,
            {
                "shifted": {"activation_shift": 0.5},
                "as they are": {"activation_shift": 0.0},
            }.items(),
        )
    }
    return table3_sweep(data, folds, seeds, max_epochs, models=models)


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
        alive, _, _ = pruning.prune(
            activations.expand(count, -1, -1),
            torch.ones(count, activations.shape[1], dtype=torch.bool),
            net.output.weight.expand(count, -1, -1),
            net.output.bias.expand(count, -1),
            angle=torch.tensor([real_number("minimal angle", angle, 0, 180) for angle in minimal]),
            activation_shift=torch.full((count,), 0.5),
            merge_weights=torch.zeros(count, dtype=torch.bool),
        )
        return pruning.angles(activations, 0.5).numpy(), alive.numpy()


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
        networks: one row per network: ``seed``, ``fold``, ``units`` left,
            ``train_loss`` and ``linear_share``.
    """

    model: str
    protocol: str
    recipe: str
    scores: NDArray[np.floating]
    fold: Rows
    data: EmotionData
    folds: int
    setting: dict[str, Any] = field(default_factory=dict)
    networks: pd.DataFrame = field(default_factory=pd.DataFrame)

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
        return self.rows(
            [f"{self.model}, {measure}, {emotion}" for emotion in self.emotions],
            measure=measure,
            emotion=self.emotions,
            **columns,
        )


def conditions(trained: Trained, protocol: str | None = None) -> list[Condition]:
    """Conditions of a sweep: the repetitions of each setting put together.

    Args:
        protocol: name of the conditions' protocol; that of the sweep when not given.

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
            rows = trained.results[position].test_rows
            scores[s, rows], fold[s, rows] = trained.results[position].scores, k
        own = part.iloc[0]
        found.append(
            Condition(
                own["model"],
                protocol or own["protocol"],
                own["recipe"],
                scores,
                fold,
                data,
                own["folds"],
                {column: own[column] for column in READING},
                part.set_index(["seed", "fold"])[["units", "train_loss", "linear_share"]],
            )
        )
    return found


def by_emotion(trained: Trained, which: str | tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Measures by emotion of all repetitions of a sweep, as a long table.

    Returns:
        The columns of :meth:`~emolib.training.train.Trained.out_of_fold`'s table, of which
        ``tested`` counts the rows that the measures rest on, with ``emotion`` (each of ``classes``,
        and ``average``, see :func:`emolib.metrics.measures`), ``value`` and ``measure`` added.
    """
    labels, (table, scores) = trained.data.labels, trained.out_of_fold()
    table = table.drop(columns=["emotion", "value", "measure"], errors="ignore")
    parts = []
    for measure, values in measures(labels, scores, which).items():
        wide = pd.DataFrame(values, columns=[*trained.data.classes, "average"])
        long = wide.melt(var_name="emotion", ignore_index=False)
        parts.append(table.join(long.assign(measure=measure)))
    return pd.concat(parts).query(DEFINED).reset_index(drop=True)


def spread(long: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, lowest and highest ``value`` over seeds.

    Args:
        long: a table such as :func:`by_emotion` returns.
        by: columns that the rows of the result differ in; a missing value in one of them is a value
            of its own.

    Returns:
        The columns ``by`` with ``mean``, ``low``, ``high``, ``repetitions``, how many of those left
        the measure ``undefined``, and ``tested``: the fewest rows that a repetition tested.
    """
    groups = long.assign(undefined=long["value"].isna()).groupby(by, sort=False, dropna=False)
    return groups.agg(
        mean=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        repetitions=("value", "size"),
        undefined=("undefined", "sum"),
        tested=("tested", "min"),
    ).reset_index()


def evaluate(found: Iterable[Condition], which: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Every measure by emotion with its interval, and for recall the permutation test.

    Returns:
        Columns ``id``, ``model``, ``protocol``, ``recipe``, ``measure``, ``emotion`` (and
        ``average``, see :func:`emolib.metrics.measures`), ``ours`` (mean over
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

        def each(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            by_measure = measures(data.labels, scores, which, weight).values()
            return np.moveaxis(np.stack([*by_measure], -2), 1, 0)  # [S, B, measures, C + 1]

        (ours, low, high), (_, row_low, row_high) = (
            np.clip(
                bootstrap(of, units, condition.tested).widened(inflation(condition.folds, classes)),
                0,
                1,
            )
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
                ours=ours[m],
                low=low[m],
                high=high[m],
                seed_low=np.fmin.reduce(by_seed[:, m]),
                seed_high=np.fmax.reduce(by_seed[:, m]),
                repetitions=len(by_seed),
                undefined=np.isnan(by_seed[:, m]).sum(0),
            )
            if measure == "recall":
                part = part.assign(
                    row_low=row_low,
                    row_high=row_high,
                    null=null,
                    p=p,
                    p_holm=[*holm(p[:-1]), np.nan],
                )
            parts.append(part)
    table = pd.concat(parts).query(DEFINED).reset_index(drop=True)
    average = table["measure"].eq("recall") & table["emotion"].eq("average")
    for _, own in table[average].groupby(["protocol", "recipe"]):
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
        asked = (first.model, second.model, second.protocol) == (better, worse, first.protocol)
        if not asked or second.recipe not in (first.recipe, "nested"):
            continue
        if len(first.scores) != len(second.scores):
            raise ValueError(
                f"{better} has {len(first.scores)} repetitions and {worse} {len(second.scores)}; "
                "a difference needs the same ones of both"
            )
        labels, classes, gaps = first.data.labels, len(first.data.classes), first.hit - second.hit
        interval = bootstrap(
            emotion_means(labels, gaps, classes),
            first.data.resampling_units,
            np.asarray(~np.isnan(gaps).all(0)),
        ).widened(inflation(first.folds, classes))
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
        if np.array_equal(first.fold, second.fold) and np.array_equal(
            np.isnan(first.hit), np.isnan(second.hit)
        ):
            ours, theirs = (fold_recall(c.hit, c.fold, labels) for c in (first, second))
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
        parts.append(
            condition.rows(
                [f"{condition.model}, {one} with {other}" for one, other in pairs],
                kind="confusion",
                measure="confusion",
                emotion=[f"{one}, {other}" for one, other in pairs],
                **dict(zip(LIMITS, interval, strict=True)),
            )
        )
    return pd.concat(parts, ignore_index=True)


def estimates(found: Iterable[Condition]) -> pd.DataFrame:
    """Mean recall of many conditions by emotion and on average, without intervals."""
    return pd.concat(
        [
            one.levels("recall", estimate=one.recalls(np.ones((1, len(one.data))))[0])
            for one in found
        ],
        ignore_index=True,
    )


def of_networks(found: Sequence[Condition]) -> pd.DataFrame:
    """Rows on training: the share of outputs on training rows for which the smooth L1 loss is
    linear (kind ``linear``), and the share of networks whose loss by the converged recipe ends
    lower than by the printed one by more than :data:`FALL`, with its exact binomial interval (kind
    ``falling``).
    """
    end = {(c.model, c.protocol): c.networks for c in found if c.recipe == "converged"}
    parts = []
    for condition in found:
        limits = {"linear": (condition.networks["linear_share"].mean(),) * 3}
        longer = end.get((condition.model, condition.protocol))
        if condition.recipe == "printed" and longer is not None:
            lower = longer["train_loss"] < (1 - FALL) * condition.networks["train_loss"]
            limits["falling"] = binomial_share(int(lower.sum()), len(lower))
        parts += [
            condition.rows(
                [f"{condition.model}, {kind}"], kind=kind, **dict(zip(LIMITS, own, strict=True))
            )
            for kind, own in limits.items()
        ]
    return pd.concat(parts, ignore_index=True)


def compression(narrow: Condition, wide: Condition) -> pd.DataFrame:
    """A row on the compression ratio, units left per hidden unit begun with, of the narrower
    networks minus that of the wider ones, with a t interval over networks paired by seed and fold.
    """
    gap = np.subtract(*(c.networks["units"] / c.setting["hidden"] for c in (narrow, wide)))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(gap) - 1) * gap.std() / np.sqrt(len(gap))
    interval = Interval(*(gap.mean() + np.array([0, -half, half])))
    name = f"compression, {narrow.model} − {wide.model}"
    return narrow.rows([name], kind="compression", **dict(zip(LIMITS, interval, strict=True)))


def model_evidence(
    table_3: pd.DataFrame, models: list[Condition], variants: list[Condition]
) -> pd.DataFrame:
    """Rows of evidence on the models of Table 3.

    Args:
        table_3: :func:`evaluate` of ``models``.
        models: the models of the paper's Table 3.
        variants: the same with other losses and inputs, see :func:`variant_sweep`.
    """
    return pd.concat(
        [
            table_3.rename(columns={"ours": "estimate"}).assign(kind=table_3["measure"]),
            of_networks(models),
            differences([*models, *variants], PAIRS),
            confusions(
                [c for c in models if c.model == "PHOG shallow"],
                [("Angry", "Surprise"), ("Surprise", "Sad")],
            ),
        ],
        ignore_index=True,
    )


def sweep_evidence(widths: list[Condition], angles: list[Condition]) -> pd.DataFrame:
    """Rows of evidence on the sweeps of Figures 6, 9 and 10.

    Args:
        widths: shallow networks of several widths, see :func:`width_sweep`.
        angles: pruned shallow networks, see :func:`angle_sweep`.
    """
    by_width, by_angle = (
        pd.DataFrame([c.setting | {"model": c.model} for c in found]).drop_duplicates("model")
        for found in (widths, angles)
    )
    steps: dict[tuple[str, str], str] = {}
    narrowest_first = by_width.sort_values(["hidden", "angle"], kind="stable")
    for _, own in narrowest_first.groupby(["modality", "angle", "activation_shift"])["model"]:
        narrow, middle, wide = own.iloc[[0, len(own) // 2, -1]]
        steps |= {(middle, narrow): "narrow to middle", (wide, middle): "middle to wide"}
        steps[wide, narrow] = "narrow to wide"
    steps = {pair: step for pair, step in steps.items() if len(set(pair)) == 2}
    steps |= {
        tuple(own[:-3:-1]): "unpruned to pruned"  # of the widest
        for _, own in narrowest_first.query("activation_shift == 0.5").groupby("modality")["model"]
    }
    to_60 = {
        pair: "to 60°"
        for _, own in by_angle.sort_values("angle").groupby(["modality", "activation_shift"])
        for pair in product(*(own.query(f"angle {sign} 60")["model"] for sign in ("==", "!=")))
    }
    ends = [
        (one, other)
        for (wide, narrow), step in steps.items()
        if step == "narrow to wide"
        for one, other in product(widths, widths)
        if (one.model, other.model) == (narrow, wide)
        and (one.protocol, one.recipe) == (other.protocol, other.recipe)
    ]
    settings = pd.concat([by_width, by_angle]).set_index("model")[VARIED]
    levels = pd.concat(
        [
            estimates(widths).assign(kind="by width"),
            *(compression(*pair) for pair in ends),
            estimates(angles).assign(kind="by angle"),
        ]
    )
    gaps = pd.concat([differences(widths, steps), differences(angles, to_60)], ignore_index=True)
    gaps["step"] = [
        (steps | to_60)[pair] for pair in zip(gaps["first"], gaps["second"], strict=True)
    ]
    gaps = gaps.drop(columns=VARIED).join(settings, on="first")
    gaps["angle"] = gaps["second"].map(settings["angle"])
    return pd.concat([levels.join(settings, on="model"), gaps], ignore_index=True)


def collect_evidence(data: EmotionData, *parts: pd.DataFrame) -> pd.DataFrame:
    """All rows that the claims rest on.

    Args:
        parts: :func:`model_evidence` and :func:`sweep_evidence`; of rows with one id the last
            stays.
    """
    return (
        pd.concat([of_data(data), printed(), *parts], ignore_index=True)
        .drop_duplicates("id", keep="last", ignore_index=True)
        .reindex(columns=ROW)
        .infer_objects()
    )


def of_data(data: EmotionData) -> pd.DataFrame:
    """Evidence on data and angles: rows, ranges, medians as they come and scaled, parameters
    of networks, recomputed angles, and whether persons are unknown or faces drawn.
    """
    rows: list[dict[str, Any]] = []
    for m in data.modalities:
        values: dict[str, Iterable[float]] = {
            "smallest": [data.features[m].min()],
            "largest": [data.features[m].max()],
            "median": np.median(data.features[m], 0),
            "scaled median": np.median(scale(data, m), 0),
        }
        rows += [
            {"id": f"{measure}, {m}, feature {number}", "kind": "data", "measure": measure}
            | {"estimate": value, "modality": m, "feature": number}
            for measure, own in values.items()
            for number, value in enumerate(own, 1)
        ]
    width = data.features[data.modalities[0]].shape[1]
    rows += [
        {"id": f"parameters, {name}", "kind": "parameters"}
        | {"estimate": sum(parameter.numel() for parameter in net.parameters())}
        for name, net in (
            ("shallow", ShallowNet(width, 16, len(data.classes))),
            ("CNN", FusionNet(1, width, len(data.classes))),
        )
    ]
    given = len(data) + data.repairs["rows"][data.repairs["done"] == DONE["drop"]].sum()
    rows.append({"id": "rows", "kind": "data", "measure": "rows", "estimate": given})
    degrees = pruning.angles(torch.tensor(paper.TABLE_1)).numpy()
    rows += [
        {"id": f"angle between units {i} and {j} of Table 1", "kind": "angle"}
        | {"estimate": degrees[i - 1, j - 1]}
        for i, j in paper.TABLE_2
    ]
    rows += [
        {"id": note, "kind": "data", "measure": of}
        for note, of, holds in (
            (WHO, "persons", data.groups is None),
            (DRAWN, "drawn", data.drawn),
        )
        if holds
    ]
    return pd.DataFrame(rows)


def printed() -> pd.DataFrame:
    """Evidence that is printed: the paper's Table 3 and its baseline's table."""
    recall = np.array(paper.SPI_BASELINE["recall"])
    tables = {
        f"paper, {model}": (model, "accuracy", (*values, paper.TABLE_3_AVERAGE[model]))
        for model, values in paper.TABLE_3.items()
    } | {
        f"Dhall et al., {measure}": ("SPI baseline", measure, (*values, np.mean(values)))
        for measure, values in paper.SPI_BASELINE.items()
    }
    rows = pd.DataFrame(
        [
            (f"{name}, {emotion}", model, measure, emotion, value)
            for name, (model, measure, values) in tables.items()
            for emotion, value in zip((*paper.EMOTIONS, "average"), values, strict=True)
        ],
        columns=["id", "model", "measure", "emotion", "estimate"],
    ).assign(kind="printed")
    # the baseline's mean recall is an estimate as well: its binomial interval, rows as independent
    error = np.sqrt((recall * (1 - recall) / paper.SFEW_ROWS).sum()) / len(recall)
    limits = stats.norm.interval(CONFIDENCE, recall.mean(), error)
    rows.loc[rows["id"] == BASELINE, ["low", "high"]] = limits
    return rows
