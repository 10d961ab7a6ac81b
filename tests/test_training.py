"""The trainer's promises: a stack equals its plain modules, and each network ends as it would have, trained alone."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from emolib import stacked
from emolib.models import FusionNet, ShallowNet
from emolib.folds import make_folds
from emolib.preprocessing import scale
from emolib.pruning import prune
from emolib.stack import Adam
from emolib.sweeps import RECIPES, Recipe, build, initialise, seeds, sweep
from emolib.training import STACK, train


def train_alone(data, row):
    """The loop that a student writes, on the plain module; a pruned unit is held at zero. Returns test scores, losses."""
    recipe = RECIPES[row["network"], row["recipe"]]
    training, tested = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    net = build(row, data).to(torch.get_default_dtype())
    x = np.stack([scale(data, part, training) for part in row["modality"].split("+")], 1)
    x = torch.from_numpy(x).to(torch.get_default_dtype())
    y = nn.functional.one_hot(torch.from_numpy(data.labels), len(data.classes)).to(x.dtype)
    rows = torch.from_numpy(training)
    generator = torch.Generator().manual_seed(seeds(row["seed"], row["fold"])[1])
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    criterion, losses = nn.SmoothL1Loss(), []
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
                    net.activations(x[rows])[None], alive, net.output.weight[None], net.output.bias[None],
                    angle=torch.tensor([row["angle"]]), centre=torch.tensor([row["centre"]]), merge=torch.tensor([False]),
                )  # fmt: skip
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


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "make, forward, modalities",
    [
        (lambda: ShallowNet(5, 16, 7), stacked.shallow, 1),
        (lambda: ShallowNet(10, 6, 3), stacked.shallow, 2),
        (lambda: FusionNet(1), stacked.fusion, 1),
        (lambda: FusionNet(3), stacked.fusion, 3),
    ],
)
def test_stacked_outputs_and_gradients_equal_the_plain_modules(double, make, forward, modalities):
    torch.manual_seed(3)
    nets = [make() for _ in range(4)]
    plain, _ = stack_module_state(nets)
    plain = {name: p.detach() for name, p in plain.items()}
    x = torch.rand(4, 10, modalities, 5)
    out, backward = forward(stacked.pack(plain), x)
    target = torch.rand_like(out) * 4 - 1  # errors on both sides of 1

    def loss(p, x, target):
        return nn.functional.smooth_l1_loss(functional_call(nets[0], p, (x,)), target)

    expected, expected_loss = vmap(grad_and_value(loss))(plain, x, target)
    value, d_out = stacked.smooth_l1(out, target, torch.full((4, 10), 0.1))
    found = stacked.unpack(backward(d_out))
    for k, net in enumerate(nets):
        torch.testing.assert_close(out[k], net(x[k]))
    torch.testing.assert_close(value, expected_loss)
    assert set(found) == set(expected)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])


def test_unpack_undoes_pack_in_the_module_s_own_order():
    net = FusionNet(3)
    plain = {name: p.detach()[None] for name, p in net.named_parameters()}
    again = stacked.unpack(stacked.pack(plain))
    assert list(again) == list(plain)
    assert all(torch.equal(again[name], plain[name]) for name in plain)


def test_a_place_without_a_row_has_no_say_in_loss_and_gradient():
    torch.manual_seed(0)
    out, target = torch.rand(1, 4, 7), torch.rand(1, 4, 7)
    weight = torch.tensor([[0.5, 0.5, 0, 0]])
    loss, slope = stacked.smooth_l1(out, target, weight)
    torch.testing.assert_close(loss[0], nn.functional.smooth_l1_loss(out[0, :2], target[0, :2]))
    assert (slope[0, 2:] == 0).all()


def test_adam_equals_pytorch_s_also_on_gradients_that_are_views():
    torch.manual_seed(0)
    value = {"w": torch.rand(3, 4, 5)}
    reference = nn.Parameter(value["w"].clone())
    ours, theirs = Adam(value, 1e-2), torch.optim.Adam([reference], lr=1e-2)
    for _ in range(20):
        gradient = torch.rand(4, 3, 5).transpose(0, 1)
        ours.step(value, {"w": gradient})
        reference.grad = gradient
        theirs.step()
    torch.testing.assert_close(value["w"], reference.detach())


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
        assert len(trained.outcomes[position].losses) == len(losses)
        np.testing.assert_allclose(trained.outcomes[position].scores, scores, atol=1e-5)


@pytest.mark.parametrize("centre, schedule", [(0.5, "first"), (0.5, "every"), (0.0, "first")])
def test_after_a_full_run_a_pruned_network_of_a_stack_equals_the_one_trained_alone(drawn, centre, schedule):
    table = sweep(modality=["LPQ", "PHOG"], angle=[0, 30], centre=centre, schedule=schedule, folds=2)
    trained = train(drawn, table, jobs=1)
    position = table.index[(table["angle"] == 30)][0]
    scores, _ = train_alone(drawn, table.iloc[position].to_dict())
    assert trained.table.loc[position, "units"] < 16
    np.testing.assert_allclose(trained.outcomes[position].scores, scores, atol=1e-5)


def test_after_a_full_run_a_cnn_of_a_stack_equals_the_one_trained_alone(drawn, double):
    # In single precision a rounding error decides now and then which of two nearly equal neighbours is the larger,
    # and from there on the runs part; in double precision that does not happen within a run.
    table = sweep(network="cnn", modality=["LPQ", "LPQ+PHOG"], folds=2, protocol=["random", "person-independent"])
    trained = train(drawn, table, jobs=1)
    for position in (1, len(table) - 1):
        scores, _ = train_alone(drawn, table.iloc[position].to_dict())
        np.testing.assert_allclose(trained.outcomes[position].scores, scores, atol=1e-5)


@pytest.fixture
def brief(monkeypatch):
    for key, recipe in list(RECIPES.items()):
        monkeypatch.setitem(RECIPES, key, Recipe(epochs=4, learning_rate=recipe.learning_rate, patience=recipe.patience))


def test_scores_do_not_depend_on_how_networks_are_stacked(drawn, brief, monkeypatch):
    table = sweep(angle=[0, 30], **SHALLOW)
    together = train(drawn, table, jobs=1)
    monkeypatch.setitem(STACK, "shallow", (1, 7))
    apart = train(drawn, table.sample(frac=1, random_state=1), jobs=1)
    order = apart.table.index
    for position, outcome in zip(order, apart.outcomes, strict=True):
        np.testing.assert_allclose(outcome.scores, together.outcomes[position].scores, atol=1e-6)


def test_processes_side_by_side_give_the_same_as_one(tiny, monkeypatch):
    monkeypatch.setitem(STACK, "shallow", (1, 8))
    table = sweep(modality=["LPQ", "PHOG"], folds=3, seed=range(3))
    one, two = (train(tiny, table, jobs=jobs) for jobs in (1, 2))
    for a, b in zip(one.outcomes, two.outcomes, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-6)


def test_a_member_is_a_plain_network_that_gives_the_scores(drawn, brief):
    trained = train(drawn, sweep(modality=["LPQ", "PHOG"], angle=30, protocol="person-independent"), jobs=1)
    row = trained.table.iloc[2]
    net = trained.member(2)
    training, tested = make_folds(drawn, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    with torch.no_grad():
        scores = net(torch.from_numpy(scale(drawn, row["modality"], training)[tested]))
    assert net.hidden.out_features == row["units"] < 16
    assert sum(p.numel() for p in net.parameters()) == row["parameters"]
    np.testing.assert_allclose(scores.numpy(), trained.outcomes[2].scores, atol=1e-6)


def test_every_row_of_the_data_is_scored_by_a_network_that_had_not_seen_it(drawn, brief):
    trained = train(drawn, sweep(protocol=["random", "person-independent"], seed=[0, 1]), jobs=1)
    table, scores = trained.out_of_fold()
    assert len(table) == 4 and scores.shape == (4, len(drawn), 7)
    assert np.isfinite(scores).all()
    position = 7  # fold 2 of the second repetition
    row = trained.table.iloc[position]
    _, tested = make_folds(drawn, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    np.testing.assert_array_equal(scores[1, tested], trained.outcomes[position].scores)


def test_a_network_stops_once_its_loss_no_longer_falls(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, ("shallow", "converged"), Recipe(epochs=500, learning_rate=1e-2, patience=5, tolerance=0.2))
    trained = train(tiny, sweep(recipe="converged", modality=tiny.modalities[0], folds=3), jobs=1)
    assert trained.table["stopped"].all()
    assert trained.table["epochs"].nunique() > 1  # each at its own time
    for outcome in trained.outcomes:
        assert _flat(outcome.losses, RECIPES["shallow", "converged"])
        assert not _flat(outcome.losses[:-1], RECIPES["shallow", "converged"])


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
