"""A frame as the cells of an accessible table, and as CSV."""

import numbers
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

Run = list[Any]  # position, label, length


def grid(frame: pd.DataFrame, formats: str | dict[Any, str] | None = None) -> dict[str, Any]:
    """What the markup of a table needs, as plain data.

    Args:
        frame: a plain row number is left out, any other index is kept.
        formats: see :func:`emolib.report.cards.table`.

    Returns:
        ``header``: for each level of the columns, runs ``[position, label, length]``; ``names`` of
        the index levels; ``rows`` of ``heads`` (runs that begin here) and ``cells`` ``[text,
        whether a number]``; ``numeric``: whether each column is.
    """
    heads = _runs(frame.index) if _has_names(frame.index) else []
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


def csv(frame: pd.DataFrame) -> str:
    """The frame with six digits a number, more than any figure shows."""
    return frame.to_csv(index=_has_names(frame.index), float_format="%.6g", lineterminator="\n")


def _has_names(index: pd.Index) -> bool:
    return not isinstance(index, pd.RangeIndex) or index.name is not None


def _runs(index: pd.Index) -> list[list[Run]]:
    """Runs of equal labels at each level, as ``[position, label, length]``; the innermost labels
    never join.
    """
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
