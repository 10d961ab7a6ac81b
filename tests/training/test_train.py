"""The trainer's promises: a stack equals its plain modules, and each network ends as it would have,
trained alone.
"""

import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from student import CRITERIA, OPTIMISERS, has_converged, train_alone
from torch import nn

from emolib.analysis.evidence import by_emotion
from emolib.folds import SINGLE, make_folds
from emolib.models import POOLINGS, FusionNet, ShallowNet
from emolib.training import cluster, stack, sweeps
from emolib.training import train as training
from emolib.training.scaling import scale
from emolib.training.stack import NetworkStack
from emolib.training.sweeps import DEFAULTS, RECIPES, Recipe, initialise, sweep
from emolib.training.train import train


@pytest.mark.parametrize("network", [ShallowNet, FusionNet])
def test_initial_weights_are_pytorch_s_own_for_the_same_seed(network):
    torch.manual_seed(11)
    expected, found = network(), network()
    initialise(found, 11)
    for a, b in zip(expected.parameters(), found.parameters(), strict=True):
        torch.testing.assert_close(a, b)


PROTOCOLS = dict(protocol=["random", "person-independent"])
SHALLOW = dict(modality=["LPQ", "PHOG"], hidden=[7, 16]) | PROTOCOLS


PRUNED = dict(modality=["LPQ", "PHOG"], angle=[0, 30])


@pytest.mark.parametrize(
    ("choices", "positions", "precision"),
    [
        (SHALLOW | dict(recipe="printed"), (1, 14), "float32"),  # of both widths and protocols
        (SHALLOW | dict(recipe="converged"), (1, 14), "float32"),
        (PRUNED | dict(activation_shift=0.5, schedule="first"), (2,), "float32"),
        (PRUNED | dict(activation_shift=0.5, schedule="every"), (2,), "float32"),
        (PRUNED | dict(activation_shift=0.0, schedule="first"), (2,), "float32"),
        # In single precision a rounding error decides now and then which of two nearly equal
        # neighbours is the larger, and from there on two ways of computing part.
        (dict(network="cnn", modality=["LPQ", "LPQ+PHOG"]) | PROTOCOLS, (1, 7), "float64"),
    ],
)
def test_after_a_full_run_a_network_of_a_stack_equals_the_one_trained_alone(
    drawn, choices, positions, precision
):
    table = sweep(folds=2, **choices)
    trained = train(drawn, table, jobs=1, precision=precision)
    for position in positions:
        row, result = table.iloc[position].to_dict(), trained.results[position]
        scores, losses = train_alone(drawn, row, getattr(torch, precision))
        assert len(result.losses) == len(losses)
        assert row["angle"] == 0 or result.units < 16
        np.testing.assert_allclose(result.scores, scores, atol=1e-5)


@pytest.mark.parametrize("network", ["shallow", "cnn"])
def test_each_loss_and_optimiser_is_pytorch_s(tiny, network):
    assert list(sweeps.LOSSES) == list(CRITERIA) and list(sweeps.OPTIMISERS) == list(OPTIMISERS)
    rates = dict(learning_rate=[1e-3, 0.05])
    table = sweep(network=network, hidden=[4, 7], folds=3, max_epochs=4, **ANY_LOSS | rates)
    trained = train(tiny, table, jobs=1, precision="float64")
    assert (trained.table["units"] == table["hidden"]).all()
    for position in range(0, len(table), 7):  # of every combination one at least
        scores, losses = train_alone(tiny, table.iloc[position].to_dict(), torch.float64)
        np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-6)
        np.testing.assert_allclose(trained.results[position].losses, losses, rtol=1e-6)


def test_channels_poolings_and_restarts_are_those_of_a_network_trained_alone(tiny):
    """Shards hold one shape of network each, whatever the order of the table's rows."""
    shapes = dict(channels=[3, 16], pooling=list(POOLINGS), restart=[0, 5])
    table = sweep(network="cnn", modality="LPQ+PHOG", folds=2, max_epochs=2, **shapes)
    table = table.sample(frac=1, random_state=0)
    trained = train(tiny, table, precision="float64")
    for position in range(0, len(table), 5):
        row, net = table.iloc[position].to_dict(), trained.member(position)
        scores, _ = train_alone(tiny, row, torch.float64)
        np.testing.assert_allclose(trained.results[position].scores, scores, atol=1e-8)
        assert net.branches[0].convolutions[0].out_channels == row["channels"]
        assert (net.branches[0].pool.kernel_size, net.branches[0].pool.stride) == POOLINGS[
            row["pooling"]
        ]
        assert sum(p.numel() for p in net.parameters()) == trained.table["parameters"][position]


