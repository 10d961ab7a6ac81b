"""The classifiers in scikit-learn's own hands, and beside the trainer that they are thin over."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

import emolib
from emolib import (
    FusionCNNClassifier,
    PrunedShallowClassifier,
    SweepGridSearchCV,
    estimators,
    grid_search,
)
from emolib.estimators import nearest_probabilities
from emolib.training.sweeps import sweep
from emolib.training.train import train

SHALLOW, CNN = PrunedShallowClassifier(random_state=0), FusionCNNClassifier(random_state=0)
SEARCH = SweepGridSearchCV(
    PrunedShallowClassifier(epochs=40, random_state=0), {"angle": [0, 60]}, cv=2
)
BOTH = pytest.mark.parametrize("classifier", [SHALLOW, CNN], ids=["shallow", "cnn"])


@parametrize_with_checks([PrunedShallowClassifier(), FusionCNNClassifier()])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


# scikit-learn's own search warns on the way to the error that the checks ask for
@pytest.mark.filterwarnings(
    "ignore:invalid value encountered in cast:RuntimeWarning", "ignore::UserWarning"
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@parametrize_with_checks([SEARCH])
def test_scikit_learn_s_own_checks_of_a_search(estimator, check):
    check(estimator)


@BOTH
def test_column_names_are_kept_and_asked_for_again(classifier):
    check_dataframe_column_names_consistency(type(classifier).__name__, classifier)


@pytest.fixture
def table(tiny):
    """The rows of ``tiny`` as scikit-learn takes them: ten columns, names of classes, groups."""
    return np.hstack(list(tiny.features.values())), np.array(tiny.classes)[tiny.labels], tiny.groups


@pytest.mark.parametrize(
    ("classifier", "choices"),
    [
        (
            PrunedShallowClassifier(9, angle=40, recipe="printed", random_state=5),
            dict(hidden=9, angle=40, recipe="printed", seed=5),
        ),
        (
            PrunedShallowClassifier(angle=0, epochs=7, random_state=5),
            dict(max_epochs=7, recipe="converged", seed=5),
        ),
        (
            FusionCNNClassifier(recipe="printed", random_state=5),
            dict(network="cnn", recipe="printed", seed=5),
        ),
        (
            FusionCNNClassifier(
                learning_rate=0.003, epochs=3, optimiser="SGD", loss="cross-entropy", random_state=5
            ),
            dict(
                network="cnn",
                recipe="converged",
                max_epochs=3,
                learning_rate=0.003,
                optimiser="SGD",
                loss="cross-entropy",
                seed=5,
            ),
        ),
    ],
)
def test_a_classifier_keeps_the_network_that_a_sweep_trains(tiny, classifier, choices):
    rows = np.random.default_rng(1).permutation(len(tiny))
    data = replace(tiny, splits={"own": (np.sort(rows[:40]), rows[40:])})
    trained = train(data, sweep(protocol="own", folds=1, modality="LPQ", **choices), jobs=1)
    x = tiny.features["LPQ"]
    classifier = clone(classifier).fit(x[np.sort(rows[:40])], tiny.labels[np.sort(rows[:40])])
    np.testing.assert_allclose(
        classifier.decision_function(x[rows[40:]]), trained.results[0].scores, atol=1e-6
    )
    assert classifier.n_iter_ == len(classifier.loss_curve_) == trained.table["epochs"][0]
    if isinstance(classifier, PrunedShallowClassifier):
        assert classifier.units_ == trained.table["units"][0]


def test_modalities_are_told_by_their_number_or_their_columns(tiny, table):
    x, y, _ = table
    frame = pd.DataFrame(
        x, columns=[f"{modality}{k}" for modality in tiny.features for k in range(5)]
    )
    names = [list(frame.columns[:5]), list(frame.columns[5:])]
    scores = [
        FusionCNNClassifier(modalities, epochs=3, random_state=0)
        .fit(given, y)
        .decision_function(given)
        for modalities, given in [
            (2, x),
            ([range(5), range(5, 10)], x),
            (names, frame),
            (names, frame[frame.columns]),
        ]
    ]
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])
    data = replace(tiny, splits={"own": (np.arange(60), np.arange(60))})
    trained = train(
        data,
        sweep(
            protocol="own",
            folds=1,
            network="cnn",
            modality="LPQ+PHOG",
            recipe="converged",
            max_epochs=3,
        ),
        jobs=1,
    )
    np.testing.assert_allclose(scores[0], trained.results[0].scores, atol=1e-6)
    swapped = (
        FusionCNNClassifier(names[::-1], epochs=3, random_state=0)
        .fit(frame, y)
        .decision_function(frame)
    )
    assert np.abs(swapped - scores[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("classifier", "sentence"),
    [
        (FusionCNNClassifier(3), "modalities is 3; 10 columns cannot be shared out equally"),
        (FusionCNNClassifier(0), "modalities is 0"),
        (FusionCNNClassifier([[0, 1], [2]]), r"modalities have \[2, 1\] columns"),
        (FusionCNNClassifier([]), r"modalities have \[\] columns"),
        (FusionCNNClassifier([[0, 10]]), "the column 10, which X does not have"),
        (FusionCNNClassifier([["LPQ0"]]), "the column 'LPQ0', which X does not have"),
        (PrunedShallowClassifier(0), "hidden is 0"),
        (PrunedShallowClassifier(2.5), "hidden is 2.5"),
        (PrunedShallowClassifier(angle=200), "angle must lie between 0 and 180"),
        (PrunedShallowClassifier(schedule="never"), "schedule is 'never'"),
        (PrunedShallowClassifier(recipe="secret"), "recipe is 'secret'"),
        (PrunedShallowClassifier(epochs=0), "epochs is 0; it must be above 0"),
        (PrunedShallowClassifier(learning_rate=-0.1), "learning_rate is -0.1"),
        (PrunedShallowClassifier(optimiser="Newton"), "optimiser is 'Newton'"),
        (PrunedShallowClassifier(loss="hinge"), "loss is 'hinge'"),
        (PrunedShallowClassifier(random_state=-1), "Seed must be between"),
    ],
)
def test_a_parameter_that_no_network_can_have_is_refused_by_name(table, classifier, sentence):
    with pytest.raises(ValueError, match=sentence):
        classifier.fit(*table[:2])


@BOTH
def test_a_seed_is_a_network(table, classifier):
    x, y, _ = table

    def scores(seed):
        return (
            clone(classifier).set_params(epochs=2, random_state=seed).fit(x, y).decision_function(x)
        )

    assert np.array_equal(scores(3), scores(np.int64(3))) and not np.array_equal(
        scores(3), scores(4)
    )
    assert np.array_equal(scores(np.random.RandomState(1)), scores(np.random.RandomState(1)))
    assert not np.array_equal(scores(None), scores(None))


@BOTH
def test_units_of_measurement_change_nothing(table, classifier):
    x, y, _ = table
    fitted = clone(classifier).set_params(epochs=3).fit(x, y)
    for scale in (4.0, 2.0**-80, 2.0**90):
        other = clone(fitted).fit(x * scale, y)
        np.testing.assert_array_equal(
            other.decision_function(x * scale), fitted.decision_function(x)
        )


@BOTH
def test_in_pipelines_searches_with_groups_and_cross_validated_predictions(table, classifier):
    x, y, groups = table
    pipeline = make_pipeline(MinMaxScaler(), clone(classifier).set_params(epochs=40))
    name = type(classifier).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__learning_rate": [1e-9, 1e-2]}, cv=GroupKFold(3)).fit(
        x, y, groups=groups
    )
    assert (
        search.best_params_ == {f"{name}__learning_rate": 1e-2} and search.best_score_ > 0.5
    )  # guessing: a third
    predicted = cross_val_predict(
        search.best_estimator_, x, y, groups=groups, cv=GroupKFold(3), method="predict_proba"
    )
    assert (search.classes_[predicted.argmax(1)] == y).mean() == pytest.approx(
        search.best_score_, abs=0.02
    )
    assert search.classes_.tolist() == sorted(set(y)) and search.n_features_in_ == 10


def test_probabilities_are_the_nearest_to_the_scores():
    rng = np.random.default_rng(0)
    scores = np.concatenate(
        [rng.normal(size=(20, 4)), rng.dirichlet(np.ones(4), 5), [[9, 0, 0, 0], [-3, -3, -3, -3]]]
    )
    found = nearest_probabilities(scores)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[20:], [*scores[20:25], [1, 0, 0, 0], [0.25] * 4], atol=1e-12)
    for s, p in zip(scores[:20], found[:20], strict=True):
        best = minimize(
            lambda q, s: ((q - s) ** 2).sum(),
            np.full(4, 0.25),
            (s,),
            jac=lambda q, s: 2 * (q - s),
            method="SLSQP",
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(p, best.x, atol=1e-5)


@pytest.mark.parametrize(
    "classifier", [PrunedShallowClassifier(), FusionCNNClassifier()], ids=["shallow", "cnn"]
)
@pytest.mark.parametrize("loss", ["smooth L1", "squared error", "cross-entropy"])
def test_probabilities_are_shares_where_shares_are_known(classifier, loss):
    """Rows alike, of several classes: nothing better can be said of them than each class's share."""
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    x = np.repeat([[0.0], [1.0]], 100, axis=0)
    y = np.concatenate([np.repeat([0, 1, 2], (100 * row).round().astype(int)) for row in shares])
    fitted = clone(classifier).set_params(loss=loss, random_state=1).fit(x, y)
    np.testing.assert_allclose(fitted.predict_proba([[0.0], [1.0]]), shares, atol=0.06)


