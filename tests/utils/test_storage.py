"""What is written is there as a whole or not at all, and what is kept is found again or made again,
and told.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from emolib.utils import console
from emolib.utils.storage import keep, kept, seal, sweep, unseal, write


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("EMOLIB_CACHE", str(folder))
    console.say_once.cache_clear()
    return folder


class TestWrite:
    def test_replaces_and_leaves_nothing_beside(self, tmp_path):
        file = tmp_path / "a.txt"
        for content in ("first", "zweites ß", b"\0third"):
            write({file: content})
            assert file.read_bytes() == (content.encode() if isinstance(content, str) else content)
        assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
        assert file.stat().st_mode & 0o777 == 0o666 & ~umask()

    @pytest.mark.parametrize("fails", ["open", "fsync"])
    def test_files_go_into_place_together_or_not_at_all(self, tmp_path, monkeypatch, fails):
        one, two = tmp_path / "a", tmp_path / "b"
        write({one: "old"})
        calls = []

        def full(*arguments, **options):
            calls.append(arguments)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return before(*arguments, **options)

        owner = {"open": Path, "fsync": os}[fails]
        before = getattr(owner, fails)
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
            patch.setattr(owner, fails, full)
            write({one: "new", two: "new"})
        assert one.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_a_disk_limit_in_the_midst_of_a_file_leaves_the_last_one(self, tmp_path):
        """The kernel refuses to let any file grow beyond 64 KiB, as a full disk would."""
        file = tmp_path / "a"
        write({file: "old"})
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, str(file)], capture_output=True, text=True
        )
        assert done.stdout == "File too large\n", done.stderr
        assert file.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_killed_at_any_moment_a_reader_finds_one_whole_content(self, tmp_path):
        file = tmp_path / "a"
        write({file: content(0)})
        moments, seen = np.random.default_rng(5), set()
        for _ in range(25):
            process = subprocess.Popen(
                [sys.executable, "-c", WRITING, str(file)], stdout=subprocess.PIPE
            )
            process.stdout.readline()
            time.sleep(moments.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            found = file.read_bytes()
            assert found == content(found[0])
            seen.add(found[0])
        assert len(seen) > 1  # it was at work when it was killed

    def test_two_writers_at_once_do_not_mix(self, tmp_path):
        file = tmp_path / "a"
        write({file: content(0)})
        processes = [
            subprocess.Popen([sys.executable, "-c", WRITING, str(file)], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for process in processes:
            process.stdout.readline()
        for _ in range(200):
            found = file.read_bytes()
            assert found == content(found[0])
        for process in processes:
            process.kill()
            process.communicate()

    def test_what_a_killed_writer_left_is_swept_later_and_nothing_else(self, tmp_path):
        left = tmp_path / f".a.{'0f' * 16}.tmp"
        others = [tmp_path / name for name in (".vimrc.tmp", "notes.tmp", f"a.{'0f' * 16}.tmp")]
        for path in (left, *others):
            path.touch()
        sweep(tmp_path)
        assert left.exists()  # its writer may be at work
        os.utime(left, (0, 0))
        sweep(tmp_path)
        assert not left.exists() and all(path.exists() for path in others)
        left.touch()
        os.utime(left, (2**33, 2**33))  # by a clock that ran ahead
        sweep(tmp_path, age=0)
        assert not left.exists() and all(path.exists() for path in others)


class TestKept:
    def test_is_made_once(self, cache):
        calls = []

        def make():
            calls.append(1)
            return np.arange(3)

        for _ in range(3):
            np.testing.assert_array_equal(kept("numbers", make), [0, 1, 2])
        assert len(calls) == 1 and [path.name for path in cache.iterdir()] == ["numbers"]

    def test_under_another_name_is_not_taken_for_this_one(self, cache, capsys):
        kept("one", lambda: 1)
        os.replace(cache / "one", cache / "two")
        assert (
            kept("two", lambda: 2) == 2
            and "two cannot be read (damaged); it is made again" in capsys.readouterr().err
        )

    def test_packed_by_an_earlier_version_is_made_again(self):
        keep("old", b"of another kind")
        assert kept("old", lambda: 3) == kept("old", lambda: 4) == 3

    def test_a_seal_tells_every_bit(self):
        sealed = seal("key", b"content")
        assert unseal("key", sealed) == b"content"
        for place in range(8 * len(sealed)):
            bent = bytearray(sealed)
            bent[place // 8] ^= 1 << place % 8
            with pytest.raises(ValueError, match="damaged"):
                unseal("key", bytes(bent))
        for end in range(len(sealed)):
            with pytest.raises(ValueError, match="damaged"):
                unseal("key", sealed[:end])


def umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def content(number: int) -> bytes:
    """Long enough to take several writes to the disk."""
    return bytes([number]) * 2_000_000


WRITING = """
import sys
from pathlib import Path
from emolib.utils.storage import write
print("begins", flush=True)
number = 0
while True:
    number = (number + 1) % 256
    write({Path(sys.argv[1]): bytes([number]) * 2_000_000}, durable=False)
"""

LIMITED = """
import resource, signal, sys
from pathlib import Path
from emolib.utils.storage import write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    write({Path(sys.argv[1]): bytes(100_000)})
except OSError as error:
    print(error.strerror)
"""
