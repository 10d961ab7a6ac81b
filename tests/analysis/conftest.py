"""Analyses of the tests run in the test's own process, where they can be patched."""

import joblib
import pytest


@pytest.fixture(autouse=True)
def one_process():
    with joblib.parallel_config("sequential"):
        yield
