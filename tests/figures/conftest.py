"""What the tests of figures share: a table of results, and figures closed after each test."""

from collections.abc import Iterator
from itertools import product

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("agg")
PROTOCOLS = ("random", "person-independent")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(scope="session")
def summary():
    """A function of a setting's name and values, and of further columns: a row for each case."""

    def table(x, values, **columns):
        keys = {
            "recipe": ["printed", "converged"],
            "protocol": PROTOCOLS,
            "modality": ["LPQ", "PHOG"],
            x: values,
        } | columns
        frame = pd.DataFrame(list(product(*keys.values())), columns=list(keys))
        frame["mean"] = np.linspace(0.1, 0.4, len(frame))
        return frame.assign(low=frame["mean"] - 0.02, high=frame["mean"] + 0.02)

    return table
