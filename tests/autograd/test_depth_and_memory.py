"""Long chains without recursion and in linear time; many windows in constant memory."""

import gc
import sys
import time
import tracemalloc

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close
from tinygrad_lstm.cells import rnn

T = 100_000


def chain(length):
    x = tl.Tensor([0.5])
    y = x
    for _ in range(length):
        y = tl.tanh(y)
    return x, y


def test_a_hundred_thousand_ops_run_backward_without_recursion_and_are_freed():
    assert sys.getrecursionlimit() <= 10_000
    x, y = chain(T)
    y.backward(np.ones(1, "float32"))
    assert 0 < x.grad[0] < 1
    del y  # freeing a long chain must not recurse either
    gc.collect()


def test_a_chain_of_sums_has_the_gradient_of_its_length():
    x = tl.Tensor([0.0])
    y = x
    for _ in range(2_000):
        y = y + x
    y.backward(np.ones(1, "float32"))
    assert x.grad.tolist() == [2_001]


def test_time_is_linear_in_the_number_of_steps():
    def seconds(length):
        start = time.process_time()
        _, y = chain(length)
        y.backward(np.ones(1, "float32"))
        return time.process_time() - start

    seconds(1_000)
    short = min(seconds(2_000) for _ in range(3))
    assert seconds(20_000) < 40 * short  # ten times the steps; quadratic would be a hundredfold


@pytest.mark.slow
def test_an_unroll_over_a_hundred_thousand_steps_runs_and_differentiates():
    with tl.default_dtype("float64"):
        cell = rnn(1, 1)
    W = cell.parameters["W_h"]
    W.data = np.array([[1.0]])
    cell.parameters["W_x"].data = np.zeros((1, 1))
    cell.parameters["b_x"].data = np.zeros(1)
    x = tl.Tensor(np.zeros((1, 1)))
    h0 = tl.Tensor(np.full((1, 1), 0.5))
    hs, (last,) = tl.unroll(cell, [x] * T, [h0])
    last.backward(np.ones((1, 1)))
    expected, slope = 0.5, 1.0
    for _ in range(T):
        expected = np.tanh(expected)
        slope *= 1 - expected**2
    assert len(hs) == T and last.item() == pytest.approx(expected, rel=1e-12)
    assert h0.grad.item() == pytest.approx(slope, rel=1e-9)


@pytest.mark.slow
def test_a_graph_through_twenty_thousand_steps_runs_and_differentiates():
    steps = 20_000
    with tl.default_dtype("float64"):
        cell = rnn(1, 1)
    graph = tl.through_time(cell, steps)
    outputs = graph.forward(*[np.full((1, 1), 0.1)] * steps, np.zeros((1, 1)))
    grads = graph.backward(*[None] * steps, np.ones((1, 1)))
    expected = 0.0
    W_x, b, W_h = (cell.parameters[name].data.item() for name in ("W_x", "b_x", "W_h"))
    for _ in range(steps):
        expected = np.tanh(W_x * 0.1 + b + W_h * expected)
    assert_close(outputs[-1], np.array([[expected]]))
    assert_close(grads[steps - 1], np.array([[(1 - expected**2) * W_x]]))


@pytest.mark.parametrize("collector", [True, False], ids=["gc on", "gc off"])
def test_a_thousand_windows_with_carried_state_keep_memory_flat(collector, rng):
    cell = tl.cells.lstm(3, 4)
    xs = [rng.normal(size=(2, 3)).astype("float32") for _ in range(2)]

    def windows(count, state):
        for _ in range(count):
            hs, state = tl.unroll(cell, xs, state)
            loss = tl.stacked(hs).sum()
            loss.backward()
            state = tuple(s.detach() for s in state)
        return state

    # Python itself keeps up to 2,000 freed tuples of each length: let it have them first.
    state = windows(2_200, tl.zero_state(cell, 2))
    (gc.enable if collector else gc.disable)()
    tracemalloc.start()
    try:
        state = windows(10, state)
        before = tracemalloc.get_traced_memory()[0]
        windows(1_000, state)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 64_000  # 64 bytes a window


def test_a_graph_run_a_thousand_times_keeps_memory_flat(rng):
    cell = tl.through_time(tl.cells.lstm(3, 4), 2)
    feed = [rng.normal(size=(2, n)) for n in (3, 3, 4, 4)]
    seeds = [np.ones((2, 4))] * 4

    def runs(count):
        for _ in range(count):
            cell.forward(*feed)
            cell.backward(*seeds)

    runs(10)
    gc.disable()
    tracemalloc.start()
    try:
        runs(100)
        before = tracemalloc.get_traced_memory()[0]
        runs(500)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 100_000  # as much as free lists may keep; one run makes 20,000
