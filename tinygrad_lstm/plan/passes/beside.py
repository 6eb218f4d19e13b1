r"""A step's products have one left side: $h W_h + x W_x + b = [h \mid x \mid 1] \, [W_h; W_x; b]$.

The state is made beside the input, where the product reads it, and the bias is the weight of a
constant 1.  One product for each step, where hoisting made two and two sums; and one on
the way back: $[h \mid x \mid 1]^\top g$ holds the gradients of both weights and of the bias.
Every product must be as large as the sum and read by it alone, and one of them be that of a state
which runs forward and is computed in the loop.  Only where the product is small: a large one is
faster when the input's share is hoisted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..program import Order, Program, order
from ..tape import Tape
from ..terms import POINTWISE, Term, is_number

LARGE = 2_000_000
"""Multiplications in one step's product from which on hoisting won (measured on AVX-512)."""


@dataclass
class Family:
    """Sums of products with the same left sides: a carry, inputs, and perhaps a bias.

    Attributes:
        members: for every sum its right sides (in the order of `lefts`), its bias and its rest.
    """

    lefts: tuple[Term, ...]
    bias: bool
    members: dict[Term, tuple[list[Term], Term | None, list[Term]]]


def beside(program: Program) -> Program:
    """One product a step for what the state and the input are multiplied with."""
    while True:
        family = next(filter(_small, _families(program)), None)
        if family is None:
            return program
        program = program.rewritten(_Rewriting(program, family).rule)


def _families(program: Program) -> list[Family]:
    when, users, roots = order(program), program.users(), set(program.roots())
    found: dict[tuple, Family] = {}
    for z in users:
        if z.fn != "add" or z not in when.core_of or z.ndim != 2:
            continue
        if len(users[z]) == 1 and users[z][0].fn == "add" and z not in roots:
            continue
        split = _split(z, users, roots, when)
        if split is None:
            continue
        lefts, rights, bias, rest = split
        family = found.setdefault((lefts, bias is None), Family(lefts, bias is not None, {}))
        family.members[z] = (rights, bias, rest)
    return list(found.values())


def _split(z: Term, users: dict, roots: set[Term], when: Order):
    """(left sides, right sides, bias, rest) of a sum with one product of a carry and others."""
    parts = _parts(z, users, roots)
    products = [p for p in parts if p.shape == z.shape and _is_product(p, users, roots)]
    # a left side that lies in one row already cannot be made in another
    free = [p for p in products if not any(y.fn == "beside" for y in users[p.args[0]])]
    states = [p for p in free if _is_state(p.args[0], when)]
    inputs = [p for p in free if p.args[0].fn in ("inputs", "rows")]
    if len(states) != 1 or not inputs:
        return None
    chosen = [*states, *sorted(inputs, key=lambda p: p.args[0].born)]
    lefts = tuple(p.args[0] for p in chosen)
    if len(set(lefts)) < len(lefts):
        return None
    biases = [p for p in parts if not p.steps and p.size == p.shape[-1] == z.shape[-1]]
    bias = biases[0] if len(biases) == 1 else None
    rest = [p for p in parts if p not in chosen and p is not bias]
    return lefts, [p.args[1] for p in chosen], bias, rest


def _parts(x: Term, users: dict, roots: set[Term]) -> list[Term]:
    """What is added up to x, as far as nothing else reads a sum on the way."""
    found = []
    for a in x.args:
        deeper = a.fn == "add" and len(users[a]) == 1 and a not in roots and a.shape == x.shape
        found += _parts(a, users, roots) if deeper else [a]
    return found


def _is_product(p: Term, users: dict, roots: set[Term]) -> bool:
    alone = p.fn == "matmul" and len(users[p]) == 1 and p not in roots
    return alone and p.steps > 0 and not p.args[1].steps and p.args[1].ndim == 2


def _is_state(x: Term, when: Order) -> bool:
    """A carry that runs forward, and whose `next` is made by a pointwise call in the same core."""
    if x.fn != "carry" or x.how < 0 or x not in when.core_of:
        return False
    return x.next.fn in POINTWISE and when.core_of.get(x.next) is when.core_of[x]


def _small(family: Family) -> bool:
    rows = family.lefts[0].shape[0]
    depth = sum(x.shape[-1] for x in family.lefts)
    width = max(z.shape[-1] for z in family.members)
    return rows * depth * width <= LARGE


