"""What a checking cell says: right, or what is wrong and where to look."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any

import numpy as np
import torch

NO_ANSWER = (
    "there is no answer yet; put yours where the three dots are, run that cell, and come back."
)


class Wrong(Exception):
    """An answer that is not right; the message is for the student."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check, shown by a notebook as a sentence.

    Attributes:
        right: whether the answer is accepted.
        sentence: for the student; on a wrong answer it says what is wrong with this one.
    """

    right: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'Right' if self.right else 'Not yet'}: {self.sentence}"

    def _repr_html_(self) -> str:
        colour, mark = ("#00805e", "✓") if self.right else ("#b0412f", "✗")
        return f'<p class="verdict" style="border-left: 4px solid {colour}; padding-left: 0.8em">{mark} {escape(str(self))}</p>'


def check(judge: Callable[[Any], str]) -> Callable[[Any], Verdict]:
    """Makes a check of a function that returns what to say of a right answer, and raises
    :class:`Wrong` for others.

    No answer yet (``...``) is said to be none, and an answer that breaks the judge is told how it
    broke.
    """

    @wraps(judge)
    def verdict(answer: Any) -> Verdict:
        if answer is ...:
            return Verdict(False, NO_ANSWER)
        try:
            return Verdict(True, judge(answer))
        except Wrong as wrong:
            return Verdict(False, str(wrong))
        except Exception as error:  # a student's function may do anything
            return Verdict(False, f"trying your answer ended in {type(error).__name__}: {error}")

    return verdict


def number(answer: Any) -> float:
    """An answer as a plain number."""
    if isinstance(answer, torch.Tensor | np.ndarray) and np.size(answer) == 1:
        return float(answer.item())
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        raise Wrong(f"one number is asked for; this is {_kind(answer)}.")
    return float(answer)


def array(answer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An answer as an array of a given shape."""
    try:
        values = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer, float)
    except (TypeError, ValueError):
        raise Wrong(f"numbers are asked for, of shape {shape}; this is {_kind(answer)}.") from None
    if values.shape != shape:
        raise Wrong(f"the shape should be {shape}; yours is {values.shape}.")
    return values


def function(answer: Any) -> Callable[..., Any]:
    """An answer that must be a function, and give something back."""
    if not callable(answer):
        raise Wrong(f"a function is asked for; this is {_kind(answer)}.")

    @wraps(answer)
    def tried(*arguments: Any) -> Any:
        given = answer(*arguments)
        if given is ...:
            raise Wrong(NO_ANSWER)
        if given is None:
            raise Wrong("your function returns nothing; end it with return.")
        return given

    return tried


def close(a: Any, b: Any, tolerance: float = 1e-4) -> bool:
    """Whether two answers agree but for rounding."""
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=0, atol=tolerance))


def _kind(answer: Any) -> str:
    return f"of type {type(answer).__name__}"
