"""A graph as text: one node a line, and a name for every parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .tensor import Input, Parameter
from .where import shape_text


def listing(graph: Any) -> str:
    """`%8   h2h   (N, 8)   Affine() %2 %6 %7`: number, name, shape, op and the parents' numbers."""
    number = {node: f"%{k}" for k, node in enumerate(graph.nodes, start=1)}
    rows = []
    for node in graph.nodes:
        made = repr(node.op) if node.op else _leaf(node)
        parents = " ".join(number.get(p, "%?") for p in node.parents)
        rows.append(
            [number[node], full_name(node), shape_text(node.shape), f"{made} {parents}".strip()]
        )
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths)), row[3]]) for row in rows]
    outputs = " ".join(number[node] for node in graph.outputs)
    return "\n".join([*lines, f"-> {outputs}"])


def full_name(node: Any) -> str:
    """A node's name with its place in time and depth: "f @ t=3"."""
    name = node.name or ""
    return f"{name} @ {node.scope}".strip() if node.scope else name


def parameter_names(nodes: Sequence[Any]) -> dict[str, Any]:
    """Each parameter once, by name.

    Two of one name, such as the W_x of two stacked layers, are told apart by the layer that reads
    them ("layer=2/W_x"), and by a number where that does not suffice.
    """
    depth: dict[Any, str] = {}
    for node in nodes:
        for parent in node.parents:
            if isinstance(parent, Parameter):
                depth.setdefault(parent, _without_time(node.scope))
    parameters = [node for node in nodes if isinstance(node, Parameter)]
    count: dict[str, int] = {}
    for p in parameters:
        count[p.name] = count.get(p.name, 0) + 1
    named: dict[str, Any] = {}
    for p in parameters:
        clash = count[p.name] > 1 and depth.get(p)
        name = f"{depth[p]}/{p.name}" if clash else p.name or "parameter"
        k = 2
        while name in named:
            name, k = f"{name.split('#')[0]}#{k}", k + 1
        named[name] = p
    return named


def _without_time(scope: str | None) -> str:
    return "/".join(part for part in (scope or "").split("/") if part and not part.startswith("t="))


def _leaf(node: Any) -> str:
    return (
        "Input"
        if isinstance(node, Input)
        else "Parameter"
        if isinstance(node, Parameter)
        else "Tensor"
    )
