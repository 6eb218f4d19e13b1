"""Which states travel from timestep to timestep, and which boxes belong to which step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .view import Box, Edge, View

Entry = tuple[int, int]  # (which of a step's boxes reads, as which of its inputs)


@dataclass(eq=False)
class Rail:
    """A state that every step reads from the one before: c along the top, h along the bottom."""

    depth: int
    bottom: bool = False
    source: Box | None = None
    ends: dict[int, Box] = field(default_factory=dict)


@dataclass
class Unrolled:
    """Boxes by the step (counted from 0) to which they belong; what stands before and after."""

    members: list[list[Box]]
    home: dict[Box, int]
    rails: list[Rail]
    carried: dict[Edge, Rail]
    before: list[Box]
    after: list[Box]


def unrolled(view: View) -> Unrolled | None:
    """The steps and rails of a view; None if something flows backwards through time."""
    index = {step: k for k, step in enumerate(view.steps)}
    home = {box: index[box.step] for box in view.boxes if box.step is not None}
    latest = _latest(view.boxes, home)
    _adopt_between(view.boxes, home, latest)
    if any(home[e.tail] > home[e.head] for e in view.edges() if e.tail in home and e.head in home):
        return None
    rails, carried = _rails(view, home, len(view.steps))
    _adopt_heads(view.boxes, home, latest, len(view.steps))
    starts = {rail.source for rail in rails if rail.source}
    _adopt_feeders(view.boxes, home, latest, starts)
    after = {box for box in view.boxes if box not in home and latest[box] >= 0}
    for box in reversed(view.boxes):
        if (
            box not in home
            and box.out
            and box not in starts
            and all(e.head in after for e in box.out)
        ):
            after.add(box)
    if any(e.tail in after and e.head not in after for e in view.edges()):
        return None
    members: list[list[Box]] = [[] for _ in view.steps]
    for box in view.boxes:
        if box in home:
            members[home[box]].append(box)
    rest = [box for box in view.boxes if box not in home]
    before = [box for box in rest if box not in after]
    return Unrolled(members, home, rails, carried, before, [box for box in rest if box in after])


def _latest(boxes: Iterable[Box], home: dict[Box, int]) -> dict[Box, int]:
    """The last step on which a box depends; -1 for none."""
    latest: dict[Box, int] = {}
    for box in boxes:
        before = max((latest[e.tail] for e in box.into), default=-1)
        latest[box] = max(before, home.get(box, -1))
    return latest


def _adopt_between(boxes: list[Box], home: dict[Box, int], latest: dict[Box, int]) -> None:
    """What stands between two steps, such as a `Detach`, belongs to the first of them."""
    scoped = set(home)
    for box in reversed(boxes):
        if box not in home and latest[box] >= 0:
            later = (e.head for e in box.out if e.head in scoped or e.head in home)
            if any(home[head] > latest[box] or head not in scoped for head in later):
                home[box] = latest[box]
                box.depth = next(e.tail.depth for e in box.into if latest[e.tail] == latest[box])


def _rails(view: View, home: dict[Box, int], count: int) -> tuple[list[Rail], dict[Edge, Rail]]:
    slots = _slots(view.boxes, home)
    found: dict[int, Rail] = {}
    entries: dict[Entry, Rail] = {}
    carried: dict[Edge, Rail] = {}
    for edge in view.edges():
        if edge.tail in home and home.get(edge.head, -1) == home[edge.tail] + 1:
            rail = found.setdefault(_slot(edge.tail, slots, home), Rail(edge.tail.depth))
            rail.ends[home[edge.tail]] = edge.tail
            carried[edge] = rail
            if edge.head in slots:
                entries[slots[edge.head], edge.place] = rail
    if count == 1:
        found, entries = _guessed(view.boxes, home, slots)
    for edge in view.edges():
        if home.get(edge.head) == 0 and edge.tail not in home and edge.tail.role != "weight":
            rail = entries.get((slots.get(edge.head, -1), edge.place))
            if rail is not None:
                rail.source, carried[edge] = edge.tail, rail
    for slot, rail in found.items():
        last = (box for box, s in slots.items() if s == slot and home[box] == count - 1)
        rail.ends.setdefault(count - 1, next(last, rail.ends[max(rail.ends)]))
    return _levelled([found[slot] for slot in sorted(found)]), carried


def _slots(boxes: Iterable[Box], home: dict[Box, int]) -> dict[Box, int]:
    """The number of a box within its step; every step is the same cell once more."""
    count: dict[int, int] = {}
    slots = {}
    for box in boxes:
        if box.step is not None and box.role != "weight":
            slots[box] = count.get(home[box], 0)
            count[home[box]] = slots[box] + 1
    return slots


def _slot(box: Box, slots: dict[Box, int], home: dict[Box, int]) -> int:
    """The number of a box, or of the box behind which it stands between two steps."""
    while box not in slots:
        box = next(e.tail for e in box.into if home.get(e.tail) == home[box])
    return slots[box]


def _guessed(boxes: list[Box], home: dict[Box, int], slots: dict[Box, int]):
    """A single step carries nothing; its last inputs and its outputs are taken for state."""
    ends = [box for box in boxes if box in slots and box.output]
    starts = [
        b
        for b in boxes
        if b not in home and b.role == "input" and any(e.head in home for e in b.out)
    ]
    starts = starts[len(starts) - len(ends) :] if len(ends) < len(starts) else []
    rails: dict[int, Rail] = {}
    entries: dict[Entry, Rail] = {}
    for start, end in zip(starts, ends):
        if start.node.shape == end.node.shape:
            rail = rails[slots[end]] = Rail(end.depth, ends={0: end})
            entries.update({(slots[e.head], e.place): rail for e in start.out if e.head in slots})
    return rails, entries


def _levelled(rails: list[Rail]) -> list[Rail]:
    """In each layer h runs along the bottom: the last state, or the last whose name ends in h."""
    for depth in {rail.depth for rail in rails}:
        level = [rail for rail in rails if rail.depth == depth]
        names = [(rail.ends[max(rail.ends)].node.name or "").rstrip("0123456789") for rail in level]
        called_h = [rail for rail, name in zip(level, names) if name.endswith("h")]
        (called_h or level)[-1].bottom = True
    return rails


def _adopt_heads(
    boxes: list[Box], home: dict[Box, int], latest: dict[Box, int], count: int
) -> None:
    """What reads one step only, in most steps alike (a loss for each step), stands in that step."""
    candidate: dict[Box, int] = {}
    alike: dict[str, set[int]] = {}
    for box in boxes:
        if box not in home and latest[box] >= 0:
            homes = {
                home.get(e.tail, candidate.get(e.tail)) for e in box.into if latest[e.tail] >= 0
            }
            if len(homes) == 1 and (where := homes.pop()) is not None:
                candidate[box] = where
                alike.setdefault(box.made, set()).add(where)
    above = 1 + max((box.depth for box in home), default=0)
    for box, where in candidate.items():
        if len(alike[box.made]) >= max(2, count - 1):
            home[box], box.depth = where, above


def _adopt_feeders(
    boxes: list[Box], home: dict[Box, int], latest: dict[Box, int], starts: set
) -> None:
    """What only one step reads stands with that step: its input, and how that was looked up."""
    for box in reversed(boxes):
        free = box not in home and latest[box] < 0 and box not in starts
        if free and box.out and (box.role != "weight" or box.ghost):
            homes = {home.get(e.head) for e in box.out}
            if len(homes) == 1 and (where := homes.pop()) is not None:
                home[box], box.depth = where, min(e.head.depth for e in box.out)
