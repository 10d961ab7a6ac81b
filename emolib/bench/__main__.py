"""`python -m emolib.bench`: measures, prints a table, and writes reports/bench.json."""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pandas as pd
from tqdm import tqdm

import emolib
from emolib import sweeps
from emolib.bench import FILE, contenders, machine
from emolib.folds import make_folds
from emolib.storage import write
from emolib.training import BYTES, train

NETWORKS = (1, 10, 100, 1_000, 10_000)
SECONDS = 0.7  # a sequential way is stopped after so long, a parallel one trains about so long, but no less than an epoch
LONG = 3.0  # what our own training may take, by shortening the recipe
MEMORY = (1, 10_000, 50_000)


def measure(seconds: float) -> list[dict]:
    """Rows of ``net``, ``method``, ``networks``, ``microseconds_per_net_step``."""
    data = emolib.load().as_distributed()
    ways = dict(contenders.WAYS)
    if importlib.util.find_spec("jax"):
        from emolib.bench.in_jax import vmap_scan

        ways["jax"] = vmap_scan
    rows = []
    for net in contenders.NETS:
        for method, way in ways.items():
            if method == "sklearn" and net != "shallow":
                continue
            for networks in tqdm(NETWORKS, desc=f"{net}, {method}"):
                if method == "ours":
                    _shortened(net, networks, LONG)
                elapsed, steps = way(data, net, networks, seconds)
                rows.append({"net": net, "method": method, "networks": networks, "microseconds_per_net_step": 1e6 * elapsed / steps})
    return rows


def _shortened(net: str, networks: int, seconds: float) -> None:
    """Cuts the printed recipe so that training takes about ``seconds``, but not below two epochs."""
    kind = contenders.NETS[net].get("network", "shallow")
    step = {"shallow": 1e-6, "lpq": 4e-5, "phog": 4e-5, "fusion": 8e-5}[net]
    full = {"shallow": 200, "cnn": 30}[kind]
    epochs = min(full, max(2, int(seconds / (networks * 54 * step))))
    sweeps.RECIPES[kind, "printed"] = sweeps.Recipe(epochs=epochs, learning_rate=1e-4)


def peak_memory(networks: int) -> float:
    """Mebibytes at the peak of a process that trains so many shallow networks."""
    command = [sys.executable, "-m", "emolib.bench", "--memory", str(networks)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compile_seconds() -> float:
    """What compiling adds to the first networks that a machine ever trains, of each kind."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emolib.bench", "--compile"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"EMOLIB_CACHE": folder})
    return float(done.stdout)


def _first() -> float:
    data = emolib.load().as_distributed()
    spent = []
    for _ in range(2):
        began = perf_counter()
        for net in contenders.NETS:
            _shortened(net, 1, 0)
            contenders.ours(data, net, 1, 0)
        spent.append(perf_counter() - began)
    return spent[0] - spent[1]


def _peak(networks: int) -> float:
    data = emolib.load().as_distributed()
    sweeps.RECIPES["shallow", "printed"] = sweeps.Recipe(epochs=2, learning_rate=1e-4)
    train(data, sweeps.sweep(seed=range(-(-networks // 5))).head(networks))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="emolib.bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="about how long each measurement takes (default: %(default)s)")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        print(_peak(given.memory))
        return
    if given.compile:
        print(_first())
        return
    data = emolib.load().as_distributed()
    training, _ = make_folds(data, "random", 0, 5)[0]
    floors = {"product": machine.product_speed(), "copy": machine.copy_speed()}
    rows = measure(given.seconds)
    nets = {name: contenders.build(data, name, 0) for name in contenders.NETS}
    result = {
        "machine": machine.name(),
        "versions": {"torch": version("torch"), "numba": version("numba")},
        "training_rows": len(training),
        "batch": contenders.BATCH,
        "flop_per_second_of_matrix_product": floors["product"],
        "bytes_per_second_of_copy": floors["copy"],
        "steps": {name: {"flop": machine.flop(net, contenders.BATCH), "bytes": machine.traffic(net)} for name, net in nets.items()},
        "rows": rows,
        "compile_seconds": compile_seconds(),
        "memory": [{"networks": networks, "peak_mebibytes": peak_memory(networks)} for networks in MEMORY],
        "budget_mebibytes_a_core": BYTES / 2**20,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write({given.out: json.dumps(result, indent=1) + "\n"})
    table = pd.DataFrame(rows).pivot_table(index=["net", "method"], columns="networks", values="microseconds_per_net_step", sort=False)
    print(table.round(2).to_string())
    print(given.out)


if __name__ == "__main__":
    main()
