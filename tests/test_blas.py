"""How many threads a matrix product takes, and with which kernels."""

import pytest
from threadpoolctl import threadpool_info

import tinygrad_lstm as tl
from tinygrad_lstm.blas import ENVIRONMENT, one_blas_thread


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture
def nothing_chosen(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def two():
    """Products with two threads around the test, whoever chose."""
    with tl.blas_threads(2):
        if threads() != {2}:
            pytest.skip("this BLAS takes no orders")
        yield


def test_a_number_of_threads_holds_inside_a_with_block_and_no_longer(two):
    with tl.blas_threads(1):
        assert threads() == {1}
        assert tl.blas_facts()["threads"] == 1
    assert threads() == {2}


def test_a_call_holds_for_good(two):
    tl.blas_threads(1)
    assert threads() == {1}


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_a_number_of_threads_that_is_none_is_refused(n):
    with pytest.raises(tl.ArgumentError, match="whole number from 1 on"):
        tl.blas_threads(n)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_one_thread_is_not_imposed_on_who_chose_by_the_environment(
    name, two, nothing_chosen, monkeypatch
):
    monkeypatch.setenv(name, "2")
    with one_blas_thread() as imposed:
        assert (imposed, threads()) == (False, {2})


def test_the_facts_are_those_of_numpys_blas():
    facts = tl.blas_facts()
    assert list(facts) == ["library", "version", "threads", "core"]
    assert facts["library"] in str(tl.blas_facts())
