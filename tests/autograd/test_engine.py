"""The backward pass: fan-out, repeated passes, seeds, outputs, detaching."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close


def f64(x, name=None):
    return tl.Tensor(np.asarray(x, float), name=name)


def test_a_square_by_multiplication_has_the_full_slope():
    x = f64(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_a_weight_that_is_used_three_times_collects_three_contributions():
    w = f64(2.0)
    (w * w * w).backward()
    assert w.grad == 12.0


def test_a_double_diamond_doubles_twice():
    a = f64([1.0, 2.0])
    b = a + a
    c = b + b
    c.backward(np.ones(2))
    assert a.grad.tolist() == [4, 4] and b.grad.tolist() == [2, 2]


def test_sharing_one_gradient_array_between_parents_does_not_mix_them_up():
    a, b = f64([1.0]), f64([1.0])
    elder = 3 * a
    s = a + b  # hands the same array to both, before the elder node adds to that of a
    (s + elder).backward(np.ones(1))
    assert a.grad.tolist() == [4] and b.grad.tolist() == [1]


def test_an_intermediate_node_that_is_also_an_output_gets_both_gradients():
    x = tl.Input("x", 2)
    h = 3 * x
    graph = tl.Graph([x], [h, h * h])
    graph.forward(np.array([1.0, 2.0]))
    (x_bar,) = graph.backward(np.array([10.0, 10.0]), np.ones(2))
    assert x_bar.tolist() == [3 * (10 + 2 * 3), 3 * (10 + 2 * 6)]


def test_an_output_given_twice_adds_its_two_seeds():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [2 * x] * 2)
    graph.forward(np.ones(2))
    (x_bar,) = graph.backward(np.array([1.0, 2.0]), np.array([10.0, 20.0]))
    assert x_bar.tolist() == [22, 44]


def test_an_input_that_is_an_output_passes_its_seed():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [x, 2 * x])
    graph.forward(np.ones(2))
    (x_bar,) = graph.backward(np.array([1.0, 5.0]), np.array([10.0, 20.0]))
    assert x_bar.tolist() == [21, 45]


def test_a_seed_of_none_counts_as_zeros():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [2 * x, 3 * x])
    graph.forward(np.ones(2))
    assert graph.backward(None, np.ones(2))[0].tolist() == [3, 3]
    assert graph.backward(np.ones(2), None)[0].tolist() == [2, 2]
    assert graph.backward(None, None) == (None,)


def test_a_second_backward_gives_the_same_numbers():
    w = tl.Parameter([2.0], name="w")
    y = w * w * w
    y.backward(np.ones(1))
    first = w.grad.copy()
    y.backward(np.ones(1))
    np.testing.assert_array_equal(w.grad, first)


def test_accumulate_adds_to_the_gradients_of_leaves_only():
    x, w = tl.Input("x", 2), tl.Parameter([2.0, 3.0], name="w")
    h = w * x
    graph = tl.Graph([x], [h * h])
    graph.forward(np.ones(2))
    graph.backward(np.ones(2))
    once, inner = w.grad.copy(), h.grad.copy()
    graph.backward(np.ones(2), accumulate=True)
    np.testing.assert_array_equal(w.grad, 2 * once)
    np.testing.assert_array_equal(h.grad, inner)


def test_accumulate_adds_to_a_scalar_leaf_and_leaves_earlier_arrays_alone():
    w = tl.Parameter(2.0, name="w")
    graph = tl.Graph([], [w * w])
    graph.backward()
    first = w.grad
    graph.backward(accumulate=True)
    assert first == 4 and w.grad == 8
    assert isinstance(w.grad, np.ndarray)


def test_gradients_are_none_until_they_are_computed():
    x = f64([1.0])
    y = 2 * x
    assert x.grad is None and y.grad is None
    y.backward(np.ones(1))
    assert x.grad is not None and y.grad is not None


def test_what_no_gradient_reaches_keeps_none_and_never_a_fake_zero():
    x, c = f64([1.0, -1.0]), f64([1.0, 2.0])
    y = tl.where(c > 1.5, x, x * 2) + c.detach()
    y.backward(np.ones(2))
    assert c.grad is None and x.grad.tolist() == [2, 1]


def test_gradients_from_an_earlier_pass_do_not_linger():
    a, b = f64([1.0]), f64([1.0])
    c = a * b
    (c + a).backward(np.ones(1))
    assert a.grad.tolist() == [2]
    c.backward(np.ones(1))
    assert a.grad.tolist() == [1]


def test_a_scalar_needs_no_seed():
    x = f64([1.0, 2.0])
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_the_gradient_of_an_inner_node_cannot_be_overwritten():
    a = f64([1.0])
    s = a + a
    t = s + s
    t.backward(np.ones(1))
    with pytest.raises(ValueError, match="read-only"):
        s.grad[0] = 5
    a.grad[0] = 5


def test_changing_a_gradient_does_not_change_a_second_backward():
    a, b = f64([1.0]), f64([1.0])
    seed = np.ones(1)
    y = a + b
    y.backward(seed)
    a.grad[0] = 99
    assert b.grad.tolist() == [1] and seed.tolist() == [1]
    y.backward(seed)
    assert a.grad.tolist() == [1]


def test_detach_keeps_the_value_and_cuts_the_gradient():
    x = f64([2.0], name="x")
    y = x * x.detach()
    y.backward(np.ones(1))
    assert x.grad.tolist() == [2]
    assert x.detach().parents == () and x.detach().data is x.data


def test_detaching_a_node_that_waits_for_data_is_a_node():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [x * x.detach()])
    graph.forward(np.array([2.0, 3.0]))
    assert graph.backward(np.ones(2))[0].tolist() == [2, 3]


def test_backward_reports_every_node_and_what_it_sent():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [tl.tanh(x * x)])
    forward = list(graph.forward_steps(np.ones(2)))
    backward = list(graph.backward_steps(np.ones(2)))
    assert [s.node for s in forward] == [s.node for s in backward][::-1]
    assert {s.phase for s in forward} == {"forward"} and {s.phase for s in backward} == {"backward"}
    (product,) = [s for s in backward if isinstance(s.node.op, tl.CMul)]
    assert [parent for parent, _ in product.sent] == [x, x]
    assert_close(sum(g for _, g in product.sent), x.grad)


def test_stepping_stops_where_the_reader_stops():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [tl.tanh(2 * x)])
    graph.forward(np.ones(2))
    steps = graph.backward_steps(np.ones(2))
    next(steps)
    assert x.grad is None
    for _ in steps:
        pass
    assert x.grad is not None


def test_only_the_wanted_gradients_are_computed():
    x, w = tl.Input("x", 2, 3), tl.Parameter(np.ones((4, 3)), name="w")
    graph = tl.Graph([x], [tl.Affine(False)(x, w)])
    graph.forward(np.ones((2, 3)))
    graph.backward(np.ones((2, 4)))
    whole = w.grad
    assert graph.backward(np.ones((2, 4)), wrt=[w]) == (None,)
    np.testing.assert_array_equal(w.grad, whole)


def test_complex_numbers_flow_through_for_derivative_checks():
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [tl.sigmoid(x * x)])
    (y,) = graph.forward(np.array([1 + 1e-30j, 2.0]))
    graph.forward(np.array([1.0, 2.0]))
    (x_bar,) = graph.backward(np.array([1.0, 0.0]))
    assert_close(x_bar[0], y[0].imag / 1e-30)


def test_a_pass_that_another_has_overtaken_says_so_and_leaves_the_others_gradients():
    x = tl.Tensor(3.0, name="x")
    graph = tl.Graph([], [x * x + x])
    steps = graph.backward_steps()
    next(steps)
    graph.backward()
    with pytest.raises(tl.GraphError, match="another backward pass has begun on this node"):
        list(steps)
    assert x.grad == 7.0


def test_a_pass_left_halfway_does_not_disturb_the_next():
    x = tl.Tensor(3.0, name="x")
    graph = tl.Graph([], [x * x + x])
    next(graph.backward_steps())
    graph.backward()
    assert x.grad == 7.0
