"""Where every term's numbers lie: one array for each role (an arena), with a slot for each step.

    once    one array                          full   (T, ...), kept for readers elsewhere
    chunk   (K, ...), one chunk of time        step   one array that every step overwrites
    ring    two slots in turn, for what only the next step reads

A carry has no memory: it is its `next`, one slot earlier.  Terms of one group lie in one array,
block after block; what dies where another is born may leave it its place (`share`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .schedule import Region, Schedule, Unit, is_view, makes_memory, real_users
from .terms import POINTWISE, Term

SMALL_ARENA = 32 * 1024
"""Up to so many bytes a carry has a slot for every step: then its start is put down only once."""

RANK = {"once": 0, "step": 1, "chunk": 2, "ring": 3, "full": 4}


@dataclass(eq=False)
class Buffer:
    """Memory for the blocks of one group: `blocks` arrays of `shape` in each slot.

    Attributes:
        rows: whether the blocks lie side by side in the last axis (else one array after another).
        before, after: extra slots for the start of a carry that runs forward, or backward.
        born, dies: positions in the schedule between which it holds something.
    """

    kind: str
    blocks: int
    term: Term
    rows: bool = False
    before: int = 0
    after: int = 0
    region: Region | None = None
    born: int = 0
    dies: int = 0
    pinned: bool = False
    memory: Buffer | None = None
    columns: dict[Term, tuple[int, int, int]] = field(default_factory=dict)
    """Of what lies beside each other: first column, the one behind the last, and how many slots
    ahead of the others it is written (a state is read one step later)."""


@dataclass
class Storage:
    """Which buffer a term lies in, and at which block of it."""

    place: dict[Term, tuple[Buffer, int]]
    within: dict[Term, tuple[Term, tuple]]
    """Terms that are made in a window of another one's memory."""
    buffers: list[Buffer] = field(default_factory=list)
    region_of: dict[Term, Region] = field(default_factory=dict)


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
    positions = _Positions(plan)
    roots = _memory_of(roots)
    found = Storage({}, _windows(plan), region_of=positions.region_of)
    _lay_beside(plan, found)
    for group in _grouped(plan, groups, {**found.within, **found.place}):
        kind = max((_kind(x, plan, positions, roots) for x in group), key=RANK.__getitem__)
        region = positions.region_of.get(group[0])
        buffer = Buffer(
            kind, len(group), group[0], _side_by_side(group[0], plan, rows), region=region
        )
        for k, x in enumerate(group):
            found.place[x] = (buffer, k)
    _give_carries_slots(plan, found)
    if share:
        _share_in_place(plan, found, positions, roots)
    found.buffers = list(dict.fromkeys(buffer for buffer, _ in found.place.values()))
    _note_lives(plan, found, positions, roots)
    if share:
        _share_memory(found)
    return found


def _side_by_side(x: Term, plan: Schedule, always: bool) -> bool:
    """With a single row, blocks side by side are one vector, and need no axis of their own."""
    if x.steps or x.fn in ("matmul", "sumprod") or (always and x.fn == "total"):
        return x.ndim > 0 and (always or x.size == x.shape[-1])
    rows = [y.shape[-2] for y in plan.users[x] if y.fn == "matmul" and y.args[1] is x]
    return bool(rows) and (always or set(rows) == {1})


class _Positions:
    """When each term is computed: the number of its unit in the schedule."""

    def __init__(self, plan: Schedule) -> None:
        self.at: dict[Term, int] = {}
        self.region_of: dict[Term, Region] = {}
        self.phase: dict[Term, str] = {}
        self.units: list[Unit] = []
        for item in plan.items:
            if isinstance(item, Region):
                self._add(item.chunked, item, "chunk")
                self._add(item.steps, item, "step")
            else:
                self._add([item], None, "once")

    def _add(self, units: list[Unit], region: Region | None, phase: str) -> None:
        for unit in units:
            for x in unit:
                self.at[x] = len(self.units)
                self.phase[x] = phase
                if region is not None:
                    self.region_of[x] = region
            self.units.append(unit)


def _memory_of(terms: Iterable[Term]) -> set[Term]:
    """The terms whose memory these are, looked at through views."""
    found = set()
    for x in terms:
        while is_view(x) and x.fn != "carry":
            x = x.args[0]
        found.add(x.next if x.fn == "carry" else x)
    return found


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


def _kind(x: Term, plan: Schedule, positions: _Positions, roots: set[Term]) -> str:
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
    odd = any(y.fn in ("flip", "at", "whole", "carry") for y in plan.users[x])
    if odd:
        return "full"
    later = positions.phase[x] == "chunk"
    return "chunk" if later else "step"


def _is_carried(x: Term, plan: Schedule, region: Region) -> bool:
    return any(y.fn == "carry" and y in region.carries for y in plan.users[x]) and all(
        y.fn != "carry" or y in region.carries for y in plan.users[x]
    )


def _give_carries_slots(plan: Schedule, found: Storage) -> None:
    for c in plan.users:
        if c.fn == "carry":
            buffer, _ = found.place[c.next]
            if buffer.kind not in ("full", "ring"):
                buffer.kind = "full"
            if c.how > 0:
                buffer.before = 1
            else:
                buffer.after = 1


