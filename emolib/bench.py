"""Speed comparison of ways to train many small networks and to describe images.

A way to train returns seconds and steps taken. Sequential ways (a loop, scikit-learn) cost the same
for each network, so they may stop before the last one: the result is the time per network and step.
The loops over images follow the authors' published programs, `lpq.m` and `anna_phog.m`, and return
the library's numbers.
"""

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import joblib
import numpy as np
import torch
from PIL import Image
from scipy.ndimage import sobel
from scipy.signal import convolve2d
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import emolib
from emolib.data import EmotionData
from emolib.data.descriptors import lpq, phog
from emolib.models import FeatureNet
from emolib.training import sweeps
from emolib.training.train import BYTES
from emolib.utils.cache import write

FILE = Path(__file__).parents[1] / "reports" / "bench.json"
NETS = {
    "shallow": {"modality": "PHOG"},
    "lpq": {"network": "cnn", "modality": "LPQ"},
    "phog": {"network": "cnn", "modality": "PHOG"},
    "fusion": {"network": "cnn", "modality": "LPQ+PHOG"},
}
BATCH = 10
RATE = 1e-4  # of the printed recipe
# Per measurement: sequential ways stop after as many seconds, parallel ways take about as many, at
# least one epoch.
SECONDS = 1.0
NETWORKS = (1, 10, 100, 300, 1_000, 10_000)
# Up to FEW CNNs get the printed recipe's 30 epochs, more of them get EPOCHS, which gives more
# weight to the work before and after training.
FEW, EPOCHS = 300, 3
MEMORY = (1, 10_000, 50_000)  # networks
IMAGES = 35_000  # in a folder
# Images per height and width: a second's work, and little memory.
SIZES = {(96, 96): 256, (576, 720): 8}
# JAX: networks built one by one, of which the others start as copies; and steps of all networks per
# compiled call, so that ten thousand networks need not go through a whole epoch.
DISTINCT, AT_ONCE = 20, 20_000


def recorded() -> dict[str, Any]:
    """The last measurement: ``rows`` of net, method, networks and microseconds per network and
    step, and the machine's speed.
    """
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def lessons(data: EmotionData, net: str) -> tuple[Tensor, Tensor]:
    """Training rows of one fold: inputs ``[N, M, D]`` and one-hot targets ``[N, C]``."""
    rows, _ = emolib.make_folds(data, "random", 0, 5)[0]
    parts = [emolib.scale(data, part, rows) for part in NETS[net]["modality"].split("+")]
    targets = torch.eye(len(data.classes))[data.labels[rows]]
    return torch.from_numpy(np.stack(parts, axis=1)[rows]), targets


def build(data: EmotionData, net: str, seed: int) -> nn.Module:
    """One of :data:`NETS`, untrained."""
    return sweeps.build(sweeps.DEFAULTS | NETS[net] | {"seed": seed, "fold": 0}, data)


