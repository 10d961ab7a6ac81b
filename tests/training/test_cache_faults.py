"""Faults under all that is kept: damage, a full or read-only disk, kills, a clock set back, two
writers at once.

Each time the results equal an undisturbed run's, what was whole is still found, and the person is
told.
"""

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from emolib.training import train as training
from emolib.training.cache import Cache, _unpack
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train
from emolib.utils import console
from emolib.utils.cache import PACKAGE


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path / "cache"))
    console.say_once.cache_clear()


class TestTrainer:
    """Eight networks, some or all of which lie in a cache that something has happened to."""

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch):
        monkeypatch.setitem(RECIPES, ("shallow", "printed"), Recipe(epochs=2, learning_rate=1e-2))

    @pytest.fixture
    def table(self):
        return sweep(modality="LPQ", hidden=[4, 6], seed=[0, 1], folds=2)

    @pytest.fixture
    def whole(self, tiny, table, tmp_path):
        """A cache with all of it."""
        train(tiny, table, cache=Cache(tmp_path / "whole.sqlite"), jobs=1)
        return tmp_path / "whole.sqlite"

    @pytest.fixture
    def undisturbed(self, tiny, table):
        """Checks that a run with a cache gives what a run without one gives."""
        expected = train(tiny, table, jobs=1)

        def check(cache):
            console.say_once.cache_clear()
            found = train(tiny, table, cache=cache, jobs=1)
            for a, b in zip(expected.results, found.results, strict=True):
                np.testing.assert_array_equal(a.scores, b.scores)
                np.testing.assert_array_equal(a.weights, b.weights)
                assert (a.units, a.stopped, a.train_accuracy) == (
                    b.units,
                    b.stopped,
                    b.train_accuracy,
                )

        return check

    def mended(self, path, undisturbed, monkeypatch):
        """Results are right, also in the run that fills up what the first found in a damaged file;
        the run after that trains nothing.
        """
        undisturbed(Cache(path))
        undisturbed(Cache(path))
        with monkeypatch.context() as patch:
            patch.setattr(training, "_train_shard", None)
            undisturbed(Cache(path))

    def test_bits_turned_anywhere(self, whole, undisturbed, tmp_path, monkeypatch):
        random, content = np.random.default_rng(7), whole.read_bytes()
        places = [*range(0, 100, 7), *random.integers(0, len(content), 60)]
        for number, place in enumerate(places):
            path = tmp_path / f"{number}.sqlite"
            path.write_bytes(
                content[:place]
                + bytes([content[place] ^ 1 << random.integers(8)])
                + content[place + 1 :]
            )
            self.mended(path, undisturbed, monkeypatch)

    def test_cut_at_any_length(self, whole, undisturbed, tmp_path, monkeypatch):
        content = whole.read_bytes()
        for length in [
            0,
            1,
            15,
            16,
            99,
            100,
            4095,
            4096,
            4097,
            *np.linspace(5000, len(content) - 1, 12).astype(int),
        ]:
            path = tmp_path / f"{length}.sqlite"
            path.write_bytes(content[:length])
            self.mended(path, undisturbed, monkeypatch)

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (
                lambda path: path.write_text("no database, for certain " * 99),
                "is damaged, and lies beside as .damaged",
            ),
            (lambda path: path.write_bytes(bytes(8192)), "is damaged, and lies beside"),
            (lambda path: change(path, "DROP TABLE network"), None),
            (
                lambda path: change(path, "ALTER TABLE network RENAME COLUMN content TO other"),
                "is damaged, and lies beside",
            ),
            (
                lambda path: change(path, "UPDATE network SET content = zeroblob(length(content))"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE network SET content = NULL"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE network SET content = 7"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE network SET content = 'text'"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(
                    path, "UPDATE network SET content = substr(content, 1, length(content) - 4)"
                ),
                "holds results that are damaged",
            ),
            # every entry under the key of the next
            (
                lambda path: change(
                    path,
                    "UPDATE network SET content = (SELECT content FROM network AS o "
                    "WHERE o.rowid = network.rowid % 8 + 1)",
                ),
                "damaged",
            ),
        ],
        ids=[
            "text",
            "zeros",
            "no table",
            "other column",
            "zero bytes",
            "null",
            "number",
            "text entry",
            "cut entry",
            "wrong keys",
        ],
    )
    def test_damaged(self, whole, undisturbed, capsys, damage, said):
        damage(whole)
        undisturbed(Cache(whole))
        lines = [
            line for line in capsys.readouterr().err.splitlines() if line.startswith("emolib: ")
        ]
        assert (said in lines[0] and len(lines) == 1) if said else not lines

    def test_a_folder_in_its_place(self, undisturbed, tmp_path, capsys):
        undisturbed(Cache(tmp_path))
        assert "cannot be used (unable to open database file)" in capsys.readouterr().err

    def test_a_journal_that_is_not_its_own(self, whole, undisturbed):
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
        self, tiny, table, undisturbed, tmp_path, capsys, pragma, said
    ):
        train(tiny, table[:2], cache=Cache(tmp_path / "c.sqlite"), jobs=1)
        cache = Cache(tmp_path / "c.sqlite")
        cache.connection.execute(f"PRAGMA {pragma}")
        undisturbed(cache)
        told = capsys.readouterr().err
        assert said in told and told.count("emolib: ") == 1
        assert (
            Cache(tmp_path / "c.sqlite").get(tiny, table.iloc[0].to_dict(), "cpu float32")
            is not None
        )  # what was there still is

    def test_a_real_disk_full_and_read_only(
        self, tiny, table, whole, undisturbed, tmp_path, capsys, monkeypatch
    ):
        disk = tmp_path / "disk"
        with mounted(disk, "64k"):
            (disk / "ballast").write_bytes(bytes(40_000))
            undisturbed(Cache(disk / "c.sqlite"))
            assert "full" in capsys.readouterr().err
            (disk / "ballast").unlink()
            self.mended(disk / "c.sqlite", undisturbed, monkeypatch)
            gc.collect()  # nobody holds the file open
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            with monkeypatch.context() as patch:
                patch.setattr(training, "_train_shard", None)
                undisturbed(Cache(disk / "c.sqlite"))  # it can still be read
            train(
                tiny,
                sweep(modality="LPQ", hidden=3, folds=2),
                cache=Cache(disk / "c.sqlite"),
                jobs=1,
            )
            assert "attempt to write a readonly database" in capsys.readouterr().err
            undisturbed(Cache(disk / "new.sqlite"))
            assert "unable to open database file" in capsys.readouterr().err

    def test_locked_by_another(self, whole, undisturbed, capsys):
        cache = Cache(whole)
        cache.connection.execute("PRAGMA busy_timeout = 10")
        other = sqlite3.connect(whole)
        other.execute("BEGIN EXCLUSIVE")
        undisturbed(cache)
        assert "cannot be used (database is locked)" in capsys.readouterr().err
        other.close()
        console.say_once.cache_clear()
        undisturbed(Cache(whole))
        assert "emolib: " not in capsys.readouterr().err

    def test_two_at_once(self, tmp_path, undisturbed, monkeypatch):
        path = tmp_path / "c.sqlite"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PUTTING, str(path), str(writer)],
                stderr=subprocess.PIPE,
                text=True,
            )
            for writer in range(2)
        ]
        for process in processes:
            _, said = process.communicate()
            assert process.returncode == 0 and "emolib: " not in said, said
        entries = entries_of(path)
        assert len(entries) == 400 and all(_unpack(*entry) for entry in entries)

    def test_kills_while_it_writes(self, tmp_path):
        """Nothing that was kept is lost, and every entry is whole."""
        path, random, held = tmp_path / "c.sqlite", np.random.default_rng(3), []
        for writer in range(15):
            process = subprocess.Popen(
                [sys.executable, "-c", PUTTING, str(path), str(writer)], stdout=subprocess.PIPE
            )
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.3))
            process.kill()
            process.communicate()
            entries = entries_of(path)
            assert all(_unpack(*entry) for entry in entries)
            held.append(len(entries))
        assert held == sorted(held) and len(set(held)) > 3 and any(count % 200 for count in held)

    def test_a_clock_set_back(self, whole, undisturbed, monkeypatch):
        os.utime(whole, (2**33, 2**33))
        monkeypatch.setattr(time, "time", lambda: 0.0)
        self.mended(whole, undisturbed, monkeypatch)


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def entries_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT key, content FROM network").fetchall()


