"""Who may lie where another has lain: in place of an argument, or where somebody has died."""

from __future__ import annotations

from .buffers import RANK, SMALL_ARENA, Buffer, Positions, Storage, memory_of
from .schedule import Schedule, Unit, real_users
from .terms import POINTWISE, Term


def share_in_place(plan: Schedule, found: Storage, positions: Positions, roots: set[Term]) -> None:
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
        if _is_tiny(unit):
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


def _is_tiny(unit: Unit) -> bool:
    """Whether the memory is not worth it: a call that overwrites its argument takes longer."""
    x = unit[0]
    return len(unit) * x.size * max(x.steps, 1) * x.dtype.itemsize <= SMALL_ARENA


def _dying(
    k: int, unit: Unit, plan: Schedule, found: Storage, positions: Positions, roots: set[Term]
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
        memory_of([b]) & memory_of([x.args[k]]) for x in unit for b in x.args if b is not x.args[k]
    ):
        return None
    plain = not (mine.before or mine.after or theirs.before or theirs.after)
    fits = offset >= 0 and offset + mine.blocks <= theirs.blocks
    one_place = mine.region is theirs.region or theirs.region is None
    return offset if plain and fits and one_place and mine.rows == theirs.rows else None


def _last(a: Term, x: Term, plan: Schedule, positions: Positions) -> bool:
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
