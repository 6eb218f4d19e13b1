"""The buffers of a plan, and when each term is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .schedule import Region, Schedule, Unit, is_view
from .terms import Term

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


class Positions:
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


def memory_of(terms: Iterable[Term]) -> set[Term]:
    """The terms whose memory these are, looked at through views."""
    found = set()
    for x in terms:
        while is_view(x) and x.fn != "carry":
            x = x.args[0]
        found.add(x.next if x.fn == "carry" else x)
    return found
