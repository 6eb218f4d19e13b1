"""The source that a plan writes is the plan: executed, it gives the same numbers."""

from dataclasses import replace

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import assert_same, compiled, stepped
from tests.plan.graphs import straight_graph
from tests.plan.networks import network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph
from tinygrad_lstm.errors import GraphError
from tinygrad_lstm.plan import PASSES, memory

ALL = list(PASSES)
CHOICES = [ALL, [], ["roles"], ALL[:5], [p for p in ALL if p != "hoist"], ["roles", "liveness"]]
assert odd_graphs and odd_loops and odd_ops and odd_steps  # they enter their networks into ODD


def executed(text, case, plan):
    """Outputs and gradients by what the text defines, twice, for a step must not spoil the next."""
    namespace = dict(text.given)
    exec(text, namespace)
    weights = {name: p.data for name, p in case.graph.parameters.items()}
    leaves = [node.data for node in plan._now.built.leaves]
    seeds = case.seeds if case.seeds is not None else []
    arrays = [np.asarray(a) for a in case.arrays]
    for _ in range(2):
        tl.seed(case.draw)
        outputs, grads = namespace["step"](arrays, seeds, weights, leaves)
    return outputs, grads


def assert_source_is_plan(case, **options):
    plan = compiled(case, **options)
    expected = stepped(plan, case)
    text = plan.source()
    assert_same(executed(text, case, plan), expected, 1e-13)  # sums may depend on alignment
    return text


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_source_of_every_cell_gives_its_gradients(name, rows):
    assert_source_is_plan(network(name, rows=rows))


@pytest.mark.parametrize("passes", CHOICES, ids=lambda names: " ".join(names) or "none")
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_so_does_that_of_other_passes(name, passes):
    assert_source_is_plan(network(name), passes=passes)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_so_does_that_of_a_network_with_a_table_layers_and_a_loss(name):
    assert_source_is_plan(tagger(name))


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("name", sorted(ODD))
def test_so_does_that_of_odd_networks(name, rows):
    assert_source_is_plan(odd_case(name, rows))


@pytest.mark.parametrize("number", range(12))
def test_so_does_that_of_random_graphs(number):
    assert_source_is_plan(straight_graph(number).case())
    assert_source_is_plan(recurrent_graph(number).case())


def test_many_timesteps_in_chunks_are_a_loop_in_a_loop():
    graph = tl.through_time(tl.CELLS["lstm"](64, 128), 60)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((16, node.shape[1])) for node in graph.inputs]
    plan = tl.compile(graph)
    plan.step(*arrays, seeds=[np.ones((16, 128))] * 60 + [None] * 2)
    assert "for t in reversed(range(lo, hi)):" in plan.source()


@pytest.mark.parametrize("cache", [700, 1000, 1500, 2000])
@pytest.mark.parametrize("steps", [3, 5, 7])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_last_chunk_of_time_may_be_shorter(name, steps, cache, monkeypatch):
    monkeypatch.setattr(memory, "CACHE", cache)
    assert "range(lo, hi)" in assert_source_is_plan(network(name, steps))


def test_the_text_does_not_grow_with_time():
    few, many = (len(compiled_lstm(steps).source().splitlines()) for steps in (10, 50))
    assert few == many


def compiled_lstm(steps):
    case = replace(network("lstm", steps=steps), wrt=None)
    return compiled(case).prepare(*case.arrays, seeds=case.seeds)


def test_arrays_are_called_after_the_nodes_and_equations_stand_beside_them():
    text = compiled_lstm(5).source()
    for words in ("next_c[t + 1]", "tanh_next_c", "gates[", "# c_forget", "for t in range(5):"):
        assert words in text
    assert "as_strided" not in text


def test_the_source_of_a_plan_is_the_same_every_time():
    assert compiled_lstm(5).source() == compiled_lstm(5).source()


def test_no_line_is_too_long():
    assert max(map(len, compiled_lstm(5).source().splitlines())) <= 100


def test_before_shapes_are_known_it_says_what_to_call():
    with pytest.raises(GraphError, match=r"plan.prepare\(\*arrays\)"):
        compiled(network("lstm")).source()
