"""A build does what has changed and nothing else, and says why."""

import os

import pytest

from emolib.report import execution
from emolib.report.plan import changes, files_digest, plan
from notebooks import make, write

KEY = {"its code": "c", "emolib/a.py": "1", "chapter 1_a": "n", "seeds": "1"}


def test_key_holds_the_code_that_runs_and_leaves_prose_out(tmp_path, monkeypatch):
    package = tmp_path / "emolib"
    for name in ("models.py", "figures/style.py", "report/page.py", "report/cards.py", "a/new.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1")
    monkeypatch.setattr("emolib.report.plan.PACKAGE", package)
    (folder := tmp_path / "notebooks").mkdir()
    notebook = write(folder / "1_a.ipynb", ("# A",), ("seeds = 1", "parameters"), ("1", "code"))
    key = plan([notebook], {"seeds": 1})["1_a"].key
    for edit in ("models.py", "figures/style.py", "a/new.py", "report/cards.py"):
        (package / edit).write_text("2")
        before, key = key, plan([notebook], {"seeds": 1})["1_a"].key
        assert changes(before, key) == f"emolib/{edit} changed"
    (package / "report/page.py").write_text("2")
    write(notebook, ("# B",), ("seeds = 1", "parameters"), ("1", "code"))
    assert plan([notebook], {"seeds": 1})["1_a"].key == key
    write(notebook, ("# B",), ("seeds = 1", "parameters"), ("1  # edited", "code"))
    assert changes(key, plan([notebook], {"seeds": 1})["1_a"].key) == "its code changed"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (KEY | {"the data": "x"}, "the data changed"),
        (KEY | {"seeds": "3", "chapter 1_a": "x"}, "chapter 1_a, seeds changed"),
        (dict.fromkeys("abc", "x"), "a, b and 5 more changed"),
        ({name: KEY[name] for name in list(KEY)[:3]}, "seeds changed"),
    ],
)
def test_each_part_that_changed_is_told(new, said):
    assert changes(KEY, new) == said
    assert changes(KEY, KEY) == "its outputs are no longer kept"
    assert changes(None, KEY) == "it has not run yet"


def test_data_are_known_by_their_bytes(tmp_path):
    (folder := tmp_path / "a").mkdir()
    for name in ("a.csv", "a/a.csv", "a/b.csv"):
        (tmp_path / name).write_text("x")
    one, other, whole = (files_digest(tmp_path / name) for name in ("a.csv", "a/b.csv", "a"))
    assert one == other != whole
    (folder / "b.csv").rename(folder / "c.csv")
    renamed = files_digest(folder)
    (folder / "c.csv").write_text("y")
    assert len({whole, renamed, files_digest(folder)}) == 3


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Three chapters, the last of which needs the second."""
    monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path / "cache"))
    code = ("seeds = 1", "parameters")
    return [
        write(tmp_path / "1_a.ipynb", ("# A",), code, ("print('a', seeds)", "code")),
        write(tmp_path / "2_b.ipynb", ("# B",), ("print('b')", "code")),
        write(tmp_path / "3_c.ipynb", ("# C",), ("print('c')", "code"), needs=("2_b",)),
    ]


def test_build_runs_what_changed_and_says_why(tmp_path, chapters, capsys):
    def run(**options) -> tuple[str, str]:
        page = make(tmp_path, *chapters, **options)
        return capsys.readouterr().err, page

    first, page = run()
    assert first.count("it has not run yet") == 3
    log = (tmp_path / "reports/build.log").read_text()
    assert "1_a: " in log and " s, it has not run yet" in log
    said, again = run(provenance=None)  # the data are not loaded
    assert "emolib: nothing to do: " in said and said.count("\n") == 2 and again == page

    # whatever was touched is made again, without a run
    (tmp_path / "reports/report.html").write_text("half a pa")
    (tmp_path / "reports/results.json").unlink()
    said, again = run()
    assert again == page and "…" not in said and (tmp_path / "reports/results.json").exists()

    said, page = run(stamp={"commit": "two"})
    assert "…" not in said and "two" in page

    write(chapters[1], ("# B",), ("print('b, edited')", "code"))
    said, page = run()
    assert said.splitlines()[1] == "2_b … (its code changed)" and "b, edited" in page
    assert "3_c … (chapter 2_b changed)" in said and "1_a" not in said

    write(chapters[1], ("# B, better put",), ("print('b, edited')", "code"))
    said, page = run()
    assert "…" not in said and "nothing to do" not in said and "B, better put" in page

    said, page = run(parameters={"seeds": 3})
    assert "1_a … (seeds changed)" in said
    assert "2_b" not in said and "a 3" in page
    said, page = run()  # back to what was run before
    assert "…" not in said and "a 1" in page


def test_damaged_outputs_are_made_again_and_the_newest_kept(
    tmp_path, chapters, capsys, monkeypatch
):
    page = make(tmp_path, *chapters)
    kept = sorted((tmp_path / "cache/chapters").rglob("output.pkl"))
    kept[0].write_bytes(kept[0].read_bytes()[:-2])
    content = bytearray(kept[1].read_bytes())
    content[len(content) // 2] ^= 1
    kept[1].write_bytes(content)
    kept[2].unlink()
    (tmp_path / "reports/report.html").unlink()
    monkeypatch.setattr(execution, "KEPT", 2)
    assert make(tmp_path, *chapters) == page
    said = capsys.readouterr().err
    assert said.count("its outputs are no longer kept") == 1
    assert said.count("a damaged entry of the cache is computed again") == 1
    assert len(list(tmp_path.glob("cache/chapters/**/output.pkl"))) == 2


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core runs one chapter")
def test_independent_chapters_run_at_the_same_time(tmp_path, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    # each waits for the other to have begun: one after the other, the first would wait in vain
    meet = f"""
import time
from pathlib import Path
Path({str(tmp_path)!r}, "OWN").touch()
end = time.time() + 60
while not Path({str(tmp_path)!r}, "OTHER").exists():
    assert time.time() < end
    time.sleep(0.05)
"""
    chapters = []
    for own, other in (("1", "2"), ("2", "1")):
        code = meet.replace("OWN", own).replace("OTHER", other)
        chapters.append(write(tmp_path / f"{own}_c{own}.ipynb", ("# A",), (code, "code")))
    make(tmp_path, *chapters)
