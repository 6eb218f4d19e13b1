"""When what is computed: once, for all timesteps at once, or step after step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .belonging import calls_of
from .costs import Cost, cost
from .names import Names, word
from .schedule import Region, Unit

if TYPE_CHECKING:
    from ..graph import Graph
    from .device import Device
    from .emit import Call, Emitter
    from .variant import Variant


Calls = Mapping[Unit | None, "list[Call]"]
"""The calls of each unit; of None those that are nobody's."""


@dataclass(eq=False)
class Row:
    """Units that follow each other on the way to the same named values.

    Attributes:
        names: of the values.
        functions: what is called, in order.
        units: whose calls these are; None for those between segments.
    """

    names: str
    functions: list[str]
    units: list[Unit | None]
    cost: Cost = field(default_factory=Cost)
    seconds: float | None = None


@dataclass
class Part:
    """Rows that are computed at the same time: `when` says it in words."""

    when: str
    rows: list[Row] = field(default_factory=list)


def outline(
    graph: Graph, variant: Variant, seconds: Mapping[Unit | None, float] | None = None
) -> list[Part]:
    """The schedule in parts; each loop is two: before its chunks of time, and its steps."""
    calls = calls_of(variant)
    found: list[Part] = []
    for part in variant.parts:
        own = _schedule(part.emitter, Names(graph, variant, part), calls)
        once = Counter(part.emitter.owners)
        for p in own:
            _count(p, calls, once, variant.emitter.device)
        found += own
    if None in calls:
        row = Row("states and values that segments hand over", ["copy"], [None])
        found.append(Part("between segments", [row]))
        row.cost = cost(calls[None], variant.emitter.device)
    for row in (row for part in found for row in part.rows):
        if seconds is not None:
            row.seconds = sum(seconds.get(unit, 0.0) for unit in row.units)
    return found


def _count(part: Part, calls: Calls, once: Counter[Unit], device: Device) -> None:
    """What the rows cost, and whether they are computed for every segment."""
    times = 1
    for row in part.rows:
        row.cost = cost((call for unit in row.units for call in calls[unit]), device)
        times = max([times, *(len(calls[unit]) // once[unit] for unit in row.units if unit)])
    if times > 1:
        part.when = f"in each of {times} segments: {part.when}"


def _schedule(emitter: Emitter, names: Names, calls: Calls) -> list[Part]:
    parts: list[Part] = []
    waiting: list[Unit] = []
    for item in emitter.plan.items:
        if not isinstance(item, Region):
            waiting += [item] if item in calls else []
            continue
        parts += [*_outside(waiting, names), *_loop(item, emitter, names, calls)]
        waiting = []
    parts += _outside(waiting, names)
    return [part for part in parts if part.rows]


def _outside(units: list[Unit], names: Names) -> list[Part]:
    """What is computed between two loops: once, and for all their steps."""
    found: dict[int, list[Unit]] = {}
    for unit in units:
        found.setdefault(unit[0].steps, []).append(unit)
    return [
        Part(f"for all {steps} steps at once" if steps else "once", rows_of(found[steps], names))
        for steps in sorted(found)
    ]


def _loop(region: Region, emitter: Emitter, names: Names, calls: Calls) -> list[Part]:
    size = emitter.memory.chunk(region)
    way = f"t = 1 ... {region.T}" if region.direction > 0 else f"t = {region.T} ... 1"
    many = "all" if size >= region.T else "each"
    starts = [(c,) for c in region.carries]
    before = [unit for unit in region.chunked if unit in calls]
    steps = [unit for unit in (*starts, *region.steps) if unit in calls]
    return [
        Part(
            f"for {many} {size} steps at once, before they are taken, {way}", rows_of(before, names)
        ),
        Part(f"step after step, {way}", rows_of(steps, names)),
    ]


def rows_of(units: Iterable[Unit], names: Names) -> list[Row]:
    """Units that follow each other on the way to the same values as one row."""
    rows: list[Row] = []
    for unit in units:
        titles = ", ".join(names.of(unit))
        function = word(unit[0])
        if rows and rows[-1].names == titles:
            rows[-1].functions.append(function)
            rows[-1].units.append(unit)
        else:
            rows.append(Row(titles, [function], [unit]))
    return rows
