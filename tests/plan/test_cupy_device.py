"""The same plan on CuPy, proved on a stand-in that lets no array leave the device unseen."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops, odd_ops, odd_steps
from tests.plan.comparing import Case, assert_same, compiled, eager
from tests.plan.devices import (
    assert_device_equals_graph,
    calls_of,
    cupy,
    moved,
    replay_of,
    stepped_there,
)
from tests.plan.graphs import straight_graph
from tests.plan.networks import network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.pretend_cublas import computed_as
from tests.plan.recurrent import recurrent_graph
from tinygrad_lstm.plan.cupy_device import CupyDevice
from tinygrad_lstm.plan.passes.kernels import Kernel

assert odd_graphs and odd_loops and odd_ops and odd_steps and cupy, "imported to be entered"


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_on_the_device_equals_its_graph(name, cupy):
    assert_device_equals_graph(network(name), cupy)


@pytest.mark.parametrize("name", sorted(set(ODD) - {"whole_op"}))
def test_odd_networks_on_the_device_equal_their_graphs(name, cupy):
    assert_device_equals_graph(odd_case(name), cupy)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("random_graph", [straight_graph, recurrent_graph])
def test_random_graphs_on_the_device_equal_themselves(random_graph, number, cupy):
    assert_device_equals_graph(random_graph(number).case(), cupy)


def test_rows_are_looked_up_and_added_up_on_the_device(cupy):
    plan, _ = assert_device_equals_graph(tagger("lstm"), cupy)
    assert {"take", "scatter"} <= set(calls_of(plan))


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole"])
def test_a_step_takes_no_memory_and_fetches_nothing(name, cupy):
    plan, case = assert_device_equals_graph(network(name), cupy)
    with cupy.counted() as counts:
        plan.step(*case.arrays, seeds=case.seeds)
    gathered = calls_of(plan).count("gather")
    assert counts["to host"] == counts["to device"] == 0
    assert counts["taken"] == gathered, (
        "arrays of single steps are stacked before they are put down"
    )
    assert counts["graphs"] == 1


def test_calls_made_one_by_one_take_no_memory_either(cupy):
    case = network("lstm")
    plan = compiled(case)
    case = moved(case, cupy)
    plan.step(*case.arrays, seeds=case.seeds)
    with cupy.counted() as counts:
        for part in replay_of(plan).parts:
            for f, args in part.calls if not part.host else ():
                f(*args)
    assert counts["taken"] == counts["to host"] == counts["to device"] == 0
    assert counts["launched"] >= len(calls_of(plan)) - 2


def test_only_what_is_handed_over_as_numpy_arrays_is_carried_to_the_device(cupy):
    case = network("gru")
    expected = eager(case)
    plan = compiled(case)
    moved(case, cupy)
    with tl.backend("cupy"):
        for _ in range(2):
            assert_same(stepped_there(plan, case), expected)
        with cupy.counted() as counts:
            plan.step(*case.arrays, seeds=case.seeds)
    assert counts["to host"] == 0
    alone = len(case.arrays) - 4 + sum(seed is not None for seed in case.seeds[4:])
    assert counts["to device"] == 2 + alone, "two stacks of steps, and what stands alone"


def test_an_op_that_calls_numpy_itself_is_found_out(cupy):
    case = odd_case("whole_op")
    plan = compiled(case)
    case = moved(case, cupy)
    with pytest.raises(TypeError, match="a function of NumPy was called on an array of the device"):
        plan.step(*case.arrays, seeds=case.seeds)


def test_a_graph_that_is_moved_gets_a_program_of_its_own(cupy):
    case = network("rnn")
    expected = eager(case)
    plan = compiled(case)
    plan.step(*case.arrays, seeds=case.seeds)
    assert type(plan.grads["W_h"]) is np.ndarray
    assert_same(stepped_there(plan, moved(case, cupy)), expected)
    assert type(plan.grads["W_h"]) is cupy.ndarray


@pytest.mark.parametrize("tf32", [False, True])
def test_tf32_is_used_only_if_it_was_asked_for(tf32, cupy):
    computed_as.clear()
    case = network("lstm", dtype="float32")
    assert_device_equals_graph(case, cupy, tolerance=1e-5, tf32=tf32)
    assert computed_as == {77 if tf32 else 68}


def test_double_precision_is_never_rounded_to_tf32(cupy):
    computed_as.clear()
    assert_device_equals_graph(network("lstm"), cupy, tf32=True)
    assert computed_as == {70}


def test_the_explanation_says_what_runs_where(cupy):
    case = network("lstm", dtype="float32")
    plan, _ = assert_device_equals_graph(case, cupy, tolerance=1e-5, tf32=True)
    told = " ".join(str(plan.explain()).split())
    assert "Products run on cuBLAS in TF32." in told
    assert "A step is 1 CUDA graph of" in told


def test_arrays_of_other_libraries_are_refused_by_name():
    strict = pytest.importorskip("array_api_strict")
    x = tl.Input("x", "N", 2)
    plan = tl.compile(tl.Graph([x], [tl.tanh(x)]), wrt=[x])
    with pytest.raises(
        tl.BackendError, match="plans run on numpy and cupy, not on array_api_strict"
    ):
        plan.step(strict.asarray(np.ones((3, 2))), seeds=[strict.asarray(np.ones((3, 2)))])


def test_what_the_plan_gave_out_may_be_handed_in_again(cupy):
    x = tl.Input("x", 2, 3)
    plan = tl.compile(tl.Graph([x], [tl.sin(x), x * 2]), wrt=[x])
    given, seeds = cupy.asarray(np.ones((2, 3))), [cupy.asarray(np.ones((2, 3)))] * 2
    for _ in range(3):
        given, doubled = plan.step(given, seeds=seeds)
        assert np.allclose(np.sin(doubled.get() / 2), given.get())
    np.testing.assert_allclose(given.get(), np.sin(np.sin(np.sin(1.0))), rtol=1e-14)
    own, foreign = plan._now._of_others([given, seeds[0]])
    assert own is not given and foreign is seeds[0]


def test_a_view_by_strides_is_known_by_its_memory_for_cupy_gives_it_no_base(cupy):
    array = cupy.asarray(np.arange(6.0))
    view = cupy.lib.stride_tricks.as_strided(array[1:], (2,), (16,))
    assert view.base is None and view.get().tolist() == [1, 3]
    device = CupyDevice(cupy)
    assert device.root(view) == device.root(array) == device.root(array[2:])
    assert device.root(cupy.asarray(np.arange(6.0))) != device.root(array)


def test_arrays_of_another_device_than_the_current_one_are_refused(cupy, monkeypatch):
    monkeypatch.setattr(cupy.ndarray, "device", cupy.cuda.Device(1))
    case = network("rnn")
    plan = compiled(case)
    case = moved(case, cupy)
    with pytest.raises(tl.BackendError, match="arrays lie on device 1, and the current one is 0"):
        plan.step(*case.arrays, seeds=case.seeds)


def test_calls_need_no_host_without_the_pass_that_joins_them(cupy):
    x, y = tl.Input("x", 2, 3), tl.Input("y", 2, 3)
    graph = tl.Graph([x, y], [tl.clip(tl.relu(x) * tl.maximum(x, y), -1, 1)])
    arrays = [np.linspace(-2, 2, 6).reshape(2, 3), np.full((2, 3), 0.3)]
    case = Case(graph, arrays, [np.ones((2, 3))]).about_everything()
    plan, _ = assert_device_equals_graph(case, cupy, passes=())
    assert str(replay_of(plan)).startswith("1 CUDA graph of")
    assert "one by one" not in str(replay_of(plan))
    kernels = [unit for unit in plan._now.emitter.owners if type(unit) is Kernel]
    assert {len(kernel) for kernel in kernels} == {1}


def test_no_kernel_is_handed_more_arrays_than_cuda_has_room_for(cupy):
    xs = [tl.Input(f"x{k}", 2, 3) for k in range(200)]
    y = tl.tanh(xs[0])
    for x in xs[1:]:
        y = y + x
    arrays = [np.full((2, 3), k / 200) for k in range(200)]
    case = Case(tl.Graph(xs, [y]), arrays, [np.ones((2, 3))], ("x0", "x199"))
    assert_device_equals_graph(case, cupy, passes=("kernels",))


@pytest.mark.parametrize("name", ["sums_over_axes", "traced_op", "read_twice_by_one"])
def test_comparisons_are_kernels_and_no_matter_for_the_host(name, cupy):
    plan, _ = assert_device_equals_graph(odd_case(name), cupy)
    assert not any(part.host for part in replay_of(plan).parts[1:])
    assert "looks at numbers" not in str(replay_of(plan))


def test_the_stand_in_refuses_to_be_mixed_with_numpy(cupy):
    there, here = cupy.asarray(np.ones(3)), np.ones(3)
    for mix in (lambda: there + here, lambda: here + there, lambda: np.add(there, there)):
        with pytest.raises(TypeError):
            mix()
    with pytest.raises(TypeError, match="implicit conversion"):
        np.asarray(there)
