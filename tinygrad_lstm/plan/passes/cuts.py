"""Where the pass `blocks` may cut: wishes of the Narrows, and who can fulfil them.

A Narrow wants its argument to be cut at its ends, and an Embed itself; such wishes pass through
pointwise work, sums, products and transposes, for those compute block by block.  In a loop, what
something reads as a whole stays whole; what is computed once may be joined again.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..program import Program
from ..terms import POINTWISE, Term

MOST = 16
"""Fewer blocks than this, for every block costs calls."""

Cut = tuple[int, list[int]]
"""An axis, counted from the end, and the bounds of the blocks along it."""

Wish = tuple[Term, int, set[int]]

ALIKE = POINTWISE | {"total", "broadcast_to", "sum", "max"}
"""A block of these needs only the same block of their arguments, along an axis that they keep."""


def cuts(program: Program) -> dict[Term, Cut]:
    """Which terms are computed in blocks: their axis and the bounds of the blocks."""
    known = _Known()
    terms = program.terms()
    news = [True]
    while any(news):
        news = [known.learn(x) for x in (*reversed(terms), *terms)]
    found: dict[Term, Cut] = {}
    for x, at in known.bounds.items():
        axis, size = known.axis_of[x], x.shape[known.axis_of[x]]
        inner = {b for b in at if 0 < b < size}
        if inner and len(inner) < MOST and _divisible(x, axis):
            found[x] = (axis, sorted(inner | {0, size}))
    return _wanted_by_all(found, program)


def narrowed(x: Term) -> tuple[int, int, int] | None:
    """(axis, start, stop) if x is one plain slice of its argument, and has entries."""
    if x.fn != "getitem" or len(x.shape) != len(x.args[0].shape):
        return None
    sizes = x.args[0].shape
    cut = [k for k, (key, n) in enumerate(zip(x.how, sizes)) if key != (0, n, 1)]
    if len(cut) != 1 or type(x.how[cut[0]]) is not tuple:
        return None
    start, stop, step = x.how[cut[0]]
    if step != 1 or stop is None or start >= stop:
        return None
    return cut[0] - len(sizes), start, stop


def _divisible(x: Term, axis: int) -> bool:
    """Whether a block of x along this axis can be made of blocks of its arguments."""
    if x.fn == "matmul":
        return axis >= -2
    if x.fn == "getitem":
        cut = narrowed(x)
        return cut is not None and cut[0] == axis
    if x.fn == "embed":
        return x.how[2] == 1 and x.how[0] == axis
    if x.fn == "concat":
        return x.how == axis
    return x.fn in ALIKE or x.fn == "permute"


class _Known:
    """What is known so far of where terms want to be cut: one axis for each, the first one wished.

    Rules are generators, for what one wish adds is seen by the next.
    """

    def __init__(self) -> None:
        self.axis_of: dict[Term, int] = {}
        self.bounds: dict[Term, set[int]] = {}

    def learn(self, x: Term) -> bool:
        """Follow the wishes of x; whether anything was new."""
        news = False
        for y, axis, at in self._wishes(x):
            if self.axis_of.setdefault(y, axis) == axis:
                known = self.bounds.setdefault(y, set())
                news = news or not at <= known
                known |= at
        return news

    def _along(self, x: Term, axis: int) -> set[int]:
        """Where x wants to be cut along this axis."""
        return self.bounds[x] if self.axis_of.get(x) == axis else set()

    def _wishes(self, x: Term) -> Iterable[Wish]:
        """Where x, or what is known of it, wants another term (or x itself) to be cut."""
        cut = narrowed(x)
        if cut is not None:
            return self._of_narrow(x, *cut)
        if x.fn == "embed" and x.how[2] == 1:
            return self._of_embed(x)
        if x.fn == "concat":
            return self._of_concat(x)
        if x.fn == "permute":
            return self._of_permute(x)
        if x.fn == "matmul":
            rows = self._along(x.args[0], -2)
            return [(x, -2, rows)] if self.axis_of.get(x.args[0]) == -2 else []
        return self._of_alike(x) if x.fn in ALIKE else []

    def _of_narrow(self, x: Term, axis: int, start: int, stop: int) -> Iterable[Wish]:
        (a,) = x.args
        yield a, axis, {start, stop} | {b + start for b in self._along(x, axis)}
        yield x, axis, {b - start for b in self._along(a, axis) if start <= b <= stop}

    def _of_embed(self, x: Term) -> Iterable[Wish]:
        (a,) = x.args
        axis, start, _ = x.how
        size = a.shape[axis]
        yield x, axis, {start, start + size} | {b + start for b in self._along(a, axis)}
        yield a, axis, {b - start for b in self._along(x, axis) if start <= b <= start + size}

    def _of_concat(self, x: Term) -> Iterable[Wish]:
        axis, start, ends = x.how, 0, set()
        if not self._along(x, axis):
            return
        for a in x.args:
            stop = start + a.shape[axis]
            yield a, axis, {b - start for b in self._along(x, axis) if start <= b <= stop}
            ends |= {stop} | {b + start for b in self._along(a, axis)}
            start = stop
        yield x, axis, ends

    def _of_permute(self, x: Term) -> Iterable[Wish]:
        (a,) = x.args
        for axis in range(-x.ndim, 0):
            inner = x.how[axis] - x.ndim
            if self.axis_of.get(a) == inner:
                yield x, axis, self.bounds[a]

    def _of_alike(self, x: Term) -> Iterable[Wish]:
        """They and their arguments are cut alike."""
        for a in x.args:
            if a.fn == "const":
                continue
            axis = self.axis_of.get(a)
            if axis is not None and _share(x, a, axis):
                yield x, axis, self.bounds[a]
            axis = self.axis_of.get(x)
            if axis is not None and _share(x, a, axis):
                yield a, axis, self.bounds[x]


def _share(x: Term, a: Term, axis: int) -> bool:
    """Whether both have this axis, in the same length."""
    return min(x.ndim, a.ndim) >= -axis and x.shape[axis] == a.shape[axis]


def _wanted_by_all(found: dict[Term, Cut], program: Program) -> dict[Term, Cut]:
    """Those cuts that every reader can use, as far as they are made in each step of a loop."""
    users, roots = program.users(), set(program.roots())
    changed = True
    while changed:
        changed = False
        for x in list(found):
            if x.steps and (x in roots or not all(_takes(y, x, found) for y in users[x])):
                del found[x]
                changed = True
    return found


def _takes(y: Term, x: Term, found: dict[Term, Cut]) -> bool:
    """Whether y can use x in blocks."""
    axis, bounds = found[x]
    if y.next is x or y.fn in ("carry", "whole", "at", "each", "flip"):
        return False
    if y.fn == "matmul":
        if axis == -1 and y.args[0] is x and y.args[1] is not x:
            return y not in found or found[y][0] == -1
        return axis == -2 and y.args[0] is x and y in found
    if y in found:
        return True
    part = narrowed(y)
    if part is not None:
        return part[0] == axis and not any(part[1] < b < part[2] for b in bounds)
    return y.fn == "total" or (y.fn == "sum" and axis not in y.how)
