"""What training costs, by the ways people train many small networks: `python -m emolib.bench`
writes reports/bench.json.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "reports" / "bench.json"


def recorded() -> dict[str, Any]:
    """The last measurement: ``rows`` of net, method, networks and microseconds a network's step,
    and the machine's speed.
    """
    measured: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return measured
