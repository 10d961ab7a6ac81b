"""Every door says in one sentence what is wrong, and exits with another code than 0."""

import os
import shlex
from dataclasses import replace

import pytest

import emolib
from emolib import __main__ as command


@pytest.fixture
def bad(tmp_path):
    """A folder with one bad thing of each kind."""
    for name in ("empty", "reports"):
        (tmp_path / name).mkdir()
    for name in ("a file", "bad.xlsx", "bad.png", "reports/report.html"):
        (tmp_path / name).write_text("neither a folder nor a workbook nor a picture")
    (tmp_path / "bad.csv").write_bytes(b"\x00\xff")
    return tmp_path


DOORS = {
    "report --data bad.xlsx": "bad.xlsx: this is not an Excel workbook",
    "report --data bad.csv": "bad.csv: this is not a CSV table in UTF-8",
    "report --data gone.csv": "there is no such file",
    "report --data empty": "at least two sub-folders named after emotions are needed",
    "explore --data gone.csv": "there is no such file",
    "explore --data bad.xlsx": "this is not an Excel workbook",
    "export empty faces.xlsx": "at least two sub-folders named after emotions are needed",
    "export '' faces.txt": "the name should end in .xlsx",
    "export '' gone/faces.csv": "No such file or directory",
    "export '' a.csv --set nonsense": "a setting is written name=value",
    "export '' a.csv --set source=x": "a setting of export is 'source'; it must be one of",
    "draw reports": "reports: something is there already",
    "draw new --wildness 2": "wildness must lie between 0 and 1, not 2.0",
    "draw 'a file'": "a file: something is there already",
    "report --set seeds=0": "seeds is 0; it must be a whole number of at least 1 and at most 1000",
    "report --set seedz=2": "no chapter declares a parameter seedz: did you mean seeds?",
    "report --set folds=2.5": "parameter folds is 2.5; it must be a whole",
    "report --set loading={}": "loading is not set by name",
    "report --out 'a file'": "a file: File exists",
    "report --profile best": "invalid choice: 'best'",
}


@pytest.mark.parametrize(("arguments", "sentence"), DOORS.items(), ids=DOORS)
def test_refuses_in_one_sentence(bad, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(bad)
    before = {path.name for path in bad.rglob("*")}
    try:
        code = command.main(shlex.split(arguments))
    except SystemExit as stop:  # argparse's own way, with the usage above the sentence
        code = stop.code
    said = capsys.readouterr()
    assert code == 2 and not said.out
    (line,) = [line for line in said.err.splitlines() if "error: " in line]
    assert sentence in line and "Errno" not in line and "Traceback" not in said.err
    after = {path.name for path in bad.rglob("*")}
    assert before <= after <= before | {".build.lock", "reports"}


def test_a_path_of_any_bytes_is_printed_and_an_interrupt_told(monkeypatch, capsys):
    def built(notebooks, out):
        if notebooks.name in str(out):
            raise KeyboardInterrupt
        return out / notebooks.name

    monkeypatch.setattr("emolib.walkthroughs.build.build_walkthroughs", built)
    assert command.main(["walkthroughs", "--out", os.fsdecode(b"caf\xe9")]) == 0
    assert capsys.readouterr().out == "caf?/walkthroughs\n"
    assert command.main(["walkthroughs"]) == 130
    assert capsys.readouterr().err == "emolib: stopped\n"


def test_the_explorers_open_with_their_data_or_are_an_error(monkeypatch, capsys):
    def opened(notebook, data):
        if not data:
            raise OSError("JupyterLab ended with exit code 1")
        print(notebook.name, data)

    monkeypatch.setattr("emolib.explore.lab.open_lab", opened)
    assert command.main(["explore", "--data", "faces.csv"]) == 0
    assert capsys.readouterr().out == "explore.ipynb faces.csv\nJupyterLab has ended\n"
    assert command.main(["explore"]) == 2
    assert "error: JupyterLab ended with exit code 1" in capsys.readouterr().err


def test_version_is_printed_and_a_package_without_notebooks_told(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        command.main(["--version"])
    assert capsys.readouterr().out == f"emolib {emolib.__version__}\n"
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["report"]) == 2
    assert "the folder notebooks is not beside the package" in capsys.readouterr().err


@pytest.fixture
def built(monkeypatch):
    """What the door `report` hands to the build, which writes results alone."""
    calls = []

    def build(notebooks, parameters, out, *, name, provenance, stamp, review, **_):
        facts = provenance() | stamp
        calls.append((parameters, facts))
        out.mkdir(exist_ok=True)
        results = "results.json" if name == "report" else f"{name}.json"
        (out / results).write_text('{"answer": {"headline": "It comes back."}}')
        review(f"<p>{facts['data_source']}</p>")
        return out / f"{name}.html"

    monkeypatch.setattr(command, "build", build)
    return calls


def test_the_answer_ends_the_build(built, tmp_path, capsys):
    assert command.main(["report", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"It comes back.\n{tmp_path / 'out/report.html'}\n"
    (parameters, facts) = built[0]
    assert "loading" not in parameters and facts["banner"].startswith("These are drawn faces")


def test_how_data_are_loaded_is_set_beside_the_parameters(built, tmp_path, monkeypatch, drawn):
    unknown, loaded = replace(drawn, groups=None, drawn=False), []
    monkeypatch.setattr(emolib, "load", lambda source, **how: loaded.append(how) or unknown)
    settings = "order=rafdb size=64 seeds=2.0 crop=True"
    arguments = ["report", "--data", str(tmp_path), "--set", settings, "--out", str(tmp_path)]
    assert command.main(arguments) == 0
    (parameters, facts) = built[0]
    how = {"order": "rafdb", "size": 64, "crop": True}
    assert loaded[0] == how == parameters["loading"] and parameters["seeds"] == 2
    assert facts["parameters"].items() >= {"seeds": 2, **how}.items()
    assert facts["banner"].startswith("The data do not say who is who: folds are random")


def test_what_is_published_holds_no_single_row(built, drawn, tmp_path, monkeypatch, capsys):
    pictured = []
    monkeypatch.setattr(command, "write_pictures", pictured.append)
    arguments = ["report", "--publish", "faces", "--out", str(tmp_path)]
    assert command.main(arguments) == 0 and pictured == [tmp_path / "faces.html"]
    named = replace(drawn, source=str(drawn.names[3]))
    monkeypatch.setattr(emolib, "load", lambda source: named)
    assert command.main(arguments) != 0 and len(pictured) == 1
    assert "the name of a row" in capsys.readouterr().err
