"""The explorers without a browser: what they train, what their controls draw, and that running work
can be stopped.
"""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest

from emolib import Cache, make_folds, sweep, train
from emolib.data.drawn import draw_faces
from emolib.explore import confusion_lab, pruning_lab, split_lab, training_lab
from emolib.explore.canvas import Canvas
from emolib.explore.lab import open_lab
from emolib.explore.live import Run, training
from emolib.explore.reading import reader
from emolib.metrics import confusion
from emolib.training.scaling import scale


def inside(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def controls(widget) -> dict[str, widgets.Widget]:
    return {
        part.description: part
        for part in inside(widget)
        if getattr(part, "description", "") and hasattr(part, "value")
    }


def pictures(widget) -> list[str]:
    return [part.value for part in inside(widget) if isinstance(part, Canvas)]


def alts(values: list[str]) -> list[list[str]]:
    return [re.findall(r'alt="(.*?)"', value) for value in values]


async def settled() -> None:
    """Until nothing trains any more."""
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("protocol", ["random", "person-independent"])
@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"angle": 30.0, "schedule": "every", "merge_weights": True},
        {"network": "cnn", "modality": "LPQ+PHOG"},
    ],
)
def test_a_network_watched_ends_as_one_that_is_not(tiny, protocol, setting):
    table = sweep(protocol=protocol, folds=3, seed=range(2), **setting)
    *_, last = training(tiny, table)
    results = train(tiny, table, jobs=1).results
    for k, result in enumerate(results):
        np.testing.assert_array_equal(last.scores()[k, last.pair(k)[1]], result.scores)
        assert last.accuracy()[0][k] == pytest.approx(result.train_accuracy)
        assert last.loss[k] == result.losses[-1]


def test_a_run_stops_when_told_and_when_another_starts():
    async def story():
        run, seen = Run(), []

        def draw(name):
            return lambda moment, last: seen.append((name, moment, last))

        run.start(iter(range(10**9)), draw("first"))
        await asyncio.sleep(0.05)
        run.start(iter(range(10**9)), draw("second"))
        await asyncio.sleep(0.05)
        run.stop()
        await settled()
        run.start(iter(range(3)), draw("third"))
        await settled()
        return seen

    seen = asyncio.run(story())
    assert [name for name, _, last in seen if last] == [
        "second",
        "third",
    ]  # the first gave way without a word
    assert seen[-1] == ("third", 2, True)


@pytest.mark.parametrize("make", [pruning_lab, training_lab, confusion_lab, split_lab])
def test_every_control_changes_a_picture_and_has_a_label_and_alt_text(tiny, make, monkeypatch):
    monkeypatch.setattr("emolib.explore.pruning.EPOCHS", 2)
    monkeypatch.setattr("emolib.explore.splits.EPOCHS", 5)

    async def story():
        lab = make(tiny)
        await settled()
        assert (
            "60 random rows"
            in next(part for part in inside(lab) if isinstance(part, widgets.HTML)).value
        )
        for label, control in controls(lab).items():
            if label == "epochs":
                continue
            before = (
                pictures(lab),
                [part.value for part in inside(lab) if isinstance(part, widgets.HTML)],
            )
            if hasattr(control, "options"):
                control.index = (control.index + 1) % len(control.options)
            else:
                control.value = control.value + control.step * (
                    4 if control.value + 4 * control.step <= control.max else -1
                )
            await settled()
            after = (
                pictures(lab),
                [part.value for part in inside(lab) if isinstance(part, widgets.HTML)],
            )
            if make is not confusion_lab:  # a few rows have the same faces behind a cell
                assert before[0] == after[0] or alts(before[0]) != alts(after[0]), (
                    f"{label}: another picture with the same words"
                )
            if label not in (
                "pruned",
                "removed units hand on",
                "recipe",
                "minimal angle / degrees",
            ):  # these may leave these few rows as they are
                assert after != before, label
            for picture in pictures(lab):
                assert (
                    not picture or 'alt="' in picture or "<table" in picture or "status" in picture
                )
        return lab

    asyncio.run(story())


def test_a_control_out_of_reach_is_told_in_a_sentence(tiny):
    few = replace(tiny, groups=np.repeat(["a", "b"], 30))

    async def story():
        lab = split_lab(few)
        controls(lab)["folds"].value = "person-independent"
        await asyncio.sleep(0.05)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return pictures(lab)[0]

    assert "2 groups cannot fill 5 folds" in asyncio.run(story())


def test_a_pressed_cell_shows_its_rows(tiny):
    async def story():
        lab = confusion_lab(tiny)
        await settled()
        return lab

    lab = asyncio.run(story())
    cells = [part for part in inside(lab) if isinstance(part, widgets.Button) and part.tooltip]
    assert len(cells) == 9 and sum(int(cell.description) for cell in cells) == len(tiny)
    scores = train(tiny, sweep(recipe="converged")).out_of_fold()[1][0]
    np.testing.assert_array_equal(
        [int(cell.description) for cell in cells], confusion(tiny.labels, scores).ravel()
    )
    busiest = max(cells, key=lambda cell: int(cell.description))
    busiest.click()
    assert busiest.tooltip.startswith(f"{busiest.description} of ")
    canvas = next(part for part in inside(lab) if isinstance(part, Canvas))
    assert canvas.value.count("<tr") == 1 + min(int(busiest.description), 16)


def test_a_drawn_face_is_read_as_the_networks_read_it(drawn):
    reading, images = reader(), draw_faces().images
    rows, tested = make_folds(drawn, "random", 0)[0]
    table = sweep(network="cnn", modality="LPQ+PHOG", recipe="converged")
    result = train(drawn, table[table["fold"] == 0].reset_index(drop=True), cache=Cache()).results[
        0
    ]
    for place in (0, 50):
        numbers, scores = reading.read(images[tested[place]])
        for modality in drawn.modalities:
            np.testing.assert_allclose(
                numbers[modality], scale(drawn, modality, rows)[tested[place]], atol=1e-4
            )
        np.testing.assert_allclose(scores["LPQ+PHOG"], result.scores[place], atol=1e-3)


def test_the_lab_listens_here_alone_and_learns_of_the_data(monkeypatch, tmp_path):
    called = {}

    def run(command, env):
        called.update(command=command, env=env)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr("subprocess.run", run)
    assert open_lab(Path("explore.ipynb")) == 0
    assert "--ServerApp.ip=127.0.0.1" in called["command"] and called["env"]["EMOLIB_DATA"] == ""
    assert not any("token" in part for part in called["command"])  # JupyterLab's own stays on
    with pytest.raises(OSError, match="absent"):
        open_lab(Path("explore.ipynb"), str(tmp_path / "absent.xlsx"))


def test_the_notebook_shows_each_explorer_once():
    notebook = nbformat.read(Path(__file__).parents[2] / "notebooks" / "explore.ipynb", 4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for name in ("face_maker", "pruning_lab", "training_lab", "confusion_lab", "split_lab"):
        assert code.count(f"explore.{name}(") == 1
