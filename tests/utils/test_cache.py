"""The cache folder, atomic writes, and results that are kept under all that they depend on."""

from types import SimpleNamespace

import pytest

from emolib.utils import cache, console
from emolib.utils.cache import cache_folder, cached, write

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
    monkeypatch.setattr(cache, "source_digest", lambda *rooms, libraries: "edited")
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
    console.say_once.cache_clear()
    cache._writable.cache_clear()
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

    monkeypatch.setattr(cache.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, b"new")
    assert path.read_text(encoding="utf-8") == "old – text" and list(tmp_path.iterdir()) == [path]


def test_digest_changes_with_every_file_of_its_rooms(tmp_path, monkeypatch):
    rooms = ("analysis", "data", "folds", "metrics", "models", "pruning", "training")
    assert len({cache.source_digest(room) for room in rooms}) == len(rooms)
    for name in ("models.py", "training/train.py", "training/kernels/nodes.py", "figures/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(cache, "PACKAGE", tmp_path)
    said = [cache.source_digest("models", "training")]
    for edit in ("models.py", "training/kernels/nodes.py", "training/new/file.py"):
        (tmp_path / edit).parent.mkdir(exist_ok=True)
        (tmp_path / edit).write_text("2")
        said.append(cache.source_digest("models", "training"))
    (tmp_path / "training/train.py").rename(tmp_path / "training/moved.py")
    said.append(cache.source_digest("models", "training"))
    said.append(cache.source_digest("models", "training", libraries=("numpy",)))
    assert len(set(said)) == 6
    (tmp_path / "figures/a.py").write_text("2")
    assert cache.source_digest("models", "training") == said[-2]
    with pytest.raises(FileNotFoundError):
        cache.source_digest("gone")
