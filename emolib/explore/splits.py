"""Split lab: the same person on both sides of a split, and the effect on the score."""

from collections.abc import Iterator

import ipywidgets as widgets
import pandas as pd

from emolib import RECIPES, EmotionData, figures, make_folds, protocols, sweep
from emolib.explore import live
from emolib.metrics import measures

SEEDS, EPOCHS = 10, 60
RATE = RECIPES["shallow", "converged"].learning_rate


def split_lab(data: EmotionData) -> widgets.VBox:
    """Protocol, folds and seed: a map of the persons tested, and the score of ten seeds under each
    protocol, drawn during training.
    """
    protocol = live.choice("folds", protocols(data))
    count = live.slider("number of folds", 5, 2, 10, 1)
    seed = live.slider("seed", 0, 0, SEEDS - 1, 1)
    modality = live.choice("features", data.modalities)
    where, scores = live.Canvas(), live.Canvas()
    run, known = live.Run(scores), pd.DataFrame()

    def draw() -> None:
        tests = [test for _, test in make_folds(data, protocol.value, seed.value, count.value)]
        where.draw(figures.fold_map(tests, data.groups, protocol.value))
        take(known)

    def take(found: pd.DataFrame) -> None:
        nonlocal known
        known, chosen = found, (protocol.value, seed.value)
        if len(known):
            scores.draw(figures.score_distribution(known, 1 / len(data.classes), chosen))

    def train() -> None:
        run.start(_scores(data, modality.value, count.value), take)

    live.Redraw([protocol, count, seed], draw, where)()
    live.Redraw([modality, count], train, scores)()
    return live.laid_out(
        "Above, the persons tested in each fold. Below, the mean recall of "
        f"{SEEDS} seeds, each with its own folds, initial weights and batches; the ringed dot is "
        "the split above. How far apart are two seeds, and how far the two kinds of folds?",
        data,
        [protocol, count, seed, modality],
        where,
        run.stop,
        scores,
    )


def _scores(data: EmotionData, modality: str, folds: int) -> Iterator[pd.DataFrame]:
    """Out-of-fold mean recall of each seed, every five epochs, one protocol after the other."""
    before: list[tuple[str, int, float]] = []
    own = {"learning_rate": RATE, "max_epochs": EPOCHS, "modality": modality, "folds": folds}
    for protocol in protocols(data):
        for stack in live.training(data, sweep(**own, protocol=protocol, seed=range(SEEDS))):
            if stack.epochs % 5 == 0 and stack.epochs:
                found = measures(data.labels, live.out_of_fold(data, stack), ("recall",))
                means = found["recall"].mean(-1)
                rows = [(protocol, seed, float(value)) for seed, value in enumerate(means)]
                yield pd.DataFrame(before + rows, columns=["protocol", "seed", "value"])
        before += rows
