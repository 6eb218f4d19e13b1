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
from .passes.kernels import Kernel, kernels
from .schedule import Region, Schedule, Unit
from .spread import Spread
from .terms import Term

ROOM = 4096 - 256
"""Bytes that CUDA has for what is handed to a kernel, without those for its own counting."""
FED = "what comes from outside is put down"


class KernelEmitter(Emitter):
    """Writes the calls of a schedule, one for each kernel.

    Attributes:
        roots: terms that are wanted from outside, which no kernel may keep to itself.
        join: whether a kernel may compute several terms.
    """

    def __init__(
        self, plan: Schedule, storage: Storage, device: Device, roots: Collection[Term], join: bool
    ) -> None:
        super().__init__(plan, storage, device)
        self.roots = set(roots)
        self.join = join
        self._found: dict[tuple[Term, bool], tuple[Place, ...]] = {}
        self.plan = self._in_kernels(plan) if join or device.only_kernels else plan

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
        hosts = [why_host(call, self.device) for call in self.calls]
        first = [call for call, host in zip(self.calls, hosts) if host == FED]
        rest = [(call, host) for call, host in zip(self.calls, hosts) if host != FED]
        calls = [*first, *(call for call, _ in rest)]
        return parts_of(calls, [FED] * len(first) + [host for _, host in rest])

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
        if not self.join:
            return False
        kernel = Kernel([*run, x])
        arrays = len(kernel.reads()) + len(kernel.writes(self.plan.users, self.roots))
        if arrays * (16 + 16 * (x.ndim + bool(x.steps))) > ROOM:  # address, size, shape and strides
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


def why_host(call: Call, device: Any) -> str:
    """Why the host must make this call each time; empty if the device can repeat it alone."""
    f, args = call
    if f == device.gather or (f == device.draw and not device.repeats(f, args)):
        return FED
    if f == device.call and not device.repeats(f, args):
        return f"{type(args[0]).__name__} looks at numbers"
    return ""


def emitter_for(
    plan: Schedule, storage: Storage, device: Device, roots: Collection[Term], join: bool
) -> Emitter:
    """The emitter that this device wants; it makes kernels only if it is to `join` calls."""
    if device.fuses:
        return KernelEmitter(plan, storage, device, roots, join)
    return Emitter(plan, storage, device)
