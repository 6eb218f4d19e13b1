"""From a graph to terms: every op's own code on terms instead of arrays.

A loop is written down once, by its roles.  What one step hands to the next is a *carry*.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import Graph
from ..op import Op
from ..tensor import Parameter, Tensor
from ..wiring import unify
from .roles import Block, Operand, find_blocks
from .slices import slices, source
from .tape import Tape
from .terms import Term


@dataclass
class Made:
    """One op applied: y from args, for `node` of the graph."""

    op: Op
    args: tuple[Term, ...]
    y: Term
    node: Tensor


@dataclass
class Each:
    """x is xs[t] in step t."""

    x: Term
    xs: list[Term]


@dataclass
class Link:
    """A role that later steps read: carries[0] is its value one step ago, carries[1] two, ..."""

    role: int
    starts: list[Term]
    carries: list[Term]


@dataclass
class Loop:
    """The links and the terms of one loop; stands in the record where the loop begins and ends."""

    links: list[Link]
    terms: list[Term]
    T: int
    ends: bool = False


class Builder:
    """Writes the terms of a graph on a tape; shapes and dtypes are those of `arrays`.

    Attributes:
        record: what was applied, in order, for the way back.
        draws: random masks as lists of terms that are drawn together, step after step.
    """

    def __init__(self, graph: Graph, arrays: Sequence[Any], loops: bool = True) -> None:
        self.graph, self.tape = graph, Tape()
        self.record: list[Made | Each | Loop] = []
        self.parameters: list[Tensor] = []
        self.leaves: list[Tensor] = []
        self.draws: list[list[Term]] = []
        self._value: dict[Tensor, Term] = {}
        self._applied: dict[Any, Term] = {}
        self._gathered: set[Term] = set()
        self._T = 1
        self._drawn_in_loop = False
        for k, (node, a) in enumerate(zip(graph.inputs, arrays)):
            self._value[node] = self.tape.make("input", (), k, a.shape, a.dtype)
            self._value[node].name = node.name
        self._op = _bound_ops(graph, arrays)
        self.blocks = self._find(slices(self._op, sequences=loops), loops)
        if self._cut_inside():
            self.blocks = self._find(slices(self._op, sequences=False), loops)
        self._starts = [block.first for block in self.blocks]
        self._terms: list[list[Term]] = []
        for block in self.blocks:
            self._terms.append(self._plain(block) if block.T == 1 else self._loop(block))

    def _find(self, slices: set[Tensor], loops: bool) -> list[Block]:
        self._order = [node for node in self._op if node not in slices]
        self._place = {node: k for k, node in enumerate(self._order)}
        return find_blocks([(n, self._op[n]) for n in self._order], loops)

    def _cut_inside(self) -> bool:
        """Whether a step takes apart what it has made itself: that is no sequence from outside."""
        for block in self.blocks:
            for row in block.operands:
                for operand in row:
                    sources = [source(n) for n in operand.outer if n not in self._place]
                    if any(self._place.get(s, -1) >= block.first for s in sources):
                        return True
        return False

    def value(self, node: Tensor) -> Term:
        """The term of a node, seen from outside of every loop."""
        term = self._value.get(node)
        if term is None:
            if node.op is None:
                term = self._leaf(node)
            elif node in self._place:
                term = self._of_role(node)
            else:
                term = self._apply(node, [self.value(p) for p in node.parents], 0)
            self._value[node] = term
        return term

    def _of_role(self, node: Tensor) -> Term:
        place = self._place[node]
        k = bisect.bisect_right(self._starts, place) - 1
        t, j = divmod(place - self._starts[k], self.blocks[k].period)
        return self.tape.at(self._terms[k][j], t)

    def _leaf(self, node: Tensor) -> Term:
        there = self.parameters if isinstance(node, Parameter) else self.leaves
        there.append(node)
        fn = "parameter" if there is self.parameters else "leaf"
        term = self.tape.make(fn, (), len(there) - 1, node.data.shape, node.data.dtype)
        term.name = node.name
        return term

    def _plain(self, block: Block) -> list[Term]:
        return [self._apply_plain(node) for node in block.nodes]

    def _apply_plain(self, node: Tensor) -> Term:
        term = self._value[node] = self._apply(node, [self.value(p) for p in node.parents], 0)
        return term

    def _loop(self, block: Block) -> list[Term]:
        links: dict[Any, Link] = {}
        self._T = block.T
        self._drawn_in_loop = False
        loop = Loop([], [], block.T)
        for operands in block.operands:  # slices that only the loop reads are made before it
            for operand in operands:
                for node in operand.outer:
                    self.value(node)
        self.record.append(loop)
        for node, operands in zip(block.nodes, block.operands):
            args = [self._operand(o, loop.terms, links) for o in operands]
            loop.terms.append(self._apply(node, args, block.T))
        loop.links.extend(links.values())
        for link in loop.links:
            link.carries[0].next = loop.terms[link.role]
            for earlier, later in zip(link.carries, link.carries[1:]):
                later.next = earlier
        self.record.append(Loop(loop.links, loop.terms, block.T, ends=True))
        return loop.terms

    def _operand(self, o: Operand, terms: list[Term], links: dict[Any, Link]) -> Term:
        if o.role is not None and not o.back:
            return terms[o.role]
        outer = [self.value(node) for node in o.outer]
        if o.role is None:
            return self._each(outer)
        key = (o.role, tuple(outer))
        if key not in links:
            starts = outer[::-1]
            carries = [self._carry(x) for x in starts]
            links[key] = Link(o.role, starts, carries)
        return links[key].carries[-1]

    def _carry(self, start: Term) -> Term:
        carry = self.tape.make("carry", (start,), 1, start.shape, start.dtype, self._T)
        carry.name = start.name
        return carry

    def _each(self, xs: list[Term]) -> Term:
        if all(x is xs[0] for x in xs):
            return xs[0]
        x = self.tape.each(xs)
        if x.fn in ("each", "inputs", "rows", "flip") and x not in self._gathered:
            self._gathered.add(x)
            self.record.append(Each(x, xs))
        return x

    def _apply(self, node: Tensor, args: Sequence[Term], steps: int) -> Term:
        """The op of this node on terms; the same op on the same terms is applied once."""
        op, args = self._op[node], tuple(args)
        key = (op, args)
        if op.repeatable and key in self._applied:
            return self._applied[key]
        before = self.tape.count
        y = self.tape.write(op, args) if op.repeatable else self._draw(op, args[0], steps)
        if y.born <= before:  # Identity, Detach: a term of its own, for its gradient is its own
            y = self.tape.make("alias", (y,), None, y.shape, y.dtype)
        y.name = y.name or _named(node)
        self._applied[key] = y
        self.record.append(Made(op, args, y, node))
        return y

    def _draw(self, op: Op, like: Term, steps: int) -> Term:
        number = sum(map(len, self.draws))
        y = self.tape.make("draw", (), (op, number), like.shape, like.dtype, steps)
        if not (steps and self._drawn_in_loop):
            self.draws.append([])
        self.draws[-1].append(y)
        self._drawn_in_loop = bool(steps)
        return y


def _named(node: Tensor) -> str | None:
    """The node's name with its scope, but for the timestep: layer=2/next_c."""
    if node.name is None:
        return None
    scope = [part for part in (node.scope or "").split("/") if part and part[:2] != "t="]
    return "/".join([*scope, node.name])


def _bound_ops(graph: Graph, arrays: Sequence[Any]) -> dict[Tensor, Op]:
    """Each node's op, with sizes in place of letters; eldest first."""
    letters: dict[str, Any] = {}
    for node, array in zip(graph.inputs, arrays):
        unify(node, tuple(array.shape), letters, "compile")
    fed = set(graph.inputs)
    made = [n for n in graph.nodes if n.op is not None and n not in fed]
    return {n: n.op.bind(letters) if n.op.lettered else n.op for n in made}  # type: ignore
