"""The trainer's promises: a stack equals its plain modules, and each network ends as it would have,
trained alone.
"""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from emolib.folds import make_folds
from emolib.models import FusionNet, ShallowNet
from emolib.pruning import prune
from emolib.training import stack, sweeps
from emolib.training import train as training
from emolib.training.engines import VmapEngine
from emolib.training.scaling import scale
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import RECIPES, Recipe, build, initialise, recipe_of, seeds, sweep
from emolib.training.train import train

CRITERIA = {
    "smooth L1": F.smooth_l1_loss,
    "squared error": lambda out, wanted: 0.5 * F.mse_loss(out, wanted),
    "cross-entropy": F.cross_entropy,
}
OPTIMISERS = {
    "Adam": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "SGD, momentum 0.9": lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.9),
}


def train_alone(data, row, kind=torch.float32):
    """The loop that a student writes, on the plain module; a pruned unit is held at zero. Returns
    test scores, losses.
    """
    recipe = recipe_of(row)
    training, tested = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    net = build(row, data).to(kind)
    x = np.stack([scale(data, part, training) for part in row["modality"].split("+")], 1)
    x = torch.from_numpy(x).to(kind)
    y = nn.functional.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(x.dtype)
    rows = torch.from_numpy(training)
    generator = torch.Generator().manual_seed(seeds(row["seed"], row["fold"])[1])
    optimiser = OPTIMISERS[row["optimiser"]](net.parameters(), lr=recipe.learning_rate)
    criterion, losses = CRITERIA[row["loss"]], []
    alive = torch.ones(1, int(row["hidden"]), dtype=torch.bool)
    for epoch in range(recipe.epochs):
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        batch_losses = []
        for batch in shuffled.split(recipe.batch):
            optimiser.zero_grad()
            loss = criterion(net(x[batch]), y[batch])
            loss.backward()
            optimiser.step()
            if row["angle"]:
                net.output.weight.data *= alive
            batch_losses.append(loss.item())
        losses.append(np.mean(batch_losses))
        if row["angle"] and (epoch == 0 or row["schedule"] == "every"):
            with torch.no_grad():
                alive, outgoing, _ = prune(
                    net.activations(x[rows])[None],
                    alive,
                    net.output.weight[None],
                    net.output.bias[None],
                    angle=torch.tensor([row["angle"]]),
                    activation_shift=torch.tensor([row["activation_shift"]]),
                    merge_weights=torch.tensor([False]),
                )
                net.output.weight.copy_(outgoing[0])
        if recipe.patience and _flat(losses, recipe):
            break
    with torch.no_grad():
        return net(x)[tested].numpy(), losses


def _flat(losses, recipe):
    """Whether the last ``patience`` epochs brought no fall worth counting."""
    best, since = np.inf, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best * (1 - recipe.tolerance) else (best, since + 1)
    return since >= recipe.patience


def test_initial_weights_are_pytorch_s_own_for_the_same_seed():
    for make in (lambda: ShallowNet(5, 9, 7), lambda: FusionNet(2)):
        torch.manual_seed(11)
        expected, found = make(), make()
        initialise(found, 11)
        for a, b in zip(expected.parameters(), found.parameters(), strict=True):
            torch.testing.assert_close(a, b)


SHALLOW = dict(modality=["LPQ", "PHOG"], hidden=[7, 16], protocol=["random", "person-independent"])


@pytest.mark.parametrize("recipe", ["printed", "converged"])
def test_after_a_full_run_a_shallow_network_of_a_stack_equals_the_one_trained_alone(drawn, recipe):
    table = sweep(recipe=recipe, folds=2, **SHALLOW)
    trained = train(drawn, table, jobs=1)
    for position in (1, 14):  # of both widths and protocols
        scores, losses = train_alone(drawn, table.iloc[position].to_dict())
        assert len(trained.results[position].losses) == len(losses)
        np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-5)


