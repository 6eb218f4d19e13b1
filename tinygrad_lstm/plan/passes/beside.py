r"""A step's products have one left side: $h W_h + x W_x + b = [h \mid x \mid 1] \, [W_h; W_x; b]$.

The state is made beside the input, where the product reads it, and the bias is the weight of a
constant 1.  One product for each step, where hoisting made two and two sums; and one on
the way back: $[h \mid x \mid 1]^\top g$ holds the gradients of both weights and of the bias.  Only
where the product is small: a large one is faster when the input's share is hoisted.
"""

from __future__ import annotations

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
        program = _rewritten(program, family)


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
    products = [p for p in parts if _is_product(p, users, roots)]
    states = [p for p in products if _is_state(p.args[0], when)]
    free = {p: not any(y.fn == "beside" for y in users[p.args[0]]) for p in products}
    inputs = [p for p in products if p.args[0].fn in ("inputs", "rows") and free[p]]
    states = [p for p in states if free[p]]
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


def _rewritten(program: Program, family: Family) -> Program:
    image: dict[Term, Term] = {}
    state, wide = family.lefts[0], sum(x.shape[-1] for x in family.lefts) + family.bias
    columns: dict[Term, tuple[int, int]] = {}
    at = 0
    for x in family.lefts:
        columns[x] = (at, at + x.shape[-1])
        at += x.shape[-1]
    gradients = _gradients(program, family)

    def row(tape: Tape) -> Term:
        own = [image[x] for x in family.lefts]
        own = [x if x.fn in ("carry", "inputs") else _copied(tape, x) for x in own]
        if family.bias:
            own.append(tape.filled(1, (state.shape[0], 1), state.dtype))
        shape = (state.shape[0], wide)
        return tape.make("beside", own, None, shape, state.dtype, state.steps)

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        image.update(zip(x.args, args))
        if x in family.members:
            rights, bias, rest = family.members[x]
            below = [image[b] for b in rights]
            if bias is not None:
                below.append(_as_row(tape, image[bias]))
            y = tape.matmul(row(tape), _stacked(tape, below))
            for part in rest:
                y = y + image[part]
            return y
        if x in gradients:
            g, (start, stop) = args[0], (columns | {None: (wide - 1, wide)})[gradients[x]]  # type: ignore
            every = tape.make("contract", (g, row(tape)), None, (g.shape[-1], wide), x.dtype, 0)
            part = tape.getitem(every, (slice(None), slice(start, stop)))
            return part if gradients[x] is not None else tape.swap(part)
        return None

    return program.rewritten(rule)


def _as_row(tape: Tape, b: Term) -> Term:
    """A bias as a matrix of one row; a number that it is multiplied with stays outside."""
    if b.fn == "multiply" and is_number(b.args[0]):
        return tape.call("multiply", b.args[0], _as_row(tape, b.args[1]))
    return tape.reshape(b, (1, b.shape[-1]))


def _copied(tape: Tape, x: Term) -> Term:
    return tape.make("copy", (x,), "beside", x.shape, x.dtype, x.steps)


def _gradients(program: Program, family: Family) -> dict[Term, Term | None]:
    """The totals that one product over the whole row gives: which left side each belongs to."""
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
    bare = [b if scale is None else b.args[1] for b in below]
    uncut = [_uncut(tape, b) for b in bare]
    if all(u is not None and u[1:] == uncut[0][1:] for u in uncut):  # type: ignore[index]
        start, stop = uncut[0][1:]  # type: ignore[index]
        whole = tape.concat([u[0] for u in uncut], axis=0)  # type: ignore[index]
        cut = tape.getitem(whole, (slice(None), slice(start, stop)))
        return cut if scale is None else tape.call("multiply", scale, cut)
    return tape.concat(below, axis=0)


def _factor(below: list[Term]) -> Term | None:
    """The number that all of them are multiplied with."""
    first = below[0].args[0] if below[0].fn == "multiply" else None
    same = all(b.fn == "multiply" and b.args[0] is first for b in below)
    return first if first is not None and same and is_number(first) else None


def _uncut(tape: Tape, b: Term) -> tuple[Term, int, int] | None:
    """(X, start, stop) if b is the columns start ... stop - 1 of X, or of a sum of vectors."""
    if b.fn == "getitem" and b.how[0] == (0, b.args[0].shape[0], 1) and b.ndim == 2:
        start, stop, step = b.how[1]
        return (b.args[0], start, stop) if step == 1 else None
    if b.fn == "reshape" and b.shape[0] == 1:
        vector = _uncut_vector(tape, b.args[0])
        if vector is not None:
            X, start, stop = vector
            return tape.reshape(X, (1, *X.shape)), start, stop
    return None


def _uncut_vector(tape: Tape, b: Term) -> tuple[Term, int, int] | None:
    if b.fn == "getitem" and b.ndim == 1 and b.args[0].ndim == 1 and type(b.how[0]) is tuple:
        start, stop, step = b.how[0]
        return (b.args[0], start, stop) if step == 1 else None
    if b.fn == "add" and b.ndim == 1:
        sides = [_uncut_vector(tape, a) for a in b.args]
        if all(s is not None and s[1:] == sides[0][1:] for s in sides):  # type: ignore[index]
            return tape.call("add", *[s[0] for s in sides]), *sides[0][1:]  # type: ignore
    return None
