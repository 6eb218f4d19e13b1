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
from ..rounds import Round, Stage
from ..terms import Term
from .borders import Borders
from .cut import Cut
from .parts import ARRIVING, Part, PartOfTime
from .ranks import FORWARD

if TYPE_CHECKING:
    from ..emit import Call
    from ..plan import Options


class Segmented:
    """The calls of a program that is computed in segments.

    Attributes:
        stages: what is computed, in this order.
        parts: the programs of the stages.
        calls: (f, args), to be called one after the other.
        loads, arrived: as of an emitter.
        between: the arrays that are no program's own, with the term and the use of each.
    """

    def __init__(self, program: Program, options: Options, device: Device) -> None:
        self.device, self.options, self.program = device, options, program
        self.cut = Cut(program, device, options.checkpoint == "keep-state")
        self.loads: list[tuple[str, Any, Any]] = []
        self.arrived: Arrived = {"input": [], "seed": []}
        self.borders = Borders(self.cut, self.arrived)
        self.stages = [
            *self._masks(),
            *(stage for part in self._divided() for stage in self._of(part)),
        ]
        self.parts = [stage.made for stage in self.stages if stage.made is not None]
        self.outputs = [self._output(x, t) for x, t in program.outputs]
        self.grads = dict(self._gradients())
        self.calls: list[Call] = [call for stage in self.stages for call in stage.calls()]

    @property
    def between(self) -> Iterator[tuple[Any, Term, str]]:
        cut, saved = self.cut, self.borders.saved
        for use, arrays in (("mask", cut.masks), ("total", cut.totals), ("state", cut.states)):
            yield from ((given.array, x, use) for x, given in arrays.items())
        yield from ((given.array, x, f"of_step_{t + 1}") for (x, t), given in cut.single.items())
        yield from ((every.array, x, "of_all_steps") for x, every in cut.every.items())
        yield from ((array, x, "at_borders") for x, array in saved.items())
        yield from ((array, x, "of_segment") for x, array in cut.windows)

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
        part = PartOfTime(cut, rank, T, [*totals, *kept], list(filter(here, self.borders.saved)))
        self.borders.save(part)
        return part

    def _masks(self) -> Iterator[Stage]:
        """Random masks for all timesteps, in the order in which the graph draws them."""
        for together in self.program.draws:
            arrays = [(x.how[0], x.steps, self.cut.masks[x].array) for x in together]
            rounds = []
            for t in range(max(together[0].steps, 1)):
                slots = [(op, array[(t, ...)] if steps else array) for op, steps, array in arrays]
                rounds.append(Round([(self.device.draw, slot) for slot in slots], t, t, t + 1))
            yield Stage([], None, rounds)

    def _of(self, part: Part) -> Iterator[Stage]:
        """The stages of a part: one, or one for each length of its segments."""
        if isinstance(part, PartOfTime):
            yield from self._travel(part)
            return
        made = self._lowered(part)
        for x, root in zip(part.roots, made.program.outputs):
            self.cut.handed[x].array = made.whole(root)
        yield Stage([], made, [Round(made.calls)])

    def _lowered(self, part: Part, T: int = 0, times: int = 1) -> Lowered:
        made = Lowered(part.program(T, times), self.options, self.device, self.arrived)
        made.wanted = part.roots
        self.loads.extend(made.loads)
        return made

    def _travel(self, part: PartOfTime) -> Iterator[Stage]:
        """The segments one after another; each length of segments has a program of its own."""
        bounds = self.cut.bounds[part.T]
        order = range(len(bounds))[:: 1 if part.rank % 4 == FORWARD else -1]
        first = list(self.borders.starts(part))
        for T, numbers in groupby(order, lambda k: bounds[k][1] - bounds[k][0]):
            there = list(numbers)
            made = self._lowered(part, T, len(there))
            once = [call for call, alike in zip(made.calls, made.once) if alike]
            rounds = [self._round(part, made, k) for k in there]
            yield Stage([*first, *once], made, rounds)
            first = []

    def _round(self, part: PartOfTime, made: Lowered, k: int) -> Round:
        lo, hi = self.cut.bounds[part.T][k]
        calls = list(self._of_segment(part, made, lo, hi))
        before, after = self.borders.before(part, k), self.borders.after(part, made, k)
        return Round(calls, k, lo, hi, list(before), list(after))

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
