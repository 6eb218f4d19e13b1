"""Which row each box of a timestep stands in: rails at the bottom and top, the rest between.

The rows of one layer, from the bottom: weights, the bottom rail, the interior, the top rails.
What leads up to a top rail rises towards it, what follows from it comes down again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .rails import Rail, Unrolled
from .view import Box

BAND = 10_000
"""More rows than any layer needs; empty rows are taken out afterwards."""
WEIGHTS, BOTTOM, INTERIOR = 0, 1, 2


@dataclass
class Step:
    """One timestep: its boxes, their rows, and how its rails run through them."""

    boxes: list[Box]
    row: dict[Box, int] = field(default_factory=dict)
    paths: dict[Rail, list[Box]] = field(default_factory=dict)
    whole: set[Rail] = field(default_factory=set)  # rails on which the whole way stands
    readers: dict[Rail, list[Box]] = field(default_factory=dict)
    height: dict[int, int] = field(default_factory=dict)  # interior rows of each layer


def rail_row(rail: Rail, rails: list[Rail], height: dict[int, int]) -> int:
    if rail.bottom:
        return rail.depth * BAND + BOTTOM
    beside = [r for r in rails if r.depth == rail.depth and not r.bottom]
    return rail.depth * BAND + INTERIOR + height[rail.depth] + beside.index(rail)


def steps_in_rows(net: Unrolled, drawn: list[int]) -> dict[int, Step]:
    """Rows for the boxes of the drawn steps; the same height for a layer in all of them."""
    steps = {k: _with_paths(net, k) for k in drawn}
    height: dict[int, int] = {}
    for step in steps.values():
        for depth in {box.depth for box in step.boxes}:
            need = _interior(step, depth, net.rails, 0)[1]
            height[depth] = max(height.get(depth, 0), need)
    for rail in net.rails:
        height.setdefault(rail.depth, 0)
    for step in steps.values():
        for depth in {box.depth for box in step.boxes}:
            rows, _ = _interior(step, depth, net.rails, height[depth])
            step.row.update({box: depth * BAND + row for box, row in rows.items()})
        for rail, path in step.paths.items():
            step.row.update(dict.fromkeys(path, rail_row(rail, net.rails, height)))
        step.height = height
        _place_leaves(step, {rail_row(rail, net.rails, height) for rail in net.rails})
    return steps


def _with_paths(net: Unrolled, k: int) -> Step:
    """The boxes that stand on the rails: all of a short way from state to state, else its ends."""
    step = Step(net.members[k])
    taken: set[Box] = set()
    for rail in sorted(net.rails, key=lambda rail: rail.bottom):
        readers = [e.head for box in step.boxes for e in box.into if net.carried.get(e) is rail]
        step.readers[rail] = readers = list(dict.fromkeys(readers))
        end = rail.ends.get(k)
        inside = {
            b for b in step.boxes if b.depth == rail.depth and b not in taken and not is_leaf(b)
        }
        path = _shortest(readers, end, inside)
        if 0 < len(path) <= 3:
            step.whole.add(rail)
        elif path:
            path = [path[0], path[-1]] if len(readers) == 1 else [path[-1]]
        elif end in inside:
            path = [end]
        step.paths[rail] = path
        taken.update(path)
    return step


def is_leaf(box: Box) -> bool:
    return not box.into


def _shortest(starts: list[Box], end: Box | None, inside: set[Box]) -> list[Box]:
    reached: dict[Box, Box | None] = {box: None for box in starts if box in inside}
    waiting = list(reached)
    for box in waiting:
        if box is end:
            path = [box]
            while (before := reached[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for edge in box.out:
            if edge.head in inside and edge.head not in reached:
                reached[edge.head] = box
                waiting.append(edge.head)
    return []


def _interior(step: Step, depth: int, rails: list[Rail], height: int) -> tuple[dict[Box, int], int]:
    """Rows within a layer for what is not on a rail, and how many interior rows that takes."""
    top = {b for rail, path in step.paths.items() if not rail.bottom for b in path}
    bottom = {b for rail, path in step.paths.items() if rail.bottom for b in path}
    free = [b for b in step.boxes if b.depth == depth and b not in top | bottom and not is_leaf(b)]
    down: set[Box] = set()
    for box in free:
        if any((e.tail in top and e.tail.depth == depth) or e.tail in down for e in box.into):
            down.add(box)
    up = [box for box in free if box not in down]
    rank = _rising(up)
    need = max([height, *rank.values()])
    while True:
        rows = _falling([b for b in free if b in down], rank, INTERIOR + need)
        if min(rows.values(), default=INTERIOR) >= INTERIOR:
            break
        need += INTERIOR - min(rows.values())
    rows.update({box: INTERIOR - 1 + r for box, r in rank.items()})
    return rows, need


def _rising(up: list[Box]) -> dict[Box, int]:
    """The longest way from below; what reads nothing in this layer rises to below its reader."""
    rank: dict[Box, int] = {}
    for box in up:
        rank[box] = 1 + max((rank[e.tail] for e in box.into if e.tail in rank), default=0)
    for box in reversed(up):
        if not any(e.tail in rank for e in box.into):
            above = [rank[e.head] for e in box.out if e.head in rank]
            rank[box] = max(1, min(above) - 1) if above else rank[box]
    return rank


def _falling(down: list[Box], rank: dict[Box, int], top: int) -> dict[Box, int]:
    """One row below what it follows from, and never beside a box that it reads."""
    rows: dict[Box, int] = {}
    for box in down:
        row = min((rows[e.tail] for e in box.into if e.tail in rows), default=top) - 1
        beside = {INTERIOR - 1 + rank[e.tail] for e in box.into if e.tail in rank}
        while row in beside:
            row -= 1
        rows[box] = row
    return rows


def _place_leaves(step: Step, rails: set[int]) -> None:
    """Inputs of the cell stand below the step's box (row -1), other leaves just below a reader."""
    lowest = min((box.depth for box in step.boxes), default=0)
    for box in filter(is_leaf, step.boxes):
        fed = box.role == "input" and (box.kind == "input" or bool(box.node.name))
        row = min((step.row[e.head] for e in box.out if e.head in step.row), default=0) - 1
        while row in rails:
            row -= 1
        step.row[box] = -1 if fed and box.depth == lowest else row


def rows_by_rank(boxes: list[Box]) -> Step:
    """Rows for boxes outside the steps: the longest way up from the bottom."""
    step = Step(boxes)
    inside = set(boxes)
    for box in boxes:
        step.row[box] = 1 + max((step.row[e.tail] for e in box.into if e.tail in inside), default=0)
    for box in boxes:
        above = [step.row[e.head] for e in box.out if e.head in inside]
        if is_leaf(box) and above:
            step.row[box] = min(above) - 1
    return step
