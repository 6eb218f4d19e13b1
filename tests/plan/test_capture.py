"""Calls as CUDA graphs, on the stand-in: written down once, launched at every step."""

from __future__ import annotations

import contextlib
import gc
import warnings

import numpy as np
import pytest

from tests.plan import odd_ops
from tests.plan.comparing import assert_same, compiled, eager
from tests.plan.devices import assert_device_equals_graph, cupy, moved, replay_of, stepped_there
from tests.plan.networks import network
from tests.plan.places import odd_case
from tinygrad_lstm.errors import BackendError
from tinygrad_lstm.plan import cublas_library
from tinygrad_lstm.plan.capture import parts_of

assert cupy and odd_ops, "imported to be entered"


def test_the_first_step_makes_the_calls_the_second_captures_them(cupy):
    case = network("lstm")
    plan = compiled(case)
    case = moved(case, cupy)
    told = []
    for _ in range(3):
        with cupy.counted() as counts:
            plan.step(*case.arrays, seeds=case.seeds)
        told.append((counts["graphs"], str(replay_of(plan)).split(" of ")[0]))
    assert told == [(0, "0 CUDA graphs"), (1, "1 CUDA graph"), (1, "1 CUDA graph")]


def test_a_graph_reads_what_the_latest_step_has_put_down(cupy):
    case = network("gru")
    plan, there = assert_device_equals_graph(case, cupy)
    for node in case.graph.parameters.values():
        node.data = cupy.asarray(node.data.get() / 2)
    found = stepped_there(plan, there)
    for node in case.graph.parameters.values():
        node.data = node.data.get()
    assert_same(found, eager(case))


def test_what_looks_at_numbers_stands_between_graphs_and_is_named(cupy):
    plan, _ = assert_device_equals_graph(odd_case("op_that_looks"), cupy)
    assert "FirstSign looks at numbers" in str(replay_of(plan))
    assert sum(part.graph is not None for part in replay_of(plan).parts) > 1


@pytest.mark.parametrize("checkpoint", ["sqrt", "keep-state"])
def test_a_sequence_in_segments_has_graphs_for_each_of_them(checkpoint, cupy):
    plan, case = assert_device_equals_graph(network("gru", steps=9), cupy, checkpoint=checkpoint)
    assert sum(part.graph is not None for part in replay_of(plan).parts) > 2
    with cupy.counted() as counts:
        plan.step(*case.arrays, seeds=case.seeds)
    assert counts["to host"] == counts["to device"] == 0


def test_a_capture_that_fails_warns_once_and_goes_on_call_by_call(cupy, monkeypatch):
    def refused(stream):
        raise cupy.cuda.CUDARuntimeError("operation not permitted")

    monkeypatch.setattr(cupy.cuda.Stream, "begin_capture", refused)
    case = network("rnn")
    expected = eager(case)
    plan = compiled(case)
    case = moved(case, cupy)
    assert_same(stepped_there(plan, case), expected)
    with pytest.warns(
        UserWarning, match="not captured as a CUDA graph: CUDARuntimeError: operation"
    ):
        plan.step(*case.arrays, seeds=case.seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(stepped_there(plan, case), expected)
    assert "operation not permitted" in str(replay_of(plan))


def test_a_call_that_takes_memory_is_not_captured(cupy):
    case = network("rnn")
    plan = compiled(case)
    case = moved(case, cupy)
    plan.step(*case.arrays, seeds=case.seeds)
    part = next(part for part in replay_of(plan).parts if not part.host)
    part.calls.append((cupy.asarray, (np.ones(1),)))
    with pytest.warns(UserWarning, match="a copy from the host is not permitted"):
        plan.step(*case.arrays, seeds=case.seeds)
    assert cupy.cuda.get_current_stream().written is None, "the stream captures no longer"


def test_no_garbage_is_collected_during_a_capture(cupy, monkeypatch):
    seen = []
    monkeypatch.setattr(cupy.cuda, "using_allocator", lambda allocator: seen_by(seen))
    case = network("rnn")
    plan = compiled(case)
    case = moved(case, cupy)
    for _ in range(2):
        plan.step(*case.arrays, seeds=case.seeds)
    assert seen == [True, False] and gc.isenabled()


@contextlib.contextmanager
def seen_by(seen):
    seen.append(gc.isenabled())
    yield


def test_the_plan_works_on_a_stream_that_waits_for_no_other(cupy):
    plan, _ = assert_device_equals_graph(network("rnn"), cupy)
    assert replay_of(plan).stream.non_blocking


def test_cupys_own_products_are_refused_in_a_capture_as_they_are_by_cupy(cupy, monkeypatch):
    def missing(xp):
        raise OSError("libcublas.so.12: cannot open shared object file")

    monkeypatch.setattr(cublas_library, "library", missing)
    case = network("lstm")
    expected = eager(case)
    plan = compiled(case)
    case = moved(case, cupy)
    assert_same(stepped_there(plan, case), expected)
    with pytest.warns(UserWarning, match="calling cuBLAS API during stream capture"):
        plan.step(*case.arrays, seeds=case.seeds)
    assert_same(stepped_there(plan, case), expected)


def test_products_on_another_stream_take_their_memory_along(cupy):
    product = cublas_library.Cublas(cupy)
    a, out = (cupy.asarray(np.eye(2)) for _ in range(2))
    one, zero = np.ones(1), np.zeros(1)
    matrix = a.data.ptr, 1, 2, 4
    args = (0, 0, 2, 2, 2, one.ctypes.data, *matrix, *matrix, zero.ctypes.data)
    for stream in (cupy.cuda.Stream(non_blocking=True) for _ in range(2)):
        with stream:
            stream.begin_capture()
            product(*args, out.data.ptr, 1, 2, 4, 1, 70, -1)
            stream.end_capture()


def test_what_cublas_refuses_is_an_error_with_its_status(cupy):
    with pytest.raises(BackendError, match="cublasGemmStridedBatchedEx failed with status 15"):
        cublas_library.Cublas(cupy)(*[0] * 22)


def test_an_error_between_two_steps_leaves_the_streams_in_order(cupy):
    plan, case = assert_device_equals_graph(network("rnn"), cupy)
    replay = replay_of(plan)
    with pytest.raises(ZeroDivisionError), replay.turn():
        assert cupy.cuda.get_current_stream() is replay.stream
        raise ZeroDivisionError
    assert cupy.cuda.get_current_stream() is not replay.stream
    plan.step(*case.arrays, seeds=case.seeds)


def test_parts_are_as_long_as_they_can_be():
    calls = [(print, (k,)) for k in range(6)]
    parts = parts_of(calls, ["", "", "a", "a", "b", ""])
    assert [(len(part.calls), part.host) for part in parts] == [
        (2, ""),
        (2, "a"),
        (1, "b"),
        (1, ""),
    ]
    assert [call for part in parts for call in part.calls] == calls
