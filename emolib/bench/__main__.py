"""Speed comparison: prints each figure when it is measured, and writes reports/bench.json in the
end.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

import emolib
from emolib.bench import FILE, contenders
from emolib.paper import EMOTIONS
from emolib.training.train import BYTES
from emolib.utils.cache import write

NETWORKS = (1, 10, 100, 300, 1_000, 10_000)
# Up to FEW CNNs get the printed recipe's 30 epochs, more of them get EPOCHS, which gives more
# weight to the work before and after training.
FEW, EPOCHS = 300, 3
MEMORY = (1, 10_000, 50_000)
# Images per height and width: a second's work, and little memory.
SIZES = {(96, 96): 256, (576, 720): 8}


def measure(seconds: float) -> Iterator[dict[str, Any]]:
    """Rows of ``net``, ``method``, ``networks``, ``microseconds_per_net_step``."""
    data = emolib.load().as_distributed()
    for net in contenders.NETS:
        for method, way in contenders.WAYS.items():
            if method == "sklearn" and net != "shallow":
                continue
            way(data, net, 1, 1)  # loading and compiling are not counted here
            for networks in NETWORKS:
                epochs = EPOCHS if net != "shallow" and networks > FEW else 0
                elapsed, steps = way(data, net, networks, epochs if method == "ours" else seconds)
                row = {"net": net, "method": method, "networks": networks}
                yield row | {"microseconds_per_net_step": 1e6 * elapsed / steps}


def compiling() -> float:
    """Seconds that compilation adds to the first networks of each kind; to be called in a process
    with an empty cache.
    """
    data = emolib.load().as_distributed()

    def train_all() -> None:
        for net in contenders.NETS:
            contenders.ours(data, net, 1, 2)

    return _seconds(train_all) - _seconds(train_all)


def memory(networks: int) -> float:
    """Peak memory in MiB of a process that trains so many shallow networks and nothing else."""
    table = emolib.sweep(seed=range(-(-networks // 5)), max_epochs=2)
    emolib.train(emolib.load().as_distributed(), table.head(networks))
    return peak_mebibytes()


def descriptors(repeats: int = 3) -> Iterator[dict[str, Any]]:
    """Rows of ``descriptor``, ``method``, ``height``, ``width``, ``images``, ``images_per_second``
    (the best of ``repeats``) and ``times_loop``, the same as a multiple of the loop's.
    """
    rng = np.random.default_rng(0)
    for (height, width), most in SIZES.items():
        faces = rng.integers(0, 256, (most, height, width), dtype=np.uint8)
        rows: list[dict[str, Any]] = []
        for (descriptor, method), describe in contenders.DESCRIPTORS.items():
            images = faces if method == "ours" else faces[: max(most // 16, 2)]
            describe(images[:1])
            best = min(_seconds(partial(describe, images)) for _ in range(repeats))
            row = {"descriptor": descriptor, "method": method, "height": height, "width": width}
            rows.append(row | {"images": len(images), "images_per_second": len(images) / best})
        loop = {
            row["descriptor"]: row["images_per_second"] for row in rows if row["method"] == "loop"
        }
        for row in rows:
            yield row | {"times_loop": row["images_per_second"] / loop[row["descriptor"]]}


def folder(count: int, size: int = 48) -> dict[str, float]:
    """A folder of ``count`` images read, described and reduced to components: ``images``,
    ``seconds``, ``images_per_second``, and the growth of the process in MiB at the peak.
    """
    rng = np.random.default_rng(0)
    with TemporaryDirectory(prefix="emolib-") as root:
        for number in range(count):
            emotion, name = EMOTIONS[number % 7], f"person{number % 97}_{number:09d}.png"
            path = Path(root, "faces", emotion, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (size, size), dtype=np.uint8)).save(path)
        os.environ["EMOLIB_CACHE"] = root  # nothing of this is worth keeping
        before = peak_mebibytes()
        seconds = _seconds(partial(emolib.load, Path(root, "faces"), size=size))
        grown = peak_mebibytes() - before
    found = {"images": count, "seconds": seconds, "images_per_second": count / seconds}
    return found | {"peak_growth_mib": grown, "own_growth_mib": grown}


APART: dict[str, Callable[..., object]] = {
    "compiling": compiling,
    "memory": memory,
    "folder": folder,
}


def apart(what: str, *arguments: int) -> Any:
    """The result of one of :data:`APART` in a process of its own, with an empty cache for the
    compiler.
    """
    with TemporaryDirectory() as cache:
        own = {"EMOLIB_CACHE": cache} if what == "compiling" else {}
        command = [sys.executable, "-m", "emolib.bench", "--apart", what, *map(str, arguments)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | own)
    return json.loads(done.stdout)


def flop(net: nn.Module, features: int = 5) -> int:
    """Floating-point operations per step: two per weight, row and position in each of three passes
    (forwards, gradient by the weight, gradient by the input), and Adam's twelve per parameter.
    """
    sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
    weights = [
        size * (features if name.startswith("branches") else 1)
        for name, size in sizes.items()
        if name.endswith("weight")
    ]
    return 3 * 2 * contenders.BATCH * sum(weights) + 12 * sum(sizes.values())


def traffic(net: nn.Module) -> int:
    """Bytes that a step moves if nothing stays in the processor's cache: parameters and both
    moments, read and written.
    """
    return 3 * 2 * 4 * sum(p.numel() for p in net.parameters())


def rate(work: Callable[[], object], amount: int, seconds: float = 1.0) -> float:
    """Amount of work per second."""
    work()
    done, began = 0, perf_counter()
    while perf_counter() - began < seconds:
        work()
        done += amount
    return done / (perf_counter() - began)


def peak_mebibytes() -> float:
    """The most memory that this process has held, in MiB. :mod:`resource` would count its parent's
    on Linux.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def setting() -> dict[str, Any]:
    """Machine, versions, and the work of a step."""
    data = emolib.load().as_distributed()
    nets = {name: contenders.build(data, name, 0) for name in contenders.NETS}
    info = Path("/proc/cpuinfo")
    known = re.findall(r"model name\s*: (.*)", info.read_text() if info.exists() else "")
    name = known[0] if known else platform.processor() or platform.machine()
    a, b = torch.rand(2, 1024, 1024)
    c, d = torch.rand(2, 2**26)  # larger than any cache
    return {
        "machine": f"{name}, {joblib.cpu_count()} cores",
        "versions": {"torch": version("torch"), "numba": version("numba")},
        "training_rows": len(contenders.lessons(data, "shallow")[0]),
        "batch": contenders.BATCH,
        "flop_per_second_of_matrix_product": rate(lambda: a @ b, 2 * 1024**3),
        "bytes_per_second_of_copy": rate(lambda: d.copy_(c), 2 * 4 * 2**26),
        "steps": {name: {"flop": flop(net), "bytes": traffic(net)} for name, net in nets.items()},
        "budget_mebibytes_a_core": BYTES / 2**20,
    }


