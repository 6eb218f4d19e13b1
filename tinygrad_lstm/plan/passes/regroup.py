r"""Sums and products are taken in the order in which their parts become known.

$(a + b) + c = a + (b + c)$ and $a + b = b + a$, for $\odot$ likewise; a minus counts as a sign of
its part.  What is known once (biases) is put together first, then what is known before the loop,
and only the rest step after step.  So the biases of two Linears merge, and the factors of a gate's
gradient that do not depend on the arriving one, such as $s \odot (1 - s)$, leave the loop.  A sum
or product that something else reads too, or that is spread to another shape, stays as it is.
"""

from __future__ import annotations

from ..program import Order, Program, order
from ..tape import Tape
from ..terms import Term

SUMS = {"add", "subtract", "negative"}
PRODUCTS = {"multiply", "negative"}


def regroup(program: Program) -> Program:
    """Associativity: parts of sums and products that are known earlier are combined earlier."""
    users, when = program.users(), order(program)
    wanted = set(program.roots())

    def inner(x: Term, kinds: set[str]) -> bool:
        """Whether x is only a step on the way to one larger sum, or product."""
        alone = len(users[x]) == 1 and x not in wanted and users[x][0].fn in kinds
        return alone and users[x][0].shape == x.shape

    image: dict[Term, Term] = {}

    def rule(tape: Tape, x: Term, args: list[Term]) -> Term | None:
        image.update(zip(x.args, args))
        if x.fn in ("add", "subtract") and not inner(x, SUMS):
            parts = _parts(x, SUMS, inner)
            return _sum(tape, _by_time(when, x, parts), image) if len(parts) > 2 else None
        if x.fn == "multiply" and not inner(x, PRODUCTS):
            parts = _parts(x, PRODUCTS, inner)
            return _product(tape, _by_time(when, x, parts), image) if len(parts) > 2 else None
        return None

    return program.rewritten(rule)


def _parts(x: Term, kinds: set[str], inner, sign: int = 1) -> list[tuple[Term, int]]:
    """The parts of a sum or product with their signs; in a product all signs multiply."""
    found = []
    for k, a in enumerate(x.args):
        own = -sign if x.fn == "negative" or (x.fn == "subtract" and k == 1) else sign
        if x.fn == "multiply" and k == 1:
            own = 1  # the sign of a product is that of its first part
        if a.fn in kinds and inner(a, kinds):
            found += _parts(a, kinds, inner, own)
        else:
            found.append((a, own))
    return found


def _by_time(when: Order, x: Term, parts: list[tuple[Term, int]]) -> list[list[tuple[Term, int]]]:
    """The parts in groups, those known earliest first."""
    here = when.core_of.get(x)
    groups: dict[tuple[int, bool], list[tuple[Term, int]]] = {}
    for part in parts:
        groups.setdefault(when.known(part[0], here), []).append(part)
    return [groups[key] for key in sorted(groups)]


def _sum(tape: Tape, groups: list, image: dict[Term, Term]) -> Term:
    """Every group's sum, added to what was known before."""
    total: Term | None = None
    sign = 1
    for group in groups:
        group = sorted(group, key=lambda part: -part[1])  # what is added before what is taken away
        own: Term | None = None
        first = group[0][1]
        for x, s in group:
            y = image[x]
            own = y if own is None else own + y if s == first else own - y
        if total is None:
            total, sign = own, first
        elif sign == first:
            total = own + total  # type: ignore[operator]
        else:
            total, sign = (total - own, 1) if sign > 0 else (own - total, 1)  # type: ignore
    return total if sign > 0 else -total  # type: ignore


def _product(tape: Tape, groups: list, image: dict[Term, Term]) -> Term:
    """Every group's product, times what was known before; numbers join the earliest group."""
    scale, total = 1.0, None
    for group in groups:
        own: Term | None = None
        made_of = {a for x, _ in group for a in x.args}
        for x, s in sorted(group, key=lambda part: not _together(part[0], group, made_of)):
            y = image[x]
            if s < 0:
                scale = -scale
            own = y if own is None else own * y
        total = own if total is None else own * total  # type: ignore[operator]
    return total * scale if scale != 1.0 else total  # type: ignore


def _together(x: Term, group: list, made_of: set[Term]) -> bool:
    """Whether x is made of another factor or another of x: s (1 - s) is the same for every gate."""
    return x in made_of or any(y in x.args for y, _ in group)
