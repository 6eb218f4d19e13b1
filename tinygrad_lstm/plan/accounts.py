"""Where a plan's memory goes: every array, what lies in it, and from when to when."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .names import PIECE, Names, adjoined, memory_of
from .schedule import Region, Schedule
from .telling import amount, text_table, wrapped
from .terms import Term

if TYPE_CHECKING:
    from .storage import Buffer
    from .variant import Variant

KEPT, OUTPUTS = "kept for the way back", "outputs"
GIVEN = "copies of what is given"
WEIGHTS = "parameters, packed parameters and their gradients"
PASSING = "overwritten step by step"
OTHERS = "values outside of time"
ROLES: tuple[str, ...] = (KEPT, OUTPUTS, GIVEN, PASSING, OTHERS, WEIGHTS)
GIVEN_BY = ("input", "inputs", "seed", "seeds", "leaf", "draw")
KINDS = {
    "once": "one array",
    "full": "every step",
    "chunk": "a chunk of steps",
    "step": "one step",
    "ring": "two steps in turn",
}
"""What the kinds of buffers mean: how many steps' values lie in them."""


@dataclass(frozen=True)
class Account:
    """One array of the plan.

    Attributes:
        names: of what lies in it, one after another.
        role: one of `ROLES`.
        slot: bytes for each timestep, 0 where memory does not grow with time.
        lives: (first, last) place in the schedule of each of the buffers that share the array.
    """

    names: str
    role: str
    kind: str
    shape: tuple[int, ...]
    bytes: int
    slot: int
    lives: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class MemoryReport:
    """What `plan.memory()` found; printed as a table, drawn by `.svg`.

    Attributes:
        accounts: the arrays, the largest first.
        loops: (first, last, words) place of each loop in the schedule.
        places: how many places the schedule has.
        unit: bytes of one array of the state, (N, H); 0 where nothing is carried.
        unit_name: whose array that is.
        scratch: bytes for the inside of single calls.
    """

    accounts: Sequence[Account]
    loops: Sequence[tuple[int, int, str]]
    places: int
    unit: int
    unit_name: str
    scratch: int

    @property
    def total(self) -> int:
        """Bytes of all arrays."""
        return sum(a.bytes for a in self.accounts) + self.scratch

    def of_role(self, role: str) -> int:
        """Bytes of all arrays of that role."""
        return sum(a.bytes for a in self.accounts if a.role == role)

    def per_step(self, *roles: str) -> float:
        """Memory that grows with every timestep, as a number of arrays of the state, N H floats.

        Without roles what a step keeps: outputs, and what is kept for the way back.
        """
        wanted = roles or (KEPT, OUTPUTS)
        slots = sum(a.slot for a in self.accounts if a.role in wanted)
        return slots / self.unit if self.unit else math.nan

    def __str__(self) -> str:
        heads = ["array", "holds", "places", "shape", "bytes"]
        lines = [f"Memory of the plan: {amount(self.total, 'B')}."]
        for role in ROLES:
            rows = [_row(a) for a in self.accounts if a.role == role]
            if rows:
                lines += ["", f"{role[:1].upper()}{role[1:]}: {amount(self.of_role(role), 'B')}"]
                lines += text_table((heads, rows))
        if self.scratch:
            lines += ["", f"Inside of single calls: {amount(self.scratch, 'B')}"]
        return "\n".join([*lines, "", *self._summary()])

    __repr__ = __str__

    def _summary(self) -> list[str]:
        loops = "; ".join(
            f"places {a} ... {b} are the loop over {words}" for a, b, words in self.loops
        )
        lines = [
            f"The order of computation has {self.places} places. {loops[:1].upper()}{loops[1:]}"
        ]
        if self.unit:
            lines += [
                f"Each timestep keeps {self.per_step():.3g} arrays like {self.unit_name} "
                f"({amount(self.unit, 'B')}): {self.per_step(KEPT):.3g} for the way back, "
                f"{self.per_step(OUTPUTS):.3g} as outputs. "
                f"Copies of inputs and seeds take {self.per_step(GIVEN):.3g} more."
            ]
        return [row for line in lines for row in wrapped(line)]

    @property
    def svg(self) -> str:
        """The schedule from left to right, one bar for each array, as high as it is large."""
        from .chart import memory_chart

        return memory_chart(self)

    def _repr_svg_(self) -> str:
        return self.svg


