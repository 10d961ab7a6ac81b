"""Shows the library's own source in a lesson, each symbol of a formula in one colour."""

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from IPython.display import HTML
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import emolib

# The formulas of the walkthroughs write \textcolor{#0068a5}{…} in the same colours.
COLOURS = {
    "blue": "#0068a5",
    "red": "#b0412f",
    "green": "#00805e",
    "purple": "#6a4c93",
    "brown": "#8a5a00",
}


def show(thing: Callable[..., object], **names: str) -> HTML:
    """The source of a function or class as it stands in the library, without its docstring.

    Args:
        thing: what to show.
        names: colours of :data:`COLOURS` by the variable that they are for.

    Raises:
        ValueError: there is no such colour, or the source does not hold such a variable.

    Example:
        >>> show(emolib.angles, vectors="blue")
    """
    thing = getattr(thing, "py_func", thing)  # what Numba compiled was Python before
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getfile(thing)).relative_to(Path(emolib.__file__).parents[1])
    html = highlight(
        _without_docstring("".join(lines)),
        PythonLexer(),
        HtmlFormatter(noclasses=True, style="bw", nowrap=True),
    )
    for name, colour in names.items():
        if colour not in COLOURS:
            raise ValueError(f"there is no colour {colour!r}; there are {', '.join(COLOURS)}")
        # a name stands alone, never inside a tag: attributes of the highlighter hold none of ours
        html, found = re.subn(
            rf"(?<![\w#-]){name}(?![\w-])(?![^<]*>)",
            f'<b style="color: {COLOURS[colour]}">{name}</b>',
            html,
        )
        if not found:
            raise ValueError(f"{thing.__name__} holds no {name}")
    return HTML(
        f'<figure class="listing" style="margin: 0"><pre tabindex="0" style="background: #fbfaf7; color: #222; padding: 0.8em; overflow-x: auto; '
        f'line-height: 1.45">{html}</pre><figcaption><small>{file}, from line {first}</small></figcaption></figure>'
    )


def _without_docstring(source: str) -> str:
    source = dedent(source)
    node = ast.parse(source).body[0]
    lines = source.splitlines()
    for part in sorted(
        (n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.ClassDef)),
        key=lambda n: -n.lineno,
    ):
        if ast.get_docstring(part):
            text = part.body[0]
            after = text.end_lineno or text.lineno
            if after < len(lines) and not lines[after].strip():
                after += 1
            del lines[text.lineno - 1 : after]
    return "\n".join(lines) + "\n"
