"""Hand-written networks that invite a wrong short cut: the plan equals the graph all the same."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.explain import odd_cells
from tests.plan import odd_cuts, odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import Case, assert_plan_equals_graph
from tests.plan.places import ODD, Place, odd_case
from tests.plan.programs import draws

assert odd_cuts and odd_graphs and odd_loops and odd_ops and odd_steps, (
    "to be imported is to be entered into ODD"
)


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_network_equals_its_graph(name, rows):
    assert_plan_equals_graph(odd_case(name, rows))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_network_without_passes_equals_its_graph(name):
    assert_plan_equals_graph(odd_case(name), passes=())


def test_inputs_of_no_width_leave_the_bias():
    place = Place()
    with tl.default_dtype("float64"):
        h = place.state()
        for x in place.xs(width=0):
            h = tl.tanh(place.pre(x, h, ""))
        assert_plan_equals_graph(place.case([h]))


def odd_cell(build, steps, depth):
    """An odd cell through time, perhaps on top of another of its kind."""
    with tl.default_dtype("float64"):
        cells = [build(5, 5) for _ in range(depth)]
    graph = tl.through_time(tl.stack(cells) if depth > 1 else cells[0], steps)
    for p in graph.parameters.values():
        p.data = np.asarray(p.data, float)
    arrays = [draws(k, *(3 if n == "N" else n for n in x.axes)) for k, x in enumerate(graph.inputs)]
    seeds = [draws(50 + k, *y.shape) for k, y in enumerate(graph.forward(*arrays))]
    return Case(graph, arrays, seeds).about_everything()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 6])
@pytest.mark.parametrize("build", odd_cells.ODD, ids=lambda build: build.__name__)
def test_a_cell_that_nobody_would_write_equals_its_graph(build, steps, depth):
    assert_plan_equals_graph(odd_cell(build, steps, depth))