def _row(a: Account) -> list[str]:
    lives = ", ".join(f"{first}-{last}" for first, last in a.lives)
    return [a.names, KINDS[a.kind], lives, str(a.shape), amount(a.bytes, "B")]


def memory_report(variant: Variant, names: Names) -> MemoryReport:
    """Read the storage of a plan."""
    emitter = variant.emitter
    memory, storage = emitter.memory, emitter.memory.storage
    within: dict[Buffer, list[Term]] = {}
    sharing: dict[Buffer, list[Buffer]] = {}
    for x, (buffer, _) in storage.place.items():
        within.setdefault(buffer, []).append(x)
    for buffer in sorted(within, key=lambda b: b.born):
        sharing.setdefault(buffer.memory or buffer, []).append(buffer)
    roles = _Roles(variant)
    accounts = []
    loops, places = _loops(emitter.plan)
    for base, buffers in sharing.items():
        array = memory.arrays.get(base)
        if array is None:  # an input that is put down where a carry starts
            continue
        terms = sorted((x for b in buffers for x in within[b]), key=lambda x: x.born)
        accounts.append(
            Account(
                _contents(terms, names),
                roles.of(base, terms),
                base.kind,
                array.shape,
                array.nbytes,
                array.nbytes // _slots(base) if base.kind == "full" else 0,
                tuple(_life(b, within[b], roles.roots, places) for b in buffers),
            )
        )
    state = max((c for x in emitter.plan.order.cores for c in x.carries), key=_size, default=None)
    return MemoryReport(
        sorted(accounts, key=lambda a: -a.bytes),
        loops,
        places,
        _size(state) if state is not None else 0,
        names[state] if state is not None else "",
        sum(a.nbytes for a in memory.extra),
    )


def _contents(terms: Sequence[Term], names: Names) -> str:
    """The named values among the terms; if there is none, what the last of them is."""
    named = [name for name in map(names.own, terms) if name is not None]
    named.sort(key=lambda name: PIECE.fullmatch(name) is not None)  # nodes before parts of nodes
    return ", ".join(adjoined(named) if named else [names.describe(terms[-1])])


def _slots(buffer: Buffer) -> int:
    return buffer.term.steps + buffer.before + buffer.after


def _life(buffer: Buffer, terms: Iterable[Term], roots: set[Term], places: int) -> tuple[int, int]:
    """What is wanted from outside lives until the end, what is given from the beginning."""
    last = places - 1 if roots.intersection(terms) else max(buffer.born, buffer.dies)
    return max(buffer.born, 0), last


def _size(x: Term) -> int:
    return x.size * x.dtype.itemsize


class _Roles:
    """What the arrays are for."""

    def __init__(self, variant: Variant) -> None:
        program = variant.program
        steps = Counter(memory_of(x) for x, _ in program.outputs)
        self.outputs = {x for x, count in steps.items() if count >= x.steps}
        self.gradients = {memory_of(x) for x, _ in program.grads.values()}
        self.roots = {*steps, *self.gradients}
        self.changing: set[Term] = set()
        for x in program.terms():
            if x.fn in GIVEN_BY or any(a in self.changing for a in x.args):
                self.changing.add(x)

    def of(self, buffer: Buffer, terms: Iterable[Term]) -> str:
        terms = set(terms)
        if all(x.fn in GIVEN_BY for x in terms):
            return GIVEN
        if buffer.kind in ("chunk", "step", "ring"):
            return PASSING
        if terms & self.outputs:
            return OUTPUTS
        if buffer.kind == "full":
            return KEPT
        return OTHERS if (terms - self.gradients) & self.changing else WEIGHTS


def _loops(plan: Schedule) -> tuple[list[tuple[int, int, str]], int]:
    """Where the loops stand among the places of the schedule, and how many places there are."""
    found, at = [], 0
    for item in plan.items:
        if isinstance(item, Region):
            size = len(item.chunked) + len(item.steps)
            way = f"t = 1 ... {item.T}" if item.direction > 0 else f"t = {item.T} ... 1"
            found.append((at, at + size - 1, way))
            at += size
        else:
            at += 1
    return found, at
