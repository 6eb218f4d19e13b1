"""How many threads a matrix product takes, and with which kernels."""

import glob
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tinygrad_lstm as tl
from tinygrad_lstm.blas import ENVIRONMENT, one_blas_thread, small_products_are_faster

WHEEL = glob.glob(str(Path(np.__file__).parent.parent / "numpy.libs" / "libscipy_openblas*"))
CHOOSES = bool(sys.platform == "linux" and platform.machine() == "x86_64" and WHEEL)
"""Whether NumPy's BLAS chooses its kernels when it is loaded."""


def run(program, **environment):
    """What a fresh process prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import json, tinygrad_lstm as tl\n" + program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture
def two():
    """Products take two threads around the test, though nobody chose them."""
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this BLAS takes no orders")
        yield


@pytest.fixture
def nothing_chosen(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tinygrad_lstm.blas._Process.threads", None)


def test_a_number_of_threads_holds_inside_a_with_block_and_no_longer(two):
    with tl.blas_threads(1):
        assert threads() == {1}
        assert tl.blas_facts()["threads"] == 1
    assert threads() == {2}


def test_a_number_of_threads_that_is_called_for_holds_until_the_next_one(two):
    with tl.blas_threads(2):
        tl.blas_threads(1)
        assert threads() == {1}
        tl.blas_threads(2)
        assert threads() == {2}


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_what_is_no_number_of_threads_is_refused(n):
    with pytest.raises(tl.ArgumentError, match="whole number from 1 on"):
        tl.blas_threads(n)


def test_the_library_takes_one_thread_where_nobody_chose(two, nothing_chosen):
    with one_blas_thread() as imposed:
        assert (imposed, threads()) == (True, {1})
    assert threads() == {2}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_library_leaves_a_choice_by_the_environment_alone(
    name, two, nothing_chosen, monkeypatch
):
    monkeypatch.setenv(name, "2")
    with one_blas_thread() as imposed:
        assert (imposed, threads()) == (False, {2})


def test_the_library_leaves_an_explicit_choice_alone_as_long_as_it_holds(two, nothing_chosen):
    with tl.blas_threads(2), one_blas_thread() as imposed:
        assert (imposed, threads()) == (False, {2})
    with one_blas_thread() as imposed:
        assert imposed


def test_an_explicit_choice_wins_over_the_environment():
    found = run(
        "tl.blas_threads(2); print(json.dumps(tl.blas_facts()['threads']))",
        OPENBLAS_NUM_THREADS="1",
    )
    assert found in (2, None)


def test_the_facts_are_those_of_numpys_own_library():
    facts = tl.blas_facts()
    assert list(facts) == ["library", "version", "threads", "core"]
    if WHEEL:
        pool = next(p for p in threadpool_info() if os.path.samefile(p["filepath"], WHEEL[0]))
        assert facts["library"] == "openblas"
        assert (facts["version"], {facts["threads"]}) == (pool["version"], {pool["num_threads"]})


def test_the_facts_name_the_kernels_that_the_environment_asked_for():
    core = run("print(json.dumps(tl.blas_facts()['core']))", OPENBLAS_CORETYPE="Haswell")
    assert core == "Haswell" or not CHOOSES


@pytest.mark.parametrize(
    ("core", "threads", "expected"),
    [("SkylakeX", 1, True), ("SkylakeX", 2, False), ("Haswell", 1, False), (None, None, False)],
)
def test_small_products_are_faster_with_the_kernels_for_them_and_one_thread(
    monkeypatch, core, threads, expected
):
    facts = {"library": "openblas", "version": None, "threads": threads, "core": core}
    monkeypatch.setattr("tinygrad_lstm.blas.blas_facts", lambda: facts)
    assert small_products_are_faster() is expected
