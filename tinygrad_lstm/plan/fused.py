"""Calls of a schedule where pointwise terms are kernels of the device's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from .capture import Part, parts_of
from .device import Device
from .emit import Call, Emitter
from .memory import Spread
from .passes.kernels import Kernel, kernels, origin
from .schedule import Region, Schedule, Unit
from .storage import Storage
from .terms import LEAVES, Term

MOST = 48
"""So many arrays at most are handed to one kernel: CUDA gives 4 KiB for their addresses."""
GIVEN = LEAVES - {"carry"} | {"leaf"}


class KernelEmitter(Emitter):
    """Writes the calls of a schedule, one for each kernel.

    Attributes:
        roots: terms that are wanted from outside, which no kernel may keep to itself.
    """

    def __init__(
        self, plan: Schedule, storage: Storage, device: Device, roots: Collection[Term]
    ) -> None:
        super().__init__(plan, storage, device)
        self.roots = set(roots)
        self.plan = self._in_kernels(plan)

    def _in_kernels(self, plan: Schedule) -> Schedule:
        items: list[Any] = []
        run: list[Unit] = []
        for item in plan.items:
            if isinstance(item, Region):
                item.chunked = kernels(item.chunked, self._may_join, self.device.takes)
                item.steps = kernels(item.steps, self._may_join, self.device.takes)
                items += [*kernels(run, self._may_join, self.device.takes), item]
                run = []
            else:
                run.append(item)
        return replace(plan, items=[*items, *kernels(run, self._may_join, self.device.takes)])

    def parts(self) -> list[Part]:
        """First what the host puts down; then the other calls, as far as possible together."""
        d = self.device
        fed = [self._is_fed(f, unit) for (f, _), unit in zip(self.calls, self.owners)]
        first = [call for call, early in zip(self.calls, fed) if early]
        rest = [k for k, early in enumerate(fed) if not early]
        hosts = []
        for k in rest:
            unit, looks = self.owners[k], self.calls[k][0] in (d.check_rows, d.call)
            name = type(unit[0].how).__name__ if unit[0].fn == "call" else unit[0].fn
            hosts.append(f"{name} looks at numbers" if looks else "")
        given = ["what comes from outside is put down"] * len(first)
        return parts_of([*first, *(self.calls[k] for k in rest)], [*given, *hosts])

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

    def _may_join(self, run: Sequence[Term], x: Term) -> bool:
        """Whether no entry of x lies where another entry of these terms is read or written.

        Nor may there be more arrays than a kernel takes.
        """
        kernel = Kernel([*run, x])
        if len(kernel.reads()) + len(kernel.writes(self.plan.users, self.roots)) > MOST:
            return False
        theirs = [self.memory.spread(y) for y in (*run, *Kernel(run).reads())]
        mine = [self.memory.spread(y) for y in Kernel([x]).reads() if y not in run]
        made = [self.memory.spread(x), *(self.memory.spread(y) for y in run)]
        pairs = [(made[0], s) for s in (*theirs, *mine)] + [(s, r) for s in made for r in mine]
        return not any(self._crossed(s, r) for s, r in pairs)

    def _crossed(self, s: Spread, r: Spread) -> bool:
        """Whether they share memory in some step, other than entry by entry."""
        if s.slotted and r.slotted:
            times = range(min(2, len(s.array), len(r.array)))
            both = zip(self.memory.over(s, times), self.memory.over(r, times))
            return any(crossed(a, b, self.device) for a, b in both)
        return crossed(s.array, r.array, self.device)


def crossed(a: Any, b: Any, device: Device) -> bool:
    """Whether arrays share memory in another way than that they are the same entries."""
    if not a.size or not b.size:
        return False
    at, bt = device.pointer(a), device.pointer(b)
    if at == bt and a.shape == b.shape and _strides(a) == _strides(b):
        return False
    (a0, a1), (b0, b1) = _bounds(a, at), _bounds(b, bt)
    if a1 <= b0 or b1 <= a0:
        return False
    return not _side_by_side(a, b, bt - at)


def _strides(a: Any) -> list[int]:
    return [s for s, n in zip(a.strides, a.shape) if n > 1]


def _bounds(a: Any, at: int) -> tuple[int, int]:
    spans = [s * (n - 1) for s, n in zip(a.strides, a.shape)]
    return at + sum(min(s, 0) for s in spans), at + sum(max(s, 0) for s in spans) + a.itemsize


def _side_by_side(a: Any, b: Any, offset: int) -> bool:
    """Whether they are other columns of the same rows."""
    apart = _strides(a)
    if apart != _strides(b) or a.shape != b.shape or len(apart) < 2 or apart[-1] != a.itemsize:
        return False
    row, width = min(apart[:-1]), a.shape[-1] * a.itemsize
    return row > 0 and not any(s % row for s in apart[:-1]) and width <= offset % row <= row - width


def emitter_for(
    plan: Schedule, storage: Storage, device: Device, roots: Collection[Term]
) -> Emitter:
    """The emitter that this device wants."""
    if device.fuses:
        return KernelEmitter(plan, storage, device, roots)
    return Emitter(plan, storage, device)
