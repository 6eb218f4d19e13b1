"""Rows and classes on the device: looked up, counted and checked without waiting for anything."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import Case, compiled
from tests.plan.devices import assert_device_equals_graph, cupy, moved, replay_of
from tests.plan.networks import tagger
from tests.plan.places import odd_case

assert cupy and odd_graphs and odd_loops and odd_ops and odd_steps, "imported to be entered"
V = 4


def lookup():
    """Rows of a table."""
    ids, table = tl.Input("ids", "N"), tl.Parameter(np.ones((V, 2)), name="table")
    graph = tl.Graph([ids], [tl.tanh(tl.lookup(table, ids))])
    return Case(graph, [np.array([0, 3])], [np.ones((2, 2))])


def loss(classes=(0, 3, -100), shape=(3, V)):
    """Logits and classes, one of which does not count."""
    z, k = tl.Input("z", *shape), tl.Input("classes", *shape[:-1])
    logits = np.random.default_rng(0).standard_normal(shape)
    return Case(
        tl.Graph([z, k], [tl.cross_entropy(z, k)]),
        [logits, np.array(classes).reshape(shape[:-1])],
        wrt=("z",),
    )


def dropping_tagger(checkpoint=False):
    """An embedding, two layers of a cell with dropout between them, a head, and a loss."""
    steps = 9 if checkpoint else 4
    case = tagger("lstm", steps)
    with tl.default_dtype("float64"):
        lower, upper = tl.CELLS["lstm"](4, 5), tl.CELLS["lstm"](5, 5)
        embed, head = tl.Embedding(7, 4), tl.Linear(5, 7, "y")
        ids, classes, *start = case.graph.inputs
        hs, end = tl.unroll(lower, [embed(ids[t]) for t in range(steps)], start[:2])
        hs, top = tl.unroll(upper, [tl.Dropout(0.3)(h) for h in hs], start[2:])
        end = [*end, *top]
        y = tl.cross_entropy(head(tl.stacked(hs)), classes)
    graph = tl.Graph([ids, classes, *start], [y, *end])
    return Case(graph, case.arrays, case.seeds).about_everything()


@pytest.mark.parametrize("checkpoint", [None, "sqrt", "keep-state"])
def test_a_network_with_a_table_dropout_a_head_and_a_loss_never_meets_the_host(checkpoint, cupy):
    case = dropping_tagger(bool(checkpoint))
    plan, case = assert_device_equals_graph(case, cupy, checkpoint=checkpoint)
    assert not any(part.host for part in replay_of(plan).parts)
    with cupy.counted() as counts:
        plan.step(*case.arrays, seeds=case.seeds)
    assert counts["taken"] == counts["to host"] == counts["to device"] == 0
    assert checkpoint or counts["graphs"] == 1


@pytest.mark.parametrize("name", ["ignored_classes", "losses_that_add_up", "tied_table"])
def test_no_loss_on_classes_needs_the_host(name, cupy):
    plan, _ = assert_device_equals_graph(odd_case(name), cupy)
    assert "looks at numbers" not in str(replay_of(plan))


@pytest.mark.parametrize(
    "case",
    [
        loss(),
        loss((0.0, 3.0, 1.0)),
        loss((-100, -100, -100)),
        loss((2,), (V,)),
        loss(np.arange(6) % V, (2, 3, V)),
        loss(np.array([0, 3, 1], "u1")),
    ],
    ids="some as_floats none alone in_rows bytes".split(),
)
def test_the_loss_and_its_gradient_are_those_of_the_graph(case, cupy):
    assert_device_equals_graph(case, cupy)


def test_masked_logits_have_no_part_in_the_loss(cupy):
    case = loss()
    case.arrays[0][0, 1] = -np.inf
    (y,) = case.graph.forward(*case.arrays)
    plan = compiled(case)
    case = moved(case, cupy)
    assert np.isclose(plan.step(*case.arrays)[0].get(), y, rtol=1e-14)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_numbers_from_numpy_are_refused_before_anything_is_done(step, cupy):
    case, wrong = loss(), [0, 9, 1]
    plan = compiled(case)
    there = moved(case, cupy)
    for _ in range(step - 1):
        plan.step(*there.arrays)
    with (
        tl.backend("cupy"),
        pytest.raises(
            tl.RangeError,
            match=r"step: classes \(3,\): class 9 does not exist; there are 4, counted from 0 to 3",
        ),
        cupy.counted() as counts,
    ):
        plan.step(case.arrays[0], np.array(wrong))
    assert step == 1 or not any(counts.values())


def test_numbers_in_loops_from_numpy_are_refused_by_the_name_of_their_input(cupy):
    case = tagger("gru")
    plan = compiled(case)
    moved(case, cupy)
    text = r"step: ids \(4, 3\): row number 99"
    with tl.backend("cupy"), pytest.raises(tl.RangeError, match=text):
        plan.step(np.full((4, 3), 99), *case.arrays[1:], seeds=case.seeds)


WRONG = {
    "a row": (lookup, np.array([0, 9]), 0, "row number 9 does not exist; there are 4"),
    "a negative row": (lookup, np.array([-1, 0]), 0, "row number -1 does not exist"),
    "a class": (loss, np.array([0, 1, 7]), 1, "class 7 does not exist; there are 4"),
    "half a class": (loss, np.array([0, 1, 0.5]), 1, "these are not whole"),
    "no class": (loss, np.array([0, 1, np.nan]), 1, "these are not whole"),
}


@pytest.mark.parametrize("what", WRONG)
def test_numbers_of_the_device_are_told_by_the_first_step_at_once(what, cupy):
    make, wrong, k, text = WRONG[what]
    case = make()
    plan = compiled(case)
    case = moved(case, cupy)
    case.arrays[k] = cupy.asarray(wrong)
    with pytest.raises(tl.RangeError, match=text):
        plan.step(*case.arrays, seeds=case.seeds)


@pytest.mark.parametrize("what", WRONG)
def test_and_by_the_step_after_a_later_one_which_waits_for_nothing(what, cupy):
    make, wrong, k, text = WRONG[what]
    case = make()
    case.arrays[k] = case.arrays[k].astype(wrong.dtype)
    plan, case = assert_device_equals_graph(case, cupy)
    right, case.arrays[k] = case.arrays[k], cupy.asarray(wrong)
    with cupy.counted() as counts:
        plan.step(*case.arrays, seeds=case.seeds)
    assert counts["to host"] == counts["to device"] == 0
    case.arrays[k] = right
    with pytest.raises(tl.RangeError, match=text):
        plan.step(*case.arrays, seeds=case.seeds)
    plan.step(*case.arrays, seeds=case.seeds)


def test_rows_that_are_no_whole_numbers_are_refused_by_their_dtype(cupy):
    case = lookup()
    plan = compiled(case)
    case = moved(case, cupy)
    with pytest.raises(tl.DtypeError, match="a row number is an integer, these are float64"):
        plan.step(cupy.asarray(np.array([0.0, 1.0])), seeds=case.seeds)


def test_rows_that_are_computed_are_told_without_a_name():
    ids, table = tl.Input("ids", "N"), tl.Parameter(np.ones((V, 2)), name="table")
    plan, seeds = tl.compile(tl.Graph([ids], [tl.lookup(table, ids + ids)])), [np.ones((2, 2))]
    with pytest.raises(tl.DtypeError, match=r"^step: a row number is an integer"):
        plan.step(np.array([0, 3]), seeds=seeds)


@pytest.mark.parametrize("make", [lookup, loss])
def test_a_plan_of_numpy_says_which_input_is_wrong(make):
    case = make()
    arrays = [np.full(a.shape, 9) if a.dtype.kind == "i" else a for a in case.arrays]
    name = case.graph.inputs[-1].name
    with pytest.raises(tl.RangeError, match=f"^step: {name} .*9 does not exist; there are 4"):
        compiled(case).step(*arrays, seeds=case.seeds)
