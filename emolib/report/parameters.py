"""The parameters of the chapters: what they declare, what a person wrote, and whether the two agree."""

import ast
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from papermill import inspect_notebook

from emolib.report.errors import BuildError


def declared(notebook: Path) -> dict[str, Any]:
    """Name and default of each parameter in the notebook's cell tagged ``parameters``; None where it is no literal."""
    return {name: _literal(entry["default"], otherwise=None) for name, entry in inspect_notebook(notebook).items()}


def parse(text: str) -> dict[str, Any]:
    """Reads ``name=value name=value …``; a value is a Python literal, or else text.

    Raises:
        ValueError: there is something that is not ``name=value``.
    """
    # a list may hold blanks, so a new setting begins only where a name and an equals sign follow
    settings = [part for part in re.split(r"\s+(?=[A-Za-z_]\w*=)", text.strip()) if part]
    for setting in settings:
        if not re.match(r"[A-Za-z_]\w*=", setting):
            raise ValueError(f"a setting is written name=value, not {setting!r}")
    return {name: _literal(value, otherwise=value) for name, value in (setting.split("=", 1) for setting in settings)}


def check(parameters: dict[str, Any], notebooks: Sequence[Path]) -> None:
    """Refuses a parameter that no notebook declares, or one of another type than its default.

    Raises:
        BuildError: one sentence that names the parameter, and the nearest declared name or the wanted type.
    """
    defaults = {name: default for notebook in notebooks for name, default in declared(notebook).items()}
    for name, value in parameters.items():
        if name not in defaults:
            near = get_close_matches(name, defaults, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(defaults)) or 'none'}"
            raise BuildError(f"no chapter declares a parameter {name}: {hint}")
        if not _fits(value, defaults[name]):
            raise BuildError(f"parameter {name} must be {_kind(defaults[name])}, not {value!r}")


def _literal(text: str, otherwise: Any) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return otherwise


def _fits(value: Any, default: Any) -> bool:
    if default is None:
        return True
    if type(default) is float:
        return type(value) in (int, float)
    return type(value) is type(default)


def _kind(default: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "True or False", str: "text", list: "a list"}
    return names.get(type(default), type(default).__name__)
