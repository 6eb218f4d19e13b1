"""In which order a program is computed: once, for all timesteps at once, or step after step.

The terms of a core can only be computed step after step, so a core becomes a `Region`.  Everything
else is computed outside of it, for all timesteps at once; only pointwise work that a region alone
needs (or that it makes, `chunked`) is done in chunks of time that fit the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from .program import Core, Order, Program, order
from .terms import LEAVES, POINTWISE, VIEWS, Term

Unit = tuple[Term, ...]
"""Terms that are computed by one call."""

TOGETHER = POINTWISE | {"matmul", "contract", "total", "take", "scatter"}
"""What one call can compute for several terms."""


@dataclass
class Region:
    """A loop over time: before each chunk of it `chunked`, then in every step `steps`."""

    T: int
    direction: int
    carries: list[Term] = field(default_factory=list)
    chunked: list[Unit] = field(default_factory=list)
    steps: list[Unit] = field(default_factory=list)


Item = Unit | Region


@dataclass
class Schedule:
    """The items in order; what is computed elsewhere than its argument's place is nowhere here."""

    items: list[Item]
    order: Order
    users: dict[Term, list[Term]]


def is_view(x: Term) -> bool:
    """Whether x has no memory of its own."""
    return x.fn in VIEWS or x.fn == "carry"


def makes_memory(x: Term) -> bool:
    return not is_view(x) and x.fn not in ("const", "given")


def real_users(x: Term, users: dict[Term, list[Term]]) -> list[Term]:
    """Who reads x, also through views and carries."""
    found, waiting, seen = [], [x], {x}
    while waiting:
        for y in users[waiting.pop()]:
            if y not in seen:
                seen.add(y)
                if is_view(y):
                    waiting.append(y)
                else:
                    found.append(y)
    return found


def schedule(
    program: Program, groups: Iterable[Unit] = (), hoist: bool = True, chunks: bool = True
) -> Schedule:
    """Put the terms in order; terms of one group are computed together where that is possible."""
    when, users = order(program), program.users()
    unit_of = _units(program, groups, when)
    before = _Before(program, when, unit_of)
    items: list[Item] = []
    done: set[Term] = set()
    for core in when.cores:
        needed = before.of(core)
        local = _chunked(needed, core, users, when) if chunks else set()
        _emit(items, (x for x in needed if x not in local), unit_of, done)
        items.append(_region(core, local, unit_of, done))
    _emit(items, program.terms(), unit_of, done)
    if not hoist:
        items = _in_steps(items)
    return Schedule(items, when, users)


class _Before:
    """What a core needs, in the order of birth, views left out."""

    def __init__(self, program: Program, when: Order, unit_of: dict[Term, Unit]) -> None:
        self.when, self.unit_of = when, unit_of

    def of(self, core: Core) -> list[Term]:
        seen: set[Term] = set()
        waiting = [a for x in core.terms for a in self._reads(x)]
        while waiting:
            x = waiting.pop()
            if x in seen or x in core.terms:
                continue
            seen.add(x)
            waiting.extend(self._reads(x))
            waiting.extend(self.unit_of.get(x, ()))
        return sorted(seen, key=lambda x: x.born)

    def _reads(self, x: Term) -> list[Term]:
        return [*x.args, *([x.next] if x.next is not None else [])]


def _chunked(
    needed: list[Term], core: Core, users: dict[Term, list[Term]], when: Order
) -> set[Term]:
    """Pointwise terms in time that only this core and other such terms need beforehand."""
    needed_set = set(needed)
    local: set[Term] = set()
    shifted = {x.next for x in users if x.fn == "carry"}
    T = core.carries[0].steps
    for x in reversed(needed):
        if x.steps != T or x in when.core_of or x in shifted or _read_askew(x, users):
            continue
        if x.fn in POINTWISE or x.fn in ("inputs", "seeds", "take"):
            readers = real_users(x, users)
            if x.fn in ("inputs", "seeds") and not all(y in core.terms for y in readers):
                continue
            if all(y in core.terms or y in local or y not in needed_set for y in readers):
                local.add(x)
    return local


def _read_askew(x: Term, users: dict[Term, list[Term]]) -> bool:
    """Whether somebody reads other steps of x than their own, through views."""
    for y in users[x]:
        if y.fn in ("carry", "whole", "flip", "at", "each"):
            return True
        if is_view(y) and _read_askew(y, users):
            return True
    return False


def _units(program: Program, groups: Iterable[Unit], when: Order) -> dict[Term, Unit]:
    """Which group a term is computed with: of one core, and none of them needs another."""
    unit_of: dict[Term, Unit] = {}
    for group in groups:
        for _, run in groupby(group, key=lambda x: (x.fn, str(x.how) if x.fn in POINTWISE else "")):
            unit = tuple(run)
            together = len({id(when.core_of.get(x)) for x in unit}) == 1
            together = together and unit[0].fn in TOGETHER
            if together and not any(x in unit_of for x in unit) and not _entangled(unit, when):
                unit_of.update(dict.fromkeys(unit, unit))
    return unit_of


def _entangled(group: Unit, when: Order) -> bool:
    members, oldest = set(group), min(x.born for x in group)
    waiting = [a for x in group for a in x.args]
    seen: set[Term] = set()
    while waiting:
        a = waiting.pop()
        if a in members:
            return True
        if a not in seen and a.born > oldest and a.fn != "carry":
            seen.add(a)
            waiting.extend(a.args)
    return False


def _emit(items: list[Item], terms: Iterable[Term], unit_of: dict, done: set[Term]) -> None:
    """Append the units of these terms (arguments first) that are not there yet."""
    wanted = list(terms)
    allowed = set(wanted)
    for x in _sorted_units(wanted, allowed, unit_of, done):
        items.append(x)


def _sorted_units(
    wanted: list[Term], allowed: set[Term], unit_of: dict[Term, Unit], done: set[Term]
) -> list[Unit]:
    """Units in an order in which all their arguments come first, eldest first where free."""
    found: list[Unit] = []
    for x in wanted:
        waiting = [unit_of.get(x, (x,))]
        while waiting:
            unit = waiting[-1]
            if unit[0] in done:
                waiting.pop()
                continue
            needs = [
                a
                for y in unit
                for a in (*y.args, *([y.next] if y.fn == "carry" and y.next in allowed else []))
                if a in allowed and a not in done and a not in unit
            ]
            if needs:
                waiting.extend(unit_of.get(a, (a,)) for a in reversed(needs))
                continue
            waiting.pop()
            done.update(unit)
            if makes_memory(unit[0]) or unit[0].fn == "carry":  # a carry needs its start put down
                found.append(unit)
    return found


def _region(core: Core, local: set[Term], unit_of: dict, done: set[Term]) -> Region:
    region = Region(core.carries[0].steps, core.carries[0].how, core.carries)
    done.update(core.carries)
    before = sorted(local, key=lambda x: x.born)
    region.chunked = _sorted_units(before, local, unit_of, done)
    steps = sorted(core.terms - set(core.carries), key=lambda x: x.born)
    region.steps = _sorted_units(steps, set(steps), unit_of, done)
    return region


def _in_steps(items: list[Item]) -> list[Item]:
    """Without hoisting: what has a time is computed step by step, in a loop of its own."""
    found: list[Item] = []
    for item in items:
        unit = None if isinstance(item, Region) else item
        if unit is None or not unit[0].steps or unit[0].fn in LEAVES:
            found.append(item)
        else:
            found.append(Region(unit[0].steps, 1, [], [], [unit]))
    return found
