"""Module()(x): what builds a Node, what runs, and what is refused (sections 1 and 2)."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close
from tinygrad_lstm.errors import ArgumentError, GraphError
from tinygrad_lstm.nngraph import (
    CAddTable,
    CMulTable,
    Identity,
    JoinTable,
    Linear,
    Module,
    Node,
    Tanh,
    gModule,
)


def test_a_call_on_nothing_is_a_node_without_parents():
    node = Linear(20, 10)()
    assert isinstance(node, Node) and node.parents == ()


def test_a_lone_node_is_taken_for_a_table_of_one():
    x = Identity()()
    assert Tanh()(x).parents == Tanh()([x]).parents == (x,)


def test_parents_are_ordered():
    a, b = Identity()(), Identity()()
    assert CAddTable()([b, a]).parents == (b, a)
    assert CAddTable()((a, b)).parents == (a, b)


def test_a_module_called_on_data_runs(float64):
    x = np.array([0.5, -1.0])
    assert_close(Tanh()(x), np.tanh(x))
    assert_close(Tanh()(tl.Tensor(x)), np.tanh(x))
    assert_close(CAddTable()([x, x]), 2 * x)


def test_several_positional_inputs_are_refused():
    a, b = Identity()(), Identity()()
    with pytest.raises(ArgumentError, match=r"come as one table: CAddTable\(\)\(\[a, b\]\)"):
        CAddTable()(a, b)


def test_none_is_refused():
    with pytest.raises(ArgumentError, match="the input is None, not a Node: was its variable"):
        Tanh()(None)


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_table_is_refused_with_the_right_spelling(empty):
    with pytest.raises(ArgumentError, match=r"empty second parentheses: Tanh\(\)\(\)"):
        Tanh()(empty)


def test_a_module_in_place_of_a_node_is_told_about_the_second_parentheses():
    with pytest.raises(ArgumentError, match=r"second pair of parentheses: Linear\(3, 2\)\(\)\?"):
        Tanh()(Linear(3, 2))
    with pytest.raises(ArgumentError, match=r"entry \[1\] is Tanh\(\), a module"):
        CAddTable()([Identity()(), Tanh()])


def test_a_hole_in_the_table_is_named():
    a, c = Identity()(), Identity()()
    with pytest.raises(ArgumentError, match=r"entry \[1\] is None"):
        CAddTable()([a, None, c])


def test_anything_else_is_refused_by_index_and_type():
    x = Identity()()
    with pytest.raises(ArgumentError, match=r"entry \[1\] is str, not a Node"):
        CAddTable()([x, "y"])
    with pytest.raises(ArgumentError, match=r"entry \[0\] is ndarray, not a Node"):
        CAddTable()([np.ones(2), x])
    with pytest.raises(ArgumentError, match="the input is int, not a Node"):
        Tanh()(3)
    with pytest.raises(ArgumentError, match="the input is Input, not a Node"):
        Tanh()(tl.Input("x", "N", 3))


def test_the_core_too_tells_about_the_second_parentheses():
    with pytest.raises(ArgumentError, match="Did you forget the second call"):
        tl.Tanh()(Linear(3, 2))


def test_one_node_may_be_read_twice_unless_strict(float64):
    x = Identity()()
    square = CMulTable()([x, x])
    net = gModule([x], [square], names=locals())
    data = np.array([[3.0, -2.0]])
    assert_close(net.forward(data), data**2)
    assert_close(net.backward(data, np.ones((1, 2))), 2 * data)
    with pytest.raises(GraphError, match=r"CMul\(\) reads x .* twice; with strict=True, put an Id"):
        gModule([x], [square], strict=True)


def test_strict_refuses_one_node_as_two_outputs():
    x = Identity()()
    y = Tanh()(x)
    with pytest.raises(GraphError, match=r"gModule reads y .* twice"):
        gModule([x], [y, y], names=locals(), strict=True)


def test_every_node_remembers_the_line_that_wrote_it():
    node = Identity()()
    assert node.where.file == __file__


def test_minus_makes_an_input():
    node = -Linear(3, 2)
    assert isinstance(node, Node) and node.parents == ()


def test_a_chain_reads_from_left_to_right():
    x = Identity()()
    y = x - Linear(10, 20) - Tanh()
    assert isinstance(y.module, Tanh) and isinstance(y.parents[0].module, Linear)
    assert y.parents[0].parents == (x,)


@pytest.mark.parametrize("table", [list, tuple])
def test_a_chain_may_begin_with_a_table(table):
    a, b = Identity()(), Identity()()
    assert (table([a, b]) - JoinTable(1)).parents == (a, b)


def test_unary_minus_binds_tighter_than_a_chain():
    y = -Linear(3, 2) - Tanh()
    assert isinstance(y.module, Tanh) and isinstance(y.parents[0].module, Linear)


def test_a_chain_cannot_begin_with_a_module():
    with pytest.raises(ArgumentError, match="a chain begins with a Node; write -Linear"):
        Linear(3, 2) - Tanh()


def test_a_chain_goes_on_with_modules_only():
    x = Identity()()
    with pytest.raises(ArgumentError, match="right of the minus is a module"):
        x - x


def test_an_array_minus_a_module_is_refused():
    with pytest.raises(ArgumentError, match="the input is ndarray, not a Node"):
        np.ones(3) - Tanh()


def test_a_module_without_a_rule_says_so():
    class Nameless(Module):
        pass

    with pytest.raises(NotImplementedError, match="Nameless has no build"):
        Nameless()(Identity()())
