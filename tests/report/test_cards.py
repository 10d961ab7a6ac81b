"""The HTML that a notebook shows, which is the HTML of the report."""

import re
from base64 import b64decode
from html import unescape
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mistune.util import striptags
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from PIL import Image

from emolib.figures.style import MODALITY, dark, heat_map
from emolib.report import cards
from emolib.report.cards import csv, number, svg
from emolib.report.page import Card, Prose, numbers
from notebooks import Tags

EVIL = '"><script>alert(1)</script>'
ORIGIN = {"Data": "ten faces", "Commit": "abc, clean tree", "Versions": "Python 3"}


@pytest.fixture
def shown(monkeypatch):
    """The cards, and the published results, that were displayed."""
    found = []

    def display(bundle, raw, metadata=None):
        if metadata is None:
            found.append(bundle[cards.RESULTS])
        else:
            found.append(Card(**metadata[cards.CARD], html=bundle["text/html"]))

    monkeypatch.setattr(cards, "display", display)
    return found


def picture(alt: str = "a rising line", data: object = 1, label: str = "") -> SimpleNamespace:
    figure = plt.figure(figsize=(2, 1))
    figure.subplots().set_title(label)
    return SimpleNamespace(figure=figure, alt=alt, data=pd.DataFrame({"y": [data]}), narrow=None)


def test_figure_is_the_same_twice_and_closed(shown):
    for _ in range(2):
        cards.figure("fig-1", picture(), "A line")
    assert shown[0] == shown[1] and not plt.get_fignums()


@pytest.mark.parametrize("id", ["Fig 1", "", "1a", "verdict", "chapter-data"])
def test_id_must_be_one_and_not_the_page_s_own(id):
    with pytest.raises(ValueError, match=f"the id '{id}'"):
        cards.table(id, pd.DataFrame({"a": [1]}), "A table")


def test_words_and_numbers_must_be_there(shown):
    frame, empty = pd.DataFrame({"a": [1]}), picture()
    empty.data = empty.data[:0]
    for show, thing, caption, lack in (
        (cards.figure, picture(alt=" "), "A line", "alt text"),
        (cards.figure, empty, "A line", "data behind it"),
        (cards.table, frame[:0], "A table", "data behind it"),
        (cards.table, pd.DataFrame(index=[1]), "A table", "data behind it"),
        (cards.table, frame, " ", "caption"),
    ):
        with pytest.raises(ValueError, match=f"{show.__name__} fig-1 has no {lack}"):
            show("fig-1", thing, caption)
    plt.close("all")


def test_notebook_and_report_show_the_same_but_for_number_and_origin(shown):
    cards.figure("by-hand", picture(), "A line")
    in_notebook, in_report = shown[0].html, shown[0].finished("Figure S3", ORIGIN)
    assert "Figure\N{NO-BREAK SPACE}by-hand.</b> A line" in in_notebook
    assert "Figure S3.</b> A line" in in_report and in_report.count("Figure S3") == 2
    left = in_report.replace("Figure S3", shown[0].number)
    begin, end = left.index('<dl class="origin">'), left.index("</dl>")
    assert left[:begin] + '<dl class="origin">' + left[end:] == in_notebook


def test_card_holds_picture_once_data_and_origin(shown):
    cards.figure("fig-6a", picture(), "A line")
    page = shown[0].finished("Figure 6a", ORIGIN)
    tags = Tags(page)
    (image,) = tags.named("img")
    assert page.count("data:image/svg+xml") == 1 and image["alt"] == "a rising line"
    data, drawing = tags.named("a")
    texts = [unquote(uri).split(",", 1)[1] for uri in (image["src"], data["href"])]
    assert texts[0].startswith("<svg ") and texts[1] == "y\n1\n"
    assert (data["download"], drawing["download"]) == ("fig-6a.csv", "fig-6a.svg")
    assert "hidden" in drawing and drawing["data-picture"] == "0"
    assert all(value in page for value in ORIGIN.values())


def test_text_is_escaped(shown):
    cards.figure("fig-1", picture(EVIL, EVIL, EVIL), EVIL)
    cards.slider("steps", {1: picture(EVIL, EVIL, EVIL)}, EVIL, label=EVIL, unit=EVIL)
    cards.table("table-1", pd.DataFrame({EVIL: [EVIL]}, index=pd.Index([EVIL], name=EVIL)), EVIL)
    for card in shown:
        page = card.finished("Figure 1", ORIGIN | {"Data": EVIL})
        assert not Tags(page).named("script") and "<script" not in page
    assert Tags(shown[0].html).named("img")[0]["alt"] == EVIL


