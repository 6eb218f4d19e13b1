"""no_grad, evaluating, default_dtype, backend and seed: what they do, where, and for how long."""

import threading

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm.settings import LOCAL

MODES = {
    "recording": lambda: tl.no_grad(),
    "training": lambda: tl.evaluating(),
    "dtype": lambda: tl.default_dtype("float64"),
    "device": lambda: tl.backend(__import__("array_api_strict"), device="device1"),
}


@pytest.mark.parametrize("name", MODES)
def test_a_mode_ends_with_its_block_also_when_the_block_fails(name):
    before = getattr(LOCAL, name)
    with pytest.raises(ZeroDivisionError), MODES[name]():
        assert getattr(LOCAL, name) != before
        1 / 0  # noqa: B018
    assert getattr(LOCAL, name) == before


@pytest.mark.parametrize("name", MODES)
def test_modes_nest(name):
    before = getattr(LOCAL, name)
    with MODES[name]():
        inside = getattr(LOCAL, name)
        with MODES[name]():
            pass
        assert getattr(LOCAL, name) == inside
    assert getattr(LOCAL, name) == before


@pytest.mark.parametrize("name", MODES)
def test_a_mode_holds_in_its_own_thread_only(name):
    seen = []
    with MODES[name]():
        here = getattr(LOCAL, name)
        thread = threading.Thread(target=lambda: seen.append(getattr(LOCAL, name)))
        thread.start()
        thread.join()
    assert seen[0] != here


def test_without_gradients_nothing_is_recorded():
    x = tl.Parameter([1.0])
    with tl.no_grad():
        y = 2 * x
    assert y.parents == () and y.op is None and y.numpy().tolist() == [2]
    assert (2 * x).parents == (x,)


def test_what_was_computed_without_gradients_says_so_when_asked_for_them():
    x = tl.Parameter([1.0])
    with tl.no_grad():
        y = (2 * x).sum()
    with pytest.raises(tl.GraphError, match=r"was computed inside no_grad\(\)"):
        y.backward()
    tl.Tensor(1.0).backward()


def test_without_gradients_a_cell_computes_the_same_numbers_and_keeps_no_graph(rng):
    cell = tl.cells.lstm(2, 3)
    x, (c, h) = rng.normal(size=(1, 2)).astype("float32"), tl.zero_state(cell, 1)
    recorded = cell(x, c, h)
    with tl.no_grad():
        bare = cell(x, c, h)
    for a, b in zip(recorded, bare):
        np.testing.assert_array_equal(a.data, b.data)
        assert a.parents and not b.parents


def test_layers_start_as_float32_and_follow_the_default():
    assert tl.Linear(2, 3).W.dtype == np.float32
    with tl.default_dtype("float64"):
        assert tl.Linear(2, 3).W.dtype == np.float64
        assert tl.Tensor([1.5]).dtype == np.float64
    assert tl.Tensor([1.5]).dtype == np.float32


def test_a_default_dtype_called_without_a_block_stays():
    before = LOCAL.dtype
    tl.default_dtype("float64")
    assert tl.Linear(1, 1).W.dtype == np.float64
    tl.default_dtype(before.name)
    assert tl.Linear(1, 1).W.dtype == np.float32


@pytest.mark.parametrize("name", ["float16", "int64", "complex128"])
def test_other_default_dtypes_are_refused_and_nothing_changes(name):
    before = LOCAL.dtype
    with pytest.raises(tl.DtypeError, match="neither 'float32' nor 'float64'"):
        tl.default_dtype(name)
    assert LOCAL.dtype == before


def test_a_dtype_that_does_not_exist_is_refused_in_our_words():
    with pytest.raises(tl.DtypeError, match="double precision"):
        tl.default_dtype("double precision")


def test_an_unknown_backend_is_refused_and_nothing_changes():
    before = LOCAL.backend
    with pytest.raises(tl.BackendError, match="unknown"):
        tl.backend("tpu")
    assert LOCAL.backend == before


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    def weights(n):
        tl.seed(n)
        return tl.Linear(3, 4).W.numpy()

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_dropout_does_not_disturb_the_initial_weights():
    tl.seed(1)
    undisturbed = tl.Linear(3, 4).W.numpy()
    tl.seed(1)
    tl.Dropout(0.5)(tl.Tensor(np.ones(100)))
    np.testing.assert_array_equal(tl.Linear(3, 4).W.numpy(), undisturbed)


def test_a_seed_holds_in_its_block_and_the_old_stream_goes_on():
    tl.seed(1)
    first, second = tl.Linear(1, 3).W.numpy(), tl.Linear(1, 3).W.numpy()
    tl.seed(1)
    np.testing.assert_array_equal(tl.Linear(1, 3).W.numpy(), first)
    with tl.seed(7):
        tl.Linear(1, 3)
    np.testing.assert_array_equal(tl.Linear(1, 3).W.numpy(), second)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_the_stated_share_and_keeps_the_mean(p):
    y = tl.Dropout(p)(tl.Tensor(np.ones(40_000), dtype="float64")).numpy()
    assert (y == 0).mean() == pytest.approx(p, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(y[y > 0], 1 / (1 - p))


def test_dropout_keeps_everything_while_evaluating():
    x = tl.Tensor(np.ones(100))
    with tl.evaluating():
        assert tl.Dropout(0.9)(x).numpy().tolist() == [1] * 100
    assert tl.Dropout(0.0)(x).numpy().tolist() == [1] * 100


def test_dropout_sends_the_gradient_through_the_same_mask():
    x = tl.Tensor(np.ones(100))
    y = tl.Dropout(0.5)(x)
    y.backward(np.ones(100, "float32"))
    np.testing.assert_array_equal(x.grad, y.data)


def test_a_graph_draws_a_new_mask_at_every_run_and_backward_reads_that_one():
    x = tl.Input("x", 100)
    graph = tl.Graph([x], [tl.Dropout(0.5)(x)])
    first = graph.forward(np.ones(100))[0].copy()
    second = graph.forward(np.ones(100))[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(graph.backward(np.ones(100))[0], second)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
def test_dropout_of_everything_is_refused(p):
    with pytest.raises(tl.TinygradError, match="probability of dropping"):
        tl.Dropout(p)
