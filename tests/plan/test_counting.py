"""What explain() counts without writing every call down is what the plans really are."""

from dataclasses import replace

import numpy as np
import pytest

from tests.cells.networks import NAMES
from tests.plan.comparing import Case, compiled
from tests.plan.networks import network, tagger
from tinygrad_lstm import CELLS, Graph, Input, stack, through_time
from tinygrad_lstm.plan import PASSES, counting, memory
from tinygrad_lstm.plan.shortened import only_loop
from tinygrad_lstm.plan.stages import stage_of, stages
from tinygrad_lstm.plan.variant import Variant

T = 15


def assert_counted_as_compiled(case, **options):
    """Each stage has the numbers of the plan that is compiled with these passes; returns them."""
    plan = compiled(case, **options).prepare(*case.arrays, seeds=case.seeds)
    now, found = plan._now, []
    for k, stage in enumerate(stages(plan.graph, plan.wrt, plan.options, now, False)):
        fewer = replace(plan.options, passes=plan.options.passes[:k])
        made = Variant(plan.graph, plan.wrt, fewer, now.of_these_shapes(), now.seeded)
        assert stage == stage_of(stage.name, made)
        found.append(stage)
    return found


def is_shortened(case):
    plan = compiled(case).prepare(*case.arrays, seeds=case.seeds)
    return only_loop(plan.graph, plan.wrt, plan._now, counting.SHORT) is not None


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_cell_is_counted_as_it_is_compiled(name):
    case = network(name, T)
    assert is_shortened(case)
    found = assert_counted_as_compiled(case)
    assert [stage.name for stage in found] == ["", *PASSES]


@pytest.mark.parametrize("pattern", ["last h", "first state", "some"])
def test_whatever_is_asked_of_it_is_counted(pattern):
    assert_counted_as_compiled(network("lstm", T, pattern=pattern))
    assert_counted_as_compiled(replace(network("gru", T, pattern=pattern), wrt=None))


def test_steps_of_which_other_things_are_asked_are_not_taken_for_alike():
    case = network("rnn", T)
    assert not is_shortened(replace(case, seeds=[*[None] * 8, *case.seeds[8:]]))
    assert not is_shortened(case.about("x_9"))
    assert_counted_as_compiled(case.about("x_9"))


def test_an_input_that_two_steps_read_is_no_input_of_each():
    cell = CELLS["rnn"](3, 4)
    x, h = [Input(f"x_{t}", "N", 3) for t in range(T)], Input("h", "N", 4)
    last = h
    for t in range(T):
        (last,) = cell(x[t % 7], last)
    arrays = [np.ones((2, 3), "float32")] * 7
    case = Case(Graph([*x[:7], h], [last]), [*arrays, np.ones((2, 4), "float32")])
    case = replace(case, seeds=[np.ones((2, 4), "float32")])
    assert not is_shortened(case)
    assert_counted_as_compiled(case)


def test_several_layers_a_table_and_a_loss_are_counted():
    assert_counted_as_compiled(tagger("lstm", T))
    layers = through_time(stack([CELLS["lstm"](3, 4), CELLS["gru"](4, 4)]), T)
    arrays = [np.zeros((2, node.shape[1]), "float32") for node in layers.inputs]
    ones = [np.ones((2, 4), "float32")] * len(layers.outputs)
    assert_counted_as_compiled(Case(layers, arrays, ones))


@pytest.mark.parametrize("rows", [1, 3])
def test_chunks_of_time_are_counted_with_the_shorter_one_at_the_end(rows, monkeypatch):
    monkeypatch.setattr(memory, "CACHE", 5000)
    assert_counted_as_compiled(network("lstm", T, rows=rows))
    assert_counted_as_compiled(tagger("gru", T, rows=rows))


@pytest.mark.parametrize("options", [{"passes": ()}, {"passes": ["pack"]}, {"checkpoint": "sqrt"}])
def test_other_plans_are_counted_too(options):
    assert_counted_as_compiled(network("lstm", T), **options)


def test_the_graph_as_it_is_written_is_reckoned_from_its_first_steps(monkeypatch):
    lengths = []

    def counted(graph, *others):
        lengths.append(len(graph.nodes))
        return original(graph, *others)

    original = counting._unrolled
    monkeypatch.setattr(counting, "_unrolled", counted)
    case = network("lstm", 200)
    plan = compiled(case).prepare(*case.arrays, seeds=case.seeds)
    assert plan.explain().stages[0].terms > 6000
    assert max(lengths) < len(plan.graph.nodes) / 10


def test_what_arrives_is_counted_alike_before_and_after_a_step():
    case = network("lstm", T)
    plan = compiled(case).prepare(*case.arrays, seeds=case.seeds)
    before = plan.explain().stages
    plan.step(*case.arrays, seeds=case.seeds)
    assert plan.explain().stages == before