def main() -> None:
    """Measures everything, prints each figure, and writes one file."""
    parser = argparse.ArgumentParser(prog="emolib.bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    # sequential ways stop after as many, parallel ways take about as many, at least one epoch
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--only", nargs="+", choices=[*PARTS], help="keep the others of the file")
    parser.add_argument("--apart", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.apart:
        name, *arguments = given.apart
        print(json.dumps(APART[name](*map(int, arguments))))
        return
    result = json.loads(given.out.read_text()) if given.only else setting()
    result |= {name: PARTS[name](given.seconds) for name in given.only or PARTS}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write(given.out, json.dumps(result, indent=1) + "\n")
    table = pd.DataFrame(result["rows"]).pivot_table(
        "microseconds_per_net_step", ["net", "method"], "networks", sort=False
    )
    print(table.round(2).to_string())
    print(given.out)


# Parts of the file, given the seconds per measurement.
PARTS: dict[str, Callable[[float], Any]] = {
    "compile_seconds": lambda _: apart("compiling"),
    "rows": lambda seconds: [_printed(row) for row in measure(seconds)],
    "memory": lambda _: [
        _printed({"networks": count, "peak_mebibytes": apart("memory", count)}) for count in MEMORY
    ],
    "descriptors": lambda _: [_printed(row) for row in descriptors()],
    "folder": lambda _: _printed(apart("folder", 35_000)),
}


def _printed(row: dict[str, Any]) -> dict[str, Any]:
    print(*(f"{own:.5g}" if isinstance(own, float) else own for own in row.values()), flush=True)
    return row


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


if __name__ == "__main__":
    main()
