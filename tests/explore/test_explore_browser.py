"""The explorers as a class meets them: a real JupyterLab with a real kernel, in a real browser.

Playwright brings no browser of its own here: without a Chromium on the machine, or one named by
``EMOLIB_BROWSER``, these tests are skipped.
"""

import re
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import LABELS, MOVE, SECONDS, browser, lab, opened

from emolib.training.sweeps import RECIPES

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore.ipynb"
FACE, PRUNING, TRAINING, CONFUSION, SPLITS = range(5)
# The text or picture of an explorer in which a control is seen; the first is its description.
FIRST = 1
# Seen in the training alone: in the pruning lab's curves and in the split lab's scores.
TRAINED = {(PRUNING, "pruned"): 3, (SPLITS, "features"): 2}
# These may leave a network's picture as it is, and are tried in test_explore instead.
QUIET = {(PRUNING, "merge weights"), (TRAINING, "recipe")}
ALTS = "[...document.querySelectorAll('.widget-html-content img')].map(image => image.alt)"
# Upper and lower edges of what is seen of an explorer when its heading is at the top, and labels
# that do not fit.
PLACES = """order => {
  const here = [...document.querySelectorAll('.jp-OutputArea-output')].filter(
    e => e.querySelector('.widget-inline-hbox'))[order];
  here.closest('.jp-Cell').previousElementSibling.scrollIntoView({block: 'start'});
  const visible = [...here.querySelectorAll('*')].filter(e => e.offsetParent);
  const edges = selector => visible.filter(e => e.matches(selector)).map(
    e => e.getBoundingClientRect()).map(box => [box.top, box.bottom]);
  return {controls: edges('.widget-inline-hbox, button'), pictures: edges('img'),
    clipped: visible.filter(e => e.matches('.widget-label, .widget-readout')
      && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)};
}"""
# Nothing trains in an explorer when its button is disabled.
STOP = "[...document.querySelectorAll('button')].filter(e => /Stop training/.test(e.textContent))"


@pytest.fixture(scope="module")
def page(own_cache, tmp_path_factory):
    if not browser():
        pytest.skip("no Chromium is here, and Playwright brings none")
    folder = tmp_path_factory.mktemp("lab")
    with (
        lab(NOTEBOOK, folder, {"EMOLIB_CACHE": str(own_cache)}) as address,
        opened(address) as (page, errors),
    ):
        yield page
        assert errors == []
        # done when the promise is kept, and with it the file is written
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save').then(() => 0)")
        for cell in nbformat.read(folder / NOTEBOOK.name, 4).cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error" and not (
                    output.get("name") == "stderr" and "Error" in output.text
                ), output
    # but a page that closes may leave a message unsent
    faults = (folder / "lab.log").read_text().split("Task exception was never retrieved")[1:]
    assert all("WebSocketClosedError" in fault.splitlines()[1] for fault in faults), faults


def move(page, order: int, label: str, key: str = "") -> None:
    place = TRAINED.get((order, label), FIRST)
    page.evaluate(MOVE, [order, label, place, key, SECONDS])


def test_control_and_picture_of_every_explorer_are_seen_together_and_its_code_is_folded(page):
    """On a screen of 1366 × 768 pixels, below the explorer's heading; the pane of files is away."""
    assert not page.locator(".jp-FileBrowser").is_visible()
    assert page.locator(".jp-CodeCell").count() == 7
    assert page.locator(".jp-CodeCell .jp-InputArea-editor:visible").count() == 0
    seen = page.locator(".jp-NotebookPanel-notebook").bounding_box()
    for order in range(5):
        shown = page.evaluate(PLACES, order)
        assert len(shown["controls"]) > 3 and shown["pictures"] and shown["clipped"] == []
        for top, bottom in shown["controls"] + shown["pictures"]:
            assert seen["y"] <= top and bottom <= seen["y"] + seen["height"]


def test_every_control_of_every_explorer_changes_its_picture(page):
    moved = [
        (order, label)
        for order, labels in enumerate(page.evaluate(LABELS))
        for label in labels
        if (order, label) not in QUIET
    ]
    for order, label in moved:
        move(page, order, label)
    assert {order for order, _ in moved} == set(range(5)) and len(moved) > 40
    page.wait_for_function(
        f"() => {{ const alts = {ALTS};"
        " return alts.length >= 7 && alts.every(alt => alt.length > 20); }"
    )


def test_a_training_stops_when_told(page):
    move(page, TRAINING, "seeds", "End")
    move(page, TRAINING, "epochs at most", "End")  # CNNs of thirty seeds: minutes of one core
    page.evaluate(f"{STOP}[1].click()")
    page.wait_for_function(f"{STOP}[1].disabled")
    curves = next(
        alt
        for alt in page.evaluate(ALTS)
        if alt.startswith("Learning curves") and "training loss" in alt
    )
    done, of = map(int, re.search(r"after (\d+) of (\d+) epochs", curves).groups())
    assert of == max(recipe.epochs for recipe in RECIPES.values()) and done < of
