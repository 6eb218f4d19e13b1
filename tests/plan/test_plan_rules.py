"""What holds around a plan's step: nothing leaks, nothing of the user's is changed."""

import copy
import re
from dataclasses import replace
from itertools import combinations
from pickle import dumps, loads

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan.comparing import assert_same, compiled, eager, stepped
from tests.plan.networks import WAYS, network, scaled, tagger


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("make", [network, tagger])
def test_steps_with_other_numbers_in_between_leave_no_trace(make, options):
    case = make("lstm")
    plan, other = compiled(case, **options), scaled(case, -1.5)
    for _ in range(3):
        assert_same(stepped(plan, case), eager(case))
        assert_same(stepped(plan, other), eager(other))


def test_parameters_changed_in_place_are_seen():
    case = tagger("gru")
    plan = compiled(case)
    stepped(plan, case)
    for p in case.graph.parameters.values():
        p.data *= 0.5
    assert_same(stepped(plan, case), eager(case))


def test_parameters_bound_to_new_arrays_are_seen():
    case = tagger("lstm")
    plan = compiled(case)
    stepped(plan, case)
    for p in case.graph.parameters.values():
        p.data = np.asfortranarray(p.data * 0.5)
    assert_same(stepped(plan, case), eager(case))


def test_a_parameter_in_a_part_without_inputs_is_seen_when_it_changes():
    w, x = tl.Parameter(np.array([0.5, 2.0]), name="w"), tl.Input("x", "N", 2)
    plan = tl.compile(tl.Graph([x], [(tl.exp(-(w * w)) * x).sum()]))
    for value in ([0.5, 2.0], [1.0, -1.0]):
        w.data = np.array(value)
        (y,) = plan.step(np.ones((1, 2)))
        np.testing.assert_allclose(y, np.exp(-(w.data**2)).sum(), rtol=1e-14)
        np.testing.assert_allclose(plan.grads["w"], -2 * w.data * np.exp(-(w.data**2)), rtol=1e-14)


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("make", [network, tagger])
def test_no_two_gradients_share_memory(make, options):
    case = make("lstm")
    plan = compiled(case, **options)
    plan.step(*case.arrays, seeds=case.seeds)
    for a, b in combinations(plan.grads.values(), 2):
        assert not np.shares_memory(a, b)


def test_gradients_of_inputs_that_add_up_are_apart():
    x, y = tl.Input("x", 3), tl.Input("y", 3)
    plan = tl.compile(tl.Graph([x, y], [(tl.tanh(x + y) * 2).sum()]), wrt=[x, y])
    plan.step(np.ones(3), np.ones(3))
    plan.grads["x"][:] = 0
    np.testing.assert_allclose(plan.grads["y"], 2 / np.cosh(2.0) ** 2)


def test_inputs_of_a_step_have_gradients_where_they_were_computed():
    cases = [network("lstm", steps) for steps in (5, 9)]
    plans = [compiled(case).prepare(*case.arrays, seeds=case.seeds) for case in cases]
    copies = [sum(f.__name__ == "copy" for f, _ in plan._now.calls) for plan in plans]
    assert copies[0] == copies[1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda p: loads(dumps(p))])
def test_a_copy_of_a_plan_has_memory_of_its_own(copied):
    case = network("lstm")
    plan = tl.compile(case.graph)
    plan.step(*case.arrays, seeds=case.seeds)
    other = copied(plan)
    assert other.grads == {}
    other.step(*scaled(case, 2.0).arrays, seeds=case.seeds)
    assert_same(stepped(plan, case), eager(replace(case, wrt=None)))
    assert_same(stepped(other, case), eager(replace(case, wrt=None)))


def test_a_plan_is_shown_with_what_it_is_for():
    case = network("lstm")
    plan = tl.compile(case.graph)
    assert repr(plan).endswith(" nodes): its shapes are not known yet>")
    plan.step(*case.arrays, seeds=case.seeds)
    assert re.fullmatch(r"<Plan of lstm through time .*float64: \d+ calls .*>", repr(plan))


def test_an_optimiser_may_change_weights_by_the_gradient_views():
    case = tagger("lstm")
    plan, expected = tl.compile(case.graph), None
    for _ in range(3):
        outputs, grads = eager(type(case)(case.graph, case.arrays, case.seeds))
        found = plan.step(*case.arrays, seeds=case.seeds)
        assert_same(([np.array(y) for y in found], dict(plan.grads)), (outputs, grads))
        for name, p in case.graph.parameters.items():
            p.data -= 0.5 * plan.grads[name]
        assert expected is None or float(outputs[0]) < expected
        expected = float(outputs[0])


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_another_batch_size_is_planned_anew_and_the_first_still_works(options):
    three, one, five = (network("lstm", rows=rows) for rows in (3, 1, 5))
    plan = compiled(three, **options)
    for case in (three, one, five, one, three):
        assert_same(stepped(plan, of_graph(three, case)), eager(of_graph(three, case)))


