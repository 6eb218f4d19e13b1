"""A plan gives the outputs and gradients of its graph: registered cells, with every set of passes.

The random graphs are in `test_random_plans.py`.
"""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan.comparing import assert_plan_equals_graph, compiled, eager, stepped
from tests.plan.networks import PATTERNS, WAYS, network, tagger
from tinygrad_lstm.plan import PASSES

OPTIONS = {
    "no pass": {"passes": ()},
    "all passes": {},
    **{f"only {name}": {"passes": (name,)} for name in PASSES},
    **{f"all but {name}": {"passes": tuple(n for n in PASSES if n != name)} for name in PASSES},
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", NAMES)
def test_a_planned_cell_equals_its_graph(name, steps, rows, pattern):
    assert_plan_equals_graph(network(name, steps, rows, pattern))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_every_pass_alone_and_left_out_leaves_the_gradients_of_a_cell(name, options):
    assert_plan_equals_graph(network(name, pattern="some"), **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_every_pass_alone_and_left_out_leaves_the_gradients_of_a_trained_network(name, options):
    assert_plan_equals_graph(tagger(name), **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_in_float32_is_close_and_stays_in_float32(name):
    case = network(name, dtype="float32")
    plan = assert_plan_equals_graph(case, 1e-5)
    assert all(g.dtype == np.float32 for g in plan.grads.values())
    assert all(y.dtype == np.float32 for y in plan.step(*case.arrays, seeds=case.seeds))


@pytest.mark.parametrize("name", NAMES)
def test_without_wrt_the_gradients_are_those_of_the_parameters(name):
    case = network(name)
    plan = tl.compile(case.graph)
    plan.step(*case.arrays, seeds=case.seeds)
    assert list(plan.grads) == list(case.graph.parameters)
    _, expected = eager(case)
    for parameter, found in plan.grads.items():
        np.testing.assert_allclose(found, expected[parameter], rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_can_be_asked_for_one_by_one(name, options):
    case = network(name, pattern="some")
    for leaf in case.wrt:
        assert_plan_equals_graph(case.about(leaf), **options)


def test_a_plan_without_gradients_gives_the_outputs():
    case = network("lstm").about()
    plan = assert_plan_equals_graph(case)
    assert plan.grads == {}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_cell_in_both_directions_equals_its_graph(options):
    assert_plan_equals_graph(both_ways(5), **options)


def both_ways(steps):
    """Forwards by one GRU, backwards by another, a last layer that reads both."""
    case = network("gru", steps)
    xs = case.graph.inputs[:steps]
    with tl.default_dtype("float64"):
        there, back = tl.CELLS["gru"](4, 6), tl.CELLS["lstm"](4, 6)
        head = tl.Linear(12, 2)
    h0, c0, k0 = (tl.Input(name, "N", 6) for name in ("h0", "c0", "k0"))
    hs, _ = tl.unroll(there, xs, [h0])
    ks, _ = tl.unroll(back, xs[::-1], [c0, k0])
    ys = [tl.tanh(head(tl.concat([h, k], axis=1))) for h, k in zip(hs, ks[::-1])]
    arrays = [*case.arrays[:steps], *case.arrays[-1:] * 3]
    seeds = [s[:, :2] for s in case.seeds[:steps]]
    return type(case)(tl.Graph([*xs, h0, c0, k0], ys), arrays, seeds).about_everything()


def test_a_long_sequence_whose_gradients_nearly_vanish_equals_its_graph():
    case = network("lstm_by_gate", 60, pattern="last h")
    for options in WAYS:
        assert_plan_equals_graph(case, **options)


def test_a_second_step_gives_what_the_first_gave_bit_for_bit():
    case = tagger("lstm")
    plan = compiled(case)
    first, second = stepped(plan, case), stepped(plan, case)
    for a, b in zip([*first[0], *first[1].values()], [*second[0], *second[1].values()]):
        np.testing.assert_array_equal(a, b)
