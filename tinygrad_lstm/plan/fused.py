"""Calls of a schedule where pointwise terms are kernels of the device's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .buffers import Storage
from .capture import Part, parts_of
from .device import Device
from .emit import Call, Emitter
from .overlaps import Place, crossed, places
from .passes.kernels import Kernel, kernels, origin
from .schedule import Region, Schedule, Unit
from .spread import Spread
from .terms import LEAVES, Term

MOST = 48
"""So many arrays at most are handed to one kernel: CUDA gives 4 KiB for their addresses."""
FED = "what comes from outside is put down"
GIVEN = LEAVES - {"carry"} | {"leaf"}


class KernelEmitter(Emitter):
    """Writes the calls of a schedule, one for each kernel.

    Attributes:
        roots: terms that are wanted from outside, which no kernel may keep to itself.
    """

    def __init__(
        self, plan: Schedule, storage: Storage, device: Device, roots: Collection[Term], join: bool
    ) -> None:
        super().__init__(plan, storage, device)
        self.roots = set(roots)
        self._found: dict[tuple[Term, bool], tuple[Place, ...]] = {}
        self.plan = self._in_kernels(plan) if join else plan

    def _in_kernels(self, plan: Schedule) -> Schedule:
        items: list[Any] = []
        run: list[Unit] = []
        for item in plan.items:
            if isinstance(item, Region):
                item.chunked = self._joined_units(item.chunked, False)
                item.steps = self._joined_units(item.steps, True)
                items += [*self._joined_units(run, False), item]
                run = []
            else:
                run.append(item)
        return replace(plan, items=[*items, *self._joined_units(run, False)])

    def _joined_units(self, units: Sequence[Unit], stepwise: bool) -> list[Unit]:
        return kernels(units, partial(self._may_join, stepwise), self.device.takes)

    def parts(self) -> list[Part]:
        """First what the host puts down; then the other calls, as far as possible together."""
        early = [self._is_fed(f, unit) for (f, _), unit in zip(self.calls, self.owners)]
        first = [call for call, fed in zip(self.calls, early) if fed]
        rest = [call for call, fed in zip(self.calls, early) if not fed]
        hosts = [FED] * len(first) + [why_host(call, self.device) for call in rest]
        return parts_of([*first, *rest], hosts)

    def _is_fed(self, f: Any, unit: Unit) -> bool:
        """Whether a call only needs what is there when a step begins."""
        d = self.device
        if f == d.check_rows:
            return origin(unit[0].args[1]).fn in GIVEN
        return f in (d.gather, d.draw)

    def _stepwise(self, unit: Unit, times: range) -> list[list[Call]]:
        if not isinstance(unit, Kernel):
            return super()._stepwise(unit, times)
        return self._columns([self._kernel(unit)], times)

    def _during(self, unit: Unit, lo: int, hi: int) -> list[Call]:
        if not isinstance(unit, Kernel):
            return super()._during(unit, lo, hi)
        f, spreads = self._kernel(unit)
        return [(f, tuple(s.during(lo, hi, unit[0].ndim) for s in spreads))]

    def _kernel(self, kernel: Kernel) -> tuple[Any, list[Spread]]:
        """The function that computes it, and what it reads and writes."""
        reads, writes = kernel.reads(), kernel.writes(self.plan.users, self.roots)
        spreads = [self.memory.spread(x) for x in (*reads, *writes)]
        return self.device.kernel(kernel, writes), spreads

    def _may_join(self, stepwise: bool, run: Sequence[Term], x: Term) -> bool:
        """Whether no entry of x lies where another entry of these terms is read or written.

        Nor may there be more arrays than a kernel takes.
        """
        kernel = Kernel([*run, x])
        if len(kernel.reads()) + len(kernel.writes(self.plan.users, self.roots)) > MOST:
            return False
        place = partial(self._places, stepwise)
        read = [place(y) for y in Kernel([x]).reads() if y not in run]
        theirs = [place(y) for y in (*run, *Kernel(run).reads())]
        made = [place(y) for y in (x, *run)]
        pairs = [*((made[0], r) for r in theirs), *((m, r) for m in made for r in read)]
        return not any(crossed(m, r) for both in pairs for m, r in zip(*both))

    def _places(self, stepwise: bool, x: Term) -> tuple[Place, ...]:
        if (x, stepwise) not in self._found:
            self._found[x, stepwise] = places(self.memory.spread(x), self.device, stepwise)
        return self._found[x, stepwise]


def why_host(call: Call, device: Device) -> str:
    """Why the host must make this call each time; empty if the device can repeat it alone."""
    f, args = call
    if f in (device.gather, device.draw):
        return FED
    if f == device.check_rows:
        return "row numbers are checked"
    return f"{type(args[0]).__name__} looks at numbers" if f == device.call else ""


def emitter_for(
    plan: Schedule, storage: Storage, device: Device, roots: Collection[Term], join: bool
) -> Emitter:
    """The emitter that this device wants; it makes kernels only if it is to `join` calls."""
    if device.fuses:
        return KernelEmitter(plan, storage, device, roots, join)
    return Emitter(plan, storage, device)
