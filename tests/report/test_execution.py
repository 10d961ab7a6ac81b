"""What a person at a terminal sees while chapters run, and in which order they do."""

import io
import re
from threading import Event
from types import SimpleNamespace

import pytest
from nbformat import v4

from emolib.report import ChapterError, execution
from emolib.report.execution import Task, run
from notebooks import write


@pytest.fixture
def tasks(tmp_path):
    """Three chapters, of which the last needs the second; nothing of them is run."""
    made = {}
    for name, needs in (("1_a", ()), ("2_b", ()), ("3_c", ("2_b",))):
        notebook = write(tmp_path / f"{name}.ipynb", (f"# {name}",), ("1", "code"))
        made[name] = Task(notebook, {}, needs, why="it has not run yet", expected=60.0)
    return made


def executed(*outputs):
    cell = v4.new_code_cell("1", outputs=list(outputs))
    return v4.new_notebook(cells=[cell])


@pytest.fixture
def fake(monkeypatch):
    """An execution that begins one cell and ends; a chapter in `faults` fails."""
    began, faults = [], set()

    def execute(notebook, parameters, timeout, cells, kernels):
        began.append(notebook.stem)
        cells.append(v4.new_code_cell("1"))
        said = v4.new_output("stream", name="stderr", text="noise\nemolib: 3 files are left out\n")
        if notebook.stem in faults:
            raise ChapterError("ValueError: no", executed(said))
        return executed(said)

    monkeypatch.setattr(execution, "execute", execute)
    return began, faults


def test_chapters_that_others_need_come_first(tasks, fake, monkeypatch, capsys):
    began, _ = fake
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    ended = []
    run(tasks, None, ended.append)
    assert began == ended == ["2_b", "1_a", "3_c"]
    assert all(task.node and not task.fault for task in tasks.values())
    said = capsys.readouterr().err
    assert "1_a … (it has not run yet)\n" in said and re.search(r"^1_a: \d+ s$", said, flags=re.M)
    assert said.count("emolib: 3 files are left out\n") == 3 and "noise" not in said
    assert "\r" not in said  # a log has no bar


def test_chapter_whose_needs_failed_is_not_run(tasks, fake, capsys):
    began, faults = fake
    faults.add("2_b")
    run(tasks, None, str)
    assert sorted(began) == ["1_a", "2_b"] and tasks["1_a"].fault is None
    assert tasks["2_b"].fault == "ValueError: no" and tasks["2_b"].node.cells
    assert tasks["3_c"].fault == "not run: it needs chapter 2_b, which did not reach its end"
    assert "2_b: ValueError: no\n" in capsys.readouterr().err


def test_terminal_of_80_columns_shows_chapters_and_time_left(tasks, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    monkeypatch.setattr(execution, "monotonic", lambda: 100.0)
    tasks["1_a"].begun = tasks["2_b"].begun = 60.0
    with execution._bar(3) as bar:
        bar.ncols, bar.dynamic_ncols = 80, None
        execution._show(bar, tasks)
        # 20 s are left of each that runs and 60 s of the other, on two cores
        assert "1_a, 2_b" in (line := str(bar)) and "0 of 3 chapters, about 01:00 left" in line
        assert len(line) <= 80
        tasks["1_a"].node = tasks["2_b"].node = executed()
        execution._show(bar, tasks)
        assert "2 of 3 chapters, about 01:00 left" in str(bar)
        execution.tell("a line")
    assert "a line\n" in terminal.getvalue()


def test_unknown_duration_is_judged_by_the_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "monotonic", lambda: 300.0)
    notebook = write(tmp_path / "1_a.ipynb", ("# A",), *[("1", "code")] * 9)
    task = Task(notebook, {}, ())
    assert task.left == execution.GUESS
    task.begun, task.cells = 100.0, ["cell"] * 5  # half of them in 200 s
    assert task.left == 200.0


def test_interrupt_ends_the_kernels_and_says_what_is_kept(tasks, monkeypatch):
    began, ended = Event(), Event()

    async def killed(number):
        ended.set()

    def execute(notebook, parameters, timeout, cells, kernels):
        began.set()
        kernels.append(SimpleNamespace(signal_kernel=killed))
        assert ended.wait(60)
        raise ChapterError("ended", executed())

    def interrupted(running, timeout, return_when):
        assert began.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(execution, "execute", execute)
    monkeypatch.setattr(execution, "wait", interrupted)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # the second chapter waits
    tasks.pop("3_c")
    with pytest.raises(KeyboardInterrupt, match="stopped: 0 of 2 chapters are done and kept"):
        run(tasks, None, str)


def test_stderr_and_traces_are_collected(tmp_path):
    error = v4.new_output("error", ename="E", evalue="v", traceback=["trace", "E: v"])
    told = v4.new_output("stream", name="stderr", text="a warning\n")
    shown = v4.new_output("stream", name="stdout", text="a result\n")
    picture = v4.new_output("display_data", data={"text/plain": "a picture"})
    task = Task(tmp_path, {}, (), node=executed(told, shown, picture, error))
    assert task.stderr == "a warning\ntrace\nE: v\n"
