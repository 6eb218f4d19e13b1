"""The calls of one program as text: rolled back into loops over time, and over segments of time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .passes.tiles import Tiles
from .schedule import Region, Unit
from .statements import WIDTH, Statements
from .turns import OUTSIDE, Turns
from .views import Scope

if TYPE_CHECKING:
    from .emit import Call
    from .names import Names
    from .rounds import Stage


class Rolled:
    """Writes a stage down.

    A statement stands for the calls of all iterations of the loops around it; calls are known here
    by their numbers, under which they stand in every round.

    Attributes:
        alike: the lines for what is computed once, before the rounds.
    """

    def __init__(self, stage: Stage, names: Names, write: Statements) -> None:
        assert stage.made is not None
        self.stage, self.made, self.names, self.write = stage, stage.made, names, write
        self.turns = Turns(stage, write)
        self.margin = self.turns.margin
        self.owners, self.rounds = self.made.emitter.owners, [self._of(k) for k in stage.rounds]
        self.apart = stage.rounds[0].hi > 0
        self.alike: list[str] = []
        self._said = ""
        self._at = 0

    def _of(self, one: Any) -> Sequence[Call]:
        """All calls of a round, with those that are made before."""
        own = iter(one.calls)
        if len(one.calls) == len(self.made.calls):
            return one.calls
        return [call if once else next(own) for call, once in zip(self.made.calls, self.made.once)]

    def starts(self) -> list[Call]:
        """What is done first and is no part of the program."""
        own = sum(self.made.once) if self.apart else 0
        return self.stage.first[: len(self.stage.first) - own]

    def lines(self) -> list[str]:
        """The statements of all rounds, without the loop around them."""
        before = self.turns.each([one.before for one in self.stage.rounds])
        lines = self._draws()
        for item in self.made.emitter.plan.items:
            lines += self._region(item) if isinstance(item, Region) else self._unit(item)
        assert self._at == len(self.made.calls), "a call that belongs to no item"
        return [*before, *lines, *self.turns.each([one.after for one in self.stage.rounds])]

    def _text(self, numbers: Sequence[int], scope: Scope, margin: str) -> list[str]:
        """The calls of one statement, one for each iteration of the inner loops; [] if it is none.

        In rounds that are alike the outer loop need not be looked at.
        """
        first, *others = columns = [[one[n] for n in numbers] for one in self.rounds]
        if all(
            a is b for column in others for x, y in zip(first, column) for a, b in zip(x[1], y[1])
        ):
            return self.write.of(first, scope, margin)
        inner = {name: [*at] * len(columns) for name, at in scope.items()}
        outer = {name: [v for v in at for _ in numbers] for name, at in self.turns.scope.items()}
        every = [call for column in columns for call in column]
        found = self.write.of(every, {**inner, **outer}, margin)
        return found or self._one_by_one(columns, scope, margin)

    def _one_by_one(self, columns: list[list[Call]], scope: Scope, margin: str) -> list[str]:
        """A statement for every round, where one for all cannot be told."""
        lines: list[str] = []
        for k, column in zip(self.turns.numbers, columns):
            found = self.write.of(column, scope, margin + "    ")
            if not found:
                return []
            lines += [f"{margin}if k == {k}:", *found]
        return lines

    def _draws(self) -> list[str]:
        """Random masks come first; those that are drawn together take turns."""
        owners = self.owners
        lines: list[str] = []
        while self._at < len(owners) and owners[self._at][0].fn == "draw":
            first = self._at
            x = owners[first][0]
            later = (k for k in range(first + 1, len(owners)) if owners[k] == owners[first])
            period = next(later, first + 1) - first if x.steps > 1 else 1
            self._at += period * max(x.steps, 1)
            lines += self._loop_of(range(first, self._at), max(x.steps, 1), self.margin)
        return lines

    def _unit(self, unit: Unit) -> list[str]:
        there = self._taken(unit)
        if not there:
            return []
        once = self.apart and self.made.once[there[0]]
        margin, steps = OUTSIDE if once else self.margin, unit[0].steps
        lines = self._comment(unit, margin)
        if steps > 1 and len(there) % steps == 0:
            lines += self._loop_of(there, steps, margin)
        else:
            lines += [row for number in there for row in self._text([number], {}, margin)]
        if once:
            self.alike += lines
        return [] if once else lines

    def _taken(self, unit: Unit, count: int | None = None) -> range:
        """The next calls, which belong to this unit."""
        first = self._at
        while self._at < len(self.owners) and self.owners[self._at] == unit:
            if count is not None and self._at - first == count:
                break
            self._at += 1
        return range(first, self._at)

    def _loop_of(self, numbers: range, steps: int, margin: str) -> list[str]:
        """Calls for steps 0, 1, ... as a loop; one by one where they are no loop."""
        period = len(numbers) // steps
        lines = [f"{margin}for t in range({steps}):"]
        for k in range(period):
            found = self._text(numbers[k::period], {"t": range(steps)}, margin + "    ")
            if not found:
                return [row for number in numbers for row in self._text([number], {}, margin)]
            lines += found
        return lines

    def _region(self, region: Region) -> list[str]:
        lines = [""]
        for c in region.carries:
            there = self._taken((c,))
            lines += self._comment((c,), self.margin) if there else []
            lines += [row for number in there for row in self._text([number], {}, self.margin)]
        while isinstance(tiles := self.owners[self._at], Tiles):
            lines += self._unit(tiles)
        size, T = self.made.emitter.memory.chunk(region), region.T
        times = range(T)[:: region.direction]
        parts = [times[first : first + size] for first in range(0, T, size)]
        chunked: dict[Unit, list[range]] = {u: [] for u in region.chunked}
        steps: dict[Unit, list[range]] = {u: [] for u in region.steps}
        of_step = {u: self.owners.count(u) // T for u in region.steps}
        ahead: dict[Unit, list[range]] = {}
        for part in parts:
            while region.chunked and self.owners[self._at] not in chunked:
                unit = self.owners[self._at]
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
            return [], self.margin
        if region.direction > 0:
            head = [
                f"for lo in range(0, {region.T}, {size}):",
                f"    hi = min(lo + {size}, {region.T})",
            ]
        else:
            head = [f"for hi in range({region.T}, 0, -{size}):", f"    lo = max(0, hi - {size})"]
        return [self.margin + line for line in head], self.margin + "    "

    def _columns(self, unit: Unit, calls: list[range], scope: Scope, margin: str) -> list[str]:
        lines = self._comment(unit, margin)
        for column in zip(*calls):
            found = self._text(column, scope, margin)
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
