"""What the pages for readers promise: their code runs, and every door, setting, profile, file and link that they name is there."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

import emolib
from emolib.data.images import Settings
from emolib.report.parameters import declared, parse
from emolib.report.profiles import PROFILES

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "DATA.md", "CHANGELOG.md"]
EACH = pytest.mark.parametrize("page", PAGES)


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), flags=re.M | re.S)


def commands(page):
    """Lines of shell blocks, and inline code that begins like one."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`((?:make|git|pip|python -m|\.venv/bin/\S+|conda) [^`\n]+)`", text(page))
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_readme_s_python_runs(capsys):
    names = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("average") == 2 and "ShallowNet(" in printed  # an angle a row, then a network
    assert len(names["trained"].table) == 30


def test_the_readme_s_table_is_read(tmp_path):
    (example,) = blocks("README.md", "text")
    file = tmp_path / "example.csv"
    file.write_text(example)
    data = emolib.load(file)
    assert data.modalities == ("LPQ", "PHOG") and data.classes[data.labels[0]] == "Happy" and data.groups[0] == "SomeFilm"


@EACH
def test_doors_settings_and_profiles_are_there(page):
    doors = set(re.findall(r"^([a-z]+):", text("Makefile"), flags=re.M))
    settings = {name for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb") for name in declared(notebook)}
    settings |= {field.name for field in fields(Settings)}
    for command in commands(page):
        if command[0] != "make":
            continue
        for word in command[1:]:
            name, given, value = word.partition("=")
            if not given:
                assert name in doors, command
            elif name == "SET":
                assert parse(value).keys() <= settings, command
            elif name == "PROFILE":
                assert value in PROFILES, command
            else:
                assert f"\n{name} ?=" in text("Makefile"), command


@EACH
def test_commands_are_there(page):
    known = set(re.findall(r'add_parser\(\s*"(\w+)"', text("emolib/__main__.py")))
    for command in commands(page):
        if "-m" in command and command[command.index("-m") + 1] == "emolib":
            assert command[command.index("-m") + 2] in known, command


@EACH
def test_files_and_links_are_there(page):
    named = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text(page))
    named += re.findall(r"`((?:emolib|notebooks|tests|\.ci)/[\w/.-]+|[A-Z]\w+(?:\.md|\.cff)|Makefile|pyproject\.toml|requirements\.lock)`", text(page))
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


@EACH
def test_no_line_runs_on(page):
    assert max(len(line) for line in text(page).splitlines() if not line.startswith(("|", "<"))) <= 165


def test_a_page_that_names_what_is_not_there_is_found(tmp_path, monkeypatch):
    wrong = {
        test_doors_settings_and_profiles_are_there: ("`make raport`", '`make report SET="sedes=3"`', "`make report PROFILE=fast`", "`make report DATEN=x`"),
        test_commands_are_there: ("`python -m emolib reprot`",),
        test_files_and_links_are_there: ("`emolib/modles.py`", "[data](DATEN.md)"),
    }
    original = text
    for check, sentences in wrong.items():
        for sentence in sentences:
            monkeypatch.setitem(globals(), "text", lambda page, sentence=sentence: sentence if page == "wrong.md" else original(page))
            with pytest.raises(AssertionError):
                check("wrong.md")
