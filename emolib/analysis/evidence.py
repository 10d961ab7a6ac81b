"""What was measured, as rows that a verdict can point to: levels, differences and printed figures,
with intervals and tests.

Axes: ``S`` repetitions, ``N`` rows of the data, ``C`` classes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from emolib import paper
from emolib.analysis import statistics
from emolib.analysis.statistics import bootstrap, emotion_means
from emolib.data import EmotionData, Rows
from emolib.folds import make_folds
from emolib.metrics import MEASURES, confusion, measures
from emolib.pruning import angles
from emolib.training.scaling import scale
from emolib.training.train import Trained

SETTING = ["model", "protocol", "recipe"]
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
]

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
    """What one model did under one protocol and recipe, over all repetitions.

    Attributes:
        model: its name in the report.
        protocol, recipe: how it was tested and trained.
        scores: ``[S, N, C]``, out of fold.
        fold: ``[S, N]``, which fold tested the row.
        data: the rows.
    """

    model: str
    protocol: str
    recipe: str
    scores: NDArray[np.floating]
    fold: Rows
    data: EmotionData

    @cached_property
    def hit(self) -> NDArray[np.float64]:
        """``[S, N]``: 1 where a row was recognised."""
        right: NDArray[np.bool] = self.scores.argmax(-1) == self.data.labels
        return right.astype(float)

    @cached_property
    def fold_recall(self) -> NDArray[np.float64]:
        """``[S, folds]``: mean recall over emotions in each fold, an emotion weighted as in all
        rows: a fold may lack one.
        """
        return fold_recall(self.hit, self.fold, self.data.labels)


def conditions(trained: Trained, name: Callable[[pd.Series], str]) -> list[Condition]:
    """The repetitions of a sweep put together, one condition for each setting but the seed.

    Args:
        name: the model's name from a row of the sweep.
    """
    table, scores = trained.out_of_fold()
    found = []
    varying = [
        column
        for column in (
            "network",
            "modality",
            "hidden",
            "angle",
            "activation_shift",
            "schedule",
            "merge_weights",
            "scaling",
            "folds",
            "max_epochs",
            "learning_rate",
            "optimiser",
            "loss",
        )
        if table[column].nunique() > 1
    ]
    for _, part in table.groupby([*varying, "protocol", "recipe"], sort=False):
        first = part.iloc[0]
        fold = [
            fold_of_rows(trained.data, first["protocol"], seed, first["folds"])
            for seed in part["seed"]
        ]
        found.append(
            Condition(
                name(first),
                first["protocol"],
                first["recipe"],
                scores[part.index],
                np.array(fold),
                trained.data,
            )
        )
    return found


def fold_recall(
    hit: NDArray[np.float64], fold: Rows, labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """``[S, folds]`` from ``hit`` and ``fold`` ``[S, N]``, see :attr:`Condition.fold_recall`."""
    weight: NDArray[np.float64] = (1 / np.bincount(labels))[labels]
    member = (fold[:, None] == np.arange(fold.max() + 1)[:, None]).astype(float)  # [S, folds, N]
    recall: NDArray[np.float64] = (member @ (hit * weight)[..., None])[..., 0] / (member @ weight)
    return recall


def fold_of_rows(data: EmotionData, protocol: str, seed: int, count: int) -> Rows:
    """``[N]``: which fold tests each row."""
    fold = np.full(len(data), -1)
    for number, (_, test) in enumerate(make_folds(data, protocol, seed, count)):
        fold[test] = number
    return fold


def evaluate(found: Iterable[Condition], which: tuple[str, ...] = MEASURES) -> pd.DataFrame:
    """Every measure by emotion with its interval, and for recall the test against chance.

    Returns:
        Columns ``id``, ``model``, ``protocol``, ``recipe``, ``measure``, ``emotion`` (and
        ``average``), ``ours`` (mean over repetitions), ``low`` and ``high`` (95 % by person),
        ``row_low`` and ``row_high`` (the same by row, for recall), ``seed_low`` and ``seed_high``
        (lowest and highest repetition), ``repetitions``, ``undefined``, ``null`` and ``p`` (recall
        of exchanged labels, see :func:`emolib.analysis.statistics.better_than_chance`), ``p_holm``
        (adjusted over the seven emotions; the average over the models given).
    """
    parts = []
    for condition in found:
        data, scores = condition.data, condition.scores
        classes = len(data.classes)

        def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
            by_measure = np.stack(
                list(measures(data.labels, scores, which, weight).values()), -2
            )  # [B, S, measures, C]
            return np.concatenate([by_measure, by_measure.mean(-1, keepdims=True)], -1)

        each = statistic(np.ones((1, len(data))))[0]  # [S, measures, C + 1]
        interval = bootstrap(statistic, data.groups).widened().of_repetitions().of_shares()
        by_row = (
            bootstrap(emotion_means(data.labels, condition.hit, classes), np.arange(len(data)))
            .widened()
            .of_repetitions()
            .of_shares()
        )
        chance = statistics.better_than_chance(
            data.labels, scores.argmax(-1), data.groups, classes, int(condition.fold.max()) + 1
        )
        for m, measure in enumerate(which):
            part = pd.DataFrame(
                {
                    "emotion": [*data.classes, "average"],
                    "ours": interval.estimate[m],
                    "low": interval.low[m],
                    "high": interval.high[m],
                }
            )
            part["seed_low"], part["seed_high"] = (
                _extreme(each[:, m], np.nanmin),
                _extreme(each[:, m], np.nanmax),
            )
            part["repetitions"], part["undefined"] = len(each), np.isnan(each[:, m]).sum(0)
            if measure == "recall":
                part["row_low"], part["row_high"] = by_row.low, by_row.high
                part["null"], part["p"] = chance.null, chance.p
                part["p_holm"] = np.r_[statistics.holm(chance.p[:-1]), np.nan]
            parts.append(
                part.assign(
                    model=condition.model,
                    protocol=condition.protocol,
                    recipe=condition.recipe,
                    measure=measure,
                )
            )
    table = pd.concat(parts, ignore_index=True)
    averages = table[(table["measure"] == "recall") & (table["emotion"] == "average")]
    table.loc[averages.index.tolist(), "p_holm"] = averages.groupby(["protocol", "recipe"])[
        "p"
    ].transform(statistics.holm)
    table.insert(
        0,
        "id",
        [
            level_id(*row)
            for row in table[["model", "protocol", "recipe", "measure", "emotion"]].itertuples(
                index=False
            )
        ],
    )
    return table


def _extreme(
    values: NDArray[np.float64], which: Callable[..., NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Lowest or highest over repetitions; NaN where all are undefined."""
    defined = ~np.isnan(values).all(0)
    found = np.full(values.shape[1], np.nan)
    found[defined] = which(values[:, defined], axis=0)
    return found


