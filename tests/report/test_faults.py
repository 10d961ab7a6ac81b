"""What a reader sees when a build goes wrong, and that the last good report is then as it was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from emolib.report import BuildError, ChapterError
from emolib.report.execution import execute
from notebooks import PROVENANCE, make, write

GOOD = ("print('a result')", "code")
AFTER = ("print('never')", "code")
FAULTS = {
    'raise ValueError("no such <b>column</b>\\nsecond line")': "ValueError: no such <b>column</b>",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "Kernel died: the process",
    "import sys; sys.exit(0)": "it stopped before its last cell",
}


@pytest.fixture
def chapters(tmp_path):
    """Three chapters, the last of which needs the second; `chapters(fault)` puts a fault into the
    second.
    """

    def make(fault: str) -> list[Path]:
        return [
            write(tmp_path / "1_data.ipynb", ("# Data",), GOOD),
            write(tmp_path / "2_middle.ipynb", ("# Middle",), GOOD, (fault, "code"), AFTER),
            write(tmp_path / "3_last.ipynb", ("# Last",), AFTER, needs=("2_middle",)),
        ]

    return make


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.items())
def test_fault_gives_a_whole_page_and_keeps_the_last_good_one(tmp_path, chapters, fault, sentence):
    reports = tmp_path / "reports"
    if "no such" in fault:  # once: the first build of all fails
        with pytest.raises(ChapterError, match=r"how far it came\)$"):
            make(tmp_path, *chapters(fault))
        assert not (reports / "report.html").exists()
    make(tmp_path, *chapters("pass"))
    good = (reports / "report.html").read_bytes()
    results = (reports / "results.json").read_bytes()
    with pytest.raises(ChapterError, match="^chapter 2_middle: ") as error:
        make(tmp_path, *chapters(fault))
    assert sentence in str(error.value) and "report.html is the last good one" in str(error.value)
    assert (reports / "report.html").read_bytes() == good
    assert (reports / "results.json").read_bytes() == results

    page = (reports / "report.failed.html").read_text(encoding="utf-8")
    shown = sentence.replace("<", "&lt;").replace(">", "&gt;")
    assert "This report is not whole." in page and shown in page and "<b>column" not in page
    assert "it needs chapter 2_middle, which did not reach its end" in page
    assert page.count(">a result\n</pre>") == 2
    assert page.count("Not run to its end.") in (2, 3)
    assert sentence in (reports / "build.log").read_text(encoding="utf-8")

    make(tmp_path, *chapters("pass"))  # mended
    assert not (reports / "report.failed.html").exists()
    assert (reports / "report.html").read_bytes() == good


def test_cell_that_takes_too_long_is_named(tmp_path):
    waits = ("import threading; threading.Event().wait()", "code")
    notebook = write(tmp_path / "1_data.ipynb", ("# Data",), waits, AFTER)
    with pytest.raises(ChapterError, match="^CellTimeoutError: .* after 1 seconds") as error:
        execute(notebook, {}, timeout=1)
    _, never = (cell for cell in error.value.notebook.cells if cell.cell_type == "code")
    assert never.execution_count is None


def test_chapters_that_wait_for_one_another_are_named(tmp_path):
    one = write(tmp_path / "1_a.ipynb", ("# A",), GOOD, needs=("2_b",))
    two = write(tmp_path / "2_b.ipynb", ("# B",), GOOD, needs=("1_a",))
    with pytest.raises(BuildError, match="chapters 1_a, 2_b wait for one another"):
        make(tmp_path, one, two)
    three = write(tmp_path / "3_c.ipynb", ("# C",), GOOD, needs=("4_d",))
    with pytest.raises(BuildError, match="a chapter needs 4_d, which is no chapter"):
        make(tmp_path, three)


def until(condition, process: subprocess.Popen):
    """What a condition gives as soon as it holds; fails where the process has ended before."""
    while not (found := condition()):
        if process.poll() is not None:
            pytest.fail(f"the build has ended: {process.communicate()}")
        time.sleep(0.02)
    return found


CELL = """
import os, time
from pathlib import Path
Path(os.environ["BEGUN"]).touch()
while os.environ["GATE"] and not Path(os.environ["GATE"]).exists():
    time.sleep(0.05)
