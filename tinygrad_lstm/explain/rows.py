"""Many backward passes over the same values: one pass, where the batch can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend import namespace
from ..graph import Graph
from ..ops.flow import KeepMask
from ..ops.reduce import LogSoftmax, Softmax
from ..steps import below
from ..tensor import Tensor


def gradients(
    graph: Graph, rows: Sequence[tuple[Tensor, Any]], nodes: Sequence[Tensor]
) -> list[Any]:
    r"""$\partial \langle \text{seed}_r, \text{output}_r \rangle / \partial \text{node}$.

    If all nodes keep the rows of the batch apart, the batch is repeated once for each r and one
    backward pass answers all; else there is one pass for each r.  Both are exact.

    Args:
        graph: one that was run forward; its values and its parameters' gradients are left alone.
        rows: pairs (output, seed), the seed in the output's shape; any node may be an output.
        nodes: those asked about.

    Returns:
        For each node an array (rows, *its shape).
    """
    outputs = list(dict.fromkeys(output for output, _ in rows))
    needed = set(below([*outputs, *nodes], stop=graph.inputs))
    inputs = [node for node in graph.inputs if node in needed]
    asked = Graph(inputs, [*outputs, *nodes], name=graph.name)
    kept = [(p, p.adjoint) for p in asked.parameters.values()]
    try:
        letter = _batch_letter(asked)
        if letter and len(rows) > 1:
            return _repeated(asked, letter, rows, nodes)
        return _one_by_one(asked, rows, nodes)
    finally:
        for parameter, gradient in kept:
            parameter.adjoint = gradient


def _one_by_one(asked: Graph, rows: Sequence[tuple], nodes: Sequence[Tensor]) -> list[Any]:
    found: list[list[Any]] = [[] for _ in nodes]
    for output, seed in rows:
        seeds = [None] * len(asked.outputs)
        seeds[asked.outputs.index(output)] = seed
        asked.backward(*seeds, wrt=nodes)
        for into, node in zip(found, nodes):
            xp = namespace(node.data)
            into.append(xp.zeros_like(node.data) if node.grad is None else node.grad * 1)
    return [namespace(parts[0]).stack(parts) for parts in found]


def _repeated(asked: Graph, letter: str, rows: Sequence[tuple], nodes: Sequence[Tensor]):
    """Copy r of the batch gets seed r, and as no row meets another, gradient r stays there."""
    count = len(rows)
    xp = namespace(nodes[0].data)
    places = [Tensor(_tiled(xp, n.data, _axis(n, letter), count)) for n in asked.inputs]
    images = dict(zip(asked.outputs, asked(*places)))
    network = Graph(places, tuple(images.values()))
    seeds: dict[Tensor, Any] = {}
    for r, (output, seed) in enumerate(rows):
        axis, image = _axis(output, letter), images[output]
        if output not in seeds:
            seeds[output] = xp.zeros_like(image.data)
        size = output.shape[axis]
        part = (slice(None),) * axis + (slice(r * size, (r + 1) * size),)
        seeds[output][part] += seed
    wanted = [images[node] for node in nodes]
    network.backward(*[seeds.get(node) for node in images], wrt=wanted)
    return [_apart(xp, images[n], _axis(n, letter), count) for n in nodes]


def _tiled(xp: Any, array: Any, axis: int | None, count: int) -> Any:
    return array if axis is None else xp.concat([array] * count, axis=axis)


def _apart(xp: Any, node: Tensor, axis: int, count: int) -> Any:
    """The gradient of a repeated node as (rows, *shape)."""
    total = xp.zeros_like(node.data) if node.grad is None else node.grad
    shape = (*total.shape[:axis], count, -1, *total.shape[axis + 1 :])
    return xp.moveaxis(xp.reshape(total, shape), axis, 0)


def _axis(node: Tensor, letter: str) -> Any:
    return node.declared.index(letter) if letter in node.declared else None


def _batch_letter(asked: Graph) -> str | None:
    """The letter that every node from the inputs on keeps in its shape, so that no row is lost.

    Dropout draws a new mask for a new batch, so graphs that drop are not run again.
    """
    if any(isinstance(node.op, KeepMask) for node in asked.nodes):
        return None
    letters = [n for n in asked.outputs[0].declared if isinstance(n, str)]
    fed = {n for n in asked.inputs if any(isinstance(s, str) for s in n.declared)}
    for node in asked.nodes:
        if node in fed or any(parent in fed for parent in node.parents):
            fed.add(node)
            letters = [n for n in letters if node.declared.count(n) == 1 and not _mixes(node, n)]
    return letters[0] if letters and all(n in fed for n in asked.outputs) else None


def _mixes(node: Tensor, letter: str) -> bool:
    """Whether the op keeps the shape and yet lets the entries along this axis meet."""
    if not isinstance(node.op, Softmax | LogSoftmax):
        return False
    return node.op.axis % len(node.declared) == node.declared.index(letter)
