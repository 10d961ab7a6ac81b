"""A grid search whose networks are trained at once: the grid over all folds is a sweep like any
other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import _safe_indexing, check_random_state, indexable

from emolib.data import EmotionData, Rows
from emolib.estimators import TRAINED, Key, NetworkClassifier, key
from emolib.training import sweeps
from emolib.training.sweeps import Row, table
from emolib.training.train import Trained, train

Grid = Mapping[str, Sequence[object]]


class SweepGridSearchCV(GridSearchCV):
    """:class:`sklearn.model_selection.GridSearchCV` for the classifiers of
    :mod:`emolib.estimators`, and with its results.

    Every setting is trained on every fold in one call of :func:`emolib.train`; then a plain grid
    search goes over them, finds each network trained, and scores it. Its results are the same to
    the last bit, but for the times: ``mean_fit_time`` is that of finding a network.

    The classifier must be searched by itself, because the steps of a pipeline give each fold other
    features. (It scales features as it is; what else a pipeline does can stand before the search.)
    Folds that lack a class, and settings that no network can be trained for, are left to the plain
    search. Without a ``random_state``, one is drawn for the whole search.

    Args:
        n_jobs: shards of the sweep trained side by side.

    The others, and all attributes, as in scikit-learn; and one more:

    Attributes:
        trained_: the sweeps, as :class:`~emolib.training.train.Trained`: one, or one for each
            layout of modalities in the grid.

    Example:
        >>> search = SweepGridSearchCV(PrunedShallowClassifier(), {"hidden": range(6, 17), "angle": range(0, 91, 10)}, cv=GroupKFold(5))
        >>> search.fit(X, y, groups=persons).best_params_
    """

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, groups: ArrayLike | None = None
    ) -> Self:
        """Trains, scores and chooses.

        Args:
            X: ``[N, D]``.
            y: ``[N]``.
            groups: ``[N]``, for a ``cv`` that splits by them.

        Raises:
            TypeError: the estimator is none of :mod:`emolib.estimators`.
        """
        if not isinstance(self.estimator, NetworkClassifier):
            raise TypeError(
                f"{type(self.estimator).__name__} is not trained by sweeps; search it with sklearn.model_selection.GridSearchCV"
            )
        estimator = clone(self.estimator)
        if estimator.random_state is None:
            estimator.set_params(random_state=check_random_state(None).randint(2**31 - 1))
        X, y, groups = indexable(X, y, groups)
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, groups))
        trained = list(
            _train(
                estimator,
                self.param_grid,
                X,
                y,
                [rows for rows, _ in folds],
                effective_n_jobs(self.n_jobs),
            )
        )

        plain = GridSearchCV(
            **self.get_params(deep=False) | {"estimator": estimator, "cv": folds, "n_jobs": None}
        )
        before = TRAINED.set(
            {key: (sweep, position) for sweep, keys in trained for position, key in enumerate(keys)}
        )
        try:
            plain.fit(X, y)
        finally:
            TRAINED.reset(before)
        self.__dict__ |= {name: value for name, value in vars(plain).items() if name.endswith("_")}
        self.trained_ = [sweep for sweep, _ in trained]
        return self


def _train(
    estimator: NetworkClassifier,
    grid: Grid | Sequence[Grid],
    X: ArrayLike,
    y: ArrayLike,
    parts: list[Rows],
    jobs: int,
) -> Iterator[tuple[Trained, list[Key]]]:
    """Trains the grid on each of the training ``parts``; yields sweeps, and the key that fit looks
    for each network by.
    """
    layouts: dict[str, list[tuple[NetworkClassifier, EmotionData, Row]]] = {}
    for choices in ParameterGrid(grid):
        candidate = clone(estimator).set_params(**choices)
        try:
            data, row = candidate._data(X, y), candidate._row()
            sweeps.check(table([row]), data)
        except (TypeError, ValueError):
            continue  # the plain search says what is wrong, or counts it as failed
        layouts.setdefault(repr(choices.get("modalities")), []).append((candidate, data, row))
    for layout in layouts.values():
        candidate, data, _ = layout[0]
        whole = [rows for rows in parts if set(data.labels[rows]) == set(data.labels)]
        alone = [
            clone(candidate)._data(_safe_indexing(X, rows), _safe_indexing(y, rows))
            for rows in whole
        ]
        data = replace(
            data, splits={f"part {number}": (rows, rows[:0]) for number, rows in enumerate(whole)}
        )
        work = [
            (row | {"protocol": split}, key(part, row))
            for _, _, row in layout
            for split, part in zip(data.splits, alone, strict=True)
        ]
        if work:
            yield (
                train(data, table([row for row, _ in work]), jobs=jobs, device="cpu"),
                [of for _, of in work],
            )
