"""Who may lie where another has lain: in place of an argument, or where somebody has died."""

from __future__ import annotations

from .buffers import RANK, SMALL_ARENA, Buffer, Positions, Storage, memory_of
from .schedule import Schedule, Unit, real_users
from .terms import POINTWISE, Term

GIVEN = ("input", "seed", "parameter", "leaf", "draw")
"""What is put down here from outside stays as it came."""
LATE = ("copy", "where", "astype")
"""These write before they have read everything."""


def share_in_place(plan: Schedule, found: Storage, positions: Positions, roots: set[Term]) -> None:
    """A pointwise term takes the place of an argument that dies with it: $y$ overwrites $x$.

    Youngest first, so that a whole chain ends where its last term is wanted.
    """
    sharing = _InPlace(plan, found, positions, roots)
    for unit in reversed(positions.units):
        x = unit[0]
        overwrites = x.fn in POINTWISE and x.fn not in LATE and x in found.place
        if overwrites and not _is_tiny(unit):
            sharing.move(unit)


def share_memory(found: Storage) -> None:
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


def _is_tiny(unit: Unit) -> bool:
    """Whether the memory is not worth it: a call that overwrites its argument takes longer."""
    x = unit[0]
    return len(unit) * x.size * max(x.steps, 1) * x.dtype.itemsize <= SMALL_ARENA


class _InPlace:
    """Moves units to where an argument of theirs lies, buffer by buffer."""

    def __init__(
        self, plan: Schedule, found: Storage, positions: Positions, roots: set[Term]
    ) -> None:
        self.users, self.found, self.positions, self.roots = plan.users, found, positions, roots
        self.bases = {base for base, _ in found.within.values()}
        self.members: dict[Buffer, list[Term]] = {}
        for x, (buffer, _) in found.place.items():
            self.members.setdefault(buffer, []).append(x)

    def move(self, unit: Unit) -> None:
        """The place of the argument that is kept longest anyway, if one of them dies here."""
        place, choices = self.found.place, []
        for k, a in enumerate(unit[0].args):
            offset = self._offset(k, unit)
            if offset is not None:
                choices.append((RANK[place[a][0].kind], -k, offset))
        if not choices:
            return
        rank, k, offset = max(choices)
        mine, theirs = place[unit[0]][0], place[unit[0].args[-k]][0]
        if mine is theirs or (rank == RANK["full"] and mine.kind != "full"):
            return  # what only one step or chunk needs stays in the little memory that it has
        self._merge(mine, theirs, offset)

    def _offset(self, k: int, unit: Unit) -> int | None:
        """The block at which the unit's terms would lie in argument k's buffer, if that may be."""
        if not all(self._dies(x.args[k], x) for x in unit):
            return None
        place, args = self.found.place, [x.args[k] for x in unit]
        mine, theirs = place[unit[0]][0], place[args[0]][0]
        offsets = {place[a][1] - place[x][1] for a, x in zip(args, unit)}
        together = len(offsets) == 1 and all(place[a][0] is theirs for a in args)
        if not together or mine.blocks != len(unit) or any(self._is_read_twice(k, x) for x in unit):
            return None
        (offset,) = offsets
        return offset if _fits(mine, theirs, offset) else None

    def _dies(self, a: Term, x: Term) -> bool:
        """Whether x is as large as its argument a, and nobody needs a afterwards."""
        if a not in self.found.place or a in self.roots or a in self.bases or a.fn in GIVEN:
            return False
        alike = (a.shape, a.dtype, a.steps) == (x.shape, x.dtype, x.steps)
        return alike and self._is_last(a, x)

    def _is_last(self, a: Term, x: Term) -> bool:
        """Whether x is the last to read a, slot by slot."""
        if any(y.fn in ("carry", "whole", "flip", "at") for y in self.users[a]):
            return False
        at, region_of = self.positions.at, self.positions.region_of
        here = region_of.get(x)
        if here is None and a.steps and region_of.get(a) is not None:
            return False
        for y in real_users(a, self.users):
            there = region_of.get(y)
            other_loop = here is not None and there is not None and there is not here
            if y is not x and (at[y] >= at[x] or other_loop):
                return False
        return True

    def _is_read_twice(self, k: int, x: Term) -> bool:
        """Whether another argument of x is a view of argument k: it would change on the way."""
        a = x.args[k]
        return any(memory_of([b]) & memory_of([a]) for b in x.args if b is not a)

    def _merge(self, mine: Buffer, theirs: Buffer, offset: int) -> None:
        place = self.found.place
        for x in self.members.pop(mine):
            place[x] = (theirs, place[x][1] + offset)
            self.members[theirs].append(x)
        theirs.kind = max(mine.kind, theirs.kind, key=RANK.__getitem__)
        theirs.region = theirs.region or mine.region


def _fits(mine: Buffer, theirs: Buffer, offset: int) -> bool:
    """Whether all blocks of one buffer have their places in the other, in the same slots."""
    plain = not (mine.before or mine.after or theirs.before or theirs.after)
    inside = offset >= 0 and offset + mine.blocks <= theirs.blocks
    one_loop = mine.region is theirs.region or theirs.region is None
    return plain and inside and one_loop and mine.rows == theirs.rows


def _may_follow(old: Buffer, new: Buffer) -> bool:
    """Whether two buffers are equally large, and one is done with before the other begins."""
    kinds = {
        (b.kind, b.blocks, b.rows, b.term.shape, b.term.dtype, b.term.steps) for b in (old, new)
    }
    if len(kinds) > 1 or old.dies >= new.born:
        return False
    # chunks of other loops may be of another length
    return old.kind != "chunk" or old.region is new.region
