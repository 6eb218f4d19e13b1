"""Calls of everything that is computed one term at a time: reductions, rows, joins, whole ops."""

from __future__ import annotations

from typing import Any

from .schedule import Unit
from .spread import Each, Spread
from .terms import Term, is_number
from .writer import Call, Writer, number_of


class Singles(Writer):
    """Writes the calls of terms that are no pointwise functions and no products."""

    def _single(self, x: Term) -> list[tuple]:
        """(function, operands) of a term that is no pointwise call and no product."""
        d, memory = self.device, self.memory
        out, args = memory.spread(x), [memory.spread(a) for a in x.args]
        if x.fn in ("sum", "max"):
            return [(getattr(d, x.fn + "_kept"), (args[0], x.how, out))]
        if x.fn == "beside":
            self._put_numbers(x, out)
            return []
        if x.fn == "call":
            return [(d.call, (x.how, out, *args))]
        if x.fn == "take":
            return self._rows(args[0], args[1], out, x.args[0].shape[0])
        if x.fn == "scatter":
            return [(d.scatter, (args[0], args[1], out))]
        if x.fn == "embed":
            axis, start, step = x.how
            field = out.window(axis, start, x.args[0].shape[axis], step)
            return [(d.fill, (out, 0)), (d.copy, (field, args[0]))]
        if x.fn == "concat":
            return self._concatenated(x, out, args)
        if x.fn == "each":
            return [(d.copy, (out, Each(args)))]
        raise AssertionError(f"nobody writes {x.fn}")

    def _put_numbers(self, x: Term, out: Spread) -> None:
        """The columns that never change are filled once; the others are made where they stand."""
        at = 0
        for a in x.args:
            if is_number(a):
                self._fill(out.window(-1, at, a.shape[-1], 1).array, number_of(a))
            at += a.shape[-1]

    def _concatenated(self, x: Term, out: Spread, args: list[Spread]) -> list[tuple]:
        parts, at = [], 0
        for a, spread in zip(x.args, args):
            if a not in self.memory.storage.within or self.memory.storage.within[a][0] is not x:
                target = out.window(x.how, at, a.shape[x.how], 1)
                parts.append((self.device.copy, (target, spread)))
            at += a.shape[x.how]
        return parts

    def _rows(self, W: Any, ids: Any, out: Any, count: int) -> list[tuple]:
        return [(self.device.check_rows, (ids, count)), (self.device.take, (W, ids, out))]

    def _alone(self, unit: Unit) -> list[Call]:
        """Calls of terms without time."""
        calls = []
        for x in unit:
            for f, operands in self._single(x):
                calls.append((f, tuple(s.array if isinstance(s, Spread) else s for s in operands)))
        return calls

    def _each(self, unit: Unit) -> list[Call]:
        out = self.memory.spread(unit[0]).array
        parts = [self.memory.spread(a).array for a in unit[0].args]
        return [(self.device.copy, (out[(t, ...)], part)) for t, part in enumerate(parts)]


SMALL = 4096
"""Below so many entries a number is met as a filled array: a scalar costs more than that."""
