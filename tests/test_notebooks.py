"""The chapters as they are committed: clean, parameterized, and without computation that belongs in
the library.
"""

import ast
import json
import re
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.display import Markdown
from matplotlib import pyplot

import emolib
from emolib import bench
from emolib.report import cards
from notebooks import PROVENANCE, make

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


def code(chapter):
    return [cell for cell in chapter.cells if cell.cell_type == "code"]


def test_the_chapters_are_there():
    numbered = " ".join(path.stem for path in CHAPTERS if path.stem[0].isdigit())
    assert numbered == (
        "1_preprocessing 2_pruning 3_fusion 4_results 5_luck 6_beyond 7_cost 8_scope"
    )


def test_a_chapter_has_a_title_a_question_literal_parameters_and_no_outputs(chapter):
    nbformat.validate(chapter)
    assert not any(cell.outputs or cell.execution_count for cell in code(chapter))
    title, question = chapter.cells[0].source.split("\n\n")[:2]
    assert title.startswith("# ") and question.rstrip("*").endswith("?")
    (tagged,) = [cell for cell in code(chapter) if "parameters" in cell.metadata.get("tags", [])]
    for statement in ast.parse(tagged.source).body:
        ast.literal_eval(statement.value)


def test_a_chapter_trains_through_the_library_alone(chapter):
    """No chapter computes on its own, or takes it for granted that the persons are known."""
    source = "\n".join(cell.source for cell in code(chapter))
    assert not re.search(r"^\s*(class|while)\b", source, flags=re.M)
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", source, flags=re.M))
    assert imported <= {"os", "numpy", "pandas", "torch", "IPython", "emolib"}
    assert "emolib.PROTOCOLS" not in source
    if "make_folds" in source or "_sweep(" in source:
        known = ("protocols = emolib.protocols(data)", 'make_folds(data, "random"')
        assert any(text in source for text in known)


def test_no_two_figures_tables_or_chapters_share_an_id():
    numbered = [path for path in CHAPTERS if path.stem[0].isdigit()]
    ids = [path.stem.lstrip("0123456789_") for path in numbered]
    for path in numbered:
        for cell in code(nbformat.read(path, as_version=4)):
            ids += re.findall(r'^(?:figure|table)\(\s*"([\w-]+)"', cell.source, flags=re.M)
    assert len(ids) > 30 and [id for id in ids if ids.count(id) > 1] == []


def part(data, rows):
    """Some rows of the data."""
    own = {name: getattr(data, name)[rows] for name in ("labels", "groups", "names")}
    features = {modality: values[rows] for modality, values in data.features.items()}
    return replace(data, features=features, descriptors={}, **own)


@pytest.fixture(scope="module")
def few(drawn):
    """98 of the drawn rows, 14 of each emotion."""
    chosen = part(drawn, np.concatenate([np.flatnonzero(drawn.labels == c)[:14] for c in range(7)]))
    return replace(chosen, groups=np.array([f"person {number % 7}" for number in range(98)]))


