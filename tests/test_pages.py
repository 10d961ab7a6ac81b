"""What the pages for readers promise: their code runs, and every door, setting, profile, file and
link that they name is there.
"""

import re
import shlex
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from student import train_alone
from torch import nn

import emolib
from emolib.__main__ import COMMANDS
from emolib.data.folder import OPTIONS
from emolib.report.plan import PROFILES, declared, parse
from emolib.training import sweeps

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "DATA.md", "CHANGELOG.md"]
# The changelog names what is gone as well.
EACH = pytest.mark.parametrize("page", PAGES[:3])


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), flags=re.M | re.S)


def commands(page):
    """Lines of shell blocks, and inline code that begins like one."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`((?:make|git|pip|python -m|\.venv/bin/\S+|conda) [^`\n]+)`", text(page))
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_readme_s_python_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("average") == 2 and "ShallowNet(" in printed
    assert len(names["trained"].table) == 30
    others = names["faces"].images[1::2]
    predicted = names["model"].predict(others)
    np.testing.assert_array_equal(joblib.load("model.joblib").predict(others), predicted)
    right = (predicted == names["faces"].labels[1::2]).mean()
    assert right > 0.35  # guessing: 0.14; .46 when it was written


def test_the_example_of_a_table_is_read(tmp_path):
    (example,) = blocks("DATA.md", "text")
    file = tmp_path / "example.csv"
    file.write_text(example)
    data = emolib.load(file)
    assert data.modalities == ("LPQ", "PHOG") and data.groups[0] == "SomeFilm"
    assert data.classes[data.labels[0]] == "Happy"


@EACH
def test_commands_doors_settings_and_profiles_are_there(page):
    doors = set(re.findall(r"^([a-z]+):", text("Makefile"), flags=re.M))
    known = {command.__name__ for command in COMMANDS}
    settings = set(OPTIONS)
    settings.update(*(declared(notebook) for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb")))
    for command in commands(page):
        if "-m" in command and command[command.index("-m") + 1] == "emolib":
            assert command[command.index("-m") + 2] in known, command
        for word in command[1:] if command[0] == "make" else ():
            name, given, value = word.partition("=")
            if not given:
                assert name in doors, command
            elif name == "SET":
                assert parse(value).keys() <= settings, command
            elif name == "PROFILE":
                assert value in PROFILES, command
            else:
                assert re.search(rf"^{name} [?:]=", text("Makefile"), flags=re.M), command


@EACH
def test_files_and_links_are_there(page):
    named = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text(page))
    folders, files = r"(?:emolib|notebooks|tests|\.ci)/[\w/.-]+", r"Makefile|[\w.]+\.(?:toml|lock)"
    named += re.findall(rf"`({folders}|[A-Z]\w+(?:\.md|\.cff)|{files})`", text(page))
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (test_commands_doors_settings_and_profiles_are_there, "`make raport`"),
        (test_commands_doors_settings_and_profiles_are_there, '`make report SET="sedes=3"`'),
        (test_commands_doors_settings_and_profiles_are_there, "`make report PROFILE=fast`"),
        (test_commands_doors_settings_and_profiles_are_there, "`make report DATEN=x`"),
        (test_commands_doors_settings_and_profiles_are_there, "`python -m emolib reprot`"),
        (test_files_and_links_are_there, "`emolib/modles.py`"),
        (test_files_and_links_are_there, "[data](DATEN.md)"),
    ],
)
def test_a_page_that_names_what_is_not_there_is_found(check, sentence, monkeypatch):
    original = text
    pages = {"wrong.md": sentence}
    monkeypatch.setitem(globals(), "text", lambda page: pages.get(page) or original(page))
    with pytest.raises(AssertionError):
        check("wrong.md")


def block(page, word):
    (found,) = [block for block in blocks(page, "python") if word in block]
    return found


def test_the_model_of_contributing_trains_as_a_student_would_train_it(drawn, monkeypatch):
    names = {"nn": nn, "Tensor": torch.Tensor}
    exec(block("CONTRIBUTING.md", "class DeepNet"), names)
    known = (sweeps.one_of, (*sweeps.NETWORKS, "deep"))
    monkeypatch.setitem(sweeps.VALID, "network", known)
    monkeypatch.setitem(
        sweeps.RECIPES, ("deep", "printed"), sweeps.Recipe(epochs=5, learning_rate=1e-3)
    )

    def build(row, data):
        net = names["DeepNet"](10, len(data.classes))
        sweeps.initialise(net, sweeps.seeds(row["seed"], row["fold"])[0])
        return net

    monkeypatch.setattr(sweeps, "build", build)
    table = emolib.sweep(network="deep", modality="LPQ+PHOG", folds=2)
    trained = emolib.train(drawn, table, jobs=1, precision="float64")
    for position in (0, 1):
        scores, _ = train_alone(drawn, trained.table.iloc[position].to_dict(), torch.float64)
        np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-8)
        count = sum(p.numel() for p in trained.member(position).parameters())
        assert count == trained.table["parameters"][position]


def test_the_data_source_of_contributing_reads(drawn, tmp_path):
    names = {}
    exec(block("CONTRIBUTING.md", "def read_archive"), names)
    file = tmp_path / "faces.npz"
    np.savez(file, **drawn.features, labels=drawn.labels, groups=drawn.groups)
    assert names["read_archive"](file).digest == drawn.as_distributed().digest
    file.write_bytes(b"PK")
    with pytest.raises(ValueError, match="faces.npz: this is no NumPy archive"):
        names["read_archive"](file)


def test_the_chapter_of_contributing_shows_its_table(drawn, capsys):
    names = {}
    source = block("CONTRIBUTING.md", "publish(")
    exec(source.replace("angles = [0, 15, 30, 60, 90]", "angles = [0, 90]"), names)
    units = names["units"]
    assert units.shape == (2, 2) and (units.loc[0] == 16).all() and (units.loc[90] < 16).all()
    shown = capsys.readouterr().out
    assert "converged" in shown and "published: units_left" in shown
