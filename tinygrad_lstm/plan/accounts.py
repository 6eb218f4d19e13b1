"""Where a plan's memory goes: every array, what lies in it, and from when to when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .telling import amount, text_table, wrapped

KEPT, OUTPUTS = "kept for the way back", "outputs"
GIVEN = "copies of what is given"
WEIGHTS = "parameters, packed parameters and their gradients"
PASSING = "overwritten step by step"
OTHERS = "values outside of time"
HANDED = "handed over between segments"
ROLES: tuple[str, ...] = (KEPT, HANDED, OUTPUTS, GIVEN, PASSING, OTHERS, WEIGHTS)
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
    slot: float
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
        wanted = roles or (KEPT, HANDED, OUTPUTS)
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
                f"({amount(self.unit, 'B')}): {self.per_step(KEPT, HANDED):.3g} for the way back, "
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
    lives = f"{min(first for first, _ in a.lives)}-{max(last for _, last in a.lives)}"
    if len(a.lives) > 1:
        lives += f", {len(a.lives)} in turn"
    return [a.names, KINDS[a.kind], lives, str(a.shape), amount(a.bytes, "B")]