class mounted:
    """A small disk of its own, where one can be mounted."""

    def __init__(self, folder: Path, size: str):
        self.folder, self.size = folder, size

    def __enter__(self):
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", str(self.folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("no small disk can be mounted here")

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


# Keeps 200 results, one after another, without training them.
PUTTING = """
import sys
import numpy as np
from emolib.training.cache import Cache
from emolib.training.cache import NetworkResult

class Data:
    digest = "of nothing"

cache = Cache(sys.argv[1])
print("begins", flush=True)
for number in range(200):
    scores, weights, losses = np.ones((200, 7)), np.ones(200), np.ones(9)
    result = NetworkResult(scores, np.arange(200), weights, losses, 3, 0.5, False)
    cache.put(Data, [({"writer": sys.argv[2], "number": number}, result)], "cpu float32")
"""


# Trains two networks of another process and prints a digest of their weights.
TRAINS = """
import hashlib
import numpy as np
import pandas as pd
from emolib.data import EmotionData
from emolib.training.sweeps import sweep
from emolib.training.train import train

random = np.random.default_rng(0)
rows = np.arange(12)
data = EmotionData(
    features={"LPQ": random.random((12, 5)).astype(np.float32)}, labels=rows % 2,
    classes=("Angry", "Happy"), groups=rows.astype(str), names=rows.astype(str), source="12 rows",
    drawn=False, repairs=pd.DataFrame(),
)
trained = train(data, sweep(modality="LPQ", hidden=2, folds=2, max_epochs=1), jobs=1)
print(hashlib.sha256(b"".join(result.weights.tobytes() for result in trained.results)).hexdigest())
"""


