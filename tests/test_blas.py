"""How many threads a matrix product takes, and with which kernels."""

import glob
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tinygrad_lstm as tl
from tinygrad_lstm.blas import ENVIRONMENT, one_blas_thread, products_are_right

WHEEL = glob.glob(str(Path(np.__file__).parent.parent / "numpy.libs" / "libscipy_openblas*"))
# What NumPy itself finds out about the processor; the name depends on NumPy's version.
AVX512 = {"AVX512_SKX", "X86_V4"} & set(np.show_config(mode="dicts")["SIMD Extensions"]["found"])
FITTING = bool(sys.platform == "linux" and WHEEL and AVX512)
"""Whether kernels for AVX-512 are to be had here."""

OVERLOOKED = """
import os, json
import numpy as np
import tinygrad_lstm as tl
from tinygrad_lstm import blas

os.environ.pop("OPENBLAS_CORETYPE", None)  # OpenBLAS has read it: now it looks like a mistake
before = tl.blas_facts()["core"]
"""


def run(program, start=OVERLOOKED, **environment):
    """What a fresh process prints as JSON; its OpenBLAS has taken the kernels for AVX2."""
    own = {name: text for name, text in os.environ.items() if name != "TINYGRAD_LSTM_BLAS"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", start + program],
        env=own | {"OPENBLAS_CORETYPE": "Haswell"} | environment,
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


def test_overlooked_kernels_are_taken_or_the_reason_is_given():
    words, before, after, left = run("""
words = tl.fit_blas_kernels()
left = os.environ.get("OPENBLAS_CORETYPE")
print(json.dumps([words, before, tl.blas_facts()["core"], left]))
""")
    assert left is None
    if FITTING:
        assert (before, after) == ("Haswell", "SkylakeX")
        assert words == "BLAS kernels switched from Haswell (AVX2) to SkylakeX (AVX-512)"
    else:
        assert after == before
        assert words.startswith("BLAS kernels left as they are: ")


@pytest.mark.parametrize("threads", [1, 2])
def test_new_kernels_compute_what_the_old_ones_did(threads):
    errors = run(f"""
tl.blas_threads({threads})
draws = np.random.default_rng(0)
a, b = draws.normal(size=(203, 203)), draws.normal(size=(203, 91))
z = a + 1j * a[::-1]

def results():
    symmetric = a + a.T
    return [a @ b, (a @ b).astype("f4"), z @ b, a @ a.T, a[:, 0] @ a, np.linalg.solve(a, b),
            np.linalg.svd(a)[1], np.linalg.eigvalsh(symmetric), np.stack([a, a.T]) @ b,
            a.astype("f4") @ b.astype("f4")]

old = results()
tl.fit_blas_kernels()
for _ in range(10):
    new = results()
    errors = [float(abs(p - q).max() / abs(p).max()) for p, q in zip(old, new)]
print(json.dumps(errors))
""")
    assert max(errors[:-1]) < 1e-11
    assert errors[-1] < 1e-5


def test_of_many_calls_at_once_only_one_does_anything():
    words, calls = run("""
from concurrent.futures import ThreadPoolExecutor

calls, choose = [], blas._choose
blas._choose = lambda *given: (calls.append(given[1]), choose(*given))
with ThreadPoolExecutor(4) as pool:
    words = list(pool.map(lambda _: tl.fit_blas_kernels(), range(8)))
print(json.dumps([words, calls]))
""")
    assert len(set(words)) == 1
    assert calls == (["SkylakeX"] if FITTING else [])


def test_kernels_that_do_not_pass_the_check_are_taken_back():
    words, before, after = run("""
blas.products_are_right = lambda: False
print(json.dumps([tl.fit_blas_kernels(), before, tl.blas_facts()["core"]]))
""")
    assert after == before
    assert words.endswith("SkylakeX did not pass the check") or not FITTING


@pytest.mark.parametrize("entry", [(0, 0), (-1, -1)])
@pytest.mark.parametrize("size", [1, 3, 257])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_check_notices_one_wrong_entry(dtype, size, entry):
    def multiply(x, y):
        product = x @ y
        if product.dtype == dtype and size in product.shape:
            product[entry] += 1
        return product

    assert products_are_right()
    assert not products_are_right(multiply)


@pytest.mark.parametrize(
    "name, value", [("TINYGRAD_LSTM_BLAS", "leave"), ("OPENBLAS_CORETYPE", "Haswell")]
)
def test_who_opts_out_keeps_the_kernels(name, value):
    start = OVERLOOKED if name == "TINYGRAD_LSTM_BLAS" else OVERLOOKED.replace("os.environ.pop", "")
    words, before, after, kept = run(
        f"""
words = tl.fit_blas_kernels()
print(json.dumps([words, before, tl.blas_facts()["core"], os.environ["{name}"]]))
""",
        start,
        **{name: value},
    )
    assert f"left as they are: {name}={value}" in words
    assert (after, kept) == (before, value)


def test_another_library_than_that_of_the_wheel_is_left_alone():
    words = run("""
blas._numpys_pool = lambda: {"internal_api": "mkl", "filepath": "/opt/libmkl_rt.so.2"}
print(json.dumps(tl.fit_blas_kernels()))
""")
    assert words.startswith("BLAS kernels left as they are: ")
    assert "wheel" in words or not FITTING
