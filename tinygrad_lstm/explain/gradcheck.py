"""Are the gradients right?  Backpropagation against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..backend import namespace, to_numpy
from ..checks import is_real
from ..errors import ArgumentError, DtypeError, GradientError
from ..graph import Graph
from ..settings import seed as restart
from ..steps import called
from ..tensor import Tensor
from ..where import ANY
from ..wiring import calculated_with
from .comparison import Compared, Gradcheck
from .precision import in_float64
from .slopes import slope

SIZES = {"N": 3, "T": 4}
"""What the letters of an input's shape stand for where no arrays are given; others are 2."""


def gradcheck(
    what: Graph | Callable[..., Any],
    *arrays: Any,
    tolerance: float = 1e-6,
    seed: int = 0,
    raises: bool = True,
) -> Gradcheck:
    r"""Compare the gradients of inputs and parameters with central differences in float64.

    L is the sum of the outputs, each times fixed random numbers drawn from `seed`.

    Args:
        what: a Graph, or a function of tensors that returns a tensor.
        arrays: the point at which to check; by default small random numbers for a Graph whose
            inputs declare their shapes (N = 3).
        tolerance: the largest relative error that passes.
        raises: whether a wrong gradient raises; else it is in the result.

    Raises:
        GradientError: for a wrong gradient: its worst entry, and the op whose rule is at fault.
            What was computed with float32 before is so again afterwards, also after an error.
    """
    if not isinstance(what, Graph) and not callable(what):
        raise ArgumentError(f"gradcheck takes a Graph or a function of tensors, not {what!r}")
    draw = np.random.default_rng(seed)
    graph = what if isinstance(what, Graph) else _traced(what, arrays)
    with in_float64(graph):
        point = [np.array(a) for a in arrays] if arrays else _drawn(graph, draw)
        result, guilty = _checked(graph, point, draw, tolerance)
    if raises and not result.ok:
        error = GradientError(str(result))
        error.node = guilty
        raise error
    return result


def _checked(graph: Graph, point: Sequence[Any], draw: np.random.Generator, tolerance: float):
    """The result, and the node whose rule is wrong (None if all is right)."""
    outputs = _run(graph, point)
    seeds = [draw.uniform(0.5, 1.5, y.shape) for y in outputs]
    graph.backward(*[_like(s, y) for s, y in zip(seeds, outputs)])
    leaves = [(n.name or f"input {k}", n) for k, n in enumerate(graph.inputs)]
    leaves += list(graph.parameters.items())
    leaves = [(name, node) for name, node in leaves if is_real(node.data)]
    analytic = [
        np.zeros(node.shape) if node.grad is None else to_numpy(node.grad).copy()
        for _, node in leaves
    ]

    def loss() -> float:
        with restart(0):  # dropout draws the same mask every time
            values = graph.forward(*[node.data for node in graph.inputs])
        return sum(float((to_numpy(y) * s).sum()) for y, s in zip(values, seeds))

    rows = tuple(
        compare(name, node, g, loss, tolerance) for (name, node), g in zip(leaves, analytic)
    )
    if not rows:
        raise DtypeError("gradcheck: none of the inputs is real, and there are no parameters")
    result = Gradcheck(rows, tolerance)
    if result.ok:
        return result, None
    _run(graph, point)
    guilty = next(wrong_rules(graph, seeds, tolerance), None)
    blamed = dict(leaves)[result.worst.name] if guilty is None else guilty
    return replace(result, blame=_blame(guilty)), blamed