print(os.environ["MARK"])
"""
SCRIPT = f"""
import signal, sys
from pathlib import Path
from emolib.report import BuildError
from emolib.report.build import build
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
folder, mark = Path(sys.argv[1]), sys.argv[2]
try:
    build([folder / "1_data.ipynb"], {{}}, folder / "reports", title="A paper",
          provenance=lambda: {PROVENANCE!r}, stamp={{"mark": mark}})
except (OSError, BuildError) as error:
    print(error)
    sys.exit(2)
"""


@pytest.fixture
def start(tmp_path):
    """A build in a process of its own, with a cache of its own; its cell touches a file,
    waits for `gate` if told to, and prints the mark.
    """
    write(tmp_path / "1_data.ipynb", ("# Data",), (CELL, "code"))
    started = []

    def start(mark: str, gate: object = "") -> subprocess.Popen:
        own = {"MARK": mark, "BEGUN": str(tmp_path / f"begun {mark}"), "GATE": str(gate)}
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path), mark],
            env=os.environ | own | {"EMOLIB_CACHE": str(tmp_path / f"cache {mark}")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def finish(start, tmp_path):
    """Such a build to its end: its exit code, what it said, and the report that then stands."""

    def finish(mark: str) -> tuple[int, str, bytes]:
        process = start(mark)
        said, _ = process.communicate()
        return process.returncode, said, (tmp_path / "reports/report.html").read_bytes()

    return finish


def test_second_build_in_a_folder_is_refused_while_the_first_goes_on(tmp_path, start):
    first = start("first", gate=tmp_path / "gate")
    until((tmp_path / "begun first").exists, first)
    second = start("second")
    said, _ = second.communicate()
    assert second.returncode == 2
    assert said.startswith(f"{tmp_path / 'reports'} is in use by another build")
    (tmp_path / "gate").touch()
    first.communicate()
    assert first.returncode == 0 and b"first" in (tmp_path / "reports/report.html").read_bytes()


def test_build_killed_at_any_moment_leaves_a_whole_report_and_no_kernel(tmp_path, start, finish):
    *_, good = finish("good")
    report = tmp_path / "reports/report.html"
    moments = {
        "at once": lambda process: process,
        "kernel": lambda process: psutil.Process(process.pid).children(),
        "cell": lambda process: (tmp_path / "begun cell").exists(),
        "kept": lambda process: list((tmp_path / "cache kept").glob("chapters/**/output.pkl")),
        "page": lambda process: report.read_bytes() != good,
    }
    for mark, moment in moments.items():
        process = start(mark)
        until(lambda: moment(process), process)
        below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert psutil.wait_procs(below, timeout=60)[1] == []
        page = report.read_bytes()
        fresh = page.rstrip().endswith(b"</html>") and f">{mark}\n</pre>".encode() in page
        assert page == good or fresh
    code, _, page = finish("last")
    assert code == 0 and b">last\n</pre>" in page and not list(report.parent.glob(".*.tmp"))


def test_disk_that_is_full_is_named_and_leaves_the_last_good_report(tmp_path, finish):
    (output := tmp_path / "reports").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(output)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        *_, good = finish("good")
        with (
            (output / "ballast").open("wb", buffering=0) as ballast,
            pytest.raises(OSError, match="No space"),
        ):
            while True:
                ballast.write(bytes(4096))
        code, said, page = finish("fresh")
        assert code == 2 and page == good
        assert "No space left on device" in said or "disk is full" in said
        (output / "ballast").unlink()
        code, _, page = finish("fresh")
        assert code == 0 and b">fresh\n</pre>" in page
    finally:
        subprocess.run(["umount", str(output)], check=True)


@pytest.mark.parametrize("moment", ["kernel", "cell"])
def test_interrupt_ends_the_kernels_and_leaves_the_last_good_report(
    tmp_path, start, finish, moment
):
    *_, good = finish("good")
    process = start("fresh", gate=tmp_path / "never")
    kernels = psutil.Process(process.pid).children
    until(kernels if moment == "kernel" else (tmp_path / "begun fresh").exists, process)
    kernels = kernels(recursive=True)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode != 0 and "KeyboardInterrupt: stopped: 0 of 1 chapters" in said
    assert (tmp_path / "reports/report.html").read_bytes() == good
    assert psutil.wait_procs(kernels, timeout=60)[1] == []
