"""The classifiers in scikit-learn's own hands, and beside the trainer that they are thin over."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

import emolib
from emolib import FusionCNNClassifier, PrunedShallowClassifier
from emolib.data.descriptors import lpq, phog
from emolib.estimators import LPQ, PHOG, nearest_probabilities
from emolib.training.scaling import scale
from emolib.training.sweeps import sweep
from emolib.training.train import train

SHALLOW, CNN = PrunedShallowClassifier(random_state=0), FusionCNNClassifier(random_state=0)
BOTH = pytest.mark.parametrize("classifier", [SHALLOW, CNN], ids=["shallow", "cnn"])


@parametrize_with_checks([PrunedShallowClassifier(), FusionCNNClassifier()])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@BOTH
def test_column_names_are_kept_and_asked_for_again(classifier):
    check_dataframe_column_names_consistency(type(classifier).__name__, classifier)


@pytest.fixture
def table(tiny):
    """The rows of ``tiny`` as scikit-learn takes them: ten columns, names of classes, groups."""
    return np.hstack(list(tiny.features.values())), np.array(tiny.classes)[tiny.labels], tiny.groups


@pytest.mark.parametrize(
    ("classifier", "given", "choices"),
    [
        (PrunedShallowClassifier, {"hidden": 9, "angle": 40, "recipe": "printed"}, {}),
        (PrunedShallowClassifier, {"angle": 0, "epochs": 7}, {}),
        (PrunedShallowClassifier, {"schedule": "every", "merge_weights": True, "epochs": 3}, {}),
        (FusionCNNClassifier, {"recipe": "printed"}, {"network": "cnn"}),
        (
            FusionCNNClassifier,
            {"learning_rate": 0.003, "epochs": 3, "optimiser": "SGD", "loss": "cross-entropy"},
            {"network": "cnn"},
        ),
    ],
    ids=range(5),
)
def test_a_classifier_keeps_the_network_that_a_sweep_trains(tiny, classifier, given, choices):
    rows = np.random.default_rng(1).permutation(len(tiny))
    train_rows, test_rows = np.sort(rows[:40]), rows[40:]
    choices |= {{"epochs": "max_epochs"}.get(name, name): given[name] for name in given}
    choices = {"recipe": "converged", "angle": 60, "seed": 5, "modality": "LPQ"} | choices
    data = replace(tiny, splits={"own": (train_rows, test_rows)})
    trained = train(data, sweep(protocol="own", folds=1, **choices), jobs=1)
    x = tiny.features["LPQ"]
    fitted = classifier(**given, random_state=5).fit(x[train_rows], tiny.labels[train_rows])
    scores = fitted.decision_function(x[test_rows])
    np.testing.assert_allclose(scores, trained.results[0].scores, atol=1e-6)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == trained.table["epochs"][0]
    if classifier is PrunedShallowClassifier:
        assert fitted.network_.hidden.out_features == trained.table["units"][0]


def test_modalities_stand_side_by_side(tiny, table):
    x, y, _ = table

    def scores(modalities):
        network = FusionCNNClassifier(modalities, epochs=3, random_state=0)
        return network.fit(x, y).decision_function(x)

    expected = scores(2)
    np.testing.assert_array_equal(scores(2.0), expected)
    choices = {"network": "cnn", "modality": "LPQ+PHOG", "recipe": "converged", "max_epochs": 3}
    trained = train(tiny, sweep(protocol="all rows", folds=1, **choices), jobs=1)
    inputs = np.stack([scale(tiny, "LPQ"), scale(tiny, "PHOG")], axis=1)
    with torch.no_grad():
        np.testing.assert_allclose(expected, trained.member(0)(torch.tensor(inputs)), atol=1e-6)
    assert np.abs(scores(1) - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("classifier", "sentence"),
    [
        (FusionCNNClassifier(3), "10 columns are not 3 modalities of equally many features"),
        (FusionCNNClassifier(11), "modalities is 11; it must be .* at least 1 and at most 10"),
        (FusionCNNClassifier(0), "modalities is 0"),
        (FusionCNNClassifier([[0, 1], [2, 3]]), r"modalities is \[\[0, 1\], \[2, 3\]\]; it must"),
        (PrunedShallowClassifier(0), "hidden is 0"),
        (FusionCNNClassifier(2.5), "modalities is 2.5; it must be a whole number"),
        (FusionCNNClassifier("LPQ"), "modalities is 'LPQ'; it must be a whole number"),
        (PrunedShallowClassifier(angle=200), "angle is 200; it must be a number from 0 to 180"),
        (PrunedShallowClassifier(angle=None), "angle is None"),
        (PrunedShallowClassifier(merge_weights="False"), "merge_weights is 'False'; it must be Tr"),
        (PrunedShallowClassifier(activation_shift="half"), "activation_shift is 'half'"),
        (PrunedShallowClassifier(epochs=2.5), "epochs is 2.5; it must be a whole number of at"),
        (FusionCNNClassifier(epochs=np.inf), "epochs is inf"),
        (FusionCNNClassifier(learning_rate=0), "learning_rate is 0; it must be above 0, or None"),
        (FusionCNNClassifier(learning_rate="fast"), "learning_rate is 'fast'"),
        (FusionCNNClassifier(random_state=1.5), "random_state is 1.5"),
        (PrunedShallowClassifier(schedule="never"), "schedule is 'never'"),
        (PrunedShallowClassifier(recipe="secret"), "recipe is 'secret'"),
        (PrunedShallowClassifier(epochs=0), "epochs is 0; it must be a whole number of at least 1"),
        (PrunedShallowClassifier(learning_rate=-0.1), "learning_rate is -0.1"),
        (PrunedShallowClassifier(optimiser="Newton"), "optimiser is 'Newton'"),
        (PrunedShallowClassifier(loss="hinge"), "loss is 'hinge'"),
        (PrunedShallowClassifier(random_state=-1), "random_state is -1"),
    ],
)
def test_a_parameter_that_no_network_can_have_is_refused_by_name(table, classifier, sentence):
    with pytest.raises(ValueError, match=sentence):
        classifier.fit(*table[:2])


@BOTH
def test_a_seed_is_a_network(table, classifier):
    x, y, _ = table

    def scores(seed):
        network = clone(classifier).set_params(epochs=2, random_state=seed)
        return network.fit(x, y).decision_function(x)

    assert np.array_equal(scores(3), scores(np.int64(3)))
    assert np.array_equal(scores(3), scores(3.0)) and not np.array_equal(scores(3), scores(4))
    assert np.array_equal(scores(np.random.RandomState(1)), scores(np.random.RandomState(1)))
    assert not np.array_equal(scores(None), scores(None))


def test_whole_numbers_of_any_type_are_taken(table):
    expected = PrunedShallowClassifier(3, angle=0, epochs=3, random_state=0).fit(*table[:2])
    for three in (3.0, np.int8(3), np.float32(3)):
        found = PrunedShallowClassifier(three, angle=0, epochs=three, random_state=0)
        found.fit(*table[:2])
        assert found.n_iter_ == found.network_.hidden.out_features == 3
        scores = found.decision_function(table[0])
        np.testing.assert_array_equal(scores, expected.decision_function(table[0]))


@BOTH
def test_units_of_measurement_change_nothing(table, classifier):
    x, y, _ = table
    fitted = clone(classifier).set_params(epochs=3).fit(x, y)
    for unit in (4.0, 2.0**-80, 2.0**90):
        scores = clone(fitted).fit(x * unit, y).decision_function(x * unit)
        np.testing.assert_array_equal(scores, fitted.decision_function(x))


@BOTH
def test_in_pipelines_searches_with_groups_and_cross_validated_predictions(table, classifier):
    x, y, groups = table
    pipeline = make_pipeline(MinMaxScaler(), clone(classifier).set_params(epochs=40))
    name = f"{type(classifier).__name__.lower()}__learning_rate"
    search = GridSearchCV(pipeline, {name: [1e-9, 1e-2]}, cv=GroupKFold(3)).fit(x, y, groups=groups)
    assert search.best_params_ == {name: 1e-2} and search.best_score_ > 0.5  # guessing: a third
    folds = {"groups": groups, "cv": GroupKFold(3), "method": "predict_proba"}
    predicted = cross_val_predict(search.best_estimator_, x, y, **folds)
    share = (search.classes_[predicted.argmax(1)] == y).mean()
    assert share == pytest.approx(search.best_score_, abs=0.02)
    assert search.classes_.tolist() == sorted(set(y)) and search.n_features_in_ == 10


def test_probabilities_are_the_nearest_to_the_scores():
    rng = np.random.default_rng(0)
    scores = np.concatenate(
        [rng.normal(size=(20, 4)), rng.dirichlet(np.ones(4), 5), [[9, 0, 0, 0], [-3, -3, -3, -3]]]
    )
    found = nearest_probabilities(scores)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[20:], [*scores[20:25], [1, 0, 0, 0], [0.25] * 4], atol=1e-12)
    simplex = {"type": "eq", "fun": lambda q: q.sum() - 1}
    for s, p in zip(scores[:20], found[:20], strict=True):
        best = minimize(
            lambda q, s: ((q - s) ** 2).sum(),
            np.full(4, 0.25),
            (s,),
            method="SLSQP",
            bounds=[(0, 1)] * 4,
            constraints=simplex,
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(p, best.x, atol=1e-5)


@BOTH
@pytest.mark.parametrize("loss", ["smooth L1", "squared error", "cross-entropy"])
def test_probabilities_are_shares_where_shares_are_known(classifier, loss):
    """Equal rows of several classes: the best probability of a class is its share."""
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    x = np.repeat([[0.0], [1.0]], 100, axis=0)
    y = np.concatenate([np.repeat([0, 1, 2], (100 * row).round().astype(int)) for row in shares])
    fitted = clone(classifier).set_params(loss=loss, random_state=1).fit(x, y)
    np.testing.assert_allclose(fitted.predict_proba([[0.0], [1.0]]), shares, atol=0.06)


def test_a_training_that_diverges_is_refused(table, monkeypatch):
    monkeypatch.setitem(emolib.training.sweeps.VALID, "learning_rate", (lambda name, value: value,))
    classifier = PrunedShallowClassifier(learning_rate=1e9, optimiser="SGD", loss="squared error")
    with pytest.raises(ValueError, match="the training diverged: .* a lower learning_rate"):
        classifier.fit(*table[:2])


def test_a_row_without_a_score_has_no_prediction(table):
    classifier = clone(SHALLOW).set_params(epochs=2).fit(*table[:2])
    far = np.array(table[0])
    far[3, 0], far[3, 1] = 3e38, 3e38
    classifier.low_ = classifier.low_ - 1e38  # as after a training on rows of other magnitudes
    classifier.span_ = classifier.span_ * 1e-30
    with pytest.raises(ValueError, match="^row 0 of X has no score"):
        classifier.predict(far)


def test_an_offset_of_the_features_changes_nothing():
    X = np.random.default_rng(0).normal(size=(120, 5))
    y = X[:, 0] > 0.5
    network = PrunedShallowClassifier(epochs=40, random_state=0, angle=0)
    near, far = (network.fit(X + offset, y).score(X + offset, y) for offset in (0, 1e6))
    assert near == far > 0.9


IMAGES = np.random.default_rng(0).integers(0, 256, (24, 20, 22), dtype=np.uint8)


@pytest.mark.parametrize(
    ("transformer", "expected"),
    [
        (LPQ(window=5, blocks=2), lpq(IMAGES, 5, 2)),
        (PHOG(bins=9, levels=1), phog(IMAGES, 9, 1)),
        (PHOG(edges="canny"), phog(IMAGES, edges="canny")),
    ],
)
def test_a_transformer_gives_what_its_function_gives(transformer, expected):
    copy = clone(transformer)
    assert copy.get_params() == transformer.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(IMAGES)
    assert np.array_equal(copy.fit_transform(IMAGES), expected)
    names = copy.get_feature_names_out()
    assert (
        len(names) == len(set(names)) == expected.shape[1]
        and names[0] == f"{type(copy).__name__.lower()}0"
    )


def test_a_search_over_a_pipeline_finds_the_direction_of_stripes():
    y, x = np.mgrid[:24, :24]
    stripes = np.stack([np.sin(x if row % 2 else y) for row in range(24)])
    images = stripes + np.random.default_rng(1).normal(scale=0.2, size=stripes.shape)
    search = GridSearchCV(
        make_pipeline(PHOG(levels=0), PCA(2), SVC()), {"phog__bins": [4, 8]}, cv=3
    )
    search.fit(images, np.arange(24) % 2)
    assert search.best_score_ == 1
    assert search.best_estimator_[:2].get_feature_names_out().tolist() == ["pca0", "pca1"]


@pytest.mark.parametrize("transformer", [LPQ(blocks=2.5), PHOG(bins=0), PHOG(levels="3")])
def test_parameters_are_checked_by_fit(transformer):
    with pytest.raises(ValueError, match="it must be a whole number"):
        transformer.fit(IMAGES)


@pytest.mark.parametrize(
    "images", [np.zeros((4, 9)), np.zeros((2, 9, 9, 3)), np.full((1, 9, 9), np.nan)]
)
def test_what_is_no_grey_image_is_refused(images):
    with pytest.raises(ValueError):
        LPQ().fit(images)
