"""Kernels come from one process, which is safe to fork, and know nothing of one another."""

import sys

import psutil
import pytest
from nbformat import NotebookNode

from emolib.report.execution import execute
from notebooks import write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are not forked here")
CELLS = (
    "import builtins, os, signal\nprint(os.getpid(), os.getppid())",
    "print(getattr(builtins, 'left', None), os.environ.get('EMOLIB_TEST'), os.getpgid(0))",
    "builtins.left = 'a trace'\nprint(signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)",
)


def said(notebook: NotebookNode) -> list[str]:
    """The words that the cells printed."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return " ".join(output.text for cell in code for output in cell.outputs).split()


@pytest.fixture
def twice(tmp_path, monkeypatch):
    """What one notebook prints in two kernels, of which the second has another environment."""
    notebook = write(tmp_path / "1_a.ipynb", ("# A",), *((cell, "code") for cell in CELLS))
    first = said(execute(notebook, {}))
    monkeypatch.setenv("EMOLIB_TEST", "changed")
    return first, said(execute(notebook, {}))


def test_kernels_share_a_server_and_nothing_else(twice):
    for number, _, left, _, group, signals in twice:
        assert (left, signals, group) == ("None", "True", number)
    (first, server, *_), (second, again, *_) = twice
    assert server == again and first != second
    assert [words[3] for words in twice] == ["None", "changed"]
    assert not any(map(psutil.pid_exists, (int(first), int(second))))


def test_server_has_one_thread_and_every_library_of_the_chapters(twice):
    server = psutil.Process(int(twice[0][1]))
    assert server.num_threads() == 1
    maps = " ".join(part.path for part in server.memory_maps())
    assert all(f"/{library}/" in maps for library in ("torch", "sklearn", "matplotlib", "numba"))


def test_server_that_was_killed_is_started_again(twice, tmp_path):
    server = psutil.Process(int(twice[0][1]))
    server.kill()
    psutil.wait_procs([server], timeout=60)
    assert said(execute(tmp_path / "1_a.ipynb", {}))[1] != str(server.pid)
