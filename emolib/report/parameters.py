"""Parameters of the chapters: profiles, bounds, the setting ``SET=``, and their validation."""

import ast
import json
import re
import reprlib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from emolib.utils import boolean, real_number, shown, whole_number

PAPER: dict[str, Any] = {
    "seeds": 10,
    "widths": list(range(6, 17)),
    "angles": list(range(0, 91, 10)),
    "draws": 1000,
    "beyond": 1500,
    "cnn_draws": 12,
    "pick_draws": 30,
    "cnn_picks": 12,
    "restarts": 2,
    "every_reading": True,
    "other_deals": True,
    "shuffles": 500,
    "simulations": 40,
    "simulated_rows": [200, 675, 1500],
}
PROFILES = {
    # a minute and a half: enough networks to see every effect, too few for narrow intervals
    "quick": {
        "seeds": 1,
        "folds": 3,
        "widths": [6, 11, 16],
        "angles": [0, 15, 30, 60, 90],
        "draws": 60,
        "beyond": 200,
        "cnn_draws": 2,
        "pick_draws": 8,
        "cnn_picks": 1,
        "restarts": 1,
        "every_reading": False,
        "other_deals": False,
        "shuffles": 100,
        "simulations": 16,
        "simulated_rows": [675],
    },
    # every hidden-layer width and angle of the paper's figures
    "paper": PAPER,
    # more seeds for narrower intervals, and many more draws of CNNs
    "full": PAPER | {"seeds": 30, "cnn_draws": 300, "cnn_picks": 50},
}

# Settings of :func:`emolib.load`, which chapters hand over as their parameter ``loading``.
LOADING = ("incomplete", "order", "size", "crop", "preset", "edges")

# Lowest and highest value of each numeric parameter, and of each value of a list.
BOUNDS = {
    "seeds": (1, 1_000),
    "epochs": (0, 100_000),
    "folds": (2, 100),
    "widths": (1, 1_024),
    "angles": (0, 180),
    "draws": (1, 100_000),
    "beyond": (1, 100_000),
    "cnn_draws": (1, 100_000),
    "pick_draws": (1, 10_000),
    "cnn_picks": (1, 10_000),
    "restarts": (1, 1_000),
    "shuffles": (1, 100_000),
    "simulations": (1, 100_000),
    "simulated_rows": (100, 100_000),
}


def declared(notebook: Path) -> dict[str, Any]:
    """Name and default of each parameter in a notebook's cell tagged ``parameters``, which holds
    literals only.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    lines = ast.parse("\n".join("".join(cell["source"]) for cell in tagged)).body
    return {
        line.targets[0].id: ast.literal_eval(line.value)
        for line in lines
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }


def parse(text: str) -> dict[str, Any]:
    """Reads ``name=value name=value …``; a value is a Python literal, or else text.

    Raises:
        ValueError: a part is not ``name=value``, or a name stands twice.
    """
    # a list may hold blanks, so a new setting begins only where a name and an equals sign follow
    given: dict[str, Any] = {}
    for setting in filter(None, re.split(r"\s+(?=[A-Za-z_]\w*=)", text.strip())):
        if not re.match(r"[A-Za-z_]\w*=", setting):
            raise ValueError(f"a setting is written name=value, not {reprlib.repr(setting)}")
        name, value = setting.split("=", 1)
        if name in given:
            raise ValueError(f"{name} is set twice")
        try:
            given[name] = ast.literal_eval(value)
        # the last two: brackets in brackets in brackets …
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            given[name] = value
    return given


def check(parameters: dict[str, Any], notebooks: Sequence[Path]) -> dict[str, Any]:
    """Parameters in the types of their defaults: a whole value of any numeric type is a count.

    Raises:
        ValueError: no notebook declares a parameter, or its value is of another type or beyond
            :data:`BOUNDS`; one sentence names it with the nearest declared name or what it must be.
    """
    defaults = {
        name: default for notebook in notebooks for name, default in declared(notebook).items()
    }
    if unknown := sorted(parameters.keys() - defaults.keys()):
        near = get_close_matches(unknown[0], defaults, n=1) or sorted(defaults)
        raise ValueError(
            f"no chapter declares a parameter {unknown[0]}: did you mean {' or '.join(near)}?"
        )
    return {name: _like(defaults[name], name, value) for name, value in parameters.items()}


def _like(default: Any, name: str, value: Any) -> Any:
    """``value`` in the type of a default; ValueError names it where it cannot be."""
    low, high = BOUNDS.get(name, (-(10**9), 10**9))
    match default:
        case bool():
            return boolean(f"parameter {name}", value)
        case int():
            return whole_number(f"parameter {name}", value, low, high)
        case float():
            return real_number(f"parameter {name}", value, low, high)
        case str() if not isinstance(value, str):
            raise ValueError(f"parameter {name} is {shown(value)}; it must be text")
        case [first, *_]:
            if isinstance(value, list | tuple) and value:
                return [_like(first, name, item) for item in value]
            raise ValueError(
                f"parameter {name} is {shown(value)}; it must be a list such as {default}"
            )
    return value
