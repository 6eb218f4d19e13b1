"""Calls of everything that is computed one term at a time: reductions, rows, joins, whole ops."""

from __future__ import annotations

from collections.abc import Sequence
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
            return self._rows([args[0]], args[1], [out], x.args[0].shape[0])
        if x.fn == "scatter":
            return [(self._adding(x, 1), (_block(args[0]), args[1], _block(out)))]
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

    def _rows(self, tables: Sequence, ids: Any, outs: Sequence, count: int) -> list[tuple]:
        lookups = [(self.device.take, (W, ids, out)) for W, out in zip(tables, outs)]
        return [(self.device.check_rows, (ids, count)), *lookups]

    def _scatter(self, unit: Unit) -> list[Call]:
        """Rows added up outside of loops; members have the same numbers, so one call does."""
        memory, add = self.memory, self._adding(unit[0], len(unit))
        ids = memory.spread(unit[0].args[1]).array
        for flat in (True, False):
            g = memory.joined([memory.spread(x.args[0]) for x in unit], flat)
            out = g and memory.joined([memory.spread(x) for x in unit], flat)
            if g is not None and out is not None:
                g, out = (_block(g), _block(out)) if flat else (g, out)
                return [(add, (g.array, ids, out.array))]
        return self._alone(unit)

    def _adding(self, x: Term, blocks: int) -> Any:
        """Which function adds up the rows of so many terms like x."""
        g, ids = x.args
        found = min(x.shape[0], ids.size)
        longest = found and blocks * g.size / found > SORTED
        return self.device.scatter_sorted if longest else self.device.scatter

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


SORTED = 2200
"""From so many entries for each number on rows are sorted before they are added up.

A product with one-hot rows is quicker below some twenty numbers, but one inf would spread to all.
"""


def _block(s: Spread) -> Spread:
    """With an axis for the blocks, of which there is one."""
    return s.mapped(lambda array, lead: array[(slice(None),) * lead + (None,)])
