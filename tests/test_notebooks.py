"""The chapters as they are committed: clean, parameterized, and without computation that belongs in
the library.
"""

import ast
import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import emolib
from emolib.report.build import build
from notebooks import PROVENANCE

CHAPTERS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


def code(chapter):
    return [cell for cell in chapter.cells if cell.cell_type == "code"]


def test_the_chapters_are_there():
    numbered = [path.stem for path in CHAPTERS if path.stem[0].isdigit()]
    assert numbered == [
        "1_preprocessing",
        "2_pruning",
        "3_fusion",
        "4_results",
        "5_luck",
        "6_beyond",
        "7_cost",
    ]


def test_a_chapter_is_valid_and_committed_without_outputs(chapter):
    nbformat.validate(chapter)
    assert not any(cell.outputs or cell.execution_count for cell in code(chapter))


def test_one_cell_is_tagged_parameters_and_holds_literals_only(chapter):
    tagged = [cell for cell in code(chapter) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for statement in ast.parse(tagged[0].source).body:
        ast.literal_eval(statement.value)


def test_a_chapter_begins_with_a_title_and_a_question(chapter):
    title, question = chapter.cells[0].source.split("\n\n")[:2]
    assert title.startswith("# ") and question.rstrip("*").endswith("?")


def test_a_chapter_trains_through_the_library_alone(chapter):
    imported = set()
    for cell in code(chapter):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
            assert not isinstance(node, ast.ClassDef | ast.While)
    assert imported <= {"os", "numpy", "pandas", "torch", "IPython", "emolib"}


def test_no_two_figures_tables_or_chapters_share_an_id():
    ids = [path.stem.lstrip("0123456789_") for path in CHAPTERS if path.stem[0].isdigit()]
    for path in CHAPTERS:
        if path.stem[0].isdigit():
            for cell in code(nbformat.read(path, as_version=4)):
                ids += re.findall(r'^(?:figure|table)\(\s*"([\w-]+)"', cell.source, flags=re.M)
    assert len(ids) > 30 and [id for id in ids if ids.count(id) > 1] == []


def test_a_hostile_name_of_file_and_frames_is_text_in_the_first_chapter(drawn, tmp_path):
    evil = '<script>alert("1")<!--$x$ *b* _c_'
    frame = pd.DataFrame(
        np.hstack(list(drawn.features.values())),
        columns=[f"{m}{k}" for m in ("LPQ", "PHOG") for k in range(1, 6)],
    )
    frame.insert(0, "label", drawn.labels + 1)
    frame.insert(0, "name", [f"{evil}{group}_000000001" for group in drawn.groups])
    file = tmp_path / f"{evil}.csv"
    frame.to_csv(file, index=False)
    source = emolib.load(file).source
    facts = PROVENANCE | {"data_source": source}
    report = build(
        [CHAPTERS[0]],
        {"source": str(file)},
        tmp_path / "reports",
        title="A paper",
        provenance=lambda: facts,
    )
    page = report.read_text(encoding="utf-8")
    assert evil in source and page.count("<script>") == 1  # the page's own
    assert unescape(page).count(evil) > 5 and not re.search(r"data:image/svg[^\"]*<script", page)
