"""What is kept is found again and nothing else is, whatever happens to the file: damage, a full or
read-only disk, kills, two writers at once.
"""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from emolib import utils
from emolib.training import sweeps
from emolib.training import train as training
from emolib.training.cache import LIBRARIES, SOURCES, Cache, _unpack
from emolib.training.sweeps import sweep
from emolib.training.train import train
from emolib.utils import PACKAGE


@pytest.fixture
def table():
    return sweep(modality="LPQ", hidden=[4, 6], seed=[0, 1], folds=2, max_epochs=2)


@pytest.fixture
def whole(tiny, table, tmp_path):
    """A cache with the results of all eight networks of the table."""
    utils.say_once.cache_clear()
    train(tiny, table, cache=Cache(tmp_path / "whole.sqlite"), jobs=1)
    return tmp_path / "whole.sqlite"


@pytest.fixture
def undisturbed(tiny, table, monkeypatch):
    """Checks that a run with a cache gives what a run without one gives, in every bit; and, if need
    be, that it trains nothing.
    """
    expected = train(tiny, table, jobs=1)

    def check(cache, untrained=False):
        utils.say_once.cache_clear()
        with monkeypatch.context() as patch:
            if untrained:
                patch.setattr(training, "_train_shard", None)
            found = train(tiny, table, cache=cache, jobs=1)
        for a, b in zip(expected.results, found.results, strict=True):
            for name, value in vars(a).items():
                assert type(value) is type(getattr(b, name))
                np.testing.assert_array_equal(value, getattr(b, name), strict=True)

    return check


def mended(path, undisturbed):
    """Results are right, also in the run that fills up what the first found in a damaged file; the
    run after that trains nothing.
    """
    for untrained in (False, False, True):
        undisturbed(Cache(path), untrained)


def test_double_precision_is_kept_apart_and_in_every_bit(tiny, table, whole):
    runs = [train(tiny, table, cache=Cache(whole), precision="float64") for _ in range(2)]
    for a, b in zip(*(run.results for run in runs), strict=True):
        assert a.weights.dtype == np.float64
        np.testing.assert_array_equal(a.weights, b.weights, strict=True)


def test_only_rows_that_are_new_are_trained(tiny, table, tmp_path, monkeypatch):
    cache, trained, train_stack = Cache(tmp_path / "c.sqlite"), [], training.train_stack
    train(tiny, table[:5], cache=cache, jobs=1)
    monkeypatch.setattr(
        training,
        "train_stack",
        lambda data, rows, *engine: trained.extend(rows) or train_stack(data, rows, *engine),
    )
    train(tiny, table, cache=cache, jobs=1)
    assert len(trained) == 3


def test_other_data_other_code_or_another_row_is_another_key(tiny, drawn, table, tmp_path):
    cache, row = Cache(tmp_path / "c.sqlite"), table.iloc[0].to_dict()
    key = cache.key(tiny, row, "cpu float32")
    assert key == Cache(tmp_path / "d.sqlite").key(tiny, row, "cpu float32")
    others = [(drawn, row, "cpu float32"), (tiny, row, "cuda float32")]
    for other in [*others, (tiny, row | {"hidden": 5}, "cpu float32")]:
        assert key != cache.key(*other)
    cache.code = "other"
    assert key != cache.key(tiny, row, "cpu float32")


def test_an_edit_of_code_that_decides_a_result_is_another_key_and_a_figure_s_is_not(
    tmp_path, monkeypatch
):
    package = shutil.copytree(PACKAGE, tmp_path / "emolib")
    monkeypatch.setattr(utils, "PACKAGE", package)
    codes = [Cache().code]
    for file in (package / "figures").glob("*.py"):
        file.write_text("# edited")
    assert Cache().code == codes[0]
    for room in ("folds", "metrics", "models", "pruning", "data/__init__", "training/sweeps"):
        with (package / f"{room}.py").open("a") as text:
            text.write("# edited\n")
        codes.append(Cache().code)
    (package / "training" / "stack.py").rename(package / "training" / "stacks.py")
    codes.append(Cache().code)
    (package / "training" / "kernels" / "fresh.py").touch()
    codes.append(Cache().code)
    assert len(set(codes)) == len(codes) == 9


def test_the_version_of_a_library_is_another_key(monkeypatch):
    before = Cache().code
    monkeypatch.setattr(utils, "version", lambda library: "9.9")
    assert Cache().code != before


def test_every_module_that_training_imports_is_part_of_the_key():
    """Or decides nothing: the doors' checks, the console, the cache and the progress bar."""
    code = "import sys, emolib.training.train;"
    code += "print(*(name for name in sys.modules if name.startswith('emolib.')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in found.stdout.split()}
    assert rooms - {*SOURCES} <= {"utils"} and "torch" in LIBRARIES


def test_bits_turned_anywhere(whole, undisturbed, tmp_path):
    random, content = np.random.default_rng(7), whole.read_bytes()
    for place in [*range(0, 100, 7), *random.integers(0, len(content), 60)]:
        turned = bytearray(content)
        turned[place] ^= 1 << int(random.integers(8))
        path = tmp_path / f"{place}.sqlite"
        path.write_bytes(turned)
        mended(path, undisturbed)


