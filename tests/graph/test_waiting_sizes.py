"""Axes that are letters: what is built after a run, slices past the edge, letters in products."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close


@pytest.fixture
def used_cell():
    """A cell that one row has gone through."""
    cell = tl.cells.lstm(3, 2)
    cell.forward(np.zeros((1, 3)), np.zeros((1, 2)), np.zeros((1, 2)))
    return cell


def test_a_run_leaves_the_state_of_any_batch_possible(used_cell):
    assert [s.shape for s in tl.zero_state(used_cell, N=5)] == [(5, 2), (5, 2)]


def test_a_cell_that_has_run_unrolls_and_stacks_for_any_batch(used_cell):
    network = tl.through_time(used_cell, 2)
    xs, state = np.ones((2, 5, 3)), np.zeros((2, 5, 2))
    assert network.forward(*xs, *state)[0].shape == (5, 2)
    deep = tl.stack([used_cell, used_cell_of(2)])
    assert deep.inputs[0].shape == ("N", 3)


def used_cell_of(size):
    cell = tl.cells.rnn(size, size)
    cell.forward(np.zeros((1, size)), np.zeros((1, size)))
    return cell


def test_the_derivative_of_a_graph_that_has_run_holds_for_any_batch(rng):
    a, b = tl.Input("a", "N", 3), tl.Input("b", "N", 3)
    graph = tl.Graph([a, b], [tl.mse(a, b)])
    graph.forward(np.ones((1, 3)), np.zeros((1, 3)))
    slope = graph.differentiate()
    assert graph.inputs[0].numpy().shape == (1, 3)  # the values are still there
    x, y = rng.normal(size=(2, 5, 3))
    assert_close(slope.forward(x, y)[0], 2 * (x - y) / 15)


def test_nodes_written_on_the_data_of_five_rows_refuse_one_row(rng):
    x = tl.Input("x", "N", 3)
    first = tl.Graph([x], [tl.tanh(x)])
    first.forward(rng.normal(size=(5, 3)))
    h = first.outputs[0]
    centred = tl.Graph([x], [h - h.mean(axis=0, keepdims=True)])
    assert centred.forward(np.ones((5, 3)))[0].shape == (5, 3)
    with pytest.raises(tl.ShapeError, match=r"does not broadcast|one shape"):
        centred.forward(np.ones((1, 3)))


@pytest.mark.parametrize("part", [lambda x: x[0:5], lambda x: x[4], lambda x: x[-4]])
def test_a_slice_past_the_edge_of_a_waiting_axis_is_refused_when_data_arrive(part):
    x = tl.Input("x", "T", 2)
    graph = tl.Graph([x], [part(x)])
    graph.forward(np.ones((6, 2)))
    with pytest.raises(tl.ShapeError, match=r"do(es)? not exist"):
        graph.forward(np.ones((3, 2)))
    with pytest.raises(tl.ShapeError, match=r"do(es)? not exist"):
        graph(np.ones((3, 2)))


def test_the_last_entry_of_a_waiting_axis_has_a_derivative_graph():
    x = tl.Input("x", "T", 2)
    slope = tl.Graph([x], [(x[-1] ** 3).sum()]).differentiate()
    curve = tl.Graph([x], [slope.outputs[0].sum()]).differentiate()
    at = np.arange(6.0).reshape(3, 2)
    last = np.array([[0.0], [0.0], [1.0]])
    assert_close(slope.forward(at)[0], 3 * at**2 * last)
    assert_close(curve.forward(at)[0], 6 * at * last)


def test_a_table_of_waiting_size_has_a_derivative_graph():
    table, ids = tl.Input("table", "V", 2), tl.Input("ids", "N")
    slope = tl.Graph([table, ids], [tl.lookup(table, ids).sum()]).differentiate([table])
    (bar,) = slope.forward(np.ones((3, 2)), np.array([2, 0, 2]))
    assert_close(bar, np.array([[1.0, 1], [0, 0], [2, 2]]))


def test_letters_are_replaced_in_products_and_sums_of_letters():
    x, y = tl.Input("x", "N", 4), tl.Input("y", "M", 2)
    halves = tl.Graph([x], [x.reshape(-1, 2) + np.ones(2)])
    assert halves.forward(np.zeros((3, 4)))[0].shape == (6, 2)
    both = tl.Graph([x, y], [tl.concat([x[:, :2], y], axis=0) * np.ones(2)])
    assert both.forward(np.zeros((3, 4)), np.zeros((1, 2)))[0].shape == (4, 2)
    assert halves(tl.Input("z", "K", 4))[0].shape == ("2*K", 2)
    flat = tl.Graph([x], [x.reshape(-1)]).differentiate()
    assert flat.forward(np.zeros((3, 4)), np.ones(12))[0].shape == (3, 4)


def test_a_joint_along_a_waiting_axis_says_what_its_derivative_graph_needs():
    x, y = tl.Input("x", "N", 2), tl.Input("y", "M", 2)
    graph = tl.Graph([x, y], [tl.concat([x, y], axis=0)])
    with pytest.raises(tl.ShapeError, match=r"x \(N, 2\) waits for data.*a number"):
        graph.differentiate()
    graph.forward(np.ones((3, 2)), np.ones((1, 2)))
    assert [g.shape for g in graph.backward(np.ones((4, 2)))] == [(3, 2), (1, 2)]
