r"""What is computed entry by entry can be computed for one entry after another, by one kernel.

$z = f(g(x), y)$ is $z_k = f(g(x_k), y_k)$ for every k: so all pointwise calls between two products
of a step are one loop over the entries, read and write each array once, and keep in registers what
only they themselves read.  Devices that make kernels do this (CuPy, numba); NumPy makes its calls.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..schedule import Item, Region, Schedule, Unit, is_view
from ..terms import POINTWISE, Term, is_number

MOST = 128
"""So many terms at most are one kernel."""
FED = {"inputs", "seeds", "draw"}
"""What is put down by the host before everything else."""


class Kernel(tuple[Term, ...]):
    """A unit: pointwise terms of one shape, in an order in which arguments come first."""

    def reads(self) -> list[Term]:
        """The terms that lie in memory when the kernel starts; numbers are written into it."""
        inside = set(self)
        args = [a for x in self for a in x.args if a not in inside and not is_number(a)]
        return list(dict.fromkeys(args))

    def writes(self, users: dict[Term, list[Term]], roots: Collection[Term]) -> list[Term]:
        """The terms that somebody else reads; the others need no memory."""
        inside = set(self)
        return [x for x in self if x in roots or any(y not in inside for y in users[x])]


def kernels(
    units: Iterable[Unit],
    may_join: Callable[[Sequence[Term], Term], bool] | None = None,
    takes: Callable[[Term], bool] | None = None,
) -> list[Unit]:
    """The units in their order, every maximal run of pointwise ones of a shape as `Kernel`.

    Args:
        may_join: asked with the terms of a kernel before the next one joins them.
        takes: says which terms may be part of a kernel at all.
    """
    found: list[Unit] = []
    run: list[Term] = []

    def close() -> None:
        if run:
            found.append(Kernel(run))
            run.clear()

    for unit in units:
        if unit[0].fn not in POINTWISE or not (takes is None or all(map(takes, unit))):
            close()
            found.append(unit)
            continue
        for x in unit:
            if run and not (_fits(run, x) and (may_join is None or may_join(run, x))):
                close()
            run.append(x)
    close()
    return found


def _fits(run: list[Term], x: Term) -> bool:
    """Whether x can be computed by the same loop: entry k of it needs only entry k of others."""
    alike = x.shape == run[0].shape and x.steps == run[0].steps
    return alike and len(run) < MOST and not any(a not in run and origin(a) in run for a in x.args)


def origin(x: Term) -> Term:
    """The term whose memory x shows in the same step; a carry shows an earlier one."""
    while is_view(x) and x.fn != "carry":
        (x,) = x.args
    return x


def in_runs(plan: Schedule) -> Schedule:
    """The schedule with pointwise terms next to each other, as late as they can be.

    What a loop needs beforehand, entry by entry, is computed in its steps; what the host puts down
    comes first of all.
    """
    fed: list[Item] = []
    items: list[Item] = []
    run: list[Unit] = []
    for item in plan.items:
        if isinstance(item, Region):
            fed += [unit for unit in item.chunked if unit[0].fn in FED]
            items += [*_late(run), _merged(item)]
            run = []
        elif item[0].fn in FED:
            fed.append(item)
        elif item[0].fn == "carry":
            items += [*_late(run), item]
            run = []
        else:
            run.append(item)
    return replace(plan, items=[*fed, *items, *_late(run)])


def _merged(region: Region) -> Region:
    before, moved = [], []
    needed: set[Term] = set()
    for unit in reversed(region.chunked):
        if unit[0].fn in FED:
            continue
        if unit[0].fn in POINTWISE and not needed.intersection(unit):
            moved.insert(0, unit)
        else:
            before.insert(0, unit)
            needed.update(origin(a) for x in unit for a in x.args)
    return replace(region, chunked=before, steps=_late([*moved, *region.steps]))


def _late(units: Sequence[Unit]) -> list[Unit]:
    """The same units, each as late as its readers allow, so that one kernel takes in the next.

    From the last to the first: what goes on with the kernel, else a product, else a new kernel.
    """
    unit_of = {x: unit for unit in units for x in unit}
    made_from = {unit: _needs(unit, unit_of) for unit in units}
    readers = Counter(other for needs in made_from.values() for other in needs)
    place = {unit: -k for k, unit in enumerate(units)}
    free: dict[Any, list[tuple[int, Unit]]] = {None: []}

    def is_free(unit: Unit) -> None:
        kind = unit[0].shape if unit[0].fn in POINTWISE else None
        heapq.heappush(free.setdefault(kind, []), (place[unit], unit))

    for unit in units:
        if not readers[unit]:
            is_free(unit)
    found: list[Unit] = []
    shape = None
    while len(found) < len(units):
        if not free.get(shape):
            shape = None if free[None] else min((k for k in free if free[k]), key=free.__getitem__)
        _, unit = heapq.heappop(free[shape])
        found.append(unit)
        for other in made_from[unit]:
            readers[other] -= 1
            if not readers[other]:
                is_free(other)
    return found[::-1]


def _needs(unit: Unit, unit_of: dict[Term, Unit]) -> set[Unit]:
    """The units that must come before."""
    return {unit_of[b] for x in unit for a in x.args if (b := origin(a)) in unit_of} - {unit}