def compare(
    name: str, node: Tensor, analytic: np.ndarray, loss: Callable[[], float], tolerance: float
) -> Compared:
    """Move every entry of the node a little, see how the loss moves."""
    size = float(np.abs(analytic).max(initial=0.0))
    floor = max(1e-3 * size, 1e-4 * (1 + abs(loss())))  # below it, rounding would be measured
    worst, corners = Compared(name, node.shape, -1.0, (0,) * node.ndim, 0.0, 0.0), []
    for place in np.ndindex(*node.shape):
        expected, here = float(analytic[place]), node.data[place].copy()

        def moved(step: float, place=place, here=here) -> float:
            node.data[place] = here + step
            y = loss()
            node.data[place] = here
            return y

        def error(value: float, expected=expected) -> float:
            gap = abs(value - expected) / max(abs(value), abs(expected), floor)
            return gap if np.isfinite(gap) else np.inf

        found = slope(moved, expected, lambda value, error=error: error(value) <= tolerance)
        if found.corner:
            corners.append(place)
        elif (gap := error(found.value)) > worst.error:
            worst = Compared(name, node.shape, gap, place, expected, found.value)
    return replace(worst, error=max(worst.error, 0.0), corners=tuple(corners))


def wrong_rules(graph: Graph, seeds: Sequence[Any], tolerance: float) -> Iterator[Tensor]:
    """The nodes whose `vjp` disagrees with differences of their own `forward`, youngest first."""
    for step in graph.backward_steps(*seeds):
        node, op = step.node, step.node.op
        inputs = [Tensor(np.array(p.data)) for p in node.parents]
        g = np.array(node.adjoint)

        def loss(op=op, inputs=inputs, g=g) -> float:
            with restart(0):
                return float((op.forward(np, *[x.data for x in inputs]) * g).sum())

        for x, sent in zip(inputs, step.contributions):
            if sent is not None and compare(
                "", x, np.array(called(sent)), loss, tolerance
            ).error > (tolerance):
                yield node
                break


def _blame(node: Tensor | None) -> str:
    if node is None:
        return "every op's rule is right by itself at this point; look for an op that keeps state"
    written = f", written at {node.where}" if node.where else ""
    return f"the rule at fault: {type(node.op).__name__}.vjp, in {node.title}{written}"


def _traced(f: Callable[..., Any], arrays: Sequence[Any]) -> Graph:
    """The graph that one call of the function makes."""
    if not arrays:
        raise ArgumentError("gradcheck of a function needs the arrays at which to check it")
    try:
        return _called(f, [_reals(a, None) for a in arrays])
    except DtypeError:  # parameters of float64 beside numbers of the default precision
        return _called(f, [_reals(a, "float64") for a in arrays])


def _reals(array: Any, dtype: Any) -> Tensor:
    array = array.data if isinstance(array, Tensor) else np.asarray(array)
    if is_real(array):
        return Tensor(array.tolist() if dtype is None else array, dtype=dtype)
    return Tensor(array)


def _called(f: Callable[..., Any], inputs: list[Tensor]) -> Graph:
    for k, x in enumerate(inputs):
        x.name = f"argument {k}"
    y = f(*inputs)
    return Graph(inputs, list(y) if isinstance(y, tuple | list) else [y], name="function")


def _drawn(graph: Graph, draw: np.random.Generator) -> list[np.ndarray]:
    """Numbers for every input: normal ones, or 0 and 1 where rows or classes are meant."""
    real = calculated_with((n, n.op) for n in graph.nodes if n.op is not None)
    arrays = []
    for node in graph.inputs:
        if node.declared == ANY:
            raise ArgumentError(f"gradcheck: {node.title} takes any shape; give it an array")
        shape = tuple(SIZES.get(n, 2) if isinstance(n, str) else n for n in node.declared)
        whole = draw.integers(0, 2, shape)
        arrays.append(0.5 * draw.standard_normal(shape) if node in real else whole)
    return arrays


def _run(graph: Graph, point: Sequence[Any]) -> tuple[Any, ...]:
    with restart(0):
        outputs = graph.forward(*point)
    for node in graph.inputs:
        if is_real(node.data):  # ours to change, entry by entry
            xp = namespace(node.data)
            node.data = xp.asarray(node.data, dtype=xp.float64, copy=True)
    return outputs


def _like(seed: np.ndarray, y: Any) -> Any:
    return namespace(y).asarray(seed)
