"""What the published report may not hold, and the list of reports."""

from urllib.parse import quote

import pytest

from emolib.report.errors import BuildError
from emolib.report.index import index
from emolib.report.publication import PICTURES, check_aggregates, pictures
from emolib.report.tables import csv


def test_aggregates_pass_and_rows_do_not(tiny):
    import pandas as pd

    frame = pd.DataFrame(tiny.features["LPQ"], columns=list("abcde"))
    check_aggregates(quote(csv(frame.describe())), tiny)
    with pytest.raises(BuildError, match="holds features of a single row"):
        check_aggregates(quote(csv(frame)), tiny)
    with pytest.raises(BuildError, match="holds features of a single row"):
        check_aggregates(quote(csv(frame.iloc[7:8, 1:3])), tiny)
    with pytest.raises(BuildError, match="the name of a row") as error:
        check_aggregates(f"<p>{quote(str(tiny.names[41]))}", tiny)
    assert str(tiny.names[41]) not in str(error.value)
    with pytest.raises(BuildError, match="the title of a group"):
        check_aggregates("<p>person&#32;3</p>", tiny)


def test_pictures_of_the_readme_come_from_the_page():
    page = "".join(
        f'<figure id="{id}" class="card">\n<div class="picture"><img src="data:image/svg+xml;charset=utf-8,{quote(f"<svg>{id} &amp; co</svg>")}" alt="">'
        for id in PICTURES
    )
    assert pictures(page) == {id: f"<svg>{id} &amp; co</svg>\n" for id in PICTURES}
    with pytest.raises(BuildError, match=f"the README shows the figure {PICTURES[1]}"):
        pictures(page.replace(PICTURES[1], "other"))


def test_index_lists_reports_and_walkthroughs_by_their_titles(tmp_path):
    (tmp_path / "report.html").write_text(
        '<title>A &lt;b&gt; paper</title><meta name="description" content="Computed from faces">'
    )
    (tmp_path / "report.failed.html").write_text("<title>A paper</title>")
    (tmp_path / "walkthroughs").mkdir()
    (tmp_path / "walkthroughs/1 angles.html").write_text(
        "<p>no title<svg><title>not this</title></svg>"[:3]
    )
    (tmp_path / "index.html").write_text("an earlier list")
    page = index(tmp_path)
    assert '<a href="report.html">A &lt;b&gt; paper</a><br>Computed from faces' in page
    assert '<a href="walkthroughs/1%20angles.html">walkthroughs/1 angles.html</a>' in page
    assert (
        page.index("Not whole") < page.index("report.failed.html") and "an earlier list" not in page
    )
