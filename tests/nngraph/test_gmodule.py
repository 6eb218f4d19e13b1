"""gModule: what it takes, what it gives, what it refuses to be built from (sections 4 and 5)."""

import numpy as np
import pytest

from tests.oracles import assert_close
from tinygrad_lstm.errors import ArgumentError, GraphError, ShapeError
from tinygrad_lstm.nngraph import (
    CAddTable,
    CMulTable,
    Identity,
    JoinTable,
    Linear,
    Sigmoid,
    Tanh,
    gModule,
)

pytestmark = pytest.mark.usefixtures("float64")


def two_in_two_out():
    a, b = Identity()(), Identity()()
    return gModule([a, b], [Tanh()(a), CMulTable()([a, b])], names=locals())


def test_one_input_is_fed_as_it_is_even_a_table():
    table = Identity()()
    net = gModule([table], [CAddTable()(table)])
    parts = [np.ones(2), np.ones(2), np.ones(2)]
    assert_close(net.forward(parts), 3 * np.ones(2))
    sent = net.backward(parts, np.array([1.0, 2.0]))
    assert isinstance(sent, tuple) and len(sent) == 3
    assert_close(sent[2], np.array([1.0, 2.0]))


def test_several_inputs_come_as_a_table_of_exactly_that_many():
    net = two_in_two_out()
    with pytest.raises(GraphError, match="input is a table of 2; this one has 3"):
        net.forward([np.ones(2)] * 3)
    with pytest.raises(GraphError, match="input is a table of 2, not ndarray"):
        net.forward(np.ones(2))


def test_several_gradients_come_as_a_table_of_exactly_that_many():
    net = two_in_two_out()
    net.forward([np.ones(2)] * 2)
    with pytest.raises(GraphError, match="gradOutput is a table of 2; this one has 1"):
        net.backward([np.ones(2)] * 2, [np.ones(2)])


def test_one_output_is_bare_and_several_are_a_tuple():
    x = Identity()()
    assert isinstance(gModule([x], [x]).forward(np.ones(2)), np.ndarray)
    assert isinstance(two_in_two_out().forward([np.ones(2)] * 2), tuple)


def test_outputs_survive_the_next_run():
    net = two_in_two_out()
    first = net.forward([np.ones(2)] * 2)
    net.forward([np.zeros(2)] * 2)
    assert_close(first[1], np.ones(2))


def test_an_input_may_hold_a_module_and_be_an_output():
    h = Linear(3, 2)()
    net = gModule([h], [h, Tanh()(h)])
    x = np.ones((1, 3))
    y, z = net.forward(x)
    assert_close(z, np.tanh(y))


def test_an_input_that_is_not_used_is_refused():
    x, extra = Identity()(), Identity()()
    with pytest.raises(GraphError, match=r"the input .* is not used; leave it out"):
        gModule([x, extra], [Tanh()(x)])


def test_an_input_that_is_not_listed_is_refused():
    x, forgotten = Identity()(), Identity()()
    with pytest.raises(GraphError, match="is read, but is not among the inputs") as caught:
        gModule([x], [CAddTable()([x, forgotten])])
    assert caught.value.node is forgotten.tensor


def test_an_input_with_parents_is_refused():
    x = Identity()()
    y = Tanh()(x)
    with pytest.raises(GraphError, match="has parents; an input has none"):
        gModule([y], [Sigmoid()(y)])


def test_a_dangling_node_is_refused_with_its_line():
    x = Identity()()
    Sigmoid()(x)  # built, and then forgotten
    with pytest.raises(
        GraphError, match=r"Sigmoid\(\), written at test_gmodule.py:\d+\) reaches no"
    ):
        gModule([x], [Tanh()(x)])


def test_a_graph_without_inputs_or_outputs_is_refused():
    x = Identity()()
    with pytest.raises(ArgumentError, match="inputs is a list of one or more Nodes"):
        gModule([], [x])
    with pytest.raises(ArgumentError, match="outputs is a list of one or more Nodes"):
        gModule([x], x)


def test_a_module_among_the_outputs_is_told_about_the_second_parentheses():
    with pytest.raises(ArgumentError, match=r"outputs\[0\] is Tanh\(\), not a Node. Did you"):
        gModule([Identity()()], [Tanh()])


def test_the_same_input_twice_is_refused():
    x = Identity()()
    with pytest.raises(GraphError, match=r"x .* is given twice among the inputs"):
        gModule([x, x], [Tanh()(x)], names=locals())


