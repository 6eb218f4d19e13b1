"""What holds for every cell in CELLS, because it is in CELLS."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import (
    NAMES,
    D,
    H,
    N,
    T,
    built,
    cotangents,
    draws,
    feed,
    gradients,
    with_weights,
)
from tests.oracles import assert_close, numeric_vjp

pytestmark = pytest.mark.parametrize("name", NAMES)


def test_bptt_of_weights_inputs_and_first_state_equals_the_complex_step(name):
    graph = tl.through_time(built(name), T)
    arrays, seeds = feed(built(name)), cotangents(graph)
    found = gradients(graph, arrays, seeds)
    weights = [p.data for p in graph.parameters.values()]
    everything = [*arrays, *weights]
    expected = numeric_vjp(
        with_weights(graph, graph.forward), everything, seeds, range(len(everything))
    )
    assert len(found) == len(expected)
    for g, e in zip(found, expected):
        assert np.abs(e).max() > 1e-4  # else it would test nothing
        assert_close(g, e)


def test_second_derivative_equals_the_complex_step(name):
    cell = built(name, (2, 3))
    first = cell.differentiate()
    arrays = [*feed(cell, 1), *cotangents(cell)]
    seeds = [draws(300 + k, *y.shape) for k, y in enumerate(first.forward(*arrays))]
    found = gradients(first, arrays, seeds)
    weights = [p.data for p in first.parameters.values()]
    everything = [*arrays, *weights]
    expected = numeric_vjp(
        with_weights(first, first.forward), everything, seeds, range(len(everything))
    )
    for g, e in zip(found, expected):
        assert_close(np.zeros(e.shape) if g is None else g, e)


def test_derivative_graph_through_time_equals_backward_bit_for_bit(name):
    graph = tl.through_time(built(name), T)
    arrays, seeds = feed(built(name)), cotangents(graph)
    found = gradients(graph, arrays, seeds)
    for g, e in zip(found, graph.differentiate().forward(*arrays, *seeds), strict=True):
        np.testing.assert_array_equal(g, e)


def test_shared_weight_gradient_is_the_sum_over_timesteps(name):
    cell = built(name)
    graph = tl.through_time(cell, T)
    arrays, seeds = feed(cell), cotangents(graph)
    shared = gradients(graph, arrays, seeds)[len(arrays) :]
    steps = [built(name) for _ in range(T)]  # equal weights, but every step has its own
    state, hs = [tl.Tensor(a) for a in arrays[T:]], []
    for step, x in zip(steps, arrays):
        state = step(x, *state)
        hs.append(state[-1])
    loss = sum((y * s).sum() for y, s in zip([*hs, *state], seeds))
    loss.backward()
    for k, total in enumerate(shared):
        apart = [list(step.parameters.values())[k].grad for step in steps]
        assert all(np.abs(g).max() > 0 for g in apart)
        assert_close(sum(apart), total)


def test_unrolling_makes_no_new_parameters(name):
    cell = built(name)
    graph = tl.through_time(cell, T)
    assert list(graph.parameters) == list(cell.parameters)
    assert all(graph.parameters[k] is p for k, p in cell.parameters.items())


def test_applying_a_cell_equals_running_it(name):
    cell = built(name)
    x, *state = feed(cell, 1)
    for applied, run in zip(cell(x, *state), cell.forward(x, *state), strict=True):
        np.testing.assert_array_equal(applied.data, run)


def test_unroll_equals_through_time(name):
    cell = built(name)
    graph = tl.through_time(cell, T)
    arrays = feed(cell)
    hs, state = tl.unroll(cell, arrays[:T], arrays[T:])
    assert hs[-1] is state[-1] and len(hs) == T
    for applied, run in zip([*hs, *state], graph.forward(*arrays), strict=True):
        np.testing.assert_array_equal(applied.data, run)


def test_declared_shapes_are_the_actual_ones(name):
    with tl.default_dtype("float64"):
        cell = tl.CELLS[name](D, H)
    declared = [tuple(N if n == "N" else n for n in node.shape) for node in cell.nodes]
    cell.forward(*feed(cell, 1))
    assert declared == [node.data.shape for node in cell.nodes]


def test_float32_agrees_with_float64_and_stays_float32(name):
    exact, rough = (tl.through_time(built(name, dtype=d), T) for d in ("float64", "float32"))
    arrays, seeds = feed(built(name)), cotangents(exact)
    single = [a.astype("float32") for a in arrays], [s.astype("float32") for s in seeds]
    for g, e in zip(gradients(rough, *single), gradients(exact, arrays, seeds), strict=True):
        assert g.dtype == np.float32
        assert_close(g, e, 1e-5)
    assert {node.dtype.name for node in rough.nodes} == {"float32"}


def test_one_step_and_no_rows_are_no_special_cases(name):
    cell = built(name)
    graph = tl.through_time(cell, 1)
    arrays = feed(cell, 1, rows=0)
    outputs = graph.forward(*arrays)
    assert {y.shape for y in outputs} == {(0, H)}
    grads = gradients(graph, arrays, cotangents(graph, rows=0))
    assert [g.shape for g in grads[: len(arrays)]] == [a.shape for a in arrays]
    assert not any(g.any() for g in grads)
    one = feed(cell, 1, rows=1)
    np.testing.assert_array_equal(graph.forward(*one)[-1], cell.forward(*one)[-1])


def test_rows_of_a_batch_do_not_see_each_other(name):
    graph = tl.through_time(built(name), T)
    arrays = feed(built(name))
    whole = [y.copy() for y in graph.forward(*arrays)]
    for row in range(N):
        alone = graph.forward(*[a[row : row + 1] for a in arrays])
        for y, e in zip(alone, whole):
            assert_close(y, e[row : row + 1])


def test_no_steps_leave_the_state_as_it_was(name):
    cell = built(name)
    start = tl.zero_state(cell, N)
    assert tl.unroll(cell, [], start) == ([], start)


def test_the_first_state_is_zeros_in_the_dtype_of_the_weights(name):
    for dtype in ("float32", "float64"):
        cell = built(name, dtype=dtype)
        for given, s in zip(tl.zero_state(cell, N), cell.inputs[1:], strict=True):
            assert given.shape == (N, H) and given.dtype == dtype and not given.numpy().any()
            assert given.name == s.name.removesuffix("_prev") + "_0"


def test_the_cell_states_its_source_and_its_nodes_have_names(name):
    assert "Source:" in tl.CELLS[name].__doc__
    cell = tl.CELLS[name](D, H)
    assert cell.name == name
    assert all(node.name for node in (*cell.inputs, *cell.outputs))
    assert all(p.name and p.name != "parameter" for p in cell.parameters.values())


def test_a_stack_of_two_equals_feeding_h_to_the_next_by_hand(name):
    lower, upper = built(name), built(name, (H, 2))
    both = tl.stack([lower, upper])
    assert len(both.parameters) == len(lower.parameters) + len(upper.parameters)
    arrays = feed(both)
    hs, state = tl.unroll(both, arrays[:T], arrays[T:])
    depth = len(lower.inputs) - 1
    below, end1 = tl.unroll(lower, arrays[:T], arrays[T : T + depth])
    above, end2 = tl.unroll(upper, below, arrays[T + depth :])
    for ours, theirs in zip([*hs, *state], [*above, *end1, *end2], strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_a_stack_is_a_cell_whose_bptt_is_right(name):
    both = tl.stack([built(name, (2, 3)), built(name, (3, 2))])
    graph = tl.through_time(both, 2)
    arrays, seeds = feed(both, 2), cotangents(graph)
    found = gradients(graph, arrays, seeds)
    weights = [p.data for p in graph.parameters.values()]
    everything = [*arrays, *weights]
    expected = numeric_vjp(
        with_weights(graph, graph.forward), everything, seeds, range(len(everything))
    )
    for g, e in zip(found, expected, strict=True):
        assert_close(g, e)
    assert [s.shape[-1] for s in tl.zero_state(both, N)] == [s.shape[-1] for s in both.inputs[1:]]
