"""The report: notebooks in, one HTML out, on notebooks of a few lines."""

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from mistune.util import striptags
from nbformat import v4

from emolib import report
from emolib.report import BuildError
from emolib.report.cards import CARD, RESULTS
from emolib.report.page import Prose, check_page, convert_chapter
from emolib.report.plan import check, declared, parse
from notebooks import PICTURE, PROVENANCE, Tags, make, write


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A folder in which two chapters were built."""
    folder = tmp_path_factory.mktemp("good")
    title = "# The data\n\nA mean $\\bar{x}$\n\n## Faces\n\n## Faces"
    first = write(
        folder / "1_data.ipynb",
        (title,),
        ('source = ""\nseeds = 1  # networks', "parameters"),
        (PICTURE, "code"),
        ("import sys\nprint(source, object())\nprint('a', 'warning', file=sys.stderr)", "code"),
    )
    code = 'from emolib.report import publish\npublish("scores", [{"ours": 0.5, "seeds": seeds}])'
    declared = ("seeds = 1\nwidths = [6]", "parameters")
    title = "# The scores\n\n## Faces"
    second = write(folder / "2_scores.ipynb", (title,), declared, (code, "code"))
    parameters = {"source": str(folder / "faces.csv"), "seeds": 2}
    make(folder, first, second, parameters=parameters, required=["fig-6a"])
    return folder


def test_page_holds_chapters_figures_and_provenance_and_nothing_of_the_run(good):
    page = (good / "reports/report.html").read_text(encoding="utf-8")
    assert "<h1>A paper, re-run</h1>" in page and "ten drawn faces" in page
    ids = [attributes["id"] for _, attributes in Tags(page).found if "id" in attributes]
    order = ("verdict", "reading", "provenance", "chapter-data", "fig-6a", "chapter-scores-faces")
    places = [ids.index(id) for id in order]
    assert places == sorted(places) and len(ids) == len(set(ids))
    assert [image["alt"] for image in Tags(page).named("img")] == ["a rising line"]
    assert "<b>Figure 6a.</b> A line" in page
    shown = ["set-up", "figure", "print", "set-up"]
    assert page.count('<details class="code">') == len(shown)
    assert page.count("<summary>Set-up code</summary>") == 2

    assert "faces.csv" in page and str(good) not in page  # the file's name alone
    assert "a warning" not in page and "In&nbsp;[" not in page and "object at 0x…" in page
    assert "a warning" in (good / "reports/build.log").read_text()

    for tag, attributes in Tags(page).found:  # the network is not asked
        assert not attributes.get("src", "data:").startswith("http"), tag
        assert tag == "a" or not (attributes.get("href") or "").startswith("http"), tag
    styles = page[page.index("<style>") : page.index("</style>")]
    assert "@import" not in page and "url(" not in styles and "default-src 'none'" in page


def test_each_chapter_gets_the_parameters_it_declares(good):
    results = json.loads((good / "reports/results.json").read_text())
    assert results == {"scores": [{"ours": 0.5, "seeds": 2}], "provenance": PROVENANCE}


def test_two_chapters_may_not_publish_one_name(tmp_path):
    # what `publish` does, without waiting for its imports in both kernels
    publish = (f'display({{"{RESULTS}": {{"scores": 1}}, "text/plain": ""}}, raw=True)', "code")
    one, two = (write(tmp_path / f"{k}_c{k}.ipynb", (f"# {k}",), publish) for k in (1, 2))
    with pytest.raises(BuildError, match="chapter 2_c2 publishes scores, as a cell before did"):
        make(tmp_path, one, two)


def test_a_chapter_reads_what_those_that_it_needs_have_published(tmp_path):
    publish = (f'display({{"{RESULTS}": {{"scores": 21}}, "text/plain": ""}}, raw=True)', "code")
    read = "from emolib.report import publish, published\npublish('own', published())"
    one = write(tmp_path / "1_one.ipynb", ("# One",), publish)
    two = write(tmp_path / "2_two.ipynb", ("# Two",), (read, "code"), needs=("1_one",))
    three = write(tmp_path / "3_three.ipynb", ("# Three",), (read.replace("own", "none"), "code"))
    make(tmp_path, one, two, three)
    results = json.loads((tmp_path / "reports/results.json").read_text())
    assert results == {"scores": 21, "own": {"scores": 21}, "none": {}, "provenance": PROVENANCE}


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<p id="a">', "no chapter shows b, c"),
        ('<p id="b"><p id="c"><p id="b">', "more than one b"),
        ('<p id="b"><p id="c"><a href="#a">', "a link leads to a, which is not on the page"),
    ],
)
def test_missing_and_double_ids_and_links_astray_are_refused(page, fault):
    check_page('<p id="a"></p><p title=\'id="a"\'>id="a"</p><a href="#a">', ["a"])
    with pytest.raises(BuildError, match=fault):
        check_page(page, ["b", "c"])


@pytest.fixture
def notebook(tmp_path):
    code = "seeds = 1  # networks\nrate = 0.1\nwidths = [6, 11]\nname = 'x'\nmerge = False"
    return write(tmp_path / "1_data.ipynb", (code, "parameters"))


def test_values_become_what_is_declared(notebook):
    defaults = {"seeds": 1, "rate": 0.1, "widths": [6, 11], "name": "x", "merge": False}
    assert declared(notebook) == defaults == check(defaults, [notebook])
    taken = check({"seeds": 3.0, "widths": [np.float32(3)]}, [notebook])
    assert taken == {"seeds": 3, "widths": [3]}
    assert type(taken["seeds"]) is type(taken["widths"][0]) is int


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({"seedz": 1}, "seedz: did you mean seeds"),
        ({"x": 1}, "x: did you mean merge or name or rate or seeds or widths"),
        ({"seeds": 1.5}, "seeds is 1.5; it must be a whole number of at least 1"),
        ({"widths": [6, [7]]}, r"widths is \[7\]; it must be a whole number"),
        ({"rate": "fast"}, "rate is 'fast'; it must be a number"),
        ({"widths": 6}, "widths is 6; it must be a list"),
        ({"name": 1}, "name is 1; it must be text"),
        ({"seeds": 0}, "seeds is 0; it must be .* at least 1 and at most 1000"),
        ({"widths": []}, r"widths is \[\]; it must be a list"),
        ({"merge": 1}, "merge is 1; it must be True or False"),
    ],
)
def test_values_of_another_type_are_refused(notebook, wrong, wanted):
    with pytest.raises(ValueError, match=f"parameter {wanted}"):
        check(wrong, [notebook])


def test_parse():
    read = {"seeds": 3, "widths": [6, 11], "name": "fast", "rate": 1e-3}
    assert parse("seeds=3 widths=[6, 11] name=fast rate=1e-3") == read and parse("  ") == {}
    for text, fault in (("seeds 3", "name=value"), ("seeds=3 seeds=4", "seeds is set twice")):
        with pytest.raises(ValueError, match=fault):
            parse(text)


def test_formulas_become_mathml():
    html = convert("# A title\n\n$a<b$ and $\\theta_{ij}$\n\n$$\\sum_i x_i$$")
    assert html.count("<math") == 3 and html.count('display="block"') == 1
    assert "$" not in html and "&lt;" in html


@pytest.mark.parametrize("formula", ["x_1_2", r"\arcos x"])
def test_formula_that_cannot_be_read_is_named(formula):
    with pytest.raises(BuildError) as error:
        convert(f"# A title\n\n${formula}$")
    assert str(error.value) == f"chapter 1_data: the formula {formula} cannot be read"


def test_headings_go_one_level_down_and_have_ids_of_their_own():
    prose = Prose("data")
    assert prose.heading("A <em>title</em>", 1).startswith('<h2 id="chapter-data">')
    ids = [prose.headings[-1][1] for _ in range(2) if prose.heading("Faces &amp; more", 2)]
    assert ids[0] == "chapter-data-faces-more" and len(set(ids)) == 2
    assert prose.headings[-1][2] == "Faces & more"


def test_chapter_needs_a_title():
    with pytest.raises(BuildError, match="chapter 1_data: there is no title"):
        convert("no heading")


def cell(source: str, *outputs, count: int | None = 1, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def card(id: str):
    metadata = {CARD: {"id": id, "number": id, "caption": "-"}}
    return v4.new_output("display_data", data={"text/html": "-"}, metadata=metadata)


def arranged(**metadata) -> str:
    """A chapter with an answer at its end, silent cells around it, and a cell with two cards."""
    said = v4.new_output("display_data", data={"text/markdown": "Yes, 3 of 4."})
    cells = [
        v4.new_markdown_cell("# Does it?"),
        v4.new_markdown_cell("An introduction"),
        cell("import numpy  # first"),
        cell("show = f'{one} b'", card("one"), card("two")),
        cell("publish(2)"),
        cell("said = 3", v4.new_output("stream", name="stdout", text="printed")),
        cell("answer = 4", said, tags=["answer"]),
        cell("never()", count=None),
    ]
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    return convert_chapter(
        notebook, "1_data", lambda id: f'<figure id="{id}"><!--code--></figure>'
    ).html


def test_the_answer_stands_right_below_the_title():
    page = arranged()
    title, below = page.split("</h2>")
    assert below.index('<div class="answer">') < below.index("Yes, 3 of 4.")
    assert below.index("Yes, 3 of 4.") < below.index("An introduction")
    assert not striptags(below[: below.index("Yes")]).strip() and page.count("Yes") == 1


def test_code_that_shows_nothing_is_in_one_fold_in_its_order():
    page = arranged()
    folds = re.findall(r'<details class="code"><summary>([\w-]+).*?<pre>(.*?)</pre>', page, re.S)
    assert [name for name, _ in folds] == ["Set-up", "Code", "Code", "Code"]
    setup, figure, printed, never = (striptags(code).strip() for _, code in folds)
    assert setup == "import numpy  # first\n\npublish(2)\n\nanswer = 4"
    assert (printed, never) == ("said = 3", "never()")
    # that of a card stands in the card, the first one of its cell
    assert unescape(figure) == "show = f'{one} b'"
    assert '<figure id="one"><details class="code">' in page
    assert '<figure id="two"></figure>' in page
    # what a reader was to see and did not is not silent
    assert page.index("Not run to its end.") > page.index("printed")


def test_only_code_that_has_a_colour_has_a_tag():
    page, styles = arranged(), Path(report.__file__).with_name("style.css").read_text()
    classes = set(re.findall(r'<span class="(\w+)">', page))
    assert classes == {"k", "s", "m", "c"} and "<span></span>" not in page
    assert all(f"\n.{name} {{ color" in styles for name in classes)
    assert '<span class="s">f&#39;{</span>one<span class="s">} b&#39;</span>' in page.replace(
        "'", "&#39;"
    )


def test_a_lesson_keeps_its_order_and_its_code_open():
    page = arranged(code="open")
    assert page.index("An introduction") < page.index("Yes, 3 of 4.")
    assert "<details" not in page and page.index("first") < page.index('id="one"')


def convert(markdown: str) -> str:
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(markdown)])
    return convert_chapter(notebook, "1_data", str).html
