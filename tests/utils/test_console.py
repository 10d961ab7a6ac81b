"""What is said is one line, whatever is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.utils.console import LENGTH, one_line, say, say_once


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
