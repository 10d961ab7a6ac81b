"""Scikit-learn estimators: the paper's networks as classifiers, LPQ and PHOG as transformers.

Thin over :func:`emolib.train`: a classifier makes one row of a sweep from its parameters, and keeps
the network that comes back.

Axes: ``N`` rows or images, ``D`` features, ``M`` modalities, ``C`` classes, ``H`` × ``W`` pixels.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from emolib.data import REPAIRS, EmotionData, Rows
from emolib.data.descriptors import lpq, phog
from emolib.folds import LARGEST_SEED, WHOLE
from emolib.metrics import UNTESTED, predict
from emolib.training.scaling import min_max
from emolib.training.sweeps import DEFAULTS, LARGEST, Row, checked_row, table
from emolib.training.train import train
from emolib.utils import whole_number


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """Base class of the classifiers: scikit-learn's methods around one network of a sweep.

    A subclass names its kind of network, ``_network``, as a sweep does, and gives the columns of
    each modality by the modality's name, ``_modalities()``.
    """

    recipe: str = "converged"
    epochs: int | None = None
    learning_rate: float | None = None
    optimiser: str = "Adam"
    loss: str = "smooth L1"
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Trains a network on all rows of ``X`` ``[N, D]`` for the classes ``y`` ``[N]``.

        Raises:
            ValueError: a parameter that no network can be trained for, ``X`` or ``y`` that
                scikit-learn refuses, or a training that diverged.
        """
        data = self._data(X, y)
        trained = train(data, table([checked_row(self._row(), data)]), jobs=1, device="cpu")
        result = trained.results[0]
        if not np.isfinite(result.weights).all():
            raise ValueError(
                "the training diverged: weights left the range of single precision; a lower "
                "learning_rate would help"
            )
        # double: a row's scores do not depend on the rows beside it
        self.network_ = trained.member(0).double()
        self.loss_curve_ = result.losses
        self.n_iter_ = len(result.losses)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """The network's outputs ``[N, C]`` as they are; for two classes the second's less the
        first's ``[N]``.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities ``[N, C]``, as the loss lets the network's outputs be read.

        The probability of each class makes the squared error to one-hot targets least, and smooth
        L1 is half the squared error wherever errors are below 1. So the outputs are estimates of
        probabilities already; only nothing keeps them above 0 or their sum at 1, and the point of
        the simplex that is nearest to them is taken. A softmax would take them for logarithms, and
        make nearly certain outputs (1, 0, …, 0) of seven classes a timid 31 %. A class may get
        exactly 0: before a logarithm is taken, calibrate
        (:class:`sklearn.calibration.CalibratedClassifierCV`). Under cross-entropy the outputs are
        logarithms, and their softmax is taken.
        """
        scores = self._scores(X)
        logarithms = self.loss == "cross-entropy"
        return softmax(scores, axis=1) if logarithms else nearest_probabilities(scores)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The class ``[N]`` of the highest output."""
        highest = predict(self._scores(X))  # checks first that there are classes
        return np.asarray(self.classes_[highest])

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        x = min_max(X, self.low_, self.span_)
        inputs = np.stack([x[:, columns] for columns in self._modalities().values()], axis=1)
        with torch.no_grad():
            scores = np.asarray(self.network_(torch.from_numpy(inputs).double()))
        lost = np.flatnonzero(predict(scores) == UNTESTED)
        if lost.size:
            raise ValueError(
                f"row {lost[0]} of X has no score: it lies too far outside the rows of the training"
            )
        return scores

    def _data(self, X: ArrayLike, y: ArrayLike) -> EmotionData:
        """Data of a sweep from ``X`` and ``y``, checked; sets the attributes that describe them."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has 1 class, {self.classes_[0]!r}; at least two classes are needed"
            )
        self.low_ = X.min(axis=0).astype(float)
        self.span_ = X.max(axis=0) - self.low_
        return EmotionData(
            features={name: X[:, columns] for name, columns in self._modalities().items()},
            labels=labels,
            classes=tuple(map(str, self.classes_)),
            groups=None,
            names=np.arange(len(X)).astype(str),
            source=type(self).__name__,
            drawn=False,
            repairs=pd.DataFrame(columns=REPAIRS),
        )

    def _row(self) -> Row:
        """The row of a sweep that trains this classifier's network."""
        seed: Any = self.random_state
        if self.learning_rate == 0:
            raise ValueError("learning_rate is 0; it must be above 0, or None for the recipe's own")
        if seed is None or seed is np.random or isinstance(seed, np.random.RandomState):
            seed = check_random_state(seed).randint(2**31 - 1)
        return {
            **DEFAULTS,
            **{name: value for name, value in self.get_params().items() if name in DEFAULTS},
            "network": self._network,
            "modality": "+".join(self._modalities()),
            "max_epochs": 0
            if self.epochs is None
            else whole_number("epochs", self.epochs, 1, LARGEST),
            "learning_rate": 0.0 if self.learning_rate is None else self.learning_rate,
            "protocol": WHOLE,
            "folds": 1,
            "fold": 0,
            "seed": whole_number("random_state", seed, 0, LARGEST_SEED),
        }