def test_slider_has_a_label_and_all_states(shown):
    states = {0: picture("none"), 30: picture("some")}
    cards.slider("by-angle", states, "Pruned", label="minimal angle", unit="°")
    tags = Tags(shown[0].html)
    assert [image["alt"] for image in tags.named("img")] == ["none", "some"]
    [control] = tags.named("input")
    found = {"type": "range", "max": "1", "aria-valuetext": "0°"}
    assert found.items() <= control.items()
    assert tags.named("label")[0]["for"] == control["id"]
    assert unquote(tags.named("a")[0]["href"]).split(",", 1)[1] == "y,minimal angle\n1,0\n1,30\n"
    with pytest.raises(ValueError, match="slider by-angle has no state"):
        cards.slider("by-angle", {}, "Pruned", label="minimal angle")


def claim(verdict, *parts):
    words = {"random": verdict, "person-independent": verdict, "verdict": verdict}
    texts = {"topic": "Levels", "place": "Table 3", "claim": "It reaches 31 %", "paper": "31 %"}
    parts = [
        dict(zip(PART, part, strict=True)) | {"part": "", "ours": "", "note": ""} for part in parts
    ]
    return texts | words | {"note": "", "parts": parts, "evidence": [], "decides": "", "shown": "x"}


PART = ("verdict", "counted", "figure", "reference", "measured")


def measured(estimate, low, high):
    return [{"protocol": "random", "estimate": estimate, "low": low, "high": high}]


def marks(page):
    """Numbers of the marks of each strip, by class."""
    strips = re.findall(r'<svg class="strip" role.*?</svg>', page, re.DOTALL)
    return [
        {
            kind: [float(x) for x in re.findall(r' x\d="([\d.]+)%"', line)]
            for line, kind in re.findall(r'(<line class="([\w-]+)".*?>)', strip)
        }
        for strip in strips
    ]


def test_marks_of_claims_share_an_axis(shown):
    lost = ("not reproduced", True, 0.31, 1 / 7, measured(0.21, 0.11, 0.26))
    beside = ("reproduced", False, 0.31, 1 / 7, measured(0.30, 0.29, 0.31))
    gain = ("undecided", True, np.nan, 0.0, measured(-0.0004, -0.02, 0.03))
    unknown = ("undecided", True, np.nan, 0.0, measured(np.nan, -0.02, 0.03))
    frame = pd.DataFrame([claim("not reproduced", beside, lost), claim("undecided", gain, unknown)])
    cards.claim_list("claims", frame, "Claims")
    assert not any("marks" in part for parts in frame["parts"] for part in parts)  # published
    page = shown[0].html
    first, other, again, apart, _ = marks(page)

    # the summary shows the part that decides, on the axis of both: 0.11 to 0.31 of its length
    def at(value):
        return pytest.approx(3 + 94 * (value - 0.11) / 0.2, abs=0.051)

    assert first == again and first["random"] == [at(0.11), at(0.26)]
    assert first["printed"] == [97, 97] and first["reference"] == [at(1 / 7)] * 2
    assert other["random"] == [at(0.29), at(0.31)]
    # a difference is on an axis of its own; a mark without a number is left out
    assert (
        apart["random"] == [3, 97]
        and apart["reference"] == [pytest.approx(3 + 94 * 0.4, abs=0.051)] * 2
    )
    assert "+0.0 [-2.0, +3.0]" in page and "– [-2.0, +3.0]" in page
    assert page.count('class="word not-reproduced"') == 2 and "(beside it)" in page
    assert '<b>1</b> <span><i aria-hidden="true">✕</i> not reproduced' in page


def test_table_headers_have_their_scope(shown):
    columns = pd.MultiIndex.from_product([["paper", "ours"], ["Fear", "Sad"]])
    names = ["protocol", "model"]
    index = pd.MultiIndex.from_product([["random", "grouped"], ["LPQ", "PHOG"]], names=names)
    cards.table("table-3", pd.DataFrame(np.zeros((4, 4)), index=index, columns=columns), "Recall")
    tags = Tags(shown[0].html)
    heads = tags.named("th")
    spans = [(head["scope"], head.get("colspan") or head.get("rowspan")) for head in heads]
    assert spans.count(("colgroup", "2")) == 2 and spans.count(("rowgroup", "2")) == 2
    assert spans.count(("col", None)) == 6 and spans.count(("row", None)) == 4
    (frame,) = [own for own in tags.named("div") if own.get("class") == "scroll"]
    # only a script knows which frames scroll: those take the focus and this name
    assert frame == {"class": "scroll", "data-label": "Table 3"}


