"""Where a plan's memory goes, and that what each timestep keeps is little."""

from itertools import pairwise

import numpy as np
import pytest

from tests.plan.several_loops import SeveralLoops
from tinygrad_lstm import (
    CELLS,
    Graph,
    Input,
    Linear,
    compile,
    stacked,
    tanh,
    through_time,
    unroll,
)
from tinygrad_lstm.errors import GraphError
from tinygrad_lstm.plan import PASSES
from tinygrad_lstm.plan.belonging import root

N, D, H, T = 16, 64, 128, 50  # of a real size: small states are all kept, which is quicker


def prepared(name="lstm", sizes=(D, H), steps=T, without=(), **options):
    """A plan of a cell through time with a seed for every h; never run."""
    graph = through_time(CELLS[name](*sizes), steps)
    plan = compile(graph, passes=[p for p in PASSES if p not in without], **options)
    arrays = [np.zeros((N, node.shape[1])) for node in graph.inputs]
    seeds = [np.zeros((N, sizes[1]))] * steps + [None] * (len(graph.outputs) - steps)
    return plan.prepare(*arrays, seeds=seeds)


def test_the_lstm_keeps_at_most_eight_arrays_of_its_state_for_each_step():
    assert prepared().memory().per_step() <= 8


def test_without_liveness_the_lstm_keeps_more():
    assert prepared(without=["liveness"]).memory().per_step() > 8


def test_in_segments_the_lstm_keeps_at_most_one_array_of_its_state_for_each_step():
    report = prepared(steps=1000, checkpoint="sqrt").memory()
    assert report.per_step("kept for the way back", "handed over between segments") <= 1
    assert report.per_step("outputs") == pytest.approx(1, rel=0.01)


def test_a_loop_that_is_too_narrow_for_words_has_an_arrow_on_its_chart():
    many = SeveralLoops((("chained", "lstm", 9), ("chained", "gru", 9)), 9).case()
    plan = compile(many.graph, checkpoint="sqrt").prepare(*many.arrays, seeds=many.seeds)
    svg = plan.memory().svg
    assert ">→</text>" in svg and ">←</text>" in svg


def test_memory_in_segments_is_that_of_all_arrays():
    plan = prepared(checkpoint="sqrt")
    arrays = {}
    for _, args in plan._now.calls:
        for a in (root(a) for a in args if isinstance(a, np.ndarray)):
            arrays[id(a)] = a.nbytes
    assert plan.memory().total == pytest.approx(sum(arrays.values()), rel=0.1)  # parameters beside
    assert "handed over between segments" in plan.memory().svg


def test_memory_that_is_told_grows_with_time_as_it_says():
    few, many = prepared(steps=40).memory(), prepared(steps=60).memory()
    every = few.per_step("kept for the way back", "outputs", "copies of what is given")
    assert (many.total - few.total) / 20 / few.unit == pytest.approx(every)


def test_memory_is_that_of_all_arrays():
    plan = prepared()
    report, memory = plan.memory(), plan._now.emitter.memory
    assert report.total == sum(a.nbytes for a in (*memory.arrays.values(), *memory.extra))
    assert sum(map(report.of_role, {a.role for a in report.accounts})) + report.scratch == (
        report.total
    )


@pytest.mark.parametrize("options", [{}, {"checkpoint": "sqrt"}, {"checkpoint": "keep-state"}])
def test_of_what_lies_side_by_side_only_the_state_is_an_output(options):
    report = prepared(sizes=(6, 8), **options).memory()
    assert report.per_step("outputs") == pytest.approx(1, rel=0.05)
    beside = {a.names: (a.role, a.shape[-1]) for a in report.accounts if ", beside " in a.names}
    assert beside["x, beside next_h"] == ("copies of what is given", 6)
    assert beside["1, beside next_h, x"] == ("kept for the way back", 1)
    state = "kept for the way back" if options else "outputs"
    assert beside["next_h, beside x"] == (state, 8)


def test_rows_of_a_sequence_beside_the_state_are_copies_of_what_is_given():
    xs, h = Input("xs", 9, "N", 3), Input("h_0", "N", 4)
    hs, _ = unroll(CELLS["rnn"](3, 4), [xs[t] for t in range(9)], [h])
    plan = compile(Graph([xs, h], [stacked(hs)]))
    arrays = [np.ones((9, 2, 3), "float32"), np.ones((2, 4), "float32")]
    report = plan.prepare(*arrays, seeds=[np.ones((9, 2, 4), "float32")]).memory()
    roles = {a.role: a.shape[-1] for a in report.accounts if "beside" in a.names}
    assert roles["copies of what is given"] == 3
    assert roles["outputs"] == 4


def test_the_table_names_the_values_and_says_when_they_are_there():
    text = str(prepared().memory())
    for words in ("next_c", "tanh(next_c)", "in_gate, forget_gate", f"t = {T} ... 1", "dL/dW_x"):
        assert words in text
    assert "arrays like next_h" in text


def test_arrays_that_share_memory_are_never_alive_together():
    for account in prepared().memory().accounts:
        lives = sorted(account.lives)
        for (_, last), (first, _) in pairwise(lives):
            assert last < first


def test_before_shapes_are_known_it_says_what_to_call():
    plan = compile(through_time(CELLS["rnn"](D, H), T))
    with pytest.raises(GraphError, match=r"plan.prepare\(\*arrays\)"):
        plan.memory()


def test_a_graph_without_time_is_told_too():
    x = Input("x", "N", D)
    plan = compile(Graph([x], [tanh(Linear(D, H, "x")(x))], names={"x": x}))
    report = plan.prepare(np.ones((N, D)), seeds=[np.ones((N, H))]).memory()
    assert np.isnan(report.per_step())
    assert "dL/dW_x" in str(report)
    assert report.svg.startswith("<svg")


def test_the_picture_has_a_bar_for_the_gates_and_marks_the_loops():
    svg = prepared().memory().svg
    assert "in_gate, forget_gate" in svg
    assert f"t = 1 ... {T}" in svg
    assert svg == prepared().memory().svg


@pytest.mark.parametrize("name", sorted(CELLS))
def test_the_memory_of_every_cell_can_be_told(name):
    report = prepared(name, sizes=(4, 4), steps=3).memory()
    assert "Memory of the plan" in str(report)
    assert report.svg.endswith("</svg>\n")
