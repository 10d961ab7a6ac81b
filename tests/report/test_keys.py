"""A build does what has changed and nothing else, and says why."""

import os
from pathlib import Path

import nbformat
import pytest

from emolib.report import execution, keys
from emolib.report.build import build
from emolib.report.keys import changes, chapter_keys, data_digest
from notebooks import PROVENANCE, write

KEY = {
    "parts": {"its code": "c", "emolib/a.py": "1"},
    "needs": {"1_a": "n"},
    "parameters": {"seeds": "1"},
}


def test_key_holds_the_code_that_runs_and_leaves_prose_out(tmp_path, monkeypatch):
    package = tmp_path / "emolib"
    for name in ("models.py", "figures/style.py", "report/page.py", "report/cards.py", "a/new.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1")
    monkeypatch.setattr(keys, "PACKAGE", package)
    (folder := tmp_path / "notebooks").mkdir()
    notebook = write(folder / "1_a.ipynb", ("# A",), ("seeds = 1", "parameters"), ("1", "code"))
    key = chapter_keys([notebook], {"seeds": 1})["1_a"]
    for edit in ("models.py", "figures/style.py", "a/new.py", "report/cards.py"):
        (package / edit).write_text("2")
        before, key = key, chapter_keys([notebook], {"seeds": 1})["1_a"]
        assert changes(before, key) == f"emolib/{edit} changed"
    (package / "report/page.py").write_text("2")
    write(notebook, ("# B",), ("seeds = 1", "parameters"), ("1", "code"))
    assert chapter_keys([notebook], {"seeds": 1}) == {"1_a": key}
    write(notebook, ("# B",), ("seeds = 1", "parameters"), ("1  # edited", "code"))
    assert changes(key, chapter_keys([notebook], {"seeds": 1})["1_a"]) == "its code changed"


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("parts", {}, "emolib/a.py, its code changed"),
        ("parts", KEY["parts"] | {"the data": "x"}, "the data changed"),
        ("parts", dict.fromkeys("abc", "x"), "a, b and 3 more changed"),
        ("parameters", {"seeds": "3"}, "seeds went from 1 to 3"),
        ("parameters", {}, "seeds went from 1 to its default"),
        ("needs", {"1_a": "x"}, "chapter 1_a changed"),
    ],
)
def test_each_part_that_changed_is_told(part, change, said):
    assert changes(KEY, KEY | {part: change}) == said
    assert changes(KEY, KEY) == "" and changes(None, KEY) == "it has not run yet"


def test_data_are_known_by_their_bytes(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    assert data_digest(str(tmp_path / "a.csv")) == data_digest(str(tmp_path / "b.csv"))
    whole = data_digest(str(tmp_path))
    (tmp_path / "b.csv").write_text("y")
    assert data_digest(str(tmp_path)) != whole and data_digest("") == "drawn faces"


class TestBuild:
    @pytest.fixture
    def chapters(self, tmp_path, monkeypatch):
        monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path / "cache"))
        code = ("seeds = 1", "parameters")
        return [
            write(tmp_path / "1_a.ipynb", ("# A",), code, ("print('a', seeds)", "code")),
            write(tmp_path / "2_b.ipynb", ("# B",), ("print('b')", "code")),
            write(tmp_path / "3_c.ipynb", ("# C",), ("print('c')", "code"), needs=("2_b",)),
        ]

    @pytest.fixture
    def make(self, tmp_path, chapters, capsys):
        """Builds, and returns what was said on stderr and the page."""

        def run(parameters: dict | None = None, **options) -> tuple[str, str]:
            options = {"title": "A paper", "provenance": lambda: dict(PROVENANCE)} | options
            report = build(chapters, parameters or {}, tmp_path / "reports", **options)
            return capsys.readouterr().err, report.read_text(encoding="utf-8")

        return run

    def edit(self, notebook: Path, cell: int, source: str) -> None:
        node = nbformat.read(notebook, as_version=4)
        node.cells[cell].source = source
        nbformat.write(node, notebook)

    def test_nothing_changed_nothing_done(self, make, tmp_path):
        first, page = make()
        assert first.count("it has not run yet") == 3
        log = (tmp_path / "reports/build.log").read_text()
        assert "1_a: " in log and " s, it has not run yet" in log
        said, again = make(provenance=None)  # the data are not loaded
        assert "emolib: nothing to do: " in said and said.count("\n") == 2 and again == page

    def test_only_what_changed_runs_and_what_needs_it(self, make, chapters):
        make()
        self.edit(chapters[1], 1, "print('b, edited')")
        said, page = make()
        assert said.splitlines()[1] == "2_b … (its code changed)"
        assert "3_c … (chapter 2_b changed)" in said and "1_a" not in said
        assert "b, edited" in page

    def test_edited_prose_runs_nothing_and_is_on_the_page(self, make, chapters):
        make()
        self.edit(chapters[0], 0, "# A, better put")
        said, page = make()
        assert "…" not in said and "nothing to do" not in said and "A, better put" in page

    def test_parameter_runs_the_chapters_that_declare_it(self, make):
        make()
        said, page = make({"seeds": 3})
        assert (
            "1_a … (seeds went from its default to 3)" in said
            and "2_b" not in said
            and "a 3" in page
        )
        said, page = make()  # back to what was run before
        assert "…" not in said and "a 1" in page

    def test_commit_alone_gives_a_new_page_and_runs_nothing(self, make):
        make(stamp={"commit": "one"})
        facts = PROVENANCE | {"commit": "two"}
        said, page = make(stamp={"commit": "two"}, provenance=lambda: facts)
        assert "…" not in said and "two" in page

    def test_report_that_was_touched_is_made_again(self, make, tmp_path):
        _, page = make()
        (tmp_path / "reports/report.html").write_text("half a pa")
        said, again = make()
        assert again == page and "…" not in said
        (tmp_path / "reports/results.json").unlink()
        make()
        assert (tmp_path / "reports/results.json").exists()

    def test_damaged_outputs_are_made_again(self, make, tmp_path):
        _, page = make()
        kept = sorted((tmp_path / "cache/chapters").rglob("output.pkl"))
        kept[0].write_bytes(kept[0].read_bytes()[:-2])
        content = bytearray(kept[1].read_bytes())
        content[len(content) // 2] ^= 1
        kept[1].write_bytes(content)
        kept[2].unlink()
        (tmp_path / "reports/report.html").unlink()
        said, again = make()
        assert said.count("its outputs are no longer kept") == 1 and again == page
        assert said.count("a damaged entry of the cache is computed again") == 1

    def test_independent_chapters_run_at_the_same_time(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
        if (os.cpu_count() or 1) < 2:
            pytest.skip("one core runs one chapter")
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
        build(chapters, {}, tmp_path / "reports", title="A paper", provenance=lambda: PROVENANCE)


def test_newest_runs_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(execution, "KEPT", 2)
    notebook = write(tmp_path / "1_a.ipynb", ("# A",), ("seeds = 1", "parameters"))
    for number in range(1, 5):
        folder = tmp_path / "reports"
        build([notebook], {"seeds": number}, folder, title="T", provenance=lambda: PROVENANCE)
    assert len(list(tmp_path.glob("chapters/**/output.pkl"))) == 2
