"""What a reader can try on the page, in a browser: readings, splits, previews, frames that scroll.

Needs Chromium; where there is none these tests skip.
"""

import re
from contextlib import ExitStack
from itertools import product

import pandas as pd
import pytest

from notebooks import make, write

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

# a name that CSV has to quote, and one that is no markup
AXES = {"optimiser": ["Adam", 'SGD, "slow"'], "loss": ["<b>L1</b>", "L2"], "measure": ["recall"]}
READINGS = pd.DataFrame(product(*AXES.values()), columns=list(AXES)).assign(
    value=[0.12, 0.31, 0.2, 0.4]
)
READINGS.loc[4] = ["Adam", "L1, not trained", "training accuracy", 0.8]
SPLITS = {"weak": [0.1, 0.15, 0.2, 0.15], "strong": [0.5] * 3}
PRINTED = {"weak": 0.31, "strong": 0.27}
CELL = f"""
import pandas as pd
from emolib import figures
from emolib.report import figure, table
readings = pd.DataFrame({READINGS.to_dict("list")})
figure("readings", figures.specification_curve(readings, {list(AXES)}, {PRINTED}), "All of them")
splits = pd.DataFrame([(model, value, {PRINTED}[model]) for model, own in {SPLITS}.items() for value in own],
                      columns=["model", "recall", "paper"])
figure("single-splits", figures.split_recall(splits, {{"recall": "one split"}}, {PRINTED}, 1 / 7), "Again")
wide = pd.DataFrame([[1.5] * 8] * 9, columns=[f"measure {{k}}" for k in range(8)])
table("wide", wide, "Many columns")
"""
PROSE = "# Luck\n\nSee [Table](#wide) and [](#readings).\n\n$$\\sum_i x_i$$\n\n## Further\n\nText."


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("play")
    make(folder, write(folder / "1_luck.ipynb", (PROSE,), (CELL, "code"), ("# " * 99, "code")))
    return folder / "reports/report.html"


@pytest.fixture
def visit(browser, report):
    """Opens the report; options are those of a browser context."""
    with ExitStack() as contexts:

        def open_page(width=1280, **options):
            options = {"viewport": {"width": width, "height": 900}} | options
            page = contexts.enter_context(browser.new_context(**options)).new_page()
            page.faults = []
            page.on("pageerror", lambda error: page.faults.append(str(error)))
            page.goto(report.as_uri())
            return page

        yield open_page


def said_of(rows):
    counts = [(rows["value"] >= figure - 0.005).sum() for figure in (0.31, 0.27)]
    return (
        f"{counts[0]} of {len(rows)} readings reach 31 %, "
        f"{counts[1]} of {len(rows)} readings reach 27 %."
    )


def test_menus_count_the_readings_that_remain(visit):
    page = visit()
    box = page.locator("#readings fieldset")
    said = box.locator("output")
    assert said.inner_text() == said_of(READINGS) and page.faults == []
    menus = dict(zip(AXES, box.locator("select").all(), strict=True))
    for optimiser, loss in product(AXES["optimiser"], AXES["loss"]):
        menus["optimiser"].select_option(value=optimiser)
        menus["loss"].select_option(value=loss)
        rows = READINGS.query("optimiser == @optimiser and loss == @loss")
        assert said.inner_text() == said_of(rows)
        assert box.locator("i[style*='accent']").count() == len(rows)
    assert menus["measure"].locator("option").all_inner_texts() == [
        "any",
        "recall (1)",
        "training accuracy (none left)",
    ]
    box.get_by_role("button", name="Any of all").press("Enter")
    assert said.inner_text() == said_of(READINGS)
    menus["measure"].focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text() == said_of(READINGS.query("measure == 'recall'"))


