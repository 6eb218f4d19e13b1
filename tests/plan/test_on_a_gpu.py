"""The same on a GPU, where there is one: what the stand-in can only pretend."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.plan import odd_graphs, odd_loops
from tests.plan.devices import assert_device_equals_graph, replay_of
from tests.plan.networks import network
from tests.plan.places import odd_case
from tests.plan.test_cupy_source import assert_source_is_plan
from tests.plan.test_device_numbers import WRONG, dropping_tagger
from tinygrad_lstm.backend import has_gpu
from tinygrad_lstm.plan.cublas_library import Cublas

assert odd_graphs and odd_loops, "imported to be entered"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not has_gpu(), reason="no GPU, or no CuPy: see docs/gpu.md"),
]


@pytest.fixture
def device():
    """CuPy itself; warnings of captures that failed are errors, those of others are not."""
    cupy = pytest.importorskip("cupy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="plan: not captured")
        yield cupy


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_on_a_gpu_equals_its_graph(name, device):
    plan, _ = assert_device_equals_graph(network(name), device, 1e-10)
    assert str(replay_of(plan)).startswith("1 CUDA graph of")


@pytest.mark.parametrize("checkpoint", [None, "sqrt"])
def test_a_table_dropout_a_head_and_a_loss_are_one_captured_graph(checkpoint, device):
    case = dropping_tagger(bool(checkpoint))
    plan, _ = assert_device_equals_graph(case, device, 1e-10, checkpoint=checkpoint)
    assert not any(part.host for part in replay_of(plan).parts)


@pytest.mark.parametrize("name", ["one_mask", "two_masks"])
def test_masks_of_a_gpu_are_those_of_the_graph(name, device):
    assert_device_equals_graph(odd_case(name), device, 1e-10)


@pytest.mark.parametrize("what", WRONG)
def test_rows_and_classes_that_do_not_exist_are_told_by_the_first_step(what, device):
    make, wrong, k, text = WRONG[what]
    case = make()
    arrays = [device.asarray(wrong if j == k else a) for j, a in enumerate(case.arrays)]
    for node in case.graph.nodes:
        if node.op is None and node.data is not None:
            node.data = device.asarray(node.data)
    seeds = case.seeds and [device.asarray(s) for s in case.seeds]
    wrt = None if case.wrt is None else [n for n in case.graph.inputs if n.name in case.wrt]
    with pytest.raises(tl.RangeError, match=text):
        tl.compile(case.graph, wrt=wrt).step(*arrays, seeds=seeds)


def test_the_source_runs_on_a_gpu(device):
    assert_source_is_plan(network("lstm"), device, tolerance=1e-10)


def test_cublas_multiplies_what_lies_in_columns_and_in_rows(device):
    a, b = (device.asarray(np.random.default_rng(k).standard_normal((3, 3))) for k in range(2))
    out, one, zero = device.zeros((3, 3)), np.ones(1), np.zeros(1)

    def matrix(x):
        return x.data.ptr, 1, 3, 9

    Cublas(device)(
        0, 0, 3, 3, 3, one.ctypes.data, *matrix(b), *matrix(a), zero.ctypes.data, *matrix(out),
        1, 70, -1,
    )  # fmt: skip
    np.testing.assert_allclose(out.get(), a.get() @ b.get(), rtol=1e-12)
