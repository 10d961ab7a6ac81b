"""Principal components against scikit-learn's, from few rows and from many."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from emolib.data.components import Components


@pytest.mark.parametrize("shape", [(60, 200), (300, 40), (41, 40)], ids=["wide", "tall", "square"])
def test_components_are_those_of_scikit_learn(shape):
    rng = np.random.default_rng(5)
    values = (rng.normal(size=shape) * np.linspace(5, 1, shape[1]) + 3).astype(np.float32)
    found, expected = Components.fit(values), PCA(5, svd_solver="full").fit(values.astype(float))
    assert np.allclose(found.axes, expected.components_, atol=1e-9)
    assert np.allclose(found.transform(values), expected.transform(values.astype(float)), atol=1e-5)


def test_new_rows_do_not_move_the_axes():
    rng = np.random.default_rng(6)
    values = rng.normal(size=(80, 30))
    found = Components.fit(values[:50])
    assert np.array_equal(found.transform(values)[50:], found.transform(values[50:]))
    assert not np.allclose(found.axes, Components.fit(values).axes, atol=0.01)


def test_what_does_not_vary_has_no_component():
    values = np.outer(np.arange(20.0), np.ones(9)) + 2  # one direction only
    found = Components.fit(values)
    assert np.allclose(np.abs(found.axes[0]), 1 / 3) and not found.axes[1:].any()
    assert not Components.fit(np.full((9, 30), 7.0)).transform(np.full((9, 30), 7.0)).any()


def test_too_few_rows_are_named():
    with pytest.raises(ValueError, match="5 principal components need more than 5 images"):
        Components.fit(np.zeros((5, 100)))