def test_a_restart_changes_weights_and_batches_and_not_the_folds(tiny):
    table = sweep(folds=3, seed=[0, 4], restart=range(3), max_epochs=1)
    trained = train(tiny, table)
    for _, part in trained.table.groupby(["seed", "fold"]):
        results = [trained.results[position] for position in part.index]
        assert len({result.test_rows.tobytes() for result in results}) == 1
        assert len({result.weights.tobytes() for result in results}) == 3
    for seed, fold in ((0, 0), (0, 3), (sweeps.LARGEST_SEED, 4)):  # 0 is no restart at all
        plain = np.random.SeedSequence([seed, fold]).generate_state(2)
        assert sweeps.seeds(seed, fold, 0) == tuple(plain)
        assert not set(sweeps.seeds(seed, fold, 1)) & set(plain.tolist())


WIDTHS = dict(modality=["LPQ", "PHOG"], hidden=[5, 16])
ANY_LOSS = dict(optimiser=list(OPTIMISERS), loss=list(CRITERIA), learning_rate=0.05)


@pytest.mark.parametrize(
    "choices",
    [
        WIDTHS | ANY_LOSS,
        dict(network="cnn") | ANY_LOSS,
        dict(angle=[0, 30], schedule="every") | WIDTHS | PROTOCOLS,
        dict(network="cnn", modality="LPQ+PHOG", recipe=["printed", "converged"]) | PROTOCOLS,
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
    monkeypatch.setattr(stack, "ENGINES", {})
    stacked = stack.train_stack(drawn, rows, precision="float64")
    for a, b in zip(compiled, stacked, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-9)
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-9)
        np.testing.assert_allclose(a.losses, b.losses, atol=1e-7)
        assert (a.units, a.train_accuracy, a.stopped) == (b.units, b.train_accuracy, b.stopped)


@pytest.fixture
def brief(monkeypatch):
    for key, recipe in list(RECIPES.items()):
        monkeypatch.setitem(RECIPES, key, replace(recipe, epochs=4))


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
    order = table.sample(frac=1, random_state=1).index
    for position, result in zip(order, apart.results, strict=True):
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
        assert stack.result(0).losses[-1] == seen[-1][0]  # at any time
    np.testing.assert_array_equal(np.array(seen)[:, 1], stack.result(1).losses)


REFUSED = [
    (dict(modality="HOG"), {}, "row 0 of the sweep: modality is 'HOG'; it must be one of 'LPQ', "),
    (dict(modality="LPQ+"), {}, "modality is ''"),
    (dict(hidden=0), {}, "row 0 of the sweep: hidden is 0"),
    (dict(protocol="leaky"), {}, "protocol is 'leaky'; it must be one of 'random', 'person-indep"),
    (dict(network="cnn 2-D"), {}, "there are no images"),
    ({}, dict(device="tpu"), "device is 'tpu'; it must be one of 'auto', 'cpu', 'cuda'"),
    ({}, dict(device="cuda"), "device is 'cuda', but there is no graphics card"),
    ({}, dict(precision="float8"), "precision is 'float8'; it must be one of 'float32', 'float64'"),
    *(({}, dict(jobs=jobs), f"jobs is {jobs!r}; it must be a whole") for jobs in (0, 1.5, "2")),
]


@pytest.mark.parametrize(("choices", "options", "sentence"), REFUSED)
def test_what_cannot_be_trained_is_refused_by_name(tiny, monkeypatch, choices, options, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=sentence):
        train(tiny, sweep(**({"modality": "LPQ"} | choices)), **options)


def test_a_cluster_without_dask_is_told_what_to_install(tiny, monkeypatch):
    monkeypatch.setenv(cluster.CLUSTER, "tcp://127.0.0.1:9")
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
    recipe = Recipe(epochs=500, learning_rate=1e-2, patience=5, tolerance=0.2)
    monkeypatch.setitem(RECIPES, ("shallow", "converged"), recipe)
    trained = train(tiny, sweep(recipe="converged", modality=tiny.modalities[0], folds=3), jobs=1)
    assert trained.table["stopped"].all()
    assert trained.table["epochs"].nunique() > 1  # each at its own time
    for result in trained.results:
        assert has_converged(result.losses, recipe)
        assert not has_converged(result.losses[:-1], recipe)


NONSENSE = {
    "max_epochs": [2.5, -1, "9", True, None, np.inf],
    "hidden": [2.5, np.nan, 10**9],
    "folds": [2.5, 0, "5"],
    "seed": [-1, 0.5, 2**40],
    "restart": [-1, 0.5, 2**40],
    "channels": [-1, 0.5],
    "pooling": ["average", 3],
    "angle": [200, np.nan, "60"],
    "activation_shift": [np.nan, "0.5"],
    "learning_rate": [-0.1, np.nan, np.inf, 11, "fast"],
    "merge_weights": ["False", 1],
    "recipe": ["secret", None],
    "schedule": ["never"],
    "optimiser": ["Adagrad"],
    "loss": ["hinge"],
    "network": ["transformer"],
    "scaling": [True],
    "modality": [3],
    "fold": [-1, 3, 0.5, "0", np.nan],
}


@pytest.mark.parametrize("column", NONSENSE)
def test_nonsense_is_refused_by_sweeps_and_in_tables_of_one_s_own(tiny, column):
    table = sweep(modality="LPQ", folds=3, max_epochs=1).astype(object)
    for value in NONSENSE[column]:
        refused = f"{column} is {re.escape(repr(value))}; it must be "
        if column in DEFAULTS:
            with pytest.raises(ValueError, match=f"^{refused}"):
                sweep(**{column: [DEFAULTS[column], value]})
        table.loc[2, column] = value
        with pytest.raises(ValueError, match=f"^row 2 of the sweep: {refused}"):
            train(tiny, table)


def test_whole_values_of_any_numeric_type_are_taken():
    assert sweep(hidden=np.linspace(6, 16, 3))["hidden"].unique().tolist() == [6, 11, 16]
    assert sweep(hidden=(width for width in [6, 7]))["hidden"].unique().tolist() == [6, 7]
    assert sweep(hidden=np.array(6))["hidden"].unique().tolist() == [6]
    expected = sweep(folds=2, max_epochs=3, seed=[0, 1], angle=60)
    for number in (float, np.float32, np.int8, np.uint64):
        found = sweep(
            folds=number(2), max_epochs=number(3), seed=np.array([0, 1], number), angle=number(60)
        )
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([{"modality": "LPQ"}], "a sweep is a table .* not of type list"),
        (sweep()[:0], "no rows"),
        (sweep().drop(columns="seed"), "has 0 columns called 'seed'; it must have one"),
        (pd.concat([sweep(), sweep()[["hidden"]]], axis=1), "has 2 columns called 'hidden'"),
    ],
    ids=["no table", "no rows", "no seed", "doubled"],
)
def test_what_is_no_sweep_is_refused(tiny, table, words):
    with pytest.raises(ValueError, match=words):
        train(tiny, table)