def test_splits_are_drawn_once_each_until_the_printed_figure(visit):
    page = visit()
    box = page.locator("#single-splits fieldset")
    said, one = box.locator("output"), box.get_by_role("button", name="Draw a split")
    assert box.locator("option").all_inner_texts() == ["strong (3)", "weak (4)"]
    box.locator("select").select_option("weak")
    for tries in (1, 2, 3):
        one.press("Enter")
        shown = r"Try (\d): (10|15|20) %; the printed 31 % is reached by none of \1\."
        assert re.fullmatch(shown, said.inner_text())[1] == str(tries)
    box.get_by_role("button", name="Draw until").press("Space")
    assert said.inner_text() == (
        "All 4 stored splits are drawn: the printed 31 % is reached by none."
    )
    places = box.locator("i").evaluate_all("dots => dots.map(dot => parseFloat(dot.style.left))")
    axis = 50  # percent, up to the ten above the highest result of all models
    assert sorted(places) == pytest.approx([100 * 100 * x / axis for x in sorted(SPLITS["weak"])])
    one.click()
    assert said.inner_text().startswith("Try 1:") and box.locator("i").count() == 1
    box.locator("select").select_option("strong")
    box.get_by_role("button", name="Draw until").click()
    assert said.inner_text() == "Try 1: 50 %; the printed 27 % is reached by 1 of 1."
    assert page.faults == []


def test_preview_of_a_table_by_mouse(visit):
    page = visit()
    preview, link = page.locator("#preview"), page.locator(".prose a[href='#wide']")
    link.hover()
    preview.locator("tr").first.wait_for()
    assert "Many columns" in preview.inner_text()
    assert sum(row.is_visible() for row in preview.locator("tbody tr").all()) == 5
    over, under = link.bounding_box(), preview.bounding_box()
    assert under["y"] >= over["y"] + over["height"] - 0.5
    page.mouse.move(under["x"] + 20, under["y"] + 20)
    page.wait_for_timeout(600)
    assert preview.is_visible()  # while the mouse is on it
    page.keyboard.press("Escape")
    assert not preview.is_visible()
    page.locator("#contents a[href='#chapter-luck']").hover()
    page.wait_for_timeout(600)
    assert not preview.is_visible()


def test_preview_of_a_picture_by_keyboard(visit):
    page = visit()
    preview, link = page.locator("#preview"), page.locator(".prose a[href='#readings']")
    page.locator(".prose a[href='#wide']").focus()
    page.keyboard.press("Tab")
    preview.locator("img").wait_for()
    assert link.evaluate("link => link === document.activeElement")
    assert "Figure S1" in preview.inner_text()
    page.keyboard.press("Tab")
    preview.wait_for(state="hidden")


def test_no_preview_by_touch(visit):
    page = visit(390, has_touch=True, is_mobile=True)
    page.locator(".prose a[href='#wide']").tap()
    page.wait_for_timeout(600)
    assert not page.locator("#preview").is_visible()


def test_only_frames_that_scroll_take_focus(visit):
    page = visit()
    frame = page.locator("#wide .scroll")
    assert frame.evaluate("frame => frame.tabIndex") < 0 and frame.get_attribute("role") is None
    page.set_viewport_size({"width": 390, "height": 900})
    named = page.get_by_role("region", name="Table S1", exact=True)
    named.wait_for()
    assert named.get_attribute("tabindex") == "0"
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.get_by_role("region", name="Code").first.wait_for()
    frames = "[...document.querySelectorAll('.scroll, pre, .formula')]"
    scrolls = page.evaluate(f"{frames}.map(frame => frame.scrollWidth > frame.clientWidth)")
    focus = page.evaluate(f"{frames}.map(frame => frame.tabIndex === 0)")
    assert scrolls == focus and set(scrolls) == {True, False}
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#wide .scroll[role], #wide .scroll[aria-label]").wait_for(state="detached")
    assert frame.evaluate("frame => frame.tabIndex") < 0


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_less_motion(visit, motion):
    page = visit(reduced_motion=motion)
    page.locator("#single-splits fieldset button").first.click()
    moves = motion != "reduce"
    assert (page.evaluate("document.getAnimations().length") > 0) == moves
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    at_once = page.evaluate("() => { location.hash = 'provenance'; return scrollY > 0; }")
    assert at_once != moves


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_wcag_is_broken(visit, scheme, width):
    page = visit(width, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.locator("#single-splits fieldset button").last.click()
    page.locator(".prose a[href='#wide']").hover()
    page.locator("#preview table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    assert found.response["violations"] == []


def test_nothing_to_try_without_script_or_on_paper(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("fieldset, #preview").count() == 0
    assert page.locator("#readings img").is_visible()
    page = visit()
    page.emulate_media(media="print")
    assert not page.locator("fieldset").first.is_visible()
    assert page.locator("#readings img").is_visible()
