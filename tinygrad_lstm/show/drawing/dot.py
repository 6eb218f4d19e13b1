"""DOT texts: the drawing for whoever has Graphviz, and bare boxes for our own use of its layout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .picture import Picture
from .style import INK, paint, text_width
from .view import Box, View


def dot(view: View, title: str = "") -> str:
    """The drawing as a DOT text: one cluster for each timestep, names escaped."""
    import graphviz

    graph = graphviz.Digraph("drawing")
    graph.attr(
        "graph", **_words(label=[title] if title else []), labelloc="t", fontname="Helvetica"
    )
    graph.attr("node", shape="box", style="filled", fontname="Helvetica", fontsize="11")
    graph.attr("edge", color=INK, arrowsize="0.7")
    for box in (box for box in view.boxes if box.step is None):
        graph.node(box.id, **_look(box))
    for step in view.steps:
        with graph.subgraph(name=f"cluster_t{step}") as cluster:  # type: ignore[union-attr]
            cluster.attr(label=f"t = {step}", style="dashed")
            for box in (box for box in view.boxes if box.step == step):
                cluster.node(box.id, **_look(box))
    for edge in view.edges():
        graph.edge(edge.tail.id, edge.head.id)
    return graph.source


def bare(view: View) -> str:
    """Only sizes and arrows, no text of any user: what an engine needs to place the boxes."""
    number = {box: k for k, box in enumerate(view.boxes)}
    lines = ['digraph { node [shape=box fixedsize=true label=""] edge [arrowhead=none] ranksep=0.4']
    for box, k in number.items():
        if box.step is None:
            lines.append(f"b{k} [width={box.w / 72:.3f} height={box.h / 72:.3f}]")
    for step in view.steps:
        lines.append(f"subgraph cluster_{step} {{")
        inside = ((box, k) for box, k in number.items() if box.step == step)
        lines += [f"b{k} [width={box.w / 72:.3f} height={box.h / 72:.3f}]" for box, k in inside]
        lines.append("}")
    lines += [f"b{number[e.tail]} -> b{number[e.head]}" for e in view.edges()]
    return "\n".join([*lines, "}"])


def fixed(picture: Picture) -> str:
    """A Picture with every place given: `dot -Knop2` renders it as it is, as PNG or PDF."""
    import graphviz

    graph = graphviz.Digraph("drawing")
    heading = [text for text in (picture.title, *picture.notes) if text]
    graph.attr("graph", outputorder="nodesfirst", pad="0.25", fontname="Helvetica", labelloc="t",
               **_words(label=heading))  # fmt: skip
    graph.attr("node", shape="box", fixedsize="true", fontname="Helvetica", fontsize="11")
    graph.attr("edge", arrowsize="0.6")
    for k, frame in enumerate(picture.frames):
        graph.node(f"frame{k}", label="", style="dashed", color="#57606a",
                   **_place(frame.x + frame.w / 2, frame.y + frame.h / 2, frame.w, frame.h),
        )  # fmt: skip
        graph.node(f"title{k}", shape="plaintext", **_words(label=[frame.title]),
                   **_place(frame.x + 30, frame.y - 9, 60, 14))  # fmt: skip
    for box, x, y in picture.boxes:
        graph.node(box.id, **_look(box), **_place(x, y, box.w, box.h))
    for k, word in enumerate(picture.words):
        wide = text_width(word.text, 13)
        x = word.x + wide / 2 if word.anchor == "start" else word.x
        graph.node(f"word{k}", shape="plaintext", **_words(label=[word.text]),
                   **_place(x, word.y, wide, 14))  # fmt: skip
    for k, (x, y, colour) in enumerate(picture.dots):
        graph.node(f"dot{k}", label="", shape="point", color=colour, **_place(x, y, 5, 5))
    for k, curve in enumerate(picture.curves):
        points, at = [curve.start], curve.start
        tip = curve.tip
        for leg in curve.shortened(6.0 if curve.arrow else 0.0):
            points += leg if len(leg) == 3 else (at, leg[0], leg[0])
            at = leg[-1]
        way = " ".join(f"{x:.1f},{-y:.1f}" for x, y in points)
        arrow = f"e,{tip[0]:.1f},{-tip[1]:.1f} " if curve.arrow else ""
        for end, (x, y) in (("from", curve.start), ("to", tip)):
            graph.node(f"{end}{k}", label="", shape="point", style="invis", **_place(x, y, 1, 1))
        graph.edge(f"from{k}", f"to{k}", pos=arrow + way, color=curve.colour,
                   arrowhead="normal" if curve.arrow else "none")  # fmt: skip
    return graph.source


def _place(x: float, y: float, w: float, h: float) -> dict[str, str]:
    return {"pos": f"{x:.1f},{-y:.1f}", "width": f"{w / 72:.3f}", "height": f"{h / 72:.3f}"}


def _look(box: Box) -> dict[str, Any]:
    fill, border, ink = paint(box)
    ours = ("description", "edgecolor")
    own = {k: [text] for k, text in box.notes.items() if k not in ours and not box.fault}
    styles = {"input": "filled,rounded,bold", "weight": "filled,rounded,dashed"}
    style = "filled,rounded" if box.colour else styles.get(box.role, "filled")
    return {
        **_words(label=box.lines, tooltip=box.tooltip.split("\n")),
        "id": box.id,
        "style": style,
        "shape": "ellipse" if box.role == "weight" else "box",
        "fillcolor": fill,
        "color": box.colour or border,
        "fontcolor": ink,
        "penwidth": "2.5" if box.output or box.fault else "1",
        **_words(**own),
    }


def _words(**texts: Iterable[str]) -> dict[str, str]:
    """Lines as attribute values that no name can break out of.

    Graphviz reads backslashes and entities in strings, and takes <...> for HTML unless told.
    """
    import graphviz

    return {
        key: graphviz.nohtml(
            "\\n".join(line.replace("\\", "\\\\").replace("&", "&amp;") for line in lines)
        )
        for key, lines in texts.items()
    }
