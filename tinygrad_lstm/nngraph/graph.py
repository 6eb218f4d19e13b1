"""Torch's package `graph`, as far as nngraph needs it: `graph.dot(m.fg, title, fname)`."""

from __future__ import annotations

from typing import Any

from .node import NOTES


def dot(
    graph: Any, title: str | None = None, fname: str | None = None, highlight: Any = None
) -> Any:
    """Draw a graph: `m.fg` forward, `m.bg` backward, or a module.

    Args:
        fname: write fname.dot and fname.svg; without it, a notebook shows the drawing returned.
        highlight: a node of the core to mark red, such as `error.node`.
    """
    from ..show import draw  # a floor above this one: imported only when somebody wants to see

    graph = getattr(graph, "fg", graph)
    shapes = highlight is not None  # who looks for a mistake compares sizes
    drawing = draw(graph, title=title, highlight=highlight, notes=_notes(graph), shapes=shapes)
    if fname is not None:
        drawing.save(f"{fname}.dot")
        drawing.save(f"{fname}.svg")
    return drawing


def _notes(graph: Any) -> dict[Any, dict[str, str]]:
    """What `annotate` said about these nodes; a gradient looks like the node it belongs to."""
    said = {node: NOTES[node] for node in graph.nodes if NOTES.get(node)}
    of_gradient = {f"{node.name}_bar": notes for node, notes in said.items() if node.name}
    return {n: of_gradient[n.name] for n in graph.nodes if n.name in of_gradient} | said
