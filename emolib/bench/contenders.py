"""Ways to train the same networks on the same rows, and loops that compute LPQ and PHOG.

A way to train returns seconds and steps taken. Sequential ways (a loop, scikit-learn) cost the same
for each network, so they may stop before the last one: the result is the time per network and step.
The loops over images follow the authors' published programs, `lpq.m` and `anna_phog.m`, and return
the library's numbers.
"""

import importlib.util
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from scipy.ndimage import sobel
from scipy.signal import convolve2d
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from emolib.data import EmotionData
from emolib.data.descriptors import lpq, phog
from emolib.folds import make_folds
from emolib.models import FeatureNet
from emolib.training import sweeps
from emolib.training.scaling import scale
from emolib.training.train import train

NETS = {
    "shallow": {"modality": "PHOG"},
    "lpq": {"network": "cnn", "modality": "LPQ"},
    "phog": {"network": "cnn", "modality": "PHOG"},
    "fusion": {"network": "cnn", "modality": "LPQ+PHOG"},
}
BATCH = 10
RATE = 1e-4  # of the printed recipe
# JAX: networks built one by one, of which the others start as copies; and steps of all networks per
# compiled call, so that ten thousand networks need not go through a whole epoch.
DISTINCT, AT_ONCE = 20, 20_000


def lessons(data: EmotionData, net: str) -> tuple[Tensor, Tensor]:
    """Training rows of one fold: inputs ``[N, M, D]`` and one-hot targets ``[N, C]``."""
    rows, _ = make_folds(data, "random", 0, 5)[0]
    parts = [scale(data, part, rows) for part in NETS[net]["modality"].split("+")]
    targets = torch.eye(len(data.classes))[data.labels[rows]]
    return torch.from_numpy(np.stack(parts, axis=1)[rows]), targets


def build(data: EmotionData, net: str, seed: int) -> nn.Module:
    """One of :data:`NETS`, untrained."""
    return sweeps.build(sweeps.DEFAULTS | NETS[net] | {"seed": seed, "fold": 0}, data)


def _one_by_one(fit: Callable[[int], int], networks: int, seconds: float) -> tuple[float, int]:
    """Trains one network after the other, until the time is up; ``fit`` takes a seed and returns
    steps.
    """
    steps, began = 0, perf_counter()
    for seed in range(networks):
        steps += fit(seed)
        if perf_counter() - began > seconds:
            break
    return perf_counter() - began, steps


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

    def fit(seed: int) -> int:
        model, steps = build(data, net, seed), 0
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        for inputs, targets in batches(x, y):
            optimiser.zero_grad()
            criterion(model(inputs), targets).backward()
            optimiser.step()
            steps += 1
        return steps

    return _one_by_one(fit, networks, seconds)


def sklearn(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """scikit-learn's MLPClassifier of the same size; the shallow network only."""
    x, y = lessons(data, net)
    network = MLPClassifier((16,), activation="logistic", batch_size=BATCH, max_iter=5)

    def fit(seed: int) -> int:
        network.set_params(learning_rate_init=RATE, random_state=seed)
        network.fit(x.flatten(1).numpy(), y.argmax(1).numpy())
        return int(network.n_iter_) * -(-len(x) // BATCH)

    with warnings.catch_warnings():  # five epochs are not meant to suffice
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _one_by_one(fit, networks, seconds)


def ours(data: EmotionData, net: str, networks: int, epochs: float) -> tuple[float, int]:
    """:func:`emolib.train`, from table to results; 0 epochs: as the printed recipe says."""
    seeds = range(-(-networks // 5))
    table = sweeps.sweep(**NETS[net], folds=5, seed=seeds, max_epochs=int(epochs))
    began = perf_counter()
    results = train(data, table.head(networks)).results
    elapsed = perf_counter() - began
    batches = [-(-(len(data) - len(result.scores)) // BATCH) for result in results]
    epochs_run = [len(result.losses) for result in results]
    return elapsed, int(np.dot(batches, epochs_run))


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
    ("lpq", "ours"): lpq,
    ("lpq", "loop"): lpq_loop,
    ("phog", "ours"): phog,
    ("phog", "loop"): phog_loop,
}
if importlib.util.find_spec("skimage"):
    DESCRIPTORS["phog", "scikit-image hog"] = hog
