"""Running and differentiating a list of nodes, one node at a time.

A node has a birth number and is always younger than its parents.  So birth order is a run order,
and also the order in which the author wrote the equations: no recursion, no sorting puzzle.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .checks import check_gradient, check_shape
from .errors import GraphError, TinygradError


class Step(NamedTuple):
    """One node run, or one node differentiated.

    Attributes:
        phase: "forward" or "backward".
        node: the node whose turn it was.
        contributions: what `Op.vjp` returned; some wait to be called until somebody wants them.
    """

    phase: str
    node: Any
    contributions: tuple[Any, ...] = ()

    @property
    def sent(self) -> tuple[tuple[Any, Any], ...]:
        """Backward: pairs (parent, contribution), in the order of `node.parents`.

        The contribution is None where no gradient flows (class numbers, `Detach`).
        """
        return tuple((p, called(g)) for p, g in zip(self.node.parents, self.contributions))


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


def forward_steps(program: Iterable[tuple[Any, Any, Step]], xp: Any) -> Iterator[Step]:
    """Run every node once, eldest first: its op on the data of its parents."""
    for node, op, step in program:
        node.data = value(op, xp, node.parents, node)
        yield step


def value(op: Any, xp: Any, parents: Iterable[Any], node: Any) -> Any:
    """The op on the data of the parents; an error that it raises learns which node it was."""
    try:
        y = op.forward(xp, *[parent.data for parent in parents])
    except Exception as error:
        raise node.explained(error, op) from error
    return xp.asarray(y) if isinstance(y, np.generic) else y


def backward_program(nodes: Sequence[Any], fed: Any = (), wanted: Any = None) -> list[tuple]:
    """What `backward_steps` goes through: node, op, parents, and which of them want a gradient."""
    fed = set(fed)  # T inputs and T steps must not cost T squared
    made = [node for node in reversed(nodes) if node.op is not None and node not in fed]
    if wanted is None:
        return [(node, node.op, node.parents, _ALL) for node in made]
    return [
        (node, node.op, node.parents, tuple(p in wanted for p in node.parents))
        for node in made
        if node in wanted
    ]


_ALL = itertools.repeat(True)


def backward_steps(
    nodes: Sequence[Any],
    program: Iterable[tuple],
    seeds: Iterable[tuple[Any, Any]],
    accumulate: bool = False,
) -> Iterator[Step]:
    """Reverse-mode differentiation: youngest node first, each passes its gradient to its parents.

    A node that is read k times receives k contributions; its gradient is their sum.
    For a weight that T timesteps share, that sum over t *is* backpropagation through time.

    `node.adjoint` is that sum so far; it is complete once the node's own turn has come.

    Raises:
        DtypeError: when a gradient arrives at whole numbers; all gradients are then as before.
        GraphError: when another pass has begun on these nodes since the last step of this one.
    """
    before = [node.adjoint for node in nodes]
    this = object()
    ours = start(nodes, seeds, accumulate, this)
    try:
        for node, op, parents, wanted in program:
            g = node.adjoint
            if node.turn is not this:
                raise Overtaken(node)
            if g is None:
                continue
            contributions = op.vjp(g, node.data, *[parent.data for parent in parents])
            if type(contributions) is not tuple or len(contributions) != len(parents):
                raise miscounted(node, op, contributions)
            for parent, sent, want in zip(parents, contributions, wanted):
                if want and sent is not None:
                    add(parent, sent, ours, op.add_vjp, g)
            yield _new_step(("backward", node, contributions))
    except Overtaken as other:
        raise other.node.explained(
            GraphError(
                "another backward pass has begun on this node, and its gradients are that pass's "
                "now; finish one pass before you begin the next"
            )
        ) from None
    except TinygradError:
        for node, adjoint in zip(nodes, before):
            node.adjoint = adjoint
        raise


class Overtaken(Exception):
    """One pass found that another had begun."""

    def __init__(self, node: Any) -> None:
        self.node = node


def miscounted(node: Any, op: Any, contributions: Any) -> Exception:
    """A rule that forgets its comma would send the first row of a gradient, and nobody notice."""
    error = GraphError(
        "vjp must return a tuple with one entry for each input (None where no gradient "
        f"flows): `return (g,)`; it returned {contributions!r:.60}"
    )
    return node.explained(error, op)


_new_step = functools.partial(tuple.__new__, Step)  # half the price of Step(...), paid per node


def start(
    nodes: Sequence[Any], seeds: Iterable[tuple[Any, Any]], accumulate: bool, this: object
) -> set[Any]:
    """Forget old gradients (leaves keep theirs if they are to accumulate) and plant the seeds."""
    for node in nodes:
        node.turn = this
        if node.op is not None or not accumulate:
            node.adjoint = None
    ours: set[Any] = set()
    for node, seed in seeds:
        if seed is not None:
            add(node, seed, ours)
    return ours


def add(node: Any, sent: Any, ours: set[Any], add_vjp: Any = None, g: Any = None) -> None:
    """One more contribution to a node's gradient.

    `ours` holds the nodes whose running sum is an array that nobody else has: only such a sum may
    be changed in place, for a rule may hand one array to several parents (`CAdd` does).
    """
    if node in ours:
        if add_vjp is not None:
            add_vjp(node.adjoint, g)
        else:
            node.adjoint += called(sent)
        return
    sent = called(sent)
    if node.adjoint is not None:
        node.adjoint = as_array(node.adjoint + sent)
        ours.add(node)
    elif node.op is not None:
        node.adjoint = sent
        if add_vjp is not None:
            ours.add(node)
    else:
        check_gradient(node, "backward")
        check_shape(node, sent)
        node.adjoint = as_array(sent * 1)  # a leaf's gradient is the user's: memory of its own
        ours.add(node)


def as_array(y: Any) -> Any:
    """NumPy answers with a scalar, which cannot be changed in place, where it means a 0-d array."""
    return np.asarray(y) if isinstance(y, np.generic) else y


def called(contribution: Any) -> Any:
    """The contribution itself, worked out now if it was put off until wanted."""
    return contribution() if callable(contribution) else contribution
