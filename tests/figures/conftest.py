"""Shared by the tests of figures: a table of results, a check of every picture they draw."""

from collections.abc import Iterator
from itertools import product

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from emolib.figures.style import PHONE, WIDTH, Picture

matplotlib.use("agg")
PROTOCOLS = ("random", "person-independent")


@pytest.fixture(autouse=True)
def sound(monkeypatch) -> Iterator[None]:
    """Every picture that a test draws has words, numbers and the report's width."""
    made, init = [], Picture.__init__

    def recorded(picture, *parts, **named):
        init(picture, *parts, **named)
        made.append(picture)

    monkeypatch.setattr(Picture, "__init__", recorded)
    yield
    plt.close("all")
    for picture in made:
        assert len(picture.alt) > 20 and picture.alt.endswith(".") and "nan" not in picture.alt
        assert len(picture.data.columns) and picture.figure.get_figwidth() in (WIDTH, PHONE)


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
