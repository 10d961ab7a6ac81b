"""What a person at a terminal sees while chapters run."""

import io
import json
import re

import pytest
from nbformat import v4

from emolib.report import schedule
from emolib.report.execution import Run
from emolib.report.schedule import Task


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_a_bar_for_each_chapter_that_runs(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    task = Task("2_pruning", v4.new_notebook(), why="it has not run yet")
    with schedule._shown(tmp_path) as screen:
        screen.start(task)
        screen.refresh()  # the chapter has said nothing yet
        for label, done in (
            ("training 40 networks", 0),
            ("training 40 networks", 25),
            ("testing", 5),
        ):
            (tmp_path / "2_pruning.json").write_text(
                json.dumps({"label": label, "done": done, "total": 50})
            )
            screen.refresh()
        assert screen.bars["2_pruning"].n == 5  # of what it does now
        screen.end(
            "2_pruning", Run(task.node, seconds=12.3, log="emolib: 3 files are left out\nnoise")
        )
        assert not screen.bars
    said = terminal.getvalue()
    assert "2_pruning … (it has not run yet)" in said and "2_pruning: 12 s\n" in said
    assert re.search(r"2_pruning: training 40 networks +50 % ", said) and re.search(
        r"2_pruning: testing +10 % ", said
    )
    assert "emolib: 3 files are left out\n" in said and "noise" not in said


def test_bars_are_closed_when_a_build_ends_early(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stderr", Terminal())
    with pytest.raises(KeyboardInterrupt), schedule._shown(tmp_path) as screen:
        screen.start(Task("1_data", v4.new_notebook()))
        raise KeyboardInterrupt
    assert screen.bars["1_data"].disable  # as tqdm leaves what is closed


def test_a_log_has_no_bars(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stderr", said := io.StringIO())
    with schedule._shown(tmp_path) as screen:
        screen.start(Task("1_data", v4.new_notebook()))
        screen.refresh()
        screen.end("1_data", Run(v4.new_notebook(), fault="ValueError: no"))
    assert said.getvalue() == "1_data …\n1_data: ValueError: no\n"
