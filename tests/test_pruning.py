"""Angles against what was printed, and pruning against the sentences of Algorithm 1 and of Gedeon
and Harris.
"""

import numpy as np
import pytest
import torch

from emolib import paper
from emolib.models import ShallowNet
from emolib.pruning import angles, prune, prune_network

TABLE_1 = torch.tensor(paper.TABLE_1, dtype=torch.float64)
SEEDS = pytest.mark.parametrize("seed", range(20))
MERGE = pytest.mark.parametrize("merge_weights", [False, True], ids=["plain", "merging"])


def off_by(activations, printed, *activation_shift):
    """How far each printed angle is from ours."""
    degrees = angles(activations, *activation_shift).numpy()
    return np.array([abs(degrees[a - 1, b - 1] - angle) for (a, b), angle in printed.items()])


def patterns(*units):
    """[1, P, H] from the units' vectors."""
    return torch.tensor(units, dtype=torch.float64).T[None]


def random_layer(seed, networks=1, units=8, count=40):
    """Activations [K, P, H] of units that go about in loose groups, and a layer above them."""
    normal = np.random.default_rng(seed).normal
    motives, mixture = normal(size=(networks, count, 3)), normal(size=(networks, 3, units))
    vectors = motives @ mixture + 0.3 * normal(size=(networks, count, units))
    outgoing, bias = normal(size=(networks, 7, units)), normal(size=(networks, 7))
    return torch.sigmoid(torch.tensor(vectors)), torch.tensor(outgoing), torch.tensor(bias)


def pruned(activations, outgoing=None, bias=None, alive=None, weight=None, **choices):
    """`prune` with one setting for all networks; all units alive, and a layer above that numbers
    them.
    """
    networks, _, units = activations.shape
    if outgoing is None:
        outgoing = torch.arange(1.0, units + 1).double().expand(networks, 2, units)
    if bias is None:
        bias = torch.zeros(networks, outgoing.shape[1], dtype=torch.float64)
    alive = torch.tensor([alive or [True] * units] * networks)
    settings = {"angle": 15.0, "activation_shift": 0.0, "merge_weights": False} | choices
    each = {name: torch.tensor([value] * networks) for name, value in settings.items()}
    return prune(activations, alive, outgoing, bias, weight=weight, **each)


