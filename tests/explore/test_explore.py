"""The explorers without a browser: training, controls, unknown persons, start of JupyterLab."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from emolib import make_folds, sweep, train
from emolib.data.drawn import draw_faces
from emolib.data.faces import PROTOTYPES, UNITS
from emolib.explore import (
    confusion_lab,
    face_maker,
    lab,
    live,
    pruning_lab,
    split_lab,
    training_lab,
)
from emolib.explore.face import face_reader
from emolib.training.scaling import scale
from emolib.training.sweeps import RECIPES

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore.ipynb"
LABS = [pruning_lab, training_lab, confusion_lab, split_lab]
# these may leave a few rows as they are
QUIET = {"pruned", "merge weights", "recipe", "minimal angle / °"}


@pytest.fixture(autouse=True)
def short_recipes(monkeypatch):
    """Recipes that end early: the effect of a control is seen long before the loss stops."""
    for key, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, key, replace(recipe, epochs=min(recipe.epochs, 200)))
    monkeypatch.setattr("emolib.explore.labs.RECIPE", RECIPES["shallow", "converged"])


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr("emolib.explore.labs.EPOCHS", 5)


def inside(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def of_kind(widget, kind) -> list:
    return [part for part in inside(widget) if isinstance(part, kind)]


def controls(widget) -> dict[str, widgets.Widget]:
    return {
        part.description: part
        for part in inside(widget)
        if getattr(part, "description", "") and hasattr(part, "value")
    }


def said(widget) -> str:
    return "\n".join(part.value for part in of_kind(widget, widgets.HTML))


def pictures(widget) -> list[str]:
    return [part.value for part in of_kind(widget, live.Canvas)]


def others() -> set:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def settled() -> None:
    """Until nothing trains any more; an error in a training is raised."""
    while tasks := others():
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


def shown(make, data, *moves: tuple[str, object]) -> widgets.Widget:
    """An explorer after some moves of its controls, when nothing trains any more."""

    async def story():
        explorer = make(data)
        for label, value in moves:
            controls(explorer)[label].value = value
        await settled()
        return explorer

    return asyncio.run(story())


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
    *_, stack = live.training(tiny, table)
    trained = train(tiny, table, jobs=1)
    for k, result in enumerate(trained.results):
        np.testing.assert_array_equal(stack.result(k).scores, result.scores)
    np.testing.assert_array_equal(live.out_of_fold(tiny, stack), trained.out_of_fold()[1])


def test_a_canvas_stops_when_told_and_when_a_control_moves():
    async def story():
        canvas, control, seen = live.Canvas(30), widgets.IntText(1), []

        def states():
            for step in range(10**9 if control.value < 3 else 3):
                yield control.value, step

        async def began(value):
            while not seen or seen[-1][0] != value:
                await asyncio.sleep(0)

        assert canvas.stop.disabled
        canvas.follow([control], states, seen.append)
        await began(1)
        control.value = 4
        control.value = 2
        await began(2)
        assert len(others()) == 1 and not canvas.stop.disabled  # the first gave way
        canvas.stop.click()
        with pytest.raises(asyncio.CancelledError):
            await canvas.task
        assert seen[-1][0] == 2 and canvas.stop.disabled
        control.value = 3
        await settled()
        assert seen[-1] == (3, 2) and seen.count((3, 2)) == 1 and canvas.stop.disabled
        return [value for value, _ in seen]

    values = asyncio.run(story())
    assert values == sorted(values) and 4 not in values


@pytest.mark.parametrize("make", LABS)
def test_every_control_changes_a_picture_and_has_a_label_and_alt_text(tiny, make, short):
    async def story():
        explorer = make(tiny)
        await settled()
        assert "60 random rows" in said(explorer) and live.UNKNOWN not in said(explorer)
        for label, control in controls(explorer).items():
            if label == "epochs at most":
                continue
            before = pictures(explorer), said(explorer)
            if hasattr(control, "options"):
                control.index = (control.index + 1) % len(control.options)
            else:
                steps = 4 if control.value + 4 * control.step <= control.max else -1
                control.value = control.value + control.step * steps
            await settled()
            after = pictures(explorer), said(explorer)
            if make is not confusion_lab:  # a few rows have the same faces behind a cell
                words = [re.findall(r'alt="(.*?)"', "".join(seen[0])) for seen in (before, after)]
                assert before[0] == after[0] or words[0] != words[1], label
            if label not in QUIET:
                assert after != before, label
            for picture in filter(None, pictures(explorer)):
                assert 'alt="' in picture or "<table" in picture or "status" in picture

    asyncio.run(story())


@pytest.mark.parametrize("make", LABS)
def test_without_known_persons_only_random_folds_are_offered(tiny, make, short):
    explorer = shown(make, replace(tiny, groups=None))
    assert live.UNKNOWN in said(explorer) and "person-independent" not in said(explorer)
    if "folds" in controls(explorer):
        assert controls(explorer)["folds"].options == ("random",)
        assert controls(explorer)["folds"].disabled
    assert any("<img" in picture or "<table" in picture for picture in pictures(explorer))


def test_too_few_persons_for_the_folds_are_reported_in_a_sentence(tiny, short):
    few = replace(tiny, groups=np.repeat(["a", "b"], 30))
    explorer = shown(split_lab, few, ("folds", "person-independent"))
    assert all(picture.startswith("<p role='status'>") for picture in pictures(explorer))
    assert all("2 groups cannot fill 5 folds" in picture for picture in pictures(explorer))
    assert all(button.disabled for button in of_kind(explorer, widgets.Button))


def cells(explorer) -> list[widgets.Button]:
    return [button for button in of_kind(explorer, widgets.Button) if button.tooltip]


def test_a_pressed_cell_shows_its_rows(tiny):
    explorer = shown(confusion_lab, tiny)
    busiest = max(cells(explorer), key=lambda cell: int(cell.description))
    busiest.click()
    assert busiest.tooltip.startswith(f"{busiest.description} of ")
    (picture,) = pictures(explorer)
    assert picture.count("<tr") == 1 + min(int(busiest.description), 16)


@pytest.mark.parametrize("classes", [3, 2])
def test_the_confusion_lab_counts_tested_rows_and_tested_classes_alone(tiny, classes):
    rows = np.arange(len(tiny))
    tested = rows[(rows % 4 > 1) & (tiny.labels < classes)]
    data = replace(tiny, splits={"official": (rows[rows % 4 < 2], tested)})
    explorer = shown(confusion_lab, data, ("folds", "official"))
    table = sweep(recipe="converged", protocol="official", folds=1)
    predicted = train(data, table).results[0].scores.argmax(1)
    labels, every = data.labels[tested], np.arange(len(data.classes))
    expected = confusion_matrix(labels, predicted, labels=every)
    assert [int(cell.description) for cell in cells(explorer)] == list(expected.ravel())
    assert f"{len(tested)} of 60 rows tested" in said(explorer)
    assert f"accuracy <b>{accuracy_score(labels, predicted):.0%}</b>" in said(explorer)
    recall = recall_score(labels, predicted, labels=every[:classes], average="macro")
    assert f"mean recall <b>{recall:.0%}</b>" in said(explorer)


def test_a_drawn_face_is_described_and_named_as_the_networks_of_a_sweep_name_it(drawn):
    reader, images = face_reader(), draw_faces().images
    rows, tested = make_folds(drawn, "random", 0)[0]
    for place in (0, 50):
        numbers, scores = reader.read(images[tested[place]])
        for modality in drawn.modalities:
            expected = scale(drawn, modality, rows)[tested[place]]
            np.testing.assert_allclose(numbers[modality], expected, atol=1e-4)
        assert {name: own.shape for name, own in scores.items()} == dict.fromkeys(
            ("LPQ", "PHOG", "LPQ+PHOG"), (7,)
        )
    read = [reader.read(image)[1]["LPQ+PHOG"].argmax() for image in images[tested]]
    assert reader.accuracy["LPQ+PHOG"] == accuracy_score(drawn.labels[tested], read)
    table = sweep(network="cnn", modality="LPQ+PHOG", recipe="converged").iloc[:1]
    (result,) = train(drawn, table).results
    swept = accuracy_score(drawn.labels[tested], result.scores.argmax(1))
    assert reader.accuracy["LPQ+PHOG"] == pytest.approx(swept, abs=0.08) and swept > 0.35


@pytest.fixture(scope="module")
def maker(own_cache):
    async def story():
        explorer = face_maker()
        await settled()
        return explorer

    return asyncio.run(story())


def test_the_first_face_is_read_rightly_by_all_three_models(maker):
    assert "drawn faces and networks trained on them, whatever the other" in said(maker)
    (picture,) = pictures(maker)
    emotion = controls(maker)["emotion"].value
    assert [f"{name} says {emotion} (" in picture for name in ("LPQ", "PHOG", "LPQ+PHOG")] == [
        True
    ] * 3


@pytest.mark.parametrize("emotion", PROTOTYPES)
def test_the_units_of_an_emotion_come_first_and_the_others_are_folded(maker, emotion):
    async def story():
        controls(maker)["emotion"].value = emotion
        await settled()

    asyncio.run(story())
    (folded,) = of_kind(maker, widgets.Accordion)
    others = {
        own.description: own.value for own in of_kind(folded.children[0], widgets.FloatSlider)
    }
    units = {name: own for name, own in controls(maker).items() if name.startswith("AU ")}
    first = {name: own.value for name, own in units.items() if name not in others}
    assert [int(name.split(":")[0][3:]) for name in first] == list(PROTOTYPES[emotion])
    assert list(first.values()) == [float(raised) for raised in PROTOTYPES[emotion].values()]
    assert len(units) == len(UNITS) and set(others.values()) <= {0.0}
    assert folded.selected_index == (None if first else 0)


def test_images_with_their_descriptors_are_shown_as_pictures(tiny):
    side = np.linspace(-2, 2, 32)
    data = replace(tiny, descriptors={"image": np.tile(np.outer(side, side).ravel(), (60, 1))})
    faces = live.thumbnails(data)
    assert faces.shape == (60, 32, 32) and live.thumbnails(tiny) is None
    np.testing.assert_allclose(np.corrcoef(faces[0].ravel(), np.outer(side, side).ravel()), 1)
    explorer = shown(confusion_lab, data)
    max(cells(explorer), key=lambda cell: int(cell.description)).click()
    assert 'alt="' in pictures(explorer)[0] and " faces " in said(explorer)


def run_lab(monkeypatch, code: int, data: str = "") -> dict:
    called = {}

    def run(command, env):
        called.update(command=command, env=env)
        return type("Done", (), {"returncode": code})

    monkeypatch.setattr("subprocess.run", run)
    lab.open_lab(NOTEBOOK, data)
    return called


def test_the_lab_listens_here_alone_and_knows_the_data_and_a_writable_home(monkeypatch):
    called = run_lab(monkeypatch, 0)
    assert "--ServerApp.ip=127.0.0.1" in called["command"]
    assert "--LabApp.default_url=/doc/tree/explore.ipynb" in called["command"]
    assert "--allow-root" in called["command"] and called["env"]["EMOLIB_DATA"] == ""
    assert not any("token" in part for part in called["command"])  # JupyterLab's own stays on
    monkeypatch.setenv("HOME", "/dev/null/nobody")
    home = run_lab(monkeypatch, 0)["env"]["HOME"]
    assert home not in (called["env"].get("HOME"), "/dev/null/nobody")


def test_a_lab_that_cannot_open_is_an_error(monkeypatch, tmp_path):
    with pytest.raises(OSError, match="absent"):
        run_lab(monkeypatch, 0, str(tmp_path / "absent.xlsx"))
    with pytest.raises(OSError, match="JupyterLab ended with exit code 1; the reason"):
        run_lab(monkeypatch, 1)
    with pytest.raises(OSError, match="there is no notebook"):
        lab.open_lab(tmp_path / "absent.ipynb")


def test_the_notebook_shows_each_explorer_once():
    notebook = nbformat.read(NOTEBOOK, 4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for name in ("face_maker", "pruning_lab", "training_lab", "confusion_lab", "split_lab"):
        assert code.count(f"explore.{name}(") == 1
