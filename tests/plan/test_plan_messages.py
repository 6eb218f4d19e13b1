"""What is wrong with a call to `compile` or `step` is said, and nothing is changed."""

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