def same(found, expected):
    """Whether two searches found the same, but for how long they took."""
    assert found.cv_results_.keys() == expected.cv_results_.keys()
    for name, values in expected.cv_results_.items():
        if not name.endswith("_time"):  # lists: what a masked array hides is arbitrary
            np.testing.assert_equal(
                np.ma.asarray(found.cv_results_[name]).tolist(),
                np.ma.asarray(values).tolist(),
                err_msg=name,
            )
    assert found.n_splits_ == expected.n_splits_ and found.multimetric_ == expected.multimetric_


@pytest.fixture
def fits(monkeypatch):
    """How many networks each call of the trainer got, by who called it."""
    calls = {"classifier": [], "search": []}
    for name, module in {"classifier": estimators, "search": grid_search}.items():

        def counted(data, sweep, name=name, **options):
            calls[name].append(len(sweep))
            return train(data, sweep, **options)

        monkeypatch.setattr(module, "train", counted)
    return calls


@pytest.mark.parametrize(
    ("classifier", "grid", "options", "networks"),
    [
        (
            PrunedShallowClassifier(epochs=20, random_state=1),
            {"hidden": [3, 8], "angle": [0, 20.0, 60]},
            {},
            [18],
        ),
        (
            PrunedShallowClassifier(random_state=1),
            [
                {"merge_weights": [True, False], "angle": [60], "epochs": [4, 9]},
                {"loss": ["cross-entropy"]},
            ],
            {"return_train_score": True},
            [15],
        ),
        (
            FusionCNNClassifier(epochs=3, random_state=1),
            {"modalities": [1, 2, [range(5)]], "learning_rate": [0.01, 0.001]},
            {},
            [6, 6, 6],
        ),
        (
            PrunedShallowClassifier(epochs=20, random_state=1),
            {"activation_shift": [0.0, 0.5]},
            {
                "scoring": ["accuracy", "roc_auc_ovr", "neg_log_loss"],
                "refit": "roc_auc_ovr",
                "n_jobs": 2,
            },
            [6],
        ),
        (
            PrunedShallowClassifier(epochs=5, random_state=np.random.RandomState(4)),
            {"schedule": ["first", "every"]},
            {"refit": False},
            [6],
        ),
    ],
)
@pytest.mark.parametrize("framed", [False, True])
def test_a_search_by_sweep_finds_what_a_plain_one_finds(
    table, fits, classifier, grid, options, networks, framed
):
    x, y, groups = table
    x = pd.DataFrame(x, columns=[f"feature {k}" for k in range(10)]) if framed else x
    searches = []
    for kind in (GridSearchCV, SweepGridSearchCV):
        fits["classifier"].clear()
        search = kind(
            clone(classifier), grid, cv=GroupKFold(3, shuffle=True, random_state=0), **options
        )
        if kind is GridSearchCV:
            search.set_params(n_jobs=None)  # its jobs are processes, and slow to start
        searches.append(search.fit(x, y, groups=groups))
    expected, found = searches
    same(found, expected)
    assert fits["search"] == networks == [len(trained.table) for trained in found.trained_]
    assert fits["classifier"] == ([1] if found.refit else [])  # only the best, on all rows
    if found.refit:
        assert (
            found.best_params_ == expected.best_params_
            and found.best_score_ == expected.best_score_
        )
        np.testing.assert_array_equal(found.predict_proba(x), expected.predict_proba(x))
        assert (
            found.best_estimator_.get_params() == expected.best_estimator_.get_params()
            and found.classes_.tolist() == sorted(set(y))
        )


