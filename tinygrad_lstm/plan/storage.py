"""Where every term's numbers lie: one array for each role (an arena), with a slot for each step.

    once    one array                          full   (T, ...), kept for readers elsewhere
    chunk   (K, ...), one chunk of time        step   one array that every step overwrites
    ring    two slots in turn, for what only the next step reads

A carry has no memory: it is its `next`, one slot earlier.  Terms of one group lie in one array,
block after block; what dies where another is born may leave it its place (`share`).
"""

from __future__ import annotations

from collections.abc import Iterable

from .buffers import RANK, SMALL_ARENA, Buffer, Positions, Storage, memory_of
from .schedule import Region, Schedule, Unit, makes_memory, real_users
from .sharing import share_in_place, share_memory
from .terms import POINTWISE, Term


def store(
    plan: Schedule,
    roots: Iterable[Term],
    groups: Iterable[Unit],
    share: bool = True,
    rows: bool = False,
) -> Storage:
    """Give every term that has memory of its own a place.

    Args:
        rows: whether blocks lie side by side in the last axis wherever products can take them so.
    """
    positions = Positions(plan)
    roots = memory_of(roots)
    found = Storage({}, _windows(plan), region_of=positions.region_of)
    _lay_beside(plan, found)
    for group in _grouped(plan, groups, {**found.within, **found.place}):
        buffer = _buffer(group, plan, positions, roots, rows)
        found.place.update({x: (buffer, k) for k, x in enumerate(group)})
    _give_carries_slots(plan, found)
    if share:
        share_in_place(plan, found, positions, roots)
    found.buffers = list(dict.fromkeys(buffer for buffer, _ in found.place.values()))
    _note_lives(plan, found, positions, roots)
    if share:
        share_memory(found)
    return found


def _buffer(
    group: Unit, plan: Schedule, positions: Positions, roots: set[Term], rows: bool
) -> Buffer:
    """Memory for a group, of the kind that the longest kept of its terms needs."""
    kind = max((_kind(x, plan, positions, roots) for x in group), key=RANK.__getitem__)
    beside = kind != "chunk" and _side_by_side(group[0], plan, rows)
    return Buffer(kind, len(group), group[0], beside, region=positions.region_of.get(group[0]))


def _side_by_side(x: Term, plan: Schedule, always: bool) -> bool:
    """With a single row, blocks side by side are one vector, and need no axis of their own."""
    if x.steps or x.fn in ("matmul", "sumprod") or (always and x.fn == "total"):
        return x.ndim > 0 and (always or x.size == x.shape[-1])
    rows = [y.shape[-2] for y in plan.users[x] if y.fn == "matmul" and y.args[1] is x]
    return bool(rows) and (always or set(rows) == {1})


def _windows(plan: Schedule) -> dict[Term, tuple[Term, tuple]]:
    """A concat outside of time is the memory in which its parts are made, side by side."""
    within: dict[Term, tuple[Term, tuple]] = {}
    for x in plan.users:
        if x.fn != "concat" or x.steps:
            continue
        at = 0
        for a in x.args:
            size = a.shape[x.how]
            free = makes_memory(a) and a not in within and not a.steps and x.args.count(a) == 1
            if free and a.fn in (*POINTWISE, "contract", "total", "matmul", "scatter", "sum"):
                key = [slice(None)] * x.ndim
                key[x.how] = slice(at, at + size)
                within[a] = (x, tuple(key))
            at += size
    return within


def _lay_beside(plan: Schedule, found: Storage) -> None:
    """A row [h | x | 1]: its parts are made where they stand in it."""
    for row in plan.users:
        if row.fn != "beside":
            continue
        buffer = Buffer("full", 1, row, pinned=True)
        found.place[row] = (buffer, 0)
        buffer.columns[row] = (0, row.shape[-1], 0)
        at = 0
        for a in row.args:
            made = a.next if a.fn == "carry" else a
            if makes_memory(made):
                found.place[made] = (buffer, 0)
                buffer.columns[made] = (at, at + a.shape[-1], int(a.fn == "carry"))
            at += a.shape[-1]


def _grouped(plan: Schedule, groups: Iterable[Unit], within: dict) -> Iterable[Unit]:
    """The groups, and every other term with memory as a group of its own."""
    seen: set[Term] = set(within)
    alive = set(plan.users)
    for group in groups:
        if all(x in alive and x not in seen for x in group):
            seen.update(group)
            yield group
    for x in plan.users:
        if makes_memory(x) and x not in seen:
            yield (x,)


def _kind(x: Term, plan: Schedule, positions: Positions, roots: set[Term]) -> str:
    """How much of x is kept: all of it for readers in other loops, or outside of any."""
    if not x.steps:
        return "once"
    region = positions.region_of.get(x)
    if region is None or x in roots:
        return "full"
    for y in real_users(x, plan.users):
        if positions.region_of.get(y) is not region:
            return "full"
    if _is_carried(x, plan, region):
        small = x.steps * x.size * x.dtype.itemsize <= SMALL_ARENA
        return "ring" if positions.phase[x] == "step" and not small else "full"
    if any(y.fn in ("flip", "at", "whole", "carry") for y in plan.users[x]):
        return "full"
    return positions.phase[x]


def _is_carried(x: Term, plan: Schedule, region: Region) -> bool:
    """Whether x becomes a state, and a state of no other loop than its own."""
    carries = [y for y in plan.users[x] if y.fn == "carry"]
    return bool(carries) and all(y in region.carries for y in carries)


def _give_carries_slots(plan: Schedule, found: Storage) -> None:
    """One slot more for the start of a state, before the first step or after the last one."""
    for c in plan.users:
        if c.fn == "carry":
            buffer, _ = found.place[c.next]
            if buffer.kind not in ("full", "ring"):
                buffer.kind = "full"
            if c.how > 0:
                buffer.before = 1
            else:
                buffer.after = 1


def _note_lives(plan: Schedule, found: Storage, positions: Positions, roots: set[Term]) -> None:
    """From where to where in the schedule each buffer holds something."""
    end = len(positions.units)
    for buffer in found.buffers:
        buffer.born, buffer.dies = end, -1
    for x, (buffer, _) in found.place.items():
        readers = [positions.at[y] for y in real_users(x, plan.users) if y in positions.at]
        buffer.born = min(buffer.born, positions.at.get(x, -1))
        buffer.dies = max(buffer.dies, positions.at.get(x, -1), *readers, -1)
        odd = any(y.fn in ("carry", "whole", "flip", "at") for y in plan.users[x])
        if x in roots or odd or x.fn in ("input", "seed", "parameter", "leaf"):
            buffer.pinned = True
    for base, _ in found.within.values():
        if base in found.place:
            found.place[base][0].pinned = True
