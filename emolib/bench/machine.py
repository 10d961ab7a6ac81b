"""What a step has to compute and to move, and how fast this machine does either: the floor under
any way of training.
"""

import platform
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import joblib
import torch
from torch import nn

ADAM = 12  # operations a parameter: two moments, a root, a division
PASSES = (
    3  # products a weight takes part in: forwards, gradient by the weight, gradient by the input
)


def flop(net: nn.Module, batch: int, features: int = 5) -> int:
    """Floating-point operations of one step: two for each weight, row and position in each of three
    passes, and Adam's.
    """
    places = {
        name: features if name.startswith("branches") else 1 for name, _ in net.named_parameters()
    }
    weights = sum(
        p.numel() * places[name] for name, p in net.named_parameters() if name.endswith("weight")
    )
    return PASSES * 2 * batch * weights + ADAM * sum(p.numel() for p in net.parameters())


def traffic(net: nn.Module) -> int:
    """Bytes a step must move if a network's numbers do not stay in the cache: parameters and both
    moments, read and written.
    """
    return 3 * 2 * 4 * sum(p.numel() for p in net.parameters())


def product_speed(size: int = 1024, seconds: float = 1.0) -> float:
    """Floating-point operations a second of PyTorch's own matrix product, on all cores."""
    a, b = torch.rand(2, size, size)
    return _rate(lambda: a @ b, 2 * size**3, seconds)


def copy_speed(size: int = 2**26, seconds: float = 1.0) -> float:
    """Bytes a second of a copy larger than any cache, read and written, on all cores."""
    a, b = torch.rand(size), torch.empty(size)
    return _rate(lambda: b.copy_(a), 2 * 4 * size, seconds)


def _rate(work: Callable[[], object], amount: int, seconds: float) -> float:
    work()
    done, began = 0, perf_counter()
    while perf_counter() - began < seconds:
        work()
        done += amount
    return done / (perf_counter() - began)


def name() -> str:
    """The processor in words, for the reader of a table of times."""
    info = Path("/proc/cpuinfo")
    models = (
        [
            line.split(":", 1)[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        if info.exists()
        else []
    )
    return f"{models[0] if models else platform.processor() or platform.machine()}, {joblib.cpu_count()} cores"


@contextmanager
def growth() -> Iterator[dict[str, float]]:
    """Fills what it yields with mebibytes by which the body made this process grow, at the peak:
    ``peak_growth_mib``, and ``own_growth_mib``, the same without files that are mapped into memory,
    which the system takes back when it needs to.
    """
    grown: dict[str, float] = {}
    done = Event()
    before, own, seen = peak_mebibytes(), _own_mebibytes(), []

    def watch() -> None:
        while not done.wait(0.02):
            seen.append(_own_mebibytes())

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield grown
    finally:
        done.set()
        watcher.join()
        grown |= {
            "peak_growth_mib": peak_mebibytes() - before,
            "own_growth_mib": max(seen, default=own) - own,
        }


def _own_mebibytes() -> float:
    """Memory of this process that holds no file; all of it where the system does not tell them
    apart.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(
                int(line.split()[1])
                for line in status.read_text().splitlines()
                if line.startswith("RssAnon")
            )
            / 1024
        )
    return peak_mebibytes()


def peak_mebibytes() -> float:
    """The most memory that this process has held. What :mod:`resource` tells would count the
    parent's in.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(
                int(line.split()[1])
                for line in status.read_text().splitlines()
                if line.startswith("VmHWM")
            )
            / 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 1024
    )
