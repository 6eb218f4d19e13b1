"""Calls of matrix products: step after step, for all rows at once, and added up over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .memory import CACHE
from .passes.tiles import OFTEN, STACKED, Tiled, Tiles, tile
from .schedule import Unit
from .slabs import LARGE, in_slabs
from .spread import Spread, flat_rows
from .terms import Term
from .writer import Call, Writer

DEEP, FEW = 800, 4
"""Rows of a piece at least, and how many pieces at least, for products over all steps in pieces."""
REGISTER = 16
"""Numbers that kernels of products compute side by side; shorter rows leave some of them idle."""


class Matrices(Writer):
    """Writes the calls of products, and of the sums over time that belong to them."""

    def _product(self, unit: Unit) -> list[tuple]:
        """Products step after step; members that share the left side are one product."""
        d, memory = self.device, self.memory
        if len(unit) > 1:
            out = memory.joined([memory.spread(x) for x in unit])
            B = out and memory.joined([memory.spread(x.args[1]) for x in unit], out.flat)
            if out is not None and B is not None:
                a = memory.spread(unit[0].args[0])
                tiles = self._in_tiles(unit, a, B, out)
                return tiles or [(d.dot if out.flat else d.matmul, (a, B, out))]
        tiles = [self._in_tiles((x,), *(memory.spread(y) for y in (*x.args, x))) for x in unit]
        return [call for x, calls in zip(unit, tiles) for call in calls or [self._one_product(x)]]

    def _in_tiles(self, unit: Unit, a: Spread, B: Spread, out: Spread) -> list[tuple]:
        """Products of every step by tiles of the right sides, which are copied before the loop.

        If `out` has no place for each of several right sides, their products are added up.
        """
        x = unit[0]
        (N, K), W = a.step_shape[-2:], B.step_shape[-1]
        shape = tile(N, K, W, x.dtype.itemsize) if self.tiles else None
        often = a.slotted and not B.slotted and x.steps * N >= OFTEN
        if shape is None or not often or not self.device.in_tiles():
            return []
        tiled = Tiled(self.device, B.array, shape)
        self.memory.extra.append(tiled.right)
        weights = Tiles(b for y in unit for b in y.args[len(y.args) // 2 :])
        self._append(weights, [(self.device.copy, (tiled.right, tiled.source))])
        return self._added_up(tiled, tiled.left(a), out)

    def _added_up(self, tiled: Tiled, left: Spread, out: Spread) -> list[tuple]:
        """The products by tiles: stacked and added up at once, or one after the other."""
        d, right = self.device, Spread(tiled.right, "once")
        own, dtype = out.step_shape, out.array.dtype
        parts = tiled.right.shape[: tiled.right.ndim - len(own) - 1]
        if 1 < math.prod(parts) <= STACKED // (math.prod(own) * dtype.itemsize):
            stack = self.memory.scratch((*parts, *own), dtype)
            every = Spread(stack.array.reshape(-1, *own), stack.kind)
            return [(d.matmul, (left, right, tiled.out(stack))), (d.add_up, (every, out))]
        first, *others = np.ndindex(parts)
        calls: list[tuple] = [(d.matmul, (left.part(first), right.part(first), tiled.out(out)))]
        scratch = self.memory.scratch(own, dtype) if others else out
        for part in others:
            calls.append((d.matmul, (left.part(part), right.part(part), tiled.out(scratch))))
            calls.append((d.add, (out, scratch, out)))
        return calls

    def _one_product(self, x: Term) -> tuple:
        a, b, out = (self.memory.spread(y) for y in (*x.args, x))
        plain = x.ndim == 2 and all(s.dot_takes for s in (a, b)) and out.contiguous
        return (self.device.dot if plain else self.device.matmul, (a, b, out))

    def _products(self, x: Term) -> list[tuple]:
        """A sum of products: one product of what lies side by side, or a stack and its sum."""
        d, memory = self.device, self.memory
        half = len(x.args) // 2
        left = memory.joined([memory.spread(a) for a in x.args[:half]])
        right = memory.joined([memory.spread(b) for b in x.args[half:]], along=0)
        out = memory.spread(x)
        if left is not None and left.flat and right is not None:
            return self._in_tiles((x,), left, right, out) or [(d.dot, (left, right, out))]
        right = memory.joined([memory.spread(b) for b in x.args[half:]], flat=False)
        if left is not None and not left.flat and right is not None:
            tiles = self._in_tiles((x,), left, right, out)
            stack = memory.scratch((half, *x.shape), x.dtype)
            return tiles or [(d.matmul, (left, right, stack)), (d.add_up, (stack, out))]
        parts: list[tuple] = []
        scratch = memory.scratch(x.shape, x.dtype)
        for k in range(half):
            a, b = memory.spread(x.args[k]), memory.spread(x.args[half + k])
            parts.append((d.matmul, (a, b, scratch if k else out)))
            if k:
                parts.append((d.add, (out, scratch, out)))
        return parts

    def _matmul(self, unit: Unit) -> list[Call]:
        """Products outside of loops: all steps' rows at once, where the right side has no time."""
        d, memory = self.device, self.memory
        a, x = memory.spread(unit[0].args[0]), unit[0]
        if not x.steps:
            return [self._flattened(f, *(s.array for s in o)) for f, o in self._product(unit)]
        if x.args[1].steps or x.args[0].ndim != 2 or (rows := a.rows()) is None:
            return [
                (d.matmul, tuple(s.during(0, x.steps, 2) for s in self._one_product(y)[1]))
                for y in unit
            ]
        out = memory.joined([memory.spread(y) for y in unit]) if len(unit) > 1 else None
        B = out and memory.joined([memory.spread(y.args[1]) for y in unit], out.flat)
        if out is not None and B is not None and out.rows() is not None:
            return [(d.dot if out.flat else d.matmul, (rows, B.array, out.rows()))]
        calls = []
        for y in unit:
            target = memory.spread(y)
            if target.rows() is None:
                calls.append((d.matmul, (a.array, memory.spread(y.args[1]).array, target.array)))
            else:
                calls.append((d.matmul, (rows, memory.spread(y.args[1]).array, target.rows())))
        return calls

    def _flattened(self, f: Any, a: Any, b: Any, out: Any) -> Call:
        """(..., N, K) (K, W) as one product of all rows, where they lie at equal distances."""
        if a.ndim > 2 == b.ndim and out.ndim == a.ndim:
            rows, target = flat_rows(a), flat_rows(out)
            if rows is not None and target is not None:
                return (self.device.matmul, (rows, b, target))
        return (f, (a, b, out))

    def _sumprod(self, unit: Unit) -> list[Call]:
        x = unit[0]
        if not x.steps:
            return [(f, tuple(s.array for s in o)) for f, o in self._products(x)]
        d, memory, half = self.device, self.memory, len(x.args) // 2
        out = memory.spread(x).array
        left = memory.joined([memory.spread(a) for a in x.args[:half]])
        right = memory.joined([memory.spread(b) for b in x.args[half:]], along=0)
        if left is not None and left.flat and left.rows() is not None and right is not None:
            return [(d.matmul, (left.rows(), right.array, Spread(out, "full").rows()))]
        scratch = d.empty(out.shape, x.dtype)
        calls: list[Call] = []
        for k in range(half):
            a, b = memory.spread(x.args[k]), memory.spread(x.args[half + k])
            target = scratch if k else out
            rows, flat = a.rows(), Spread(target, "full").rows()
            if rows is None or flat is None:
                calls.append((d.matmul, (a.array, b.array, target)))
            else:
                calls.append((d.matmul, (rows, b.array, flat)))
            if k:
                calls.append((d.add, (out, scratch, out)))
        return calls

    def _contract(self, unit: Unit) -> list[Call]:
        """The products of all steps, added up: one product over all rows."""
        d, memory = self.device, self.memory
        b = memory.spread(unit[0].args[1]).rows()
        if len(unit) > 1 and b is not None:
            left = memory.joined([memory.spread(x.args[0]) for x in unit])
            out = memory.joined([memory.spread(x) for x in unit], along=0)
            if left is not None and left.flat and out is not None and left.rows() is not None:
                return [(d.dot, (left.rows().T, b, out.array))]
            out = memory.joined([memory.spread(x) for x in unit], flat=False)
            if left is not None and not left.flat and out is not None and left.rows() is not None:
                return self._stacked_product(left.rows(), b, out.array)
        calls = []
        for x in unit:
            a, out = memory.spread(x.args[0]), memory.spread(x).array
            b = memory.spread(x.args[1])
            if a.rows() is None or b.rows() is None:
                calls.append((d.contract, (a.array, b.array, out)))
            else:
                calls.append((d.matmul, (a.rows().T, b.rows(), out)))
        return calls

    def _stacked_product(self, left: Any, b: Any, out: Any) -> list[Call]:
        r"""$A_k^\top B$ for every k, as $(B^\top A_k)^\top$ where those rows fill registers."""
        d = self.device
        if out.shape[-1] % REGISTER == 0 or out.shape[-2] % REGISTER or out.size < LARGE:
            return self._in_pieces(out, [(d.swap(left[:, k]), b[k]) for k in self._pieces(b)])
        turned = self.memory.scratch((*out.shape[:-2], *out.shape[:-3:-1]), out.dtype).array
        calls = self._in_pieces(turned, [(b[k].T, left[:, k]) for k in self._pieces(b)])
        return [*calls, *in_slabs((d.copy, (out, d.swap(turned))))]

    def _pieces(self, b: Any) -> list[slice]:
        """Cuts of the rows of B into pieces that stay in the cache while every $A_k$ meets them.

        Only where a piece is deep: then the sum of all their products costs less than that saves.
        """
        fitting = (self.device.cache or CACHE) // (b.shape[1] * b.itemsize)
        if fitting < DEEP or len(b) < FEW * fitting:
            return [slice(None)]
        return [slice(k, k + fitting) for k in range(0, len(b), fitting)]

    def _in_pieces(self, out: Any, factors: list[tuple[Any, Any]]) -> list[Call]:
        """The sum of the products of these factors."""
        d = self.device
        first, *others = factors
        calls: list[Call] = [(d.matmul, (*first, out))]
        part = self.memory.scratch(out.shape, out.dtype).array if others else out
        for pair in others:
            calls += [(d.matmul, (*pair, part)), (d.add, (out, part, out))]
        return calls

    def _total(self, unit: Unit) -> list[Call]:
        joined = self._joined_total(unit)
        if joined:
            return joined
        calls = []
        for x in unit:
            (a,) = x.args
            spread, out = self.memory.spread(a), self.memory.spread(x).array
            axes = (0, *(k + a.ndim + 1 for k in x.how or ()))
            key = tuple(0 if k + 1 in axes else slice(None) for k in range(a.ndim))
            array = spread.array
            if axes == (0, 1) and spread.rows() is not None:
                array, axes = spread.rows(), (0,)
            calls.append((self.device.sum, (array, axes, out[(*key, ...)])))
        return calls

    def _joined_total(self, unit: Unit) -> list[Call]:
        """Sums over all rows of blocks that lie side by side, or one after another, by one call."""
        memory = self.memory
        if len(unit) < 2 or unit[0].how != (-2,) or unit[0].args[0].ndim != 2:
            return []
        out = memory.joined([memory.spread(x) for x in unit])
        every = memory.joined([memory.spread(x.args[0]) for x in unit])
        if out is None or every is None or every.rows() is None:
            return []
        rows, target = every.rows(), out.array.reshape(-1, unit[0].shape[-1])
        if every.flat:
            return [(self.device.sum, (rows, (0,), out.array.reshape(-1)))] if out.flat else []
        return [(self.device.sum, (rows, (1,), target))]
