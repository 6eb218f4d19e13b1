r"""What is only read through Narrows is computed in the blocks that they cut.

Pointwise: $f(x)_{[s:e]} = f(x_{[s:e]})$.  Products: $(a B)_{:,[s:e]} = a \, B_{:,[s:e]}$ and
$[a_1 \mid a_2] B = a_1 B_1 + a_2 B_2$.  Where all readers can
take blocks, no Narrow and no field of zeros (its derivative) is left: each gate is an array of its
own, and lies in one piece of memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from ..program import Program
from ..tape import Tape
from ..terms import POINTWISE, Term

MOST = 16
"""So many blocks at most, for every block costs calls."""


class Blocks:
    """A term in parts along one axis, counted from the end: part k is bounds[k]:bounds[k+1]."""

    def __init__(self, tape: Tape, axis: int, bounds: list[int], parts: list[Term]) -> None:
        self.tape, self.axis, self.bounds, self.parts = tape, axis, bounds, parts

    def joined(self) -> Term:
        return self.tape.concat(self.parts, self.axis)

    def between(self, start: int, stop: int) -> Term:
        """The entries start ... stop - 1 along the axis, which must be bounds."""
        first, last = self.bounds.index(start), self.bounds.index(stop)
        if last == first + 1:
            return self.parts[first]
        return self.tape.concat(self.parts[first:last], self.axis)


def blocks(program: Program) -> Program:
    """Compute block by block what is read only through Narrows that cut it into blocks."""
    cuts = _cuts(program)
    if not cuts:
        return program
    parts: dict[Term, Blocks] = {}
    image: dict[Term, Term] = {}

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        image.update(zip(x.args, args))
        seen = _Seen(tape, x, args, parts)
        if x in cuts:
            axis, bounds = cuts[x]
            pieces = [seen.piece(axis, s, e) for s, e in pairwise(bounds)]
            parts[x] = Blocks(tape, axis, bounds, pieces)
            return parts[x].joined()
        return seen.whole()

    rewritten = program.rewritten(rule)
    for x, there in parts.items():
        for (s, e), piece in zip(pairwise(there.bounds), there.parts):
            if piece.name is None and x.name is not None:
                piece.name = f"{x.name}[{s}:{e}]"
    return rewritten


def narrowed(x: Term) -> tuple[int, int, int] | None:
    """(axis, start, stop) if x is one plain slice of its argument."""
    if x.fn != "getitem" or len(x.shape) != len(x.args[0].shape):
        return None
    sizes = x.args[0].shape
    cut = [k for k, (key, n) in enumerate(zip(x.how, sizes)) if key != (0, n, 1)]
    if len(cut) != 1 or type(x.how[cut[0]]) is not tuple:
        return None
    start, stop, step = x.how[cut[0]]
    return (cut[0] - len(sizes), start, stop) if step == 1 and stop is not None else None


def window(tape: Tape, x: Term, axis: int, start: int, stop: int) -> Term:
    """x between start and stop along an axis counted from the end."""
    key = [slice(None)] * x.ndim
    key[axis] = slice(start, stop)
    return tape.getitem(x, tuple(key))


class _Seen:
    """A term of the old program, and how its pieces are made from those of its arguments."""

    def __init__(self, tape: Tape, x: Term, args: list[Term], parts: dict[Term, Blocks]) -> None:
        self.tape, self.x, self.args, self.parts = tape, x, args, parts

    def of(self, k: int, axis: int, start: int, stop: int) -> Term:
        """Argument k between start and stop."""
        there = self.parts.get(self.x.args[k])
        if there is not None and there.axis == axis and {start, stop} <= set(there.bounds):
            return there.between(start, stop)
        return window(self.tape, self.args[k], axis, start, stop)

    def piece(self, axis: int, start: int, stop: int) -> Term:
        x, tape = self.x, self.tape
        if x.fn in POINTWISE or x.fn in ("sum", "max", "total", "broadcast_to"):
            return self._pointwise(axis, start, stop)
        if x.fn == "matmul":
            sides = [self.args[0], self.of(1, -1, start, stop)]
            if axis == -2:
                sides = [self.of(0, -2, start, stop), self.args[1]]
            return tape.matmul(*sides)
        if x.fn == "permute":
            old = x.how[axis] - x.ndim
            return tape.permute_dims(self.of(0, old, start, stop), x.how)
        if x.fn == "embed":
            return self._embedded(axis, start, stop)
        if x.fn == "concat":
            return self._concatenated(axis, start, stop)
        cut = narrowed(x)
        offset = cut[1] if cut is not None and cut[0] == axis else 0
        return self.of(0, axis, start + offset, stop + offset)

    def _pointwise(self, axis: int, start: int, stop: int) -> Term:
        x, tape = self.x, self.tape
        args = []
        for k, a in enumerate(x.args):
            full = a.ndim >= -axis and a.shape[axis] == x.shape[axis]
            args.append(self.of(k, axis, start, stop) if full else self.args[k])
        shape = (*x.shape[: x.ndim + axis], stop - start, *x.shape[x.ndim + axis + 1 :])
        if x.fn == "broadcast_to":
            return tape.broadcast_to(args[0], shape)
        if x.fn in ("sum", "max"):
            return tape.make(x.fn, args, x.how, shape, x.dtype)
        if x.fn == "total" and x.how is None:
            return tape.total(args[0], x.args[0].steps)
        if x.fn == "total":
            return tape.make(x.fn, args, x.how, shape, x.dtype, 0)
        if x.fn in ("clip", "astype", "copy"):
            return tape.make(x.fn, args, x.how, shape, x.dtype)
        return tape.call(x.fn, *args)

    def _embedded(self, axis: int, start: int, stop: int) -> Term:
        x = self.x
        _, at, _ = x.how
        size = x.args[0].shape[axis]
        if stop <= at or start >= at + size:
            shape = (*x.shape[: x.ndim + axis], stop - start, *x.shape[x.ndim + axis + 1 :])
            return self.tape.filled(0, shape, x.dtype)
        return self.of(0, axis, start - at, stop - at)

    def _concatenated(self, axis: int, start: int, stop: int) -> Term:
        at = 0
        for k, a in enumerate(self.x.args):
            if at <= start and stop <= at + a.shape[axis]:
                return self.of(k, axis, start - at, stop - at)
            at += a.shape[axis]
        raise AssertionError("a block lies across the parts of a concat")

    def whole(self) -> Term | None:
        """x itself, if blocks help to make it."""
        x, tape = self.x, self.tape
        if x.fn == "matmul" and x.args[0] in self.parts and self.parts[x.args[0]].axis == -1:
            there = self.parts[x.args[0]]
            total: Term | None = None
            for s, e, a in zip(there.bounds, there.bounds[1:], there.parts):
                product = tape.matmul(a, self.of(1, -2, s, e))
                total = product if total is None else total + product
            return total
        cut = narrowed(x)
        if cut is not None and x.args[0] in self.parts and self.parts[x.args[0]].axis == cut[0]:
            return self.parts[x.args[0]].between(cut[1], cut[2])
        return None


def _cuts(program: Program) -> dict[Term, tuple[int, list[int]]]:
    """Which terms are computed in blocks: their axis and the bounds of the blocks."""
    terms, users, roots = program.terms(), program.users(), set(program.roots())
    axis_of: dict[Term, int] = {}
    bounds: dict[Term, set[int]] = {}
    changed = True
    while changed:
        changed = False
        for x in (*reversed(terms), *terms):
            for y, axis, at in _wishes(x, axis_of, bounds):
                if axis_of.setdefault(y, axis) == axis and not at <= bounds.setdefault(y, set()):
                    bounds[y] |= at
                    changed = True
    cut = {}
    for x, at in bounds.items():
        size = x.shape[axis_of[x]]
        inner = {b for b in at if 0 < b < size}
        if inner and len(inner) < MOST and _divisible(x, axis_of[x]):
            cut[x] = (axis_of[x], sorted(inner | {0, size}))
    _drop(cut, users, roots)
    return cut


def _divisible(x: Term, axis: int) -> bool:
    """Whether `piece` knows how to make a part of x along this axis."""
    if x.fn == "matmul":
        return axis >= -2
    if x.fn == "getitem":
        return narrowed(x) is not None
    if x.fn == "embed":
        return x.how[2] == 1
    own = ("concat", "permute", "total", "broadcast_to", "sum", "max")
    return x.fn in POINTWISE or x.fn in own


def _wishes(
    x: Term, axis_of: dict[Term, int], bounds: dict[Term, set[int]]
) -> Iterable[tuple[Term, int, set[int]]]:
    """Where x, or what is known of it, wants another term (or x itself) to be cut."""
    cut = narrowed(x)
    if cut is not None:
        axis, start, stop = cut
        own = {b + start for b in bounds.get(x, ()) if axis_of[x] == axis}
        yield x.args[0], axis, {start, stop} | own
        there = bounds.get(x.args[0], set()) if axis_of.get(x.args[0]) == axis else set()
        yield x, axis, {b - start for b in there if start <= b <= stop}
    elif x.fn == "embed" and x.how[2] == 1:
        axis, start, _ = x.how
        own = bounds.get(x.args[0], set()) if axis_of.get(x.args[0]) == axis else set()
        yield x, axis, {start, start + x.args[0].shape[axis]} | {b + start for b in own}
        inside = {b - start for b in bounds.get(x, ()) if axis_of[x] == axis}
        yield x.args[0], axis, {b for b in inside if 0 <= b <= x.args[0].shape[axis]}
    elif x.fn == "concat" and bounds.get(x) and axis_of[x] == x.how:
        at, ends = 0, set()
        for a in x.args:
            yield a, x.how, {b - at for b in bounds[x] if at <= b <= at + a.shape[x.how]}
            if axis_of.get(a) == x.how:
                ends |= {b + at for b in bounds[a]}
            at += a.shape[x.how]
            ends.add(at)
        yield x, x.how, ends
    elif x.fn == "permute":
        for axis in range(-x.ndim, 0):
            inner = x.how[axis] - x.ndim
            if axis_of.get(x.args[0]) == inner:
                yield x, axis, bounds[x.args[0]]
    elif x.fn == "matmul" and axis_of.get(x.args[0]) == -2:
        yield x, -2, bounds[x.args[0]]
    elif x.fn in POINTWISE or x.fn in ("total", "broadcast_to", "sum", "max"):
        yield from _alike(x, axis_of, bounds)


def _alike(x: Term, axis_of: Any, bounds: Any) -> Iterable[tuple[Term, int, set[int]]]:
    """A pointwise term and its arguments are cut alike."""
    for a in x.args:
        if a.fn == "const":
            continue
        axis = axis_of.get(a)
        if axis is not None and x.ndim >= -axis and x.shape[axis] == a.shape[axis]:
            yield x, axis, bounds[a]
        axis = axis_of.get(x)
        if axis is not None and a.ndim >= -axis and x.shape[axis] == a.shape[axis]:
            yield a, axis, bounds[x]


def _drop(cut: dict, users: dict[Term, list[Term]], roots: set[Term]) -> None:
    """Keep whole what something reads as a whole; outside of time it may be joined again."""
    changed = True
    while changed:
        changed = False
        for x in list(cut):
            if x.steps and (x in roots or not all(_takes(y, x, cut) for y in users[x])):
                del cut[x]
                changed = True


def _takes(y: Term, x: Term, cut: dict) -> bool:
    """Whether y can use x in blocks."""
    axis, bounds = cut[x]
    if y.next is x or y.fn in ("carry", "whole", "at", "each", "flip"):
        return False
    if y in cut and y.fn != "matmul":
        return True
    if y.fn == "matmul":
        if axis == -1 and y.args[0] is x and y.args[1] is not x:
            return y not in cut or cut[y][0] == -1
        return axis == -2 and y.args[0] is x and y in cut
    part = narrowed(y)
    if part is not None:
        return part[0] == axis and not any(part[1] < b < part[2] for b in bounds)
    return y.fn == "total" or (y.fn == "sum" and axis not in y.how)
