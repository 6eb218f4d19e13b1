"""A plan as Python source: its calls rolled back into loops, its memory as named arrays."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..errors import BackendError
from .arenas import Arenas
from .belonging import root
from .emit import Call
from .names import Names
from .passes.tiles import Tiles
from .schedule import Region, Unit
from .statements import WIDTH, Statements
from .views import Scope

if TYPE_CHECKING:
    from .variant import Variant


class Source(str):
    """Source text that defines `step(inputs, seeds, weights, leaves=())`.

    Attributes:
        given: what the text needs to be there when it is executed: {} or ops that only a graph has.
    """

    given: dict[str, Any]


def source_of(variant: Variant, names: Names, title: str) -> Source:
    """Write the calls of a plan down; BackendError where they are not NumPy's."""
    where = variant.emitter.device.xp.__name__
    if where != "numpy":
        raise BackendError(
            f"source: plans are written down as calls of NumPy, and this one runs on {where}; "
            "move the graph to NumPy, or read plan.explain()"
        )
    writer = _Writer(variant, names)
    body = writer.body()
    first, *more = textwrap.wrap(title, WIDTH - 4)
    memory = [*writer.arenas.lines(), *writer.starts()]
    lines = [f'"""{first}', *more, '"""', "", "import numpy as np", *writer.write.helpers(), "", ""]
    lines += ["# The arrays: of what changes with time, slot after slot.", *memory, "", "", *body]
    text = "\n".join([*lines, ""])
    source = Source(text)
    source.given = {"given": writer.write.given} if writer.write.given else {}
    return source


