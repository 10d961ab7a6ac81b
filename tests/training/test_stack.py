"""The image as a third modality: shapes, seeds, training, and its place beside the other models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emolib import Cache, sweep, table3_models, train
from emolib.metrics import predict
from emolib.models import FusionNet, ImageNet
from emolib.training import stack
from emolib.training import train as training
from emolib.training.sweeps import RECIPES, Recipe


@pytest.fixture
def pictured(tiny):
    """The tiny data with images, in which the class is the quarter that is bright."""
    rng = np.random.default_rng(1)
    images = rng.normal(size=(60, 16, 16))
    for image, label in zip(images, tiny.labels, strict=True):
        image[8 * (label // 2) :, 8 * (label % 2) :][:8, :8] += 3
    flat = images.reshape(60, -1).astype(np.float32)
    return replace(
        tiny, features=tiny.features | {"image": flat[:, :5]}, descriptors={"image": flat}
    )


def test_shapes():
    assert ImageNet(8)(torch.zeros(4, 32, 32)).shape == (4, 128)
    for modalities in (0, 1, 3):
        net = FusionNet(modalities, features=5, classes=7, side=24)
        assert net(torch.zeros(4, modalities, 5), torch.zeros(4, 24, 24)).shape == (4, 7)


def test_the_image_branch_learns_what_is_in_the_image_and_can_be_had_back(pictured):
    table = sweep(
        network="cnn 2-D", modality=["image", "LPQ+PHOG+image"], recipe="converged", folds=2
    )
    trained = train(pictured, table, jobs=1)
    scores = trained.out_of_fold()[1]
    assert (predict(scores[0]) == pictured.labels).mean() > 0.8  # the classes are a third each
    net = trained.member(0)
    with torch.no_grad():
        again = net(torch.zeros(60, 0, 5), stack.images(pictured))[trained.results[0].test_rows]
    assert torch.allclose(again, torch.from_numpy(trained.results[0].scores), atol=1e-6)


def test_training_follows_from_the_seed_alone_and_is_kept(pictured, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, ("cnn 2-D", "printed"), Recipe(epochs=2, learning_rate=1e-3))
    table = sweep(network="cnn 2-D", modality="image", folds=2, seed=[0, 1])
    cache = Cache(tmp_path / "kept.sqlite")
    torch.manual_seed(1)
    first = train(pictured, table, cache=cache, jobs=1)
    torch.manual_seed(2)
    again = train(pictured, table, jobs=1)
    for one, two in zip(first.results, again.results, strict=True):
        assert np.array_equal(one.scores, two.scores) and np.array_equal(one.weights, two.weights)
    assert not np.array_equal(first.results[0].scores, first.results[2].scores)
    monkeypatch.setattr(training, "train_stack", lambda *_: pytest.fail("trained again"))
    kept = train(pictured, table, cache=cache, jobs=1)
    assert np.array_equal(kept.results[3].scores, first.results[3].scores)


def test_the_models_compared_follow_from_the_data(tiny, pictured):
    models = ["LPQ shallow", "PHOG shallow", "LPQ CNN", "PHOG CNN", "CNN fusion"]
    assert list(table3_models(tiny)) == models
    models += ["image shallow", "image CNN", "CNN fusion with image", "2-D CNN", "2-D CNN fusion"]
    assert list(table3_models(pictured)) == models
