"""Which line of whose file wrote a node, and how messages print shapes."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

Shape = tuple[Any, ...]  # of sizes, and of letters such as "N" for axes that wait for data

ANY: Shape = (...,)
"""The shape of a node that may have any axes: even their number waits for data."""

# Lines of these modules are the engine's; a cell's lines count as its author's.
_ENGINE = {
    "backend", "checks", "graph", "layers", "nngraph", "op", "ops", "registry", "steps", "tensor",
    "unroll", "where", "wiring",
}  # fmt: skip


class Where(NamedTuple):
    """The line of the user's file that wrote a node."""

    file: str
    line: int

    def __str__(self) -> str:
        name = os.path.basename(self.file)
        return (
            f"notebook cell, line {self.line}"
            if "ipykernel" in self.file
            else f"{name}:{self.line}"
        )


def written_at() -> Where | None:
    """The innermost line of the call stack that is not the engine's: the user's, or a cell's."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_globals.get("__name__", "").split(".")
        if path[0] != "tinygrad_lstm" or (len(path) > 1 and path[1] not in _ENGINE):
            return Where(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def shape_text(shape: Shape) -> str:
    """(N, 3) rather than ('N', 3)."""
    if shape == ANY:
        return "(...)"
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def both(shapes: Any) -> str:
    """Several shapes, for a sentence."""
    return " and ".join(map(shape_text, shapes))