def test_modules_are_listed_in_forward_order():
    h = Linear(3, 2)()
    net = gModule([h], [Sigmoid()(Tanh()(h))])
    assert [type(m).__name__ for m in net.modules] == ["Linear", "Tanh", "Sigmoid"]


def test_printing_shows_the_name():
    net = two_in_two_out()
    assert repr(net) == "gModule"
    net.name = "peephole"
    assert str(net) == "peephole" and net.fg.name == "peephole"


def test_gradients_of_several_uses_add_up():
    x = Identity()()
    net = gModule([x], [CAddTable()([Tanh()(x), x, x])])
    data, seed = np.array([0.3, -2.0]), np.array([1.0, 5.0])
    net.forward(data)
    assert_close(net.backward(data, seed), seed * (2 + 1 - np.tanh(data) ** 2))


def test_gradients_of_a_table_add_up_leaf_by_leaf():
    table = Identity()()
    a, b = table.split(2)
    net = gModule([table], [CAddTable()([a, CMulTable()(table)]), b])
    x, y = np.array([2.0]), np.array([3.0])
    net.forward([x, y])
    sent = net.backward([x, y], [np.array([1.0]), np.array([10.0])])
    assert_close(sent[0], 1 + y)
    assert_close(sent[1], 10 + x)


def test_a_missing_gradient_counts_as_zeros():
    net = two_in_two_out()
    a, b = np.array([0.5]), np.array([2.0])
    net.forward([a, b])
    sent = net.backward([a, b], [np.array([1.0]), None])
    assert_close(sent[0], 1 - np.tanh(a) ** 2)
    assert_close(sent[1], np.zeros(1))


def test_backward_before_forward_is_refused():
    with pytest.raises(GraphError, match="run forward before backward"):
        Tanh().backward(np.ones(2), np.ones(2))


def test_gradients_of_weights_accumulate_until_they_are_zeroed():
    layer, x, g = Linear(3, 2), np.ones((1, 3)), np.ones((1, 2))
    layer.forward(x)
    layer.backward(x, g)
    once = layer.gradWeight.copy()
    layer.backward(x, g)
    assert_close(layer.gradWeight, 2 * once)
    layer.accGradParameters(x, g, -2)
    assert not layer.gradWeight.any()
    layer.backward(x, g, 0.5)
    assert_close(layer.gradWeight, once / 2)
    layer.zeroGradParameters()
    assert not layer.gradWeight.any()


def test_a_net_takes_any_shape_that_fits_run_after_run():
    x = Identity()()
    net = gModule([x], [Linear(3, 2)(x)])
    for shape in ((3,), (1, 3), (5, 3)):
        assert net.forward(np.ones(shape)).shape == (*shape[:-1], 2)


def test_a_wrong_size_is_explained_at_run_time_with_the_line():
    x = Identity()()
    net = gModule([x], [CAddTable()([Linear(3, 2)(x), Linear(3, 4)(x)])])
    with pytest.raises(ShapeError, match=r"CAdd\(\): the inputs need one shape") as caught:
        net.forward(np.ones((1, 3)))
    assert "written at test_gmodule.py:" in str(caught.value)
    assert caught.value.node in net.fg.nodes


def test_the_backward_graph_needs_shapes():
    with pytest.raises(GraphError, match="bg: shapes are not known yet; run forward once"):
        _ = two_in_two_out().bg


def test_the_core_reads_the_graph_like_any_other():
    x = Identity()()
    h = Tanh()(Linear(3, 2)(x))
    net = gModule([x], [JoinTable(2)([h, x])], names=locals())
    net.forward(np.ones((1, 3)))
    assert [step.node.name for step in net.fg.forward_steps(np.ones((4, 3)))][1] == "h"
    assert net.fg.outputs[0].shape == (4, 5)


def test_a_long_chain_meets_no_recursion_limit():
    first = node = Identity()()
    for _ in range(5000):
        node = Tanh()(node)
    net = gModule([first], [node])
    net.forward(np.ones(2))
    assert net.backward(np.ones(2), np.ones(2)).shape == (2,)
    assert len(net.clone().modules) == 5001


def test_clear_state_drops_values_and_keeps_weights():
    layer = Linear(3, 2)
    layer.forward(np.ones((1, 3)))
    layer.clearState()
    assert layer.output is None and layer.fg.outputs[0].data is None
    assert layer.weight.data is not None
