"""What the published report may not hold."""

from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from emolib.report import BuildError
from emolib.report.build import PICTURES, check_aggregates, write_pictures
from emolib.report.cards import csv


def test_aggregates_pass_and_rows_do_not(tiny):
    frame = pd.DataFrame(tiny.features["LPQ"], columns=list("abcde"))
    check_aggregates(quote(csv(frame.describe())), tiny)
    for text, fault in (
        (quote(csv(frame)), "holds features of a single row"),
        (quote(csv(frame.iloc[7:8, 1:3])), "holds features of a single row"),
        (f"<p>{quote(str(tiny.names[41]))}", "the name of a row or the title of a group"),
        ("<p>person&#32;3</p>", "the name of a row or the title of a group"),
    ):
        with pytest.raises(BuildError, match=fault) as error:
            check_aggregates(text, tiny)
        assert str(tiny.names[41]) not in str(error.value)
    unknown = replace(tiny, groups=None)
    check_aggregates("<p>person 3</p>", unknown)
    with pytest.raises(BuildError, match="the name of a row"):
        check_aggregates("<p>row 41</p>", unknown)


def test_pictures_of_the_readme_come_from_the_page(tmp_path):
    page = "".join(
        f'<figure id="{id}" class="card">\n<div class="picture"><img src="data:image/svg+xml;charset=utf-8,{quote(f"<svg>{id} &amp; co</svg>")}" alt="">'
        for id in PICTURES
    )
    (report := tmp_path / "sfew.html").write_text(page)
    write_pictures(report)
    for id in PICTURES:
        assert (tmp_path / f"{id}.svg").read_text() == f"<svg>{id} &amp; co</svg>\n"
    report.write_text(page.replace(PICTURES[1], "other"))
    with pytest.raises(BuildError, match=f"the README shows the figure {PICTURES[1]}"):
        write_pictures(report)


def test_titles_are_whole_words(tiny):
    people = replace(tiny, groups=np.array(["NA", "a.b", "7", "Ort"] * 15))
    check_aggregates("<p>NAN, banana, NA_2, xa.b, 7 of 70, Ortung</p>", people)
    for text in ("NA", "(NA)", "a.b,", "Ort-"):
        with pytest.raises(BuildError, match="or the title of a group"):
            check_aggregates(f"<p>{text}</p>", people)
