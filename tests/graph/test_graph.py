"""Graphs: building, feeding, applying, differentiating."""

import copy

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close, numeric_vjp


def small():
    """y = tanh(W x) x, with x read twice."""
    x = tl.Input("x", "N", 3)
    with tl.default_dtype("float64"):
        layer = tl.Linear(3, 3, "x")
    return tl.Graph([x], [tl.tanh(layer(x)) * x], name="small")


def test_forward_returns_a_tuple_of_arrays_and_keeps_values_in_the_nodes(rng):
    graph = small()
    outputs = graph.forward(rng.normal(size=(2, 3)))
    assert type(outputs) is tuple and type(outputs[0]) is np.ndarray
    assert all(node.data is not None for node in graph.nodes)
    assert type(graph.backward(np.ones((2, 3)))) is tuple


def test_any_number_of_rows_can_be_fed_one_after_the_other(rng):
    graph = small()
    x = rng.normal(size=(5, 3))
    whole = graph.forward(x)[0].copy()
    assert_close(graph.forward(x[:2])[0], whole[:2])
    assert graph.forward(x[:0])[0].shape == (0, 3)
    assert graph.backward(np.zeros((0, 3)))[0].shape == (0, 3)


def test_nodes_stand_in_the_order_of_their_birth_and_after_their_parents():
    graph = tl.cells.lstm(2, 3)
    born = [node.born for node in graph.nodes]
    assert born == sorted(born)
    for k, node in enumerate(graph.nodes):
        assert all(p in graph.nodes[:k] for p in node.parents)


def test_applying_a_graph_shares_its_parameters_and_copies_nothing_else(rng):
    graph = small()
    x = rng.normal(size=(2, 3))
    (one,), (two,) = graph(x), graph(2 * x)
    leaves = {n for n in tl.steps.below([one, two]) if isinstance(n, tl.Parameter)}
    assert leaves == set(graph.parameters.values())
    assert one.op is two.op is graph.outputs[0].op and one is not two


def test_applying_a_graph_to_its_own_output_composes_it(rng):
    graph = small()
    x = rng.normal(size=(2, 3))
    (twice,) = graph(*graph(x))
    once = graph.forward(x)[0].copy()
    assert_close(twice.data, graph.forward(once)[0])


def test_applied_nodes_take_scope_names_and_lines_of_the_graph():
    graph = small()
    (y,) = graph(tl.Input("x", "N", 3), scope="t=3")
    made = [n for n in tl.steps.below([y]) if n.op is not None]
    assert {n.scope for n in made} == {"t=3"}
    originals = [n for n in graph.nodes if n.op is not None]
    assert [n.where for n in made] == [n.where for n in originals]


def test_scopes_nest():
    inner = tl.stack([tl.cells.rnn(2, 3), tl.cells.rnn(3, 3)])
    outer = tl.through_time(inner, 2)
    scopes = {n.scope for n in outer.nodes if n.op is not None}
    assert scopes == {f"t={t}/layer={k}" for t in (1, 2) for k in (1, 2)}


def test_names_are_the_local_variables_where_no_name_was_given():
    x = tl.Input("x", 3)
    hidden = tl.tanh(x)
    named = tl.Tensor(np.ones(3), name="mine")
    renamed = hidden * named
    tl.Graph([x], [renamed], names=locals())
    assert (hidden.name, named.name, renamed.name) == ("hidden", "mine", "renamed")


def test_letters_stand_for_sizes_and_must_agree():
    a, b = tl.Input("a", "N", "D"), tl.Input("b", "N", "D")
    graph = tl.Graph([a, b], [a * b])
    assert graph.outputs[0].shape == ("N", "D")
    assert graph.forward(np.ones((2, 3)), np.ones((2, 3)))[0].shape == (2, 3)
    with pytest.raises(tl.ShapeError, match="where N = 2, D = 3; it got"):
        graph.forward(np.ones((2, 3)), np.ones((2, 4)))


def test_letters_flow_into_expand_and_reshape():
    x, row = tl.Input("x", "N", 3), tl.Input("row", 3)
    flat = (x + row).reshape(-1)
    graph = tl.Graph([x, row], [flat])
    for n in (1, 4, 0):
        assert graph.forward(np.ones((n, 3)), np.ones(3))[0].shape == (3 * n,)
        assert graph.backward(np.ones(3 * n))[1].tolist() == [n] * 3


def test_arrays_are_cast_to_the_dtype_of_the_weights():
    cell = tl.cells.rnn(2, 3)
    outputs = cell.forward(np.ones((1, 2)), [[0.0, 0.0, 0.0]])
    assert outputs[0].dtype == np.float32
    with tl.default_dtype("float64"):
        cell = tl.cells.rnn(2, 3)
    assert cell.forward(np.ones((1, 2), "float32"), np.zeros((1, 3)))[0].dtype == np.float64


def test_seeds_take_the_dtype_of_their_outputs():
    cell = tl.cells.rnn(2, 3)
    cell.forward(np.ones((1, 2)), np.zeros((1, 3)))
    for seed in (np.ones((1, 3)), [[1, 1, 1]], tl.Tensor(np.ones((1, 3)))):
        assert {g.dtype.name for g in cell.backward(seed)} == {"float32"}
        assert cell.parameters["W_x"].grad.dtype == np.float32


def test_a_graph_may_begin_at_an_inner_node():
    x = tl.Input("x", 3)
    h = tl.tanh(x)
    graph = tl.Graph([h], [h * h + h])
    assert graph.forward(np.full(3, 2.0))[0].tolist() == [6, 6, 6]
    assert graph.backward(np.ones(3))[0].tolist() == [5, 5, 5]
    assert x.grad is None


