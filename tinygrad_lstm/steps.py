"""Running and differentiating a list of nodes, one node at a time.

A node has a birth number and is always younger than its parents.  So birth order is a run order,
and also the order in which the author wrote the equations: no recursion, no sorting puzzle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .backend import namespace


class Step(NamedTuple):
    """One node run, or one node differentiated.

    Attributes:
        phase: "forward" or "backward".
        node: the node whose turn it was.
        sent: backward only: pairs (parent, contribution) in the order of `node.parents`; the
            contribution is None where no gradient flows (class numbers, `Detach`).
    """

    phase: str
    node: Any
    sent: tuple[tuple[Any, Any], ...] = ()


def below(outputs: Iterable[Any], stop: Iterable[Any] = ()) -> list[Any]:
    """Every node that the outputs depend on, eldest first; nothing above the `stop` nodes."""
    seen, waiting, stop = set(), list(outputs), set(stop)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            if node not in stop:
                waiting.extend(node.parents)
    return sorted(seen, key=lambda node: node.born)


def forward_steps(program: Iterable[tuple[Any, Any]]) -> Iterator[Step]:
    """Run every (node, op) once, eldest first: the op on the data of the node's parents."""
    for node, op in program:
        node.data = run(op, [parent.data for parent in node.parents], node)
        yield Step("forward", node)


def run(op: Any, data: Sequence[Any], node: Any) -> Any:
    """The op on arrays; an error that it raises learns which node it was."""
    try:
        xp = namespace(data[0])
        y = op.forward(xp, *data)
    except Exception as error:
        raise node.explained(error, op) from error
    return xp.asarray(y) if isinstance(y, np.generic) else y


def backward_steps(
    nodes: Sequence[Any], outputs: Sequence[Any], seeds: Sequence[Any], accumulate: bool = False
) -> Iterator[Step]:
    """Reverse-mode differentiation: youngest node first, each passes its gradient to its parents.

    A node that is read k times receives k contributions; its gradient is their sum.
    For a weight that T timesteps share, that sum over t *is* backpropagation through time.

    `node.adjoint` is that sum so far; it is complete once the node's own turn has come.
    """
    ours = start(nodes, outputs, seeds, accumulate)
    for node in reversed(nodes):
        if node.op is None or node.adjoint is None:
            continue
        data = [parent.data for parent in node.parents]
        sent = tuple(zip(node.parents, node.op.vjp(node.adjoint, node.data, *data)))
        for parent, g in sent:
            if g is not None:
                add(parent, g, ours)
        yield Step("backward", node, sent)


def start(nodes: Sequence[Any], outputs: Sequence[Any], seeds: Sequence[Any], accumulate: bool):
    """Forget old gradients (leaves keep theirs if they are to accumulate) and plant the seeds."""
    for node in nodes:
        if node.op is not None or not accumulate:
            node.adjoint = None
    ours: set[Any] = set()
    for node, seed in zip(outputs, seeds):
        if seed is not None:
            add(node, seed, ours)
    return ours


def add(node: Any, g: Any, ours: set[Any]) -> None:
    """One more contribution to a node's gradient.

    `ours` holds the nodes whose running sum is an array that we made: only such a sum may be
    changed in place, for a rule may hand one array to several parents (`CAdd` does).
    """
    if node in ours:
        node.adjoint += g
    elif node.op is None:
        # A leaf's gradient is the user's: an array (0-d results are none) with memory of its own.
        node.adjoint = namespace(g).asarray(g * 1 if node.adjoint is None else node.adjoint + g)
        ours.add(node)
    elif node.adjoint is not None:
        node.adjoint = node.adjoint + g
        ours.add(node)
    else:
        node.adjoint = g
