"""What a plan says about itself: numbers that can be counted by hand, names from the graph."""

import numpy as np
import pytest

from tinygrad_lstm import (
    CELLS,
    Graph,
    Input,
    KeepMask,
    Linear,
    cell,
    compile,
    cross_entropy,
    seed,
    stack,
    tanh,
    through_time,
)
from tinygrad_lstm.errors import GraphError
from tinygrad_lstm.plan import PASSES

N, D, H, T = 2, 3, 4, 5


def unrolled(name="lstm", sizes=(D, H), steps=T, **options):
    """A plan of a cell through time, and arrays and seeds (on every h) for a step of it."""
    graph = through_time(CELLS[name](*sizes), steps)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((N, node.shape[1])) for node in graph.inputs]
    plan = compile(graph, **options)
    seeds = [np.ones((N, sizes[1]))] * steps + [None] * (len(graph.outputs) - steps)
    return plan, arrays, seeds


def test_before_shapes_are_known_it_says_what_to_call():
    plan, _, _ = unrolled()
    text = str(plan.explain())
    assert "not known yet" in text
    assert "plan.prepare(*arrays)" in text
    assert "roles, blocks" in text


def test_measuring_needs_a_step_that_can_be_repeated():
    plan, arrays, seeds = unrolled()
    plan.prepare(*arrays, seeds=seeds)
    with pytest.raises(GraphError, match="repeats a step"):
        plan.explain(measure=True)


def test_each_pass_has_a_row_and_the_last_is_the_plan_itself():
    plan, arrays, seeds = unrolled()
    plan.step(*arrays, seeds=seeds)
    found = plan.explain()
    assert [stage.name for stage in found.stages] == ["", *PASSES]
    assert f"{found.stages[-1].cost.calls:,} calls" in found.title
    assert all(name in str(found) for name in PASSES)


def test_operations_of_products_are_those_of_the_lstm():
    hoisted = [name for name in PASSES if name != "beside"]  # without the column of the bias
    plan, arrays, seeds = unrolled(passes=hoisted)
    plan.step(*arrays, seeds=seeds)
    forward = 2 * N * 4 * H * (D + H) * T
    backward = 2 * N * 4 * H * (H + D + H) * T
    assert plan.explain().stages[-1].cost.flops == forward + backward


def test_the_input_linear_is_computed_for_all_steps_at_once_and_the_recurrent_one_is_not():
    hoisted = [name for name in PASSES if name != "beside"]
    plan, arrays, seeds = unrolled(passes=hoisted)
    plan.step(*arrays, seeds=seeds)
    parts = {part.when: part.rows for part in plan.explain().parts}
    assert any("product" in row.functions for row in parts[f"for all {T} steps at once"])
    assert any("product" in row.functions for row in parts[f"step after step, t = 1 ... {T}"])


def test_values_are_called_as_the_cell_calls_them():
    plan, arrays, seeds = unrolled()
    plan.step(*arrays, seeds=seeds)
    names = " ".join(row.names for part in plan.explain().parts for row in part.rows)
    for name in ("in_gate", "c_forget", "next_c", "next_h", "dL/dnext_c", "dL/dW_x"):
        assert name in names


def test_layers_of_a_stack_are_told_apart():
    graph = through_time(stack([CELLS["rnn"](D, H), CELLS["rnn"](H, H)]), T)
    plan = compile(graph).prepare(*[np.ones((N, n.shape[1])) for n in graph.inputs])
    text = str(plan.explain())
    assert "layer=1/h" in text
    assert "layer=2/h" in text


def test_loops_are_told_with_what_they_carry():
    plan, arrays, seeds = unrolled()
    plan.step(*arrays, seeds=seeds)
    steps, forward, backward = plan.explain().loops
    assert steps.startswith(f"{T} steps of 15 nodes each")
    assert "next_h, next_c" in forward
    assert "dL/dnext_h, dL/dnext_c" in backward