def executed(monkeypatch, path, data, tables=None):
    """What a chapter shows of some data with little training: texts, alt texts and captions; and
    what it publishes. ``tables`` gets the frame, caption and formats of each table by its id.
    """
    said, handed = [], {}

    def table(id, frame, caption, formats=None, **_):
        said.append(caption)
        if tables is not None:
            tables[id] = frame, caption, formats

    little = {"epochs": 1, "folds": 2, "widths": [6, 8], "angles": [0, 60]}
    show = {
        "figure": lambda id, picture, caption, **_: said.extend([picture.alt, caption]),
        "slider": lambda id, states, caption, **_: said.extend(
            [caption, *(state.alt for state in states.values())]
        ),
        "table": table,
        "publish": handed.__setitem__,
    }
    for name, recorder in show.items():
        monkeypatch.setattr(f"emolib.report.{name}", recorder)
    monkeypatch.setattr(emolib, "load", lambda *_, **__: data)
    names = {}
    for cell in code(nbformat.read(path, as_version=4)):
        *body, last = ast.parse(cell.source).body
        exec(compile(ast.Module(body, []), path.name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
            said += [value.data] if isinstance(value, Markdown) else []
        else:
            exec(compile(ast.Module([last], []), path.name, "exec"), names)
        names |= {key: value for key, value in little.items() if key in names}
    pyplot.close("all")
    return said, handed


def test_a_chapter_has_one_answer_that_is_computed_and_says_whether_faces_are_drawn(chapter):
    answers = [cell.source for cell in code(chapter) if "answer" in cell.metadata.get("tags", [])]
    if not chapter.cells[0].source.startswith("# Explore"):
        (answer,) = answers
        last = ast.parse(answer).body[-1].value
        assert last.func.id == "Markdown"
        assert any(isinstance(node, ast.FormattedValue) for node in ast.walk(last))
        with_data = any("emolib.load" in cell.source for cell in code(chapter))
        assert ("data.drawn" in answer) == with_data
        # nothing but the question stands between the title and the answer
        assert len(chapter.cells[0].source.split("\n\n")) == 2


def check_units(tables):
    """No fraction where percent is said, no pair that stands twice the other way round."""
    for id, (frame, caption, _) in tables.items():
        for name, column in frame.select_dtypes("float").items():
            probability = {"p", "P(same)", "P(better)"} & set(np.ravel(name))
            if re.search("percent|points", caption) and not probability:
                broken = column.dropna() % 1 != 0
                assert not broken.any() or column.abs().max() > 1, (id, name)
    if "between" in tables:
        pairs = [frozenset(name.split(" − ")) for name in tables["between"][0].index.levels[0]]
        assert len(set(pairs)) == len(pairs) >= 8


@pytest.mark.parametrize("place", range(4))
def test_a_chapter_runs_where_nobody_is_known_and_shows_no_person(monkeypatch, few, place):
    tables = {}
    said, _ = executed(monkeypatch, CHAPTERS[place], replace(few, groups=None), tables)
    check_units(tables)
    assert any("the data do not say who is who" in text for text in said)
    drawn = r"person-independent, |% intervals? by person|\d groups"
    assert not any(re.search(drawn, text) for text in said)


@pytest.mark.parametrize("place", [1, 2])
def test_a_chapter_runs_without_an_emotion(monkeypatch, few, place):
    said, _ = executed(monkeypatch, CHAPTERS[place], part(few, few.labels != 1))
    assert any("84 rows tested, none of Disgust: " in text for text in said)
    assert not any(re.search(r"\bnan\b", text) for text in said)


@pytest.mark.parametrize("invented", [True, False])
def test_the_last_chapter_takes_its_numbers_from_the_others(monkeypatch, few, tmp_path, invented):
    level = {"model": "CNN fusion", "protocol": "random", "recipe": "converged"}
    level |= {"measure": "recall", "emotion": "average", "ours": 0.222, "low": 0.2, "high": 0.24}
    given = {
        "claims": [
            {"kind": "results", "verdict": verdict}
            for verdict in ["reproduced"] * 3 + ["undecided"]
        ],
        "table3": [level],
        "steps_4_results": {"Table 3": {"shallow": 1000, "cnn fusion": 10}},
    }
    monkeypatch.chdir(tmp_path)
    Path(cards.PUBLISHED).write_text(json.dumps(given))
    said, handed = executed(monkeypatch, CHAPTERS[7], replace(few, drawn=invented))
    said = " ".join(said)
    measured = ("22 % [20, 24] under random folds" in said, "3 reproduced, 1 undecided" in said)
    assert measured == (not invented, not invented)  # nothing on drawn faces is a result
    flop = bench.recorded()["steps"]
    total = 1000 * flop["shallow"]["flop"] + 10 * flop["fusion"]["flop"]
    assert handed["compute"]["by_network"][-1]["FLOP"] == total
    assert "chapter 4_results: Table 3" in said


def test_choices_are_dated_as_the_history_has_them():
    source = "".join(cell.source for cell in code(nbformat.read(CHAPTERS[7], as_version=4)))
    dated = set(re.findall(r'\("([0-9a-f]{7})", "([\d-]{10} [\d:]{5})"\)', source))
    assert len(dated) >= 10
    git = ["git", "show", "-s", "--format=%ad", "--date=format:%Y-%m-%d %H:%M"]
    for commit, when in dated:
        done = subprocess.run([*git, commit], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            pytest.skip("the history is not here")
        assert done.stdout.strip() == when


def test_a_hostile_name_of_file_and_frames_is_text_in_the_first_chapter(drawn, tmp_path):
    evil = '<script>alert("1")<!--$x$ *b* _c_'
    names = [f"{modality}{number}" for modality in ("LPQ", "PHOG") for number in range(1, 6)]
    frame = pd.DataFrame(np.hstack(list(drawn.features.values())), columns=names)
    frame.insert(0, "label", drawn.labels + 1)
    frame.insert(0, "name", [f"{evil}{group}_000000001" for group in drawn.groups])
    file = tmp_path / f"{evil}.csv"
    frame.to_csv(file, index=False)
    source = emolib.load(file).source
    facts = PROVENANCE | {"data_source": source}
    own = {"source": str(file)}
    page = make(tmp_path, CHAPTERS[0], parameters=own, provenance=lambda: facts)
    assert evil in source and page.count("<script>") == 1  # the page's own
    assert unescape(page).count(evil) > 5 and not re.search(r"data:image/svg[^\"]*<script", page)
