"""gModule: the Nodes between inputs and outputs as one module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, GraphError
from ..graph import Graph
from ..steps import below
from ..tensor import Tensor
from .module import Module
from .node import Node, at_fault, check_use, name_after
from .running import seed
from .table import Pack, boxed, entry
from .tables import Part


class gModule(Module):
    """A module made of Nodes; around them lies one Graph of the core, `fg`.

    Args:
        inputs: Nodes called on nothing; `forward` takes an array or table for a single input,
            a table of exactly that many for several.
        outputs: Nodes; a single one is returned bare, several as a fresh tuple.
        names: usually `locals()`: Nodes without a name get their variable's.
        name: what printing shows, and the file name of debug drawings.
        strict: refuse a node that is read twice by one module, as Torch does.

    Raises:
        GraphError: for an input that is not used or has parents, a Node that reaches no output,
            unused parts of a split; the text names the line, `error.node` the node.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        names: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        strict: bool = False,
    ) -> None:
        super().__init__()
        self.name, self.strict = name, strict
        self._take(_nodes(inputs, "inputs"), _nodes(outputs, "outputs"), names or {})

    def _take(self, inputs: list[Node], outputs: list[Node], names: Mapping[str, Any]) -> None:
        reached = below(outputs)
        _check_inputs(inputs, reached)
        check_use(set(reached))
        name_after(names)
        for k, node in enumerate(inputs, start=1):
            node.source.name = node.source.name or ("input" if len(inputs) == 1 else f"input_{k}")
        graph = Graph([n.source for n in inputs], [n.tensor for n in outputs])
        if self.strict:
            _check_once(graph)
        self._forget()
        self._fg, self._uses = graph, 0
        self.inputs, self.outputs, self.nodes = inputs, outputs, reached
        made = [node.module for node in reached if not isinstance(node.module, Part)]
        self.modules = list(dict.fromkeys(made))
        for node in reached:
            node.module.name_weights(node.name)

    @property
    def fg(self) -> Graph:
        graph: Any = self._fg
        graph.name = self.name
        return graph

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        """The graph once more, on other inputs, sharing its weights; its box is its scope."""
        count = len(self.inputs)
        if len(xs) not in (1, count):
            raise GraphError(f"{self!r} has {count} inputs; it is called on {len(xs)}")
        if count == 1:
            xs = [xs[0]]
        elif len(xs) == 1:
            xs = [entry(xs[0], k, count) for k in range(count)]
        self._uses += 1
        scope = repr(self) if self._uses == 1 else f"{self!r} #{self._uses}"
        ys = self.fg(*xs, scope=scope)
        return ys[0] if len(ys) == 1 else Pack()(*ys)

    def called_on(self, xs: Sequence[Tensor]) -> Tensor:
        return self.joined(xs)  # its boxes stay apart, as they are in its own drawing

    def arrays(self, input: Any) -> list[Any]:
        count = len(self.inputs)
        if count == 1:
            return super().arrays(input)
        return [boxed(x, self.precision()) for x in _exactly(count, input, "input", self)]

    def seeds(self, gradOutput: Any) -> list[Any]:
        count = len(self.outputs)
        given = [gradOutput] if count == 1 else _exactly(count, gradOutput, "gradOutput", self)
        return [seed(g, node.tensor) for g, node in zip(given, self.outputs)]

    def copied(self, memo: dict[Any, Any], shared: Sequence[str]) -> Module:
        if self not in memo:
            twin = memo[self] = copy.copy(self)
            twin._rebuild(lambda module: module.copied(memo, shared))
        return memo[self]

    def replace(self, change: Callable[[Module], Module]) -> Module:
        self._rebuild(lambda module: module.replace(change))
        return change(self)

    def _rebuild(self, change: Callable[[Module], Module]) -> None:
        """Call the changed modules once more, in the same order, on the new Nodes."""
        new: dict[Module, Module] = {}
        image: dict[Node, Node] = {}
        for node in self.nodes:
            if node.module not in new:
                new[node.module] = change(node.module)
            module = new[node.module]
            twin = image[node] = (
                module() if node.source is not None else module.on([image[p] for p in node.parents])
            )
            twin.annotate(node.name, graphAttributes=node.notes).tensor.where = node.where
        self._take([image[n] for n in self.inputs], [image[n] for n in self.outputs], {})

    def __repr__(self) -> str:
        return self.name or "gModule"


def _nodes(nodes: Any, role: str) -> list[Node]:
    if not isinstance(nodes, list | tuple) or not nodes:
        raise ArgumentError(f"gModule: {role} is a list of one or more Nodes, not {nodes!r}")
    for k, node in enumerate(nodes):
        if not isinstance(node, Node):
            raise ArgumentError(
                f"gModule: {role}[{k}] is {node!r}, not a Node. "
                "Did you forget the second pair of parentheses?"
            )
    return list(nodes)


def _check_inputs(inputs: list[Node], reached: list[Node]) -> None:
    for node in inputs:
        if node.source is None:
            raise at_fault(node, f"gModule: the input {node!r} has parents; an input has none")
        if node not in reached:
            raise at_fault(node, f"gModule: the input {node!r} is not used; leave it out")
    for node in reached:
        if node.source is not None and node not in inputs:
            raise at_fault(node, f"gModule: {node!r} is read, but is not among the inputs")


def _check_once(graph: Graph) -> None:
    for name, read in [(repr(n.op), n.parents) for n in graph.nodes] + [("gModule", graph.outputs)]:
        twice = next((p for p in read if read.count(p) > 1), None)
        if twice is not None:
            text = f"{name} reads {twice.title} twice; with strict=True, put an Identity between"
            error = GraphError(f"{text}\n  written at {twice.where}")
            error.node = twice
            raise error


def _exactly(count: int, value: Any, what: str, module: gModule) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise GraphError(f"{module!r}: {what} is a table of {count}, not {type(value).__name__}")
    if len(value) != count:
        raise GraphError(f"{module!r}: {what} is a table of {count}; this one has {len(value)}")
    return value