def random_net(seed, hidden=12):
    """A net with large weights, so that its units differ, and inputs."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ShallowNet(features=4, hidden=hidden, classes=3).double()
        torch.nn.init.normal_(net.hidden.weight, std=3)
        return net.requires_grad_(False), torch.rand(50, 4, dtype=torch.float64)


class TestAngles:
    def test_are_those_of_table_2_unshifted_and_of_gedeon_and_harris_shifted(self):
        assert len(paper.TABLE_2) == len(paper.GEDEON_HARRIS_ANGLES) == 15
        assert off_by(paper.TABLE_1, paper.TABLE_2).max() < 0.15
        assert off_by(paper.TABLE_1, paper.TABLE_2, 0.5).max() > 30
        assert off_by(paper.GEDEON_HARRIS_ACTIVATIONS, paper.GEDEON_HARRIS_ANGLES, 0.5).max() < 1.3

    @pytest.mark.parametrize("activation_shift", [0.0, 0.5])
    def test_are_arccosines(self, activation_shift):
        stack = random_layer(1, networks=2)[0]
        ours = angles(stack, activation_shift)
        for network, v in enumerate(stack.numpy() - activation_shift):
            cosine = v.T @ v / np.outer(*[np.linalg.norm(v, axis=0)] * 2)
            theirs = np.degrees(np.arccos(np.minimum(cosine, 1)))
            np.testing.assert_allclose(ours[network], theirs, atol=1e-5)
        assert torch.equal(ours, ours.mT) and (ours.diagonal(dim1=1, dim2=2) == 0).all()

    def test_are_0_and_180_for_what_points_the_same_way_and_the_opposite(self):
        vectors = torch.tensor(np.random.default_rng(0).normal(size=(100, 40, 1)))
        # rounding takes some cosines beyond 1 and -1
        ours = angles(torch.cat([vectors, 3 * vectors, -vectors], -1))
        expected = torch.tensor([[0, 0, 180], [0, 0, 180], [180, 180, 0]], dtype=torch.float64)
        torch.testing.assert_close(ours, expected.expand(100, 3, 3), rtol=0, atol=1e-5)

    def test_of_a_unit_without_direction_are_undefined(self):
        degrees = angles(patterns([0.5, 0.5], [1.0, 0.0]), 0.5)[0]
        assert degrees[0].isnan().all() and degrees[:, 0].isnan().all() and degrees[1, 1] == 0


class TestWhichUnitsGo:
    @MERGE
    def test_at_60_degrees_unshifted_one_of_table_1_is_left(self, merge_weights):
        assert pruned(TABLE_1[None], angle=60.0, merge_weights=merge_weights)[0].sum() == 1

    def test_of_the_two_most_similar_the_later_goes_first_and_takes_no_other_with_it(self):
        # 4 is 8.1° from 3; 5 is 8.8° from 3 and 11.8° from 4
        for angle, gone, left in [(8.0, 0, 0), (8.5, 0, 4), (11.0, 3, 3)]:
            alive = [unit != gone for unit in range(1, 7)]
            found = pruned(TABLE_1[None], angle=angle, alive=alive)[0]
            assert found.tolist() == [[unit != left for unit in range(1, 7)]]

    @SEEDS
    @pytest.mark.parametrize("activation_shift", [0.0, 0.5])
    def test_those_left_are_apart_and_those_gone_had_an_earlier_like(self, seed, activation_shift):
        activations = random_layer(seed)[0]
        alive = pruned(activations, angle=20.0, activation_shift=activation_shift)[0][0]
        degrees = angles(activations[0], activation_shift).fill_diagonal_(180)
        assert (degrees[alive][:, alive] >= 20).all()
        assert all((degrees[:unit, unit] < 20).any() for unit in (~alive).nonzero().flatten())

    @MERGE
    def test_patterns_of_weight_0_count_for_nothing(self, merge_weights):
        layer = random_layer(3)
        counts = torch.arange(40) % 4 > 0
        # counted, unit 0 is constant and unit 2 like unit 1; the patterns left out say otherwise
        layer[0][:, counts, 0] = 0.9
        layer[0][:, counts, 2] = layer[0][:, counts, 1]
        settings = {"merge_weights": merge_weights, "activation_shift": 0.5}
        given = pruned(*layer, weight=counts.double()[None], **settings)
        dropped = pruned(layer[0][:, counts], *layer[1:], **settings)
        for one, other in zip(given, dropped, strict=True):
            torch.testing.assert_close(one, other)
        assert not given[0][0, 2] and given[0][0, 0] != merge_weights

    @MERGE
    @pytest.mark.parametrize("gone", range(3))
    @pytest.mark.parametrize("unit", [[0.1, 0.9], [0.4, 0.4]], ids=["alike", "constant"])
    def test_never_the_last(self, unit, gone, merge_weights):
        alive = [False] * gone + [True] * (3 - gone)
        units = patterns(unit, unit, unit)
        left = pruned(units, angle=60.0, merge_weights=merge_weights, alive=alive)[0]
        assert left.tolist() == [[number == gone for number in range(3)]]

    @MERGE
    def test_at_0_degrees_none_not_even_of_identical_or_opposite_units(self, merge_weights):
        units = patterns([1.0, 0, 0], [1.0, 0, 0], [-1.0, 0, 0])
        assert pruned(units, angle=0.0, merge_weights=merge_weights)[0].all()


class TestMerging:
    A, B = [0.9, 0.1, 0.2, 0.8], [0.9, 0.9, 0.1, 0.2]
    shifted = {"activation_shift": 0.5}
    merging = shifted | {"merge_weights": True}

    @MERGE
    def test_adds_the_weights_of_the_unit_that_goes_to_the_one_that_stays(self, merge_weights):
        units = patterns(self.A, self.B, self.A)
        alive, outgoing, _ = pruned(units, merge_weights=merge_weights, **self.shifted)
        assert alive.tolist() == [[True, True, False]]
        assert outgoing.tolist() == [[[1 + 3 * merge_weights, 2, 0]] * 2]

    @pytest.mark.parametrize(("low", "high"), [(0.7, 0.7), (0.7, 0.709), (0.0, 0.0099)])
    def test_puts_a_unit_that_is_constant_within_a_hundredth_into_the_bias(self, low, high):
        given = torch.tensor([[5.0, -1.0]], dtype=torch.float64)
        units = patterns(self.A, [low, high, low, high], self.B)
        alive, outgoing, bias = pruned(units, bias=given, **self.merging)
        assert alive.tolist() == [[True, False, True]] and outgoing.tolist() == [[[1, 0, 3]] * 2]
        torch.testing.assert_close(bias, given + 2 * (low + high) / 2)

    def test_a_unit_that_moves_by_a_hundredth_is_not_constant(self):
        units = patterns(self.A, [0.0, 0.01, 0.0, 0.0], self.B)
        assert pruned(units, **self.merging)[0].all()

    def test_a_constant_unit_that_went_before_gives_the_bias_nothing(self):
        units = patterns(self.A, [0.7, 0.7, 0.7, 0.7], self.B)
        assert not pruned(units, merge_weights=True, alive=[True, False, True])[2].any()

    def test_takes_both_units_of_a_complementary_pair(self):
        units = patterns(self.A, self.B, [1 - a for a in self.A])
        assert pruned(units, **self.merging)[0].tolist() == [[False, True, False]]
        assert pruned(units, **self.shifted)[0].all()
        assert pruned(units[:, :, ::2], **self.merging)[0].all()  # the last two stay

    @pytest.mark.parametrize(("angle", "stay"), [(29.5, True), (30.5, False)])
    def test_a_pair_is_complementary_beyond_180_degrees_less_the_minimal_angle(self, angle, stay):
        # 90° from both, and 150° from each other
        units = patterns([0, 0, 1], [1, 0, 0], [-np.sqrt(3) / 2, 0.5, 0])
        assert pruned(units, angle=angle, merge_weights=True)[0].tolist() == [[True, stay, stay]]

    @pytest.mark.parametrize("kind", ["identical", "constant"])
    def test_of_an_identical_or_constant_unit_leaves_the_outputs(self, kind):
        net, x = random_net(0, hidden=6)
        if kind == "identical":
            net.hidden.weight[4], net.hidden.bias[4] = net.hidden.weight[1], net.hidden.bias[1]
        else:
            net.hidden.weight[2] = 0
        smaller = prune_network(net, x, angle=1e-3, **self.merging)
        assert smaller.hidden.out_features == 5
        torch.testing.assert_close(smaller(x), net(x), rtol=0, atol=1e-6)


@SEEDS
@MERGE
def test_the_rebuilt_net_computes_what_the_masked_one_does(seed, merge_weights):
    net, x = random_net(seed)
    settings = {"angle": 40.0, "activation_shift": 0.5, "merge_weights": merge_weights}
    layer = net.activations(x)[None], net.output.weight[None], net.output.bias[None]
    before = [part.clone() for part in layer]
    (alive,), (outgoing,), (bias,) = pruned(*layer, **settings)
    assert all(map(torch.equal, layer, before))  # what was given stays as it is
    assert (outgoing[:, ~alive] == 0).all()
    if not merge_weights:
        assert torch.equal(outgoing, net.output.weight * alive)
        assert torch.equal(bias, net.output.bias)
    fresh = torch.tensor(np.random.default_rng(seed).random((30, 4)))
    masked = net.activations(fresh) @ outgoing.T + bias
    smaller = prune_network(net, x, **settings)
    assert smaller.hidden.out_features == alive.sum() < 12
    torch.testing.assert_close(smaller(fresh), masked, rtol=0, atol=1e-6)


@SEEDS
def test_a_stack_is_pruned_as_each_network_alone(seed):
    activations, outgoing, bias = random_layer(seed, networks=7)
    random = np.random.default_rng(seed)
    alive = torch.tensor(random.random((7, 8)) < 0.8)
    activations[5] = 0.3  # nothing but constant units
    alive[5] = torch.arange(8) > 0
    activations[6, :, 1] = 1 - activations[6, :, 0]  # nothing but two opposite units
    alive[6] = torch.arange(8) < 2
    settings = {
        "angle": torch.tensor([5.0, 15.0, 25.0, 40.0, 60.0, 15.0, 15.0]),
        "activation_shift": torch.tensor([0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.5]),
        "merge_weights": torch.tensor([True, False, True, True, False, True, True]),
        "weight": torch.tensor(random.random((7, 40)) < 0.7).double(),
    }
    together = prune(activations, alive, outgoing, bias, **settings)
    assert together[0][5:].sum(1).tolist() == [1, 2]
    for k in range(7):
        layer = (part[k : k + 1] for part in (activations, alive, outgoing, bias))
        alone = prune(*layer, **{name: values[k : k + 1] for name, values in settings.items()})
        for stacked, single in zip(together, alone, strict=True):
            torch.testing.assert_close(stacked[k : k + 1], single)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"activations": torch.zeros(0, 4)}, r"shape \[0, 4\]; angles need at least one pattern"),
        ({"activations": torch.zeros(4, 0)}, r"shape \[4, 0\]; angles need at least one pattern"),
        ({"activations": torch.zeros(4)}, r"shape \[4\]; angles need at least one pattern"),
        ({"activations": [[0.5, np.nan]]}, "activations must hold no number that is missing"),
        ({"activations": [[0.5, np.inf]]}, "activations must hold no number that is missing"),
        ({"activations": [["a", "b"]]}, "activations must be an array of numbers"),
        ({"activations": [[1j]]}, "activations must be an array of numbers"),
        ({"activation_shift": np.nan}, "activation_shift is nan"),
        ({"activation_shift": "0.5"}, "activation_shift is '0.5'"),
    ],
)
def test_angles_of_nothing_or_nonsense_are_refused(choices, words):
    with pytest.raises(ValueError, match=words):
        angles(**{"activations": torch.eye(2)} | choices)


@pytest.mark.parametrize("kind", [np.int8, np.float16, list])
def test_angles_take_arrays_and_lists_of_any_numeric_type(kind):
    given = [[1, 0], [0, 1]] if kind is list else np.eye(2, dtype=kind)
    assert torch.equal(angles(given), angles(torch.eye(2)))


BROKEN = ShallowNet(hidden=4)
torch.nn.init.constant_(BROKEN.output.weight, np.nan)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"angle": np.nan}, "angle is nan; it must be a number from 0 to 180"),
        ({"angle": "60"}, "angle is '60'"),
        ({"angle": 181}, "angle is 181"),
        ({"merge_weights": "False"}, "merge_weights is 'False'; it must be True or False"),
        ({"activation_shift": np.inf}, "activation_shift is inf"),
        ({"x": torch.zeros(0, 5)}, r"x has the shape \[0, 5\]; .* at least one pattern of 5"),
        ({"x": torch.zeros(3, 4)}, r"x has the shape \[3, 4\]"),
        ({"x": torch.full((3, 5), np.nan)}, "x must hold no number that is missing"),
        ({"x": np.full((3, 5), 1e300)}, "x must hold no number that is missing"),
        ({"net": torch.nn.Linear(5, 7)}, "net is a Linear; a ShallowNet is pruned"),
        ({"net": BROKEN}, "output.weight must hold no number"),
    ],
)
def test_pruning_by_nonsense_is_refused(choices, words):
    given = {"net": ShallowNet(hidden=4), "x": torch.rand(9, 5), "angle": 30.0} | choices
    with pytest.raises(ValueError, match=words):
        prune_network(**given)
