"""Plans on the stand-in for CuPy: graphs are moved there, and what comes back is compared."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.plan import pretend_cublas, pretend_cupy
from tests.plan.comparing import assert_same, compiled, eager
from tinygrad_lstm.plan import cublas_library


@pytest.fixture
def cupy(monkeypatch):
    """The stand-in, under CuPy's name."""
    monkeypatch.setitem(sys.modules, "cupy", pretend_cupy)
    monkeypatch.setattr(cublas_library, "library", pretend_cublas.Library)
    return pretend_cupy


def moved(case, cupy):
    """The same case with all its arrays on the device."""
    for node in case.graph.nodes:
        if node.op is None and node.data is not None:
            node.data = cupy.asarray(node.data)
    seeds = case.seeds and [s if s is None else cupy.asarray(s) for s in case.seeds]
    return replace(case, arrays=[cupy.asarray(a) for a in case.arrays], seeds=seeds)


def stepped_there(plan, case):
    """Outputs and gradients of one step, fetched from the device."""
    tl.seed(case.draw)
    outputs = plan.step(*case.arrays, seeds=case.seeds)
    return [y.get() for y in outputs], {name: g.get() for name, g in plan.grads.items()}


def assert_device_equals_graph(case, cupy, tolerance=1e-12, **options):
    """A step call by call, one that captures and one that only launches equal the NumPy graph.

    Returns the plan, and the case with its arrays on the device.
    """
    expected = eager(case)
    plan = compiled(case, **options)
    case = moved(case, cupy)
    for _ in range(3):
        assert_same(stepped_there(plan, case), expected, tolerance)
        for array in plan.grads.values():
            array.fill(np.nan)
    return plan, case


def replay_of(plan):
    return plan._now.replay


def calls_of(plan):
    """The names of all calls of a step."""
    return [getattr(f, "__name__", type(f).__name__) for f, _ in plan._now.calls]