class _Writer:
    def __init__(self, variant: Variant, names: Names) -> None:
        self.variant, self.names, self.emitter = variant, names, variant.emitter
        self.arenas = Arenas(variant, names)
        self.write = Statements(self.emitter, names, self.arenas)
        self._said = ""
        self._at = 0

    def body(self) -> list[str]:
        """The function that makes all calls."""
        lines = [
            "def step(inputs, seeds, weights, leaves=()):",
            '    """The outputs, and the gradients by name."""',
            *self._loads(),
        ]
        lines += self._draws()
        for item in self.emitter.plan.items:
            if isinstance(item, Region):
                lines += self._region(item)
            else:
                lines += self._unit(item)
        assert self._at == len(self.emitter.calls), "a call that belongs to no item"
        return [*lines, "", *self._results()]

    def starts(self) -> list[str]:
        """What lies there from the beginning and stays: starts of carries, the 1 of a bias."""
        return [
            f"{self.write.operand([array], {})}[...] = {value!r}"
            for array, value in self.emitter.filled
            if value
        ]

    def _loads(self) -> list[str]:
        sources = {"input": "inputs", "seed": "seeds", "leaf": "leaves"}
        lines = []
        for fn, k, array in self.emitter.loads:
            key = k if fn in sources else json.dumps(self.names.weight(k))
            given = f"{sources.get(fn, 'weights')}[{key}]"
            lines.append(f"    np.copyto({self.write.operand([array], {})}, {given})")
        return lines

    def _draws(self) -> list[str]:
        """Random masks come first; those that are drawn together take turns."""
        calls, owners = self.emitter.calls, self.emitter.owners
        lines: list[str] = []
        while self._at < len(calls) and owners[self._at][0].fn == "draw":
            first = self._at
            x = owners[first][0]
            later = (k for k in range(first + 1, len(calls)) if owners[k] == owners[first])
            period = next(later, first + 1) - first if x.steps > 1 else 1
            count = period * max(x.steps, 1)
            self._at += count
            lines += self._rolled(calls[first : self._at], max(x.steps, 1), "    ")
        return lines

    def _unit(self, unit: Unit) -> list[str]:
        calls = self._taken(unit)
        if not calls:
            return []
        steps = unit[0].steps
        lines = self._comment(unit, "    ")
        if steps > 1 and len(calls) % steps == 0:
            rolled = self._rolled(calls, steps, "    ")
            return lines + rolled
        return lines + [row for call in calls for row in self.write.of([call], {}, "    ")]

    def _taken(self, unit: Unit, count: int | None = None) -> list[Call]:
        """The next calls, which belong to this unit."""
        first = self._at
        while self._at < len(self.emitter.calls) and self.emitter.owners[self._at] == unit:
            if count is not None and self._at - first == count:
                break
            self._at += 1
        return self.emitter.calls[first : self._at]

    def _rolled(self, calls: Sequence[Call], steps: int, margin: str) -> list[str]:
        """Calls for steps 0, 1, ... as a loop; one by one where they are no loop."""
        period = len(calls) // steps
        scope = {"t": range(steps)}
        lines = [f"{margin}for t in range({steps}):"]
        for k in range(period):
            found = self.write.of(calls[k::period], scope, margin + "    ")
            if not found:
                return [row for call in calls for row in self.write.of([call], {}, margin)]
            lines += found
        return lines

    def _region(self, region: Region) -> list[str]:
        lines = [""]
        for c in region.carries:
            calls = self._taken((c,))
            lines += self._comment((c,), "    ") if calls else []
            lines += [row for call in calls for row in self.write.of([call], {}, "    ")]
        while isinstance(tiles := self.emitter.owners[self._at], Tiles):
            lines += self._unit(tiles)
        size, T = self.emitter.memory.chunk(region), region.T
        times = range(T)[:: region.direction]
        parts = [times[first : first + size] for first in range(0, T, size)]
        chunked: dict[Unit, list[list[Call]]] = {u: [] for u in region.chunked}
        steps: dict[Unit, list[list[Call]]] = {u: [] for u in region.steps}
        of_step = {u: self.emitter.owners.count(u) // T for u in region.steps}
        ahead: dict[Unit, list[list[Call]]] = {}
        for part in parts:
            while region.chunked and self.emitter.owners[self._at] not in chunked:
                unit = self.emitter.owners[self._at]
                ahead.setdefault(unit, []).append(self._taken(unit))
            for unit in region.chunked:
                chunked[unit].append(self._taken(unit))
            for _ in part:
                for unit in region.steps:
                    steps[unit].append(self._taken(unit, of_step[unit]))
        return lines + self._loop(region, parts, {**ahead, **chunked}, steps)

    def _loop(self, region: Region, parts: list[range], chunked: dict, steps: dict) -> list[str]:
        """The text of a loop; with chunks it is one loop in another."""
        bounds = [(min(part), max(part) + 1) for part in parts]
        scope: Scope = {"lo": [lo for lo, _ in bounds], "hi": [hi for _, hi in bounds]}
        lines, margin = self._chunk_head(region, len(parts[0]), len(parts) > 1)
        self._said = ""
        for unit, calls in chunked.items():
            lines += self._columns(unit, calls, scope, margin)
        inner: Scope = {
            "t": [t for part in parts for t in part],
            "lo": [lo for part, (lo, _) in zip(parts, bounds) for _ in part],
            "hi": [hi for part, (_, hi) in zip(parts, bounds) for _ in part],
        }
        span = "lo, hi" if len(parts) > 1 else str(region.T)
        times = f"range({span})"
        times = times if region.direction > 0 else f"reversed({times})"
        lines.append(f"{margin}for t in {times}:")
        self._said = ""
        for unit, calls in steps.items():
            lines += self._columns(unit, calls, inner, margin + "    ")
        self._said = ""
        return lines if steps else lines[:-1]

    def _chunk_head(self, region: Region, size: int, several: bool) -> tuple[list[str], str]:
        if not several:
            return [], "    "
        if region.direction > 0:
            head = [
                f"for lo in range(0, {region.T}, {size}):",
                f"    hi = min(lo + {size}, {region.T})",
            ]
        else:
            head = [f"for hi in range({region.T}, 0, -{size}):", f"    lo = max(0, hi - {size})"]
        return ["    " + line for line in head], "        "

    def _columns(self, unit: Unit, calls: list[list[Call]], scope: Scope, margin: str) -> list[str]:
        lines = self._comment(unit, margin)
        for column in zip(*calls):
            found = self.write.of(column, scope, margin)
            if not found:
                raise AssertionError(f"no expression for {unit[0]} in a loop")
            lines += found
        return lines

    def _comment(self, unit: Unit, margin: str) -> list[str]:
        said = ", ".join(self.names.of(unit))
        if said == self._said:
            return []
        self._said = said
        return textwrap.wrap(
            said, WIDTH, initial_indent=margin + "# ", subsequent_indent=margin + "# "
        )

    def _results(self) -> list[str]:
        outputs = ", ".join(self._listed(self.variant.outputs))
        lines = [f"    outputs = [{outputs}]", "    grads = {"]
        for name, array in self.variant.grads.items():
            lines.append(f"        {json.dumps(name)}: {self.write.operand([array], {})},")
        return [*lines, "    }", "    return outputs, grads"]

    def _listed(self, arrays: Sequence[Any]) -> Iterable[str]:
        """Arrays one by one; those of successive steps as one expression."""
        k = 0
        while k < len(arrays):
            size = _together(arrays[k:])
            while size > 2:
                run = arrays[k : k + size]
                text = self.write.operand(run, {"t": range(size)})
                if text is not None:
                    yield f"*({text} for t in range({size}))"
                    break
                size -= 1
            else:
                size = 1
                yield str(self.write.operand([arrays[k]], {}))
            k += size


def _together(arrays: Sequence[Any]) -> int:
    """How many of the arrays, from the first on, lie in one and the same memory."""
    whose = root(arrays[0])
    return sum(1 for _ in takewhile(lambda a: root(a) is whose, arrays))
