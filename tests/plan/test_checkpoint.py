"""Plans that keep few values of a long loop, and compute the others again, segment by segment."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES, draws
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import (
    Case,
    assert_plan_equals_graph,
    assert_same,
    compiled,
    eager,
    stepped,
)
from tests.plan.devices import assert_device_equals_graph, cupy
from tests.plan.networks import PATTERNS, network, scaled, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph
from tinygrad_lstm.plan.segments import segments_of

WAYS = ("sqrt", "keep-state")
assert odd_graphs and odd_loops and odd_ops and odd_steps and cupy, "imported to be entered"


def parts(plan):
    """In how many programs the plan computes."""
    return len(plan._now.parts)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_in_segments_gives_the_gradients_of_its_graph(name, way):
    plan = assert_plan_equals_graph(network(name, steps=7), checkpoint=way)
    assert parts(plan) > 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 11])
def test_any_number_of_steps_and_any_outputs_may_have_seeds(steps, pattern, way):
    assert_plan_equals_graph(network("lstm", steps, pattern=pattern), checkpoint=way)


@pytest.mark.parametrize("way", WAYS)
def test_layers_between_a_table_and_a_head_are_computed_in_segments(way):
    assert parts(assert_plan_equals_graph(tagger("lstm", steps=9), checkpoint=way)) > 1


@pytest.mark.parametrize("way", WAYS)
def test_what_is_computed_again_is_dropped_out_alike(way):
    assert parts(assert_plan_equals_graph(dropped_out(), checkpoint=way)) > 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", [network, tagger])
def test_segments_are_computed_on_a_device_as_well(make, way, cupy):
    plan, _ = assert_device_equals_graph(make("lstm", steps=9), cupy, checkpoint=way)
    assert parts(plan) > 1


@pytest.mark.parametrize("way", WAYS)
def test_no_step_sees_numbers_of_the_step_before(way):
    case = network("gru", steps=10)
    plan = compiled(case, checkpoint=way)
    for factor in (1.0, -2.0, 0.5):
        other = scaled(case, factor)
        assert_same(stepped(plan, other), eager(other))


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_network_in_segments_gives_the_gradients_of_its_graph(name, way, rows):
    assert_plan_equals_graph(odd_case(name, rows), 1e-11, checkpoint=way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(40))
def test_so_does_a_random_network_through_time(number, way):
    assert_plan_equals_graph(recurrent_graph(number).case(), 1e-11, checkpoint=way)


def test_four_times_the_steps_take_twice_the_memory():
    short, long = (kept(last_only(steps), "sqrt") for steps in (400, 1600))
    assert 1.8 <= long / short <= 2.2


def test_the_middle_way_keeps_the_states_of_every_step():
    case = last_only(400)
    state = 2 * case.arrays[-1].nbytes
    assert 1 <= kept(case, "keep-state") / (400 * state) <= 1.5
    assert kept(case, "sqrt") < 0.5 * kept(case, "keep-state")


def test_forward_alone_goes_in_segments_too():
    case = network("lstm", steps=9)
    outputs, _ = eager(case)
    plan = tl.compile(case.graph, wrt=[], checkpoint="sqrt")
    found = plan.step(*case.arrays, seeds=[None] * len(outputs))
    for y, true in zip(found, outputs):
        np.testing.assert_allclose(y, true, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 97, 100, 1000])
def test_segments_follow_each_other_and_differ_by_one_step_at_most(steps):
    bounds = segments_of(steps)
    assert [lo for lo, _ in bounds] == [0, *(hi for _, hi in bounds[:-1])]
    assert bounds[-1][1] == steps
    lengths = {hi - lo for lo, hi in bounds}
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 2 * steps**0.5


@pytest.mark.parametrize("way", ["cube", "", True])
def test_there_are_two_ways_to_checkpoint(way):
    with pytest.raises(tl.ArgumentError, match="keep-state"):
        tl.compile(network("rnn").graph, checkpoint=way)


def test_without_roles_there_is_no_loop_to_cut():
    with pytest.raises(tl.ArgumentError, match="roles"):
        tl.compile(network("rnn").graph, checkpoint="sqrt", passes=["pack"])


def dropped_out(steps=8, rows=3):
    """Between two layers a mask of each step's own, and one for all their results."""
    with tl.default_dtype("float64"):
        first, second = tl.CELLS["lstm"](4, 5), tl.CELLS["gru"](5, 5)
    xs = [tl.Input(f"x_{t}", "N", 4) for t in range(steps)]
    start = [tl.Input(f"start{k}", "N", 5) for k in range(3)]
    c, h, h2 = start
    results = []
    for x in xs:
        c, h = first(x, c, h)
        (h2,) = second(tl.Dropout(0.4)(h), h2)
        results.append(h2)
    loss = (tl.Dropout(0.3)(tl.stacked(results)) ** 2.0).mean()
    arrays = [draws(k, rows, 4 if k < steps else 5) for k in range(steps + 3)]
    return Case(tl.Graph([*xs, *start], [loss]), arrays).about_everything()


def last_only(steps, rows=16):
    """An LSTM of which nothing but its last result is wanted."""
    case = network("lstm", steps, rows)
    graph = tl.Graph(case.graph.inputs, case.graph.outputs[-1:])
    return Case(graph, case.arrays, case.seeds[steps - 1 : steps])


def kept(case, way):
    """Bytes of what is kept for the way back."""
    plan = compiled(case, checkpoint=way).prepare(*case.arrays, seeds=case.seeds)
    report = plan.memory()
    return sum(map(report.of_role, ("kept for the way back", "handed over between segments")))
