"""The chapters as they are committed: clean, parameterized, and without computation that belongs in the library."""

import ast
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


def code(chapter):
    return [cell for cell in chapter.cells if cell.cell_type == "code"]


def test_the_four_chapters_are_there():
    assert [path.stem for path in CHAPTERS][:4] == ["1_preprocessing", "2_pruning", "3_fusion", "4_results"]


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
