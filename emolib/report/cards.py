"""What a notebook calls to show something: a figure, a slider, a table, or results for programs.

A call shows the thing in Jupyter, and hands the build a card: all that stands on the page for it,
as plain data. The build adds where the numbers come from and makes the markup
(:mod:`emolib.report.markup`).
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from emolib.report.svg import svg
from emolib.report.tables import csv, grid

# The MIME types by which cards and published results travel inside an executed notebook.
CARD = "application/vnd.emolib.card+json"
RESULTS = "application/vnd.emolib.results+json"


class Picture(Protocol):
    """A drawn figure with its words and its numbers.

    Attributes:
        figure: the drawing.
        alt: the sentence that stands for it.
        data: the numbers behind it.
    """

    figure: matplotlib.figure.Figure
    alt: str
    data: pd.DataFrame


def figure(id: str, picture: Picture, caption: str) -> None:
    """Shows a picture as a card with its alt text, its data (CSV) and itself (SVG) to download.

    The same picture and id give the same bytes.

    Args:
        id: gives the number: ``fig-6a`` is Figure 6a of the paper; any other id is numbered by the
            build.
        picture: what to show; its figure is closed afterwards.
        caption: follows the number.

    Raises:
        ValueError: the picture has no alt text, or there are no numbers behind it.
    """
    state = _drawn(id, picture)
    card = {
        "kind": "figure",
        "id": _checked(id),
        "caption": caption,
        **state,
        "csv": csv(picture.data),
    }
    display({CARD: card, "image/svg+xml": state["svg"], "text/plain": picture.alt}, raw=True)


def slider(
    id: str, states: Mapping[float, Picture], caption: str, *, label: str, unit: str = ""
) -> None:
    """Shows pictures of one thing at several settings: on the page a slider moves between them.

    Where no script runs, and on paper, all states stand side by side.

    Args:
        id: as for :func:`figure`.
        states: the picture at each setting, in rising order of the setting.
        caption: follows the number.
        label: what the slider sets, such as ``"minimal angle"``.
        unit: follows each setting, such as ``"°"``.

    Raises:
        ValueError: there is no state, or one lacks its alt text or its numbers.
    """
    if not states:
        raise ValueError(f"slider {id} has no state")
    data = pd.concat(
        [picture.data.assign(**{label: value}) for value, picture in states.items()],
        ignore_index=True,
    )
    drawn = [
        {"value": f"{value:g}{unit}", **_drawn(f"{id}-{number}", picture)}
        for number, (value, picture) in enumerate(states.items())
    ]
    card = {
        "kind": "slider",
        "id": _checked(id),
        "caption": caption,
        "label": label,
        "states": drawn,
        "csv": csv(data),
    }
    display({CARD: card, "image/svg+xml": drawn[0]["svg"], "text/plain": drawn[0]["alt"]}, raw=True)


def table(
    id: str, frame: pd.DataFrame, caption: str, formats: str | dict[Any, str] | None = None
) -> None:
    """Shows a frame as an accessible table with its data (CSV) to download.

    A plain row number is not shown, any other index is.

    Args:
        id: gives the number: ``table-3`` is Table 3 of the paper; any other id is numbered by the
            build.
        frame: what to show.
        caption: follows the number.
        formats: one format string such as ``"{:.1%}"`` for every number, or one for each column
            named; other fractions get two decimals, and what is missing is a dash.

    Raises:
        ValueError: the frame has no column.
    """
    if not frame.shape[1]:
        raise ValueError(f"table {id} has no column")
    card = {
        "kind": "table",
        "id": _checked(id),
        "caption": caption,
        **grid(frame, formats),
        "csv": csv(frame),
    }
    display({CARD: card, "text/html": frame.to_html(), "text/plain": frame.to_string()}, raw=True)


def publish(name: str, records: Any) -> None:
    """Hands results to the build, which gathers them in ``results.json``.

    Args:
        name: the results' name there.
        records: numbers, text, lists and dicts.

    Raises:
        TypeError: a value is none of these.
    """
    bundle = {RESULTS: {name: _strict(records)}, "text/plain": f"published: {name}"}
    display(bundle, raw=True)


def plain(text: Any) -> str:
    """``text`` for use inside Markdown, where it then stands as it is, whatever signs it holds.

    Example:
        >>> plain("a_b <c>")
        'a\\\\_b \\\\<c\\\\>'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", str(text))


def _checked(id: str) -> str:
    if not re.fullmatch(
        r"(?!chapter-|(?:contents|content|verdict|reading|provenance|code-switch)$)[a-z][a-z0-9-]*",
        id,
    ):
        raise ValueError(
            f"the id {id!r} is not lower-case letters, digits and hyphens, or is one of the page's own"
        )
    return id


def _drawn(id: str, picture: Picture) -> dict[str, Any]:
    if not picture.alt.strip():
        raise ValueError(f"figure {id} has no alt text")
    if picture.data.empty:
        raise ValueError(f"figure {id} has no data behind it")
    width, height = (round(inches * 96) for inches in picture.figure.get_size_inches())
    state = {"alt": picture.alt, "svg": svg(picture.figure, id), "width": width, "height": height}
    plt.close(picture.figure)
    return state


def _strict(value: Any) -> Any:
    """``value`` in JSON's own types; a number that JSON does not know (NaN, infinity) becomes null."""
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"results are numbers, text, lists and dicts, not {type(value).__name__}")
