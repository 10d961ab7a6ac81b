"""What training costs: time a step against how many networks train at once, for each way of
training.
"""

import pandas as pd

from emolib.figures.style import Picture, joined, panels, styled

# The order is that of the legend; our own way stands out.
WAYS = {
    "dataloader": ("loop with a DataLoader", "#c8430b", "o"),
    "loop": ("loop without one", "#d99100", "s"),
    "sklearn": ("scikit-learn", "#6a4c93", "^"),
    "jax": ("JAX, vmap and scan", "#0068a5", "D"),
    "ours": ("this library", "#111111", "X"),
}
NETS = {
    "shallow": "shallow network",
    "lpq": "CNN on LPQ",
    "phog": "CNN on PHOG",
    "fusion": "CNN fusion",
}


@styled
def costs(rows: pd.DataFrame) -> Picture:
    """Microseconds a network's step takes, both axes logarithmic.

    Args:
        rows: columns ``net``, ``method``, ``networks``, ``microseconds_per_net_step``.
    """
    figure, axes = panels(2, 2, 2.6, sharex=True, sharey=True)
    for axis, (net, title) in zip(axes.flat, NETS.items(), strict=True):
        for method, (label, color, marker) in WAYS.items():
            part = rows[(rows["net"] == net) & (rows["method"] == method)]
            if len(part):
                axis.plot(
                    part["networks"],
                    part["microseconds_per_net_step"],
                    color=color,
                    marker=marker,
                    label=label,
                )
        axis.set(xscale="log", yscale="log", title=title)
    for axis in axes[1]:
        axis.set_xlabel("networks")
    for axis in axes[:, 0]:
        axis.set_ylabel("µs a network's step")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(WAYS)
    )
    most = rows["networks"].max()
    said = []
    for net, title in NETS.items():
        at = rows[(rows["net"] == net) & (rows["networks"] == most)].set_index("method")[
            "microseconds_per_net_step"
        ]
        others = joined(
            [f"{at[way]:.3g} by {WAYS[way][0]}" for way in WAYS if way in at and way != "ours"]
        )
        said.append(f"{title}: {at['ours']:.3g} by this library, {others}")
    return Picture(
        figure,
        f"Microseconds a network's step takes with {most:,} networks. " + ". ".join(said) + ".",
        rows,
    )