def level_id(
    model: str, protocol: str, recipe: str, measure: str = "recall", emotion: str = "average"
) -> str:
    """The id of the row of :func:`evaluate` that tells a model's level."""
    return f"{model}, {measure}, {emotion}, {protocol}, {recipe}"


def difference_id(
    better: str, worse: str, protocol: str, recipe: str, emotion: str = "average"
) -> str:
    """The id of the row of :func:`differences` that tells how far one model is ahead of another."""
    return f"{better} − {worse}, {emotion}, {protocol}, {recipe}"


def differences(found: Iterable[Condition], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Recall of one model minus that of another on the same folds, by emotion and on average, under
    every protocol and recipe.

    Args:
        found: conditions that hold both models of each pair.
        pairs: models, the one that is subtracted second.

    Returns:
        Rows with an interval by person; on average also the p-value of the corrected resampled
        t-test, the posterior probabilities of the Bayesian one, and the smallest difference that
        would have been found in four of five cases.
    """
    by_key = {(c.model, c.protocol, c.recipe): c for c in found}
    rows = []
    for better, worse in pairs:
        for (model, protocol, recipe), first in by_key.items():
            if model != better or (worse, protocol, recipe) not in by_key:
                continue
            second = by_key[worse, protocol, recipe]
            data = first.data
            # what repetitions share cancels between models on the same folds, so repetitions are
            # averaged row by row
            gap = (first.hit - second.hit).mean(0)
            interval = bootstrap(
                emotion_means(data.labels, gap, len(data.classes)), data.groups
            ).widened()
            tested = statistics.compare(second.fold_recall, first.fold_recall)
            smallest = statistics.detectable(interval)
            for e, emotion in enumerate([*data.classes, "average"]):
                row = {
                    "id": difference_id(better, worse, protocol, recipe, emotion),
                    "kind": "difference",
                    "model": f"{better} − {worse}",
                    "protocol": protocol,
                    "recipe": recipe,
                    "emotion": emotion,
                    "estimate": interval.estimate[e],
                    "low": interval.low[e],
                    "high": interval.high[e],
                    "detectable": smallest[e],
                }
                if emotion == "average":
                    row |= {
                        "p": tested.p,
                        "worse": tested.worse,
                        "equivalent": tested.equivalent,
                        "better": tested.better,
                    }
                rows.append(row)
    return pd.DataFrame(rows, columns=ROW)


def confusions(
    found: Iterable[Condition], model: str, pairs: Iterable[tuple[str, str]]
) -> pd.DataFrame:
    """How much more often two emotions are taken for each other than emotions are on average, in
    either direction.
    """
    rows = []
    for condition in found:
        if condition.model != model:
            continue
        data = condition.data
        classes = len(data.classes)
        apart = ~np.eye(classes, dtype=bool)
        for one, other in pairs:
            i, j = data.classes.index(one), data.classes.index(other)

            def statistic(weight: NDArray[np.float64]) -> NDArray[np.float64]:
                counts = confusion(data.labels, condition.scores, weight)
                with np.errstate(invalid="ignore"):
                    share = counts / counts.sum(-1, keepdims=True)  # [B, S, C, C]
                more: NDArray[np.float64] = (share[..., i, j] + share[..., j, i]) / 2 - share[
                    ..., apart
                ].mean(-1)
                return more

            interval = bootstrap(statistic, data.groups).widened().of_repetitions()
            rows.append(
                {
                    "id": f"{model}, {one} with {other}, {condition.protocol}, {condition.recipe}",
                    "kind": "confusion",
                    "model": model,
                    "protocol": condition.protocol,
                    "recipe": condition.recipe,
                    "emotion": f"{one}, {other}",
                    "estimate": interval.estimate,
                    "low": interval.low,
                    "high": interval.high,
                }
            )
    return pd.DataFrame(rows, columns=ROW)


def estimates(found: Iterable[Condition]) -> pd.DataFrame:
    """Mean recall of many conditions, without intervals: what their differences are differences of."""
    rows = []
    for condition in found:
        every_row = np.ones((1, len(condition.data)))
        recall = emotion_means(condition.data.labels, condition.hit, len(condition.data.classes))(
            every_row
        )[0].mean(0)
        for emotion, value in zip([*condition.data.classes, "average"], recall, strict=True):
            setting = (condition.model, condition.protocol, condition.recipe)
            rows.append((level_id(*setting, emotion=emotion), "recall", *setting, emotion, value))
    return pd.DataFrame(rows, columns=["id", "kind", *SETTING, "emotion", "estimate"]).reindex(
        columns=ROW
    )


def collect_evidence(
    table_3: pd.DataFrame, models: list[Condition], widths: list[Condition], angles: list[Condition]
) -> pd.DataFrame:
    """All rows that the claims rest on.

    Args:
        table_3: :func:`evaluate` of ``models``.
        models: the models of the paper's Table 3.
        widths: unpruned shallow networks, named ``"LPQ shallow, 16 units"``, narrowest first.
        angles: shallow networks of 16 units, pruned, named ``"LPQ shallow, 60°, shifted"``,
            smallest angle first.
    """
    along_width, along_angle = [], []
    for modality in models[0].data.modalities:
        names = list(dict.fromkeys(c.model for c in widths if c.model.startswith(f"{modality} ")))
        narrow, middle, wide = names[0], names[len(names) // 2], names[-1]
        along_width += [(wide, narrow), (middle, narrow), (wide, middle)]
    for name in dict.fromkeys(c.model for c in angles):
        start, angle, end = name.split(", ")
        smallest = next(
            c.model for c in angles if c.model.startswith(f"{start},") and c.model.endswith(end)
        )
        if angle == "60°" and name != smallest:
            along_angle.append((name, smallest))
    return pd.concat(
        [
            of_data(models[0].data),
            printed(),
            levels(table_3),
            differences(models, PAIRS),
            confusions(models, "PHOG shallow", [("Angry", "Surprise"), ("Surprise", "Sad")]),
            estimates(widths),
            differences(widths, dict.fromkeys(along_width)),
            estimates(angles),
            differences(angles, along_angle),
        ],
        ignore_index=True,
    )


def levels(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of :func:`evaluate` in the form of the other evidence."""
    return (
        table.rename(columns={"ours": "estimate"})
        .assign(kind=table["measure"])
        .reindex(columns=ROW)
    )


def of_data(data: EmotionData) -> pd.DataFrame:
    """What the claims on data and angles rest on: ranges, means after scaling over all rows, and
    recomputed angles.
    """
    rows = []
    for modality in data.modalities:
        values = data.features[modality]
        rows += [
            (f"smallest {modality} value", "data", values.min()),
            (f"largest {modality} value", "data", values.max()),
        ]
        for number, mean in enumerate(scale(data, modality).mean(0)[1:], 2):
            rows.append((f"scaled mean, {modality}, feature {number}", "data", mean))
    degrees = angles(torch.tensor(paper.TABLE_1)).numpy()
    rows += [
        (f"angle between units {i} and {j} of Table 1", "angle", degrees[i - 1, j - 1])
        for i, j in paper.TABLE_2
    ]
    return pd.DataFrame(rows, columns=["id", "kind", "estimate"]).reindex(columns=ROW)


def printed() -> pd.DataFrame:
    """The paper's Table 3 and its baseline's table."""
    rows = []
    for model, values in paper.TABLE_3.items():
        for emotion, value in zip(
            (*paper.EMOTIONS, "average"), (*values, paper.TABLE_3_AVERAGE[model]), strict=True
        ):
            rows.append((printed_id(model, emotion), "printed", model, emotion, value))
    for measure, values in paper.SPI_BASELINE.items():
        for emotion, value in zip(paper.EMOTIONS, values, strict=True):
            rows.append(
                (f"Dhall et al., {measure}, {emotion}", "printed", "SPI baseline", emotion, value)
            )
    return pd.DataFrame(rows, columns=["id", "kind", "model", "emotion", "estimate"]).reindex(
        columns=ROW
    )


def printed_id(model: str, emotion: str = "average") -> str:
    """The id of the row of :func:`printed` that tells what Table 3 prints."""
    return f"paper, {model}, {emotion}"
