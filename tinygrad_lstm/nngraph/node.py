"""Nodes as Torch's nngraph hands them out: the receipt of a module's call, around a core tensor."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ArgumentError, GraphError
from ..tensor import Tensor
from ..where import Where

NOTES: WeakKeyDictionary[Tensor, dict[str, str]] = WeakKeyDictionary()
"""What was said about a node of the core, beyond its name."""


class Node:
    """One call of a module.

    The node that runs and is differentiated is the core's, `tensor`.  A Node remembers beside it
    what only Torch's rules need: the module, the Nodes it was called on and those that read it.

    Attributes:
        source: the core input below a Node that was called on nothing; else None.
    """

    def __init__(
        self, tensor: Tensor, module: Any, parents: Sequence[Node] = (), source: Any = None
    ) -> None:
        self.tensor, self.module, self.source = tensor, module, source
        self.parents, self.children = tuple(parents), []
        self.parts: tuple[Node, ...] = ()
        for parent in dict.fromkeys(parents):
            parent.children.append(self)

    @property
    def born(self) -> int:
        return self.tensor.born

    @property
    def where(self) -> Where | None:
        return self.tensor.where

    @property
    def name(self) -> str | None:
        return self.tensor.name

    @property
    def notes(self) -> dict[str, str]:
        """What `annotate` was told, for drawings."""
        return NOTES.setdefault(self.tensor, {})

    def __sub__(self, module: Any) -> Node:
        """x - Module() is Module()(x): a chain reads from left to right, as the data flow."""
        if not getattr(module, "is_layer", False):
            raise ArgumentError(f"Node - {module!r}: what stands right of the minus is a module")
        return module(self)

    def split(self, count: int) -> Any:
        """The entries of this node's table as `count` Nodes; of a table of one, its only entry.

        That the table has exactly `count` entries is checked at run time; that every part is used,
        when the gModule is built.
        """
        if not isinstance(count, int) or count < 1:
            raise ArgumentError(f"split({count!r}): a table is split into 1 or more parts")
        from .tables import Part

        parts = [Part(k, count)(self) for k in range(count)]
        return parts[0] if count == 1 else tuple(parts)

    def annotate(
        self,
        name: str | None = None,
        description: str | None = None,
        graphAttributes: dict[str, str] | None = None,
    ) -> Node:
        """Say more about this node in drawings; what was said before and is not mentioned stays.

        Args:
            graphAttributes: attributes of DOT, such as `color`, `fillcolor`, `fontcolor`, `style`.

        Returns:
            This node.
        """
        if name is not None:
            self.tensor.name = str(name)
        if description is not None:
            self.notes["description"] = str(description)
        self.notes.update({key: str(value) for key, value in (graphAttributes or {}).items()})
        return self

    def __repr__(self) -> str:
        return f"Node({self.name or self.module!r}, written at {self.where})"


def nodes_in(module: Any, table: Any) -> list[Node]:
    """What a module was called on, as a list of Nodes; ArgumentError for anything else."""
    call = f"{type(module).__name__}()(...)"
    if isinstance(table, Node):
        return [table]
    if isinstance(table, list | tuple):
        if not table:
            raise ArgumentError(
                f"{call}: the table is empty. A node without inputs has empty second parentheses: "
                f"{type(module).__name__}()()"
            )
        for k, entry in enumerate(table):
            if not isinstance(entry, Node):
                raise ArgumentError(f"{call}: entry [{k}] {_instead(entry)}")
        return list(table)
    raise ArgumentError(f"{call}: the input {_instead(table)}")


def _instead(value: Any) -> str:
    if value is None:
        return "is None, not a Node: was its variable never assigned?"
    if getattr(value, "is_layer", False):
        return (
            f"is {value!r}, a module. Did you forget the second pair of parentheses: {value!r}()?"
        )
    return f"is {type(value).__name__}, not a Node"


def nest(table: Any) -> Node:
    """Nodes, and lists of Nodes in lists, as one Node with a table of that structure."""
    from .modules import Identity
    from .tables import JustTable

    if isinstance(table, Node):
        return table
    if not isinstance(table, list | tuple) or not table:
        raise ArgumentError(f"nest: a Node or a list that is not empty, not {table!r}")
    inner = [nest(entry) for entry in table]
    return JustTable()(inner[0]) if len(inner) == 1 else Identity()(inner)


def annotateNodes(level: int = 0) -> None:
    """Name the caller's Nodes after their local variables; a name that a Node has stays.

    Args:
        level: 0 for the function that calls this one, 1 for the one that called that one ...
    """
    name_after(sys._getframe(1 + level).f_locals)


def name_after(variables: Any) -> None:
    """Give every Node that has no name the name of its variable."""
    for variable, value in variables.items():
        if isinstance(value, Node) and not value.name and not variable.startswith("_"):
            value.annotate(name=variable)


def check_use(reached: set[Node]) -> None:
    """Every Node built from one that is used reaches an output too, parts of a split included.

    Raises:
        GraphError: with the line that wrote the Node that leads nowhere; `.node` is set.
    """
    for node in sorted(reached, key=lambda n: n.born):
        unused = [part for part in node.parts if part not in reached]
        if unused:
            count = unused[0].module.count
            raise at_fault(
                unused[0],
                f"gModule: {len(unused)} of the {count} parts of a split are not used"
                f"\n  {node!r}\n  split at {unused[0].where}; use them, or take SelectTable",
            )
        for child in _left_out(node, reached):
            raise at_fault(
                child,
                f"gModule: {child!r} reaches no output"
                f"\n  it reads {node!r}\n  use it, or leave it out",
            )


def _left_out(node: Node, reached: set[Node]) -> Iterator[Node]:
    return (child for child in node.children if child not in reached)


def at_fault(node: Node, text: str) -> GraphError:
    """The error, with the core's node for a drawing to mark."""
    error = GraphError(text)
    error.node = node.tensor
    return error
