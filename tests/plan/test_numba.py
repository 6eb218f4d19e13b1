"""Kernels that numba compiles: equal to the graph, few calls, and seen to run."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import assert_plan_equals_graph, assert_same, compiled, eager, stepped
from tests.plan.graphs import straight_graph
from tests.plan.networks import network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph
from tests.plan.test_source import assert_source_is_plan
from tinygrad_lstm.errors import ArgumentError
from tinygrad_lstm.plan.kernel_text import KernelText
from tinygrad_lstm.plan.numba_loops import Loop, merged, product_row, stack_row, sum_row

assert odd_graphs and odd_loops and odd_ops and odd_steps  # they enter their networks into ODD
needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


def with_kernels(case):
    """The plan, equal to its graph, that makes less than half of its calls from Python."""
    plan = assert_plan_equals_graph(case, kernels="numba")
    now = plan._now
    assert now.replay.loops > 0
    assert len(now.replay.calls) < max(4, len(now.calls) / 2)
    return plan


def run_row(row):
    from tinygrad_lstm.plan.numba_machine import run_rows

    run_rows(np.array(row, np.int64))


@needs_numba
@pytest.mark.parametrize("name", sorted(NAMES))
def test_kernels_of_every_cell_give_the_gradients_of_the_graph(name):
    with_kernels(network(name))


@needs_numba
@pytest.mark.parametrize("name", list(ODD)[::15])
def test_so_do_those_of_odd_networks(name):
    assert_plan_equals_graph(odd_case(name), kernels="numba")


@needs_numba
@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("make", [straight_graph, recurrent_graph], ids=["straight", "recurrent"])
def test_so_do_those_of_random_graphs(make, number):
    assert_plan_equals_graph(make(number).case(), kernels="numba")


def large(dtype):
    """A graph whose products are BLAS's and whose loops are long, arrays and seeds."""
    with tl.default_dtype(dtype):
        graph = tl.through_time(tl.CELLS["lstm"](5, 24), 3)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((20, node.shape[1])).astype(dtype) for node in graph.inputs]
    seeds = [random.standard_normal((20, 24)).astype(dtype) for _ in graph.outputs]
    return graph, arrays, seeds


@needs_numba
def test_float32_gradients_agree_in_all_but_the_last_digits():
    graph, arrays, seeds = large("float32")
    plan = tl.compile(graph, kernels="numba")
    plan.step(*arrays, seeds=seeds)
    graph.forward(*arrays)
    graph.backward(*seeds)
    for name, parameter in graph.parameters.items():
        off = np.abs(plan.grads[name] - parameter.grad).max()
        assert off < 2e-6 * np.abs(parameter.grad).max()


@needs_numba
def test_functions_that_numpy_computes_faster_stay_with_numpy_and_explain_says_so():
    graph, arrays, seeds = large("float64")
    plan = tl.compile(graph, kernels="numba")
    outputs = plan.step(*arrays, seeds=seeds)
    for y, true in zip(outputs, graph.forward(*arrays)):
        np.testing.assert_allclose(y, true, rtol=0, atol=1e-14)
    told = " ".join(str(plan.explain()).split())
    assert "kernels of numba" in told
    assert told.endswith("by NumPy: tanh.")


@needs_numba
def test_a_small_step_is_one_call_after_its_arrays_are_gathered():
    plan = with_kernels(network("lstm", 2, rows=1))
    functions = [f.__name__ for f, _ in plan._now.replay.calls]
    assert functions.count("run") == 1
    assert set(functions) <= {"run", "gather"}


@needs_numba
def test_masks_are_drawn_and_rows_looked_up_between_the_loops():
    assert_plan_equals_graph(tagger("gru"), kernels="numba")


@needs_numba
def test_segments_of_a_long_loop_are_run_by_loops_as_well():
    case = network("lstm", steps=20)
    plan = assert_plan_equals_graph(case, kernels="numba", checkpoint="sqrt")
    assert len(plan._now.parts) > 1
    assert len(plan._now.replay.calls) < len(plan._now.calls) / 2


@needs_numba
def test_other_sizes_of_one_network_need_no_other_code():
    from tinygrad_lstm.plan.numba_loops import _address_of_code

    plan = compiled(network("gru"), kernels="numba")
    graph = plan.graph
    for rows in (3, 7):
        arrays = [np.ones((rows, node.shape[1])) for node in graph.inputs]
        seeds = [np.ones((rows, y.shape[1])) for y in graph.outputs]
        before = _address_of_code.cache_info().misses
        plan.step(*arrays, seeds=seeds)
    assert _address_of_code.cache_info().misses == before


