"""Calls of pointwise functions: for a whole group where its blocks lie at equal distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from .schedule import Unit
from .spread import Spread
from .terms import Term, is_number
from .writer import Writer, number_of

SMALL = 4096
"""Below so many entries a number is met as a filled array: a scalar costs more than that."""


class Pointwise(Writer):
    """Writes the calls of pointwise functions."""

    def _pointwise(self, unit: Unit) -> list[tuple]:
        """(function, operands) of one call for the whole group, or of one for each member."""
        joined = self._joined(unit)
        if joined is not None:
            return joined
        return [
            part
            for x in unit
            for part in self._function(
                x, [self._operand(a, x) for a in x.args], self.memory.spread(x)
            )
        ]

    def _operand(self, a: Term, x: Term) -> Any:
        return (
            self._constant(number_of(a), x.size, x.shape, a)
            if is_number(a)
            else self.memory.spread(a)
        )

    def _constant(self, value: Any, size: int, shape: tuple, a: Term) -> Any:
        return self.device.number(value, shape if size <= SMALL else (), a.dtype)

    def _joined(self, unit: Unit) -> list[tuple] | None:
        x, *others = unit
        out = self.memory.joined([self.memory.spread(y) for y in unit]) if others else None
        if out is None:
            return None
        operands = []
        for k in range(len(x.args)):
            operand = self._joined_operand([y.args[k] for y in unit], x, out)
            if operand is None:
                return None
            operands.append(operand)
        return self._function(x, operands, out)

    def _joined_operand(self, terms: list[Term], x: Term, out: Spread) -> Any:
        if all(is_number(a) for a in terms):
            return self._numbers(terms, x, out)
        if all(a is terms[0] for a in terms):
            return None if out.flat else self.memory.spread(terms[0]).beside(x.ndim)
        joined = self.memory.joined([self.memory.spread(a) for a in terms], out.flat)
        if joined is None:
            return None
        return joined if out.flat else joined.padded(x.ndim + 1)

    def _numbers(self, terms: list[Term], x: Term, out: Spread) -> Any:
        values = [number_of(a) for a in terms]
        size = x.size * len(terms)
        if len(set(values)) == 1:
            shape = out.step_shape if size <= SMALL else ()
            return self.device.number(values[0], shape, terms[0].dtype)
        blocks = np.array(values, terms[0].dtype)
        if out.flat:
            return self.device.constant(np.repeat(blocks, x.shape[-1]))
        blocks = blocks.reshape(-1, *(1,) * x.ndim)
        full = np.broadcast_to(blocks, (len(terms), *x.shape)).copy() if size <= SMALL else blocks
        return self.device.constant(full)

    def _function(self, x: Term, operands: list[Any], out: Spread) -> list[tuple]:
        """One pointwise function on these operands."""
        d = self.device
        if x.fn == "where":
            condition, a, b = operands
            return [(d.choose, (condition, a, b, out))]
        if x.fn == "clip":
            return [(d.clip, (operands[0], *x.how, out))]
        if x.fn in ("astype", "copy"):
            return [(d.copy, (out, operands[0]))]
        return [(getattr(d.xp, x.fn), (*operands, out))]
