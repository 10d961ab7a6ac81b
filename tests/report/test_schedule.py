"""What a person at a terminal sees while chapters run, and in which order they do."""

import io
import re
from pathlib import Path

import pytest
from nbformat import v4

from emolib.report import ChapterError, schedule
from emolib.report.schedule import Run, Task, run
from notebooks import write


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def tasks(tmp_path):
    """Three chapters, of which the last needs the second; nothing of them is run."""
    made = {}
    for name, needs in (("1_a", ()), ("2_b", ()), ("3_c", ("2_b",))):
        notebook = write(tmp_path / f"{name}.ipynb", (f"# {name}",), ("1", "code"))
        made[name] = Task(notebook, {}, needs, "it has not run yet", 60.0, cells=2)
    return made


def executed(*outputs):
    cell = v4.new_code_cell("1", outputs=list(outputs))
    return v4.new_notebook(cells=[cell])


@pytest.fixture
def fake(monkeypatch):
    """An execution that begins one cell and ends; a chapter in `faults` fails."""
    began, faults = [], set()

    def execute(notebook: Path, parameters, *, timeout, cell_begins, started):
        began.append(notebook.stem)
        cell_begins()
        said = v4.new_output("stream", name="stderr", text="noise\nemolib: 3 files are left out\n")
        if notebook.stem in faults:
            raise ChapterError("ValueError: no", executed(said))
        return executed(said)

    monkeypatch.setattr(schedule, "execute", execute)
    return began, faults


def test_chapter_waits_for_those_that_it_needs(tasks, fake, monkeypatch, capsys):
    began, _ = fake
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    ended = []
    runs = run(dict(reversed(tasks.items())), None, lambda name, result: ended.append(name))
    assert began == ended == ["2_b", "1_a", "3_c"] or began == ["2_b", "3_c", "1_a"]
    assert runs.keys() == tasks.keys() and not any(result.fault for result in runs.values())
    said = capsys.readouterr().err
    assert "1_a … (it has not run yet)\n" in said and re.search(r"^1_a: \d+ s$", said, flags=re.M)
    assert said.count("emolib: 3 files are left out\n") == 3 and "noise" not in said


def test_chapter_whose_needs_failed_is_not_run(tasks, fake, capsys):
    began, faults = fake
    faults.add("2_b")
    runs = run(tasks, None, lambda name, result: None)
    assert sorted(began) == ["1_a", "2_b"] and runs["1_a"].fault is None
    assert runs["2_b"].fault == "ValueError: no"
    assert runs["3_c"].fault == "not run: it needs chapter 2_b, which did not reach its end"
    assert "2_b: ValueError: no\n" in capsys.readouterr().err


def test_terminal_of_80_columns_shows_chapters_and_time_left(tasks, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    monkeypatch.setattr(schedule, "monotonic", lambda: 100.0)
    tasks["1_a"].begun = tasks["2_b"].begun = 60.0
    with schedule._bar(3) as bar:
        bar.ncols, bar.dynamic_ncols = 80, None
        schedule._show(bar, tasks, {}, ["1_a", "2_b"])
        # 20 s are left of each that runs and 60 s of the other, on two cores
        assert "1_a, 2_b" in (line := str(bar)) and "0 of 3 chapters, about 01:00 left" in line
        assert len(line) <= 80
        schedule._show(bar, tasks, {"1_a": None, "2_b": None}, ["3_c"])
        assert "2 of 3 chapters, about 01:00 left" in str(bar)
        schedule._tell("a line")
    assert "\ra line\n" in terminal.getvalue() or "a line\n" in terminal.getvalue()


def test_unknown_duration_is_judged_by_the_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "monotonic", lambda: 300.0)
    task = Task(tmp_path, {}, (), "", None, cells=10)
    assert task.left == schedule.GUESS
    task.begun, task.reached = 100.0, 5  # half of it in 200 s
    assert task.left == 200.0


def test_log_has_no_bar(tasks, fake, capsys):
    run(tasks, None, lambda name, result: None)
    assert "\r" not in capsys.readouterr().err


def test_run_collects_stderr_and_traces():
    error = v4.new_output("error", ename="E", evalue="v", traceback=["trace", "E: v"])
    told = v4.new_output("stream", name="stderr", text="a warning\n")
    shown = v4.new_output("stream", name="stdout", text="a result\n")
    assert Run(executed(told, shown, error), "E: v", 1.0).stderr == "a warning\ntrace\nE: v\n"
