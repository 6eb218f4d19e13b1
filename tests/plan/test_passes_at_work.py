"""Every pass is seen to change some plan: else its tests would pass because it does nothing."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import draws
from tests.plan.comparing import Case, assert_plan_equals_graph, compiled
from tests.plan.networks import network, tagger
from tinygrad_lstm.plan import PASSES, matrices
from tinygrad_lstm.plan.device import Device
from tinygrad_lstm.plan.spread import flat_rows

SUBJECTS = (
    lambda: network("lstm"),
    lambda: network("lstm", rows=1),
    lambda: tagger("lstm"),
    lambda: wide(),
)


def wide():
    """Weights large enough to be cut into tiles, multiplied often enough."""
    graph = tl.through_time(tl.CELLS["rnn"](3, 128), 8)
    arrays = [draws(k, 32, 3).astype("f4") for k in range(8)] + [draws(9, 32, 128).astype("f4")]
    return Case(graph, arrays, [draws(k, 32, 128).astype("f4") for k in range(9)])


def calls(case, passes):
    """The calls of a plan, without their numbers."""
    plan = compiled(case, passes=passes).prepare(*case.arrays, seeds=case.seeds)
    return plan._now.calls


def outline(case, passes):
    """Which functions are called with which shapes, and in how many places the results lie."""
    found = calls(case, passes)
    places = {args[-1].ctypes.data for _, args in found if isinstance(args[-1], np.ndarray)}
    return [(f.__name__, *map(np.shape, args)) for f, args in found], len(places)


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_changes_the_plan_of_some_network(name, monkeypatch):
    monkeypatch.setattr(Device, "in_tiles", lambda self: True)
    others = [other for other in PASSES if other != name]
    cases = [make() for make in SUBJECTS]
    assert any(outline(case, None) != outline(case, others) for case in cases)


def test_one_more_timestep_takes_less_than_half_as_many_calls_as_without_passes():
    more = []
    for passes in (None, ()):
        short, long = (len(calls(network("lstm", steps), passes)) for steps in (5, 6))
        more.append(long - short)
    assert 0 < more[0] < more[1] / 2


def test_a_head_over_all_steps_is_one_product_of_all_rows():
    case = tagger("lstm", steps=4, rows=3)
    heads = [
        [np.shape(a) for a in args]
        for f, args in calls(case, None)
        if f in (np.matmul, np.dot) and np.shape(args[1]) == (5, 7)
    ]
    assert heads == [[(12, 5), (5, 7), (12, 7)]]


def test_rows_that_lie_apart_are_not_one_matrix():
    stack = np.zeros((4, 5, 6))
    assert flat_rows(stack).shape == (20, 6)
    assert flat_rows(stack[:, :, 1:3]).strides == (48, 8)
    assert flat_rows(stack[:, :3]) is None
    assert flat_rows(stack[1:2, :3]).shape == (3, 6)
    assert np.shares_memory(flat_rows(stack[1:]), stack)


def test_calls_that_meet_the_same_array_are_handed_the_same_object():
    found = calls(network("lstm", steps=7), None)
    arrays = [a for _, args in found for a in args if isinstance(a, np.ndarray)]
    places = {(a.ctypes.data, a.shape, a.strides) for a in arrays if a.ndim == 2}
    assert len({id(a) for a in arrays if a.ndim == 2}) < 1.2 * len(places)


def test_a_long_sum_of_products_is_made_in_pieces_that_stay_in_the_cache(monkeypatch):
    monkeypatch.setattr(matrices, "CACHE", 5 * 8 * 8)
    monkeypatch.setattr(matrices, "DEEP", 2)
    for name in ("lstm", "gru", "rnn"):
        case = network(name, steps=9)
        plan = assert_plan_equals_graph(case)
        added = [f for f, _ in plan._now.calls if f is plan._now.device.add]
        assert len(added) > 2