def torch_loop(
    batches: Callable[[Tensor, Tensor], Iterable[Any]],
    data: EmotionData,
    net: str,
    networks: int,
    seconds: float,
) -> tuple[float, int]:
    """The loop of tutorials: for each network, for each batch."""
    x, y = lessons(data, net)
    criterion = nn.SmoothL1Loss()
    steps, began = 0, perf_counter()
    for seed in range(networks):
        model = build(data, net, seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        for inputs, targets in batches(x, y):
            optimiser.zero_grad()
            criterion(model(inputs), targets).backward()
            optimiser.step()
            steps += 1
        if perf_counter() - began > seconds:
            break
    return perf_counter() - began, steps


def sklearn(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """scikit-learn's MLPClassifier of the same size; the shallow network only."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs are not meant to suffice
    x, y = lessons(data, net)
    network = MLPClassifier(
        (16,), activation="logistic", batch_size=BATCH, max_iter=5, learning_rate_init=RATE
    )
    steps, began = 0, perf_counter()
    for seed in range(networks):
        network.set_params(random_state=seed).fit(x.flatten(1).numpy(), y.argmax(1).numpy())
        steps += network.n_iter_ * -(-len(x) // BATCH)
        if perf_counter() - began > seconds:
            break
    return perf_counter() - began, steps


def ours(data: EmotionData, net: str, networks: int, epochs: float) -> tuple[float, int]:
    """:func:`emolib.train`, from table to results; 0 epochs: as the printed recipe says."""
    table = emolib.sweep(**NETS[net], seed=range(-(-networks // 5)), max_epochs=int(epochs))
    began = perf_counter()
    results = emolib.train(data, table.head(networks)).results
    elapsed = perf_counter() - began
    batches = [-(-(len(data) - len(result.scores)) // BATCH) for result in results]
    return elapsed, int(np.dot(batches, [len(result.losses) for result in results]))


def jax(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """JAX: vmap over networks, scan over steps; the first call, which compiles, is not counted."""
    import jax
    import jax.numpy as jnp

    x, y = (jnp.asarray(part.numpy()) for part in lessons(data, net))
    taken = min(len(x) // BATCH, max(1, AT_ONCE // networks))

    def linear(p: Any, layer: str, h: Any) -> Any:
        return h @ p[f"{layer}.weight"].T + p[f"{layer}.bias"]

    def windows(h: Any, fill: float) -> Any:  # [B, D, F] to [B, D, F, 3]
        around = jnp.pad(h, ((0, 0), (1, 1), (0, 0)), constant_values=fill)
        return jnp.stack([around[:, t : t + h.shape[1]] for t in range(3)], axis=-1)

    def branch(p: Any, m: int, h: Any) -> Any:
        for layer in range(FeatureNet.LAYERS):
            name = f"branches.{m}.convolutions.{layer}"
            z = jnp.einsum("bdit,oit->bdo", windows(h, 0), p[f"{name}.weight"])
            h = windows(jax.nn.relu(z + p[f"{name}.bias"]), -jnp.inf).max(-1)
        return h.transpose(0, 2, 1).reshape(len(h), -1)

    def forward(p: Any, x: Any) -> Any:
        if net == "shallow":
            return linear(p, "output", jax.nn.sigmoid(linear(p, "hidden", x.reshape(len(x), -1))))
        joined = [branch(p, m, x[:, m, :, None]) for m in range(x.shape[1])]
        return linear(p, "output", jax.nn.relu(linear(p, "reduce", jnp.concatenate(joined, 1))))

    def loss(p: Any, x: Any, y: Any) -> Any:
        error = forward(p, x) - y
        slope = jnp.clip(error, -1, 1)
        return jnp.mean(slope * (error - 0.5 * slope))

    def step(state: Any, rows: Any) -> Any:  # of Adam, which JAX itself has not
        p, mean, square, t = state
        gradient, t = jax.grad(loss)(p, x[rows], y[rows]), t + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
        one, two = 1 - 0.9**t, 1 - 0.999**t

        def moved(w: Any, m: Any, v: Any) -> Any:
            return w - RATE * (m / one) / (jnp.sqrt(v / two) + 1e-8)

        return (jax.tree.map(moved, p, mean, square), mean, square, t), None

    scan = jax.vmap(lambda state, rows: jax.lax.scan(step, state, rows)[0], in_axes=(0, None))
    epoch = jax.jit(scan)
    plain = [build(data, net, seed) for seed in range(min(networks, DISTINCT))]
    p = {
        name: jnp.resize(
            jnp.stack([own.get_parameter(name).detach().numpy() for own in plain]),
            (networks, *parameter.shape),
        )
        for name, parameter in plain[0].named_parameters()
    }
    zeros = jax.tree.map(jnp.zeros_like, p)
    state, steps, began = (p, zeros, zeros, jnp.zeros(networks)), -1, 0.0
    while steps < 0 or perf_counter() - began < seconds:
        rows = np.random.permutation(len(x))[: taken * BATCH].reshape(-1, BATCH)
        state = jax.block_until_ready(epoch(state, rows))
        began = perf_counter() if steps < 0 else began
        steps += 1
    return perf_counter() - began, steps * taken * networks


WAYS: dict[str, Callable[[EmotionData, str, int, float], tuple[float, int]]] = {
    "dataloader": partial(
        torch_loop, lambda x, y: DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    ),
    "loop": partial(
        torch_loop,
        lambda x, y: ((x[rows], y[rows]) for rows in torch.randperm(len(x)).split(BATCH)),
    ),
    "sklearn": sklearn,
    "ours": ours,
}
if importlib.util.find_spec("jax"):
    WAYS["jax"] = jax


def measure() -> Iterator[dict[str, Any]]:
    """Rows of ``net``, ``method``, ``networks``, ``microseconds_per_net_step``."""
    data = emolib.load().as_distributed()
    for net in NETS:
        for method, way in WAYS.items():
            if method == "sklearn" and net != "shallow":
                continue
            way(data, net, 1, 1)  # loading and compiling are not counted here
            for networks in NETWORKS:
                epochs = EPOCHS if net != "shallow" and networks > FEW else 0
                amount = epochs if method == "ours" else SECONDS
                elapsed, steps = way(data, net, networks, amount)
                row = {"net": net, "method": method, "networks": networks}
                yield row | {"microseconds_per_net_step": 1e6 * elapsed / steps}


def lpq_loop(images: np.ndarray, window: int = 7, blocks: int = 3) -> np.ndarray:
    """LPQ, one image and one frequency at a time."""
    x = np.arange(-(window // 2), window // 2 + 1)
    wave, flat = np.exp(-2j * np.pi * x / window), np.ones(window)
    pairs = [(flat, wave), (wave, flat), (wave, wave), (wave.conj(), wave)]
    described = []
    for image in images:
        codes, zero = 0, -1e-9 * window**2 * float(np.abs(image).max())
        for k, (down, across) in enumerate(pairs):
            answer = convolve2d(convolve2d(image, down[:, None], "valid"), across[None], "valid")
            codes = codes + (answer.real >= zero) * 4**k + (answer.imag >= zero) * 2 * 4**k
        for block in _cells(codes, blocks):
            described.append(np.bincount(block.ravel(), minlength=256) / block.size)
    return np.concatenate(described).reshape(len(images), -1)


def phog_loop(images: np.ndarray, bins: int = 8, levels: int = 3) -> np.ndarray:
    """PHOG, one image, one cell and one bin at a time."""
    described = []
    for image in images.astype(float):
        dx, dy = sobel(image, axis=1, mode="nearest"), sobel(image, axis=0, mode="nearest")
        magnitude = np.hypot(dx, dy)
        index = np.floor(np.degrees(np.arctan2(dy, dx)) * bins / 360) % bins
        pyramid = [
            weight[inside == number].sum()
            for level in range(levels + 1)
            for inside, weight in zip(
                _cells(index, 2**level), _cells(magnitude, 2**level), strict=True
            )
            for number in range(bins)
        ]
        described.append(np.array(pyramid) / np.sum(pyramid))
    return np.stack(described)


def _cells(image: Any, count: int) -> list[np.ndarray]:
    """The cells of an image, row by row, ``count`` along each side."""
    row, column = (np.arange(side) * count // side for side in image.shape)
    return [image[np.ix_(row == j, column == i)] for j in range(count) for i in range(count)]


def hog(images: np.ndarray) -> list[np.ndarray]:
    """scikit-image's gradients in the cells of PHOG's last level."""
    hog = importlib.import_module("skimage.feature").hog
    return [
        hog(image, 8, [side // 8 for side in image.shape], cells_per_block=(1, 1))
        for image in images
    ]


DESCRIPTORS: dict[tuple[str, str], Callable[[np.ndarray], object]] = {
    ("lpq", "loop"): lpq_loop,
    ("lpq", "ours"): lpq,
    ("phog", "loop"): phog_loop,
    ("phog", "ours"): phog,
}
if importlib.util.find_spec("skimage"):
    DESCRIPTORS["phog", "scikit-image hog"] = hog


def descriptors(repeats: int = 3) -> Iterator[dict[str, Any]]:
    """Rows of ``descriptor``, ``method``, ``height``, ``width``, ``images``, ``images_per_second``
    (the best of ``repeats``) and ``times_loop``, the same as a multiple of the loop's.
    """
    rng, loop = np.random.default_rng(0), 0.0
    for (height, width), most in SIZES.items():
        faces = rng.integers(0, 256, (most, height, width), dtype=np.uint8)
        for (descriptor, method), describe in DESCRIPTORS.items():
            images = faces if method == "ours" else faces[: max(most // 16, 2)]
            describe(images[:1])
            speed = len(images) / min(_seconds(partial(describe, images)) for _ in range(repeats))
            loop = speed if method == "loop" else loop
            row = {"descriptor": descriptor, "method": method, "height": height, "width": width}
            row |= {"images": len(images), "images_per_second": speed}
            yield row | {"times_loop": speed / loop}


def compiling() -> float:
    """Seconds that compilation adds to the first networks of each kind, in a process with an empty
    cache.
    """
    data = emolib.load().as_distributed()
    first, second = (sum(ours(data, net, 1, 2)[0] for net in NETS) for _ in range(2))
    return first - second


def memory(networks: int) -> float:
    """Peak memory in MiB of a process that trains so many shallow networks and nothing else."""
    table = emolib.sweep(seed=range(-(-networks // 5)), max_epochs=2)
    emolib.train(emolib.load().as_distributed(), table.head(networks))
    return peak_mebibytes()


def folder(count: int, size: int = 48) -> dict[str, float]:
    """A folder of ``count`` images read, described and reduced to components: ``images``,
    ``seconds``, ``images_per_second``, and the growth of the process in MiB at the peak.
    """
    rng = np.random.default_rng(0)
    with TemporaryDirectory(prefix="emolib-") as root:
        for number in range(count):
            emotion, name = emolib.paper.EMOTIONS[number % 7], f"person{number % 97}_{number}.png"
            path = Path(root, "faces", emotion, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (size, size), dtype=np.uint8)).save(path)
        before = peak_mebibytes()
        seconds = _seconds(partial(emolib.load, Path(root, "faces"), size=size))
        grown = peak_mebibytes() - before
    found = {"images": count, "seconds": seconds, "images_per_second": count / seconds}
    return found | {"peak_growth_mib": grown, "own_growth_mib": grown}


def apart(function: Callable[..., Any], *arguments: int) -> Any:
    """The result of a function of this module in a process of its own, with an empty cache; but
    :func:`memory` finds the compiled code, since the compiler takes more than training.
    """
    code = f"import json; from emolib import bench; found = bench.{function.__name__}(*{arguments})"
    with TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; print(json.dumps(found))"],
            check=True,
            stdout=subprocess.PIPE,
            env=os.environ | ({} if function is memory else {"EMOLIB_CACHE": cache}),
        )
    return json.loads(done.stdout)


def work(net: nn.Module, features: int = 5) -> dict[str, int]:
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


def rate(work: Callable[[], object], amount: int, seconds: float = 1.0) -> float:
    """Amount of work per second."""
    work()
    done, began = 0, perf_counter()
    while perf_counter() - began < seconds:
        work()
        done += amount
    return done / (perf_counter() - began)


def peak_mebibytes() -> float:
    """The most memory that this process has held, in MiB; NaN where the system is not Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / 1024


def setting() -> dict[str, Any]:
    """Machine, versions, and the work of a step."""
    data = emolib.load().as_distributed()
    info = Path("/proc/cpuinfo")
    known = re.findall(r"model name\s*: (.*)", info.read_text() if info.exists() else "")
    name = known[0] if known else platform.processor() or platform.machine()
    a, b = torch.rand(2, 1024, 1024)
    c, d = torch.rand(2, 2**26)  # larger than any cache
    return {
        "machine": f"{name}, {joblib.cpu_count()} cores",
        "versions": {"torch": version("torch"), "numba": version("numba")},
        "training_rows": len(lessons(data, "shallow")[0]),
        "batch": BATCH,
        "flop_per_second_of_matrix_product": rate(lambda: a @ b, 2 * 1024**3),
        "bytes_per_second_of_copy": rate(lambda: d.copy_(c), 2 * 4 * 2**26),
        "steps": {net: work(build(data, net, 0)) for net in NETS},
        "budget_mebibytes_a_core": BYTES / 2**20,
    }


def main() -> None:
    """Measures everything, prints each figure, and writes one file."""
    peaks = ({"networks": n, "peak_mebibytes": apart(memory, n)} for n in MEMORY)
    result = setting() | {
        "compile_seconds": apart(compiling),
        "rows": [_printed(row) for row in measure()],
        "memory": [_printed(row) for row in peaks],
        "descriptors": [_printed(row) for row in descriptors()],
        "folder": _printed(apart(folder, IMAGES)),
    }
    write(FILE, json.dumps(result, indent=1) + "\n")
    print(FILE)


def _printed(row: dict[str, Any]) -> dict[str, Any]:
    print(*(f"{own:.5g}" if isinstance(own, float) else own for own in row.values()), flush=True)
    return row


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


if __name__ == "__main__":
    main()
