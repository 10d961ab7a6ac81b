"""What is packed comes back as it was, reading runs nothing, and what the report keeps can be
packed.
"""

import io
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emolib.analysis import baselines, calibration, luck
from emolib.analysis.evidence import Condition
from emolib.folds import KEPT_APART
from emolib.training import sweeps
from emolib.training.sweeps import sweep
from emolib.utils.packing import pack, unpack

plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(plain, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_nested_values_come_back_with_their_types(value):
    found = unpack(pack(value))
    assert repr(found) == repr(value)  # which tells 1 from 1.0 and True, and a tuple from a list


@given(
    arrays.arrays(
        st.sampled_from(["f4", "f8", "i8", "?", "U3"]), arrays.array_shapes(max_dims=3, max_side=3)
    )
)
def test_arrays_come_back_to_the_bit(array):
    found = unpack(pack([array]))[0]
    assert (
        found.dtype == array.dtype
        and found.shape == array.shape
        and found.tobytes() == array.tobytes()
    )


def test_tables_come_back_with_their_columns_and_kinds():
    table = pd.DataFrame(
        {
            "n": [1, 2],
            "s": ["a", None],
            "f": [np.nan, 0.1],
            "f4": np.array([1, 2], np.float32),
            "b": [True, False],
            "o": [1, "x"],
            7: [(1,), None],
        }
    )
    pd.testing.assert_frame_equal(unpack(pack(table)), table, check_exact=True)
    pd.testing.assert_frame_equal(unpack(pack(table[:0])), table[:0])
    pd.testing.assert_frame_equal(
        unpack(pack(pd.DataFrame(columns=["a"]))), pd.DataFrame(columns=["a"])
    )


def test_shared_objects_are_not_kept_twice(tiny):
    condition = Condition(
        "m", "random", "nested", np.zeros((1, 60, 3)), np.zeros((1, 60), int), tiny
    )
    content = pack([condition], shared=[tiny])
    (found,) = unpack(content, shared=[tiny])
    assert found.data is tiny and found.model == "m" and len(content) < len(pack([condition]))
    (alone,) = unpack(pack([condition]))
    assert alone.data.digest == tiny.digest


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        np.array([object()]),
        pd.DataFrame({"a": [1]}, index=["x"]),
        pickle.Pickler(io.BytesIO()),
    ],
)
def test_what_cannot_be_said_in_plain_is_refused(value):
    with pytest.raises(TypeError, match="cannot be packed"):
        pack(value)


@pytest.mark.parametrize(
    "kind",
    ["subprocess:Popen", "os:system", "emolib.training.train:train", "emolib.training.cache:Cache"],
)
def test_only_this_library_s_dataclasses_are_made(kind):
    content = io.BytesIO()
    np.savez(content, tree=np.array(json.dumps({"kind": kind, "fields": {"args": "true"}})))
    with pytest.raises(ValueError, match="no dataclass of this library"):
        unpack(content.getvalue())


def test_a_dataclass_is_made_and_no_object_of_one(monkeypatch):
    monkeypatch.setattr(sweeps, "USUAL", sweeps.Recipe(1, 0.1), raising=False)
    content = io.BytesIO()
    np.savez(
        content, tree=np.array(json.dumps({"kind": "emolib.training.sweeps:USUAL", "fields": {}}))
    )
    with pytest.raises(ValueError, match="no dataclass of this library"):
        unpack(content.getvalue())


def test_a_pickled_array_is_not_opened():
    content = io.BytesIO()
    np.savez(content, tree=np.array({"evil": print}, dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        unpack(content.getvalue())


def test_what_the_chapters_compute_can_be_kept(tiny):
    """The three functions whose results are kept, in small."""
    grid = sweep(
        modality="LPQ",
        hidden=2,
        angle=[0, 60],
        protocol=KEPT_APART,
        folds=1,
        seed=[0, 1],
        max_epochs=2,
    )
    results = [
        baselines.nested(
            tiny, "random", 1, 2, {"naive Bayes": baselines.CANDIDATES["naive Bayes"]}, jobs=1
        ),
        calibration.calibrate(tiny, "random", seeds=2, folds=2, shuffles=4, jobs=1),
        luck.selection_bias(tiny, grid, every=1, fixed={"angle": 60}, jobs=1),
    ]
    (before,), *tables = results
    (after,), *found = unpack(pack(results, [tiny]), [tiny])
    np.testing.assert_array_equal(after.scores, before.scores)
    np.testing.assert_array_equal(after.fold, before.fold)
    for one, other in zip(found, tables, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
