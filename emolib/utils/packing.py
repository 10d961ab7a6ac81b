"""Arrays, tables and what holds them, as bytes: JSON beside arrays in one ``.npz``. No pickle, so
that reading runs nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

PACKAGE = __name__.split(".")[0]
TREE = "tree"  # the archive's member that says how the arrays hang together


def pack(value: Any, shared: Sequence[object] = ()) -> bytes:
    """Packs numbers, text, None, arrays, tables, and lists, tuples, dictionaries and this library's
    dataclasses of such.

    Args:
        shared: objects that stand in the value and that the reader has already.

    Raises:
        TypeError: there is something else in it.

    Example:
        >>> unpack(pack({"scores": np.zeros((2, 7)), "of": ("LPQ", 3)}))["of"]
        ('LPQ', 3)
    """
    arrays: dict[str, np.ndarray] = {}

    def array(values: np.ndarray) -> str:
        if values.dtype.hasobject:
            raise TypeError("an array of Python objects cannot be packed")
        arrays[f"a{len(arrays)}"] = values
        return f"a{len(arrays) - 1}"

    def tree(value: Any) -> Any:
        for place, known in enumerate(shared):
            if value is known:
                return {"shared": place}
        if value is None or type(value) in (bool, int, float, str):
            return value
        if type(value) is list:
            return [tree(item) for item in value]
        if type(value) is tuple:
            return {"tuple": [tree(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[tree(key), tree(item)] for key, item in value.items()]}
        if isinstance(value, np.generic):
            return {"scalar": array(np.array(value))}
        if type(value) is np.ndarray:
            return {"array": array(value)}
        if (
            type(value) is pd.DataFrame
            and value.index.equals(pd.RangeIndex(len(value)))
            and value.columns.is_unique
        ):
            return {
                "table": [
                    [tree(name), str(value[name].dtype), tree(_values(value[name]))]
                    for name in value.columns
                ],
                "rows": len(value),
            }
        if is_dataclass(value) and type(value).__module__.startswith(f"{PACKAGE}."):
            kind = f"{type(value).__module__}:{type(value).__qualname__}"
            return {
                "kind": kind,
                "fields": {field.name: tree(getattr(value, field.name)) for field in fields(value)},
            }
        raise TypeError(f"{type(value).__name__} cannot be packed")

    content = BytesIO()
    np.savez(content, allow_pickle=False, **{TREE: np.array(json.dumps(tree(value)))}, **arrays)
    return content.getvalue()


def unpack(content: bytes, shared: Sequence[object] = ()) -> Any:
    """What :func:`pack` was given; ``shared`` as then."""
    with np.load(BytesIO(content), allow_pickle=False) as kept:
        arrays = dict(kept)

    def value(tree: Any) -> Any:
        if type(tree) is list:
            return [value(item) for item in tree]
        if type(tree) is not dict:
            return tree
        what, inner = next(iter(tree.items()))
        if what == "shared":
            return shared[inner]
        if what == "tuple":
            return tuple(value(item) for item in inner)
        if what == "dict":
            return {value(key): value(item) for key, item in inner}
        if what == "scalar":
            return arrays[inner][()]
        if what == "array":
            return arrays[inner]
        if what == "table":
            columns = {
                value(name): pd.Series(value(values), dtype=kind) for name, kind, values in inner
            }
            return pd.DataFrame(columns, index=range(tree["rows"]))
        module, name = inner.split(":")
        kind = getattr(import_module(module), name) if module.startswith(f"{PACKAGE}.") else None
        if not (isinstance(kind, type) and is_dataclass(kind)):
            raise ValueError(f"{inner} is no dataclass of this library")
        return kind(**{name: value(item) for name, item in tree["fields"].items()})

    return value(json.loads(str(arrays.pop(TREE))))


def _values(column: pd.Series) -> np.ndarray | list[Any]:
    """A column's values: an array of numbers, or a list where they are text or anything else."""
    return (
        column.to_numpy()
        if isinstance(column.dtype, np.dtype) and not column.dtype.hasobject
        else column.tolist()
    )
