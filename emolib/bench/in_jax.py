"""The same networks in JAX, where it is installed: vmap over networks, scan over steps, many steps
a compiled call.

A step of Adam is written out, since JAX itself has no optimiser.
"""

from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from emolib.bench.contenders import BATCH, build, lessons
from emolib.data import EmotionData
from emolib.models import FeatureNet

Parameters = dict[str, jax.Array]
State = tuple[
    Parameters, Parameters, Parameters, jax.Array
]  # with Adam's two means and the steps taken

DISTINCT = 20  # networks built one by one; the others start as copies of these
AT_ONCE = 20_000  # net-steps a compiled call takes, so that ten thousand networks need not go through a whole epoch


def _shallow(p: Parameters, x: jax.Array) -> jax.Array:
    h = jax.nn.sigmoid(x.reshape(len(x), -1) @ p["hidden.weight"].T + p["hidden.bias"])
    return h @ p["output.weight"].T + p["output.bias"]


def _fusion(p: Parameters, x: jax.Array) -> jax.Array:
    joined = []
    for m in range(x.shape[1]):
        h = x[:, m, :, None]  # [B, D, 1]
        for layer in range(FeatureNet.LAYERS):
            weight = p[f"branches.{m}.convolutions.{layer}.weight"]  # [out, in, 3]
            around = jnp.pad(h, ((0, 0), (1, 1), (0, 0)))
            seen = jnp.stack(
                [around[:, t : t + h.shape[1]] for t in range(3)], axis=-1
            )  # [B, D, in, 3]
            z = jax.nn.relu(
                jnp.einsum("bdit,oit->bdo", seen, weight)
                + p[f"branches.{m}.convolutions.{layer}.bias"]
            )
            around = jnp.pad(z, ((0, 0), (1, 1), (0, 0)), constant_values=-jnp.inf)
            h = jnp.maximum(jnp.maximum(around[:, :-2], around[:, 1:-1]), around[:, 2:])
        joined.append(h.transpose(0, 2, 1).reshape(len(x), -1))
    reduced = jax.nn.relu(jnp.concatenate(joined, 1) @ p["reduce.weight"].T + p["reduce.bias"])
    return reduced @ p["output.weight"].T + p["output.bias"]


def vmap_scan(data: EmotionData, net: str, networks: int, seconds: float) -> tuple[float, int]:
    """Steps of all networks until the time is up; the first call, which compiles, is not counted."""
    x, y = (jnp.asarray(part.numpy()) for part in lessons(data, net))
    forward = _shallow if net == "shallow" else _fusion
    taken = min(len(x) // BATCH, max(1, AT_ONCE // networks))

    def loss(p: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
        error = forward(p, x) - y
        slope = jnp.clip(error, -1, 1)
        return jnp.mean(slope * (error - 0.5 * slope))

    def step(state: State, rows: jax.Array) -> tuple[State, None]:
        p, mean, square, t = state
        gradient, t = jax.grad(loss)(p, x[rows], y[rows]), t + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
        p = jax.tree.map(
            lambda w, m, v: w - 1e-4 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8),
            p,
            mean,
            square,
        )
        return (p, mean, square, t), None

    epoch = jax.jit(jax.vmap(lambda state, rows: lax.scan(step, state, rows)[0], in_axes=(0, None)))
    plain = [build(data, net, seed) for seed in range(min(networks, DISTINCT))]
    p = {
        name: jnp.asarray(
            np.stack(
                [
                    plain[k % len(plain)].get_parameter(name).detach().numpy()
                    for k in range(networks)
                ]
            )
        )
        for name, _ in plain[0].named_parameters()
    }
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = (p, zeros, zeros, jnp.zeros(networks))
    generator = np.random.default_rng(0)

    def rows() -> np.ndarray:
        return generator.permutation(len(x))[: taken * BATCH].reshape(-1, BATCH)

    state = jax.block_until_ready(epoch(state, rows()))
    steps, began = 0, perf_counter()
    while perf_counter() - began < seconds:
        state = jax.block_until_ready(epoch(state, rows()))
        steps += networks * taken
    return perf_counter() - began, steps