def test_a_graph_without_inputs_runs_and_differentiates():
    w = tl.Parameter([1.0, 2.0], name="w")
    graph = tl.Graph([], [(w * w).sum()])
    assert graph.forward()[0] == 5 and graph.backward() == ()
    assert w.grad.tolist() == [2, 4]
    assert graph.differentiate().forward()[0].tolist() == [2, 4]


def test_graphs_can_be_copied_and_the_copy_has_weights_of_its_own():
    cell = tl.cells.rnn(2, 3)
    twin = copy.deepcopy(cell)
    twin.parameters["W_x"].data[:] = 0
    assert cell.parameters["W_x"].data.any()
    assert list(twin.parameters) == list(cell.parameters)


def test_whole_numbers_fed_to_weights_become_floats():
    cell = tl.cells.rnn(2, 3)
    assert cell.forward(np.eye(2, dtype=int), np.zeros((2, 3), int))[0].dtype == np.float32


def test_class_numbers_fed_to_an_embedding_stay_whole():
    ids = tl.Input("ids", "N")
    graph = tl.Graph([ids], [tl.Embedding(5, 2)(ids)])
    assert graph.forward(np.array([0, 4, 4]))[0].shape == (3, 2)
    graph.backward(np.ones((3, 2)))
    (W,) = graph.parameters.values()
    assert W.grad.sum(1).tolist() == [2, 0, 0, 0, 4]


def test_derivative_graph_has_seeds_as_inputs_and_names_its_outputs():
    derived = small().differentiate()
    assert [n.name for n in derived.inputs] == ["x", "output_0_seed"]
    assert [n.name for n in derived.outputs] == ["x_bar", "W_x_bar", "b_x_bar"]
    assert list(derived.parameters) == ["W_x", "b_x"]


def test_the_derivative_of_a_scalar_needs_no_seed(rng):
    x = tl.Input("x", "N", 3)
    derived = tl.Graph([x], [(x * x).sum()]).differentiate()
    assert derived.inputs == (x,)
    data = rng.normal(size=(2, 3))
    assert_close(derived.forward(data)[0], 2 * data)


def test_second_and_third_derivatives_come_from_differentiating_again():
    x = tl.Input("x")
    graph = tl.Graph([x], [x**4])
    for expected in (4 * 8.0, 12 * 4.0, 24 * 2.0):
        graph = graph.differentiate(wrt=[x])
        assert graph.forward(np.array(2.0))[0] == expected


def test_what_does_not_depend_has_the_derivative_zero():
    x, w = tl.Input("x", 2), tl.Parameter(np.ones(2), name="w")
    (zero,) = tl.Graph([x], [x * 2]).differentiate(wrt=[w]).forward(np.ones(2), np.ones(2))
    assert zero.tolist() == [0, 0]


def test_hessian_times_vector_equals_the_complex_step(rng):
    graph = small()
    first = graph.differentiate(wrt=[graph.inputs[0]])
    x, seed, v = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    first.forward(x, seed)
    found = first.backward(v)
    expected = numeric_vjp(first.forward, [x, seed], [v], [0, 1])
    for g, e in zip(found, expected, strict=True):
        assert_close(g, e)


def test_parameters_are_named_once_and_told_apart_by_layer():
    both = tl.stack([tl.cells.rnn(2, 3), tl.cells.rnn(3, 3)])
    names = list(both.parameters)
    assert names == [f"layer={k}/{n}" for k in (1, 2) for n in ("W_x", "b_x", "W_h")]
    assert list(tl.through_time(both, 3).parameters) == names


def test_one_cell_stacked_on_itself_shares_its_weights():
    cell = tl.cells.rnn(3, 3)
    assert list(tl.stack([cell, cell]).parameters.values()) == list(cell.parameters.values())


def test_a_stack_of_one_is_the_cell(rng):
    cell = tl.cells.lstm(2, 3)
    x, c, h = (rng.normal(size=(1, n)).astype("float32") for n in (2, 3, 3))
    for a, b in zip(tl.stack([cell]).forward(x, c, h), cell.forward(x, c, h), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_stack_of_different_cells_names_its_states_by_layer():
    both = tl.stack([tl.cells.lstm(2, 3), tl.cells.gru(3, 4)])
    assert [n.name for n in both.inputs] == ["x", "c1_prev", "h1_prev", "h2_prev"]
    assert [s.name for s in tl.zero_state(both, 2)] == ["c1_0", "h1_0", "h2_0"]


def test_through_time_names_inputs_by_step():
    graph = tl.through_time(tl.cells.lstm(2, 3), 3)
    assert [n.name for n in graph.inputs] == ["x_1", "x_2", "x_3", "c_0", "h_0"]
    assert len(graph.outputs) == 5 and graph.outputs[2] is graph.outputs[4]


def test_unroll_takes_one_array_of_all_steps(rng):
    cell = tl.cells.rnn(2, 3)
    xs = rng.normal(size=(4, 1, 2)).astype("float32")
    start = tl.zero_state(cell, 1)
    rows, _ = tl.unroll(cell, list(xs), start)
    for whole in (xs, tl.Tensor(xs)):
        hs, _ = tl.unroll(cell, whole, start)
        for a, b in zip(hs, rows, strict=True):
            np.testing.assert_array_equal(a.data, b.data)


def test_a_registered_cell_can_be_replaced_by_its_own_file_only():
    def lstm(input_size, hidden_size):
        raise AssertionError

    with pytest.raises(tl.GraphError, match="there is a 'lstm' already"):
        tl.cell(lstm)
    assert tl.CELLS["lstm"].__module__ == "tinygrad_lstm.cells.lstm"