SHAPES = {
    "concatenated": lambda both: both,
    "shuffled": lambda both: both.sample(frac=1, random_state=3),
    "text": lambda both: both.set_index(pd.Index(list("ababababab"))),
    "levels": lambda both: both.set_index(["modality", "fold"], drop=False),
    "own index": lambda both: both.reset_index(),
    "nullable": lambda both: both.convert_dtypes(),
    "categories": lambda both: both.astype({"modality": "category", "folds": float}),
    "columns turned": lambda both: both[both.columns[::-1]],
    "objects": lambda both: both.astype(object),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_a_sweep_are_matched_by_position(tiny, brief, shape):
    a, b = sweep(modality="LPQ", max_epochs=2), sweep(modality="PHOG", max_epochs=3)
    alone = [train(tiny, part, jobs=1) for part in (a, b)]
    table = SHAPES[shape](pd.concat([a, b]))
    trained = train(tiny, table, jobs=1)
    assert trained.table.index.equals(pd.RangeIndex(10)) and len(trained.results) == 10
    assert trained.table["modality"].tolist() == table["modality"].tolist()
    for position, row in enumerate(trained.table.itertuples()):
        expected = alone[row.modality == "PHOG"].results[row.fold]
        for name, value in vars(expected).items():
            np.testing.assert_array_equal(getattr(trained.results[position], name), value)
        assert row.epochs == row.max_epochs and row.tested == 12
        weights = nn.utils.parameters_to_vector(trained.member(position).parameters())
        np.testing.assert_array_equal(weights.detach(), expected.weights)
    repetitions, scores = trained.out_of_fold()
    assert len(repetitions) == 2 and set(repetitions["tested"]) == {60}
    long = by_emotion(trained, ("recall",))
    for place, modality in enumerate(repetitions["modality"]):
        which = alone[modality == "PHOG"]
        np.testing.assert_array_equal(scores[place], which.out_of_fold()[1][0])
        assert repetitions["train_loss"][place] == pytest.approx(which.table["train_loss"].mean())
        np.testing.assert_array_equal(
            long.query("modality == @modality")["value"], by_emotion(which, ("recall",))["value"]
        )


def test_own_columns_are_kept_and_tell_equal_networks_apart(tiny, brief):
    a = sweep(modality="LPQ", folds=3)
    table = pd.concat([a.assign(model="a", note=None), a.assign(model=np.nan, note=None)])
    table = table.assign(number=range(6), epochs=99).sample(frac=1, random_state=0)
    trained = train(tiny, table, jobs=1)
    assert trained.table["number"].tolist() == table["number"].tolist()
    assert (trained.table["epochs"] == 4).all()  # what training adds replaces columns of that name
    repetitions, scores = trained.out_of_fold()
    assert repetitions["model"].fillna("b").tolist() == ["b", "a"]
    assert repetitions["note"].isna().all() and "number" not in repetitions
    assert (repetitions["tested"] == 60).all()
    np.testing.assert_array_equal(*scores)
    again = train(tiny, trained.table, jobs=1)  # a sweep that was trained is a sweep
    pd.testing.assert_frame_equal(
        again.table[trained.table.columns.tolist()], trained.table, check_like=True
    )


def test_the_same_network_twice_is_two_results_and_one_repetition(tiny, brief):
    table = sweep(modality="LPQ", folds=3)
    once, twice = (
        train(tiny, part, jobs=1) for part in (table, pd.concat([table, table]).reset_index())
    )
    assert len(twice.results) == 6
    repetitions, scores = twice.out_of_fold()
    assert len(repetitions) == 1 and repetitions["tested"].tolist() == [60]
    np.testing.assert_array_equal(scores, once.out_of_fold()[1])


def test_a_part_of_the_folds_leaves_the_other_rows_untested(tiny, brief):
    table = sweep(modality="LPQ", folds=5)
    trained = train(tiny, table[3:4], jobs=1)
    _, test = make_folds(tiny, "random", 0, 5)[3]
    scores = trained.out_of_fold()[1][0]
    assert np.flatnonzero(~np.isnan(scores).any(1)).tolist() == sorted(test)
    assert trained.table["tested"].tolist() == [12]
    recall = by_emotion(trained, ("recall",)).set_index("emotion")["value"]
    predicted = trained.results[0].scores.argmax(1)
    assert recall["average"] == pytest.approx(balanced_accuracy_score(tiny.labels[test], predicted))


def test_a_network_that_diverged_has_tested_nothing_and_is_told(tiny, monkeypatch, capsys):
    monkeypatch.setitem(sweeps.VALID, "learning_rate", (lambda name, value: value,))
    choices = dict(optimiser="SGD", loss="squared error", angle=30, schedule="every")
    table = sweep(modality="LPQ", folds=3, max_epochs=3, **choices)
    table["learning_rate"] = [0.01, 1e9, 0.01]
    trained = train(tiny, table, jobs=1)
    assert "1 of 3 networks diverged" in capsys.readouterr().err
    assert trained.table["tested"].tolist() == [20, 0, 20]
    assert trained.table["train_accuracy"].isna().tolist() == [False, True, False]
    tested = np.concatenate([trained.results[k].test_rows for k in (0, 2)])
    predicted = np.concatenate([trained.results[k].scores.argmax(1) for k in (0, 2)])
    long = by_emotion(trained, ("recall",)).set_index(["learning_rate", "emotion"])
    assert long["tested"].tolist() == [40] * 4 + [0] * 4 and long.loc[1e9, "value"].isna().all()
    assert long.loc[(0.01, "average"), "value"] == pytest.approx(
        balanced_accuracy_score(tiny.labels[tested], predicted)
    )


def test_a_member_that_there_is_not_is_refused(tiny, brief):
    trained = train(tiny, sweep(modality="LPQ", folds=3), jobs=1)
    for position in (3, -1, 0.5, "0"):
        with pytest.raises(ValueError, match=f"^position is {position!r}"):
            trained.member(position)


def test_a_sweep_has_every_combination_once_and_knows_its_columns():
    table = sweep(modality=["LPQ", "PHOG"], hidden=range(6, 17), seed=range(10))
    assert len(table) == 2 * 11 * 10 * 5 and not table.duplicated().any()
    assert isinstance(table, pd.DataFrame) and len(sweep(network="cnn", hidden=[6, 16])) == 5
    with pytest.raises(ValueError, match="^column is 'hiden'; it must be one of 'network', "):
        sweep(hiden=6)
    with pytest.raises(ValueError, match="seed has no value"):
        sweep(seed=range(0))


def test_steps_are_epochs_times_batches_by_kind(tiny):
    table = pd.concat(
        [
            sweep(folds=3, max_epochs=4),
            sweep(network="cnn", folds=5, max_epochs=2),
            sweep(network="cnn", modality="LPQ+PHOG", protocol=SINGLE, folds=1, max_epochs=1),
        ]
    )
    # of 60 rows 40, 48 and 48 train, in batches of ten
    steps = train(tiny, table).steps
    assert steps == {"shallow": 3 * 4 * 4, "cnn": 5 * 2 * 5, "cnn fusion": 1 * 1 * 5}
