"""The transformers in scikit-learn's own hands."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from emolib.data.descriptors import lpq, phog
from emolib.data.transformers import LPQ, PHOG

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 20, 22), dtype=np.uint8)


@pytest.mark.parametrize(
    ("transformer", "expected"),
    [
        (LPQ(window=5, blocks=2), lpq(IMAGES, 5, 2)),
        (PHOG(bins=9, levels=1, span=180), phog(IMAGES, 9, 1, 180)),
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