@pytest.mark.parametrize(
    "activation_shift, schedule", [(0.5, "first"), (0.5, "every"), (0.0, "first")]
)
def test_after_a_full_run_a_pruned_network_of_a_stack_equals_the_one_trained_alone(
    drawn, activation_shift, schedule
):
    table = sweep(
        modality=["LPQ", "PHOG"],
        angle=[0, 30],
        activation_shift=activation_shift,
        schedule=schedule,
        folds=2,
    )
    trained = train(drawn, table, jobs=1)
    position = table.index[(table["angle"] == 30)][0]
    scores, _ = train_alone(drawn, table.iloc[position].to_dict())
    assert trained.table.loc[position, "units"] < 16
    np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-5)


def test_after_a_full_run_a_cnn_of_a_stack_equals_the_one_trained_alone(drawn):
    # In single precision a rounding error decides now and then which of two nearly equal neighbours
    # is the larger, and from there on two ways of computing part; in double precision that does not
    # happen within a run.
    table = sweep(
        network="cnn",
        modality=["LPQ", "LPQ+PHOG"],
        folds=2,
        protocol=["random", "person-independent"],
    )
    trained = train(drawn, table, jobs=1, precision="float64")
    for position in (1, len(table) - 1):
        scores, _ = train_alone(drawn, table.iloc[position].to_dict(), torch.float64)
        np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-5)


@pytest.mark.parametrize("network", ["shallow", "cnn"])
def test_each_loss_and_optimiser_is_pytorch_s(tiny, network):
    assert list(sweeps.LOSSES) == list(CRITERIA) and list(sweeps.OPTIMISERS) == list(OPTIMISERS)
    table = sweep(
        network=network,
        optimiser=list(OPTIMISERS),
        loss=list(CRITERIA),
        learning_rate=[1e-3, 0.05],
        max_epochs=4,
        hidden=[4, 7],
        folds=3,
    )
    trained = train(tiny, table, jobs=1, precision="float64")
    for position in range(0, len(table), 7):  # of every combination one at least
        scores, losses = train_alone(tiny, table.iloc[position].to_dict(), torch.float64)
        np.testing.assert_allclose(
            trained.results[position].scores, scores, atol=1e-6
        )  # results are kept in single precision
        np.testing.assert_allclose(trained.results[position].losses, losses, rtol=1e-6)


@pytest.mark.parametrize(
    "choices",
    [
        dict(
            modality=["LPQ", "PHOG"],
            hidden=[5, 16],
            optimiser=list(OPTIMISERS),
            loss=list(CRITERIA),
            learning_rate=0.05,
        ),
        dict(network="cnn", optimiser=list(OPTIMISERS), loss=list(CRITERIA), learning_rate=0.05),
        dict(
            modality=["LPQ", "PHOG"],
            hidden=[5, 16],
            angle=[0, 30],
            schedule="every",
            protocol=["random", "person-independent"],
        ),
        dict(
            network="cnn",
            modality="LPQ+PHOG",
            protocol=["random", "person-independent"],
            recipe=["printed", "converged"],
        ),
        dict(network="cnn", modality="PHOG", batch_size=7),
    ],
)
def test_both_engines_train_alike(drawn, brief, monkeypatch, choices):
    if size := choices.pop("batch_size", None):
        monkeypatch.setitem(
            RECIPES, ("cnn", "printed"), Recipe(epochs=3, learning_rate=1e-3, batch=size)
        )
    rows = sweep(folds=2, **choices).to_dict("records")
    compiled = stack.train_stack(drawn, rows, precision="float64")
    monkeypatch.setattr(stack, "NumbaEngine", VmapEngine)
    stacked = stack.train_stack(drawn, rows, precision="float64")
    for a, b in zip(compiled, stacked, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-9)
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-9)
        np.testing.assert_allclose(a.losses, b.losses, atol=1e-7)
        assert (a.units, a.train_accuracy, a.stopped) == (b.units, b.train_accuracy, b.stopped)


