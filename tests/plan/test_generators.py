"""The random graphs themselves: they run, reach every op, and rounding does not spoil them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import assert_same, eager, near_a_kink
from tests.plan.graphs import straight_graph
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph
from tinygrad_lstm.tensor import OPS

MAKERS = {"straight": straight_graph, "recurrent": recurrent_graph}
DERIVATIVES_ONLY = {
    "AtLeast", "Embed", "Equal", "Filled", "Heaviside", "Inside", "OneHot", "RowShare", "Scatter",
    "Sign", "Spread",
}  # fmt: skip

assert odd_graphs and odd_loops and odd_ops and odd_steps, (
    "to be imported is to be entered into ODD"
)


def precisely(case):
    """The same case in the longest floats there are; its graph is spoilt for others."""

    def longer(a):
        return a.astype(np.longdouble) if a is not None and a.dtype.kind == "f" else a

    for node in case.graph.nodes:
        node.data = longer(node.data) if node.op is None else None
    for node in case.graph.inputs:
        node.data = None
    seeds = case.seeds and [longer(s) for s in case.seeds]
    return replace(case, arrays=[longer(a) for a in case.arrays], seeds=seeds)


@pytest.mark.parametrize("kind", MAKERS)
def test_rounding_stays_far_below_the_tolerance_of_the_comparison(kind):
    for number in range(60):
        case = MAKERS[kind](number).case()
        in_float64 = eager(case)
        if not near_a_kink(case.graph):
            assert_same(in_float64, eager(precisely(case)), 1e-13)


@pytest.mark.parametrize("name", ODD)
def test_odd_networks_are_well_conditioned_and_every_leaf_matters(name):
    case = odd_case(name)
    outputs, grads = eager(case)
    assert not near_a_kink(case.graph)
    assert all(np.abs(g).max() > 0 for g in grads.values())
    assert_same((outputs, grads), eager(precisely(case)), 1e-13)


def test_random_graphs_reach_every_op_that_people_write():
    graphs = [straight_graph(number).case().graph for number in range(150)]
    reached = {type(node.op).__name__ for graph in graphs for node in graph.nodes}
    ours = {name for name, op in OPS.items() if op.__module__.startswith("tinygrad_lstm.ops.")}
    assert ours - reached <= DERIVATIVES_ONLY


@pytest.mark.parametrize("kind", MAKERS)
def test_a_number_always_gives_the_same_graph_and_the_same_numbers(kind):
    one, two = (MAKERS[kind](3).case() for _ in range(2))
    assert str(one.graph) == str(two.graph)
    assert_same(eager(one), eager(two), 0.0)


def test_the_comparison_notices_a_small_slip_in_any_array():
    expected = eager(odd_case("own_results"))
    outputs, grads = expected
    for name in grads:
        with pytest.raises(AssertionError, match=name):
            assert_same((outputs, {**grads, name: grads[name] * (1 + 1e-10)}), expected)
    with pytest.raises(AssertionError, match="output 0"):
        assert_same(([outputs[0] + 1e-10, *outputs[1:]], grads), expected)
