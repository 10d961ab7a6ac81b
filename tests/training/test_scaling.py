"""Min-max scaling, and that test rows have no say in it."""

from dataclasses import replace

import numpy as np
import pytest

from emolib.data import load
from emolib.folds import make_folds
from emolib.training.scaling import FoldInputs, scale
from emolib.training.sweeps import sweep

TRAIN, TEST = np.arange(0, 45), np.arange(45, 60)


def with_values(data, rows, columns, value):
    values = data.features["LPQ"].copy()
    values[rows, columns] = value
    return replace(data, features={**data.features, "LPQ": values})


@pytest.mark.parametrize("rows", [None, TRAIN], ids=["all rows", "training rows"])
def test_is_equation_1(tiny, rows):
    x = tiny.features["PHOG"].astype(float)
    fitted = x if rows is None else x[rows]
    expected = (x - fitted.min(0)) / (fitted.max(0) - fitted.min(0))
    scaled = scale(tiny, "PHOG", rows)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=1e-6)


def test_a_test_row_does_not_change_how_others_are_scaled(tiny):
    leaked = with_values(tiny, TEST[0], slice(None), 1000)
    others = np.arange(60) != TEST[0]
    np.testing.assert_array_equal(
        scale(leaked, "LPQ", TRAIN)[others], scale(tiny, "LPQ", TRAIN)[others]
    )
    assert (scale(leaked, "LPQ", TRAIN)[TEST[0]] > 100).all()
    # fitted on all rows, as the paper does, the same row moves every other
    assert scale(leaked, "LPQ")[others].max() < 0.01


def test_standardised_inputs_have_mean_0_and_variance_1_over_the_training_rows(tiny):
    """A constant feature is 0; the test row that leaks into no scaling is far outside."""
    (_, test), _ = make_folds(tiny, "random", 0, 2)
    leaked = with_values(tiny, test[0], slice(None), 1000)
    leaked = with_values(leaked, slice(None), 2, 0.7)
    rows = sweep(modality="LPQ+PHOG", scaling="standardised", folds=2).to_dict("records")
    inputs = FoldInputs(leaked, rows)
    for (train, _), x in zip(inputs.pairs, inputs.inputs, strict=True):
        seen = np.stack([leaked.features[m][train] for m in ("LPQ", "PHOG")], 1).astype(float)
        spread = np.where(np.ptp(seen, axis=0) == 0, 1, seen.std(0))
        np.testing.assert_allclose(x[train], (seen - seen.mean(0)) / spread, atol=1e-4)
    assert (inputs.inputs[0][test[0], 0, [0, 1, 3, 4]] > 100).all()


def test_a_constant_feature_becomes_0(tiny):
    scaled = scale(with_values(tiny, slice(None), 2, 0.7), "LPQ")
    assert (scaled[:, 2] == 0).all() and np.isfinite(scaled).all()


def test_the_real_features_centre_where_the_paper_has_them(sfew):
    centres = scale(load(sfew), "LPQ").mean(0)
    assert centres.round(2).tolist() == pytest.approx([0.05, 0.44, 0.37, 0.37, 0.50])


def test_features_that_are_no_numbers_are_refused(tiny):
    descriptors = np.ones((60, 9), np.float32)
    assert replace(tiny, descriptors={"LPQ": descriptors}).descriptors
    for parts in ({"LPQ": np.where(np.eye(60, 9), np.inf, descriptors)}, {"LPQ": descriptors[0]}):
        with pytest.raises(ValueError, match="^60 random rows: .*descriptors of LPQ|has 9 rows"):
            replace(tiny, descriptors=parts)


@pytest.mark.parametrize(
    ("modality", "rows", "words"),
    [
        ("HOG", None, "modality is 'HOG'; it must be one of 'LPQ', 'PHOG'"),
        ("LPQ", [], "rows must be a list of at least one row number"),
        ("LPQ", [0, 60], "rows is 60; it must be a whole number of at least 0 and at most 59"),
        ("LPQ", np.ones(60, bool), "rows is True; it must be a whole number"),
        ("LPQ", [0, 0], "rows include 0 more than once"),
    ],
)
def test_a_modality_or_rows_that_the_data_do_not_have_are_refused(tiny, modality, rows, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        scale(tiny, modality, rows)