@pytest.fixture
def brief(monkeypatch):
    for key, recipe in list(RECIPES.items()):
        monkeypatch.setitem(
            RECIPES,
            key,
            Recipe(epochs=4, learning_rate=recipe.learning_rate, patience=recipe.patience),
        )


@pytest.mark.parametrize(
    "choices",
    [dict(angle=[0, 30], **SHALLOW), dict(network="cnn", modality=["LPQ", "LPQ+PHOG"], folds=3)],
)
def test_scores_are_the_same_to_the_last_bit_however_networks_are_stacked(
    drawn, brief, monkeypatch, choices
):
    table = sweep(**choices)
    together = train(drawn, table, jobs=1)
    monkeypatch.setattr(training, "BYTES", 300_000)  # a few networks a shard
    apart = train(drawn, table.sample(frac=1, random_state=1), jobs=2)
    for position, result in zip(apart.table.index, apart.results, strict=True):
        np.testing.assert_array_equal(result.scores, together.results[position].scores)
        np.testing.assert_array_equal(result.weights, together.results[position].weights)


def test_no_shard_holds_more_than_it_may(drawn, monkeypatch):
    rows = sweep(seed=range(40), hidden=[6, 16]).to_dict("records")
    for budget in (10**5, 10**6, 10**7):
        monkeypatch.setattr(training, "BYTES", budget)
        shards = training._shards(drawn, rows, list(range(len(rows))), 2, "cpu")
        assert sorted(sum(shards, [])) == list(range(len(rows)))
        assert max(map(len, shards)) * len(drawn) * (5 + 7 + 1) * 4 <= budget


def test_a_stack_tells_its_losses_while_it_trains(tiny, brief):
    rows = sweep(modality=tiny.modalities[0], folds=3).to_dict("records")
    stack, seen = NetworkStack(tiny, rows), []
    while stack.training.any():
        seen.append(stack.epoch())
        assert (
            stack.result(0).losses[-1] == seen[-1][0]
        )  # at any time, for a look at what became of it so far
    np.testing.assert_array_equal(np.array(seen)[:, 1], stack.result(1).losses)