def python(code, package=None, without="NUMBA_", **settings):
    """Output of a process of its own, and the sentences that it says."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(without)
    } | settings
    done = subprocess.run(  # the working folder is the first that python imports from
        [sys.executable, "-c", code],
        env=environment,
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("emolib: ")]
    return done.stdout, said


# Scores of a network by one compiled kernel, as a digest.
SCORES = """
import hashlib
import numpy as np
from emolib.training import kernels
from emolib.training.kernels.arithmetic import constants

random = np.random.default_rng(0)
weights, alive, x = (random.random(size).astype(np.float32) for size in (21, 2, (9, 5)))
scores = kernels.shallow_scores(weights, alive, x, 3, constants(weights.dtype))
print(hashlib.sha256(scores.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache folder with a compiled kernel, and what it computed."""
    folder = tmp_path_factory.mktemp("compiled")
    return folder, python(SCORES, EMOLIB_CACHE=str(folder))[0]


class TestCompiled:
    """A kernel that another process compiled, and the folder in which it lies."""

    @staticmethod
    def files(folder):
        return {file.name: file.stat().st_mtime_ns for file in (folder / "compiled").rglob("*.nb?")}

    def test_a_second_process_compiles_nothing(self, kept):
        folder, expected = kept
        before = self.files(folder)
        assert python(SCORES, EMOLIB_CACHE=str(folder)) == (expected, [])
        assert self.files(folder) == before and len(before) == 2  # index and code

    @pytest.mark.parametrize("damage", ["cut", "empty", "text"])
    def test_damage_is_told_and_compiled_again(self, kept, tmp_path, damage):
        folder = shutil.copytree(kept[0], tmp_path / "damaged")
        for file in (folder / "compiled").rglob("*.nb?"):
            content = file.read_bytes()
            file.write_bytes(
                {"cut": content[: len(content) // 2], "empty": b"", "text": b"text"}[damage]
            )
        found, said = python(SCORES, EMOLIB_CACHE=str(folder))
        assert found == kept[1] and all("cannot be used" in line for line in said) and said
        assert python(SCORES, EMOLIB_CACHE=str(folder)) == (kept[1], [])

    def test_a_kernel_changed_in_another_file_is_compiled_anew(self, kept, tmp_path):
        package, folder = shutil.copytree(PACKAGE, tmp_path / "emolib").parent, str(tmp_path)
        assert python(SCORES, package, EMOLIB_CACHE=folder) == (kept[1], [])
        file = package / "emolib" / "training" / "kernels" / "arithmetic.py"
        text = file.read_text()
        changed = text.replace("z[i] = one / (one + z[i]", "z[i] = one / (one + one + z[i]")
        assert changed != text
        file.write_text(changed)
        before = self.files(tmp_path)
        found, _ = python(SCORES, package, EMOLIB_CACHE=folder)
        assert found != kept[1] and len(self.files(tmp_path)) == len(before) + 2

    def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(self, kept, tmp_path):
        (tmp_path / "file").touch()
        found, said = python(SCORES, EMOLIB_CACHE=str(tmp_path / "file" / "folder"))
        assert found == kept[1]
        assert len(said) == 1 and "set EMOLIB_CACHE" in said[0]

    def test_settings_of_the_user_s_own_stay(self, tmp_path):
        own = dict(NUMBA_CACHE_DIR=str(tmp_path / "own"), NUMBA_CPU_NAME="generic")
        code = "import os, emolib.training.kernels, numba; print(numba.config.CACHE_DIR)"
        code += "; print(os.environ.get('NUMBA_CPU_FEATURES'))"
        found, _ = python(code, EMOLIB_CACHE=str(tmp_path), **own)
        assert found.split() == [str(tmp_path / "own"), "None"]


def test_without_a_place_to_keep_things_everything_works_and_one_sentence_says_so():
    code = TRAINS + "import emolib\nprint(emolib.Cache().path)\n"
    code += "cache = emolib.Cache()\nfor _ in range(2):\n"
    code += "    again = train(data, trained.table, cache=cache, jobs=1)\n"
    found, said = python(code, without=("NUMBA_", "EMOLIB_CACHE"), HOME="/proc/nonexistent")
    assert len(found.split()[0]) == 64
    assert len(said) == 1 and "set EMOLIB_CACHE" in said[0]