def test_a_folded_table_shows_its_caption_and_opens_to_the_rest(shown):
    for folded in (False, True):
        cards.table("rules", pd.DataFrame({"a": [1]}), "How it is", folded=folded)
    apart, folded = (card.finished("Table S1", ORIGIN) for card in shown)
    assert "<figcaption>" in apart and 'class="folded"' not in apart
    summary, inside = folded.split("</summary>", 1)
    assert '<details class="folded">' in summary and "Table S1.</b> How it is" in summary
    assert "<table" in inside and "rules.csv" in inside and "<figcaption>" not in folded
    assert folded.count("</details>") == 2 and folded.endswith("</figure>")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-0.0004, "{:.3f}", "0.000"),
        (-0.04, "{:+.1f}", "0.0"),
        (0.04, "{:+.1f}", "0.0"),
        (-0.0, None, "0.00"),
        (-0.001, "{:.0%}", "0%"),
        (-0.06, "{:+.1f}", "-0.1"),
        (-np.inf, "{:.1f}", "-inf"),
        (-1e-9, "{:.0e}", "-1e-09"),
        (-10, "{:.0f}", "-10"),
    ],
)
def test_a_number_that_shows_as_zero_has_no_sign(value, form, text):
    cells = cards.grid(pd.DataFrame({"a": [value]}), form)["rows"][0]["cells"]
    assert cells == [(text, True)]


def test_table_values(shown):
    values = {"n": [3, 4], "share": [0.125, np.nan], "mean": [1.005, 2], "who": ["a", None]}
    cards.table("claims", pd.DataFrame(values), "Claims", {"share": "{:.1%}"})
    page = shown[0].html
    assert all(text in page for text in (">3<", ">12.5%<", ">1.00<", ">2.00<", ">a<"))
    assert page.count(">–<") == 2


def test_published_numbers_are_strict_json(shown):
    results = {"a": np.float32("nan"), "b": (np.int64(1), float("inf")), "c": np.array([0.5])}
    cards.publish("x", [results | {"d": None}])
    assert shown[0] == {"x": [{"a": None, "b": [1, None], "c": [0.5], "d": None}]}
    with pytest.raises(TypeError, match="not DataFrame"):
        cards.publish("x", pd.DataFrame())


def test_numbers_are_the_paper_s_or_run_on():
    called = {"fig-6a": "Figure 6a", "losses": "Figure S1", "table-3": "Table 3"}
    called |= {"claims": "Table S1", "by-angle": "Figure S2", "leak": "Table S2"}
    shown = [Card(id, number(name.split()[0], id), "", "") for id, name in called.items()]
    assert numbers(shown) == called


def test_csv_keeps_names_and_drops_row_numbers():
    frame = pd.DataFrame({"a": [1 / 3]})
    assert csv(frame) == "a\n0.333333\n"
    assert csv(frame.rename_axis("row")) == "row,a\n0,0.333333\n"


def test_svg_keeps_text_and_references_and_is_the_same_twice():
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot([0, 1 / 3, 1], [0.123456, 1, 0], marker="o")
    axes.set_title("0.123456 of <b> & co")
    drawn = svg(figure)
    assert ">0.123456 of &lt;b&gt; &amp; co</text>" in drawn
    wanted = set(re.findall(r"(?:url\(#|href='#)(\w+)", drawn))
    assert wanted and wanted <= set(re.findall(r" id='(\w+)'", drawn))
    assert svg(figure) == drawn


def coloured(css: str) -> dict[str, dict[str, str]]:
    """Fill and stroke of each class in a part of a style sheet."""
    found: dict[str, dict[str, str]] = {}
    for names, rules in re.findall(r"([\w.,]+)\{([^{}]*)\}", css):
        for name in names.split(","):
            found.setdefault(name, {}).update(re.findall(r"(fill|stroke):(#\w{6})", rules))
    return found


