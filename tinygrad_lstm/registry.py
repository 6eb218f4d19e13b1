"""Which cells there are: `@cell` enters one into CELLS, `find_cell` finds one by its name."""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from .errors import ArgumentError, GraphError, TinygradError
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
    other = CELLS.get(build.__name__)
    if other is not None and other.__module__ != build.__module__:
        raise GraphError(f"@cell: there is a {build.__name__!r} already, in {other.__module__}")
    CELLS[build.__name__] = _checked(build)
    return CELLS[build.__name__]


def find_cell(name: str) -> CellBuilder:
    """The cell of that name, or a function of a user's file: "gru", "my_cells.py:mgu".

    Raises:
        ArgumentError: when there is no such cell, file or function, or when the file does not run.
    """
    path, _, inside = name.rpartition(":")
    if path.endswith(".py"):
        build = getattr(_module(Path(path)), inside, None)
        if inspect.isfunction(build):
            return _checked(build)
        raise ArgumentError(f"{path} has no function {inside!r} (input_size, hidden_size) -> Graph")
    if name not in CELLS:
        known = ", ".join(sorted(CELLS))
        raise ArgumentError(f"there is no cell {name!r}; there are {known}, or FILE.py:NAME")
    return CELLS[name]


def _checked(build: CellBuilder) -> CellBuilder:
    @functools.wraps(build)
    def checked(input_size: int, hidden_size: int) -> Graph:
        graph = build(input_size, hidden_size)
        _check_contract(graph, build.__name__)
        graph.name = graph.name or build.__name__
        return graph

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


def _module(path: Path) -> ModuleType:
    """The file as a module, run once, nothing left beside it; it may import its neighbours."""
    name = str(path.resolve())  # a short one could be that of an installed module
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = name
    sys.path.append(str(path.resolve().parent))
    try:
        exec(compile(path.read_bytes(), name, "exec", dont_inherit=True), vars(module))
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, TinygradError):
            raise
        raise ArgumentError(_what_failed(path, error)) from error
    return module


def _what_failed(path: Path, error: Exception) -> str:
    """Where in the user's file, and what."""
    if isinstance(error, OSError) and error.filename == str(path):
        return f"{path}: {error.strerror}"
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    where = "".join(f":{line}" for line in lines[-1:])
    return f"{path}{where}: {type(error).__name__}: {error}"
