"""Cards: a figure, slider or table as the HTML that stands in the report, shown by a notebook."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from emolib.report.markup import CARD, RESULTS, csv, grid, macro, number, svg


class Picture(Protocol):
    """A drawn figure with its alt text and its numbers.

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
        ValueError: the picture has no alt text or no data, or there is no caption.
    """
    _show("figure", id, caption, picture.data, states=[_drawn(id, picture)])


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
        _drawn(f"{id}-{place}", picture) | {"value": f"{value:g}{unit}"}
        for place, (value, picture) in enumerate(states.items())
    ]
    _show("slider", id, caption, data, states=drawn, label=label)


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
        ValueError: the frame has no column or no row, or there is no caption.
    """
    if not frame.shape[1]:
        raise ValueError(f"table {id} has no column")
    _show("table", id, caption, frame, grid=grid(frame, formats))


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


def _show(kind: str, id: str, caption: str, data: pd.DataFrame, **parts: Any) -> None:
    if not re.fullmatch(
        r"(?!chapter-|(?:contents|content|verdict|reading|provenance|code-switch)$)[a-z][a-z0-9-]*",
        id,
    ):
        raise ValueError(
            f"the id {id!r} is not lower-case letters, digits and hyphens, or is one of the page's "
            "own"
        )
    if not caption.strip():
        raise ValueError(f"{kind} {id} has no caption")
    if data.empty:
        raise ValueError(f"{kind} {id} has no data behind it")
    called = number("Table" if kind == "table" else "Figure", id)
    html = macro("cards.html", kind, id=id, number=called, caption=caption, csv=csv(data), **parts)
    alt = data.to_string() if kind == "table" else parts["states"][0]["alt"]
    about = {CARD: {"id": id, "number": called, "caption": caption}}
    display({"text/html": html, "text/plain": alt}, raw=True, metadata=about)


def _drawn(id: str, picture: Picture) -> dict[str, Any]:
    if not picture.alt.strip():
        raise ValueError(f"figure {id} has no alt text")
    width, height = (round(inches * 96) for inches in picture.figure.get_size_inches())
    state = {"alt": picture.alt, "svg": svg(picture.figure, id), "width": width, "height": height}
    plt.close(picture.figure)
    return state


def _strict(value: Any) -> Any:
    """``value`` in JSON's own types; numbers that JSON lacks (NaN, infinity) become null."""

    def simple(item: Any) -> Any:
        if isinstance(item, np.ndarray | np.generic):
            return item.tolist()
        raise TypeError(f"results are numbers, text, lists and dicts, not {type(item).__name__}")

    return json.loads(json.dumps(value, default=simple), parse_constant=lambda name: None)
