"""What a person at a terminal sees while chapters run, and in which order they do."""

import io
import re

import pytest
from nbformat import v4

from emolib.report import ChapterError, execution
from emolib.report.cards import RESULTS
from emolib.report.execution import run, stderr
from emolib.report.plan import Task
from notebooks import write


@pytest.fixture
def tasks(tmp_path):
    """Three chapters, of which the last needs the second."""
    made = {}
    for name, needs in (("1_a", ()), ("2_b", ()), ("3_c", ("2_b",))):
        notebook = write(tmp_path / f"{name}.ipynb", (f"# {name}",), ("1", "code"))
        made[name] = Task(notebook, {}, list(needs), {"own": name}, "it is new")
    return made


@pytest.fixture
def fake(monkeypatch):
    """An execution that begins one cell and ends; a chapter in `faults` fails."""
    began, faults = [], set()

    def execute(notebook, parameters, timeout, begin, given):
        began.append((notebook.stem, given))
        begin(cell=None, cell_index=0)
        said = v4.new_output("stream", name="stderr", text="noise\nemolib: 3 files are left out\n")
        shown = v4.new_output("display_data", {RESULTS: {f"scores of {notebook.stem}": 1}})
        node = v4.new_notebook(cells=[v4.new_code_cell("1", outputs=[said, shown])])
        if notebook.stem in faults:
            trace = v4.new_output("error", ename="E", evalue="v", traceback=["trace", "E: v"])
            node.cells[0].outputs.append(trace)
            raise ChapterError("ValueError: no", node)
        return node

    monkeypatch.setattr(execution, "execute", execute)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    return began, faults


def test_chapters_run_once_each_after_those_that_it_needs(tasks, fake, tmp_path, capsys):
    began, _ = fake
    run(tasks, tmp_path)
    assert began == [("1_a", {}), ("2_b", {}), ("3_c", {"scores of 2_b": 1})]
    assert not any(task.fault for task in tasks.values())
    said = capsys.readouterr().err
    assert "1_a … (it is new)\n" in said and re.search(r"^1_a: \d+ s$", said, flags=re.M)
    assert said.count("emolib: 3 files are left out\n") == 3 and "noise" not in said
    assert "\r" not in said  # a log has no bar
    run(tasks, tmp_path)  # kept under their keys
    assert len(began) == 3 and "…" not in capsys.readouterr().err


def test_chapter_whose_needs_failed_is_not_run(tasks, fake, tmp_path, capsys):
    began, faults = fake
    faults.add("2_b")
    run(tasks, tmp_path)
    assert [name for name, _ in began] == ["1_a", "2_b"] and not tasks["1_a"].fault
    assert tasks["2_b"].fault == "ValueError: no"
    assert stderr(tasks["2_b"].node).endswith("trace\nE: v\n")
    assert tasks["3_c"].fault == "not run: it needs chapter 2_b, which did not reach its end"
    assert "2_b: ValueError: no\n" in capsys.readouterr().err


def test_terminal_of_80_columns_shows_chapters_and_time_left(tasks, fake, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    run(tasks, tmp_path)
    lines = re.split(r"[\r\n]+", terminal.getvalue())
    assert max(map(len, lines)) <= 80
    assert any(re.match(r"\d of 3 chapters done.* about \S+ left", line) for line in lines)
