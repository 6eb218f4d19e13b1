"""A drawing with every place fixed: boxes, curves, frames and words, ready to be written out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .layout import Item
from .style import INK, text_width

Point = tuple[float, float]


@dataclass
class Curve:
    """A way from a start through legs: (end,) is straight, (c1, c2, end) a cubic."""

    start: Point
    legs: list[tuple[Point, ...]]
    colour: str = INK
    arrow: bool = True
    role: str = "edge"
    title: str = ""
    ends: tuple[str, str] | None = None

    @property
    def tip(self) -> Point:
        return self.legs[-1][-1] if self.legs else self.start

    def shortened(self, by: float) -> list[tuple[Point, ...]]:
        """The legs, ending a little before the tip, so that an arrowhead fits in."""
        last = self.legs[-1]
        x, y = last[-1]
        back = (
            last[-2] if len(last) > 1 else self.legs[-2][-1] if len(self.legs) > 1 else self.start
        )
        length = max(((x - back[0]) ** 2 + (y - back[1]) ** 2) ** 0.5, 1e-9)
        part = min(by / length, 0.9)
        end = (x + (back[0] - x) * part, y + (back[1] - y) * part)
        return [*self.legs[:-1], (*last[:-1], end)]

    def moved(self, dx: float, dy: float = 0.0) -> Curve:
        legs = [tuple((x + dx, y + dy) for x, y in leg) for leg in self.legs]
        start = (self.start[0] + dx, self.start[1] + dy)
        return Curve(start, legs, self.colour, self.arrow, self.role, self.title, self.ends)


@dataclass
class Frame:
    """The dashed box around one timestep, or around what is folded away."""

    x: float
    y: float
    w: float
    h: float
    title: str
    id: str = ""


@dataclass
class Word:
    """A word that stands by itself, its middle (or its start) at x, y."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass
class Picture:
    """Boxes with their centres, and what lies around them; y grows downwards."""

    boxes: list[tuple[Any, float, float]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    dots: list[tuple[float, float, str]] = field(default_factory=list)
    title: str = ""
    notes: list[str] = field(default_factory=list)
    drawn_by: str = ""

    def colour_edges(self) -> None:
        """Arrows from and to a box take the colour that its notes want: "edgecolor": "#b3001b"."""
        wanted = {box.id: box.notes.get("edgecolor", "") for box, _, _ in self.boxes}
        for curve in self.curves:
            for end in curve.ends or ():
                if re.fullmatch("#[0-9a-fA-F]{6}", wanted.get(end, "")):
                    curve.colour = wanted[end]

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of everything."""
        xs, ys = [0.0], [0.0]
        for box, x, y in self.boxes:
            xs += (x - box.w / 2, x + box.w / 2)
            ys += (y - box.h / 2, y + box.h / 2)
        for curve in self.curves:
            for point in (curve.start, *(p for leg in curve.legs for p in leg)):
                xs.append(point[0])
                ys.append(point[1])
        for word in self.words:
            xs.append(word.x + text_width(word.text, 13.0))
        for frame in self.frames:
            xs += (frame.x, frame.x + frame.w)
            ys += (frame.y - 18, frame.y + frame.h)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass
class Levels:
    """The height of each row: its middle, and where its boxes may end."""

    middle: dict[int, float]
    half: dict[int, float]

    def top(self, row: int) -> float:
        return self.middle[row] - self.half[row]

    def bottom(self, row: int) -> float:
        return self.middle[row] + self.half[row]


def levels(heights: dict[int, float], gaps: dict[int, float], bottom: float = 0.0) -> Levels:
    """Stack the rows upwards from `bottom`; `gaps[r]` is the space above row r."""
    middle, half, y = {}, {}, bottom
    for row in sorted(heights):
        half[row] = heights[row] / 2
        middle[row] = y - half[row]
        y -= heights[row] + gaps.get(row, 24.0)
    return Levels(middle, half)


def row_gaps(rows: dict[int, list[Item]]) -> dict[int, float]:
    """More space above a row where arrows go far sideways, so that they stay apart."""
    gaps = {}
    for row, items in rows.items():
        far = max((abs(a.x - b.x) for a in items for b in a.above), default=0.0)
        gaps[row] = 20.0 + min(26.0, far / 14)
    return gaps


class Ways:
    """Curves along the links of one arrangement; arrows that meet at a box arrive side by side."""

    def __init__(self, ways: Sequence[list[Item]], level: Levels) -> None:
        self.ways, self.level = ways, level
        meeting: dict[tuple[Item, bool], list[int]] = {}
        for k, way in enumerate(ways):
            if way[-2].row != way[-1].row:
                meeting.setdefault((way[-1], way[-2].row > way[-1].row), []).append(k)
        self._arrival: dict[int, float] = {}
        for (item, _), near in meeting.items():
            near.sort(key=lambda k: ways[k][-2].x)
            apart = min(14.0, item.w * 0.7 / len(near))
            for place, k in enumerate(near):
                self._arrival[k] = item.x + (place - (len(near) - 1) / 2) * apart

    def curves(self) -> list[Curve]:
        return [self._curve(k, way) for k, way in enumerate(self.ways)]

    def _curve(self, k: int, way: list[Item]) -> Curve:
        """Vertical where it leaves, passes and arrives; bends only between rows."""
        if way[0].row == way[-1].row:
            return self._level(way)
        up = way[-1].row > way[0].row
        x, y = way[0].x, self._edge(way[0], up)
        start, legs = (x, y), []
        for here, there in itertools.pairwise(way):
            leave = self.level.top(here.row) if up else self.level.bottom(here.row)
            if abs(leave - y) > 0.5:
                legs.append(((x, leave),))
            x2 = self._arrival[k] if there is way[-1] else there.x
            arrive = self.level.bottom(there.row) if up else self.level.top(there.row)
            bend = (leave + arrive) / 2
            straight = abs(x2 - x) < 0.5
            legs.append(((x2, arrive),) if straight else ((x, bend), (x2, bend), (x2, arrive)))
            x, y = x2, arrive
        end = self._edge(way[-1], not up)
        if abs(end - y) > 0.5:
            legs.append(((x, end),))
        return Curve(start, legs)

    def _level(self, way: list[Item]) -> Curve:
        a, b = way[0], way[-1]
        y = self.level.middle[a.row]
        sign = 1 if b.x > a.x else -1
        return Curve((a.x + sign * a.w / 2, y), [((b.x - sign * b.w / 2, y),)])

    def _edge(self, item: Item, top: bool) -> float:
        return self.level.middle[item.row] + (-item.h / 2 if top else item.h / 2)