def test_cut_at_any_length(whole, undisturbed, tmp_path):
    content = whole.read_bytes()
    lengths = np.linspace(5000, len(content) - 1, 12).astype(int)
    for length in [0, 1, 15, 16, 99, 100, 4095, 4096, 4097, *lengths]:
        path = tmp_path / f"{length}.sqlite"
        path.write_bytes(content[:length])
        mended(path, undisturbed)


def change(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


FILE, ENTRY = "is damaged, and lies beside as .damaged", "holds results that are damaged"
DAMAGE = {
    "text": (b"no database, for certain " * 99, FILE),
    "zeros": (bytes(8192), FILE),
    "no table": ("DROP TABLE network", None),
    "other column": ("ALTER TABLE network RENAME COLUMN content TO other", FILE),
    "zero bytes": ("UPDATE network SET content = zeroblob(length(content))", ENTRY),
    "null": ("UPDATE network SET content = NULL", ENTRY),
    "number": ("UPDATE network SET content = 7", ENTRY),
    "text entry": ("UPDATE network SET content = 'text'", ENTRY),
    "cut": ("UPDATE network SET content = substr(content, 1, length(content) - 4)", ENTRY),
    "key of the next": (
        "UPDATE network SET content = (SELECT content FROM network AS o "
        "WHERE o.rowid = network.rowid % 8 + 1)",
        ENTRY,
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged(whole, undisturbed, capsys, kind):
    damage, said = DAMAGE[kind]
    whole.write_bytes(damage) if isinstance(damage, bytes) else change(whole, damage)
    undisturbed(Cache(whole))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emolib: ")]
    assert (said in lines[0] and len(lines) == 1) if said else not lines


def test_a_folder_in_its_place(undisturbed, tmp_path, capsys):
    undisturbed(Cache(tmp_path))
    assert "cannot be used (unable to open database file)" in capsys.readouterr().err


def test_without_a_place_to_keep_things_one_sentence_says_so(undisturbed, monkeypatch, capsys):
    monkeypatch.setenv("EMOLIB_CACHE", "/proc/no place for networks")
    for _ in range(2):
        undisturbed(Cache())
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emolib: ")]
    assert Cache().path is None and len(said) == 1 and "EMOLIB_CACHE" in said[0]


def test_a_journal_that_is_not_its_own(whole, undisturbed):
    Path(f"{whole}-journal").write_bytes(np.random.default_rng(0).bytes(5000))
    undisturbed(Cache(whole))


@pytest.mark.parametrize(
    ("pragma", "said"),
    [
        ("max_page_count = 3", "database or disk is full"),
        ("query_only = ON", "attempt to write a readonly database"),
    ],
)
def test_a_disk_that_takes_no_more(
    tiny, table, undisturbed, tmp_path, capsys, monkeypatch, pragma, said
):
    path, connect = tmp_path / "c.sqlite", sqlite3.connect
    train(tiny, table[:2], cache=Cache(path), jobs=1)

    def limited(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.execute(f"PRAGMA {pragma}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", limited)
        undisturbed(Cache(path))
    told = capsys.readouterr().err
    assert said in told and told.count("emolib: ") == 1
    keys = [Cache(path).key(tiny, row, "cpu float32") for row in sweeps.check(table[:2], tiny)]
    assert set(Cache(path).get(keys)) == set(keys)  # what was there still is


def test_locked_by_another(whole, undisturbed, capsys, monkeypatch):
    connect = sqlite3.connect
    with closing(connect(whole)) as other, monkeypatch.context() as patch:
        other.execute("BEGIN EXCLUSIVE")
        patch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=0.01))
        undisturbed(Cache(whole))
        assert "cannot be used (database is locked)" in capsys.readouterr().err
    undisturbed(Cache(whole), untrained=True)
    assert "emolib: " not in capsys.readouterr().err


# Keeps 200 results, one after another, without training them.
PUTTING = """
import sys
import numpy as np
from emolib.training.cache import Cache, NetworkResult

scores, rows = np.ones((200, 7)), np.arange(200)
result = NetworkResult(scores, rows, np.ones(200), np.ones(9), 3, 0.5, 0.0, False)
cache = Cache(sys.argv[1])
for number in range(200):
    cache.put({f"{sys.argv[2]} {number}": result})
    print(number, flush=True)
"""


def putting(path, writer):
    command = [sys.executable, "-c", PUTTING, str(path), str(writer)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def entries_of(path):
    """The entries of a cache, each of which is whole."""
    with closing(sqlite3.connect(path)) as connection:
        entries = connection.execute("SELECT key, content FROM network").fetchall()
    assert all(_unpack(*entry) for entry in entries)
    return entries


def test_two_at_once(tmp_path):
    for process in [putting(tmp_path / "c.sqlite", writer) for writer in range(2)]:
        _, said = process.communicate()
        assert process.returncode == 0 and "emolib: " not in said, said
    assert len(entries_of(tmp_path / "c.sqlite")) == 400


def test_kills_while_it_writes(tmp_path):
    """Nothing that was kept is lost, and every entry is whole."""
    path, random, held = tmp_path / "c.sqlite", np.random.default_rng(3), []
    for writer in range(15):
        process = putting(path, writer)
        process.stdout.readline()
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.communicate()
        held.append(len(entries_of(path)))
    assert held == sorted(held) and len(set(held)) > 3 and any(count % 200 for count in held)
