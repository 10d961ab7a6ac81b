"""Speed comparison of ways to train many small networks and to describe images; ``python -m
emolib.bench`` measures and writes reports/bench.json.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "reports" / "bench.json"


def recorded() -> dict[str, Any]:
    """The last measurement: ``rows`` of net, method, networks and microseconds per network and
    step, and the machine's speed.
    """
    measured: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return measured
