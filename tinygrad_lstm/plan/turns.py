"""The loop over the rounds of a stage as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .belonging import root
from .statements import Statements
from .views import Scope

if TYPE_CHECKING:
    from .emit import Call
    from .rounds import Stage

OUTSIDE, INSIDE = "    ", "        "


class Turns:
    """Writes down what the rounds of a stage do in turn.

    Attributes:
        scope: the variables of the loop.
        margin: of the statements inside of it.
    """

    def __init__(self, stage: Stage, write: Statements) -> None:
        self.write, self.count = write, len(stage.rounds)
        self.margin = INSIDE if self.count > 1 else OUTSIDE
        self._first = stage.rounds[0] if stage.rounds else None
        self.numbers = [one.k for one in stage.rounds]
        self.scope: Scope = {"t": self.numbers}
        if stage.made is not None:
            lo, hi = ([getattr(one, side) for one in stage.rounds] for side in ("lo", "hi"))
            self.scope = {"k": self.numbers, "begin": lo, "end": hi}

    def head(self) -> list[str]:
        """The line in which the loop begins, and its variables."""
        if self.count < 2:
            return []
        low, high = min(self.numbers), max(self.numbers) + 1
        times = f"range({low}, {high})" if low else f"range({high})"
        back = self.numbers[0] > self.numbers[-1]
        name = next(iter(self.scope))
        lines = [f"{OUTSIDE}for {name} in {f'reversed({times})' if back else times}:"]
        if name == "t":
            return lines
        assert self._first is not None
        size = self._first.hi - self._first.lo
        more = self._first.lo - size * self._first.k
        begin = f"{size} * k + {more}" if more else f"{size} * k"
        way = "last" if back else "first"
        told = f"{OUTSIDE}# {self.count} segments of {size} steps each, the {way} one first"
        return ["", told, *lines, f"{INSIDE}begin, end = {begin}, {begin} + {size}"]

    def each(self, lists: Sequence[Sequence[Call]]) -> list[str]:
        """Lists of calls, one for each round; what not all of them do stands behind a condition."""
        found: dict[Any, dict[int, Call]] = {}
        for k, calls in enumerate(lists):
            seen: Counter[Any] = Counter()
            for f, args in calls:
                kind = f, *(id(root(a)) for a in args if hasattr(a, "shape"))
                seen[kind] += 1
                found.setdefault((kind, seen[kind]), {})[k] = f, args
        return [row for column in found.values() for row in self._column(column)]

    def _column(self, column: dict[int, Call]) -> list[str]:
        """One call of each of these rounds."""
        scope = {name: [at[k] for k in column] for name, at in self.scope.items()}
        whole = len(column) == self.count
        margin = self.margin if whole else self.margin + "    "
        lines = self.write.of([*column.values()], scope, margin)
        if not lines:
            return [row for k, call in column.items() for row in self._column({k: call})]
        if whole:
            return lines
        name, numbers = next(iter(scope.items()))
        only = f"{name} == {numbers[0]}" if len(numbers) == 1 else f"{name} in {tuple(numbers)}"
        return [f"{self.margin}if {only}:", *lines]
