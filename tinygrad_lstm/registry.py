"""Which cells there are: `@cell` enters one into CELLS."""

from __future__ import annotations

import functools
from collections.abc import Callable

from .errors import ArgumentError, GraphError
from .graph import Graph

CellBuilder = Callable[[int, int], Graph]


class _Cells(dict[str, CellBuilder]):
    def __missing__(self, name: str) -> CellBuilder:
        import difflib

        near = difflib.get_close_matches(name.lower(), self, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise KeyError(f"no cell is called {name!r}; {hint}there are: {', '.join(sorted(self))}")


CELLS: dict[str, CellBuilder] = _Cells()
"""Every registered cell by name: `CELLS["lstm"](input_size, hidden_size)`."""


def cell(build: CellBuilder) -> CellBuilder:
    """Register a function (input_size, hidden_size) -> Graph under its name.

    The contract of a cell: *a Graph from (x, *state) to (*state) whose last output is h.*

    Raises:
        GraphError: when a built graph breaks the contract, or another cell has the name.
    """

    @functools.wraps(build)
    def checked(input_size: int, hidden_size: int) -> Graph:
        graph = build(input_size, hidden_size)
        _check_contract(graph, build.__name__)
        graph.name = graph.name or build.__name__
        return graph

    other = CELLS.get(build.__name__)
    if other is not None and other.__module__ != build.__module__:
        raise GraphError(f"@cell: there is a {build.__name__!r} already, in {other.__module__}")
    CELLS[build.__name__] = checked
    return checked


def _check_contract(graph: Graph, name: str) -> None:
    if not isinstance(graph, Graph):
        raise ArgumentError(f"@cell {name} returned {graph!r}; it must return a Graph")
    state, outputs = graph.inputs[1:], graph.outputs
    if [n.shape for n in state] != [n.shape for n in outputs]:
        raise GraphError(
            f"@cell {name}: a cell is a Graph from (x, *state) to (*state), last output h; "
            f"state in: {', '.join(n.title for n in state)}; "
            f"state out: {', '.join(n.title for n in outputs)}"
        )
