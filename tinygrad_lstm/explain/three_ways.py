"""One gradient found in several ways: backwards, forwards, and by trying."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DtypeError, GraphError
from ..graph import Graph
from ..tensor import Parameter
from ..unroll import through_time
from .figure import axes, finish
from .ledger import find_parameter

STEP = 1e-30
"""Of the complex step: nothing is subtracted, so it may be as small as one likes."""
COARSE = 1e-2
"""The largest step of the differences; each refinement halves it."""


@dataclass(frozen=True)
class Way:
    """One method and what it cost.

    Attributes:
        gradient: in the shape of the weight.
        error: the largest difference to the complex step, as a share of the largest entry.
        seconds: of one run, without measuring memory.
        bytes: the most memory that it held at once beside what was there before.
    """

    method: str
    gradient: np.ndarray
    error: float
    seconds: float
    bytes: int


@dataclass(frozen=True)
class ThreeWays:
    """The gradient of one weight by several methods; `print` shows the table."""

    name: str
    ways: tuple[Way, ...]

    def __getitem__(self, method: str) -> Way:
        for way in self.ways:
            if way.method == method:
                return way
        known = ", ".join(way.method for way in self.ways)
        raise GraphError(f"three_ways has no method {method!r}; it has {known}")

    def __str__(self) -> str:
        rows = [f"{'dL/d' + self.name:22}{'error':>10}{'seconds':>12}{'kilobytes':>12}"]
        for w in self.ways:
            rows.append(f"{w.method:22}{w.error:10.1e}{w.seconds:12.4f}{w.bytes / 1024:12.0f}")
        return "\n".join(rows)

    def plot(self, ax: Any = None) -> Any:
        """Time against memory, a point for each method (matplotlib)."""
        ax = axes(
            ax, title=f"Ways to dL/d{self.name}", x_label="seconds", y_label="memory in kilobytes"
        )
        for way in self.ways:
            ax.plot(way.seconds, way.bytes / 1024, "o", label=way.method)
        ax.set(xscale="log", yscale="log")
        return finish(ax, whole=False)


def three_ways(
    cell: Graph, parameter: Parameter | str, xs: Any, state: Sequence[Any], seeds: Any
) -> ThreeWays:
    r"""$\partial L / \partial W$ for $L = \sum_t \langle \text{seed}_t, h_t \rangle$.

    - "complex step": exact, the one that the errors are measured against.
    - "BPTT": one pass forward, one back; memory grows with T.
    - "RTRL" (real-time recurrent learning): every derivative of the state is carried forward with
      the state itself; memory does not grow with T, but there is one derivative for each entry of
      W, and time grows with their number.
    - "differences": central, refined by Richardson's extrapolation.

    Args:
        cell: from (x, *state) to (*state), in float64.
        parameter: one of its weights, or its name.
        xs: (T, N, D), state: arrays (N, H) before the first step, seeds: (T, N, H).

    Raises:
        DtypeError: the weight is no float64, in which differences could not agree.
    """
    name, weight = find_parameter(cell, parameter)
    if not isinstance(weight.data, np.ndarray) or weight.data.dtype != np.float64:
        raise DtypeError(f"three_ways: {weight.title} is {weight.dtype}; build the cell in float64")
    xs, state, seeds = np.asarray(xs), [np.asarray(s) for s in state], np.asarray(seeds)
    methods: dict[str, Callable[[], np.ndarray]] = {
        "complex step": lambda: complex_step(cell, weight, xs, state, seeds),
        "BPTT": lambda: bptt(cell, weight, xs, state, seeds),
        "RTRL": lambda: rtrl(cell, weight, xs, state, seeds),
        "differences": lambda: differences(cell, weight, xs, state, seeds),
    }
    measured = {method: _measured(run) for method, run in methods.items()}
    exact = measured["complex step"][0]
    scale = max(float(np.abs(exact).max(initial=0)), 1e-300)
    ways = [
        Way(method, found, float(np.abs(found - exact).max(initial=0)) / scale, seconds, peak)
        for method, (found, seconds, peak) in measured.items()
    ]
    return ThreeWays(name, tuple(ways))


def bptt(cell: Graph, weight: Parameter, xs: Any, state: Sequence[Any], seeds: Any) -> np.ndarray:
    """Forward through all steps, then back through all of them."""
    net = through_time(cell, len(xs))
    net.forward(*xs, *state)
    net.backward(*seeds, *[None] * len(state), wrt=[weight])
    return np.zeros(weight.shape) if weight.grad is None else weight.grad.copy()


def rtrl(cell: Graph, weight: Parameter, xs: Any, state: Sequence[Any], seeds: Any) -> np.ndarray:
    r"""Carry $ds_t/dW$ forward: $\dot s_t = \partial_s \, \dot s_{t-1} + \partial_W \, \dot W$."""
    forwards = tangent_graph(cell, weight)
    directions = np.eye(weight.data.size).reshape(-1, *weight.shape)
    moving = [[np.zeros_like(s) for s in state] for _ in directions]
    grad = np.zeros(len(directions))
    none = [np.zeros_like(s) for s in state]  # adjoints, on which no tangent depends
    for x, seed in zip(xs, seeds):
        for k, direction in enumerate(directions):
            moving[k] = list(forwards.forward(x, *state, *none, *moving[k], direction))
            grad[k] += np.sum(seed * moving[k][-1])
        state = cell.forward(x, *state)
    return grad.reshape(weight.shape)


def tangent_graph(cell: Graph, weight: Parameter) -> Graph:
    r"""From (x, *state, *adjoints, *state moved, weight moved) to how the new state moves.

    The backward pass is linear in the adjoints, $\bar x = J^\top \bar y$, so its own derivative
    with respect to them is $J$: the forward mode, by differentiating twice.
    """
    back = cell.differentiate(wrt=[*cell.inputs[1:], weight])
    adjoints = back.inputs[len(cell.inputs) :]
    return back.differentiate(wrt=adjoints)


def differences(
    cell: Graph, weight: Parameter, xs: Any, state: Sequence[Any], seeds: Any
) -> np.ndarray:
    """Central differences at steps that halve; each column of the table cancels one more power."""

    def slope(step: np.ndarray) -> float:
        up, down = (_loss(cell, weight, xs, state, seeds, s) for s in (step, -step))
        return float(up - down) / 2

    def refined(direction: np.ndarray) -> float:
        sizes = [COARSE / 2**k for k in range(5)]
        row = [slope(size * direction) / size for size in sizes]
        for power in range(1, len(row)):
            row = [(4**power * b - a) / (4**power - 1) for a, b in itertools.pairwise(row)]
        return row[0]

    return _entry_by_entry(weight, refined)


def complex_step(
    cell: Graph, weight: Parameter, xs: Any, state: Sequence[Any], seeds: Any
) -> np.ndarray:
    r"""$\operatorname{Im} L(W + i \epsilon) / \epsilon$, in which nothing is subtracted."""
    grad = _entry_by_entry(
        weight, lambda d: _loss(cell, weight, xs, state, seeds, 1j * STEP * d).imag / STEP
    )
    cell.forward(xs[0], *state)  # so that no complex numbers stay behind in the cell's nodes
    return grad


def _entry_by_entry(weight: Parameter, slope: Callable[[np.ndarray], float]) -> np.ndarray:
    directions = np.eye(weight.data.size).reshape(-1, *weight.shape)
    return np.array([slope(direction) for direction in directions]).reshape(weight.shape)


def _loss(
    cell: Graph, weight: Parameter, xs: Any, state: Sequence[Any], seeds: Any, step: Any
) -> Any:
    """L with the weight moved by `step`, one timestep in memory at a time."""
    before, total = weight.data, 0.0
    weight.data = before + step
    try:
        for x, seed in zip(xs, seeds):
            state = cell.forward(x, *state)
            total += np.sum(seed * state[-1])
    finally:
        weight.data = before
    return total


def _measured(run: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, int]:
    """The result, seconds, and the peak of memory, from two runs: tracing makes slow."""
    began = time.perf_counter()
    found = run()
    seconds = time.perf_counter() - began
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    tracemalloc.reset_peak()
    held = tracemalloc.get_traced_memory()[0]
    try:
        run()
        peak = tracemalloc.get_traced_memory()[1] - held
    finally:
        if not traced:
            tracemalloc.stop()
    return found, seconds, peak
