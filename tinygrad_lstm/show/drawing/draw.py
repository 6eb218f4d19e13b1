"""`draw`: any graph as a picture, as its author would sketch it."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ArgumentError, RenderError
from . import engine as engines
from .dot import dot, fixed
from .engine import CURES, RenderWarning, warn_once
from .flat import by_graphviz, by_us, suits_graphviz
from .labels import clean
from .picture import Picture
from .strip import by_steps
from .svg import svg
from .view import Wanted, describe, view

__all__ = ["Drawing", "RenderWarning", "draw"]

CHOICES = {
    "level": ("layer", "op"),
    "weights": (None, "ghost", "shared", "none"),
    "layout": ("auto", "rails", "graphviz", "own"),
}


def draw(
    graph: Any,
    level: str = "layer",
    *,
    weights: str | None = None,
    values: bool = False,
    gradients: bool = False,
    shapes: bool = False,
    norms: bool = False,
    highlight: Any = None,
    notes: Mapping[Any, Mapping[str, str]] | None = None,
    steps: str | Sequence[int] | None = None,
    layout: str = "auto",
    title: str | None = None,
) -> Drawing:
    """Draw a graph: boxes for ops, arrows for what they read, a dashed box for each timestep.

    Args:
        graph: a Graph, or a tensor (or several) with all that it depends on.
        level: "layer" draws a layer call as one box, as the post does; "op" draws every node.
        weights: "ghost" repeats them, dashed, in each step; "shared" draws each once, with an arrow
            into every step; "none" leaves them out.
        values, gradients, shapes, norms: what boxes say about their arrays.
        highlight: a node to mark red, such as `error.node`.
        notes: what its author says about a node: "description", "fillcolor", "color" (of the
            border), "edgecolor" (#rrggbb, of its arrows), "fontcolor", "style" ("dashed"), and any
            other attribute of DOT.
        steps: "all", or the timesteps to draw; by default the middle of a long unroll is folded.
        layout: "rails" (timesteps side by side), "graphviz", "own", or "auto".

    Raises:
        ArgumentError: for a choice that there is not.
    """
    given = {"level": level, "weights": weights, "layout": layout}
    for name, value in given.items():
        if value not in CHOICES[name]:
            raise ArgumentError(f"draw: {name}={value!r}; there is {CHOICES[name]}")
    wanted = Wanted(level, weights, values, gradients, shapes, norms, highlight, notes or {})
    return Drawing(graph, wanted, steps, layout, title)


class Drawing:
    """A picture of a graph: `.svg`, `.dot`, `.save("x.png")`; a notebook shows it by itself."""

    def __init__(
        self, graph: Any, wanted: Wanted, steps: Any, layout: str, title: str | None
    ) -> None:
        self._wanted, self._steps, self._layout = wanted, steps, layout
        self._view = view(graph, wanted)
        self._title = clean(title, 200) if title is not None else self._view.name
        self._picture = self._place()

    @functools.cached_property
    def svg(self) -> str:
        """The picture as SVG; nodes have ids "n0", "n1", ... by their position in graph.nodes."""
        return svg(self._picture)

    def svg_with_prefix(self, prefix: str) -> str:
        """The same with a prefix before every id, for pages that hold several drawings."""
        return svg(self._picture, prefix)

    @functools.cached_property
    def dot(self) -> str:
        """The drawing as DOT text, which needs no engine to make."""
        describe((box for box in self._view.boxes if not box.lines), self._wanted)
        return dot(self._view, self._title)

    def save(self, path: str | os.PathLike) -> None:
        """Write .svg, .dot, .png or .pdf, whichever the path ends in; a failure leaves no file.

        Raises:
            RenderError: .png and .pdf need Graphviz; the message says how to get it.
        """
        form = os.path.splitext(os.fspath(path))[1].lower().lstrip(".")
        if form == "svg":
            content = self.svg.encode()
        elif form in ("dot", "gv"):
            content = self.dot.encode()
        elif form in ("png", "pdf"):
            content = engines.render(fixed(self._picture), "nop2", form)
        else:
            raise RenderError(f"save: {path!s} ends in none of .svg .dot .gv .png .pdf")
        _write(os.fspath(path), content)

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        count = len(self._picture.boxes)
        return f"Drawing({self._title or 'graph'}: {count} boxes, by {self._picture.drawn_by})"

    def _place(self) -> Picture:
        picture = None
        if self._view.steps and self._layout in ("auto", "rails"):
            picture = by_steps(self._view, self._wanted, self._steps)
        if picture is None:
            describe(self._view.boxes, self._wanted)
            picture = self._flat()
        picture.title = self._title
        picture.colour_edges()
        return picture

    def _flat(self) -> Picture:
        if self._layout == "own":
            return by_us(self._view)
        if not suits_graphviz(self._view) and self._layout == "auto":
            picture = by_us(self._view)
            picture.drawn_by += ", since the graph is too large for Graphviz"
            return picture
        engine = engines.find()
        if engine is None:
            warn_once(f"no Graphviz here, so drawings have a simpler layout; to mend it: {CURES}")
            return by_us(self._view)
        try:
            return by_graphviz(self._view, engine)
        except Exception as error:  # whatever an engine dies of, there is a picture
            warn_once(f"{engine.name} failed ({type(error).__name__}); drawing with our own layout")
            return by_us(self._view)


def _write(path: str, content: bytes) -> None:
    """All or nothing: an existing file survives a failure."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