class _Rewriting:
    """The rule by which the sums of one family, and the gradients of their weights, are rewritten.

    Attributes:
        columns: where each left side stands in the row; None stands for the constant 1.
        gradients: the totals that one product over the whole row gives, and whose columns they are.
    """

    def __init__(self, program: Program, family: Family) -> None:
        self.family, self.image = family, {}
        self.columns: dict[Term | None, tuple[int, int]] = {}
        self.wide = 0
        for x in (*family.lefts, *([None] if family.bias else [])):
            start, self.wide = self.wide, self.wide + (1 if x is None else x.shape[-1])
            self.columns[x] = (start, self.wide)
        self.gradients = _gradients(program, family)

    def rule(self, tape: Tape, x: Term, args: list[Term]) -> Term | None:
        self.image.update(zip(x.args, args))
        if x in self.family.members:
            return self._sum(tape, *self.family.members[x])
        if x in self.gradients:
            return self._gradient(tape, x, args[0])
        return None

    def _row(self, tape: Tape) -> Term:
        """[h | x | 1]: the state and what arrives are put down here at once, the rest is copied."""
        parts = [self.image[x] for x in self.family.lefts]
        parts = [x if x.fn in ("carry", "inputs") else _copied(tape, x) for x in parts]
        state = self.family.lefts[0]
        if self.family.bias:
            parts.append(tape.filled(1, (state.shape[0], 1), state.dtype))
        shape = (state.shape[0], self.wide)
        return tape.make("beside", parts, None, shape, state.dtype, state.steps)

    def _sum(self, tape: Tape, rights: list[Term], bias: Term | None, rest: list[Term]) -> Term:
        """The row times [W_h; W_x; b], and what else was added."""
        below = [self.image[b] for b in rights]
        if bias is not None:
            below.append(_as_row(tape, self.image[bias]))
        y = tape.matmul(self._row(tape), _stacked(tape, below))
        for part in rest:
            y = y + self.image[part]
        return y

    def _gradient(self, tape: Tape, x: Term, g: Term) -> Term:
        """Some columns of the product of g and the row; those of the 1 are the sum of g's rows."""
        left = self.gradients[x]
        row = self._row(tape)
        every = tape.make("contract", (g, row), None, (g.shape[-1], self.wide), x.dtype, 0)
        part = tape.getitem(every, (slice(None), slice(*self.columns[left])))
        return part if left is not None else tape.swap(part)


def _as_row(tape: Tape, b: Term) -> Term:
    """A bias as a matrix of one row; a number that it is multiplied with stays outside."""
    if b.fn == "multiply" and is_number(b.args[0]):
        return tape.call("multiply", b.args[0], _as_row(tape, b.args[1]))
    return tape.reshape(b, (1, b.shape[-1]))


def _copied(tape: Tape, x: Term) -> Term:
    return tape.make("copy", (x,), "beside", x.shape, x.dtype, x.steps)


def _gradients(program: Program, family: Family) -> dict[Term, Term | None]:
    """The totals that one product over the whole row gives: which left side each belongs to.

    Only where a gradient meets all left sides; the sum of its rows is the part of the constant 1.
    """
    by_side: dict[Term, dict[Term | None, Term]] = {}
    for x in program.terms():
        if x.fn == "contract" and x.args[1] in family.lefts:
            by_side.setdefault(x.args[0], {})[x.args[1]] = x
        elif x.fn == "total" and family.bias and _is_sum_of_rows(x):
            by_side.setdefault(x.args[0], {})[None] = x
    found: dict[Term, Term | None] = {}
    for sides in by_side.values():
        if all(left in sides for left in family.lefts):
            found.update({x: left for left, x in sides.items()})
    return found


def _is_sum_of_rows(x: Term) -> bool:
    (g,) = x.args
    return g.ndim == 2 and (x.how == (-2,) or (x.how is None and g.shape[0] == 1))


def _stacked(tape: Tape, below: list[Term]) -> Term:
    """The right sides one below the other: of whole weights, where all are the same cut of them."""
    scale = _factor(below)
    cuts = _same([_uncut(tape, b if scale is None else b.args[1]) for b in below])
    if cuts is None:
        return tape.concat(below, axis=0)
    (_, start, stop), *_ = cuts
    whole = tape.concat([X for X, *_ in cuts], axis=0)
    cut = tape.getitem(whole, (slice(None), slice(start, stop)))
    return cut if scale is None else tape.call("multiply", scale, cut)


def _factor(below: list[Term]) -> Term | None:
    """The number that all of them are multiplied with."""
    first = below[0].args[0] if below[0].fn == "multiply" else None
    same = all(b.fn == "multiply" and b.args[0] is first for b in below)
    return first if first is not None and same and is_number(first) else None


Columns = tuple[Term, int, int]
"""(X, start, stop): the columns start ... stop - 1 of X."""


def _same(cuts: Sequence[Columns | None]) -> list[Columns] | None:
    """The cuts, if all are the same columns of arrays that are equally wide."""
    found = [cut for cut in cuts if cut is not None]
    kinds = {(X.shape[-1], start, stop) for X, start, stop in found}
    return found if len(found) == len(cuts) and len(kinds) == 1 else None


def _uncut(tape: Tape, b: Term) -> Columns | None:
    """What b are columns of, if it is a cut of a matrix, or (as a row) of a sum of vectors."""
    if b.fn == "reshape" and b.shape[0] == 1:
        cut = _uncut_vector(tape, b.args[0])
        return None if cut is None else (tape.reshape(cut[0], (1, *cut[0].shape)), *cut[1:])
    if b.fn != "getitem" or b.args[0].ndim != 2 or b.ndim != 2:
        return None
    rows, (start, stop, step) = b.how
    return (b.args[0], start, stop) if step == 1 and rows == (0, b.args[0].shape[0], 1) else None


def _uncut_vector(tape: Tape, b: Term) -> Columns | None:
    if b.fn == "getitem" and b.ndim == 1 and b.args[0].ndim == 1:
        ((start, stop, step),) = b.how
        return (b.args[0], start, stop) if step == 1 else None
    if b.fn == "add" and b.ndim == 1:
        cuts = _same([_uncut_vector(tape, a) for a in b.args])
        if cuts is not None:
            return tape.call("add", *[X for X, *_ in cuts]), *cuts[0][1:]
    return None
