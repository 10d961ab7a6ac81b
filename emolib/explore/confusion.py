"""Confusion lab: a confusion matrix of buttons, with the faces or rows behind each."""

import ipywidgets as widgets
import matplotlib
import numpy as np
import pandas as pd

from emolib import EmotionData, confusion, figures
from emolib.explore import live
from emolib.explore.face import default_faces
from emolib.metrics import accuracy, mean_recall, predict
from emolib.training.stack import NetworkStack

SHOWN = 16
PRESSED, UNPRESSED = "2px solid #b07d00", "2px solid transparent"


def confusion_lab(data: EmotionData) -> widgets.VBox:
    """Out-of-fold confusion matrix; a pressed cell shows the rows that it counts."""
    choices, classes = live.network_choices(data), data.classes
    cells = {
        cell: widgets.Button(layout={"width": "auto", "height": "30px", "border": UNPRESSED})
        for cell in np.ndindex(len(classes), len(classes))
    }
    # as high as two rows of faces, so that the page below does not move during training
    canvas = live.Canvas(layout={"min_height": "260px"})
    rows, level, run = widgets.HTML(), widgets.HTML(), live.Run(canvas)
    pressed, scores = (0, 0), np.full((len(data), len(classes)), np.nan)

    def train() -> None:
        table = live.chosen_sweep(data, choices, recipe="converged")
        run.start(live.training(data, table), draw)

    def draw(stack: NetworkStack) -> None:
        nonlocal scores
        scores = live.out_of_fold(data, stack)[0]
        counts, predicted = confusion(data.labels, scores), predict(scores)
        tested = counts.sum(1, keepdims=True)
        shares = np.divide(counts, tested, np.full(counts.shape, np.nan), where=tested > 0)
        blues = matplotlib.colormaps["Blues"](0.7 * np.nan_to_num(shares / np.nanmax(shares)))
        for (true, taken), button in cells.items():
            with button.hold_sync():  # one message for both
                button.description = str(counts[true, taken])
                button.tooltip = (
                    f"{counts[true, taken]} of {tested[true, 0]} tested rows of {classes[true]} "
                    f"predicted as {classes[taken]}"
                )
            button.style.button_color = matplotlib.colors.to_hex(blues[true, taken])
            button.style.font_weight = "bold" if true == taken else "normal"
        level.value = (
            f"<p style='margin: 0'>After {stack.epochs} epochs, {tested.sum()} of {len(data)} rows "
            f"tested: accuracy <b>{accuracy(data.labels, predicted):.0%}</b>, mean recall "
            f"<b>{mean_recall(data.labels, predicted):.0%}</b>; guessing {1 / len(classes):.0%}. A "
            "darker cell is a larger share of its row.</p>"
        ).replace("nan%", "undefined")
        press(pressed)

    def press(cell: tuple[int, int]) -> None:
        nonlocal pressed
        cells[pressed].layout.border = UNPRESSED
        pressed, cells[cell].layout.border = cell, PRESSED
        true, taken = cell
        found = np.flatnonzero((data.labels == true) & (predict(scores) == taken))
        kind = f"{classes[true]} faces" if data.drawn else f"rows of {classes[true]}"
        outcome = "recognised" if true == taken else f"predicted as {classes[taken]}"
        sure = found[np.argsort(-scores[found, taken], kind="stable")][:SHOWN]
        some = f", the {len(sure)} of the highest score" if len(sure) < len(found) else ""
        said = f"{len(found)} {kind} {outcome}{some}"
        rows.value = f"<p role='status'><b>{said}</b></p>"
        emotions = list(dict.fromkeys((taken, true)))
        names = [classes[emotion] for emotion in emotions]
        if not len(found):
            canvas.value = ""
        elif data.drawn:
            titles = [" / ".join(f"{own:.2f}" for own in scores[row, emotions]) for row in sure]
            alt = f"Drawn faces: {said}; scores of {' and '.join(names)}: {', '.join(titles)}."
            canvas.draw(figures.face_row(default_faces().images[sure], titles, alt))
        else:
            columns = {"row": sure + 1} | {
                f"score of {name}": scores[sure, emotion]
                for emotion, name in zip(emotions, names, strict=True)
            }
            for part in choices["modality"].value.split("+"):
                values = data.features[part][sure].T
                columns |= {f"{part} {k}": value for k, value in enumerate(values, 1)}
            canvas.value = pd.DataFrame(columns).to_html(index=False, float_format="{:.3f}".format)

    for cell, button in cells.items():
        button.on_click(lambda _, cell=cell: press(cell))
    heads = [widgets.Label(name) for name in ("true ↓   predicted →", *classes)]
    for true, name in enumerate(classes):
        heads += [widgets.Label(name), *(cells[true, taken] for taken in range(len(classes)))]
    columns = f"11em repeat({len(classes)}, 5em)"
    look = {"grid_template_columns": columns, "grid_gap": "1px", "align_items": "center"}
    live.Redraw(list(choices.values()), train, canvas)()
    return live.laid_out(
        "True emotion in rows, predicted emotion in columns; each row of the data is scored by a "
        "network that was not trained on it. Press a cell to see its rows. Above each face: its "
        "scores of the predicted and of the true emotion.",
        data,
        [*choices.values(), run.stop],
        level,
        widgets.GridBox(heads, layout=look),
        rows,
        canvas,
    )
