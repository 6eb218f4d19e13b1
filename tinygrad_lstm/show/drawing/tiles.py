"""One timestep with a place for everything; steps of one structure share one tile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .bands import Step
from .lanes import lane_of
from .layout import Item, Rows
from .picture import Curve, Levels, Ways, levels, row_gaps
from .rails import Unrolled

PORTS = -1
"""The row of what enters a step from below."""


@dataclass
class Way:
    """An arrow inside a tile, its ends by their numbers in the tile.

    kind "edge": from a box to a box; "branch": from rail `tail` to a box; "rise": from the lane
    `tail` below to a box; "sink": from a box down to the lanes.
    """

    kind: str
    tail: Any
    head: int
    items: list[Item]
    curve: Curve | None = None


@dataclass
class Tile:
    """A step's boxes and ways, x counted from the left edge of its boxes."""

    items: list[Item] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)

    @property
    def width(self) -> float:
        return self.rows.width

    def trace(self, level: Levels) -> None:
        """The curves, once the heights of the rows are known."""
        curves = Ways([way.items for way in self.ways], level).curves()
        for way, curve in zip(self.ways, curves):
            way.curve = curve

    def branch_points(self, rail: int) -> list[float]:
        return [way.items[0].x for way in self.ways if way.kind == "branch" and way.tail == rail]


def plan(step: Step, net: Unrolled) -> list[tuple]:
    """What is linked to what in a step, by numbers: equal plans make equal tiles."""
    number = {box: k for k, box in enumerate(step.boxes)}
    rail_number = {rail: k for k, rail in enumerate(net.rails)}
    on_rail = {box for path in step.paths.values() for box in path[:1]}
    links: list[tuple] = []
    for box, k in number.items():
        links.append(("box", box.w, box.h, step.row[box]))
        for edge in box.into:
            rail = net.carried.get(edge)
            if rail is not None:
                first = step.paths.get(rail, [None])[:1] == [box] and box in on_rail
                links.append(("enter" if first else "branch", rail_number[rail], k))
            elif edge.tail in number:
                links.append(("edge", number[edge.tail], k))
            else:
                links.append(("rise", lane_of(edge, net), k))
        if any(edge.head not in number and edge not in net.carried for edge in box.out):
            links.append(("sink", k, k))
    return links


def build(
    step: Step, links: list[tuple], net: Unrolled, rows: dict[int, int], rail_rows: list[int]
) -> Tile:
    """Place the boxes of a step in their rows (`rows` numbers the rows that are used)."""
    tile = Tile()
    for box in step.boxes:
        item = Item(rows[step.row[box]], box.w, box.h, box)
        tile.items.append(tile.rows.add(item))
    of = dict(zip(step.boxes, tile.items))
    for rail, path in step.paths.items():
        _pin([of[box] for box in path], rail in step.whole)
    ports: dict[Any, Item] = {}
    for link in links:
        kind, a, b = link[:3]
        if kind == "edge":
            tile.ways.append(Way(kind, a, b, tile.rows.link(tile.items[a], tile.items[b])))
        elif kind == "branch":
            whole = net.rails[a] in step.whole
            point = tile.rows.add(Item(rows[rail_rows[a]], turn=-1 if whole else None))
            tile.ways.append(Way(kind, a, b, tile.rows.link(point, tile.items[b])))
        elif kind == "rise":
            if a not in ports:
                ports[a] = tile.rows.add(Item(rows[PORTS]))
            tile.ways.append(Way(kind, a, b, tile.rows.link(ports[a], tile.items[b])))
        elif kind == "sink":
            port = tile.rows.add(Item(rows[PORTS]))
            tile.ways.append(Way(kind, a, b, tile.rows.link(tile.items[a], port)))
    tile.rows.arrange()
    return tile


def _pin(path: list[Item], whole: bool) -> None:
    """Boxes on a rail stand in the order in which the state meets them."""
    if whole:
        for k, item in enumerate(path):
            item.turn = k
    elif path:
        path[0].side, path[-1].side = -1, 1


def shared_levels(tiles: list[Tile], ports: int) -> Levels:
    """One height for each row, enough for all of the tiles."""
    heights: dict[int, float] = {}
    gaps: dict[int, float] = {}
    for tile in tiles:
        for row, items in tile.rows.rows.items():
            heights[row] = max(heights.get(row, 0.0), *(item.h for item in items))
        for row, gap in row_gaps(tile.rows.rows).items():
            gaps[row] = max(gaps.get(row, 0.0), gap)
    gaps[ports] = gaps.get(ports, 20.0) + 16
    return levels(heights, gaps)
