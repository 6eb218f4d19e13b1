r"""A training step in segments: $\sqrt T$ memory for the values of $T$ timesteps.

Forward, segment after segment, only what is wanted outside is kept, and the states at the borders.
Backward, from the last segment to the first, each segment is computed again from its border, and
then differentiated.  A segment's memory is its own: no state that is passed on lies in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..device import Device
from ..lower import Arrived, Lowered
from ..program import Program
from ..terms import Term, is_number
from .cut import Cut
from .parts import ARRIVING, Part, PartOfTime, is_apart
from .ranks import FORWARD, segments_of
from .stages import Round, Stage

if TYPE_CHECKING:
    from ..emit import Call
    from ..plan import Options


class Segmented:
    """The calls of a program that is computed in segments.

    Attributes:
        bounds: for each loop's number of steps from which to which step each segment goes.
        stages: what is computed, in this order.
        parts: the programs of the stages.
        calls: (f, args), to be called one after the other.
        loads, arrived: as of an emitter.
        saved: for each carry its values at the borders.
    """

    def __init__(self, program: Program, options: Options, device: Device) -> None:
        self.device, self.options, self.program = device, options, program
        self.cut = Cut(program, device, options.checkpoint == "keep-state")
        self.bounds = {T: segments_of(T) for T in self.cut.times}
        self.loads: list[tuple[str, Any, Any]] = []
        self.arrived: Arrived = {"input": [], "seed": []}
        self.saved: dict[Term, Any] = {}
        self.stages = [
            self._masks(),
            *(stage for part in self._divided() for stage in self._of(part)),
        ]
        self.parts = [stage.made for stage in self.stages if stage.made is not None]
        self.outputs = [self._output(x, t) for x, t in program.outputs]
        self.grads = dict(self._gradients())
        self.calls: list[Call] = [call for stage in self.stages for call in stage.calls()]

    def _divided(self) -> list[Part]:
        """The parts, made last first: what one wants is known before the one that hands it over."""
        cut = self.cut
        for x, _ in self.program.outputs:
            if x.steps not in cut.times:
                cut.hand(x)
        grads = {
            n: root for n, root in self.program.grads.items() if root[0].steps not in cut.times
        }
        end = max(cut.rank.values(), default=0)
        end += end % 2
        parts: list[Part] = [Part(cut, end, cut.wanted[end], grads)]
        for rank in reversed(range(end)):
            if rank % 2:
                parts += [self._in_time(rank, T) for T in cut.times]
            else:
                parts.append(Part(cut, rank, cut.wanted[rank]))
        return [part for part in reversed(parts) if part.roots or part.grads]

    def _in_time(self, rank: int, T: int) -> PartOfTime:
        """What is computed segment by segment, and what it wants saved at the borders before."""
        cut = self.cut

        def here(x: Term) -> bool:
            return cut.rank[x] == rank and x.steps == T

        kept = filter(here, (*cut.every, *(x for x, _ in cut.single)))
        totals = [x for x in cut.totals if here(x.args[0])]
        part = PartOfTime(cut, rank, T, [*totals, *kept], list(filter(here, self.saved)))
        for c in part.carries:
            if not part.is_own(c) and c not in self.saved:
                self.saved[c] = cut.empty(c, len(self.bounds[T]))
        return part

    def _masks(self) -> Stage:
        """Random masks for all timesteps, in the order in which the graph draws them."""
        calls: list[Call] = []
        for together in self.program.draws:
            arrays = [(x.how[0], x.steps, self.cut.masks[x].array) for x in together]
            for t in range(max(together[0].steps, 1)):
                for op, steps, array in arrays:
                    calls.append((self.device.draw, (op, array[(t, ...)] if steps else array)))
        return Stage(calls)

    def _of(self, part: Part) -> Iterator[Stage]:
        """The stages of a part: one, or one for each length of its segments."""
        if isinstance(part, PartOfTime):
            yield from self._travel(part)
            return
        made = self._lowered(part.program())
        for x, root in zip(part.roots, made.program.outputs):
            self.cut.handed[x].array = made.whole(root)
        yield Stage([], made, [Round(made.calls)])

    def _lowered(self, program: Program) -> Lowered:
        made = Lowered(program, self.options, self.device, self.arrived)
        self.loads.extend(made.loads)
        return made

    def _travel(self, part: PartOfTime) -> Iterator[Stage]:
        """The segments one after another; each length of segments has a program of its own."""
        bounds = self.bounds[part.T]
        order = range(len(bounds))[:: 1 if part.rank % 4 == FORWARD else -1]
        first = list(self._starts(part))
        for T, numbers in groupby(order, lambda k: bounds[k][1] - bounds[k][0]):
            there = list(numbers)
            made = self._lowered(part.program(T, len(there)))
            once = [call for call, alike in zip(made.calls, made.once) if alike]
            rounds = [self._round(part, made, k, k == order[0]) for k in there]
            yield Stage([*first, *once], made, rounds)
            first = []

    def _starts(self, part: PartOfTime) -> Iterable[Call]:
        """Put down what loops start from, where the first segment takes it and where it is kept."""
        for c, state in part.carries.items():
            if part.is_own(c):
                yield self._put(state.array, c.args[0])
        for every in self.cut.every.values():
            c = every.carry
            if c is not None and c.steps == part.T and part.is_own(c):
                yield self._put(every.start, c.args[0])

    def _put(self, array: Any, start: Term) -> Call:
        if is_number(start):
            return self.device.fill, (array, _number(start))
        return self.device.copy, (array, self.cut.hand(start).array)

    def _round(self, part: PartOfTime, made: Lowered, k: int, first: bool) -> Round:
        lo, hi = self.bounds[part.T][k]
        before = list(self._take_over(part, k))
        for x, array in part.windows.get(hi - lo, {}).items():
            before += self._arrive(part, x, array, lo, hi)
        calls = list(self._of_segment(part, made, lo, hi))
        return Round(calls, lo, hi, before, list(self._hand_over(part, made, lo, hi, first)))

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
        """The states at the border: saved where they come from, taken where they are needed."""
        for c, saved in self.saved.items():
            if c in part.carries:
                pair = saved[(k, ...)], part.carries[c].array
                yield self.device.copy, pair if part.is_own(c) else pair[::-1]

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
            yield d.copy, (array, self._whole(x)[lo:hi])

    def _whole(self, x: Term) -> Any:
        """All timesteps of a stream that lies in memory."""
        if x.fn == "flip":
            every = self.cut.kept(x.args[0])
            assert every is not None, "what is read from behind is kept"
            return every.of(every.array, x.args[0])[::-1]
        return self.cut.hand(x.args[0] if x.fn == "rows" else x).array

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
            if part.is_own(c):
                last = hi - lo - 1 if c.how > 0 else 0
                yield d.copy, (state.array, found[c.next][(last, ...)])

    def _output(self, x: Term, t: int) -> Any:
        if x.steps in self.cut.times:
            return self.cut.step(x, t)
        array = self.cut.hand(x).array
        return array[(t, ...)] if x.steps else array

    def _gradients(self) -> Iterable[tuple[str, Any]]:
        """Gradients by name; one that is wanted under two names is there twice."""
        end, seen = self.parts[-1].grads, set()
        copies = Stage([])
        self.stages.append(copies)
        for name, (x, t) in self.program.grads.items():
            if name in end:
                yield name, end[name]
                continue
            array = self.cut.step(x, t)
            if (x, t) in seen:
                array, there = self.cut.empty(x), array
                copies.first.append((self.device.copy, (array, there)))
            seen.add((x, t))
            yield name, array


def _number(x: Term) -> Any:
    while x.fn == "broadcast_to":
        (x,) = x.args
    return x.how.item()
