"""Nested cross-validation of scikit-learn classifiers: the baseline's SVM, the best of nine kinds.

Settings are always chosen inside the training rows of a fold, on inner folds of the same protocol.
Of more than :data:`emolib.analysis.statistics.SAMPLE` rows a stratified sample trains and tests,
because support vector machines take time that grows with the square of the rows; the others count
as untested.

Axes: ``S`` repetitions, ``N`` rows of the data, ``C`` classes.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn import (
    calibration,
    discriminant_analysis,
    linear_model,
    metrics,
    model_selection,
    naive_bayes,
    neighbors,
    preprocessing,
    svm,
)
from sklearn import (
    ensemble as trees,
)
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from emolib.analysis.statistics import stratified_sample
from emolib.data import EmotionData, Rows, Split
from emolib.folds import make_folds
from emolib.metrics import UNTESTED, mean_recall
from emolib.utils import whole_number

if TYPE_CHECKING:
    from emolib.analysis.evidence import Condition

Candidates = dict[str, tuple[BaseEstimator, dict[str, list[float]]]]  # and its grid, by name

INNER = 3
TREES = 60

# Dhall et al. 2011 scale features, take a radial kernel and choose its two settings by
# cross-validation.
SVM: Candidates = {
    "support vectors": (
        make_pipeline(preprocessing.MinMaxScaler((-1, 1)), svm.SVC()),
        {"svc__C": [0.1, 1, 10], "svc__gamma": [0.1, 1, 10]},
    )
}

CANDIDATES: Candidates = {
    "linear discriminant": (
        make_pipeline(
            preprocessing.StandardScaler(),
            discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr"),
        ),
        {"lineardiscriminantanalysis__shrinkage": [0.0, 0.3, 0.9]},
    ),
    "logistic regression": (
        make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=500)
        ),
        {"logisticregression__C": [0.01, 0.1, 1]},
    ),
    "naive Bayes": (
        make_pipeline(preprocessing.StandardScaler(), naive_bayes.GaussianNB()),
        {"gaussiannb__var_smoothing": [1e-9, 0.3]},
    ),
    "nearest neighbours": (
        make_pipeline(preprocessing.StandardScaler(), neighbors.KNeighborsClassifier()),
        {"kneighborsclassifier__n_neighbors": [1, 5, 25]},
    ),
    "support vectors": (
        make_pipeline(preprocessing.StandardScaler(), svm.SVC()),
        {"svc__C": [0.3, 1, 10], "svc__gamma": [0.03, 0.1, 0.3]},
    ),
    "calibrated support vectors": (
        make_pipeline(
            preprocessing.StandardScaler(),
            calibration.CalibratedClassifierCV(svm.SVC(C=1), cv=3, ensemble=False),
        ),
        {"calibratedclassifiercv__estimator__gamma": [0.03, 0.1]},
    ),
    "random forest": (
        make_pipeline(trees.RandomForestClassifier(TREES, random_state=0)),
        {"randomforestclassifier__min_samples_leaf": [1, 8]},
    ),
    "extra trees": (
        make_pipeline(trees.ExtraTreesClassifier(TREES, random_state=0)),
        {"extratreesclassifier__min_samples_leaf": [1, 8]},
    ),
    "boosted trees": (
        make_pipeline(
            trees.HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8, random_state=0)
        ),
        {"histgradientboostingclassifier__learning_rate": [0.05, 0.2]},
    ),
}
CHOSEN = "chosen by nested validation"


def nested(
    data: EmotionData, protocol: str, seeds: int, folds: int, candidates: Candidates = CANDIDATES
) -> list["Condition"]:
    """Nested cross-validation: out-of-fold scores of each kind of classifier, and of the kind that
    does best on inner folds.

    Args:
        protocol: of outer and inner folds.
        seeds: repetitions.
        folds: outer folds; 2 under ``"two halves"``, the protocol of Dhall et al.
        candidates: name to pipeline and grid.

    Returns:
        A condition for each candidate and, where there are several, one named :data:`CHOSEN`; their
        recipe is ``"nested"``. Rows that were not sampled have scores of NaN.

    Raises:
        ValueError: a count is not whole, or the folds cannot be made.
    """
    from emolib.analysis.evidence import Condition  # the processes that search need no PyTorch

    seeds, folds = whole_number("seeds", seeds, 1), whole_number("folds", folds, 1)
    table = np.hstack([data.features[modality] for modality in data.modalities]).astype(float)
    sample, classes = stratified_sample(data.labels), len(data.classes)
    fold, work = np.full((seeds, len(data)), UNTESTED), []
    for seed in range(seeds):
        for number, pair in enumerate(make_folds(data, protocol, seed, folds)):
            train, test = (rows[np.isin(rows, sample)] for rows in pair)
            fold[seed, test] = number
            inner = inner_folds(data, train, protocol, seed)
            work += [(name, seed, train, test, inner) for name in candidates]
    found = joblib.Parallel(n_jobs=-1)(
        joblib.delayed(_search)(*candidates[name], table, data.labels, classes, train, test, inner)
        for name, _, train, test, inner in work
    )
    scores = {name: np.full((*fold.shape, classes), np.nan) for name in candidates}
    inner_recall = {name: np.zeros(fold.shape) for name in candidates}  # of what scored a row
    for (name, seed, _, test, _), (recall, own) in zip(work, found, strict=True):
        scores[name][seed, test], inner_recall[name][seed, test] = own, recall
    if len(candidates) > 1:
        best = np.argmax(list(inner_recall.values()), axis=0)[None, ..., None]  # [1, S, N, 1]
        scores[CHOSEN] = np.take_along_axis(np.stack(list(scores.values())), best, 0)[0]
    return [
        Condition(name, protocol, "nested", own, fold, data, folds) for name, own in scores.items()
    ]


def inner_folds(data: EmotionData, train: Rows, protocol: str, seed: int) -> list[Split]:
    """Folds of the training rows, by positions among them."""
    labels = data.labels[train]
    persons = None if protocol == "random" or data.groups is None else data.groups[train]
    splitter = model_selection.StratifiedKFold if persons is None else model_selection.GroupKFold
    pairs = splitter(INNER, shuffle=True, random_state=seed).split(labels, labels, persons)
    # a person-independent fold may test an emotion that it has no row of to train on
    return [(part, test[np.isin(labels[test], labels[part])]) for part, test in pairs]


def _search(
    estimator: BaseEstimator,
    grid: dict[str, list[float]],
    table: NDArray[np.float64],
    labels: NDArray[np.intp],
    classes: int,
    train: Rows,
    test: Rows,
    inner: list[Split],
) -> tuple[float, NDArray[np.float64]]:
    """Mean recall on inner folds of the best setting, and its scores ``[T, C]`` on test rows."""
    search = model_selection.GridSearchCV(
        estimator, grid, scoring=metrics.make_scorer(mean_recall), cv=inner
    )
    search.fit(table[train], labels[train])
    score = search.predict_proba if hasattr(search, "predict_proba") else search.decision_function
    found = score(table[test])
    # an emotion without a training row is never predicted
    scores = np.full((len(test), classes), found.min() - 1)
    scores[:, search.classes_] = found
    return search.best_score_, scores


def ensemble(condition: "Condition") -> "Condition":
    """Ensemble of the networks of all repetitions: their mean scores. No row is scored by a network
    that trained on it; one that a repetition left untested stays untested.
    """
    return replace(
        condition,
        model=f"{condition.model}, {len(condition.scores)} together",
        scores=condition.scores.mean(0)[None],
        fold=condition.fold[:1],
    )
