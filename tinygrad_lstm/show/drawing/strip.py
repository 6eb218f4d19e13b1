"""The picture of an unrolled network: tiles in a row, rails through them, lanes below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bands import Step, rail_row, rows_by_rank, steps_in_rows
from .lanes import lane_of, lanes
from .picture import Curve, Frame, Picture, Word
from .rails import Rail, Unrolled, unrolled
from .style import INK, text_width
from .tiles import PORTS, Tile, build, plan, shared_levels
from .view import Box, View, Wanted, describe

FOLD_ABOVE = 300
"""With more boxes than this in the steps, the middle steps are folded."""
PAD, APART, FOLDED = 12.0, 26.0, 92.0


def by_steps(view: View, wanted: Wanted, asked: str | Sequence[int] | None) -> Picture | None:
    """The unrolled network on rails; None if the graph is not one."""
    net = unrolled(view)
    return None if net is None else _Strip(view, net, wanted, asked).picture


def chosen(view: View, net: Unrolled, asked: str | Sequence[int] | None) -> list[int]:
    """Which steps to draw, counted from 0: all that were asked for, else a few of too many."""
    count = len(view.steps)
    if asked is None:
        many = sum(map(len, net.members)) > FOLD_ABOVE and count > 5
        return [0, 1, count - 2, count - 1] if many else list(range(count))
    wanted = set(view.steps) if isinstance(asked, str) else set(asked)
    return [k for k, step in enumerate(view.steps) if step in wanted] or list(range(count))


class _Strip:
    def __init__(self, view: View, net: Unrolled, wanted: Wanted, asked: Any) -> None:
        self.view, self.net, self.drawn = view, net, chosen(view, net, asked)
        self.picture = Picture(drawn_by="tinygrad_lstm's own layout")
        self.offset: dict[int, float] = {}
        apart = {rail.source for rail in net.rails if rail.source and not rail.source.into}
        self.starts = [b for b in net.before if b in apart]
        self.loose = [b for b in net.before if b not in apart and not b.into and not self._deep(b)]
        deep = [b for b in net.before if b not in apart and b not in self.loose]
        shown = [b for k in self.drawn for b in net.members[k]]
        describe([*shown, *net.before, *net.after], wanted)
        self._make_alike()
        self.steps = steps_in_rows(net, self.drawn)
        self._lay_out_steps()
        self.lanes = lanes(view, net)
        self._assemble(deep)

    def _deep(self, box: Box) -> bool:
        """Whether something before the steps, and not only the steps, reads this leaf."""
        return any(e.head in self.net.before for e in box.out)

    def _make_alike(self) -> None:
        """A box has one size in all steps: its largest."""
        groups: dict[Any, list[list[Box]]] = {}
        for k in self.drawn:
            boxes = self.net.members[k]
            groups.setdefault(tuple((b.role, len(b.into)) for b in boxes), []).append(boxes)
        for alike in groups.values():
            for same in zip(*alike):
                w, h = max(b.w for b in same), max(b.h for b in same)
                for box in same:
                    box.w, box.h = w, h

    def _lay_out_steps(self) -> None:
        height = self._heights()
        self.rail_rows = [rail_row(rail, self.net.rails, height) for rail in self.net.rails]
        used = {row for step in self.steps.values() for row in step.row.values()}
        number = {row: k for k, row in enumerate(sorted({PORTS, *used, *self.rail_rows}))}
        made: dict[tuple, Tile] = {}
        self.tiles: dict[int, Tile] = {}
        for k, step in self.steps.items():
            links = plan(step, self.net)
            key = (tuple(links), tuple(step.row.values()))
            if key not in made:
                made[key] = build(step, links, self.net, number, self.rail_rows)
            self.tiles[k] = made[key]
        self.level = shared_levels(list(made.values()), number[PORTS])
        for tile in made.values():
            tile.trace(self.level)
        self.rail_y = [self.level.middle[number[row]] for row in self.rail_rows]
        inside = [row for row in self.level.middle if row != number[PORTS]]
        self.top = min(map(self.level.top, inside), default=-20.0) - 10
        self.bottom = max(map(self.level.bottom, inside), default=0.0) + 10

    def _heights(self) -> dict[int, int]:
        return self.steps[self.drawn[0]].height

    def _assemble(self, deep: list[Box]) -> None:
        x = self._place_block(deep, 0.0) if deep else 0.0
        left = max([b.w for b in (*self.starts, *self.loose)], default=0.0)
        x = self._place_sources(x, left)
        previous = None
        for k in self.drawn:
            gap = k - (previous if previous is not None else -1) - 1
            if gap:
                x = self._fold(x, gap, previous)
            x = self._place_step(k, x, previous)
            previous = k
        missing = len(self.view.steps) - 1 - self.drawn[-1]
        if missing:
            self._rails_out(self.drawn[-1], x)
            x = self._fold(x, missing, previous)
        x = self._finish(x)
        if self.net.after:
            x = self._place_block(self.net.after, x + APART)
        self._draw_lanes()
        if len(self.drawn) < len(self.view.steps):
            self.picture.notes.append(
                f"{len(self.drawn)} of {len(self.view.steps)} timesteps are drawn; "
                'draw(..., steps="all") draws every one.'
            )

    def _place_sources(self, x: float, width: float) -> float:
        """Initial states at the left of their rails, shared weights at the left of their lanes."""
        for box in self.starts:
            rail = next(k for k, r in enumerate(self.net.rails) if r.source is box)
            self.picture.boxes.append((box, x + width - box.w / 2, self.rail_y[rail]))
            if box in self.lanes:
                lane, beside = self.lanes[box], x + width + 9
                down = [((beside, self.rail_y[rail]),), ((beside, lane.y),)]
                start = (x + width, self.rail_y[rail])
                self.picture.curves.append(Curve(start, down, arrow=False))
                lane.x.append(beside)
        for box in self.loose:
            if box in self.lanes:
                self.picture.boxes.append((box, x + width - box.w / 2, self.lanes[box].y))
                self.lanes[box].x.append(x + width)
        return x + width + (APART if width else 0.0)

    def _place_step(self, k: int, x: float, previous: int | None) -> float:
        tile, step = self.tiles[k], self.steps[k]
        width = tile.width + 2 * PAD
        t = self.view.steps[k]
        frame = Frame(x, self.top, width, self.bottom - self.top, f"t = {t}", f"t{t}")
        self.picture.frames.append(frame)
        self._rails_into(k, x, previous)
        x0 = x + PAD
        for box, item in zip(step.boxes, tile.items):
            self.picture.boxes.append((box, item.x + x0, self.level.middle[item.row]))
        self._place_ways(tile, step, x0, previous)
        self.offset[k] = x0
        return x + width + APART

    def _place_ways(self, tile: Tile, step: Step, x0: float, previous: int | None = None) -> None:
        for way in tile.ways:
            assert way.curve is not None
            curve = way.curve.moved(x0)
            head = step.boxes[way.head]
            if way.kind == "edge":
                level = way.items[0].row == way.items[-1].row
                curve.role = "rail" if level else "edge"
                curve.ends = (step.boxes[way.tail].id, head.id)
            elif way.kind == "branch":
                curve.ends = self._rail_ends(self.net.rails[way.tail], previous, head)
            elif way.kind == "rise":
                lane = self.lanes[way.tail]
                curve.legs.insert(0, (curve.start,))
                curve.start = (curve.start[0], lane.y)
                curve.colour, curve.ends = lane.colour, (way.tail.id, head.id)
                lane.x.append(curve.start[0])
                self.picture.dots.append((*curve.start, lane.colour))
            elif way.kind == "sink":
                self._sink(curve, head)
                continue
            self.picture.curves.append(curve)

    def _sink(self, curve: Curve, box: Box) -> None:
        """Down from a box to each lane that takes it on."""
        x = curve.legs[-1][-1][0]
        lanes = dict.fromkeys(
            lane_of(e, self.net)
            for e in box.out
            if self.net.home.get(e.head) != self.net.home.get(box) and e not in self.net.carried
        )
        for key in lanes:
            self.lanes[key].x.append(x)
            self.picture.dots.append((x, self.lanes[key].y, self.lanes[key].colour))
        curve.legs.append(((x, max(self.lanes[key].y for key in lanes)),))
        curve.arrow, curve.ends = False, (box.id, next(iter(lanes)).id)
        self.picture.curves.append(curve)

    def _rails_into(self, k: int, x: float, previous: int | None) -> None:
        """The lines from where each state is made to where this step reads it."""
        tile, step = self.tiles[k], self.steps[k]
        for number, rail in enumerate(self.net.rails):
            y = self.rail_y[number]
            at = dict(zip(step.boxes, tile.items))
            path = step.paths.get(rail, [])
            entered = path[:1] if path and path[0] in step.readers.get(rail, []) else []
            points = [p + x + PAD for p in tile.branch_points(number)]
            if not entered and not points:
                continue
            end = at[entered[0]].x - at[entered[0]].w / 2 + x + PAD if entered else max(points)
            start = self._rail_start(rail, k, x, previous, y)
            curve = Curve(start, [((end, y),)], arrow=bool(entered), role="rail")
            curve.ends = self._rail_ends(rail, previous, (entered or step.readers[rail])[0])
            if abs(start[1] - y) > 1:
                curve.legs.insert(0, ((x - 8, start[1]), (start[0] + 8, y), (x, y)))
            self.picture.curves.append(curve)
            self.picture.dots += [(p, y, INK) for p in points if p != end]

    def _rail_ends(self, rail: Rail, previous: int | None, reader: Box) -> tuple[str, str] | None:
        made = rail.source if previous is None else rail.ends.get(previous)
        return (made.id, reader.id) if made else None

    def _rail_start(self, rail: Rail, k: int, x: float, previous: int | None, y: float):
        if previous is not None and (box := rail.ends.get(previous)) in self.steps[previous].boxes:
            item = self.tiles[previous].items[self.steps[previous].boxes.index(box)]
            return (item.x + item.w / 2 + self.offset[previous], self.level.middle[item.row])
        if previous is None and rail.source is not None:
            for box, bx, by in self.picture.boxes:
                if box is rail.source:
                    return (bx + box.w / 2, by)
        return (x - APART, y)

    def _fold(self, x: float, gap: int, previous: int | None) -> float:
        """A narrow box for steps that are not drawn."""
        title = f"… × {gap} …"
        frame = Frame(x, self.top, FOLDED, self.bottom - self.top, "", "")
        self.picture.frames.append(frame)
        self.picture.words.append(Word(x + FOLDED / 2, (self.top + self.bottom) / 2, title))
        return x + FOLDED + APART

    def _rails_out(self, k: int, x: float, finished: bool = False) -> None:
        for number, rail in enumerate(self.net.rails):
            box = rail.ends.get(k)
            if box is not None and box in self.steps[k].boxes and (box.output or not finished):
                start = self._rail_start(rail, k + 1, x, k, self.rail_y[number])
                y = self.rail_y[number]
                leg = ((x, y),) if abs(start[1] - y) < 1 else ((x, start[1]), (start[0], y), (x, y))
                self.picture.curves.append(Curve(start, [leg], role="rail"))

    def _finish(self, x: float) -> float:
        """The last states leave the last box."""
        k = self.drawn[-1]
        if k != len(self.view.steps) - 1:
            return x
        self._rails_out(k, x, finished=True)
        width = 0.0
        for number, rail in enumerate(self.net.rails):
            if k in rail.ends and rail.ends[k].output:
                word = Word(
                    x + 5, self.rail_y[number], _final_name(rail, self.view.steps[k]), "start"
                )
                self.picture.words.append(word)
                width = max(width, text_width(word.text, 13) + 8)
        return x + width

    def _starts_a_rail(self) -> set[Box]:
        """What initial states are made of; it stands rightmost, with a free way to the rails."""
        found = {rail.source for rail in self.net.rails if rail.source}
        for box in reversed(self.net.before):
            if any(edge.head in found for edge in box.out):
                found.add(box)
        return found

    def _place_block(self, boxes: list[Box], x: float) -> float:
        """What stands before or after the steps, from the bottom up."""
        step = rows_by_rank(boxes)
        step.boxes = sorted(boxes, key=self._starts_a_rail().__contains__)
        number = {row: k for k, row in enumerate(sorted({PORTS, *step.row.values()}))}
        tile = build(step, plan(step, self.net), self.net, number, [])
        level = shared_levels([tile], number[PORTS])
        tile.trace(level)
        for box, item in zip(step.boxes, tile.items):
            self.picture.boxes.append((box, item.x + x, level.middle[item.row]))
        self._place_ways(tile, step, x)
        return x + tile.width + APART

    def _draw_lanes(self) -> None:
        for lane in self.lanes.values():
            if len(set(lane.x)) > 1:
                leg = ((max(lane.x), lane.y),)
                line = Curve((min(lane.x), lane.y), [leg], lane.colour, arrow=False, role="lane")
                line.ends = None if lane.key.role else (lane.key.id, lane.key.id)
                self.picture.curves.append(line)


def _final_name(rail: Rail, step: int) -> str:
    """c_0 ends as c_4 after four steps."""
    end = rail.ends[max(rail.ends)]
    start = rail.source.lines[0] if rail.source else ""
    return f"{start[:-2]}_{step}" if start.endswith("_0") else end.lines[0]