@needs_numba
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_source_spells_the_kernels_with_numpy(name):
    assert "def loop_0(" in assert_source_is_plan(network(name), kernels="numba")


@needs_numba
def test_tanh_of_a_kernel_is_right_to_one_and_a_half_units_in_the_last_place():
    x = np.linspace(-10, 10, 400_001).astype("float32")
    x[:4] = np.nan, np.inf, -np.inf, 1e-38
    y = np.empty_like(x)
    Loop(KernelText("float32 a0", "float32 y0", "const float v0 = tanh(a0);\ny0 = v0;"))(x, y)
    true = np.tanh(x.astype("float64"))
    assert np.isnan(y[0])
    assert y[1] == 1
    assert y[2] == -1
    units = np.spacing(np.abs(true[3:]).astype("float32")).astype("float64")
    assert np.max(np.abs(y[3:] - true[3:]) / units) < 1.5


@needs_numba
@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1)])
def test_loops_read_arrays_as_they_lie(turn):
    text = KernelText(
        "float64 a0, float64 a1, float64 a2, bool a3",
        "float64 y0, bool y1",
        "const double v0 = np_where(a3, a0 * a1, a2);\nconst bool v1 = v0 > a0;\n"
        "y0 = v0;\ny1 = v1;",
    )
    draws = np.random.default_rng(0)
    a = draws.standard_normal((4, 6, 8)).transpose(turn)[::-1, :, ::2]
    b = draws.standard_normal(a.shape[1:])
    c = draws.standard_normal((a.shape[1], 1))
    d = draws.standard_normal(a.shape) > 0
    y, z = np.empty(a.shape), np.empty(a.shape, bool)
    Loop(text)(a, b, c, d, y, z)
    np.testing.assert_array_equal(y, np.where(d, a * b, c))
    np.testing.assert_array_equal(z, y > a)


@needs_numba
def test_a_loop_may_write_where_it_reads():
    text = KernelText(
        "float32 a0, float32 a1",
        "float32 y0, float32 y1",
        "const float v0 = a0 + a1;\nconst float v1 = a0 - a1;\ny0 = v0;\ny1 = v1;",
    )
    a, b = np.arange(100, dtype="float32"), np.full(100, 3, "float32")
    Loop(text)(a, b, b, a)
    np.testing.assert_array_equal(b, np.arange(100) + 3)
    np.testing.assert_array_equal(a, np.arange(100) - 3)


@needs_numba
def test_small_products_and_sums_are_those_of_numpy():
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4, 4))
    y = np.empty((3, 4, 4))
    run_row(product_row(a, b.swapaxes(1, 2), y))
    np.testing.assert_allclose(y, a @ b.swapaxes(1, 2), rtol=1e-14)
    run_row(product_row(a[0], b, y))
    np.testing.assert_allclose(y, a[0] @ b, rtol=1e-14)
    out = np.empty((1, 4))
    run_row(sum_row(a, (0, 1), out))
    np.testing.assert_allclose(out[0], a.sum((0, 1)), rtol=1e-14)
    assert sum_row(a[:, 1:], (0, 1), out) is None
    run_row(stack_row(a, y[0]))
    np.testing.assert_allclose(y[0], a.sum(0), rtol=1e-14)


def test_axes_that_lie_one_behind_the_other_are_one():
    assert merged((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == ([24], [[1], [1]])
    assert merged((2, 3, 4), [(12, 4, 1), (0, 4, 1)]) == ([2, 12], [[12, 1], [0, 1]])
    assert merged((1, 1), [(5, 1)]) == ([1], [[1]])


def test_without_numba_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_lstm.plan.compile"], "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=r'pip install "tinygrad-lstm\[numba\]"'):
        tl.compile(network("lstm").graph, kernels="numba")


def test_other_kernels_are_refused():
    with pytest.raises(ArgumentError, match="None or \"numba\", not 'c'"):
        tl.compile(network("lstm").graph, kernels="c")


@needs_numba
def test_a_second_step_gives_the_same_numbers():
    case = network("lstm")
    plan = compiled(case, kernels="numba")
    stepped(plan, case)
    assert_same(stepped(plan, case), eager(case))
