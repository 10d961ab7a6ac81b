"""Equal inputs give equal bytes, whatever the machine, the user and the load."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4

import emolib
from emolib.report.page import convert_chapter, tidy
from notebooks import PICTURE, PROVENANCE, write

PACKAGE = Path(emolib.__file__).parent
# What a cell may see of the user's settings.
CURIOUS = """
import locale, os, shutil, time
from tqdm.auto import tqdm
for _ in tqdm(range(3)):
    pass
print({"a", "b", "c", "d", "e"}, time.tzname, locale.getlocale(), shutil.get_terminal_size())
print(f"{1234.5:n}", open.__module__, locale.getpreferredencoding(), os.getcwd() == os.sep)
"""
SCRIPT = """
import sys
from pathlib import Path
from emolib.report.build import build
build(sorted(Path(sys.argv[1]).glob("*.ipynb")), {}, Path(sys.argv[2]), title="A paper", provenance=lambda: %r)
"""


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Builds two chapters in a process of its own; returns the page, the results and the words."""
    notebooks = tmp_path_factory.mktemp("notebooks")
    write(notebooks / "1_a.ipynb", ("# A",), (CURIOUS, "code"), (PICTURE, "code"))
    write(notebooks / "2_b.ipynb", ("# B",), ("print('b')", "code"), needs=("1_a",))

    def run(folder: Path, **variables: str) -> tuple[bytes, bytes, str]:
        own = {"EMOLIB_CACHE": str(folder / "cache"), "PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT % PROVENANCE, str(notebooks), str(folder / "reports")],
            env=os.environ | own | variables,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        reports = folder / "reports"
        page, results = (reports / name for name in ("report.html", "results.json"))
        return page.read_bytes(), results.read_bytes(), done.stderr

    return run


@pytest.fixture(scope="module")
def plain(make, tmp_path_factory):
    return make(tmp_path_factory.mktemp("plain"))


SETTINGS = {
    "hash seed, zone, terminal": "PYTHONHASHSEED=7 TZ=Asia/Tokyo COLUMNS=40 MPLBACKEND=pdf",
    "locale C": "LC_ALL=C LANG=C PYTHONUTF8=0",
    "German, one core": "LC_ALL=de_DE.UTF-8 LANGUAGE=de LOKY_MAX_CPU_COUNT=1",
    "another checkout": "PYTHONPATH=other",
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_user_change_no_byte(make, plain, tmp_path, settings):
    shutil.copytree(PACKAGE, tmp_path / "other" / "emolib")
    variables = dict(setting.split("=") for setting in settings.split())
    assert make(tmp_path, **variables)[:2] == plain[:2]


def test_without_home_and_cache_a_report_is_built(make, plain, tmp_path):
    page, results, said = make(tmp_path, HOME="/nonexistent", EMOLIB_CACHE="/proc/nowhere")
    assert (page, results) == plain[:2]
    assert said.count("no cache") == 1 and "EMOLIB_CACHE" in said
    assert not any(word in said for word in ("Matplotlib", "IPython", "MPLCONFIGDIR", "Traceback"))
    # what has run is kept beside the report
    assert "nothing to do" in make(tmp_path, HOME="/nonexistent", EMOLIB_CACHE="/proc/nowhere")[2]


def stream(text: str, name: str = "stdout"):
    return v4.new_output("stream", name=name, text=text)


CUT = [stream("one\ntwo 0x7f00"), stream("1234abcd\n")]
BETWEEN = [stream("one\n"), stream("a warning\n", "stderr"), stream("two 0x7f001234abcd\n")]


@pytest.mark.parametrize("pieces", [CUT, BETWEEN], ids=["cut in the midst", "stderr between"])
def test_pieces_of_one_text_are_joined(pieces):
    def html(outputs, metadata):
        cell = v4.new_code_cell("print()", outputs=outputs, execution_count=1)
        notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# A"), cell], metadata=metadata)
        tidy(notebook, "1_a", {}, {})
        return convert_chapter(notebook, "1_a", str).html

    whole = html([stream("one\ntwo 0x7f001234abcd\n")], {"language_info": {"name": "python"}})
    assert html(pieces, {}) == whole and "hl-ipython3" in whole and "two 0x…\n" in whole
