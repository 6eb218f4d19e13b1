"""Random masks on the device: the numbers of NumPy's generator, drawn without the host."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan import odd_graphs, odd_loops
from tests.plan.comparing import Case, compiled
from tests.plan.devices import assert_device_equals_graph, cupy, moved, replay_of
from tests.plan.places import odd_case
from tinygrad_lstm.plan.masks import FACTOR, jumps
from tinygrad_lstm.settings import stream

assert cupy and odd_graphs and odd_loops, "imported to be entered"


def dropped(p=0.5):
    """Dropout after a layer: its outputs are 0 where the mask is."""
    x = tl.Input("x", "N", 4)
    W = tl.Parameter(np.linspace(0.1, 1, 12).reshape(3, 4), name="W")
    graph = tl.Graph([x], [tl.Dropout(p)(tl.tanh(tl.Affine(False)(x, W)))])
    return Case(graph, [np.ones((5, 4))], [np.ones((5, 3))])


@pytest.mark.parametrize("name", ["one_mask", "two_masks"])
def test_masks_in_loops_are_those_of_the_graph(name, cupy):
    plan, case = assert_device_equals_graph(odd_case(name), cupy)
    with cupy.counted() as counts:
        plan.step(*case.arrays, seeds=case.seeds)
    assert counts["to host"] == counts["to device"] == 0
    assert counts["graphs"] == 1


@pytest.mark.parametrize("checkpoint", [None, "sqrt"])
def test_every_step_has_masks_of_its_own_and_they_go_on_as_the_graphs_do(checkpoint, cupy):
    case = odd_case("two_masks") if checkpoint else dropped()
    with tl.seed(3):
        expected = [np.array(case.graph.forward(*case.arrays)[0]) for _ in range(5)]
    plan = compiled(case, checkpoint=checkpoint)
    case = moved(case, cupy)
    with tl.seed(3):
        found = [plan.step(*case.arrays, seeds=case.seeds)[0].get() for _ in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len({y.tobytes() for y in found}) == 5


def test_afterwards_the_generator_stands_where_the_graph_would_have_left_it(cupy):
    case = dropped()
    with tl.seed(3):
        for _ in range(3):
            case.graph.forward(*case.arrays)
        expected = stream("dropout").random()
    plan = compiled(case)
    case = moved(case, cupy)
    with tl.seed(3):
        for _ in range(3):
            plan.step(*case.arrays, seeds=case.seeds)
        assert stream("dropout").random() == expected


def test_nothing_is_dropped_and_nothing_drawn_while_evaluating(cupy):
    plan, case = assert_device_equals_graph(dropped(), cupy)
    before = stream("dropout").bit_generator.state
    with tl.evaluating():
        (y,) = plan.step(*case.arrays, seeds=case.seeds)
    assert np.all(y.get() != 0)
    assert stream("dropout").bit_generator.state == before


def test_dropout_that_drops_nothing_draws_nothing(cupy):
    plan, case = assert_device_equals_graph(dropped(p=0.0), cupy)
    assert np.all(plan.step(*case.arrays, seeds=case.seeds)[0].get() != 0)


class Coin(tl.ops.flow.KeepMask):
    """A random op that only a user wrote."""

    repeatable = False

    def forward(self, xp, x):
        heads = stream("coin").random(tuple(x.shape)) < self.p
        return xp.asarray(heads.astype("f8"))


def test_random_ops_of_a_user_are_drawn_on_the_host_and_so_is_all_beside_them(cupy):
    case = dropped()
    (y,) = case.graph.outputs
    (x,) = case.graph.inputs
    graph = tl.Graph([x], [y * Coin(0.3)(y)])
    plan, case = assert_device_equals_graph(Case(graph, case.arrays, case.seeds), cupy)
    assert "2 calls one by one: what comes from outside is put down" in str(replay_of(plan))


def test_jumps_are_powers_of_the_generators_factor():
    for k, (power, total) in enumerate(jumps()[:6]):
        n = 1 << k
        assert power == pow(FACTOR, n, 1 << 128)
        assert total == sum(pow(FACTOR, j, 1 << 128) for j in range(n)) % (1 << 128)
