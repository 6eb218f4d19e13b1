"""The source of a plan on CuPy is the plan: executed there, it gives the same numbers."""

from __future__ import annotations

import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import assert_same, compiled, eager
from tests.plan.devices import cupy, moved, stepped_there
from tests.plan.graphs import straight_graph
from tests.plan.networks import network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph

assert cupy and odd_graphs and odd_loops and odd_ops and odd_steps, "imported to be entered"


def assert_source_is_plan(case, cupy, tolerance=1e-12, **options):
    """Executed twice, for a step must not spoil the next; the text is returned."""
    expected = eager(case)
    plan = compiled(case, **options)
    case = moved(case, cupy)
    assert_same(stepped_there(plan, case), expected, tolerance)
    text = plan.source()
    namespace = dict(text.given)
    exec(text, namespace)
    weights = {name: p.data for name, p in case.graph.parameters.items()}
    leaves = [node.data for node in plan._now.built.leaves]
    for _ in range(2):
        tl.seed(case.draw)
        outputs, grads = namespace["step"](case.arrays, case.seeds or [], weights, leaves)
        found = [y.get() for y in outputs], {name: g.get() for name, g in grads.items()}
        assert_same(found, expected, tolerance)
    return text


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_source_of_every_cell_gives_its_gradients(name, cupy):
    assert_source_is_plan(network(name), cupy)


@pytest.mark.parametrize("name", sorted(set(ODD) - {"whole_op"}))
def test_so_does_that_of_odd_networks(name, cupy):
    assert_source_is_plan(odd_case(name), cupy)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("random_graph", [straight_graph, recurrent_graph])
def test_so_does_that_of_random_graphs(random_graph, number, cupy):
    assert_source_is_plan(random_graph(number).case(), cupy)


@pytest.mark.parametrize("passes", [(), ("roles",), ("roles", "kernels")])
def test_so_does_that_of_other_passes(passes, cupy):
    assert_source_is_plan(network("lstm"), cupy, passes=passes)


@pytest.mark.parametrize("checkpoint", ["sqrt", "keep-state"])
def test_so_does_that_of_a_plan_in_segments(checkpoint, cupy):
    assert_source_is_plan(network("gru", steps=9), cupy, checkpoint=checkpoint)


def test_a_step_reads_as_a_product_and_a_kernel_in_cupys_words(cupy):
    text = assert_source_is_plan(tagger("lstm"), cupy)
    assert "import cupy as cp\n" in text and "numpy" not in text
    loop = text[text.index("    for t in range(4):\n") :].splitlines()[1:]
    calls = [line.split("(")[0].strip() for line in loop if not line.strip().startswith("#")]
    assert calls[0] == "product" and calls[1].startswith("kernel_")
    assert max(map(len, text.splitlines())) <= 100


def test_the_text_of_a_kernel_is_that_which_is_compiled(cupy):
    text = assert_source_is_plan(network("rnn"), cupy)
    assert 'kernel_0 = cp.ElementwiseKernel(\n    "float64 a0' in text
    assert "= tanh(v" in text and "__device__ inline T np_maximum" in text