@pytest.mark.parametrize(
    "choices, sentence",
    [
        (dict(device="tpu"), "must be auto, cpu or cuda"),
        (dict(precision="float8"), "precision is 'float8'"),
        (dict(device="cpu", precision="bfloat16"), "only a graphics card"),
    ],
)
def test_a_device_or_precision_that_is_not_there_is_refused(tiny, choices, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(tiny, sweep(modality=tiny.modalities[0]), **choices)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card")
def test_a_missing_graphics_card_is_named(tiny):
    with pytest.raises(ValueError, match="no graphics card"):
        train(tiny, sweep(modality=tiny.modalities[0]), device="cuda")


def test_a_cluster_without_dask_is_told_what_to_install(tiny, monkeypatch):
    monkeypatch.setenv(training.CLUSTER, "tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"Dask is not installed: pip install 'emolib\[cluster\]'"):
        train(tiny, sweep(modality=tiny.modalities[0], folds=3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
@pytest.mark.parametrize(
    "choices", [SHALLOW | dict(angle=[0, 30]), dict(network="cnn", modality="LPQ+PHOG")]
)
def test_a_graphics_card_gives_the_same_scores(drawn, choices):
    table = sweep(folds=2, **choices)
    here, there = (
        train(drawn, table, device=device, precision="float64") for device in ("cpu", "cuda")
    )
    for a, b in zip(here.results, there.results, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-6)


def test_a_member_is_a_plain_network_that_gives_the_scores(drawn, brief):
    trained = train(
        drawn, sweep(modality=["LPQ", "PHOG"], angle=30, protocol="person-independent"), jobs=1
    )
    row = trained.table.iloc[2]
    net = trained.member(2)
    training, tested = make_folds(drawn, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    with torch.no_grad():
        scores = net(torch.from_numpy(scale(drawn, row["modality"], training)[tested]))
    assert net.hidden.out_features == row["units"] < 16
    assert sum(p.numel() for p in net.parameters()) == row["parameters"]
    np.testing.assert_allclose(scores.numpy(), trained.results[2].scores, atol=1e-6)


def test_every_row_of_the_data_is_scored_by_a_network_that_had_not_seen_it(drawn, brief):
    trained = train(drawn, sweep(protocol=["random", "person-independent"], seed=[0, 1]), jobs=1)
    table, scores = trained.out_of_fold()
    assert len(table) == 4 and scores.shape == (4, len(drawn), 7)
    assert np.isfinite(scores).all()
    position = 7  # fold 2 of the second repetition
    row = trained.table.iloc[position]
    _, tested = make_folds(drawn, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    np.testing.assert_array_equal(scores[1, tested], trained.results[position].scores)


def test_a_network_stops_once_its_loss_no_longer_falls(tiny, monkeypatch):
    monkeypatch.setitem(
        RECIPES,
        ("shallow", "converged"),
        Recipe(epochs=500, learning_rate=1e-2, patience=5, tolerance=0.2),
    )
    trained = train(tiny, sweep(recipe="converged", modality=tiny.modalities[0], folds=3), jobs=1)
    assert trained.table["stopped"].all()
    assert trained.table["epochs"].nunique() > 1  # each at its own time
    for result in trained.results:
        assert _flat(result.losses, RECIPES["shallow", "converged"])
        assert not _flat(result.losses[:-1], RECIPES["shallow", "converged"])


def test_smaller_widths_of_a_stack_keep_their_width(tiny, brief):
    trained = train(tiny, sweep(modality=tiny.modalities[0], hidden=[3, 5, 12], folds=3), jobs=1)
    assert (trained.table["units"] == trained.table["hidden"]).all()
    assert [trained.member(k).hidden.out_features for k in range(0, 9, 3)] == [3, 5, 12]


@pytest.mark.parametrize(
    "choices, sentence",
    [
        (dict(modality="HOG"), "modality is 'HOG'"),
        (dict(recipe="secret"), "recipe is 'secret'"),
        (dict(hidden=0), "at least one hidden unit"),
        (dict(angle=200), "between 0 and 180"),
        (dict(schedule="never"), "schedule is 'never'"),
        (dict(protocol="leaky"), "protocol is 'leaky'"),
        (dict(optimiser="Adagrad"), "optimiser is 'Adagrad'; it must be one of Adam"),
        (dict(loss="hinge"), "loss is 'hinge'"),
        (dict(network="cnn 2-D", loss="cross-entropy"), "trained by Adam on smooth L1 only"),
        (dict(learning_rate=-0.1), "learning_rate must be a learning rate"),
        (dict(learning_rate=float("nan")), "learning_rate must be a learning rate"),
    ],
)
def test_a_row_that_cannot_be_trained_is_refused_by_name(tiny, choices, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(tiny, sweep(**({"modality": tiny.modalities[0]} | choices)))


def test_a_sweep_has_every_combination_once_and_knows_its_columns():
    table = sweep(modality=["LPQ", "PHOG"], hidden=range(6, 17), seed=range(10))
    assert len(table) == 2 * 11 * 10 * 5 and not table.duplicated().any()
    assert isinstance(table, pd.DataFrame) and len(sweep(network="cnn", hidden=[6, 16])) == 5
    with pytest.raises(ValueError, match="no column 'hiden'"):
        sweep(hiden=6)
    with pytest.raises(ValueError, match="seed has no value"):
        sweep(seed=range(0))


def test_max_epochs_takes_the_place_of_the_recipe_s_epochs(tiny):
    trained = train(tiny, sweep(folds=3, max_epochs=[2, 5]), jobs=1)
    assert (
        trained.table["epochs"].tolist() == trained.table["max_epochs"].tolist()
        and len(trained.table) == 6
    )
    with pytest.raises(ValueError, match="max_epochs is -1"):
        train(tiny, sweep(folds=3, max_epochs=-1))
