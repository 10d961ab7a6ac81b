"""Messages are one line whatever is in them, values are refused by name, and what is kept in the
cache folder is whole and kept under all that it depends on.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib import utils
from emolib.utils import (
    LENGTH,
    boolean,
    cache_folder,
    cached,
    one_line,
    one_of,
    real_number,
    say,
    say_once,
    whole_number,
    write,
)


@given(st.text())
def test_any_text_is_one_printable_line(text):
    line = one_line(text * 50)
    assert len(line) <= LENGTH and line.isprintable() and line == line.strip()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n  b\tc", "a b c"),
        ("\x1b[2Jgone", "\N{REPLACEMENT CHARACTER}[2Jgone"),
        (ValueError("x"), "x"),
        ("é – ü", "é – ü"),
    ],
)
def test_breaks_become_blanks_and_controls_are_shown(text, line):
    assert one_line(text) == line


def test_what_was_said_once_is_not_said_again(capsys):
    say_once.cache_clear()
    for sentence in ("a", "b", "a"):
        say_once(sentence)
    say("a")
    assert capsys.readouterr().err == "emolib: a\nemolib: b\nemolib: a\n"


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3), np.array(3), np.array(3.0)]
)
def test_whole_values_of_any_type_become_an_int(value):
    taken = whole_number("folds", value, low=1)
    assert taken == 3 and type(taken) is int


@pytest.mark.parametrize(
    "value",
    [2.5, "3", True, np.True_, None, float("nan"), float("inf"), -float("inf"), [3], np.array([3])],
    ids=repr,
)
def test_what_is_no_whole_number_is_refused_by_name_and_value(value):
    with pytest.raises(ValueError, match="^folds is .*; it must be a whole number of at least 1$"):
        whole_number("folds", value, low=1)


@given(st.integers(), st.integers(-5, 5), st.integers(0, 10))
def test_limits_belong_to_the_range(value, low, width):
    high = low + width
    if low <= value <= high:
        assert whole_number("n", value, low, high) == value
        assert real_number("n", value, low, high) == value
    else:
        with pytest.raises(ValueError, match=f"^n is {value}; .* least {low} and at most {high}$"):
            whole_number("n", value, low, high)
        with pytest.raises(ValueError, match=f"^n is {value}; .* number from {low} to {high}$"):
            real_number("n", value, low, high)


@pytest.mark.parametrize("value", ["0.5", True, None, float("nan"), float("inf"), 1j, [0.5]])
def test_what_is_no_number_or_no_switch_is_refused(value):
    with pytest.raises(ValueError, match="^rate is .*; it must be a number from 0 to 1$"):
        real_number("rate", value, 0, 1)
    assert boolean("merge", np.True_) is True and boolean("merge", False) is False
    if value is not True:
        with pytest.raises(ValueError, match="^merge is .*; it must be True or False$"):
            boolean("merge", value)


def test_choices_are_quoted():
    choices = ("Adam", "SGD, plain", 1)
    assert one_of("optimiser", "SGD, plain", choices) == "SGD, plain"
    for wrong in ("adam", True, 1.0, None, ["Adam"]):
        with pytest.raises(ValueError, match="it must be one of 'Adam', 'SGD, plain', 1$"):
            one_of("optimiser", wrong, iter(choices))


calls = []


def slow(data, factor):
    """A result that depends on the data's digest and a factor."""
    calls.append(factor)
    return [float(data.digest) * factor] * 1000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path / "cache"))
    calls.clear()
    return tmp_path / "cache"


DATA = SimpleNamespace(digest="7")


def test_result_is_computed_once_per_data_argument_and_code(folder, monkeypatch):
    for data, factor in ((DATA, 2), (DATA, 2), (DATA, 3), (SimpleNamespace(digest="8"), 2)):
        assert cached(slow, data, factor, code=("pruning",))[0] == float(data.digest) * factor
    cached(slow, DATA, 2, code=("pruning", "folds"))
    assert calls == [2, 3, 2, 2]
    assert cached(slow, DATA, factor=2) == cached(slow, DATA, factor=2)  # all that computes
    assert calls.pop() == 2 and len(calls) == 4
    monkeypatch.setattr(utils, "source_digest", lambda *rooms, libraries: "edited")
    cached(slow, DATA, 2, code=("pruning",))
    assert len(calls) == 5


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_damaged_result_is_computed_again(folder, damage):
    cached(slow, DATA, 2, code=("pruning",))
    (file,) = folder.rglob("output.pkl")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if damage != "gone":
        file.write_bytes(content[: 1 if damage == "cut" else None])
    assert cached(slow, DATA, 2, code=("pruning",)) == [14.0] * 1000
    assert calls == [2, 2]


@pytest.mark.parametrize("name", ["/proc/nowhere", "a file/cache", "~nobody-of-this-name/cache"])
def test_without_a_folder_everything_works_and_one_sentence_says_so(
    tmp_path, monkeypatch, capsys, name
):
    (tmp_path / "a file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOLIB_CACHE", name)
    utils.say_once.cache_clear()
    utils._writable.cache_clear()
    calls.clear()
    assert cache_folder() is None
    assert cached(slow, DATA, 2, code=("pruning",)) == cached(slow, DATA, 2, code=("pruning",))
    said = capsys.readouterr().err
    assert calls == [2, 2] and said.count("\n") == 1
    assert name in said and "set EMOLIB_CACHE to a folder that can be written" in said


def test_write_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write(path, "old – text")
    assert path.read_text(encoding="utf-8") == "old – text"

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(utils.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, b"new")
    assert path.read_text(encoding="utf-8") == "old – text" and list(tmp_path.iterdir()) == [path]


def test_digest_changes_with_every_file_of_its_rooms(tmp_path, monkeypatch):
    rooms = ("analysis", "data", "folds", "metrics", "models", "pruning", "training")
    assert len({utils.source_digest(room) for room in rooms}) == len(rooms)
    for name in ("models.py", "training/train.py", "training/kernels/nodes.py", "figures/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(utils, "PACKAGE", tmp_path)
    said = [utils.source_digest("models", "training")]
    for edit in ("models.py", "training/kernels/nodes.py", "training/new/file.py"):
        (tmp_path / edit).parent.mkdir(exist_ok=True)
        (tmp_path / edit).write_text("2")
        said.append(utils.source_digest("models", "training"))
    (tmp_path / "training/train.py").rename(tmp_path / "training/moved.py")
    said.append(utils.source_digest("models", "training"))
    said.append(utils.source_digest("models", "training", libraries=("numpy",)))
    assert len(set(said)) == 6
    (tmp_path / "figures/a.py").write_text("2")
    assert utils.source_digest("models", "training") == said[-2]
    with pytest.raises(FileNotFoundError):
        utils.source_digest("gone")
