"""What a notebook calls to show something: a figure, a table, or results for programs."""

import math
import numbers
import re
from base64 import b64encode
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from jinja2 import Environment, FileSystemLoader

# The MIME type by which published results travel inside an executed notebook.
RESULTS = "application/vnd.emolib.results+json"

_cards = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
).get_template("cards.html").module


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
        id: gives the title: ``fig-6a`` is "Figure 6a".
        picture: what to show; its figure is closed afterwards.
        caption: follows the title.

    Raises:
        ValueError: the picture has no alt text.
    """
    if not picture.alt.strip():
        raise ValueError(f"figure {id} has no alt text")
    svg = BytesIO()
    # ids inside an SVG are random and its date is now, unless told otherwise
    with matplotlib.rc_context({"svg.hashsalt": id, "svg.fonttype": "path"}):
        picture.figure.savefig(svg, format="svg", metadata={"Date": None})
    plt.close(picture.figure)
    width, height = (round(inches * 96) for inches in picture.figure.get_size_inches())
    html = _cards.figure(
        id=id, title=_title(id), caption=caption, alt=picture.alt, width=width, height=height,
        svg=_data_uri("image/svg+xml", svg.getvalue()), csv=_csv(picture.data),
    )  # fmt: skip
    display({"text/html": html, "text/plain": picture.alt}, raw=True)


def table(id: str, frame: pd.DataFrame, caption: str, formats: str | dict[Any, str] | None = None) -> None:
    """Shows a frame as an accessible table with its data (CSV) to download.

    A plain row number is not shown, any other index is.

    Args:
        id: gives the title: ``table-3`` is "Table 3"; an id without a number is titled by the caption alone.
        frame: what to show.
        caption: follows the title.
        formats: one format string such as ``"{:.1%}"`` for every number, or one for each column named; other
            fractions get two decimals, and what is missing is a dash.
    """
    heads = _runs(frame.index) if _has_names(frame.index) else []
    texts = [_texts(frame.iloc[:, k], formats) for k in range(frame.shape[1])]
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    rows = [
        {
            "heads": [run for level in heads for run in level if run[0] == i],
            "cells": [(column[i], number) for column, number in zip(texts, numeric)],
        }
        for i in range(len(frame))
    ]
    html = _cards.table(
        id=id, title=_title(id), caption=caption, header=_runs(frame.columns), numeric=numeric, rows=rows,
        names=["" if name is None else name for name in frame.index.names] if heads else [], csv=_csv(frame),
    )  # fmt: skip
    display({"text/html": html, "text/plain": frame.to_string()}, raw=True)


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


def _title(id: str) -> str:
    match = re.fullmatch(r"(fig|table)-(\w+)", id)
    return f"{'Figure' if match[1] == 'fig' else 'Table'} {match[2]}" if match else ""


def _data_uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{b64encode(content).decode()}"


def _csv(frame: pd.DataFrame) -> str:
    return _data_uri("text/csv;charset=utf-8", frame.to_csv(index=_has_names(frame.index)).encode())


def _has_names(index: pd.Index) -> bool:
    return not isinstance(index, pd.RangeIndex) or index.name is not None


def _runs(index: pd.Index) -> list[list[tuple[int, Any, int]]]:
    """Runs of equal labels at each level, as ``(position, label, length)``; the innermost labels never join."""
    keys = [key if isinstance(key, tuple) else (key,) for key in index]

    def runs(level: int) -> list[tuple[int, Any, int]]:
        innermost = level == index.nlevels - 1
        groups = groupby(range(len(keys)), key=lambda i: i if innermost else keys[i][: level + 1])
        return [(run[0], keys[run[0]][level], len(run)) for run in (list(group) for _, group in groups)]

    return [runs(level) for level in range(index.nlevels)]


def _texts(column: pd.Series, formats: str | dict[Any, str] | None) -> list[str]:
    form = formats.get(column.name) if isinstance(formats, dict) else formats

    def text(value: Any) -> str:
        if pd.api.types.is_scalar(value) and pd.isna(value):
            return "–"
        if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool):
            whole = isinstance(value, numbers.Integral)
            return (form or ("{}" if whole else "{:.2f}")).format(value)
        return str(value)

    return [text(value) for value in column]


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
