"""Faults under all that is kept: damage, a full or read-only disk, kills, a clock set back, two
writers at once.

Each time the results equal an undisturbed run's, what was whole is still found, and the person is
told.
"""

import errno
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
from PIL import Image

from emolib.data import images, load
from emolib.data.drawn import draw_faces
from emolib.data.images import Settings
from emolib.report import state, store
from emolib.training import train as training
from emolib.training.cache import Cache
from emolib.training.kernels import compiler
from emolib.training.kernels.compiler import compiled
from emolib.training.sweeps import RECIPES, Recipe, sweep
from emolib.training.train import train
from emolib.utils import console, storage
from emolib.utils.memory import computed
from emolib.utils.storage import cache_folder, keep


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
            (lambda path: change(path, "DROP TABLE entry"), None),
            (
                lambda path: change(path, "ALTER TABLE entry RENAME COLUMN sealed TO other"),
                "is damaged, and lies beside",
            ),
            (
                lambda path: change(path, "UPDATE entry SET sealed = zeroblob(length(sealed))"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE entry SET sealed = NULL"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE entry SET sealed = 7"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(path, "UPDATE entry SET sealed = 'text'"),
                "holds results that are damaged",
            ),
            (
                lambda path: change(
                    path, "UPDATE entry SET sealed = substr(sealed, 1, length(sealed) - 4)"
                ),
                "holds results that are damaged",
            ),
            # every entry under the key of the next
            (
                lambda path: change(
                    path,
                    "UPDATE entry SET sealed = (SELECT sealed FROM entry AS o WHERE o.rowid = entry.rowid % 8 + 1)",
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
        assert len(entries) == 400 and all(storage.unseal(*entry) for entry in entries)

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
            assert all(storage.unseal(*entry) for entry in entries)
            held.append(len(entries))
        assert held == sorted(held) and len(set(held)) > 3 and any(count % 200 for count in held)

    def test_a_clock_set_back(self, whole, undisturbed, monkeypatch):
        os.utime(whole, (2**33, 2**33))
        monkeypatch.setattr(time, "time", lambda: 0.0)
        self.mended(whole, undisturbed, monkeypatch)


class TestKept:
    """What is computed once, under the same faults."""

    def answer(self, tiny):
        return computed(numbers, tiny, 3)

    @pytest.fixture
    def file(self, tiny):
        self.answer(tiny)
        (file,) = (cache_folder() / "computed").iterdir()
        return file

    def test_damage_is_told_and_mended(self, tiny, file, capsys):
        content, random = file.read_bytes(), np.random.default_rng(11)
        damages = [content[:length] for length in (0, 1, 64, 65, 66, 300, len(content) - 1)] + [
            content + b"\0",
            bytes(len(content)),
            b"text",
        ]
        damages += [
            storage.seal("another key", content[65:]),
            np.arange(3.0).tobytes(),
            b"\x80\x05cos\nsystem\n",
        ]
        for place in random.integers(0, len(content), 80):
            damages.append(
                content[:place]
                + bytes([content[place] ^ 1 << random.integers(8)])
                + content[place + 1 :]
            )
        for damage in damages:
            console.say_once.cache_clear()
            file.write_bytes(damage)
            assert self.answer(tiny).equals(numbers(tiny, 3)) and file.read_bytes() == content
            assert capsys.readouterr().err.endswith("cannot be read (damaged); it is made again\n")

    def test_a_folder_in_its_place(self, tiny, file, capsys):
        file.unlink()
        file.mkdir()
        assert self.answer(tiny).equals(numbers(tiny, 3))
        said = capsys.readouterr().err
        assert (
            "cannot be read (Is a directory)" in said
            and "takes nothing more (Is a directory)" in said
        )

    @pytest.mark.parametrize(
        "code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT]
    )
    def test_a_disk_that_takes_no_more(self, tiny, monkeypatch, capsys, code):
        def refuse(*_, **__):
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            assert self.answer(tiny).equals(numbers(tiny, 3))
        assert (
            f"takes nothing more ({os.strerror(code)}); what is made now will be made again"
            in capsys.readouterr().err
        )
        assert not list((cache_folder() / "computed").iterdir())
        assert (
            self.answer(tiny).equals(numbers(tiny, 3))
            and len(list((cache_folder() / "computed").iterdir())) == 1
        )

    def test_a_real_disk_full_and_read_only(self, tiny, tmp_path, monkeypatch, capsys):
        disk = tmp_path / "disk"
        monkeypatch.setenv("EMOLIB_CACHE", str(disk))
        with mounted(disk, "16k"):
            (disk / "ballast").write_bytes(bytes(16_384))
            assert self.answer(tiny).equals(numbers(tiny, 3))
            assert "No space left on device" in capsys.readouterr().err
            (disk / "ballast").unlink()
            self.answer(tiny)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            assert self.answer(tiny).equals(numbers(tiny, 3)) and not capsys.readouterr().err
            assert (
                computed(numbers, tiny, 4).equals(numbers(tiny, 4))
                and "Read-only file system" in capsys.readouterr().err
            )


def test_drawn_faces_that_are_damaged_are_drawn_again(drawn, capsys):
    load()
    (file,) = cache_folder().glob("drawn-*")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    assert load().digest == drawn.digest and file.read_bytes() == content
    assert "cannot be read (damaged); it is made again" in capsys.readouterr().err


def test_images_that_are_damaged_are_described_again(tmp_path, capsys):
    faces = draw_faces().images
    for number in range(12):
        (tmp_path / "faces" / ("Happy", "Sad")[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(faces[number]).save(
            tmp_path / "faces" / ("Happy", "Sad")[number % 2] / f"p{number % 3}_{number:09d}.png"
        )
    folder = images.keep(tmp_path / "faces", Settings(size=32))
    digest = load(folder).digest
    (left := cache_folder() / "images-left.tmp").mkdir()  # by a run that was killed
    tried = 0
    for name in sorted(file.name for file in folder.iterdir()):
        for damage in ("bit", "cut", "gone"):
            content = bytearray((folder / name).read_bytes())
            content[len(content) // 2] ^= 4
            if damage == "gone":
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(content if damage == "bit" else content[:-1])
            with pytest.raises(ValueError, match="damaged|no sub-folder named after an emotion"):
                load(folder)
            assert (
                images.keep(tmp_path / "faces", Settings(size=32)) == folder
                and load(folder).digest == digest
            )
            assert "is damaged; the images are described again" in capsys.readouterr().err
            tried += 1
    assert tried == 18 and not left.exists()


class TestChapters:
    def test_the_run_just_kept_stays_when_the_clock_was_set_back(self):
        node = store.from_dict({"cells": []})
        for number in range(store.KEPT + 3):
            store.keep("1_a", f"early{number}", node)
        for file in (cache_folder() / "chapters").iterdir():
            os.utime(file, (2**33, 2**33))  # by a clock that ran ahead
        for number in range(3):
            store.keep("1_a", f"now{number}", node)
            assert store.fetch("1_a", f"now{number}", node)
        assert len(list((cache_folder() / "chapters").iterdir())) == store.KEPT

    def test_damaged_outputs_are_told(self, capsys):
        keep("chapters/1_a-key.json", b"{}")
        file = cache_folder() / "chapters" / "1_a-key.json"
        file.write_bytes(file.read_bytes() + b" ")
        assert not store.fetch("1_a", "key", store.from_dict({"cells": []}))
        assert "1_a-key.json cannot be read (damaged); it is made again" in capsys.readouterr().err

    def test_a_record_of_the_last_build_with_any_bit_turned_is_no_obstacle(self, tmp_path):
        inputs, page = (
            {"chapters": {"1_a": {"cells": "c"}}, "page": {"title": "t"}},
            tmp_path / "report.html",
        )
        page.write_text("page")
        content, random, record = (
            state.written("report", inputs, [page]),
            np.random.default_rng(9),
            tmp_path / state.NAME.format("report"),
        )
        record.write_bytes(content)
        assert state.is_current(state.last(tmp_path, "report"), inputs, [page])
        for place in range(len(content)):
            record.write_bytes(
                content[:place]
                + bytes([content[place] ^ 1 << random.integers(8)])
                + content[place + 1 :]
            )
            assert state.last(tmp_path, "report") == {}


def numbers(data, count):
    """Something that computed() keeps."""
    import pandas as pd

    return pd.DataFrame({"n": np.arange(count) / 3, "row": data.names[:count]})


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def entries_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT key, sealed FROM entry").fetchall()


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
from emolib.training.result import NetworkResult

class Data:
    digest = "of nothing"

cache = Cache(sys.argv[1])
print("begins", flush=True)
for number in range(200):
    result = NetworkResult(np.ones((200, 7)), np.ones(200), np.ones(9), 3, 0.5, False)
    cache.put(Data, [({"writer": sys.argv[2], "number": number}, result)], "cpu float32")
"""


class TestCompiled:
    """A compiled function whose code is kept."""

    @staticmethod
    def sums(values):
        whole = 0.0
        for value in values:
            whole += value
        return whole

    def call(self, kind=float):
        """Its result from a dispatcher that knows nothing but what is kept, and what that says it
        has loaded.
        """
        made = compiled(self.sums)
        return made(np.arange(5, dtype=kind)), sum(made.stats.cache_hits.values())

    def test_a_second_process_finds_it_and_another_signature_or_file_does_not(self, monkeypatch):
        assert self.call() == (10, 0) and self.call() == (10, 1)
        assert (
            self.call(np.float32) == (10, 0)
            and self.call() == (10, 1)
            and self.call(np.float32) == (10, 1)
        )
        monkeypatch.setattr(compiler, "SOURCE", "another kernel")
        assert self.call() == (10, 0)

    @pytest.mark.parametrize("damage", ["a bit", "cut", "empty"])
    def test_damage_is_told_and_compiled_again(self, damage, capsys):
        self.call()
        (path,) = (cache_folder() / "compiled").iterdir()
        whole = path.read_bytes()
        for place in range(0, len(whole), len(whole) // 7):
            turned = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
            path.write_bytes({"a bit": turned, "cut": whole[:place], "empty": b""}[damage])
            console.say_once.cache_clear()
            assert self.call() == (10, 0)
            assert "(damaged); it is made again" in capsys.readouterr().err
            assert self.call() == (10, 1)

    def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(self, monkeypatch, capsys):
        def full(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(storage, "write", full)
        assert self.call() == (10, 0) and self.call() == (10, 0)
        assert "No space left on device" in capsys.readouterr().err
