"""The report as a browser shows it: without the network, for every reader, with and without script.

Needs Chromium; where there is none these tests skip.
"""

from contextlib import ExitStack

import pytest

from notebooks import PROVENANCE, make, write

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

EVIL = '"><script>document.title = "caught"</script><img src=x onerror=alert(1)>\'$a$ *b* [c](javascript:d)'
CELL = f"""
import matplotlib.pyplot as plt, pandas as pd
from types import SimpleNamespace
from IPython.display import Markdown
from emolib.report import claim_list, figure, plain, publish, slider, table
evil = {EVIL!r}

def drawn(label):
    shape = plt.figure(figsize=(4, 2))
    shape.subplots().bar([evil.replace("$", "") + label], [1])
    return SimpleNamespace(figure=shape, alt="a bar " + label, data=pd.DataFrame({{evil: [label]}}), narrow=None)

figure("fig-1", drawn("one"), "A bar, " + evil)
table("table-1", pd.DataFrame({{evil: [1.5], "b": ["c"]}}, index=pd.Index([evil], name=evil)), "A table, " + evil)

def claimed(topic, words, estimate):
    own = dict(zip(("verdict", "random", "person-independent"), words))
    measured = [{{"protocol": p, "estimate": estimate, "low": 0.1, "high": 0.3}} for p in list(own)[1:]]
    part = {{"part": evil, "ours": evil, "note": evil, "counted": True, "figure": 0.31, "reference": 0.14, "measured": measured}} | own
    texts = dict.fromkeys(("place", "claim", "paper", "note", "decides"), evil)
    return texts | own | {{"topic": topic, "parts": [part], "evidence": [], "shown": "fig-1"}}

frame = pd.DataFrame([
    claimed("Levels", ("not reproduced", "reproduced", "not reproduced"), 0.2),
    claimed("Levels", ("undecided", "undecided", "reproduced"), float("nan")),
    claimed(evil, ("contradicted by the paper's own table",) * 3, 0.2),
])
claim_list("claims", frame, "Claims, " + evil)
slider("by-angle", {{angle: drawn(str(angle)) for angle in (0, 30, 60)}}, "Pruned", label="minimal angle", unit="°")
publish("claims", frame[["claim", "verdict"]].to_dict("records"))
publish("answer", {{"headline": "It does not come back: 21 % " + evil, "kicker": "3 faces " + evil, "scale": "Guessing gives 14 %."}})
publish("sentences", ["Leakage " + evil])
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
    reachable = ":is(a[href], button, summary, input, [tabindex='0']):not(#contents ol ol a)"
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
    assert (
        page.locator(".control:visible, #code-switch:visible, button:enabled:visible").count() == 0
    )
    assert page.locator("math").count() == 2
    assert page.locator(".prose a[href='#by-angle']").inner_text() == "Figure S1"


def test_pictures_and_data_can_be_saved(visit):
    page = visit()
    page.locator("#fig-1 summary").first.click()
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
    marked = "#contents [aria-current]:is([href^='#chapter-more'])"
    page.wait_for_selector(marked)
    assert page.locator("#contents [aria-current]").count() == 1


def words(page):
    return page.evaluate(
        "[...document.querySelectorAll('.claim summary')].filter(e => e.checkVisibility())"
        ".map(e => e.querySelector('.word').innerText.trim().slice(2))"
    )


def test_verdicts_are_filtered_and_judged_by_keyboard(visit):
    page = visit()
    assert words(page) == ["not reproduced", "undecided", "contradicted"]
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.bar button')"):
            break
    assert page.evaluate("document.activeElement.dataset.word") == "undecided"
    page.keyboard.press("Enter")
    assert (
        words(page) == ["undecided"]
        and page.locator(".claims output").inner_text() == "1 of 3 claims"
    )
    assert page.locator(".bar [aria-pressed=true]").count() == 1
    assert page.locator(".claims section:visible").count() == 1
    page.keyboard.press("Enter")
    assert len(words(page)) == 3
    page.get_by_label("Judge by").select_option("random")
    assert words(page) == ["reproduced", "undecided", "contradicted"]
    page.get_by_label("Judge by").select_option("new people")
    assert words(page) == ["not reproduced", "reproduced", "contradicted"]
    counts = page.locator(".bar button:visible").all_inner_texts()
    assert [count.split()[0] for count in counts] == ["1", "1", "1"]
    chips = page.evaluate("[...document.querySelectorAll('.chips i')].map(e => e.className)")
    assert chips == ["not-reproduced", "reproduced", "contradicted"]


def test_answer_stands_above_all_and_rows_open(visit):
    page = visit(java_script_enabled=False)
    assert (
        page.locator("h1").inner_text().startswith("It does not come back: 21\N{NO-BREAK SPACE}% ")
    )
    assert page.locator(".sentence").inner_text() == "Leakage " + EVIL
    assert page.locator(".claim summary:visible").count() == 3
    row = page.locator(".claim").first
    assert not row.locator("table").is_visible()
    row.locator("summary").click()
    assert row.locator("td.number").all_inner_texts() == ["20.0 [10.0, 30.0]"] * 2
    assert row.locator("a").get_attribute("href") == "#fig-1"


def test_links_open_the_folds_they_lead_to(visit):
    page = visit()
    page.locator("#contents a[href='#provenance']").click()
    assert page.locator(".provenance").is_visible()


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
