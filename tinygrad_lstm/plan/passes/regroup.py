r"""Sums and products are taken in the order in which their parts become known.

$(a + b) + c = a + (b + c)$ and $a + b = b + a$, for $\odot$ likewise; a minus counts as a sign of
its part.  What is known once (biases) is put together first, then what is known before the loop,
and only the rest step after step.  So the biases of two Linears merge, and the factors of a gate's
gradient that do not depend on the arriving one, such as $s \odot (1 - s)$, leave the loop.  A sum
or product that something else reads too, or that is spread to another shape, stays as it is.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from operator import mul

from ..program import Order, Program, order
from ..tape import Tape
from ..terms import Term

SUMS = {"add", "subtract", "negative"}
PRODUCTS = {"multiply", "negative"}

Signed = tuple[Term, int]
"""A part of a sum or product, and whether it counts as itself (1) or with a minus (-1)."""


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
            return _sum(_by_time(when, x, parts), image) if len(parts) > 2 else None
        if x.fn == "multiply" and not inner(x, PRODUCTS):
            parts = _parts(x, PRODUCTS, inner)
            return _product(_by_time(when, x, parts), image) if len(parts) > 2 else None
        return None

    return program.rewritten(rule)


def _parts(x: Term, kinds: set[str], inner, sign: int = 1) -> list[Signed]:
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


def _by_time(when: Order, x: Term, parts: list[Signed]) -> list[list[Signed]]:
    """The parts in groups, those known earliest first."""
    here = when.core_of.get(x)
    groups: dict[tuple[int, bool], list[Signed]] = {}
    for part in parts:
        groups.setdefault(when.known(part[0], here), []).append(part)
    return [groups[key] for key in sorted(groups)]


def _sum(groups: list[list[Signed]], image: dict[Term, Term]) -> Term:
    """Every group's sum, added to what was known before."""
    total, sign = _sum_of(groups[0], image)
    for group in groups[1:]:
        own, own_sign = _sum_of(group, image)
        if own_sign == sign:
            total = own + total
        elif sign > 0:
            total = total - own
        else:
            total, sign = own - total, 1
    return total if sign > 0 else -total


def _sum_of(group: list[Signed], image: dict[Term, Term]) -> Signed:
    """The sum of one group; what is added comes before what is taken away."""
    (x, sign), *rest = sorted(group, key=lambda part: -part[1])
    total = image[x]
    for y, own_sign in rest:
        total = total + image[y] if own_sign == sign else total - image[y]
    return total, sign


def _product(groups: list[list[Signed]], image: dict[Term, Term]) -> Term:
    """Every group's product, times what was known before."""
    own = (reduce(mul, [image[x] for x in _factors(group)]) for group in groups)
    total = reduce(lambda before, later: later * before, own)
    sign = prod(sign for group in groups for _, sign in group)
    return total if sign > 0 else total * -1


def _factors(group: list[Signed]) -> list[Term]:
    """One made of another comes first: so s (1 - s) is the same product for every gate."""
    factors = [x for x, _ in group]
    made_of = {a for x in factors for a in x.args}
    return sorted(factors, key=lambda x: not (x in made_of or any(y in x.args for y in factors)))
