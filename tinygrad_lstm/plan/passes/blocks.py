r"""What is only read through Narrows is computed in the blocks that they cut.

Pointwise: $f(x)_{[s:e]} = f(x_{[s:e]})$; sums over other axes and over time, transposes and
concatenations likewise.  Products: $(a B)_{:,[s:e]} = a \, B_{:,[s:e]}$,
$(a B)_{[s:e],:} = a_{[s:e],:} \, B$ and $[a_1 \mid a_2] [B_1; B_2] = a_1 B_1 + a_2 B_2$.  Where all
readers can take blocks, no Narrow and no field of zeros (its derivative) is left: each gate is an
array of its own, and lies in one piece of memory.  In a loop nothing else is cut; what is computed
once is joined again for a reader that wants it whole.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import add

from ..program import Program
from ..tape import Tape
from ..terms import Term
from .cuts import cuts, narrowed


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
    cut = cuts(program)
    if not cut:
        return program
    parts: dict[Term, Blocks] = {}

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        seen = _Seen(tape, x, args, parts)
        if x not in cut:
            return seen.from_blocks()
        axis, bounds = cut[x]
        pieces = [seen.piece(axis, start, stop) for start, stop in pairwise(bounds)]
        parts[x] = Blocks(tape, axis, bounds, pieces)
        return parts[x].joined()

    rewritten = program.rewritten(rule)
    for x, there in parts.items():
        for (start, stop), piece in zip(pairwise(there.bounds), there.parts):
            if piece.name is None and x.name is not None:
                piece.name = f"{x.name}[{start}:{stop}]"
    return rewritten


class _Seen:
    """A term of the old program, and how its pieces are made from those of its arguments."""

    def __init__(self, tape: Tape, x: Term, args: list[Term], parts: dict[Term, Blocks]) -> None:
        self.tape, self.x, self.args, self.parts = tape, x, args, parts

    def of(self, k: int, axis: int, start: int, stop: int) -> Term:
        """Argument k between start and stop."""
        there = self.parts.get(self.x.args[k])
        if there is not None and there.axis == axis and {start, stop} <= set(there.bounds):
            return there.between(start, stop)
        key = [slice(None)] * self.args[k].ndim
        key[axis] = slice(start, stop)
        return self.tape.getitem(self.args[k], tuple(key))

    def piece(self, axis: int, start: int, stop: int) -> Term:
        """x between start and stop along an axis along which it may be cut."""
        x, tape = self.x, self.tape
        if x.fn == "matmul":
            if axis == -2:
                return tape.matmul(self.of(0, -2, start, stop), self.args[1])
            return tape.matmul(self.args[0], self.of(1, -1, start, stop))
        if x.fn == "permute":
            inner = x.how[axis] - x.ndim
            return tape.permute_dims(self.of(0, inner, start, stop), x.how)
        if x.fn == "embed":
            return self._embedded(axis, start, stop)
        if x.fn == "concat":
            return self._concatenated(axis, start, stop)
        if x.fn == "getitem":
            offset = x.how[axis][0]
            return self.of(0, axis, start + offset, stop + offset)
        return self._alike(axis, start, stop)

    def _alike(self, axis: int, start: int, stop: int) -> Term:
        """The same call on the same block of all arguments that have one."""
        x, tape = self.x, self.tape
        args = []
        for k, a in enumerate(x.args):
            full = a.ndim >= -axis and a.shape[axis] == x.shape[axis]
            args.append(self.of(k, axis, start, stop) if full else self.args[k])
        shape = self._shape(axis, stop - start)
        if x.fn == "broadcast_to":
            return tape.broadcast_to(args[0], shape)
        if x.fn == "total" and x.how is None:
            return tape.total(args[0], x.args[0].steps)
        if x.fn in ("sum", "max", "total", "clip", "astype", "copy"):
            return tape.make(x.fn, args, x.how, shape, x.dtype, 0 if x.fn == "total" else -1)
        return tape.call(x.fn, *args)

    def _shape(self, axis: int, length: int) -> tuple[int, ...]:
        """The shape of x with another length along the axis."""
        at = self.x.ndim + axis
        return (*self.x.shape[:at], length, *self.x.shape[at + 1 :])

    def _embedded(self, axis: int, start: int, stop: int) -> Term:
        _, at, _ = self.x.how
        if stop <= at or start >= at + self.x.args[0].shape[axis]:
            return self.tape.filled(0, self._shape(axis, stop - start), self.x.dtype)
        return self.of(0, axis, start - at, stop - at)

    def _concatenated(self, axis: int, start: int, stop: int) -> Term:
        at = 0
        for k, a in enumerate(self.x.args):
            if at <= start and stop <= at + a.shape[axis]:
                return self.of(k, axis, start - at, stop - at)
            at += a.shape[axis]
        raise AssertionError("a block lies across the parts of a concat")

    def from_blocks(self) -> Term | None:
        """x as a whole, if the blocks of its first argument help to make it."""
        x = self.x
        there = self.parts.get(x.args[0]) if x.args else None
        if there is None:
            return None
        if x.fn == "matmul" and there.axis == -1:
            return self._sum_of_products(there)
        cut = narrowed(x)
        if cut is not None and there.axis == cut[0]:
            return there.between(cut[1], cut[2])
        return None

    def _sum_of_products(self, left: Blocks) -> Term:
        """$a_1 B_1 + a_2 B_2 + ...$, where the left side comes in blocks."""
        products = (
            self.tape.matmul(a, self.of(1, -2, start, stop))
            for (start, stop), a in zip(pairwise(left.bounds), left.parts)
        )
        return reduce(add, products)
