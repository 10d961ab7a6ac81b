"""Whole values of any numeric type are taken, everything else is refused by name and value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolib.utils.validation import boolean, one_of, real_number, whole_number


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3), np.array(3), np.array(3.0)]
)
def test_whole_values_of_any_type_become_an_int(value):
    taken = whole_number("folds", value, low=1)
    assert taken == 3 and type(taken) is int


@pytest.mark.parametrize(
    "value",
    [2.5, "3", True, np.True_, None, float("nan"), float("inf"), -float("inf"), [3], np.array([3])],
    ids=repr,
)
def test_what_is_no_whole_number_is_refused_by_name_and_value(value):
    with pytest.raises(ValueError, match="^folds is .*; it must be a whole number of at least 1$"):
        whole_number("folds", value, low=1)


@given(st.integers(), st.integers(-5, 5), st.integers(0, 10))
def test_limits_belong_to_the_range(value, low, width):
    high = low + width
    if low <= value <= high:
        assert whole_number("n", value, low, high) == value
        assert real_number("n", value, low, high) == value
    else:
        with pytest.raises(ValueError, match=f"^n is {value}; .* least {low} and at most {high}$"):
            whole_number("n", value, low, high)
        with pytest.raises(ValueError, match=f"^n is {value}; .* number from {low} to {high}$"):
            real_number("n", value, low, high)


@pytest.mark.parametrize("value", ["0.5", True, None, float("nan"), float("inf"), 1j, [0.5]])
def test_what_is_no_number_or_no_switch_is_refused(value):
    with pytest.raises(ValueError, match="^rate is .*; it must be a number from 0 to 1$"):
        real_number("rate", value, 0, 1)
    assert boolean("merge", np.True_) is True and boolean("merge", False) is False
    if value is not True:
        with pytest.raises(ValueError, match="^merge is .*; it must be True or False$"):
            boolean("merge", value)


def test_choices_are_quoted():
    choices = ("Adam", "SGD, plain", 1)
    assert one_of("optimiser", "SGD, plain", choices) == "SGD, plain"
    for wrong in ("adam", True, 1.0, None, ["Adam"]):
        with pytest.raises(ValueError, match="it must be one of 'Adam', 'SGD, plain', 1$"):
            one_of("optimiser", wrong, iter(choices))
