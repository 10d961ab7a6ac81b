"""Every door says in one sentence what is wrong, and exits with another code than 0."""

import os
import zipfile

import pytest

from emolib import __main__ as command


@pytest.fixture
def bad(tmp_path):
    """A folder with one bad thing of each kind."""
    (tmp_path / "a file").write_text("not a folder")
    (tmp_path / "bad.xlsx").write_text("not a workbook")
    (tmp_path / "bad.csv").write_bytes(b"\x00\xff")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    (tmp_path / "reports").mkdir()
    with zipfile.ZipFile(tmp_path / "reports" / "model.npz", "w") as archive:
        archive.writestr("about.npy", "cos\nsystem\n(S'true'\ntR.")
    return tmp_path


DOORS = {
    "a bad workbook": (["report", "--data", "bad.xlsx"], "bad.xlsx: this is not an Excel workbook"),
    "a bad CSV": (
        ["report", "--data", "bad.csv"],
        "bad.csv: this is no CSV table (there are zero bytes in it",
    ),
    "no data": (["report", "--data", "gone.csv"], "there is no such file"),
    "a folder of nothing": (
        ["report", "--data", "empty"],
        "there is no sub-folder named after an emotion",
    ),
    "no data to explore": (["explore", "--data", "gone.csv"], "there is no such file"),
    "a bad workbook to explore": (
        ["explore", "--data", "bad.xlsx"],
        "this is not an Excel workbook",
    ),
    "bad images": (["predict", "bad.png", "--reports", "empty"], "there is no empty/model.npz"),
    "a bad model": (
        ["predict", "bad.png", "--reports", "reports"],
        "model.npz: this is no model that a report left, or it is damaged",
    ),
    "nothing to export": (
        ["export", "empty", "faces.xlsx"],
        "there is no sub-folder named after an emotion",
    ),
    "export to no table": (["export", "", "faces.txt"], "the name should end in .xlsx or .csv"),
    "export to no folder": (["export", "", "gone/faces.csv"], "No such file or directory"),
    "faces over others": (["draw", "reports"], "reports: something is there already"),
    "faces too wild": (
        ["draw", "new", "--wildness", "2"],
        "wildness must lie between 0 and 1, not 2.0",
    ),
    "faces into a file": (["draw", "a file"], "a file: something is there already"),
    "a bad setting": (["report", "--set", "seeds=0"], "seeds must lie from 1 to 1000, not 0"),
    "a setting of images": (
        ["predict", "bad.png", "--reports", "reports", "--set", "nonsense"],
        "a setting is written name=value",
    ),
    "no time": (["report", "--timeout", "nan"], "timeout is nan"),
    "a file as folder": (["report", "--out", "a file"], "a file: File exists"),
    "an unknown profile": (["report", "--profile", "best"], "invalid choice: 'best'"),
}


@pytest.mark.parametrize(("arguments", "sentence"), DOORS.values(), ids=DOORS)
def test_refuses_in_one_sentence(bad, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(bad)
    before = sorted(path.name for path in bad.rglob("*"))
    try:
        code = command.main(arguments)
    except SystemExit as stop:  # argparse's own way, with the usage above the sentence
        code = stop.code
    said = capsys.readouterr()
    assert code == 2 and not said.out
    (line,) = [line for line in said.err.splitlines() if "error: " in line]
    assert sentence in line and "Errno" not in line and "Traceback" not in said.err
    assert (
        set(before) <= {path.name for path in bad.rglob("*")} <= {*before, ".build.lock", "reports"}
    )


def test_a_cache_that_is_no_folder_is_named(bad, monkeypatch, capsys):
    monkeypatch.setenv("EMOLIB_CACHE", str(bad / "a file"))
    assert command.main(["report", "--out", str(bad / "out")]) == 2
    assert capsys.readouterr().err == f"emolib: error: {bad / 'a file'}: File exists\n"


def test_a_path_of_any_bytes_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "walkthroughs", lambda out: out)
    assert command.main(["walkthroughs", "--out", os.fsdecode(b"caf\xe9")]) == 0
    assert capsys.readouterr().out == "caf?\n"


def test_an_interrupted_door_says_so(monkeypatch, capsys):
    def stopped(out):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "walkthroughs", stopped)
    assert command.main(["walkthroughs"]) == 130
    assert capsys.readouterr().err == "emolib: stopped\n"


def test_the_explorers_open_with_their_data(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(
        "emolib.explore.lab.open_lab", lambda notebook, data: opened.append((notebook.name, data))
    )
    assert command.main(["explore", "--data", "faces.csv"]) == 0
    assert (
        opened == [("explore.ipynb", "faces.csv")]
        and "JupyterLab has ended" in capsys.readouterr().out
    )


def test_the_walkthroughs_are_built_from_their_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "emolib.walkthroughs.build.build_walkthroughs",
        lambda notebooks, out: out / f"{sorted(notebooks.iterdir())[0].stem}.html",
    )
    assert command.main(["walkthroughs", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / '0_teacher.html'}\n"


def test_a_package_without_its_notebooks_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["report"]) == 2
    assert "the folder notebooks is not beside the package" in capsys.readouterr().err


def test_what_is_published_holds_no_single_row(drawn, tmp_path, monkeypatch, capsys):
    pages, pictured = iter(["<p>aggregates</p>", f"<p>{drawn.names[3]}</p>"]), []

    def build(notebooks, parameters, out, *, name, review, **_):
        page = next(pages)
        review(page)
        return out / f"{name}.html"

    monkeypatch.setattr(command, "build", build)
    monkeypatch.setattr("emolib.report.publication.write_pictures", pictured.append)
    arguments = ["report", "--publish", "faces", "--out", str(tmp_path)]
    assert command.main(arguments) == 0 and pictured == [tmp_path / "faces.html"]
    assert command.main(arguments) != 0 and len(pictured) == 1
    assert "the name of a row" in capsys.readouterr().err
