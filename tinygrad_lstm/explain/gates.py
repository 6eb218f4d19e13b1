"""Gates, found by what nodes are: squashed products with weights, and what keeps the state."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from ..graph import Graph
from ..ops.elementwise import CAdd, CMul
from ..ops.linear import Affine
from ..ops.shape import Narrow
from ..tensor import Parameter, Tensor
from .timesteps import Carried, timestep


def blocks(graph: Graph, parameter: Parameter) -> dict[str, tuple]:
    """Gate -> the index of its part of the weight: rows of a matrix, entries of a bias.

    A fused weight makes the columns of all gates at once, and `Narrow` nodes cut them apart; a
    weight of one gate belongs to it whole.  A weight that leads to no gate gives {}.
    """
    readers = _readers(graph)
    uses = readers.get(parameter, [])
    if not uses or not parameter.shape:
        return {}
    first = uses[0]
    axis = 0 if isinstance(first.op, Affine) else parameter.ndim - 1
    found: dict[str, tuple] = {}
    for start, length, name in _parts(readers, first, parameter.shape[axis]):
        part = slice(start, start + length)
        found[name] = (*(slice(None),) * axis, part)
    return found


def _readers(graph: Graph) -> dict[Any, list[Tensor]]:
    readers: dict[Any, list[Tensor]] = {}
    for node in graph.nodes:
        for parent in dict.fromkeys(node.parents):
            readers.setdefault(parent, []).append(node)
    return readers


def _parts(readers: dict, first: Tensor, width: int) -> list[tuple[int, int, str]]:
    """(start, length, name of the gate) of every part that becomes a gate of its own."""
    found: list[tuple[int, int, str]] = []
    waiting = [(first, 0, width, False)]  # node, its columns, whether a gate made it
    while waiting:
        node, start, length, squashed = waiting.pop(0)
        follow = []
        for reader in readers.get(node, []):
            if timestep(reader) != timestep(first):
                continue
            op = reader.op
            if isinstance(op, Narrow) and op.step == 1 and op.axis % node.ndim == node.ndim - 1:
                follow.append((reader, start + op.start, op.length, squashed))
            elif not squashed and op.kind in ("elementwise", "gate"):
                follow.append((reader, start, length, op.kind == "gate"))
        if squashed and not follow:
            found.append((start, length, node.name or f"columns {start}..{start + length}"))
        waiting += follow
    return sorted(dict.fromkeys(found))


def gate_nodes(graph: Graph) -> dict[Tensor, str]:
    """Node -> name of every gate of every timestep.

    A gate is a squashing node above a product with a weight; tanh(c) is none.  One that `Narrow`
    nodes cut apart is represented by its parts.
    """
    readers = _readers(graph)
    found: dict[Tensor, str] = {}
    for node in graph.nodes:
        if node.op is None or node.op.kind != "gate" or not _squashes_a_product(node):
            continue
        parts = [r for r in readers.get(node, []) if isinstance(r.op, Narrow)]
        for gate in parts or [node]:
            depth = (node.scope or "").partition("/")[2].replace("=", " ")
            name = gate.name or type(gate.op).__name__
            found[gate] = f"{name} ({depth})" if depth else name
    return found


def keeping_gates(state: Carried) -> list[Any] | None:
    """What each step multiplies the old state by on the state's own path: f_1 ... f_T, or z.

    A node for each step; 1.0 where the state is added to as it is; None if there is no such path.
    """
    before = [state.start, *state.nodes[:-1]]
    kept = [_factor(new, old) for new, old in zip(state.nodes, before)]
    return None if any(factor is None for factor in kept) else kept


def set_forget_bias(cell: Graph, value: float) -> None:
    """Give the gate that keeps the cell's state this bias: f of an LSTM, z of a GRU.

    Of several biases that are added up, the first gets the value and the others get 0.

    Raises:
        GraphError: the cell has no such gate.
    """
    gates = [_factor(new, old) for old, new in zip(cell.inputs[1:], cell.outputs)]
    names = {name for gate, name in gate_nodes(cell).items() if any(gate is g for g in gates)}
    left = dict.fromkeys(names, value)
    for bias in (p for p in cell.parameters.values() if p.ndim == 1 and _is_bias(cell, p)):
        for name, part in blocks(cell, bias).items():
            if name in left:
                data = bias.data.copy()
                data[part] = left[name]
                bias.data, left[name] = data, 0.0
    if not names:
        raise GraphError(f"{cell.name or 'the cell'} has no gate that keeps its state")


def _is_bias(cell: Graph, parameter: Parameter) -> bool:
    return any(isinstance(n.op, Affine) and n.parents[2:] == (parameter,) for n in cell.nodes)


def _squashes_a_product(gate: Tensor) -> bool:
    waiting = list(gate.parents)
    while waiting:
        node = waiting.pop()
        if node.op is None or node.scope != gate.scope:
            continue
        if node.op.kind == "linear":
            return True
        if node.op.kind in ("elementwise", "slice", "reduce"):
            waiting.extend(node.parents)
    return False


def _factor(new: Tensor, old: Any) -> Any:
    """The node by which `old` is multiplied before it is added into `new`; 1.0 for none."""
    waiting = [new]
    while waiting:
        node = waiting.pop()
        if any(parent is old for parent in node.parents):
            if isinstance(node.op, CAdd):
                return 1.0
            if isinstance(node.op, CMul):
                return next((p for p in node.parents if p is not old), old)
        if isinstance(node.op, CAdd):
            waiting.extend(node.parents)
    return None
