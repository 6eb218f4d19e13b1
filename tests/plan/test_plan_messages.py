"""What is wrong with a call to `compile` or `step` is said, and nothing is changed."""

import re

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan.comparing import assert_same, compiled, eager, stepped
from tests.plan.networks import network


def plan_and_case():
    case = network("lstm", 2)
    return tl.compile(case.graph), case


WRONG = {
    "too few arrays": (lambda c: (c.arrays[:-1], c.seeds), tl.GraphError, "3 values for 4 inputs"),
    "too many arrays": (lambda c: ([*c.arrays, 1.0], c.seeds), tl.GraphError, "5 values for 4"),
    "wrong width": (lambda c: ([c.arrays[0][:, 1:], *c.arrays[1:]], c.seeds), tl.ShapeError, "x_1"),
    "rows differ": (lambda c: ([c.arrays[0][1:], *c.arrays[1:]], c.seeds), tl.ShapeError, "x_2"),
    "too few seeds": (lambda c: (c.arrays, c.seeds[:-1]), tl.GraphError, "3 seeds for 4 outputs"),
    "no seeds": (lambda c: (c.arrays, None), (tl.GraphError, tl.ShapeError), "seed"),
    "misshapen seed": (lambda c: (c.arrays, [c.seeds[0][1:], *c.seeds[1:]]), tl.ShapeError, "seed"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("used", [False, True])
def test_a_wrong_step_is_refused_and_the_next_right_one_is_right(what, used):
    spoil, kind, text = WRONG[what]
    plan, case = plan_and_case()
    if used:
        plan.step(*case.arrays, seeds=case.seeds)
    arrays, seeds = spoil(case)
    with pytest.raises(kind, match=text):
        plan.step(*arrays, seeds=seeds)
    plan.step(*case.arrays, seeds=case.seeds)
    parameters = type(case)(case.graph, case.arrays, case.seeds)
    assert_same(stepped(plan, parameters), eager(parameters))


def output(count):
    """A plan of a graph with so many outputs, an array for its input, and a seed."""
    x = tl.Input("x", "N", 2)
    graph = tl.Graph([x], [tl.exp(x * (k + 2.0)) for k in range(count)])
    return tl.compile(graph, wrt=[x]), np.ones((2, 2), "float32"), np.full((2, 2), 3.0, "float32")


@pytest.mark.parametrize("kind", [np.asarray, tl.Tensor])
def test_the_seed_of_a_single_output_may_stand_alone(kind):
    plan, x, g = output(1)
    for _ in range(2):
        plan.step(x, seeds=kind(g))
        alone = plan.grads["x"].copy()
        plan.step(x, seeds=[kind(g)])
        np.testing.assert_array_equal(alone, plan.grads["x"])
        np.testing.assert_allclose(alone, 6 * np.exp(2.0), rtol=1e-6)


SEEDS = {
    "one array": (2, lambda g: g, "step: one array for 2 outputs: Exp() (N, 2), Exp() (N, 2)"),
    "one number": (2, lambda g: 1.0, "write seeds=[g, None]"),
    "rows": (1, lambda g: g.tolist(), "step: 2 seeds for 1 output: Exp() (N, 2)"),
    "a list in a list": (2, lambda g: [[g, g]], "a list stands where one seed should"),
    "many outputs": (9, lambda g: [g], "Exp() (N, 2), ...\n"),
    "many seeds": (9, lambda g: [g], "write seeds=[g, None, None, None, ...]"),
    "names": (1, lambda g: {"y": g}, "step: a seed is an array, not dict; write seeds=[g]"),
}


@pytest.mark.parametrize("what", SEEDS)
@pytest.mark.parametrize("used", [False, True])
def test_the_error_about_seeds_says_what_to_write(what, used):
    count, spoil, text = SEEDS[what]
    plan, x, g = output(count)
    if used:
        plan.step(x, seeds=[g] * count)
    with pytest.raises(tl.GraphError, match=re.escape(text)):
        plan.step(x, seeds=spoil(g))
    with pytest.raises(tl.GraphError, match=re.escape(text)):
        plan.prepare(x, seeds=spoil(g))


def test_seeds_may_come_one_by_one():
    plan, x, g = output(3)
    for _ in range(2):
        plan.step(x, seeds=(g * k for k in range(3)))
        np.testing.assert_allclose(plan.grads["x"], 9 * np.exp(3.0) + 24 * np.exp(4.0), rtol=1e-6)


def test_a_scalar_steps_without_a_seed_after_it_had_one():
    x = tl.Input("x", 2)
    plan = tl.compile(tl.Graph([x], [(x * x).sum()]), wrt=[x])
    for seed, factor in ((2.0, 2.0), (None, 1.0), ([3.0], 3.0), (None, 1.0)):
        plan.step(np.array([1.0, 2.0]), seeds=seed)
        np.testing.assert_array_equal(plan.grads["x"], factor * np.array([2.0, 4.0]))


def inner_node():
    graph = network("rnn", 2).graph
    return graph, {"wrt": [graph.outputs[0]]}


WRONG_COMPILES = {
    "unknown pass": (lambda g: {"passes": ["hoist", "magic"]}, "magic"),
    "one pass as a string": (lambda g: {"passes": "hoist"}, "passes"),
    "unknown checkpoint": (lambda g: {"checkpoint": "half"}, "half"),
    "unknown kernels": (lambda g: {"kernels": "fortran"}, "fortran"),
    "a name in wrt": (lambda g: {"wrt": ["W_x"]}, "wrt"),
    "one tensor as wrt": (lambda g: {"wrt": g.inputs[0]}, "wrt"),
    "a stranger in wrt": (lambda g: {"wrt": [tl.Parameter(np.ones(2), name="lost")]}, "lost"),
}


@pytest.mark.parametrize("what", WRONG_COMPILES)
def test_a_wrong_option_is_named_when_compiling(what):
    options, text = WRONG_COMPILES[what]
    graph = network("rnn", 2).graph
    with pytest.raises(tl.TinygradError, match=text):
        tl.compile(graph, **options(graph))


@pytest.mark.parametrize("thing", [None, 3, "lstm", tl.Tensor([1.0])], ids=str)
def test_only_graphs_are_compiled(thing):
    with pytest.raises(tl.ArgumentError, match="compile"):
        tl.compile(thing)


def test_class_numbers_out_of_range_are_found_in_every_step():
    z, k = tl.Input("z", "N", 3), tl.Input("k", "N")
    graph = tl.Graph([z, k], [tl.cross_entropy(z * 2, k)])
    plan, logits = tl.compile(graph, wrt=[z]), np.ones((2, 3))
    plan.step(logits, np.array([0, 2]))
    with pytest.raises(tl.RangeError, match="class 3"):
        plan.step(logits, np.array([0, 3]))
    (loss,) = plan.step(logits, np.array([0, 1]))
    np.testing.assert_allclose(loss, np.log(3))


def test_row_numbers_out_of_range_are_found_in_every_step():
    W, ids = tl.Parameter(np.ones((4, 2)), name="W"), tl.Input("ids", "N")
    plan = tl.compile(tl.Graph([ids], [tl.lookup(W, ids).sum()]))
    plan.step(np.array([0, 3]))
    for bad in (4, -1):
        with pytest.raises(tl.RangeError, match=f"row number {bad}"):
            plan.step(np.array([0, bad]))


def test_a_gradient_of_whole_numbers_cannot_be_asked_for():
    W, ids = tl.Parameter(np.ones((4, 2)), name="W"), tl.Input("ids", "N")
    graph = tl.Graph([ids], [tl.lookup(W, ids).sum()])
    with pytest.raises(tl.TinygradError, match="ids"):
        tl.compile(graph, wrt=[ids]).step(np.array([0, 3]))


def test_float32_numbers_in_the_wrong_place_are_no_silent_promotion():
    case = network("rnn", 2)
    plan = compiled(case)
    case.graph.parameters["W_x"].data = case.graph.parameters["W_x"].data.astype("float32")
    with pytest.raises(tl.DtypeError, match="W_x"):
        plan.step(*case.arrays, seeds=case.seeds)
