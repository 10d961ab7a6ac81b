"""What a reader sees when a build goes wrong, and that the last good report is then as it was."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from emolib.report.build import build
from emolib.report.errors import BuildError, ChapterError
from notebooks import PROVENANCE, write

GOOD = ("print('a result')", "code")
AFTER = ("print('never')", "code")
FAULTS = {
    "a failing cell": (
        'raise ValueError("no such <b>column</b>\\nsecond line")',
        "ValueError: no such <b>column</b>",
    ),
    "a dead kernel": (
        "import os; os._exit(1)",
        "Kernel died: the process that ran the cells has ended",
    ),
    "a killed kernel": (
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "Kernel died: the process",
    ),
    "a timeout": (
        "import time; time.sleep(60)",
        "Timeout: a cell took longer than the 5 s that it has",
    ),
    "an early exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
}


def run(folder: Path, *notebooks: Path, **options) -> Path:
    options = {"title": "A paper", "provenance": lambda: dict(PROVENANCE), "timeout": 5} | options
    return build(notebooks, {}, folder / "reports", **options)


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


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.values(), ids=FAULTS)
def test_fault_gives_a_whole_page_and_keeps_the_last_good_one(tmp_path, chapters, fault, sentence):
    reports = tmp_path / "reports"
    good = run(tmp_path, *chapters("pass")).read_bytes()
    results = (reports / "results.json").read_bytes()
    with pytest.raises(ChapterError, match="^chapter 2_middle: ") as error:
        run(tmp_path, *chapters(fault))
    assert sentence in str(error.value) and "report.html is the last good one" in str(error.value)
    assert (reports / "report.html").read_bytes() == good and (
        reports / "results.json"
    ).read_bytes() == results

    page = (reports / "report.failed.html").read_text(encoding="utf-8")
    shown = sentence.replace("<", "&lt;").replace(">", "&gt;")
    assert "This report is not whole." in page and shown in page and "<b>column" not in page
    assert "it needs chapter 2_middle, which did not reach its end" in page
    assert page.count("Not run.") == 2 and page.count(">a result\n</pre>") == 2
    assert "<summary>Trace</summary>" in page
    assert sentence in (reports / "build.log").read_text(encoding="utf-8")

    run(tmp_path, *chapters("pass"))  # mended
    assert not (reports / "report.failed.html").exists()
    assert (reports / "report.html").read_bytes() == good


def test_first_build_that_fails_leaves_no_report(tmp_path, chapters):
    with pytest.raises(ChapterError) as error:
        run(tmp_path, *chapters("1 / 0"))
    assert "last good" not in str(error.value)
    assert (
        not (tmp_path / "reports/report.html").exists()
        and (tmp_path / "reports/report.failed.html").exists()
    )


def test_chapters_that_wait_for_one_another_are_named(tmp_path):
    one = write(tmp_path / "1_a.ipynb", ("# A",), GOOD, needs=("2_b",))
    two = write(tmp_path / "2_b.ipynb", ("# B",), GOOD, needs=("1_a",))
    with pytest.raises(BuildError, match="chapters 1_a, 2_b wait for one another"):
        run(tmp_path, one, two)
    three = write(tmp_path / "3_c.ipynb", ("# C",), GOOD, needs=("4_d",))
    with pytest.raises(BuildError, match="chapter 3_c needs 4_d, which is no chapter"):
        run(tmp_path, three)


@pytest.fixture
def command(tmp_path):
    """A build in a process of its own."""
    chapter = write(
        tmp_path / "1_data.ipynb",
        ("# Data",),
        (
            "import os, time\ntime.sleep(float(os.environ.get('NAP', 0)))\nprint(os.environ['MARK'])",
            "code",
        ),
    )
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import signal
        import sys
        from pathlib import Path
        from emolib.report.build import build
        from emolib.report.errors import BuildError
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
        try:
            build([Path({str(chapter)!r})], {{}}, Path(sys.argv[1]), title="A paper", provenance=lambda: {PROVENANCE!r},
                  stamp={{"mark": sys.argv[2]}})
        except (OSError, BuildError) as error:
            print(error)
            sys.exit(2)
    """)
    )

    def start(output: Path, mark: str, nap: float = 0, cache: str = "cache") -> subprocess.Popen:
        environment = os.environ | {
            "MARK": mark,
            "NAP": str(nap),
            "EMOLIB_CACHE": str(tmp_path / cache),
            "PYTHONFAULTHANDLER": "1",
        }
        return subprocess.Popen(
            [sys.executable, str(script), str(output), mark],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def test_second_build_in_a_folder_is_refused_while_the_first_goes_on(tmp_path, command):
    output = tmp_path / "reports"
    first = command(output, "first", nap=5)
    while not (output / "build.log").exists():
        time.sleep(0.05)
    second = command(output, "second", cache="other")
    said, _ = second.communicate()
    assert second.returncode == 2 and said.startswith(f"another build is writing to {output}")
    assert first.wait() == 0
    first.communicate()
    assert "first" in (output / "report.html").read_text(encoding="utf-8")


def test_two_builds_of_one_report_in_two_folders_do_not_mix(tmp_path, command):
    builds = {mark: command(tmp_path / mark, mark, cache=mark) for mark in ("one", "two")}
    for mark, process in builds.items():
        process.communicate()
        assert process.returncode == 0
        assert f">{mark}\n</pre>" in (tmp_path / mark / "report.html").read_text(encoding="utf-8")


def test_build_killed_at_any_moment_leaves_a_whole_report(tmp_path, command):
    output = tmp_path / "reports"
    command(output, "good").communicate()
    good = (output / "report.html").read_bytes()
    moments = random.Random(10)
    for number in range(10):
        process = command(output, "fresh", cache=f"cache-{number}")
        time.sleep(moments.uniform(0.1, 4.0))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        page = (output / "report.html").read_bytes()
        assert page == good or (page.rstrip().endswith(b"</html>") and b">fresh\n</pre>" in page)
    process = command(output, "last", cache="last")
    process.communicate()
    assert process.returncode == 0 and ">last\n</pre>" in (output / "report.html").read_text(
        encoding="utf-8"
    )
    assert not list(output.glob("*.tmp"))


def test_disk_that_is_full_is_told_and_leaves_the_last_good_report(tmp_path, command):
    output = tmp_path / "reports"
    output.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(output)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        command(output, "good").communicate()
        good = (output / "report.html").read_bytes()
        with (
            (output / "ballast").open("wb", buffering=0) as ballast,
            pytest.raises(OSError, match="No space"),
        ):
            while True:
                ballast.write(bytes(4096))
        process = command(output, "fresh", cache="other")
        said, _ = process.communicate()
        assert process.returncode == 2 and "No space left on device" in said
        assert (output / "report.html").read_bytes() == good
        (output / "ballast").unlink()
        process = command(output, "fresh", cache="other")
        process.communicate()
        assert (
            process.returncode == 0 and b">fresh\n</pre>" in (output / "report.html").read_bytes()
        )
    finally:
        subprocess.run(["umount", str(output)], check=True)


@pytest.mark.parametrize("moment", [0, 2], ids=["before the kernel is ready", "in a cell"])
def test_interrupt_ends_the_kernels_and_leaves_the_last_good_report(tmp_path, command, moment):
    output = tmp_path / "reports"
    command(output, "good").communicate()
    good = (output / "report.html").read_bytes()
    process = command(output, "fresh", nap=60, cache="other")
    while not (kernels := psutil.Process(process.pid).children()):
        time.sleep(0.1)
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # and where does it hang?
        pytest.fail(process.communicate()[1])
    assert process.returncode != 0 and "KeyboardInterrupt" in said and "AssertionError" not in said
    assert (output / "report.html").read_bytes() == good
    assert psutil.wait_procs(kernels, timeout=10)[1] == []
