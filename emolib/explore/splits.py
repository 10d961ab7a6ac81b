"""Split lab: whether a person may stand on both sides of a split, and what that does to the score."""

from collections.abc import Iterator

import ipywidgets as widgets
import pandas as pd

from emolib import figures
from emolib.data import EmotionData
from emolib.explore.canvas import Canvas, Redraw, choice, laid_out, slider
from emolib.explore.live import Run, training
from emolib.folds import PROTOCOLS, make_folds
from emolib.metrics import measures
from emolib.training.sweeps import RECIPES, sweep

SEEDS, EPOCHS = 10, 60
RATE = RECIPES["shallow", "converged"].learning_rate


def split_lab(data: EmotionData) -> widgets.VBox:
    """Protocol, folds and seed: who is tested where, at once; and the score of ten seeds of either
    protocol, as they train.
    """
    protocol = choice("folds", PROTOCOLS)
    count = slider("number of folds", 5, 2, 10, 1)
    seed = slider("seed", 0, 0, SEEDS - 1, 1)
    modality = choice("features", data.modalities)
    where, scores, run = Canvas(), Canvas(), Run()
    stop = widgets.Button(description="Stop training", icon="stop")
    known = pd.DataFrame(columns=["protocol", "seed", "value"])

    def draw() -> None:
        tests = [test for _, test in make_folds(data, protocol.value, seed.value, count.value)]
        where.draw(figures.fold_map(tests, data.groups, protocol.value))
        draw_scores()

    def draw_scores() -> None:
        if len(known):
            scores.draw(
                figures.score_distribution(
                    known, 1 / len(data.classes), (protocol.value, seed.value)
                )
            )

    def take(moment: pd.DataFrame, _: bool) -> None:
        nonlocal known
        known = moment
        draw_scores()

    def train() -> None:
        run.start(_scores(data, modality.value, count.value), take)

    redraw = Redraw([protocol, count, seed], draw, where)
    retrain = Redraw([modality, count], train, scores)
    stop.on_click(lambda _: run.stop())
    redraw()
    retrain()
    return laid_out(
        f"Above, who is tested in which fold. Below, the mean recall of {SEEDS} seeds, each with folds, initial weights and batches of its own; "
        "the ringed dot is the split above. How far apart do two seeds lie, and how far the two kinds of folds?",
        data,
        [protocol, count, seed, modality],
        where,
        stop,
        scores,
    )


def _scores(data: EmotionData, modality: str, folds: int) -> Iterator[pd.DataFrame]:
    """Mean recall of each seed out of fold, epoch by epoch, first under random folds and then under
    the other kind.
    """
    before: list[tuple[str, int, float]] = []
    for protocol in PROTOCOLS:
        table = sweep(
            modality=modality,
            protocol=protocol,
            folds=folds,
            seed=range(SEEDS),
            learning_rate=RATE,
            max_epochs=EPOCHS,
        )
        for moment in training(data, table):
            if moment.epoch % 5 == 0 and moment.epoch:
                rows = [
                    (protocol, seed, value)
                    for seed, value in enumerate(
                        measures(data.labels, moment.out_of_fold(), ("recall",))["recall"].mean(-1)
                    )
                ]
                yield pd.DataFrame(before + rows, columns=["protocol", "seed", "value"])
        before += rows
