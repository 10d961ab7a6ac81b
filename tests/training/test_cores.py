"""As many processes at work as there are cores, however many wait."""

import os
import subprocess
import sys
import time

import joblib

from emolib.training.cores import VARIABLE, core, share_out

HOLD = """
import sys, time
from pathlib import Path
from emolib.training.cores import core
with core():
    Path(sys.argv[1]).touch()
    time.sleep(float(sys.argv[2]))
"""


def test_without_a_build_nobody_waits(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with core(), core():
        pass


@core()
def squared(number):
    return number * number


def test_workers_take_their_turns_and_lose_nothing(tmp_path, monkeypatch):
    for name, value in share_out(tmp_path / "cores").items():
        monkeypatch.setenv(name, value)
    assert joblib.Parallel(n_jobs=3, prefer="threads")(
        joblib.delayed(squared)(number) for number in range(20)
    ) == [n * n for n in range(20)]


def test_one_waits_until_a_core_is_free_or_its_holder_is_dead(tmp_path, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    shared = share_out(tmp_path / "cores")
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "first", "60"], env=os.environ | shared
    )
    while not (tmp_path / "first").exists():
        time.sleep(0.02)
    second = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "second", "0"], env=os.environ | shared
    )
    time.sleep(1)
    assert not (tmp_path / "second").exists()
    first.kill()
    first.wait()
    assert second.wait() == 0 and (tmp_path / "second").exists()
