"""Fixtures of all tests: data to work on, a cache that nobody else uses, and a browser."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from browser import browser as chromium
from hypothesis import HealthCheck, settings

from emolib.data import EmotionData, load
from emolib.paper import EMOTIONS

# The networks of the tests are tiny, and a second thread costs more than it brings.
torch.set_num_threads(1)

# The same examples in every run; HYPOTHESIS_PROFILE=many makes up thousands of others.
slow = ("too_slow", "data_too_large", "filter_too_much", "function_scoped_fixture")
shared = {
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck[name] for name in slow],
}
settings.register_profile("few", max_examples=40, derandomize=True, **shared)
settings.register_profile("many", max_examples=1500, print_blob=True, **shared)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))

SFEW = Path(__file__).parent.parent.parent / "shared" / "data" / "SFEW.xlsx"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory, worker_id):
    """The session's own cache, empty at first: no test sees what an earlier run left on the
    machine.

    Tests that run side by side share it.
    """
    session = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        session = session.parent
    folder = session / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOLIB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def drawn(own_cache):
    return load()


@pytest.fixture(scope="session")
def sfew():
    """Path of the real spreadsheet; never copied, and no row of it may stand in a test."""
    path = Path(os.environ.get("EMOLIB_SFEW") or SFEW)
    if not path.is_file():
        pytest.skip("the licensed spreadsheet is not here")
    return path


@pytest.fixture
def tiny():
    """60 rows of 3 classes in 12 groups; the class shifts each of the 2 × 5 features a little."""
    rng = np.random.default_rng(60)
    labels, groups = np.arange(60) % 3, np.arange(60) // 5
    return EmotionData(
        features={
            name: (rng.normal(size=(60, 5)) + labels[:, None]).astype(np.float32)
            for name in ("LPQ", "PHOG")
        },
        labels=labels,
        classes=EMOTIONS[:3],
        groups=np.array([f"person {group}" for group in groups]),
        names=np.array([f"row {row}" for row in range(60)]),
        source="60 random rows",
        drawn=False,
        repairs=pd.DataFrame(columns=["found", "rows", "done"]),
    )


@pytest.fixture(scope="module")
def browser():
    """Chromium; a test that needs it skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("there is no Chromium here")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()
