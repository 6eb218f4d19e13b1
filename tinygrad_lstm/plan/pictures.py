"""A plan as a drawing: what is computed once, for all steps, in every step, and who reads it."""

from __future__ import annotations

import functools
import os
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, RenderError
from .names import Names
from .outline import Part, Row, outline, rows_of
from .schedule import Region, Unit, is_view, makes_memory
from .telling import counted
from .terms import Term

if TYPE_CHECKING:
    from ..graph import Graph
    from .variant import Variant

KINDS = {
    "linear": {"matmul", "sumprod", "contract"},
    "gate": {"tanh", "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "sinh", "cosh"},
    "reduce": {"sum", "max", "min", "total"},
    "slice": {"take", "scatter", "concat", "embed", "copy", "each", "inputs", "seeds", "carry"},
}
"""Kinds as drawings colour them, the first that fits; what is none of these is "elementwise"."""
GIVEN = {"input": "input", "leaf": "data", "seed": "input", "parameter": "weight", "draw": "data"}
WRAP = 34
MOST = 450
"""So many arrows are laid out in a second or two, and twice as many in minutes."""


class PlanDrawing:
    """A drawing of a plan: `.svg`, `.dot`, `.save("x.png")`; a notebook shows it by itself."""

    def __init__(self, dot: str) -> None:
        self.dot = dot

    @functools.cached_property
    def svg(self) -> str:
        """The picture as SVG.

        Raises:
            RenderError: without Graphviz, the message says how to get it; or if it is too large.
        """
        text = self._rendered("svg").decode()
        fitted = '<svg style="max-width:100%;height:auto"'
        return text[text.index("<svg") :].replace("<svg", fitted, 1)

    def save(self, path: str | os.PathLike) -> None:
        """Write .svg, .dot, .png or .pdf, whichever the path ends in.

        Raises:
            RenderError: for another ending, without Graphviz, or if it is too large.
        """
        form = os.path.splitext(os.fspath(path))[1].lower().lstrip(".")
        if form not in ("svg", "dot", "png", "pdf"):
            raise RenderError(f"save: {path!s} ends in none of .svg .dot .png .pdf")
        texts = {"dot": lambda: self.dot.encode(), "svg": lambda: self.svg.encode()}
        content = texts[form]() if form in texts else self._rendered(form)
        with open(path, "wb") as file:
            file.write(content)

    def _rendered(self, form: str) -> bytes:
        from ..show.drawing import render

        if self.arrows > MOST:
            raise RenderError(
                f"draw: a plan with {self.arrows:,} arrows takes too long to lay out (up to {MOST} "
                'are drawn). Without the pass "roles" every timestep is drawn by itself: compile '
                'with it, draw fewer timesteps, or take draw("before") or .dot'
            )
        return render(self.dot, "dot", form)

    @property
    def arrows(self) -> int:
        """How many there are."""
        return self.dot.count(" -> ")

    def __repr__(self) -> str:
        return "<drawing of a plan>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except RenderError as error:
            return {"text/plain": str(error) if self.arrows > MOST else self.dot}


def drawing(graph: Graph, variant: Variant, which: str) -> PlanDrawing:
    """The plan of a variant; "before" draws one step of the loops as the graph has it."""
    if which not in ("before", "after"):
        raise ArgumentError(f'draw: {which!r}; there is "before" and "after" the passes')
    names = Names(graph, variant)
    parts = outline(graph, variant) if which == "after" else _as_written(variant, names)
    return PlanDrawing(_Dot(variant, names, parts).text())


def _as_written(variant: Variant, names: Names) -> list[Part]:
    """Every term for itself: those of one timestep, and those outside of time."""
    inside: dict[int, list[Unit]] = {}
    for x in variant.program.terms():
        if makes_memory(x) and x.fn not in GIVEN:
            inside.setdefault(x.steps, []).append((x,))
    told = {steps: f"in each of {steps} steps" if steps else "once" for steps in inside}
    return [Part(told[steps], rows_of(inside[steps], names)) for steps in sorted(inside)]


class _Dot:
    """Writes parts as boxes, rows as nodes, and what a row reads as arrows."""

    def __init__(self, variant: Variant, names: Names, parts: Sequence[Part]) -> None:
        self.names = names
        self.parts = [Part(part.when, [r for r in part.rows if not _starts(r)]) for part in parts]
        parts = self.parts
        self.row_of = {
            x: row for part in parts for row in part.rows for u in row.units if u for x in u
        }
        self.number = {row: k for k, row in enumerate(r for part in parts for r in part.rows)}
        self.region_of: dict[Term, Region] = {}
        for item in (item for part in variant.parts for item in part.emitter.plan.items):
            if isinstance(item, Region):
                terms = (x for unit in (*item.chunked, *item.steps) for x in unit)
                self.region_of.update(dict.fromkeys((*terms, *item.carries), item))

    def text(self) -> str:
        import graphviz

        graph = graphviz.Digraph("plan")
        graph.attr("graph", fontname="Helvetica", fontsize="12", ranksep="0.35", nodesep="0.2")
        graph.attr("node", shape="box", style="filled", fontname="Helvetica", fontsize="11")
        graph.attr("edge", color="#1b1f24", arrowsize="0.6")
        for k, part in enumerate(self.parts):
            with graph.subgraph(name=f"cluster_{k}") as box:  # type: ignore[union-attr]
                box.attr(label=part.when, style="dashed", color="#57606a")
                for row in part.rows:
                    box.node(f"r{self.number[row]}", **_look(row))
        for x in self._given():
            kind = GIVEN[x.fn]
            style = "filled,rounded,dashed" if kind == "weight" else "filled,rounded,bold"
            graph.node(f"g{x.born}", label=_escaped(self.names[x]), **_paint(kind), style=style)
        for tail, head, back in self._arrows():
            later = {"style": "dashed", "constraint": "false", "color": "#a83c00"} if back else {}
            graph.edge(tail, head, **later)
        return graph.source

    def _given(self) -> list[Term]:
        found = (source for row in self.number for source, _ in self._reads(row))
        given = {x for x in found if x.fn in GIVEN and x not in self.row_of}
        return sorted(given, key=lambda x: x.born)

    def _arrows(self) -> Iterator[tuple[str, str, bool]]:
        """(tail, head, whether the head reads it one step later), each pair once."""
        seen = set()
        for row, number in self.number.items():
            for source, back in self._reads(row):
                there = self.row_of.get(source)
                tail = f"g{source.born}" if there is None else f"r{self.number[there]}"
                arrow = (tail, f"r{number}", back)
                if (there is not row or back) and arrow not in seen:
                    seen.add(arrow)
                    yield arrow

    def _reads(self, row: Row) -> Iterator[tuple[Term, bool]]:
        """What the row's terms read, and whether by way of a carry of their own loop."""
        for x in (x for unit in row.units if unit for x in unit):
            waiting = [(a, False) for a in x.args]
            while waiting:
                a, back = waiting.pop()
                if a.fn == "carry":
                    mine = self.region_of.get(a) is self.region_of.get(x, self)
                    waiting.append((a.next, back or mine))
                elif is_view(a) or (a not in self.row_of and a.fn not in GIVEN):
                    waiting.extend((b, back) for b in a.args)
                else:
                    yield a, back


def _starts(row: Row) -> bool:
    """Whether it only puts down what carries start from, or what segments hand over."""
    return all(unit is None or unit[0].fn == "carry" for unit in row.units)


def _look(row: Row) -> dict[str, str]:
    words = textwrap.wrap(row.names, WRAP) + textwrap.wrap(", ".join(counted(row.functions)), WRAP)
    functions = {unit[0].fn for unit in row.units if unit}
    kind = next((kind for kind, fns in KINDS.items() if functions & fns), "elementwise")
    return {"label": "\\n".join(map(_escaped, words)), **_paint(kind)}


def _paint(kind: str) -> dict[str, str]:
    from ..show.drawing import colours

    fill, border = colours(kind)
    return {"fillcolor": fill, "color": border}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("&", "&amp;")
