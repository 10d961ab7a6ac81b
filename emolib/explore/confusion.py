"""Who is confused with whom: a confusion matrix of buttons, and the faces or rows behind each."""

from functools import cache

import ipywidgets as widgets
import matplotlib
import numpy as np
import pandas as pd

from emolib import figures
from emolib.data import EmotionData
from emolib.data.drawn import Still, film_stills
from emolib.data.faces import draw_face
from emolib.explore.canvas import Canvas, Redraw, choice, laid_out
from emolib.explore.live import Moment, Run, training
from emolib.folds import PROTOCOLS
from emolib.metrics import confusion
from emolib.training.sweeps import sweep

MODELS = (("shallow", "shallow"), ("CNN", "cnn"))
SHOWN = 16
PRESSED, UNPRESSED = "2px solid #b07d00", "2px solid transparent"


def confusion_lab(data: EmotionData) -> widgets.VBox:
    """Each cell counts rows of one emotion taken for another out of fold; pressed, it shows them."""
    network = choice("network", MODELS)
    modality = choice(
        "features",
        [*data.modalities, "+".join(data.modalities)]
        if len(data.modalities) > 1
        else data.modalities,
    )
    protocol = choice("folds", PROTOCOLS)
    classes = data.classes
    cells = {
        cell: widgets.Button(layout={"width": "auto", "height": "30px", "border": UNPRESSED})
        for cell in np.ndindex(len(classes), len(classes))
    }
    # as high as two rows of faces, so that what lies below stays where it is while the networks
    # train
    canvas, rows, level, run = (
        Canvas(layout={"min_height": "260px"}),
        widgets.HTML(),
        widgets.HTML(),
        Run(),
    )
    stop = widgets.Button(description="Stop training", icon="stop")
    stop.on_click(lambda _: run.stop())
    pressed, scores = (0, 0), np.zeros((len(data), len(classes)))

    def train() -> None:
        table = sweep(
            network=network.value,
            modality=modality.value,
            protocol=protocol.value,
            recipe="converged",
        )
        run.start(training(data, table), draw)

    def draw(moment: Moment, _: bool) -> None:
        nonlocal scores
        scores = moment.out_of_fold()[0]
        counts = confusion(data.labels, scores)
        shares = counts / counts.sum(1, keepdims=True)
        for (true, taken), button in cells.items():
            share = shares[true, taken] / shares.max()
            with button.hold_sync():  # one message for both
                button.description = str(counts[true, taken])
                button.tooltip = f"{counts[true, taken]} of {counts[true].sum()} rows of {classes[true]} taken for {classes[taken]}"
            button.style.button_color = matplotlib.colors.to_hex(
                matplotlib.colormaps["Blues"](0.7 * share)
            )
            button.style.font_weight = "bold" if true == taken else "normal"
        right = counts.trace() / counts.sum()
        level.value = (
            f"<p style='margin: 0'>After {moment.epoch} epochs: named right <b>{right:.0%}</b>, mean recall <b>{shares.diagonal().mean():.0%}</b>; "
            f"guessing {1 / len(classes):.0%}. A darker cell is a larger share of its row.</p>"
        )
        show()

    def show() -> None:
        true, taken = pressed
        found = np.flatnonzero((data.labels == true) & (scores.argmax(1) == taken))
        counted = (
            f"{len(found)} {classes[true]} faces"
            if data.drawn
            else f"{len(found)} rows of {classes[true]}"
        )
        what = f"{counted} recognised" if true == taken else f"{counted} taken for {classes[taken]}"
        sure = found[np.argsort(-scores[found, taken], kind="stable")][:SHOWN]
        some = f", the {len(sure)} of the highest score" if len(sure) < len(found) else ""
        rows.value = f"<p role='status'><b>{what}{some}</b></p>"
        if not len(found):
            canvas.value = ""
        elif data.drawn:
            shown = dict.fromkeys((taken, true))
            titles = [
                " / ".join(f"{scores[row, emotion]:.2f}" for emotion in shown) for row in sure
            ]
            alt = f"Drawn faces: {what}{some}; scores of {' and '.join(classes[emotion] for emotion in shown)}: {', '.join(titles)}."
            canvas.draw(figures.face_row(_faces(sure), titles, alt))
        else:
            table = pd.DataFrame(
                {"row": sure + 1}
                | {
                    f"score of {classes[emotion]}": scores[sure, emotion]
                    for emotion in (taken, true)
                }
            )
            for part in modality.value.split("+"):
                table[[f"{part} {k + 1}" for k in range(data.features[part].shape[1])]] = (
                    data.features[part][sure]
                )
            canvas.value = table.to_html(index=False, float_format="{:.3f}".format)

    def press(cell: tuple[int, int]) -> None:
        nonlocal pressed
        cells[pressed].layout.border = UNPRESSED
        pressed, cells[cell].layout.border = cell, PRESSED
        show()

    for cell, button in cells.items():
        button.on_click(lambda _, cell=cell: press(cell))
    grid = widgets.GridBox(
        _headed(cells, classes),
        layout={
            "grid_template_columns": f"11em repeat({len(classes)}, 5em)",
            "grid_gap": "1px",
            "align_items": "center",
        },
    )
    cells[pressed].layout.border = PRESSED
    Redraw([network, modality, protocol], train, canvas)()
    return laid_out(
        "True emotion in rows, predicted emotion in columns; each row of the data is scored by a network that had not seen it. Press a cell to see "
        "who is in it. Over each face: the score of the emotion it was taken for, and of its own.",
        data,
        [network, modality, protocol, stop],
        level,
        grid,
        rows,
        canvas,
    )


def _headed(
    cells: dict[tuple[int, int], widgets.Button], classes: tuple[str, ...]
) -> list[widgets.Widget]:
    """The buttons with the names of rows and columns around them, in the order of the grid."""
    heads = [widgets.Label("true ↓   taken for →"), *(widgets.Label(name) for name in classes)]
    for true, name in enumerate(classes):
        heads += [widgets.Label(name), *(cells[true, taken] for taken in range(len(classes)))]
    return heads


@cache
def _stills() -> list[Still]:
    return list(film_stills())


def _faces(rows: np.ndarray) -> np.ndarray:
    """The pictures of some rows of the default data: ``[N, H, W]``."""
    return np.stack(
        [
            draw_face(still.units, still.identity, still.view)
            for still in (_stills()[row] for row in rows)
        ]
    )
