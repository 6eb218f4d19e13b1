"""From a schedule to a list of calls: `for f, args in calls: f(*args)` is a training step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .buffers import Buffer
from .matrices import Matrices
from .memory import Memory
from .pointwise import SMALL, Pointwise
from .schedule import Region, Unit
from .singles import Singles
from .slabs import in_slabs
from .spread import Spread
from .terms import POINTWISE, Term, is_number
from .writer import Call, number_of

__all__ = ["Call", "Emitter"]


class Emitter(Pointwise, Matrices, Singles):
    """Writes everything, region after region."""

    def run(self, draws: Sequence[list[Term]] = ()) -> None:
        """Write everything; the masks first, in the order in which the graph draws them."""
        for together in draws:
            slots = [
                self.memory.over(self.memory.spread(x), range(max(x.steps, 1))) for x in together
            ]
            for step in zip(*slots):
                for x, slot in zip(together, step):
                    self._append((x,), [(self.device.draw, (x.how[0], slot))])
        for item in self.plan.items:
            if isinstance(item, Region):
                self._region(item)
            else:
                self._append(item, self._whole(item))

    def _region(self, region: Region) -> None:
        """For every chunk of time: what is computed for all of it, then step after step."""
        for c in region.carries:
            self._append((c,), self._start(c))
        size = self.memory.chunk(region)
        times = range(region.T)[:: region.direction]
        columns = [(unit, self._stepwise(unit, times)) for unit in region.steps]
        for first in range(0, region.T, size):
            part = times[first : first + size]
            lo, hi = min(part), max(part) + 1
            with self._stacked(region, lo, hi):
                for unit in region.chunked:
                    self._append(unit, self._during(unit, lo, hi))
            for k in range(first, first + len(part)):
                for unit, calls in columns:
                    self._append(unit, [column[k] for column in calls])

    @contextmanager
    def _stacked(self, region: Region, lo: int, hi: int) -> Iterator[None]:
        """Inside, blocks that lie side by side in every step are read from a copy, one by one.

        With a single row a block of many steps is made of short pieces, and a call on those costs
        three times a call on one piece.
        """
        memory, seen = self.memory, dict(self.memory.seen)
        for buffer, terms in _side_by_side(region, self.memory).items():
            stack = memory.stack(buffer)
            apart = memory.blocks(buffer, lo, hi)
            self._append((terms[0],), [(self.device.copy, (stack[:, : hi - lo], apart))])
            for x in terms:
                memory.seen[x] = Spread(stack[memory.storage.place[x][1]], "chunk")
        yield
        memory.seen.clear()
        memory.seen.update(seen)

    def _start(self, c: Term) -> list[Call]:
        """Put down what a carry starts from, unless it lies there already."""
        slot = self.memory.start_of(c)
        start = c.args[0]
        if self.memory.starts.get(start) is c:
            self.loads.append((start.fn, start.how, slot))
            return []
        if is_number(start):
            if not self.memory.keeps_start(c):
                return [(slot.fill, (number_of(start),))]
            self._fill(slot, number_of(start))
            return []
        return [(self.device.copy, (slot, self.memory.spread(start).array))]

    def _whole(self, unit: Unit) -> list[Call]:
        """The calls of a unit outside of every loop."""
        x = unit[0]
        if x.fn in ("input", "seed", "parameter", "leaf"):
            for y in unit:
                if y not in self.memory.starts:
                    self.loads.append((y.fn, y.how, self.memory.spread(y).array))
            return []
        if x.fn == "draw":
            return []
        if x.fn == "carry":
            return self._start(x)
        if x.fn in POINTWISE and not x.steps:
            return [slab for call in self._during(unit, 0, 0) for slab in in_slabs(call)]
        if x.fn in POINTWISE or x.fn in ("inputs", "seeds"):
            return self._during(unit, 0, x.steps)
        if x.steps and x.fn in ("call", "scatter", "embed", "take", "concat", "sum", "max"):
            columns = self._stepwise(unit, range(x.steps))
            return [column[t] for t in range(x.steps) for column in columns]
        rule = getattr(self, "_" + x.fn, self._alone)
        return rule(unit)

    def _stepwise(self, unit: Unit, times: range) -> list[list[Call]]:
        """For each call of the unit the list of its calls in these steps."""
        if unit[0].fn in POINTWISE:
            return self._columns(self._pointwise(unit), times)
        if unit[0].fn == "matmul":
            return self._columns(self._product(unit), times)
        if unit[0].fn == "sumprod":
            return self._columns(self._products(unit[0]), times)
        return self._columns([part for x in unit for part in self._single(x)], times)

    def _columns(self, parts: list[tuple], times: range) -> list[list[Call]]:
        columns = []
        for f, operands in parts:
            lists = [self.memory.over(s, times) for s in operands]
            columns.append([(f, args) for args in zip(*lists)])
        return columns

    def _during(self, unit: Unit, lo: int, hi: int) -> list[Call]:
        """The calls for the steps lo ... hi - 1 at once (or for a unit without time)."""
        x = unit[0]
        if x.fn in ("inputs", "seeds"):
            kind, out = x.fn[:-1], self.memory.spread(x).during(lo, hi, x.ndim)
            return [(self.device.gather, (self.arrived[kind], x.how[lo:hi], out))]
        if x.fn == "take" and x.steps:
            ids = self.memory.spread(x.args[1]).during(lo, hi, x.args[1].ndim)
            tables = [self.memory.spread(y.args[0]).array for y in unit]
            outs = [self.memory.spread(y).during(lo, hi, y.ndim) for y in unit]
            return self._rows(tables, ids, outs, x.args[0].shape[0])
        calls = []
        for f, operands in self._pointwise(unit):
            ndim = operands[-1].ndim if isinstance(operands[-1], Spread) else x.ndim
            args = [s.during(lo, hi, ndim) if isinstance(s, Spread) else s for s in operands]
            numbers = [not isinstance(s, Spread) for s in operands]
            if x.steps:
                args = [_filled(a, args[-1]) if n else a for a, n in zip(args, numbers)]
            calls.append((f, _in_one_piece(args)))
        return calls


def _side_by_side(region: Region, memory: Memory) -> dict[Buffer, list[Term]]:
    """What is computed for a chunk of time reads these blocks of one row, side by side."""
    found: dict[Buffer, list[Term]] = {}
    if memory.chunk(region) > 1 and region.chunked:
        made = [x for unit in region.chunked for x in unit]
        fresh = set(made)  # their numbers must go where later readers look for them
        for a in dict.fromkeys(a for x in made for a in x.args if a not in fresh):
            buffer, _ = memory.storage.place.get(a, (None, 0))
            if buffer is not None and buffer.kind == "full" and buffer.rows and buffer.blocks > 1:
                if a.size == a.shape[-1]:
                    found.setdefault(buffer, []).append(a)
    return found


def _filled(number: Any, out: Any) -> Any:
    """A number that fills the array of one step, filling that of all steps where it is small."""
    plain = isinstance(number, np.ndarray) and isinstance(out, np.ndarray)
    if not plain or not 0 < number.ndim < out.ndim or out.size > SMALL:
        return number
    filled = np.empty_like(out)
    filled[...] = number
    return filled


def _in_one_piece(args: Sequence[Any]) -> tuple[Any, ...]:
    """The same entries with axes in the order of memory, if every array is in one piece so."""
    arrays = [a for a in args if getattr(a, "ndim", 0)]
    if len({(a.shape, a.strides) for a in arrays}) != 1:
        return tuple(args)
    axes = sorted(range(arrays[0].ndim), key=lambda k: -arrays[0].strides[k])
    if not arrays[0].transpose(axes).flags.c_contiguous:
        return tuple(args)
    return tuple(a.transpose(axes) if getattr(a, "ndim", 0) else a for a in args)
