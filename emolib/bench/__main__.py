"""`python -m emolib.bench`: measures, tells each figure as it comes, and writes reports/bench.json
when all are there.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import pandas as pd

import emolib
from emolib.bench import FILE, contenders, machine
from emolib.bench.descriptors import descriptors_bench, folder_bench
from emolib.folds import make_folds
from emolib.training import sweeps
from emolib.training.train import BYTES, train
from emolib.utils.storage import write

NETWORKS = (1, 10, 100, 300, 1_000, 10_000)
SECONDS = 1.0  # a sequential way is stopped after so long, a parallel one trains about so long, but no less than an epoch
FEW = 300  # so many CNNs get the printed recipe's 30 epochs
EPOCHS = (
    3  # and more than that so many, which makes what comes before and after training weigh more
)
MEMORY = (1, 10_000, 50_000)


def measure(seconds: float) -> Iterator[dict[str, Any]]:
    """Rows of ``net``, ``method``, ``networks``, ``microseconds_per_net_step``."""
    data = emolib.load().as_distributed()
    ways = dict(contenders.WAYS)
    if importlib.util.find_spec("jax"):
        from emolib.bench.in_jax import vmap_scan

        ways["jax"] = vmap_scan
    for net in contenders.NETS:
        for method, way in ways.items():
            if method == "sklearn" and net != "shallow":
                continue
            way(data, net, 1, 1)  # what a first call loads and compiles is told apart
            for networks in NETWORKS:
                epochs = EPOCHS if net != "shallow" and networks > FEW else 0
                elapsed, steps = way(data, net, networks, epochs if method == "ours" else seconds)
                yield {
                    "net": net,
                    "method": method,
                    "networks": networks,
                    "microseconds_per_net_step": 1e6 * elapsed / steps,
                }


def compiling() -> float:
    """Seconds that compiling adds to the first networks that a machine ever trains, of each kind;
    to be called where nothing was compiled.
    """
    data = emolib.load().as_distributed()
    spent = []
    for _ in range(2):
        began = perf_counter()
        for net in contenders.NETS:
            contenders.ours(data, net, 1, 2)
        spent.append(perf_counter() - began)
    return spent[0] - spent[1]


def memory(networks: int) -> float:
    """Mebibytes at the peak of a process that does nothing but train so many shallow networks."""
    data = emolib.load().as_distributed()
    train(data, sweeps.sweep(seed=range(-(-networks // 5)), max_epochs=2).head(networks))
    return machine.peak_mebibytes()


APART: dict[str, Callable[..., object]] = {
    "compiling": compiling,
    "memory": memory,
    "folder": folder_bench,
}


def apart(what: str, *arguments: int) -> Any:
    """What one of :data:`APART` gives in a process of its own, so that neither memory nor compiled
    code of others is counted.
    """
    with TemporaryDirectory() as folder:
        environment = os.environ | ({"EMOLIB_CACHE": folder} if what == "compiling" else {})
        command = [sys.executable, "-m", "emolib.bench", "--apart", what, *map(str, arguments)]
        return json.loads(
            subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            ).stdout
        )


def main() -> None:
    """Measures everything, tells each figure as it comes, and writes them all to one file."""
    parser = argparse.ArgumentParser(prog="emolib.bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help="about how long each measurement takes (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help="measure descriptors, folder … alone, and keep the other parts of the file",
    )
    parser.add_argument("--apart", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.apart:
        what, *arguments = given.apart
        print(json.dumps(APART[what](*map(int, arguments))))
        return
    parts: dict[str, Callable[[], Any]] = {
        "compile_seconds": lambda: apart("compiling"),
        "rows": lambda: [_told(row) for row in measure(given.seconds)],
        "memory": lambda: [
            _told({"networks": networks, "peak_mebibytes": apart("memory", networks)})
            for networks in MEMORY
        ],
        "descriptors": lambda: [_told(row) for row in descriptors_bench()],
        "folder": lambda: _told(apart("folder")),
    }
    if unknown := set(given.only) - set(parts):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(parts)}")
    result = json.loads(given.out.read_text()) if given.only else setting()
    result |= {name: part() for name, part in parts.items() if name in (given.only or parts)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write({given.out: json.dumps(result, indent=1) + "\n"})
    table = pd.DataFrame(result["rows"]).pivot_table(
        index=["net", "method"], columns="networks", values="microseconds_per_net_step", sort=False
    )
    print(table.round(2).to_string())
    print(given.out)


def setting() -> dict[str, Any]:
    """On what machine, with what, and how much a step has to do."""
    data = emolib.load().as_distributed()
    training, _ = make_folds(data, "random", 0, 5)[0]
    nets = {name: contenders.build(data, name, 0) for name in contenders.NETS}
    return {
        "machine": machine.name(),
        "versions": {"torch": version("torch"), "numba": version("numba")},
        "training_rows": len(training),
        "batch": contenders.BATCH,
        "flop_per_second_of_matrix_product": machine.product_speed(),
        "bytes_per_second_of_copy": machine.copy_speed(),
        "steps": {
            name: {"flop": machine.flop(net, contenders.BATCH), "bytes": machine.traffic(net)}
            for name, net in nets.items()
        },
        "budget_mebibytes_a_core": BYTES / 2**20,
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    print(
        *(f"{value:.5g}" if isinstance(value, float) else value for value in row.values()),
        flush=True,
    )
    return row


if __name__ == "__main__":
    main()
