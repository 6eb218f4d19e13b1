"""Sums of products of nodes, and the nodes that write them as a reader would."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..ops import CAdd, CMul, Concat, CSub, Embed, Neg, Pow, Scale
from ..tensor import Parameter, Tensor


class Term(NamedTuple):
    """A number times a product of nodes."""

    coefficient: float
    factors: tuple[Tensor, ...]

    def times(self, number: float) -> Term:
        return Term(self.coefficient * number, self.factors)


def written(terms: list[Term]) -> Tensor:
    """Nodes for a sum of products, with common factors written once."""
    terms = sorted(factored(joined(merged(terms))), key=_weight)
    first = next((k for k, term in enumerate(terms) if term.coefficient > 0), 0)
    head, rest = terms[first], terms[:first] + terms[first + 1 :]
    total = product(head)
    for term in rest:
        if term.coefficient < 0:
            total = CSub()(total, product(term.times(-1)))
        else:
            total = CAdd()(total, product(term))
    return total


def product(term: Term) -> Tensor:
    """Nodes for one product: a factor that occurs twice is a square."""
    powers = [
        factor if count == 1 else Pow(float(count))(factor)
        for factor, count in Counter(term.factors).items()
    ]
    total = powers[0]
    for power in powers[1:]:
        total = CMul()(total, power)
    size = abs(term.coefficient)
    total = total if size == 1 else Scale(size)(total)
    return Neg()(total) if term.coefficient < 0 else total


def merged(terms: list[Term]) -> list[Term]:
    """Equal products once, with the sum of their coefficients; none that is zero."""
    sums: dict[frozenset, Term] = {}
    for term in terms:
        key = frozenset(Counter(term.factors).items())
        before = sums[key].coefficient if key in sums else 0.0
        factors = sums[key].factors if key in sums else term.factors
        sums[key] = Term(before + term.coefficient, factors)
    kept = [term for term in sums.values() if term.coefficient]
    return kept or [Term(0.0, terms[0].factors)]


def factored(terms: list[Term]) -> list[Term]:
    """a b + a c as a (b + c), if something remains of every term; the most common factor first."""
    counts = Counter(factor for term in terms for factor in dict.fromkeys(term.factors))
    common, count = max(counts.items(), key=lambda pair: pair[1])
    sharing = [term for term in terms if common in term.factors]
    if count < 2 or any(len(term.factors) < 2 for term in sharing):
        return terms
    rest = [Term(term.coefficient, without(term.factors, common)) for term in sharing]
    once = Term(1.0, (common, written(rest)))
    others = [term for term in terms if term not in sharing]
    at = terms.index(sharing[0])
    after = [term for term in others if terms.index(term) > at]
    before = [term for term in others if terms.index(term) < at]
    return [*before, once, *(factored(after) if after else [])]


def without(factors: tuple[Tensor, ...], factor: Tensor) -> tuple[Tensor, ...]:
    """The factors but for one occurrence of this one."""
    k = factors.index(factor)
    return factors[:k] + factors[k + 1 :]


def joined(terms: list[Term]) -> list[Term]:
    """Parts in fields of zeros that together fill the field: one concatenation."""
    fields: dict[tuple, list[tuple[int, Term]]] = {}
    for term in terms:
        op = term.factors[0].op
        if isinstance(op, Embed) and (op.step, term.coefficient, len(term.factors)) == (1, 1, 1):
            fields.setdefault((op.axis, op.size), []).append((op.start, term))
    for (axis, size), found in fields.items():
        starts, parts = zip(*sorted(found, key=lambda pair: pair[0]))
        inner = [part.factors[0].parents[0] for part in parts]
        ends = [start + x.shape[axis] for start, x in zip(starts, inner)]
        if [*starts, size] == [0, *ends]:
            whole = inner[0] if len(inner) == 1 else Concat(axis)(*inner)
            terms = [Term(1.0, (whole,)), *(term for term in terms if term not in parts)]
    return terms


def _weight(term: Term) -> int:
    """Terms stand in the order in which the author made their weights; those without come first."""
    read = [node for factor in term.factors for node in (factor, *factor.parents)]
    return max((node.born for node in read if isinstance(node, Parameter)), default=0)
