"""Readings: the trainer against PyTorch's own, and what luck is counted from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import recall_score

from emolib import luck, readings, sweeps
from emolib.folds import SINGLE, make_folds
from emolib.preprocessing import scale
from emolib.pruning import prune_network
from emolib.readings import LOSSES, OPTIMISERS, read, variants


def alone(data, row, epochs):
    """One network of a table, trained by plain PyTorch."""
    net = sweeps.build(row | {"network": "shallow"}, data)
    make = {"Adam": torch.optim.Adam, "SGD": torch.optim.SGD, "SGD, momentum 0.9": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)}
    train, _ = make_folds(data, row["protocol"], row["seed"], row["folds"])[row["fold"]]
    x = torch.from_numpy(scale(data, row["modality"], train))
    y = torch.from_numpy(data.labels)
    random = np.random.default_rng(sweeps.seeds(row["seed"], row["fold"])[1])
    optimiser = make[row["optimiser"]](net.parameters(), lr=row["rate"])
    for epoch in range(epochs):
        order = random.permutation(train)
        for start in range(0, len(order), readings.BATCH):
            here = order[start : start + readings.BATCH]
            out = net(x[here])
            if row["loss"] == "cross-entropy":
                loss = F.cross_entropy(out, y[here])
            else:
                loss = F.smooth_l1_loss(out, F.one_hot(y[here], out.shape[1]).float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if row["angle"] and epoch == 0:
            net = prune_network(net, x[train], angle=row["angle"], centre=row["centre"])
            optimiser = make[row["optimiser"]](net.parameters(), lr=row["rate"])
    return net(x).detach().numpy()


def test_every_reading_ends_as_it_would_alone_in_pytorch(tiny):
    uneven = replace(tiny, groups=np.array([f"p{g}" for g in np.minimum(np.arange(60) // 4, 9)]))  # folds of different size
    table = variants(optimiser=OPTIMISERS, loss=LOSSES, rate=[1e-2, 0.1], protocol="person-independent", folds=3, hidden=[4, 7])
    result = read(uneven, table, epochs=4, every=2, jobs=1)
    for k in range(0, len(table), 5):
        np.testing.assert_allclose(result.scores[k], alone(uneven, table.iloc[k].to_dict(), 4), atol=2e-5)
    np.testing.assert_array_equal(result.predicted[:, -1], result.scores.argmax(-1))
    assert result.predicted.shape == (len(table), 2, 60) and result.epochs.tolist() == [2, 4]


def test_a_pruned_reading_is_pruned_as_the_paper_s(tiny):
    # without momentum, so that a rebuilt network goes on as a pruned one does
    table = variants(angle=60.0, optimiser="SGD", rate=0.1, protocol="random", folds=3, hidden=8)
    result = read(tiny, table, epochs=3, every=3, jobs=1)
    for k, row in enumerate(table.to_dict("records")):
        np.testing.assert_allclose(result.scores[k], alone(tiny, row, 3), atol=2e-5)


def test_processes_change_nothing(tiny):
    table = variants(modality=["LPQ", "PHOG"], folds=3)
    one, two = (read(tiny, table, epochs=2, every=2, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-6)


def test_rows_to_choose_on_are_neither_trained_on_nor_tested(tiny):
    result = read(tiny, variants(protocol=SINGLE, folds=1, seed=range(3)), epochs=1, every=1, validation=True, jobs=1)
    for part, seed in zip(result.part, range(3), strict=True):
        ((train, test),) = make_folds(tiny, SINGLE, seed, 1)
        assert set(np.flatnonzero(part == luck.TEST)) == set(test)
        assert set(np.flatnonzero(part != luck.TEST)) == set(train)
        assert (part == luck.CHOOSE).sum() == round(0.2 * len(train))


def test_a_reading_that_prunes_nothing_has_no_angles_to_take():
    assert len(variants(angle=[0, 60], centre=[0.5, 0.0], schedule=["first", "every"], protocol=SINGLE, folds=1)) == 1 + 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda data: variants(optimizer="Adam"), "no 'optimizer'; it has modality, hidden"),
        (lambda data: read(data, variants(optimiser="Adagrad")), "optimiser is 'Adagrad'; it must be one of Adam"),
        (lambda data: read(data, variants(loss="hinge")), "loss is 'hinge'"),
    ],
)
def test_what_no_network_can_be_is_refused(tiny, call, words):
    with pytest.raises(ValueError, match=words):
        call(tiny)


class TestLuck:
    def test_recall_of_a_part(self, tiny):
        result = read(tiny, variants(folds=3), epochs=2, every=1, jobs=1)
        for k in range(3):
            rows = result.part[k] == luck.TEST
            theirs = [recall_score(tiny.labels[rows], result.predicted[k, e, rows], average="macro") for e in range(2)]
            np.testing.assert_allclose(result.recall(tiny, luck.TEST)[k], theirs)

    def test_the_best_on_the_test_rows_is_never_below_any_other_choice(self, tiny):
        table = variants(hidden=[2, 8], rate=0.05, protocol=SINGLE, folds=1, seed=range(4))
        found = luck.picks(tiny, table, every=50, fixed={"hidden": 8}, jobs=1)
        assert len(found) == 4 and (found["settings"] == 2 * 4).all()
        assert (found["picked"] >= found["nested"]).all() and (found["picked"] >= found["fixed"]).all()

    def test_standing_by_hand(self):
        results = np.arange(1, 101) / 100
        found = luck.standing(results, 0.9)
        assert found["percentile"] == pytest.approx(0.89) and found["median"] == pytest.approx(0.505)
        assert found["tries"] == np.ceil(np.log(0.5) / np.log(0.89))
        assert luck.standing(results, 2.0)["tries"] == np.inf and luck.standing(results, 0.0)["tries"] == 1

    def test_multiverse_has_each_reading_by_each_measure(self, tiny):
        table = variants(rate=[1e-4, 0.05], protocol=["random"], folds=3, seed=range(2))
        result = read(tiny, table, epochs=30, every=30, jobs=1)
        found = luck.summarise(tiny, result)
        assert len(found) == 2 * 4
        strong = found[found["rate"] == 0.05].set_index("measure")["value"]
        assert strong["training accuracy"] > 0.5
        pooled = [recall_score(tiny.labels, self.pooled(result, table, seed), average="macro") for seed in range(2)]
        assert strong["recall"] == pytest.approx(np.mean(pooled))

    @staticmethod
    def pooled(result, table, seed):
        """Predictions of each row by the network that did not see it."""
        found = np.zeros(result.part.shape[1], int)
        for k in np.flatnonzero((table["seed"] == seed) & (table["rate"] == 0.05)):
            tested = result.part[k] == luck.TEST
            found[tested] = result.predicted[k, -1, tested]
        return found

    def test_single_results_are_of_the_test_part_alone(self, tiny):
        labels = np.array([0, 0, 1, 1, 2])
        assert luck.mean_recall(labels, np.array([0, 1, 1, 1, 0])) == pytest.approx((0.5 + 1 + 0) / 3)
