"""What holds around every test: one seed, one thread, floating-point errors raised, modes kept."""

import shutil

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tinygrad_lstm as tl
from tinygrad_lstm.settings import LOCAL

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MODES = ("recording", "training", "dtype", "backend", "device")


@pytest.fixture(autouse=True, scope="session")
def products_take_one_thread():
    """Sums come in one order then, and two threads do not wait for each other on a busy machine."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(autouse=True)
def modes_are_left_as_they_were():
    before = {name: getattr(LOCAL, name) for name in MODES}
    tl.seed(0)
    # Underflow stays silent, as in NumPy itself: e^-800 = 0 is the right answer.
    with np.errstate(all="raise", under="ignore"):
        yield
    after = {name: getattr(LOCAL, name) for name in MODES}
    for name, value in before.items():
        setattr(LOCAL, name, value)
    assert after == before, "this test left a mode switched"


@pytest.fixture
def rng():
    return np.random.default_rng(2015)


@pytest.fixture
def float64():
    with tl.default_dtype("float64"):
        yield


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window; tests that open pages are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on PATH")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
