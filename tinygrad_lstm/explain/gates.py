"""Which rows of a weight belong to which gate, read off the ops that follow its use."""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from ..ops.linear import Affine
from ..ops.shape import Narrow
from ..tensor import Parameter, Tensor
from .timesteps import timestep


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
