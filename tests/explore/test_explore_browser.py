"""The explorers as a class meets them: a real JupyterLab with a real kernel, in a real browser.

Playwright brings no browser of its own here: without a Chromium on the machine, or one named by
``EMOLIB_BROWSER``, these tests are skipped. ``python tests/test_explore_browser.py`` prints how
long each control takes from its move to the picture.
"""

import re
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from browser import LABELS, MOVE, browser, lab, opened

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore.ipynb"
FACE, PRUNING, TRAINING, CONFUSION, SPLITS = range(5)
# Which of an explorer's texts and pictures a control is seen in; the first is its own description.
SEEN_IN = {FACE: 1, PRUNING: 1, TRAINING: 1, CONFUSION: 1, SPLITS: 1}
# What only the training shows, in the pruning lab's curves and the split lab's scores.
TRAINED = {(PRUNING, "pruned"): 3, (SPLITS, "features"): 2}
# What may leave a network's picture as it is, and is tried in the text beside it or by test_explore
# instead.
QUIET = {(PRUNING, "removed units hand on"), (TRAINING, "recipe")}


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
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        time.sleep(2)
        for cell in nbformat.read(folder / NOTEBOOK.name, 4).cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error" and not (
                    output.get("name") == "stderr" and "Error" in output.text
                ), output
        assert "Task exception" not in (folder / "lab.log").read_text()


def settle(page) -> None:
    """Waits until no picture has changed for a while: nothing trains any more."""
    alts, still = None, 0
    while still < 4:
        time.sleep(0.4)
        now = page.evaluate(
            "[...document.querySelectorAll('.widget-html-content img')].map(image => image.alt)"
        )
        alts, still = now, still + 1 if now == alts else 0


def moved(page) -> dict[tuple[int, str], float]:
    """Milliseconds from each control's move to its picture."""
    return {
        (order, label): page.evaluate(
            MOVE, [order, label, TRAINED.get((order, label), SEEN_IN[order])]
        )
        for order, labels in enumerate(page.evaluate(LABELS))
        for label in labels
        if (order, label) not in QUIET
    }


def test_every_control_of_every_explorer_changes_its_picture(page):
    took = moved(page)
    assert {order for order, _ in took} == set(SEEN_IN) and len(took) > 40


def test_every_picture_has_its_alternative_text(page):
    page.wait_for_function("""() => {
      const alts = [...document.querySelectorAll('.widget-html-content img')].map(image => image.alt);
      return alts.length >= 7 && alts.every(alt => alt.length > 20);
    }""")


def test_a_pressed_cell_shows_who_is_in_it(page):
    before = page.inner_text(".jp-OutputArea-output p[role=status] >> nth=0")
    cells = page.locator(".widget-gridbox button")
    assert cells.count() == 49
    cells.nth(8).click()
    page.wait_for_function(
        "before => document.querySelector('.jp-OutputArea-output p[role=status]').innerText !== before",
        arg=before,
    )


def test_a_training_stops_when_told(page):
    page.evaluate(MOVE, [TRAINING, "epochs", 1])
    page.locator("button", has_text="Stop training").nth(1).click()
    settle(page)
    alts = page.evaluate(
        "[...document.querySelectorAll('.widget-html-content img')].map(image => image.alt)"
    )
    curves = next(
        alt for alt in alts if alt.startswith("Learning curves") and "training loss" in alt
    )
    done, of = map(int, re.search(r"after (\d+) of (\d+) epochs", curves).groups())
    assert done < of


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        lab(NOTEBOOK, Path(folder), {}) as address,
        opened(address) as (page, errors),
    ):
        settle(page)
        medians = {"nothing trains": [], "training": []}
        for order, labels in enumerate(page.evaluate(LABELS)):
            for label in labels:
                if (order, label) in QUIET:
                    continue
                trains = order in (TRAINING, CONFUSION) or (order, label) in TRAINED
                took = []
                for _ in range(3):
                    took.append(
                        page.evaluate(
                            MOVE, [order, label, TRAINED.get((order, label), SEEN_IN[order])]
                        )
                    )
                    if order != FACE:  # what the move has set training
                        settle(page)
                medians["training" if trains else "nothing trains"].append(median(took))
                print(
                    f"{order} {label:32} {median(took):6.0f} ms{', first picture of a training' if trains else ''}",
                    flush=True,
                )
        for kind, values in medians.items():
            print(
                f"{kind}: median of the controls {median(values):.0f} ms, slowest {max(values):.0f} ms"
            )
        print(f"errors {errors}")


if __name__ == "__main__":
    main()