def _share_in_place(
    plan: Schedule, found: Storage, positions: _Positions, roots: set[Term]
) -> None:
    """A pointwise term takes the place of an argument that dies with it: $y$ overwrites $x$.

    Youngest first, so that a whole chain ends where its last term is wanted.
    """
    members: dict[Buffer, list[Term]] = {}
    for x, (buffer, _) in found.place.items():
        members.setdefault(buffer, []).append(x)
    for unit in reversed(positions.units):
        alone = ("copy", "where", "astype")  # these write before they have read everything
        if unit[0].fn not in POINTWISE or unit[0].fn in alone or unit[0] not in found.place:
            continue
        choices = []
        for k in range(len(unit[0].args)):
            offset = _dying(k, unit, plan, found, positions, roots)
            if offset is not None:
                choices.append((RANK[found.place[unit[0].args[k]][0].kind], -k, offset, k))
        if choices:
            rank, _, offset, k = max(choices)
            mine, theirs = found.place[unit[0]][0], found.place[unit[0].args[k]][0]
            if mine is theirs or (rank == RANK["full"] and mine.kind != "full"):
                continue
            _merge(found, members, mine, theirs, offset)


def _dying(
    k: int, unit: Unit, plan: Schedule, found: Storage, positions: _Positions, roots: set[Term]
) -> int | None:
    """The block at which the unit's terms would lie in argument k's buffer, if that may be."""
    mine, _ = found.place[unit[0]]
    offset = None
    for x in unit:
        a = x.args[k]
        if a not in found.place or a in roots or a.shape != x.shape or a.dtype != x.dtype:
            return None
        theirs, block = found.place[a]
        here = block - found.place[x][1]
        if offset is None:
            offset = here
        if here != offset or theirs is not found.place[unit[0].args[k]][0] or a.steps != x.steps:
            return None
        if a.fn in ("input", "seed", "parameter", "leaf", "draw") or not _last(
            a, x, plan, positions
        ):
            return None
    theirs = found.place[unit[0].args[k]][0]
    if offset is None or mine.blocks != len(unit):
        return None
    if any(base is x.args[k] for x in unit for base, _ in found.within.values()):
        return None  # it is what others were made in
    if any(
        _memory_of([b]) & _memory_of([x.args[k]])
        for x in unit
        for b in x.args
        if b is not x.args[k]
    ):
        return None
    plain = not (mine.before or mine.after or theirs.before or theirs.after)
    fits = offset >= 0 and offset + mine.blocks <= theirs.blocks
    one_place = mine.region is theirs.region or theirs.region is None
    return offset if plain and fits and one_place and mine.rows == theirs.rows else None


def _last(a: Term, x: Term, plan: Schedule, positions: _Positions) -> bool:
    """Whether x is the last to read a, slot by slot."""
    if any(y.fn in ("carry", "whole", "flip", "at") for y in plan.users[a]):
        return False
    at, region = positions.at[x], positions.region_of.get(x)
    if region is None and a.steps and positions.region_of.get(a) is not None:
        return False
    for y in real_users(a, plan.users):
        same = positions.at[y] == at and (y is x or a not in y.args or y.args.count(a) == 0)
        earlier = positions.at[y] < at and (positions.region_of.get(y) is region or region is None)
        before_region = positions.at[y] < at and positions.region_of.get(y) is None
        if y is not x and not same and not earlier and not before_region:
            return False
        if y is not x and positions.at[y] == at:
            return False
    return True


def _merge(
    found: Storage, members: dict[Buffer, list[Term]], mine: Buffer, theirs: Buffer, offset: int
) -> None:
    for x in members.pop(mine):
        found.place[x] = (theirs, found.place[x][1] + offset)
        members[theirs].append(x)
    theirs.kind = max(mine.kind, theirs.kind, key=RANK.__getitem__)
    theirs.region = theirs.region or mine.region


def _note_lives(plan: Schedule, found: Storage, positions: _Positions, roots: set[Term]) -> None:
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
    for x, (base, _) in found.within.items():
        if base in found.place:
            found.place[base][0].pinned = True
        del x


def _share_memory(found: Storage) -> None:
    """A buffer that is born after another has died takes over its memory."""
    free: list[Buffer] = []
    for buffer in sorted(found.buffers, key=lambda b: b.born):
        if buffer.pinned or buffer.before or buffer.after or buffer.kind == "ring":
            continue
        for old in free:
            if _may_follow(old, buffer):
                buffer.memory = old.memory or old
                free.remove(old)
                break
        free.append(buffer)


def _may_follow(old: Buffer, new: Buffer) -> bool:
    alike = (
        old.kind == new.kind
        and old.blocks == new.blocks
        and old.rows == new.rows
        and old.term.shape == new.term.shape
        and old.term.dtype == new.term.dtype
        and old.term.steps == new.term.steps
    )
    if old.kind in ("step", "chunk") and old.region is not new.region:
        same_chunk = old.kind == "step"  # chunks of other loops may be of another length
        return alike and same_chunk and old.dies < new.born
    return alike and old.dies < new.born
