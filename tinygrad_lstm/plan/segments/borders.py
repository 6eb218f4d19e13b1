"""What passes at the borders of segments, as calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..lower import Arrived, Lowered
from ..terms import Term, is_number
from .cut import Cut
from .parts import PartOfTime, is_apart

if TYPE_CHECKING:
    from ..emit import Call


class Borders:
    """Writes the calls by which segments take over and hand on.

    Attributes:
        saved: for each carry that is computed again its values at the borders.
    """

    def __init__(self, cut: Cut, arrived: Arrived) -> None:
        self.cut, self.device, self.arrived = cut, cut.device, arrived
        self.saved: dict[Term, Any] = {}

    def save(self, part: PartOfTime) -> None:
        """Let what the part computes again be saved where it is computed first."""
        for c in part.carries:
            if not part.is_own(c) and c not in self.saved:
                self.saved[c] = self.cut.empty(c, len(self.cut.bounds[part.T]))

    def starts(self, part: PartOfTime) -> Iterable[Call]:
        """Put down what loops start from, where the first segment takes it and where it is kept."""
        for c, state in part.carries.items():
            if part.is_own(c):
                yield self._put(state.array, c.args[0])
        for every in self.cut.every.values():
            c = every.carry
            if c is not None and c.steps == part.T and part.is_own(c):
                yield self._put(every.start, c.args[0])
        for x in part.roots:
            if x in self.cut.totals:
                yield self.device.fill, (self.cut.totals[x].array, 0)

    def _put(self, array: Any, start: Term) -> Call:
        if is_number(start):
            return self.device.fill, (array, _number(start))
        return self.device.copy, (array, self.cut.hand(start).array)

    def before(self, part: PartOfTime, k: int) -> Iterable[Call]:
        """States and streams for segment k."""
        for c, saved in self.saved.items():
            if c in part.carries:
                pair = saved[(k, ...)], part.carries[c].array
                yield self.device.copy, pair if part.is_own(c) else pair[::-1]
        lo, hi = self.cut.bounds[part.T][k]
        for x, array in part.windows.get(hi - lo, {}).items():
            yield from self._arrive(part, x, array, lo, hi)

    def _arrive(self, part: PartOfTime, x: Term, array: Any, lo: int, hi: int) -> Iterable[Call]:
        """Put a stream's values of one segment down."""
        d, every = self.device, part.kept(x)
        if every is not None:
            yield d.copy, (array, every.array[lo : hi + 1])
        elif x.fn == "flip":
            yield d.copy, (array[::-1], self._from_behind(x, lo, hi))
        elif x.fn in ("inputs", "seeds"):
            yield d.gather, (self.arrived[x.fn[:-1]], x.how[lo:hi], array)
        elif x.fn == "each" and is_apart(x):
            for slot, a in enumerate(x.args[lo:hi]):
                one = array[slot : slot + 1]
                if is_number(a):
                    yield d.fill, (one, _number(a))
                else:
                    yield d.gather, (self.arrived[a.fn], (a.how,), one)
        else:
            whole = self.cut.hand(x.args[0] if x.fn == "rows" else x).array
            yield d.copy, (array, whole[lo:hi])

    def _from_behind(self, x: Term, lo: int, hi: int) -> Any:
        """The steps that are lo ... hi - 1 when counted from the last one."""
        every = self.cut.kept(x.args[0])
        assert every is not None, "what is read from behind is kept"
        return every.of(every.array, x.args[0])[x.steps - hi : x.steps - lo]

    def after(self, part: PartOfTime, made: Lowered, k: int) -> Iterable[Call]:
        """What segment k has computed, to where it is wanted."""
        cut, d = self.cut, self.device
        lo, hi = cut.bounds[part.T][k]
        found = {x: made.whole(root) for x, root in zip(part.roots, made.program.outputs)}
        for x, array in found.items():
            if x in cut.totals:
                total = cut.totals[x].array
                yield d.add, (total, array, total)
            elif x in cut.every:
                yield d.copy, (cut.every[x].values[lo:hi], array)
        for (x, t), single in cut.single.items():
            if x in found and lo <= t < hi:
                yield d.copy, (single.array, found[x][(t - lo, ...)])
        for c, state in part.carries.items():
            if part.is_own(c):
                last = hi - lo - 1 if c.how > 0 else 0
                yield d.copy, (state.array, found[c.next][(last, ...)])


def _number(x: Term) -> Any:
    while x.fn == "broadcast_to":
        (x,) = x.args
    return x.how.item()
