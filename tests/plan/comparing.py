"""A plan beside its graph: run both on the same arrays and compare every output and gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import tinygrad_lstm as tl

KINKED = {"Maximum", "Greater", "Max", "ReLU", "Clip", "Abs"}


@dataclass(frozen=True)
class Case:
    """A graph, what it is fed, dL/d(output) for each output, and whose gradients are wanted.

    Attributes:
        seeds: None for a single scalar output, else an array or None for each output.
        wrt: names of parameters and inputs; None for all parameters, as in `compile`.
        draw: the number that restarts dropout before each run, if there is any.
    """

    graph: tl.Graph
    arrays: Sequence[Any]
    seeds: Sequence[Any] | None = None
    wrt: Sequence[str] | None = None
    draw: int = 7

    def about(self, *names: str) -> Case:
        return replace(self, wrt=names)

    def about_everything(self) -> Case:
        return replace(self, wrt=tuple(leaves(self.graph, self.arrays)))


def leaves(graph, arrays):
    """Every leaf that can have a gradient, under the name by which `plan.grads` calls it."""
    real = [n for n, a in zip(graph.inputs, arrays) if np.asarray(a).dtype.kind == "f"]
    return {**graph.parameters, **{n.name: n for n in real}}


def eager(case):
    """Outputs and gradients by `graph.forward` and `graph.backward`."""
    tl.seed(case.draw)
    outputs = [np.array(y) for y in case.graph.forward(*case.arrays)]
    case.graph.backward(*(case.seeds or ()))
    known = leaves(case.graph, case.arrays)
    names = tuple(case.graph.parameters) if case.wrt is None else case.wrt
    grads = {name: known[name].grad for name in names}
    return outputs, {
        name: np.zeros(known[name].shape) if g is None else np.array(g) for name, g in grads.items()
    }


def compiled(case, **options):
    """The plan of a case."""
    known = leaves(case.graph, case.arrays)
    wrt = None if case.wrt is None else [known[name] for name in case.wrt]
    return tl.compile(case.graph, wrt=wrt, **options)


def stepped(plan, case):
    """Outputs and gradients by one step of the plan, copied out of its memory."""
    tl.seed(case.draw)
    outputs = plan.step(*case.arrays, seeds=case.seeds)
    return [np.array(y) for y in outputs], {name: np.array(g) for name, g in plan.grads.items()}


def assert_plan_equals_graph(case, tolerance=1e-12, **options):
    """One step of the plan gives the graph's outputs and gradients; returns the plan."""
    expected = eager(case)
    plan = compiled(case, **options)
    assert_same(stepped(plan, case), expected, tolerance)
    return plan


def assert_same(found, expected, tolerance=1e-12):
    """Equal outputs and gradients, up to `tolerance` of the largest entry of each array.

    A gradient that cancels to nothing is measured against a hundredth of the largest of all.
    """
    (ys, grads), (true_ys, true_grads) = found, expected
    assert len(ys) == len(true_ys)
    assert grads.keys() == true_grads.keys()
    largest = max(map(_largest, (*true_ys, *true_grads.values())), default=1.0)
    pairs = [(f"output {k}", y, true) for k, (y, true) in enumerate(zip(ys, true_ys))]
    pairs += [(f"gradient of {name}", grads[name], true_grads[name]) for name in true_grads]
    for what, array, true in pairs:
        assert array.shape == true.shape, f"{what}: {array.shape}, not {true.shape}"
        assert np.isfinite(true).all(), f"{what}: the graph itself gives no number"
        off = _largest(array - true) / (max(_largest(true), largest / 100) or 1.0)
        assert off <= tolerance, f"{what}: off by {off:.3g}\n{array}\n{true}"


def _largest(array):
    return np.max(np.abs(array), initial=0.0)


def near_a_kink(graph, distance=1e-7):
    """Whether some op stands so close to its corner that rounding decides on its derivative."""
    kinked = [node for node in graph.nodes if type(node.op).__name__ in KINKED]
    return any(_margin(node.op, *[p.data for p in node.parents]) < distance for node in kinked)


def _margin(op, x, other=None):
    """How far the inputs (of the last forward run) are from a corner of the op."""
    if isinstance(op, tl.Max):
        ranked = np.sort(x, axis=op.axis)
        first, second = (
            ranked.take(k, axis=op.axis or 0) for k in (-1, -2 % ranked.shape[op.axis or 0])
        )
        return np.min(first - second)
    corners = (op.low, op.high) if isinstance(op, tl.Clip) else (0.0 if other is None else other,)
    return min(np.min(np.abs(x - corner), initial=1.0) for corner in corners)
