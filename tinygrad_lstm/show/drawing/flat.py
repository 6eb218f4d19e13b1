"""Drawings without timestep boxes: placed by Graphviz, or by our own layout."""

from __future__ import annotations

from .dot import bare
from .engine import Engine
from .layout import Item, Rows
from .picture import Curve, Picture, Ways, levels, row_gaps
from .view import View

FAR = 12
"""An arrow over more rows than this runs past the drawing at the right."""
BUDGET = 6000
"""Graphviz slows down with the rows that arrows pass, not with the boxes."""


def ranks(view: View) -> dict:
    """The longest way from a leaf to each box; leaves stand just above their readers."""
    rank = {}
    for box in view.boxes:
        rank[box] = 1 + max((rank[e.tail] for e in box.into if e.tail in rank), default=-1)
    for box in view.boxes:
        if not box.into and box.out:
            rank[box] = min(rank[e.head] for e in box.out) - 1
    return rank


def suits_graphviz(view: View) -> bool:
    rank = ranks(view)
    return len(view.boxes) + sum(rank[e.head] - rank[e.tail] for e in view.edges()) <= BUDGET


def by_graphviz(view: View, engine: Engine) -> Picture:
    """Placed by Graphviz's `dot`, drawn by us."""
    picture = Picture(drawn_by=f"{engine.name} (layout) and tinygrad_lstm (drawing)")
    waiting: dict[tuple[str, str], list] = {}
    number = {box: f"b{k}" for k, box in enumerate(view.boxes)}
    for edge in view.edges():
        waiting.setdefault((number[edge.tail], number[edge.head]), []).append(edge)
    for line in engine.run(bare(view), "dot", "plain").decode().replace("\\\n", "").splitlines():
        what, *words = line.split()
        if what == "node":
            box = view.boxes[int(words[0][1:])]
            picture.boxes.append((box, float(words[1]) * 72, -float(words[2]) * 72))
        elif what == "edge":
            edge = waiting[words[0], words[1]].pop(0)
            count = 2 * int(words[2])
            xy = [float(word) * 72 for word in words[3 : 3 + count]]
            points = [(x, -y) for x, y in zip(xy[::2], xy[1::2])]
            legs = [tuple(points[k : k + 3]) for k in range(1, len(points), 3)]
            picture.curves.append(Curve(points[0], legs, ends=(edge.tail.id, edge.head.id)))
    return picture


def by_us(view: View) -> Picture:
    """Longest-path rows from the top down, few crossings, long arrows at the right."""
    rank, rows = ranks(view), Rows()
    items = {box: rows.add(Item(-rank[box], box.w, box.h, box)) for box in view.boxes}
    ways, far = [], []
    for edge in view.edges():
        near = rank[edge.head] - rank[edge.tail] <= FAR
        (ways if near else far).append(
            (edge, rows.link(items[edge.tail], items[edge.head]) if near else [])
        )
    rows.arrange()
    heights = {r: max((i.h for i in row), default=0.0) for r, row in rows.rows.items()}
    level = levels(heights, row_gaps(rows.rows))
    curves = Ways([way for _, way in ways], level).curves()
    picture = Picture(drawn_by="tinygrad_lstm's own layout")
    picture.boxes = [(box, item.x, level.middle[item.row]) for box, item in items.items()]
    for (edge, _), curve in zip(ways, curves):
        curve.ends = (edge.tail.id, edge.head.id)
        picture.curves.append(curve)
    margin = rows.width + 30
    for k, (edge, _) in enumerate(far):
        a, b = items[edge.tail], items[edge.head]
        start = (a.x + a.w / 2, level.middle[a.row])
        end = (b.x + b.w / 2, level.middle[b.row])
        side = margin + 8 * (k % 40)
        leg = ((side, start[1]), (side, end[1]), end)
        picture.curves.append(Curve(start, [leg], ends=(edge.tail.id, edge.head.id)))
    return picture
