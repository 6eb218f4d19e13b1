"""Module: called on Nodes it builds, called on data it runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..graph import Graph
from ..ops import Identity as Same
from ..steps import below
from ..tensor import Input, Parameter, Tensor
from .node import Node, nodes_in
from .running import Runner
from .table import Pack

_calls = itertools.count(1)


class Module(Runner):
    """A layer in Torch's sense: `Module()(x)` builds a Node, `Module().forward(x)` runs it."""

    is_layer = True
    __array_ufunc__ = None  # so that `array - module` is our error and not an array of errors

    def build(self, x: Tensor) -> Tensor:
        """Add the core's nodes for one call, reading x, which is a table if several are read."""
        raise NotImplementedError(f"{type(self).__name__} has no build")

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        """The core's nodes for a call on several inputs: what reads only one gets a table."""
        return self.build(xs[0] if len(xs) == 1 else Pack()(*xs))

    def __call__(self, *args: Any) -> Any:
        """Build a Node from Nodes, or run on data.

        Args:
            args: nothing (the Node is an input of a graph), one Node, one list of Nodes, or data.

        Raises:
            ArgumentError: for anything else, such as a module whose second call was forgotten.
        """
        if not args:
            source = Input("", ...)
            return Node(self.called_on([source]), self, source=source)
        table, *more = args
        if more:
            name = type(self).__name__
            raise ArgumentError(f"{name}: several inputs come as one table: {name}()([a, b])")
        return self.forward(table) if _is_data(table) else self.on(nodes_in(self, table))

    def on(self, nodes: Sequence[Node]) -> Node:
        """The Node of a call on these."""
        xs = [node.tensor for node in nodes]
        y = self.called_on(xs)
        fresh = y.born > max(x.born for x in xs)  # every call is a node of its own
        return Node(y if fresh else Same()(y), self, nodes)

    def called_on(self, xs: Sequence[Tensor]) -> Tensor:
        """The core's nodes of one call; drawings at level "layer" show them as one box."""
        y = self.joined(xs)
        newest = max(x.born for x in xs)
        since = below([y], stop=[*xs, *(p for x in xs for p in x.parents)])
        made = [n for n in since if n.born > newest and n.op is not None and not n.layer]
        if len(made) > 1 or any(isinstance(p, Parameter) for n in made for p in n.parents):
            mark = (repr(self), -next(_calls))  # the core's own layers count upwards
            for node in made:
                node.layer = mark
        return y

    def __neg__(self) -> Node:
        return self()

    def __sub__(self, other: Any) -> Any:
        raise ArgumentError(
            f"{self!r} - {other!r}: a chain begins with a Node; "
            f"write -{self!r} - ..., or {self!r}() - ..."
        )

    def __rsub__(self, table: Any) -> Node:
        return self.on(nodes_in(self, table))

    @property
    def fg(self) -> Graph:
        if self._fg is None:
            x = Input("input", ...)
            self._fg = Graph([x], [self.called_on([x])], name=type(self).__name__)
        return self._fg

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _is_data(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_data, value))
    return getattr(value, "dtype", None) is not None
