"""Markup of cards: templates, a figure as SVG, a frame as a table, and their numbers."""

import numbers
import re
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The MIME type by which published results travel inside an executed notebook, and the name of the
# metadata by which the build knows a card.
RESULTS, CARD = "application/vnd.emolib.results+json", "emolib"
# Stands between the kind and the id of a card whose number only the whole report knows.
UNNUMBERED = "\N{NO-BREAK SPACE}"
# What stands in a data URI as it is: all but the signs that end it or an attribute, and those that
# URIs read otherwise.
_AS_IT_IS = " !$'()*+,-./:;=>?@[]^_`{|}~"

# In an attribute that holds coordinates, two decimals are a hundredth of a point.
_COORDINATES = re.compile(r' (?:d|x|y|points|transform)="[^"]*"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_UNUSED_ID = re.compile(
    r' id="\w[\w.]*_\d+"'
)  # names of artists; what is referred to has a hash for a name
_FONT = re.compile(r" ?font-family: ([^;\"]*);?")

Run = list[Any]  # position, label, length


def _uri(content: str, mime: str) -> Markup:
    return Markup(f"data:{mime};charset=utf-8,") + Markup(quote(content, safe=_AS_IT_IS))


templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
templates.filters["uri"] = _uri


def macro(template: str, name: str, *arguments: Any, **options: Any) -> str:
    """HTML made by a macro of one of the templates beside this file."""
    return str(
        getattr(templates.get_template(template).module, name)(*arguments, **options)
    ).strip()


def number(kind: str, id: str) -> str:
    """ "Figure 6a" for ``fig-6a``, as in the paper; an id of another form is numbered by the build,
    and until then follows the kind after :data:`UNNUMBERED`.
    """
    known = re.fullmatch(r"(?:fig|table)-(\w+)", id)
    return f"{kind} {known[1]}" if known else f"{kind}{UNNUMBERED}{id}"


def svg(figure: "Figure", salt: str) -> str:
    """The figure as one line of SVG; the same figure and salt give the same text.

    Args:
        figure: what to draw; it is left as it is.
        salt: makes the ids inside the drawing, so that those of two drawings differ.
    """
    from matplotlib import rc_context  # a build needs no drawing library

    file = StringIO()
    # ids inside an SVG are random and its date is now, unless told otherwise
    with rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(
            file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    drawn = file.getvalue()
    drawn = re.sub(r"\s*\n\s*", " ", drawn[drawn.index("<svg") :]).strip().replace("> <", "><")
    drawn = _COORDINATES.sub(lambda found: _LONG_NUMBER.sub(_rounded, found[0]), drawn)
    drawn = re.sub(r"<g(?: clip-path=\"[^\"]*\")?/>", "", _UNUSED_ID.sub("", drawn))
    # Matplotlib names every font it knows at every text; once, at the root, is enough
    if _FONT.search(drawn):
        drawn = _FONT.sub("", drawn).replace(
            "<svg ", '<svg font-family="DejaVu Sans, Verdana, sans-serif" ', 1
        )
    return drawn


def csv(frame: pd.DataFrame) -> str:
    """The frame as CSV with six significant digits, more than any figure shows."""
    return frame.to_csv(index=_is_named(frame.index), float_format="%.6g", lineterminator="\n")


def grid(frame: pd.DataFrame, formats: str | dict[Any, str] | None = None) -> dict[str, Any]:
    """The cells of an accessible table, for the template.

    Args:
        frame: a plain row number is left out, any other index is kept.
        formats: see :func:`emolib.report.cards.table`.

    Returns:
        ``header``: runs ``[position, label, length]`` per level of the columns; ``names`` of the
        index levels; ``rows`` of ``heads`` (runs that begin here) and ``cells`` ``[text, whether a
        number]``; ``numeric``: whether each column is.
    """
    heads = _runs(frame.index) if _is_named(frame.index) else []
    texts = [_texts(frame.iloc[:, k], formats) for k in range(frame.shape[1])]
    numeric = [bool(pd.api.types.is_numeric_dtype(dtype)) for dtype in frame.dtypes]
    return {
        "header": _runs(frame.columns),
        "names": ["" if name is None else str(name) for name in frame.index.names] if heads else [],
        "rows": [
            {
                "heads": [run for level in heads for run in level if run[0] == i],
                "cells": [
                    [column[i], number] for column, number in zip(texts, numeric, strict=True)
                ],
            }
            for i in range(len(frame))
        ],
        "numeric": numeric,
    }


def _is_named(index: pd.Index) -> bool:
    return not isinstance(index, pd.RangeIndex) or index.name is not None


def _runs(index: pd.Index) -> list[list[Run]]:
    """Runs of equal labels per level, ``[position, label, length]``; innermost ones never join."""
    keys = [key if isinstance(key, tuple) else (key,) for key in index]

    def runs(level: int) -> list[Run]:
        innermost = level == index.nlevels - 1
        groups = groupby(range(len(keys)), key=lambda i: i if innermost else keys[i][: level + 1])
        return [
            [run[0], str(keys[run[0]][level]), len(run)]
            for run in (list(group) for _, group in groups)
        ]

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


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