@dataclass(eq=False, repr=False)
class PrunedShallowClassifier(NetworkClassifier):
    """The paper's shallow network, pruned by the distinctiveness of its hidden units (section 3.1,
    Algorithm 1).

    Each feature is brought to 0..1 by its smallest and largest value over the training rows
    (equation 1), as all networks here are trained. There is no parameter for that: a scaler before
    it in a pipeline changes nothing beyond rounding. The parameters are columns of
    :func:`emolib.sweep`, and the defaults those of the report's Table 3.

    Args:
        hidden: hidden units to begin with.
        angle: minimal angle between two units that both stay, in degrees; 0 prunes nothing.
        activation_shift: taken off activations before angles: 0.5 as Gedeon and Harris do, or 0.0.
        schedule: prune after the ``"first"`` epoch, or after ``"every"`` one.
        merge_weights: whether removed units hand on their weights (Gedeon and Harris).
        recipe: ``"printed"``, the paper's settings, which leave its networks near chance, or
            ``"converged"``; see :data:`emolib.training.sweeps.RECIPES`.
        epochs: at most so many passes over the rows; None: as the recipe says.
        learning_rate: None: as the recipe says.
        optimiser: a name in :data:`emolib.training.sweeps.OPTIMISERS`.
        loss: a name in :data:`emolib.training.sweeps.LOSSES`.
        random_state: seed of initial weights and batches. With an integer the network is that of a
            sweep's ``seed``, fold 0.

    Attributes:
        classes_: ``[C]``.
        network_: the trained network without the units that went, a
            :class:`~emolib.models.ShallowNet` in double precision; ``network_.hidden.out_features``
            are left.
        low_, span_: smallest value of each feature, and how far the largest is from it.
        loss_curve_: mean training loss of each epoch.
        n_iter_: epochs run.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    Example:
        >>> network, angles = PrunedShallowClassifier(random_state=0), {"angle": [0, 15, 30, 60]}
        >>> search = GridSearchCV(network, angles, cv=GroupKFold(5))
        >>> search.fit(X, y, groups=persons).best_params_
    """

    hidden: int = 16
    _: KW_ONLY
    angle: float = 60.0
    activation_shift: float = 0.5
    schedule: str = "first"
    merge_weights: bool = False
    _network = "shallow"  # as a sweep names it

    def _modalities(self) -> dict[str, Rows]:
        return {"all": np.arange(self.n_features_in_)}


@dataclass(eq=False, repr=False)
class FusionCNNClassifier(NetworkClassifier):
    """The paper's CNN: a branch of one-dimensional convolutions for each modality, fused (section
    3.2, Figure 5).

    A convolution looks at neighbours, so the order of a modality's columns matters. Scaling is as
    in :class:`PrunedShallowClassifier`.

    Args:
        modalities: number of modalities side by side in the columns, each with as many features as
            the others (the paper's ten numbers are 2 modalities of 5; with 1 this is its
            single-modality CNN). Columns in another order go through a
            :class:`sklearn.compose.ColumnTransformer` first.
        recipe, epochs, learning_rate, optimiser, loss, random_state: as in
            :class:`PrunedShallowClassifier`.

    Attributes:
        network_: the trained network, a :class:`~emolib.models.FusionNet` in double precision.
        classes_, low_, span_, loss_curve_, n_iter_, n_features_in_, feature_names_in_: as in
            :class:`PrunedShallowClassifier`.

    Example:
        >>> FusionCNNClassifier(modalities=2).fit(np.hstack([lpq, phog]), emotions)
    """

    modalities: int = 1
    _network = "cnn"  # as a sweep names it

    def _modalities(self) -> dict[str, Rows]:
        features = self.n_features_in_
        count = whole_number("modalities", self.modalities, 1, features)
        if features % count:
            raise ValueError(
                f"{features} columns are not {count} modalities of equally many features; give "
                "each as many as the others, such as its first principal components"
            )
        columns = np.arange(features).reshape(count, -1)
        return {str(number): own for number, own in enumerate(columns, 1)}


def nearest_probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Projects each row of ``scores`` ``[N, C]`` onto the probability simplex (Duchi et al. 2008,
    Figure 1).

    Example:
        >>> nearest_probabilities(np.array([[0.75, 0.5, -0.25]]))
        array([[0.625, 0.375, 0.   ]])
    """
    ordered = -np.sort(-scores, axis=1)
    excess = (ordered.cumsum(axis=1) - 1) / np.arange(1, scores.shape[1] + 1)
    last = (ordered > excess).sum(axis=1) - 1  # the smallest score that keeps a probability above 0
    return np.maximum(scores - np.take_along_axis(excess, last[:, None], axis=1), 0)


class Descriptor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base class of the transformers: images ``[N, H, W]`` to descriptors ``[N, D]``."""

    _describe: Callable[..., NDArray[np.float32]]  # images and the parameters to descriptors

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Checks the parameters on the first image; nothing but the number ``D`` is learnt."""
        self._n_features_out = self._describe(np.asarray(X)[:1], **self.get_params()).shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """``[N, H, W]`` to ``[N, D]`` float32."""
        check_is_fitted(self, "_n_features_out")
        return self._describe(X, **self.get_params())


@dataclass(eq=False, repr=False)
class LPQ(Descriptor):
    """Local phase quantisation, see :func:`emolib.data.descriptors.lpq`.

    Args:
        window, blocks: as there.

    Example:
        >>> make_pipeline(LPQ(blocks=4), PCA(5), SVC()).fit(images, labels)
    """

    window: int = 7
    blocks: int = 3
    _describe = staticmethod(lpq)


@dataclass(eq=False, repr=False)
class PHOG(Descriptor):
    """Pyramid histogram of oriented gradients, see :func:`emolib.data.descriptors.phog`.

    Args:
        bins, levels, edges: as there.
    """

    bins: int = 8
    levels: int = 3
    edges: str = "all"
    _describe = staticmethod(phog)
