"""What a plan would cost, counted without writing down every call of every timestep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from ..graph import Graph
from ..tensor import Tensor
from .buffers import Storage
from .build import Builder
from .costs import Cost, cost, memory_of
from .device import Device
from .emit import Call, Emitter
from .lower import Lowered
from .program import Program
from .schedule import Region, Schedule, Unit, makes_memory
from .shortened import OnlyLoop, only_loop
from .spread import Each, Spread
from .terms import LEAVES
from .variant import Variant, written

if TYPE_CHECKING:
    from .plan import Options

SHORT = 12
"""Loops of so many steps are written down step by step; longer ones are reckoned from them."""


class Tally(Emitter):
    """Writes one call for all steps that make it alike.

    Attributes:
        often: for each call how often a step of the plan makes it.
    """

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.often: list[int] = []
        self._times = 1

    def _append(self, unit: Unit, calls: Sequence[Call]) -> None:
        super()._append(unit, calls)
        self.often.extend([self._times] * len(calls))

    def _region(self, region: Region) -> None:
        for c in region.carries:
            self._append((c,), self._start(c))
        size = self.memory.chunk(region)
        lengths = Counter(min(size, region.T - first) for first in range(0, region.T, size))
        for length, self._times in lengths.items():
            with self._stacked(region, 0, length):
                for unit in region.chunked:
                    self._append(unit, self._during(unit, 0, length))
        self._times = 1
        for unit in region.steps:
            columns = self._stepwise(unit, range(region.T))  # weights are put into tiles here, once
            apart = unit[0].fn == "each"
            self._times = 1 if apart else region.T
            for column in columns:
                self._append(unit, column if apart else column[:1])
            self._times = 1

    def _columns(self, parts: list[tuple], times: range) -> list[list[Call]]:
        if any(isinstance(s, Each) for _, operands in parts for s in operands):
            return super()._columns(parts, times)
        return [[(f, tuple(map(_one_of, operands)))] * len(times) for f, operands in parts]


def _one_of(operand: Any) -> Any:
    """The operand of any step."""
    if not isinstance(operand, Spread):
        return operand
    return operand.array[(0, ...)] if operand.slotted else operand.array


Counts = tuple[int, Cost, int]
"""Terms, cost, and bytes of all arrays, as of a stage."""


def may_count(options: Options, variant: Variant) -> bool:
    """Whether such a plan can be counted: where it is one program, and its calls are NumPy's."""
    return not options.checkpoint and not variant.device.fuses


def counted(graph: Graph, wrt: Mapping[str, Tensor], options: Options, variant: Variant) -> Counts:
    """What a plan with these options, for what the variant is for, is and costs."""
    if "roles" in options.passes or all(block.T == 1 for block in variant.built.blocks):
        return _counts(variant.written, options, variant.device)
    loop = only_loop(graph, wrt, variant, SHORT)
    found = loop and _extended(loop, options, variant.device)
    if found is not None:
        return found
    return _unrolled(graph, wrt, variant.of_these_shapes(), variant.seeded, options, variant.device)


def _extended(loop: OnlyLoop, options: Options, device: Device) -> Counts | None:
    """From three lengths to the real one, for every step more costs the same; None if not."""
    short = [_unrolled(*loop.first(T), options, device) for T in (SHORT - 2, SHORT - 1, SHORT)]
    a, b, c = ([terms, *astuple(cost), memory] for terms, cost, memory in short)
    each = [y - x for x, y in zip(b, c)]
    if each != [y - x for x, y in zip(a, b)]:
        return None
    terms, *spent, memory = (y + (loop.T - SHORT) * d for y, d in zip(c, each))
    return terms, Cost(*spent), memory


def _unrolled(
    graph: Graph,
    wrt: Mapping[str, Tensor],
    arrays: Sequence[Any],
    seeded: Sequence[bool],
    options: Options,
    device: Device,
) -> Counts:
    built = Builder(graph, arrays, loops=False)
    return _counts(written(built, wrt, seeded), options, device)


def _counts(program: Program, options: Options, device: Device) -> Counts:
    made = Lowered(program, options, device, writer=_tally)
    emitter = made.emitter
    assert isinstance(emitter, Tally)
    spent = cost(emitter.calls, device, emitter.often)
    return terms_of(made.program), spent, memory_of(emitter.memory)


def terms_of(program: Program) -> int:
    """How many array functions are written down."""
    return sum(makes_memory(x) and x.fn not in LEAVES for x in program.terms())


def _tally(plan: Schedule, storage: Storage, device: Device, roots: Any, join: bool) -> Tally:
    return Tally(plan, storage, device)
