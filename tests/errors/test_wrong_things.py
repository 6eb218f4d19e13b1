"""Something else where a cell, a list, a number or a rule is meant."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.errors.checking import check, tensor


def test_a_cell_without_sizes_is_told_how_to_get_them():
    lstm, xs = tl.CELLS["lstm"], np.zeros((2, 1, 3))
    for call in (
        lambda: tl.unroll(lstm, xs, ()),
        lambda: tl.through_time(lstm, 2),
        lambda: tl.zero_state(lstm, 1),
        lambda: tl.stack([lstm, lstm]),
        lambda: tl.equations(lstm),
        lambda: tl.draw(lstm),
    ):
        check(call, tl.ArgumentError, "lstm(input_size, hidden_size)", node=False)


def test_equations_of_a_tensor_need_a_graph():
    check(lambda: tl.equations(tensor(2)), tl.ArgumentError, "Graph([], [tensor])", node=False)


def test_a_list_is_asked_for_where_one_tensor_would_be_taken_apart():
    x, rnn = tensor(2, 3), tl.cells.rnn(3, 2)
    for call, text in (
        (lambda: tl.concat(x), "concat([a, b]), not x (2, 3)"),
        (lambda: tl.stacked(x), "stacked([a, b]), not x (2, 3)"),
        (lambda: tl.stack([x, x]), "stacked([...])"),
        (lambda: tl.unroll(rnn, np.zeros((4, 2, 3)), np.zeros((2, 2))), "(h_0,)"),
    ):
        check(call, tl.ArgumentError, text, node=False)
    check(lambda: tl.stack(rnn), tl.GraphError, "stack([cell, cell])", node=False)


@pytest.mark.parametrize("wrong", [-1, 2.5, "2"])
def test_a_batch_and_a_seed_are_whole_numbers(wrong):
    check(lambda: tl.zero_state(tl.cells.rnn(3, 2), wrong), tl.ShapeError, repr(wrong), node=False)
    check(lambda: tl.seed(wrong), tl.ArgumentError, repr(wrong), node=False)


def test_a_negative_number_has_no_real_powers():
    for base in (0, -2.0):
        check(lambda base=base: base ** tensor(2), tl.RangeError, "a base above 0", node=False)


def test_axes_and_sizes_may_come_as_one_tuple():
    x = tensor(2, 3)
    assert x.permute((1, 0)).shape == x.permute(1, 0).shape == (3, 2)
    assert x.reshape((3, 2)).shape == (3, 2) and x.sum().reshape().shape == ()


@pytest.mark.parametrize("rule", [lambda g: 2 * g, lambda g: (g, g), lambda g: [2 * g]])
def test_a_rule_that_forgets_its_comma_is_refused_on_arrays_and_on_tensors(monkeypatch, rule):
    monkeypatch.setattr(tl.Tanh, "vjp", lambda self, g, y, x: rule(g))
    x = tl.Input("x", 2, 3)
    graph = tl.Graph([x], [tl.tanh(x)])
    graph.forward(np.ones((2, 3)))
    for call in (lambda: graph.backward(np.ones((2, 3))), graph.differentiate):
        check(call, tl.GraphError, "Tanh(): vjp must return a tuple", "inputs: x (2, 3)")


def test_a_gradient_of_another_shape_than_its_leaf_is_refused(monkeypatch):
    monkeypatch.setattr(tl.Tanh, "vjp", lambda self, g, y, x: (g.sum(axis=0),))
    y = tl.tanh(tensor(2, 3))
    check(lambda: y.backward(np.ones((2, 3))), tl.ShapeError, "x (2, 3) was sent", "(3,)")


def test_wrt_is_a_list_of_nodes_of_the_graph():
    x = tl.Input("x", "N", 3)
    W = tl.Parameter([1.0, 2.0, 3.0], name="W")
    graph = tl.Graph([x], [x * W])
    graph.forward(np.ones((1, 3)))
    for wrong in (W, x, "W", ["W"], graph.parameters):
        for call in (
            lambda wrong=wrong: graph.backward(np.ones((1, 3)), wrt=wrong),
            lambda wrong=wrong: graph.differentiate(wrt=wrong),
        ):
            check(call, tl.ArgumentError, "wrt is a list of tensors", node=False)
    graph.backward(np.ones((1, 3)), wrt=graph.parameters.values())
    assert W.grad is not None and x.grad is None


def test_a_dtype_has_any_of_its_spellings_and_nothing_else():
    for dtype in ("float32", np.float32, np.dtype("float32"), "f4"):
        assert tl.Tensor([1], dtype=dtype).dtype == np.float32
    assert tl.Tensor([1], dtype=float).dtype == np.float64
    check(lambda: tl.Tensor([1], dtype="real"), tl.DtypeError, "no dtype 'real'", node=False)


def test_a_column_of_a_table_becomes_an_array():
    class Column:
        """As pandas has them: a shape and a dtype, but no functions to compute with."""

        shape, dtype = (2,), np.dtype("float64")

        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    assert type(tl.Tensor(Column()).data) is np.ndarray


def test_a_cell_in_capitals_is_answered_with_the_one_there_is():
    with pytest.raises(KeyError, match="did you mean 'lstm'"):
        tl.CELLS["LSTM"]