def test_shares_of_the_time_add_up_to_one():
    plan, arrays, seeds = unrolled()
    plan.step(*arrays, seeds=seeds)
    before = {name: g.copy() for name, g in plan.grads.items()}
    found = plan.explain(measure=True)
    assert all(row.seconds > 0 for part in found.parts for row in part.rows)
    assert all(stage.seconds > 0 for stage in found.stages)
    assert "of the time" in str(found)
    for name, g in plan.grads.items():
        assert np.array_equal(g, before[name])


def test_a_pass_that_finds_nothing_says_so():
    plan, arrays, seeds = unrolled("rnn")
    plan.step(*arrays, seeds=seeds)
    assert "lookups: nothing to do in this graph" in str(plan.explain())


def test_a_graph_without_loops_is_explained_too():
    x = Input("x", "N", D)
    plan = compile(Graph([x], [tanh(Linear(D, H, "x")(x))]))
    plan.step(np.ones((N, D)), seeds=[np.ones((N, H))])
    assert "Loops\n  none" in str(plan.explain())


def test_an_output_without_a_name_is_called_output_and_a_whole_op_by_its_own():
    x, classes = Input("x", "N", D), Input("classes", "N")
    plan = compile(Graph([x, classes], [cross_entropy(Linear(D, H, "y")(x), classes)]))
    plan.step(np.ones((N, D)), np.zeros(N, int))
    rows = {row.names: row.functions for part in plan.explain().parts for row in part.rows}
    assert "CrossEntropy" in rows["output"]
    assert "dL/dW_y" in rows


def test_segments_are_told_with_their_number_and_every_call_is_somebodys():
    plan, arrays, seeds = unrolled(steps=16, checkpoint="sqrt")
    plan.step(*arrays, seeds=seeds)
    found = plan.explain(measure=True)
    assert any("in each of 4 segments: step after step" in part.when for part in found.parts)
    assert found.parts[-1].when == "between segments"
    calls = sum(row.cost.calls for part in found.parts for row in part.rows)
    assert calls == found.stages[-1].cost.calls
    assert "in each of 4 segments" in plan.draw().dot


def test_names_are_escaped_in_html():
    @cell
    def sharp_cell_of_this_test(input_size, hidden_size):
        x, h_prev = Input("x", "N", input_size), Input("h_prev", "N", hidden_size)
        h = tanh(Linear(input_size, hidden_size, "<b>")(x) + h_prev)
        return Graph([x, h_prev], [h], names=locals())

    try:
        graph = through_time(CELLS["sharp_cell_of_this_test"](D, H), T)
    finally:
        CELLS.pop("sharp_cell_of_this_test")
    plan = compile(graph).prepare(*[np.ones((N, n.shape[1])) for n in graph.inputs])
    page = plan.explain()._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert page.count("<table>") == page.count("</table>") > 1


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_cell_can_be_explained(name):
    plan, arrays, seeds = unrolled(name, sizes=(4, 4), steps=3)
    plan.step(*arrays, seeds=seeds)
    found = plan.explain()
    calls = sum(row.cost.calls for part in found.parts for row in part.rows)
    assert calls == found.stages[-1].cost.calls
    assert str(found) == str(plan.explain())


def test_measuring_leaves_random_streams_and_the_last_gradients_as_they_were():
    x = Input("x", N, D)
    graph = Graph([x], [(x * KeepMask(0.5)(x)).sum()])
    plan = compile(graph, wrt=[x])
    seed(3)
    plan.step(np.ones((N, D)))
    before = np.array(plan.grads["x"])
    plan.explain(measure=True)
    assert np.array_equal(plan.grads["x"], before)
    plan.step(np.ones((N, D)))
    after = np.array(plan.grads["x"])
    seed(3)
    for mask in (before, after):
        graph.forward(np.ones((N, D)))
        graph.backward()
        assert np.array_equal(x.grad, mask)
