"""Torch's package `graph`, as far as nngraph needs it: `graph.dot(m.fg, title, fname)`."""

from __future__ import annotations

from typing import Any


def dot(
    graph: Any, title: str | None = None, fname: str | None = None, highlight: Any = None
) -> Any:
    """Draw a graph: `m.fg` forward, `m.bg` backward, or a module.

    Args:
        fname: write fname.dot and fname.svg; without it, a notebook shows the drawing returned.
        highlight: a node of the core to mark red, such as `error.node`.
    """
    from ..show import draw  # a floor above this one: imported only when somebody wants to see

    drawing = draw(getattr(graph, "fg", graph), title=title, highlight=highlight)
    if fname is not None:
        drawing.save(f"{fname}.dot")
        drawing.save(f"{fname}.svg")
    return drawing
