"""Speed comparison of ways to train many small networks.

A way to train is a generator. It yields once when all is ready (data scaled, code compiled), later
the number of steps taken since; what is measured is the time per network and step.
Sequential ways (a loop, scikit-learn) cost the same for each network, so they may be stopped before
the last one.
"""

import json
import os
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from importlib import metadata, util
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import Timer, default_timer
from typing import Any

import joblib
import torch
from llvmlite.binding import get_host_cpu_name
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch.utils.data import DataLoader, TensorDataset

import emolib
from emolib.data import EmotionData
from emolib.data.descriptors import pixels
from emolib.data.drawn import draw_faces
from emolib.training import scaling, sweeps
from emolib.training import train as training
from emolib.training.cluster import CLUSTER
from emolib.utils import write

FILE = Path(__file__).parents[1] / "reports" / "bench.json"
# The shallow network has the printed recipe's 200 epochs. CNNs have a third of their 30: ten
# thousand of each end within minutes, and one alone is not all preparation.
CNN = {"network": "cnn", "max_epochs": 10}
NETS: dict[str, dict[str, Any]] = {
    "shallow": {"modality": "PHOG"},
    "lpq": CNN | {"modality": "LPQ"},
    "phog": CNN | {"modality": "PHOG"},
    "fusion": CNN | {"modality": "LPQ+PHOG"},
}
IMAGE = CNN | {"network": sweeps.IMAGE_NETWORK, "modality": sweeps.IMAGE}
BATCH = 10
RATE = 1e-4  # of the printed recipe
SECONDS = 1.0  # after which a measurement ends, once the work in hand is done
NETWORKS = (1, 10, 100, 300, 1_000, 10_000)
IMAGE_NETWORKS = (10, 40)
MEMORY = (1, 10_000, 50_000)  # networks
WORKERS = (1, 2, 4)


def recorded() -> dict[str, Any]:
    """The last measurement: ``rows`` of net, method, networks and microseconds per network and
    step, and the machine's speed.
    """
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def row(net: str, seed: int = 0) -> sweeps.Row:
    """The row of a sweep for one of :data:`NETS`, or for the network that looks at images."""
    return sweeps.DEFAULTS | NETS.get(net, IMAGE) | {"seed": seed, "fold": 0}


def faces() -> EmotionData:
    """The drawn faces with their images, and components fitted on all rows."""
    data = emolib.load()
    return replace(
        data,
        features=data.features | {sweeps.IMAGE: data.features["PHOG"]},  # no network reads these
        descriptors={sweeps.IMAGE: pixels(draw_faces().images)},
    )


def lessons(data: EmotionData, net: str) -> list[torch.Tensor]:
    """Training rows of one fold: inputs ``[N, M, D]``, images ``[N, 32, 32]`` for a network that
    looks at them, one-hot targets ``[N, C]``.
    """
    material = scaling.FoldInputs(data, [row(net)])
    images = [] if net in NETS else [data.descriptors[sweeps.IMAGE].reshape(-1, 32, 32)]
    parts = [material.inputs[0], *images, material.targets]
    return [torch.from_numpy(part[material.pairs[0][0]]) for part in parts]


