"""What is computed once is found again, under a key of everything that made it."""

from dataclasses import replace
from pathlib import Path

import pytest

from emolib.utils import memory
from emolib.utils.memory import computed

CALLS = []


def work(data, *arguments, **options):
    CALLS.append((arguments, options))
    return {"rows": len(data), "of": arguments}


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOLIB_CACHE", str(tmp_path))
    CALLS.clear()


def test_the_same_question_is_answered_once(tiny):
    assert (
        computed(work, tiny, 1, by="x")
        == computed(work, tiny, 1, by="x")
        == {"rows": 60, "of": (1,)}
    )
    assert len(CALLS) == 1


def test_other_arguments_data_or_code_are_other_questions(tiny, monkeypatch):
    computed(work, tiny, 1)
    computed(work, tiny, 2)
    computed(work, tiny, 1, by="x")
    computed(work, replace(tiny, labels=tiny.labels[::-1].copy()), 1)
    assert len(CALLS) == 4
    monkeypatch.setattr(memory, "reached", lambda sources: [Path(__file__)])
    computed(work, tiny, 1)
    assert len(CALLS) == 5
