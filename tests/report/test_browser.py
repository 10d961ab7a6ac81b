"""The report as a browser shows it: without the network, for every reader, with and without script.

Needs Chromium; where there is none these tests skip.
"""

from contextlib import ExitStack

import pytest
from browser import browser as chromium

from notebooks import PROVENANCE, make, write

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
CHROMIUM = chromium()
if CHROMIUM is None:
    pytest.skip("there is no Chromium here", allow_module_level=True)

EVIL = '"><script>document.title = "caught"</script><img src=x onerror=alert(1)>\'$a$ *b* [c](javascript:d)'
CELL = f"""
import matplotlib.pyplot as plt, pandas as pd
from types import SimpleNamespace
from IPython.display import Markdown
from emolib.report import figure, plain, publish, slider, table
evil = {EVIL!r}

def drawn(label):
    shape = plt.figure(figsize=(4, 2))
    shape.subplots().bar([evil.replace("$", "") + label], [1])
    return SimpleNamespace(figure=shape, alt="a bar " + label, data=pd.DataFrame({{evil: [label]}}))

figure("fig-1", drawn("one"), "A bar, " + evil)
table("table-1", pd.DataFrame({{evil: [1.5], "b": ["c"]}}, index=pd.Index([evil], name=evil)), "A table, " + evil)
table("claims", pd.DataFrame({{"claim": [evil], "verdict": ["reproduced"]}}), "Claims")
slider("by-angle", {{angle: drawn(str(angle)) for angle in (0, 30, 60)}}, "Pruned", label="minimal angle", unit="°")
publish("claims", [{{"claim": evil, "kind": "results", "verdict": word}} for word in ("reproduced", "undecided")])
Markdown("The class **" + plain(evil) + "** and " + evil.replace("$", ""))
"""
OPEN = "document.querySelectorAll('details').forEach(part => part.open = true)"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    prose = "see [](#by-angle) and [Table 1](#table-1).\n\n$$\\frac{1}{N}\\sum_i x_i$$"
    title = f"# Data\n\n*A question?*\n\n## Formulas\n\nA mean $\\bar{{x}}$, {prose}"
    one = write(folder / "1_data.ipynb", (title,), (CELL, "code"), ("print('plain text')", "code"))
    title = "# More\n\n## Formulas\n\n1. one\n2. two"
    two = write(folder / "2_more.ipynb", (title,), ("1 + 1", "code"))
    facts = PROVENANCE | {"banner": "Drawn " + EVIL, "data_source": "rows of " + EVIL}
    make(folder, one, two, title="A paper " + EVIL, provenance=lambda: facts)
    return folder / "reports/report.html"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser, report):
    """Opens the report; options are those of a browser context."""
    with ExitStack() as contexts:

        def open_page(**options):
            options = {"viewport": {"width": 1280, "height": 900}} | options
            page = contexts.enter_context(browser.new_context(**options)).new_page()
            page.seen = []
            page.on("request", lambda request: page.seen.append(request.url))
            page.on("console", lambda message: page.seen.append(message.text))
            page.on("dialog", lambda dialog: page.seen.append(dialog.message))
            page.goto(report.as_uri())
            page.wait_for_load_state("load")
            return page

        yield open_page


def test_nothing_beyond_the_file_is_asked_for_and_nothing_goes_wrong(visit, report):
    page = visit()
    page.mouse.wheel(0, 100_000)
    page.wait_for_function("scrollY > 0")
    assert [seen for seen in page.seen if not seen.startswith("data:")] == [report.as_uri()]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_wcag_is_broken(visit, scheme, width):
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(OPEN)
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    assert found.response["violations"] == []


def test_keyboard_reaches_everything(visit):
    page = visit()
    page.evaluate(OPEN)
    reachable = "a[href], button, summary, input, [tabindex='0']"
    wanted = page.evaluate(
        f'[...document.querySelectorAll("{reachable}")].filter(e => e.checkVisibility())'
        ".map((e, k) => (e.dataset.number = k))"
    )
    reached = []
    for _ in range(3 * len(wanted)):
        page.keyboard.press("Tab")
        number = page.evaluate("document.activeElement.dataset.number")
        if number is not None and int(number) not in reached:
            reached.append(int(number))
    assert len(wanted) > 20 and sorted(reached) == wanted


def shown(page):
    images = "[...document.querySelectorAll('#by-angle img')].filter(e => e.checkVisibility())"
    return page.evaluate(f"{images}.map(e => e.alt)")


def test_slider_moves_the_picture_and_paper_shows_all(visit):
    page = visit()
    assert shown(page) == ["a bar 0"]
    slider = page.get_by_label("Minimal angle")
    slider.press("ArrowRight")
    assert shown(page) == ["a bar 30"] and page.locator("#by-angle output").inner_text() == "30°"
    assert slider.get_attribute("aria-valuetext") == "30°"
    slider.press("End")
    assert shown(page) == ["a bar 60"]
    page.emulate_media(media="print")
    assert len(shown(page)) == 3
    page.emulate_media(media="screen")
    assert len(shown(page)) == 1


def test_without_script_all_is_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("#by-angle img").count() == 3
    assert all(page.locator("#by-angle img").nth(k).is_visible() for k in range(3))
    assert not any(page.locator(id).is_visible() for id in (".control", "#code-switch"))
    assert page.locator("math").count() == 2
    assert page.locator(".prose a[href='#by-angle']").inner_text() == "Figure S1"


def test_pictures_and_data_can_be_saved(visit):
    page = visit()
    page.locator("#fig-1 summary").click()
    for name, begin in (("fig-1.csv", '"""><script>'), ("fig-1.svg", "<svg ")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename == name
        assert download.value.path().read_text(encoding="utf-8").startswith(begin)


def test_navigation_marks_the_place(visit):
    page = visit()
    page.locator("#chapter-more").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('chapter-more').scrollIntoView()")
    # smooth scrolling takes its time; the mark follows
    marked = "#contents [aria-current]:is([href^='#chapter-more'], [href='#provenance'])"
    page.wait_for_selector(marked)
    assert page.locator("#contents [aria-current]").count() == 1


def test_hostile_names_are_text(visit):
    page = visit()
    assert page.title() == "A paper " + EVIL
    assert page.evaluate("document.scripts.length") == 1
    assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0
    for place in ("#fig-1 figcaption", "#table-1", "#claims", "h1", ".banner", ".subtitle"):
        assert "<script>document.title" in page.locator(place).first.inner_text(), place
    assert page.locator(".output_markdown").inner_text().startswith(f"The class {EVIL} and ")
    text = "document.querySelector('#fig-1 img').src.split(',').slice(1).join(',')"
    parsed = f"new DOMParser().parseFromString(decodeURIComponent({text}), 'image/svg+xml')"
    drawn = page.evaluate(f"{parsed}.documentElement.textContent")
    assert "<script>" in drawn
    assert page.locator("a[href^=javascript]").count() == 0
