r"""A training step in segments: $\sqrt T$ memory for the values of $T$ timesteps.

Forward, segment after segment, only what is wanted outside is kept, and the states at the borders.
Backward, from the last segment to the first, each segment is computed again from its border, and
then differentiated.  A segment's memory is its own: no state that is passed on lies in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..device import Device
from ..lower import Lowered
from ..program import Program
from ..terms import Term, is_number
from .cut import Cut
from .parts import ARRIVING, Part, PartOfTime, is_apart
from .ranks import BACKWARD, BEFORE, END, FORWARD, MIDDLE, segments_of, time_of

if TYPE_CHECKING:
    from ..emit import Call
    from ..plan import Options


class Segmented:
    """The calls of a program that is computed in segments.

    Attributes:
        bounds: from which step to which each segment goes.
        parts: the programs, in the order in which they are used.
        calls: (f, args), to be called one after the other.
        loads, arrived: as of an emitter.
        saved: for each carry its values at the borders.
    """

    def __init__(
        self,
        program: Program,
        options: Options,
        device: Device,
        draws: Sequence[Sequence[Term]] = (),
    ) -> None:
        self.device, self.options, self.program = device, options, program
        self.bounds = segments_of(time_of(program))
        self.cut = Cut(program, time_of(program), device, options.checkpoint == "keep-state")
        self.parts: list[Lowered] = []
        self.calls: list[Call] = []
        self.loads: list[tuple[str, Any, Any]] = []
        self.arrived: dict[str, list[Any]] = {"input": [], "seed": []}
        self.saved: dict[Term, Any] = {}
        self._divide()
        for together in draws:
            self._draw(together)
        self._write()
        self.outputs = [self._output(x, t) for x, t in program.outputs]
        self.grads = dict(self._gradients())

    def _divide(self) -> None:
        """The parts, last first: what one wants is known before the one that hands it over."""
        cut, T = self.cut, self.cut.T
        for x, _ in self.program.outputs:
            if x.steps != T:
                cut.hand(x)
        grads = {n: root for n, root in self.program.grads.items() if root[0].steps != T}
        self.end = Part(cut, END, cut.wanted[END], grads)
        self.backward = PartOfTime(cut, BACKWARD, self._wanted(BACKWARD))
        again = [c for c in self.backward.carries if c.how > 0]
        self.saved = {c: cut.empty(c, len(self.bounds)) for c in again}
        self.middle = Part(cut, MIDDLE, cut.wanted[MIDDLE])
        needed = [*self._wanted(FORWARD), *(c.next for c in again)]
        self.forward = PartOfTime(cut, FORWARD, needed)
        self.before = Part(cut, BEFORE, cut.wanted[BEFORE])

    def _wanted(self, rank: int) -> list[Term]:
        """The terms that segments of this part hand over."""
        cut = self.cut
        kept = [*cut.every, *(x for x, _ in cut.single)]
        totals = [x for x in cut.totals if cut.rank[x.args[0]] == rank]
        return [*totals, *(x for x in kept if cut.rank[x] == rank)]

    def _write(self) -> None:
        """All calls of a step."""
        self._once(self.before)
        self._start(self.forward)
        for every in self.cut.every.values():
            if every.carry is not None:
                self._put(every.array[(0, ...)], every.carry.args[0])
        self._in_time(self.forward)
        self._once(self.middle)
        self._start(self.backward)
        self._in_time(self.backward)
        self._once(self.end)

    def _draw(self, together: Sequence[Term]) -> None:
        """Random masks for all timesteps, in the order in which the graph draws them."""
        arrays = [(x.how[0], x.steps, self.cut.masks[x].array) for x in together]
        for t in range(max(together[0].steps, 1)):
            for op, steps, array in arrays:
                self.calls.append((self.device.draw, (op, array[(t, ...)] if steps else array)))

    def _lower(self, part: Part, T: int, times: int) -> Lowered:
        made = Lowered(part.program(T, times), self.options, self.device, arrived=self.arrived)
        self.loads.extend(made.emitter.loads)
        self.parts.append(made)
        return made

    def _once(self, part: Part) -> None:
        made = self._lower(part, 0, 1)
        self.calls.extend(made.emitter.calls)
        for x, root in zip(part.roots, made.program.outputs):
            self.cut.handed[x].array = made.whole(root)

    def _start(self, part: PartOfTime) -> None:
        for c, state in part.carries.items():
            if c not in self.saved or part is self.forward:
                self._put(state.array, c.args[0])

    def _put(self, array: Any, start: Term) -> None:
        if is_number(start):
            self.calls.append((self.device.fill, (array, _number(start))))
        else:
            self.calls.append((self.device.copy, (array, self.cut.hand(start).array)))

    def _in_time(self, part: PartOfTime) -> None:
        """The segments one after another; each length of segments has a program of its own."""
        if not part.roots:
            return
        lengths = [hi - lo for lo, hi in self.bounds]
        made = {T: self._lower(part, T, lengths.count(T)) for T in sorted(set(lengths))}
        for one in made.values():
            self.calls += [call for call, once in zip(one.emitter.calls, one.once) if once]
        order = range(len(lengths))[:: 1 if part is self.forward else -1]
        for k in order:
            one, (lo, hi) = made[lengths[k]], self.bounds[k]
            self.calls += self._take_over(part, k)
            for x, array in part.windows.get(hi - lo, {}).items():
                self.calls += self._arrive(part, x, array, lo, hi)
            self.calls += self._of_segment(part, one, lo, hi)
            self.calls += self._hand_over(part, one, lo, hi, k == order[0])

    def _of_segment(self, part: PartOfTime, made: Lowered, lo: int, hi: int) -> Iterable[Call]:
        """The calls of a segment: the same for all but what is gathered from outside."""
        there = part.arriving.get(hi - lo, {})
        for (f, args), once, (x, *_) in zip(made.calls, made.once, made.emitter.owners):
            if x.fn in ARRIVING and (x.fn, x.how) in there:
                arrived, numbers, out = args
                at = lo + x.how.index(numbers[0])
                yield f, (arrived, there[x.fn, x.how].how[at : at + len(numbers)], out)
            elif not once:
                yield f, args

    def _take_over(self, part: PartOfTime, k: int) -> Iterable[Call]:
        """The states at the border: kept on the way forward, taken again on the way back."""
        for c, saved in self.saved.items():
            pair = saved[(k, ...)], part.carries[c].array
            yield self.device.copy, pair if part is self.forward else pair[::-1]

    def _arrive(self, part: PartOfTime, x: Term, array: Any, lo: int, hi: int) -> Iterable[Call]:
        """Put a stream's values of one segment down."""
        d, every = self.device, part.kept(x)
        if every is not None:
            yield d.copy, (array, every.array[lo : hi + 1])
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

    def _hand_over(
        self, part: PartOfTime, made: Lowered, lo: int, hi: int, first: bool
    ) -> Iterable[Call]:
        """What a segment has computed, to where it is wanted."""
        cut, d = self.cut, self.device
        found = {x: made.whole(root) for x, root in zip(part.roots, made.program.outputs)}
        for x, array in found.items():
            if x in cut.totals:
                total = cut.totals[x].array
                yield (d.copy, (total, array)) if first else (d.add, (total, array, total))
            elif x in cut.every:
                yield d.copy, (cut.every[x].values[lo:hi], array)
        for (x, t), single in cut.single.items():
            if x in found and lo <= t < hi:
                yield d.copy, (single.array, found[x][(t - lo, ...)])
        for c, state in part.carries.items():
            if part is self.forward or c.how < 0:
                last = hi - lo - 1 if c.how > 0 else 0
                yield d.copy, (state.array, found[c.next][(last, ...)])

    def _output(self, x: Term, t: int) -> Any:
        if x.steps == self.cut.T:
            return self.cut.step(x, t)
        array = self.cut.hand(x).array
        return array[(t, ...)] if x.steps else array

    def _gradients(self) -> Iterable[tuple[str, Any]]:
        """Gradients by name; one that is wanted under two names is there twice."""
        end = self.parts[-1]
        seen: set[Any] = set()
        for name, (x, t) in self.program.grads.items():
            if name in end.grads:
                yield name, end.grads[name]
                continue
            array = self.cut.step(x, t)
            if (x, t) in seen:
                array, there = self.cut.empty(x), array
                self.calls.append((self.device.copy, (array, there)))
            seen.add((x, t))
            yield name, array


def _number(x: Term) -> Any:
    while x.fn == "broadcast_to":
        (x,) = x.args
    return x.how.item()
