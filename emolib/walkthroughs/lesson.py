"""Checks of students' answers, and listings of the library's own source."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from html import escape
from itertools import combinations
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import torch
from IPython.display import HTML
from pygments import formatters, highlight, lexers

from emolib.utils import one_of

NO_ANSWER = (
    "there is no answer yet; put yours where the three dots are, run that cell, and come back."
)
# The formulas of the walkthroughs write \textcolor{#0068a5}{…} in the same colours.
COLOURS = {
    "blue": "#0068a5",
    "red": "#b0412f",
    "green": "#007a59",
    "purple": "#6a4c93",
    "brown": "#8a5a00",
}

# a wrong answer, or whether the mistake was made, the sentence that names the mistake, and its
# tolerance if that is not the right answer's
Mistakes = Iterable[tuple[Any, str] | tuple[Any, str, float]]
# The type of the output that carries the rules of a check to the page.
RULES = "application/vnd.emolib.rules+json"
# In place of a number, asks a check for its rules.
ASKED: Any = float("nan")


class Wrong(Exception):
    """A wrong answer; the message is for the student."""


class Asked(Exception):
    """The rules of a check for numbers, see :func:`rules_of`."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check, shown by a notebook as a sentence.

    Attributes:
        right: whether the answer is accepted.
        sentence: for the student; it names the mistake in a wrong answer.
        rules: of the check, with a right answer, for a page that has no Python.
    """

    right: bool
    sentence: str
    rules: dict[str, Any] | None = None

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {RULES: self.rules} if self.rules else {}

    def _repr_html_(self) -> str:
        colour, word = ("#007a59", "✓ Right") if self.right else ("#b0412f", "✗ Not yet")
        style = f"border-left: 4px solid {colour}; padding-left: 0.8em"
        return f'<p class="verdict" style="{style}">{word}: {escape(self.sentence)}</p>'


def check(judge: Callable[[Any], str], options: Sequence[Any] = ()) -> Callable[[Any], Verdict]:
    """Makes a check of a function that returns the praise of a right answer and raises
    :class:`Wrong` for others.

    No answer yet (``...``) and an answer that raises an error get a sentence of their own.

    Args:
        judge: the function.
        options: all there are, where the answer is a set of some.
    """

    @wraps(judge)
    def verdict(answer: Any) -> Verdict:
        if answer is ...:
            return Verdict(False, NO_ANSWER)
        try:
            return Verdict(True, judge(answer), rules_of(judge, options))
        except Wrong as wrong:
            return Verdict(False, str(wrong))
        except Exception as error:  # a student's function may do anything
            return Verdict(False, f"trying your answer ended in {type(error).__name__}: {error}")

    return verdict


def rules_of(judge: Callable[[Any], str], options: Sequence[Any] = ()) -> dict[str, Any] | None:
    """The rules of a check, to be followed by a page; None if the answer is a function.

    Returns:
        ``rules``: answer, sentence and tolerance, the right answer first; of the ``options`` an
        answer holds the positions of those that were chosen. ``otherwise``: the sentence for all
        other answers.
    """
    rules: list[list[Any]] = []
    for count in range(len(options) + 1):
        for chosen in combinations(range(len(options)), count):
            try:
                rules.insert(0, [chosen, judge({options[k] for k in chosen}), 0])
            except Wrong as wrong:
                rules.append([chosen, str(wrong), 0])
    if options:
        return {"options": [str(option) for option in options], "rules": rules, "otherwise": ""}
    try:
        judge(ASKED)
    except Asked as asked:
        return dict(asked.args[0])
    except Wrong:
        pass
    return None


def check_with(judge: Callable[..., str]) -> Callable[..., Callable[[Any], Verdict]]:
    """Makes a check of a function of the answer and of data, called as ``made(data)(answer)``."""

    @wraps(judge)
    def made(*data: Any) -> Callable[[Any], Verdict]:
        return check(lambda answer: judge(answer, *data))

    return made


def judged(
    found: Any, right: Any, praise: str, mistakes: Mistakes, otherwise: str, tolerance: float = 1e-4
) -> str:
    """The praise, if an answer is right.

    Raises:
        Wrong: the sentence of the first mistake that was made, or the one for any other answer.
        Asked: the answer is :data:`ASKED`.
    """
    if found is ASKED:
        numbers = [mistake for mistake in mistakes if not isinstance(mistake[0], bool | np.bool)]
        rules = [
            [np.ravel(wrong).tolist(), sentence, *(own or [tolerance])]
            for wrong, sentence, *own in [(right, praise), *numbers]
        ]
        raise Asked({"rules": rules, "otherwise": otherwise})
    if close(found, right, tolerance):
        return praise
    for wrong, sentence, *own in mistakes:
        made = (
            wrong
            if isinstance(wrong, bool | np.bool)
            else close(found, wrong, *(own or [tolerance]))
        )
        if made:
            raise Wrong(sentence)
    raise Wrong(otherwise)


def tried(
    answer: Any,
    *arguments: Any,
    error: tuple[type[Exception], ...] = (),
    sentence: str = "",
) -> Any:
    """The result of a student's function.

    Raises:
        Wrong: it is no function, returned nothing, or raised one of the errors: the sentence, in
            which ``{}`` stands for the error's own message.
    """
    if not callable(answer):
        raise Wrong(f"a function is asked for; this is of type {type(answer).__name__}.")
    try:
        given = answer(*arguments)
    except error as broken:
        raise Wrong(sentence.format(str(broken).splitlines()[0])) from None
    if given is ...:
        raise Wrong(NO_ANSWER)
    if given is None:
        raise Wrong("your function returns nothing; end it with return.")
    return given


def number(answer: Any) -> float:
    """An answer as a plain number."""
    if isinstance(answer, torch.Tensor | np.ndarray) and np.prod(answer.shape) == 1:
        return float(answer.item())
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        raise Wrong(f"one number is asked for; this is of type {type(answer).__name__}.")
    return float(answer)


def array(answer: Any, shape: tuple[int, ...], others: Mapping[Any, str] | None = None) -> Any:
    """An answer as an array of a given shape; ``others`` are wrong shapes and their sentences."""
    if answer is ASKED:
        return answer
    try:
        values = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer, float)
    except (TypeError, ValueError):
        raise Wrong(
            f"numbers are asked for, of shape {shape}; this is of type {type(answer).__name__}."
        ) from None
    if values.shape != shape:
        otherwise = f"the shape should be {shape}; yours is {values.shape}."
        raise Wrong((others or {}).get(values.shape, otherwise))
    return values


def close(a: Any, b: Any, tolerance: float = 1e-4) -> bool:
    """Equality but for rounding."""
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=0, atol=tolerance))


def show(thing: Callable[..., object], **names: str) -> HTML:
    """Listing of a function or class of the library, without its docstrings.

    Args:
        thing: the function or class.
        names: colours of :data:`COLOURS` by the variable that they are for.

    Raises:
        ValueError: there is no such colour, or no such variable in the source.

    Example:
        >>> show(emolib.FeatureNet, h="blue", pool="brown")
    """
    thing = getattr(thing, "py_func", thing)  # the Python function that Numba compiled
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getfile(thing)).relative_to(Path(__file__).parents[2])
    # without docstrings and the blank line after each
    source = re.sub(
        r'^ *""".*?"""\n\n?', "", dedent("".join(lines)), flags=re.DOTALL | re.MULTILINE
    )
    formatter = formatters.HtmlFormatter(noclasses=True, style="bw", nowrap=True)
    html = highlight(source, lexers.PythonLexer(), formatter)
    for name, colour in names.items():
        one_of("colour", colour, COLOURS)
        bold = f'<b style="color: var(--{colour}, {COLOURS[colour]})">{name}</b>'
        # a whole name, never inside a tag: the highlighter's attributes hold none of ours
        pattern = rf"(?<![\w#-]){name}(?![\w-])(?![^<]*>)"
        html, found = re.subn(pattern, bold, html)
        if not found:
            raise ValueError(f"{thing.__name__} holds no {name}")
    style = (
        "background: var(--raised, #fbfaf7); color: var(--text, #222); padding: 0.8em; "
        "overflow-x: auto; line-height: 1.45"
    )
    return HTML(
        f'<figure class="listing" style="margin: 0"><pre tabindex="0" style="{style}">{html}</pre>'
        f"<figcaption><small>{file}, from line {first}</small></figcaption></figure>"
    )
