"""From a cell to a network through time, and from cells to a deeper cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .backend import backend_name, move
from .checks import is_real
from .errors import ArgumentError, GraphError, ShapeError
from .graph import Graph, as_graph
from .settings import LOCAL
from .tensor import Input, Tensor


def unroll(cell: Graph, xs: Sequence[Any], state: Sequence[Any]) -> tuple[list[Tensor], tuple]:
    r"""Apply the cell at every timestep, t = 1 ... T; all steps read the same parameters.

    $(\text{state}_t) = \text{cell}(x_t, \text{state}_{t-1})$

    Args:
        xs: the inputs x_1 ... x_T, each (N, D).
        state: the state before the first step, as the cell takes it: (c_0, h_0) for an LSTM.

    Returns:
        The list of h_t, and the state after the last step.  For T = 0 the state is as it came.
    """
    cell = as_graph(cell, "unroll")
    if isinstance(state, Tensor | np.ndarray):
        raise ArgumentError("unroll: the state is a tuple, also if it has one part: (h_0,)")
    state, hs = tuple(state), []
    for t, x in enumerate(xs, start=1):
        state = cell(x, *state, scope=f"t={t}")
        hs.append(state[-1])
    return hs, state


def through_time(cell: Graph, T: int) -> Graph:
    """The cell unrolled over T steps as one Graph.

    Inputs: x_1 ... x_T, then the state before the first step.
    Outputs: h_1 ... h_T, then the state after the last step (whose last part is h_T once more).
    """
    if not isinstance(T, int | np.integer) or T < 1:
        raise ShapeError(f"through_time: T = {T}; a network through time has at least one step")
    x, *states = as_graph(cell, "through_time").inputs
    xs = [Input(f"{x.name}_{t}", *x.axes) for t in range(1, T + 1)]
    start = [Input(f"{_without_prev(s.name)}_0", *s.axes) for s in states]
    hs, end = unroll(cell, xs, start)
    return Graph([*xs, *start], [*hs, *end], name=f"{cell.name} through time")


def zero_state(cell: Graph, N: int) -> tuple[Tensor, ...]:
    """Zeros for every state of the cell, (N, ...), with dtype and backend of its weights."""
    if not isinstance(N, int | np.integer) or N < 0:
        raise ShapeError(f"zero_state: N = {N!r}; the size of a batch is a whole number")
    cell = as_graph(cell, "zero_state")
    like = next((p.data for p in cell.parameters.values() if is_real(p.data)), None)
    state = []
    for s in cell.inputs[1:]:
        shape = tuple(N if isinstance(n, str) else n for n in s.axes)
        zeros = np.zeros(shape, LOCAL.dtype)
        if like is not None and backend_name(like) == "numpy":
            zeros = zeros.astype(like.dtype)
        elif like is not None:
            zeros = move(zeros.astype(str(like.dtype).split(".")[-1]), _home(like), _device(like))
        state.append(Tensor(zeros, name=f"{_without_prev(s.name)}_0"))
    return tuple(state)


def stack(cells: Sequence[Graph]) -> Graph:
    r"""Cells on top of each other, as one cell with the states of all: $x^{(l+1)}_t = h^{(l)}_t$.

    Its state is that of layer 1, then of layer 2 ...: (c1, h1, c2, h2) for two LSTMs.
    """
    if isinstance(cells, Graph) or not cells:
        raise GraphError("stack: no cells; it takes a list of at least one: stack([cell, cell])")
    if isinstance(cells[0], Tensor):
        raise ArgumentError("stack is for cells; tensors are put together by stacked([...])")
    cells = [as_graph(cell, "stack") for cell in cells]
    x = h = Input("x", *cells[0].inputs[0].axes)
    states, ends = [], []
    for depth, cell in enumerate(cells, start=1):
        mine = [Input(_numbered(s.name, depth), *s.axes) for s in cell.inputs[1:]]
        end = cell(h, *mine, scope=f"layer={depth}")
        states += mine
        ends += end
        h = end[-1]
    return Graph([x, *states], ends, name=" on ".join(c.name or "cell" for c in reversed(cells)))


def _without_prev(name: str | None) -> str:
    return (name or "state").removesuffix("_prev")


def _numbered(name: str | None, depth: int) -> str:
    """c_prev of layer 2 is c2_prev."""
    base = _without_prev(name)
    return f"{base}{depth}" + ("_prev" if name and name.endswith("_prev") else "")


def _home(array: Any) -> Any:
    from .backend import namespace

    return "cupy" if backend_name(array) == "cupy" else namespace(array)


def _device(array: Any) -> Any:
    return None if backend_name(array) == "cupy" else array.device