def of_graph(case, fed):
    """The graph of one case, fed like another."""
    return type(case)(case.graph, fed.arrays, fed.seeds, case.wrt)


def test_no_number_of_shapes_makes_the_plans_grow_without_bound():
    case = network("rnn", 2)
    plan = compiled(case)
    for rows in range(1, 40):
        other = of_graph(case, network("rnn", 2, rows=rows))
        assert_same(stepped(plan, other), eager(other))
    assert_same(stepped(plan, case), eager(case))


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("make", [network, tagger])
def test_no_array_and_no_seed_is_written_to(make, options):
    case = make("lstm")
    given = [*case.arrays, *[s for s in case.seeds if s is not None]]
    for array in given:
        array.flags.writeable = False
    weights = {name: p.data for name, p in case.graph.parameters.items()}
    before = {name: data.copy() for name, data in weights.items()}
    for data in weights.values():
        data.flags.writeable = False
    plan = compiled(case, **options)
    stepped(plan, case)
    assert_same(stepped(plan, case), eager(case))
    for name, p in case.graph.parameters.items():
        assert p.data is weights[name]
        np.testing.assert_array_equal(p.data, before[name])


def test_outputs_and_gradients_are_no_memory_of_the_users():
    case = tagger("lstm")
    plan = compiled(case)
    mine = [*case.arrays, *[s for s in case.seeds if s is not None]]
    mine += [p.data for p in case.graph.parameters.values()]
    outputs = plan.step(*case.arrays, seeds=case.seeds)
    for array in [*outputs, *plan.grads.values()]:
        assert not any(np.shares_memory(array, own) for own in mine)


def test_writing_into_the_results_does_not_disturb_the_next_step():
    case = network("lstm")
    plan = compiled(case)
    for array in [*plan.step(*case.arrays, seeds=case.seeds), *plan.grads.values()]:
        if array.flags.writeable:
            array[...] = 7.0
    assert_same(stepped(plan, case), eager(case))


def test_the_next_step_overwrites_outputs_and_gradients():
    case = network("lstm")
    plan = compiled(case)
    (first, *_), gradient = plan.step(*case.arrays, seeds=case.seeds), plan.grads["W_x"]
    other = scaled(case, 2.0)
    (second, *_) = plan.step(*other.arrays, seeds=other.seeds)
    assert np.shares_memory(first, second)
    assert plan.grads["W_x"] is gradient or np.shares_memory(plan.grads["W_x"], gradient)


def test_what_a_step_gave_out_may_be_handed_to_the_next_one():
    case = network("lstm")
    plan = compiled(case)
    given = plan.step(*case.arrays, seeds=case.seeds)
    kept = [np.array(y) for y in given]
    *inputs, _, _ = case.arrays
    plan.step(*inputs, *given[-2:], seeds=given)
    found = {name: np.array(g) for name, g in plan.grads.items()}
    plan.step(*inputs, *kept[-2:], seeds=kept)
    for name, g in plan.grads.items():
        assert np.array_equal(found[name], g), name


def test_the_graph_stays_as_it_was():
    case = network("lstm")
    graph = case.graph
    eager(case)
    before = [(node.data, node.adjoint, node.op, node.parents, node.turn) for node in graph.nodes]
    text, program = str(graph), list(graph.nodes)
    plan = compiled(case)
    plan.step(*scaled(case, 3.0).arrays, seeds=case.seeds)
    after = [(node.data, node.adjoint, node.op, node.parents, node.turn) for node in graph.nodes]
    assert str(graph) == text and graph.nodes == program
    for old, new in zip(before, after):
        assert all(a is b for a, b in zip(old, new))


def test_compiling_leaves_a_fresh_graph_waiting_for_data():
    case = network("gru", 2)
    fresh = tl.through_time(tl.CELLS["gru"](4, 6), 2)
    plan = tl.compile(fresh)
    plan.step(
        *[a.astype("float32") for a in case.arrays], seeds=[s.astype("float32") for s in case.seeds]
    )
    assert all(node.data is None for node in fresh.nodes if not isinstance(node, tl.Parameter))
    assert all(node.grad is None for node in fresh.nodes)


def test_two_plans_of_one_graph_do_not_disturb_each_other():
    case = network("lstm")
    other = scaled(case, 2.0)
    one, two = compiled(case), compiled(case, passes=())
    outputs = one.step(*case.arrays, seeds=case.seeds)
    two.step(*other.arrays, seeds=other.seeds)
    assert_same(([np.array(y) for y in outputs], dict(one.grads)), eager(case))
