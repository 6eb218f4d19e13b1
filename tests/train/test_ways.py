"""A window run by the plan and node by node: the same loss, state and gradients."""

import numpy as np
import pytest

from tinygrad_lstm import CELLS
from tinygrad_lstm.train.model import CharModel, Sizes
from tinygrad_lstm.train.text import IGNORED, Window
from tinygrad_lstm.train.ways import Eager, Planned

T, V = 5, 7


def model_of(cell, layers=1):
    return CharModel(Sizes(cell, layers, hidden_size=6, embedding_size=4, vocabulary_size=V))


def window_of(rng, N):
    ids, targets = rng.integers(0, V, (2, T, N))
    targets[-2:, -1] = IGNORED
    return Window(ids, targets, False)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("layers", [1, 2])
def test_both_ways_give_the_same_loss_state_and_gradients(cell, layers, rng, float64):
    model = model_of(cell, layers)
    plan, graph = Planned(model.network(T)), Eager(model.network(T))
    state = [rng.normal(size=s.shape) for s in model.start(3)]
    window = window_of(rng, 3)
    (loss, end), (expected, expected_end) = plan.learn(window, state), graph.learn(window, state)
    for got, right in zip([loss, *end], [expected, *expected_end]):
        np.testing.assert_allclose(got, right, rtol=1e-12)
    assert list(plan.grads) == list(graph.grads)
    for name, right in graph.grads.items():
        np.testing.assert_allclose(plan.grads[name], right, rtol=1e-10, atol=1e-13)


def test_a_window_read_by_the_plan_equals_one_that_is_learned(rng, float64):
    model = model_of("lstm")
    way, window = Planned(model.network(T)), window_of(rng, 3)
    (read, after), (learned, end) = (f(window, model.start(3)) for f in (way.read, way.learn))
    np.testing.assert_allclose([read, *map(np.sum, after)], [learned, *map(np.sum, end)])


@pytest.mark.parametrize("run", [Planned.learn, Planned.read])
def test_a_state_outlives_the_next_window(rng, run):
    model = model_of("lstm")
    way = Planned(model.network(T))
    _, state = run(way, window_of(rng, 3), model.start(3))
    before = [s.copy() for s in state]
    run(way, window_of(rng, 3), state)
    for got, expected in zip(state, before):
        np.testing.assert_array_equal(got, expected)


def test_windows_of_another_number_of_lanes_are_run_too(rng, float64):
    model = model_of("gru")
    plan, graph = Planned(model.network(T)), Eager(model.network(T))
    for N in (3, 1, 3):
        window = window_of(rng, N)
        got, _ = plan.learn(window, model.start(N))
        np.testing.assert_allclose(got, graph.learn(window, model.start(N))[0], rtol=1e-12)