def test_what_a_sweep_cannot_train_is_left_to_the_plain_search(table, fits):
    x, y, _ = table
    fold = np.where(
        y == "Angry", 0, np.arange(60) // 3 % 3
    )  # who is tested on the first has seen no Angry row
    grid = {"angle": [0, 200], "epochs": [5, 0]}
    options = dict(cv=PredefinedSplit(fold), error_score=-1.0)
    with pytest.warns(FitFailedWarning, match="fits failed"):
        expected = GridSearchCV(SHALLOW, grid, **options).fit(x, y)
    fits["classifier"].clear()
    with pytest.warns(FitFailedWarning, match="fits failed"):
        found = SweepGridSearchCV(SHALLOW, grid, **options).fit(x, y)
    same(found, expected)
    assert (np.sort(found.cv_results_["mean_test_score"])[:3] == -1).all()
    assert (
        fits["search"] == [2] and sum(fits["classifier"]) >= 2
    )  # one fold alone, and the best on all rows


def test_folds_that_can_be_dealt_once_only_are_dealt_once(table, fits):
    x, y, _ = table
    pairs = (pair for pair in StratifiedKFold(3).split(x, y))
    search = SweepGridSearchCV(PrunedShallowClassifier(), {"epochs": [2, 3]}, cv=pairs).fit(x, y)
    assert (
        fits == {"search": [6], "classifier": [1]}
        and search.best_estimator_.random_state is not None
    )


def test_a_search_by_sweep_is_for_networks_alone(table):
    with pytest.raises(TypeError, match="Pipeline is not trained by sweeps; search it with"):
        SweepGridSearchCV(make_pipeline(SHALLOW), {}).fit(*table[:2])
    assert estimators.TRAINED.get() == {}


def test_data_may_bring_splits_of_their_own(tiny):
    pair = (np.arange(30), np.arange(30, 60))
    data = replace(tiny, splits={"official": pair})
    assert emolib.make_folds(data, "official", 7, 1) == [pair]
    assert data.digest != tiny.digest == replace(data, splits={}).digest
    assert replace(tiny, splits={"official": pair[::-1]}).digest != data.digest
    with pytest.raises(ValueError, match="'official' is a single split"):
        emolib.make_folds(data, "official", 0, 5)
    with pytest.raises(ValueError, match="protocol is 'offical'; it must be one of .*, official"):
        emolib.make_folds(data, "offical", 0, 1)