def torch_loop(
    batches: Callable[..., Iterable[Any]], data: EmotionData, net: str, networks: int
) -> Iterator[int]:
    """The loop of tutorials: for each network, for each batch."""
    parts = lessons(data, net)
    yield 0
    for seed in range(networks):
        model = sweeps.build(row(net, seed), data)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        for *inputs, targets in batches(*parts):
            optimiser.zero_grad()
            torch.nn.functional.smooth_l1_loss(model(*inputs), targets).backward()
            optimiser.step()
        yield -(-len(parts[0]) // BATCH)


def sklearn(data: EmotionData, net: str, networks: int) -> Iterator[int]:
    """scikit-learn's MLPClassifier of the same size; the shallow network only."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs are not meant to suffice
    x, y = lessons(data, net)
    network = MLPClassifier(
        (16,), activation="logistic", batch_size=BATCH, max_iter=5, learning_rate_init=RATE
    )
    yield 0
    for seed in range(networks):
        network.set_params(random_state=seed).fit(x.flatten(1).numpy(), y.argmax(1).numpy())
        yield network.n_iter_ * -(-len(x) // BATCH)


def ours(data: EmotionData, net: str, networks: int) -> Iterator[int]:
    """:func:`emolib.train`, from table to results, over and over."""
    table = emolib.sweep(**NETS.get(net, IMAGE), seed=range(-(-networks // 5))).head(networks)
    yield 0
    while True:
        yield sum(emolib.train(data, table).steps.values())


WAYS: dict[str, Callable[[EmotionData, str, int], Iterator[int]]] = {
    "dataloader": partial(
        torch_loop,
        lambda *parts: DataLoader(TensorDataset(*parts), batch_size=BATCH, shuffle=True),
    ),
    "loop": partial(
        torch_loop,
        lambda *parts: (
            [part[rows] for part in parts] for rows in torch.randperm(len(parts[0])).split(BATCH)
        ),
    ),
    "sklearn": sklearn,
    "ours": ours,
}


def timed(work: Iterator[int]) -> tuple[float, int]:
    """Seconds and steps of a way to train, from the moment it is ready to :data:`SECONDS` later."""
    next(work)
    steps, began = 0, default_timer()
    for taken in work:
        steps += taken
        if default_timer() - began > SECONDS:
            break
    return default_timer() - began, steps


def measure() -> Iterator[dict[str, Any]]:
    """Rows of ``net``, ``method``, ``networks``, ``microseconds_per_net_step``."""
    data = faces()
    ways = [(net, method) for net, method in product(NETS, WAYS) if method != "sklearn"]
    for net, method in [("shallow", "sklearn"), *ways, ("image", "loop"), ("image", "ours")]:
        timed(WAYS[method](data, net, 1))  # loading and compiling are not counted here
        for networks in NETWORKS if net in NETS else IMAGE_NETWORKS:
            elapsed, steps = timed(WAYS[method](data, net, networks))
            yield {
                "net": net,
                "method": method,
                "networks": networks,
                "microseconds_per_net_step": 1e6 * elapsed / steps,
            }


def compiling() -> float:
    """Seconds that compilation adds to the first networks of each kind, in a process with an empty
    cache.
    """
    data, kinds = faces(), [emolib.sweep(**kind).head(1) for kind in [*NETS.values(), IMAGE]]
    first, second = Timer(lambda: [emolib.train(data, kind) for kind in kinds]).repeat(2, 1)
    return first - second


def splits(networks: int) -> dict[str, float]:
    """Seconds to train shallow ``networks`` on a split each, from an empty cache: principal
    components are fitted on each split's training rows, and the network is compiled.
    """
    data, table = emolib.load(), emolib.sweep(**NETS["shallow"], seed=range(networks // 5))
    return {"networks": networks, "seconds": Timer(lambda: emolib.train(data, table)).timeit(1)}


def cluster(workers: int) -> dict[str, float]:
    """A Dask cluster on this machine, against the same shards without it.

    Returns:
        ``milliseconds_per_shard`` more, with one CNN per shard; pickled ``bytes_of_data``, which
        each worker gets once, and bytes per CNN on the way to a worker and ``back``.
    """
    from distributed import LocalCluster

    training.SECONDS = 1e-9  # the smallest shards
    data, jobs = emolib.load().as_distributed(), min(workers, joblib.cpu_count())
    table = emolib.sweep(**NETS["phog"] | {"max_epochs": 1}, seed=range(80))

    def seconds(address: str) -> float:
        os.environ[CLUSTER] = address
        # the second time, when everything is loaded and compiled
        return Timer(lambda: emolib.train(data, table, jobs=jobs)).repeat(2, 1)[1]

    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as made:
        more = seconds(made.scheduler_address) - seconds("")
        return {
            "workers": workers,
            "milliseconds_per_shard": 1e3 * more / len(table),
            "bytes_of_data": len(pickle.dumps(data)),
            "bytes_there": len(pickle.dumps(sweeps.check(table, data)[0])),
            "bytes_back": len(pickle.dumps(emolib.train(data, table).results)) / len(table),
        }


def memory(networks: int) -> float:
    """Peak memory in MiB of a process that trains so many shallow networks and nothing else; NaN
    where the system is not Linux.
    """
    table = emolib.sweep(seed=range(-(-networks // 5)), max_epochs=2)
    emolib.train(emolib.load().as_distributed(), table.head(networks))
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s*(\d+)", status.read_text()) if status.exists() else None
    return int(peak[1]) / 1024 if peak else float("nan")


def apart(function: Callable[..., Any], *arguments: int) -> Any:
    """The result of a function of this module in a process of its own, with an empty cache; but
    :func:`memory` and :func:`cluster` find the compiled code.
    """
    code = f"import json; from emolib import bench; found = bench.{function.__name__}(*{arguments})"
    with TemporaryDirectory() as cache:
        own = [] if function in (memory, cluster) else ["EMOLIB_CACHE", "NUMBA_CACHE_DIR"]
        done = subprocess.check_output(
            [sys.executable, "-c", f"{code}; print(json.dumps(found))"],
            env=os.environ | dict.fromkeys(own, cache),
        )
    return json.loads(done)


def work(net: torch.nn.Module, features: int = 5) -> dict[str, int]:
    """Work of a step. ``flop``, floating-point operations: two per weight, row and position in each
    of three passes (forwards, gradient by the weight, gradient by the input), and Adam's twelve per
    parameter. ``bytes`` moved if nothing stays in the processor's cache: parameters and both
    moments, read and written.
    """
    parameters = {name: parameter.numel() for name, parameter in net.named_parameters()}
    total = sum(parameters.values())
    products = sum(
        size * (features if name.startswith("branches") else 1)
        for name, size in parameters.items()
        if name.endswith("weight")
    )
    return {"flop": 3 * 2 * BATCH * products + 12 * total, "bytes": 3 * 2 * 4 * total}


def rate(work: Callable[[], object], amount: int) -> float:
    """Amount of work per second, the best of five times, once it is compiled."""
    work()
    runs, _ = Timer(work).autorange()
    return runs * amount / min(Timer(work).repeat(5, runs))


def setting() -> dict[str, Any]:
    """Machine, versions, and the work of a step."""
    data = emolib.load().as_distributed()
    a, b = torch.rand(2, 1024, 1024)
    c, d = torch.rand(2, 2**26)  # larger than any cache
    return {
        "machine": f"{get_host_cpu_name()}, {joblib.cpu_count()} cores",
        "cores": joblib.cpu_count(),
        "versions": {name: metadata.version(name) for name in ("torch", "numba")},
        "training_rows": len(lessons(data, "shallow")[0]),
        "batch": BATCH,
        "flop_per_second_of_matrix_product": rate(lambda: a @ b, 2 * 1024**3),
        "bytes_per_second_of_copy": rate(lambda: d.copy_(c), 2 * 4 * 2**26),
        "steps": {net: work(sweeps.build(row(net), data)) for net in NETS},
        "budget_mebibytes_a_core": training.BYTES / 2**20,
    }


def main() -> None:
    """Measures everything, prints each figure, and writes one file."""
    result = setting() | {
        "compile_seconds": apart(compiling),
        "splits": apart(splits, 1_000),
        "rows": [_printed(found) for found in measure()],
        "memory": [
            _printed({"networks": count, "peak_mebibytes": apart(memory, count)})
            for count in MEMORY
        ],
    }
    if util.find_spec("distributed"):
        result["cluster"] = [_printed(apart(cluster, workers)) for workers in WORKERS]
    write(FILE, json.dumps(result, indent=1) + "\n")
    print(FILE)


def _printed(found: dict[str, Any]) -> dict[str, Any]:
    print(*(f"{own:.5g}" if isinstance(own, float) else own for own in found.values()), flush=True)
    return found


if __name__ == "__main__":
    main()
