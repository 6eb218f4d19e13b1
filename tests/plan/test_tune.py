"""Choosing the arrangement by measuring: the choice is one of those tried and computes the same."""

import numpy as np
import pytest

from tests.plan.comparing import assert_plan_equals_graph
from tests.plan.networks import network
from tinygrad_lstm import KeepMask, compile, seed
from tinygrad_lstm.nn import Graph, Input
from tinygrad_lstm.plan import matrices
from tinygrad_lstm.plan.device import Device
from tinygrad_lstm.plan.plan import Options
from tinygrad_lstm.plan.tune import arrangements


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_the_chosen_arrangement_gives_the_graphs_gradients(name):
    plan = assert_plan_equals_graph(network(name), autotune=True)
    tried = plan.tried
    assert list(tried) == ["beside", "hoisted", "beside, side by side", "hoisted, side by side"]
    assert all(seconds > 0 for seconds in tried.values())
    assert f"{min(tried, key=tried.get)} was the fastest" in str(plan.explain())


def test_where_weights_are_cut_whole_ones_are_tried_too(monkeypatch):
    monkeypatch.setattr(Device, "in_tiles", lambda self: True)
    monkeypatch.setattr(matrices, "tile", lambda rows, depth, width, itemsize: (depth, 1))
    monkeypatch.setattr(matrices, "OFTEN", 0)
    tried = assert_plan_equals_graph(network("rnn"), autotune=True).tried
    cut = [name for name in tried if not name.endswith("weights whole")]
    assert sorted(tried) == sorted([*cut, *(f"{name}, weights whole" for name in cut)])


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("name", ["lstm", "lstm_by_gate", "peephole"])
def test_every_arrangement_gives_the_graphs_gradients(name, side_by_side, monkeypatch):
    for k, way in enumerate(arrangements(Options(("roles",))).values()):
        assert way.side_by_side == bool(k)
    monkeypatch.setattr("tinygrad_lstm.plan.device.Device.side_by_side", side_by_side)
    assert_plan_equals_graph(network(name))


def test_measuring_draws_no_mask_that_the_graph_would_have_drawn():
    x = Input("x", 3, 4)
    graph = Graph([x], [(x * KeepMask(0.5)(x)).sum()])
    plan = compile(graph, wrt=[x], autotune=True)
    seed(7)
    (first,) = plan.step(np.ones((3, 4)))
    seed(7)
    assert graph.forward(np.ones((3, 4)))[0] == first