def test_svg_has_a_dark_side_for_each_colour_but_those_of_a_heat_map():
    figure = Figure(figsize=(4, 3), facecolor="white")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MODALITY["LPQ"], marker="o", markeredgecolor="white")
    mesh = heat_map(axes, np.array([[0.0, 1], [2, 3]]), ["a", "b"], "{:.0f}")
    drawn = svg(figure)
    light, night = drawn[drawn.index("<style>") :].split("@media(prefers-color-scheme:dark)")
    (light, night), kept = map(coloured, (light, night[: night.index("</style>")])), set()
    for name, colours in light.items():
        if night.get(name, {}) != {part: dark(colour) for part, colour in colours.items()}:
            assert name not in night
            kept |= set(colours.values())
    assert night["svg"] == {"fill": dark("#000000")} and MODALITY["LPQ"] not in kept
    assert kept == {to_hex(cell) for cell in mesh.get_facecolor()} | {"#ffffff", "#262626"}
    assert dark("#ffffff") == "#1e2226" in (Path(cards.__file__).parent / "style.css").read_text()


def test_a_straight_path_is_written_from_point_to_point():
    figure = Figure(figsize=(1, 1))
    zigzag = np.array([[0.1, 0.1], [0.5, 0.9], [0.9, 0.123], [np.nan, np.nan], [0.2, 0.3], [1, 1]])
    figure.add_artist(Line2D(*zigzag.T))
    (path,) = re.findall(r"<path d='(m[^'z]*)'", svg(figure))
    steps = np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2)
    expected = zigzag[[0, 1, 2, 4, 5]] * (72, -72) + (0, 72)
    np.testing.assert_allclose(np.cumsum(steps, axis=0), expected, atol=0.051)
    assert re.findall("[ml]", path) == list("mllml")


def test_faces_are_small_and_marks_stay_clear():
    x, y = np.mgrid[0:1:200j, 0:1:200j]
    face, clear = np.sin(40 * x * y) / 2 + 0.5, np.zeros((40, 40, 4))
    clear[10:20, 10:20] = (0.2, 0.4, 0.6, 1)
    pictures = []
    for pixels in (face, clear):
        figure = Figure(figsize=(1, 1), dpi=200)
        figure.add_axes((0, 0, 1, 1), frame_on=False).imshow(pixels, cmap="gray")
        (found,) = re.findall("data:image/webp;base64,([^']*)", svg(figure))
        pictures.append(Image.open(BytesIO(b64decode(found))).convert("RGBA"))
        # an eighth of the pixels' bytes
        assert len(found) < pictures[-1].width * pictures[-1].height * 4 / 8
    grey, marks = (np.asarray(picture).astype(int) for picture in pictures)
    assert np.ptp(grey[..., :3], axis=2).max() <= 8 and (grey[..., 3] == 255).all()
    assert marks[..., 3].min() == 0 and np.abs(marks[125, 75] - (51, 102, 153, 255)).max() <= 8


def test_a_phone_gets_a_drawing_of_its_own_where_there_is_one(shown):
    broad, fixed = picture(), picture()
    broad.narrow = fixed.narrow = lambda: SimpleNamespace(figure=plt.figure(figsize=(1, 2)))
    fixed.figure.set_size_inches(1, 1)
    cards.figure("fig-1", broad, "A line")
    cards.figure("fig-2", fixed, "A line")
    (source,) = Tags(shown[0].html).named("source")
    assert (source["width"], source["height"]) == ("96", "192") and "40rem" in source["media"]
    assert " " not in source["srcset"] and not source["srcset"].endswith(",")
    assert "width='72pt' height='144pt'" in unquote(source["srcset"])
    assert not Tags(shown[1].html).named("source") and not plt.get_fignums()


@pytest.mark.parametrize(
    "text", [EVIL, "a_b*c*", "$x_1_2$", "[a](b) ![c](http://d)", "`e` \\f #g ~h~ – ü", "<b>&amp;"]
)
def test_plain_text_stands_in_markdown_as_it_is(text):
    page = MarkdownWithMath(Prose("data")).render(f"**{cards.plain(text)}**")
    assert [tag for tag, _ in Tags(page).found] == ["p", "strong"]
    assert unescape(striptags(page)).strip() == text


def test_text_without_a_letter_stands_like_a_number():
    texts = {
        "interval": ["16.9 [13–21]", "–"],
        "rank": ["7 / 13", "19 (2)"],
        "tries": ["over 9", "1"],
    }
    assert cards.grid(pd.DataFrame(texts))["numeric"] == [True, True, False]
