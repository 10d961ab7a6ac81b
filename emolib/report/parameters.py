"""What the chapters declare, their parameters above all, and whether what a person wrote agrees
with it.
"""

import ast
import json
import re
import reprlib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from emolib.report.errors import BuildError
from emolib.report.profiles import BOUNDS


def declared(notebook: Path) -> dict[str, Any]:
    """Name and default of each parameter in the notebook's cell tagged ``parameters``; None where
    it is no literal.
    """
    found: dict[str, Any] = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            for line in ast.parse("".join(cell["source"])).body:
                if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                    found[line.targets[0].id] = _literal(ast.unparse(line.value), otherwise=None)
    return found


def needs(notebook: Path) -> tuple[str, ...]:
    """Names of the chapters that a notebook runs after: the list ``needs`` under ``emolib`` in its
    metadata.
    """
    return tuple(
        json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
        .get("emolib", {})
        .get("needs", ())
    )


def parse(text: str) -> dict[str, Any]:
    """Reads ``name=value name=value …``; a value is a Python literal, or else text.

    Raises:
        ValueError: there is something that is not ``name=value``, or a name stands twice.
    """
    # a list may hold blanks, so a new setting begins only where a name and an equals sign follow
    settings = [part for part in re.split(r"\s+(?=[A-Za-z_]\w*=)", text.strip()) if part]
    given: dict[str, Any] = {}
    for setting in settings:
        if not re.match(r"[A-Za-z_]\w*=", setting):
            raise ValueError(f"a setting is written name=value, not {reprlib.repr(setting)}")
        name, value = setting.split("=", 1)
        if name in given:
            raise ValueError(f"{name} is set twice")
        given[name] = _literal(value, otherwise=value)
    return given


def check(parameters: dict[str, Any], notebooks: Sequence[Path]) -> None:
    """Refuses a parameter that no notebook declares, or one of another type than its default, or
    beyond its bounds.

    Raises:
        BuildError: one sentence that names the parameter, and the nearest declared name or the
            wanted type or bounds.
    """
    defaults = {
        name: default for notebook in notebooks for name, default in declared(notebook).items()
    }
    for name, value in parameters.items():
        if name not in defaults:
            near = get_close_matches(name, defaults, n=1)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"there are {', '.join(sorted(defaults)) or 'none'}"
            )
            raise BuildError(f"no chapter declares a parameter {name}: {hint}")
        if not _fits(value, defaults[name]):
            raise BuildError(
                f"parameter {name} must be {_kind(defaults[name])}, not {reprlib.repr(value)}"
            )
        if name in BOUNDS and not _within(value, *BOUNDS[name]):
            low, high = BOUNDS[name]
            raise BuildError(
                f"parameter {name} must {'hold numbers' if isinstance(value, list) else 'lie'} from {low} to {high}, not {reprlib.repr(value)}"
            )


def _literal(text: str, otherwise: Any) -> Any:
    try:
        return ast.literal_eval(text)
    except (
        ValueError,
        SyntaxError,
        TypeError,
        MemoryError,
        RecursionError,
    ):  # the last two: brackets in brackets in brackets …
        return otherwise


def _fits(value: Any, default: Any) -> bool:
    if default is None:
        return True
    if type(default) is float:
        return type(value) in (int, float)
    if type(value) is list and type(default) is list and default:
        return all(_fits(item, default[0]) for item in value)
    return type(value) is type(default)


def _within(value: Any, low: float, high: float) -> bool:
    """Whether a number lies within bounds; of a list each, and at least one."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(low <= item <= high for item in values)


def _kind(default: Any) -> str:
    names = {
        int: "a whole number",
        float: "a number",
        bool: "True or False",
        str: "text",
        list: "a list",
    }
    several = {int: "a list of whole numbers", float: "a list of numbers", str: "a list of texts"}
    if type(default) is list and default and type(default[0]) in several:
        return several[type(default[0])]
    return names.get(type(default), type(default).__name__)
