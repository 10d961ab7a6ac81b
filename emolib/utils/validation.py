"""Parameter validation: counts, numbers, switches and choices, refused by name and value."""

import reprlib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 60


def shown(value: Any) -> str:
    """A value of any length as a message shows it."""
    return _repr.repr(value)


def whole_number(name: str, value: Any, low: int = 0, high: int | None = None) -> int:
    """A whole value of any numeric type as an ``int``: 2, 2.0 and ``numpy.int64(2)`` alike.

    Raises:
        ValueError: it is not whole, not a number (a text, a truth value, NaN) or out of range.

    Example:
        >>> whole_number("folds", 2.0, low=1)
        2
    """
    finite = _is_number(value) and value == value and value not in (np.inf, -np.inf)
    if not finite or value != int(value) or value < low or (high is not None and value > high):
        raise ValueError(
            f"{name} is {shown(value)}; it must be a whole number of at least {low}"
            + ("" if high is None else f" and at most {high}")
        )
    return int(value)


def real_number(name: str, value: Any, low: float, high: float) -> float:
    """A finite number between two limits, limits included, as a ``float``.

    Raises:
        ValueError: it is not a number or out of range.
    """
    if not _is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} is {shown(value)}; it must be a number from {low:g} to {high:g}")
    return float(value)


def boolean(name: str, value: Any) -> bool:
    """True or False, as Python's or NumPy's type; a text such as ``"False"`` is neither.

    Raises:
        ValueError: it is of another type.
    """
    if not isinstance(value, bool | np.bool):
        raise ValueError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def one_of(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """A value that is among the choices.

    Raises:
        ValueError: it is not; the message quotes each choice.
    """
    known = list(choices)
    if not any(type(value) is type(choice) and value == choice for choice in known):
        quoted = ", ".join(map(repr, known))
        raise ValueError(f"{name} is {shown(value)}; it must be one of {quoted}")
    return value


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return isinstance(value, Real) and not isinstance(value, bool | np.bool)
