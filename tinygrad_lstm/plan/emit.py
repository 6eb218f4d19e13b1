"""From a schedule to a list of calls: `for f, args in calls: f(*args)` is a training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .device import Device
from .memory import Each, Memory, Spread
from .schedule import Region, Schedule, Unit
from .storage import Buffer, Storage
from .terms import POINTWISE, Term, is_number

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Emitter:
    """Writes the calls of a schedule.

    Attributes:
        calls: (f, args), to be called one after the other.
        owners: for each call the unit that it computes.
        loads: what is copied in before: (fn, k, array) for input, seed, parameter or leaf number k.
        filled: arrays that hold one number from the beginning and are never written to.
    """

    def __init__(self, plan: Schedule, storage: Storage, device: Device) -> None:
        self.plan, self.device = plan, device
        self.memory = Memory(plan, storage, device)
        self.calls: list[Call] = []
        self.owners: list[Unit] = []
        self.loads: list[tuple[str, Any, Any]] = []
        self.filled: list[tuple[Any, Any]] = []
        self.arrived: dict[str, list[Any]] = {"input": [], "seed": []}

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

    def _append(self, unit: Unit, calls: Sequence[Call]) -> None:
        self.calls.extend(calls)
        self.owners.extend([unit] * len(calls))

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
                return [(slot.fill, (_number(start),))]
            self._fill(slot, _number(start))
            return []
        return [(self.device.copy, (slot, self.memory.spread(start).array))]

    def _fill(self, array: Any, value: Any) -> None:
        self.device.fill(array, value)
        self.filled.append((array, value))

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
            W, ids = (self.memory.spread(a) for a in x.args)
            out = self.memory.spread(x).during(lo, hi, x.ndim)
            return self._rows(W.array, ids.during(lo, hi, x.args[1].ndim), out, x.args[0].shape[0])
        calls = []
        for f, operands in self._pointwise(unit):
            ndim = operands[-1].ndim if isinstance(operands[-1], Spread) else x.ndim
            args = [s.during(lo, hi, ndim) if isinstance(s, Spread) else s for s in operands]
            calls.append((f, tuple(args)))
        return calls

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
            self._constant(_number(a), x.size, x.shape, a)
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
        values = [_number(a) for a in terms]
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

    def _product(self, unit: Unit) -> list[tuple]:
        """Products step after step; members that share the left side are one product."""
        d, memory = self.device, self.memory
        if len(unit) > 1:
            out = memory.joined([memory.spread(x) for x in unit])
            B = out and memory.joined([memory.spread(x.args[1]) for x in unit], out.flat)
            if out is not None and B is not None:
                return [(d.dot if out.flat else d.matmul, (memory.spread(unit[0].args[0]), B, out))]
        return [self._one_product(x) for x in unit]

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
            return [(d.dot, (left, right, out))]
        right = memory.joined([memory.spread(b) for b in x.args[half:]], flat=False)
        if left is not None and not left.flat and right is not None:
            stack = memory.scratch((half, *x.shape), x.dtype)
            return [(d.matmul, (left, right, stack)), (d.add_up, (stack, out))]
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
            return [(f, tuple(s.array for s in o)) for f, o in self._product(unit)]
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
                return [(d.matmul, (d.swap(left.rows()), b, out.array))]
        calls = []
        for x in unit:
            a, out = memory.spread(x.args[0]), memory.spread(x).array
            b = memory.spread(x.args[1])
            if a.rows() is None or b.rows() is None:
                calls.append((d.contract, (a.array, b.array, out)))
            else:
                calls.append((d.matmul, (a.rows().T, b.rows(), out)))
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
                self._fill(out.window(-1, at, a.shape[-1], 1).array, _number(a))
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


def _number(x: Term) -> Any:
    while x.fn == "broadcast_to":
        (x,) = x.args
    return x.how.item()
