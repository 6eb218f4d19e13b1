"""Sums of products as a reader would write them: the same values, by fewer and plainer nodes.

What a chain of `vjp` rules leaves is right but wordy: -(g b) + g a, where a book has g (a - b).
Each rewriting is an identity of algebra and knows no cell; the ops that it adds are the usual ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from ..graph import Graph
from ..ops import (
    CAdd,
    CMul,
    CSub,
    Embed,
    Expand,
    Filled,
    Identity,
    MatMul,
    Narrow,
    Neg,
    Permute,
    Reshape,
    Scale,
    Select,
    Sum,
    Transpose,
)
from ..tensor import Tensor
from .terms import Term, written

_LINEAR = (MatMul, Sum, Expand, Embed, Narrow, Select)


class Tidied:
    """For every node of a graph the node that stands for it; the `fixed` ones stand as they are.

    Named nodes keep their names, shared ones stay shared.  Those in `seeded` become their seed plus
    one node, so that what a step adds to the seed can be read by itself.
    """

    def __init__(
        self, graph: Graph, fixed: Collection[Tensor], seeded: Mapping[Tensor, Tensor]
    ) -> None:
        self._seeded = seeded
        self._image: dict[Tensor, Tensor] = {}
        self._terms: dict[Tensor, list[Term]] = {}
        uses = Counter(parent for node in graph.nodes for parent in node.parents)
        uses.update(graph.outputs)
        for node in graph.nodes:
            if node.op is None or node in fixed:
                self._stands(node, node)
                continue
            self._terms[node] = self._read(node)
            if node.name or (uses[node] > 1 and not self._is_a_multiple(node)):
                self._stands(node, _named(self[node], node))

    def __getitem__(self, node: Tensor) -> Tensor:
        if node not in self._image:
            image = self._image[node] = self._written(self._terms[node], node)
            self._terms.setdefault(image, self._terms[node])
        return self._image[node]

    def _is_a_multiple(self, node: Tensor) -> bool:
        """Whether the node is a number times another one: to share that saves nothing."""
        terms = self._terms[node]
        return len(terms) == 1 and len(terms[0].factors) == 1 and terms[0].coefficient != 1

    def _stands(self, node: Tensor, image: Tensor) -> None:
        self._image[node] = image
        self._terms[node] = self._terms[image] = [Term(1.0, (image,))]

    def _read(self, node: Tensor) -> list[Term]:
        """The node as a sum of products, over what its parents are sums of."""
        op, parents = node.op, node.parents
        terms = [self._terms[parent] for parent in parents]
        if isinstance(op, CAdd):
            return terms[0] + terms[1]
        if isinstance(op, CSub):
            return terms[0] + [term.times(-1) for term in terms[1]]
        if isinstance(op, Neg):
            return [term.times(-1) for term in terms[0]]
        if isinstance(op, Scale) and op.beta == 0:
            return [term.times(op.alpha) for term in terms[0] if op.alpha]
        if isinstance(op, CMul):
            return self._product(parents)
        if isinstance(op, Filled) and op.value == 0:
            return []
        if isinstance(op, Reshape) and (reshaped := self._reshaped(node)) is not None:
            return reshaped
        if isinstance(op, Permute | Transpose) and node.ndim == 2:
            return self._turned(node)
        if isinstance(op, _LINEAR):
            return self._linear(node)
        images = [self[parent] for parent in parents]
        same = all(a is b for a, b in zip(images, parents))
        return [Term(1.0, (node if same or op is None else op(*images),))]

    def _sums_joined(self, terms: list[Term]) -> list[Term]:
        """Sums over the same axes as the sum of what they are sums of."""
        alike: dict[Any, list[Term]] = {}
        for term in terms:
            (first, *others) = term.factors
            if isinstance(first.op, Sum) and not others and not first.name:
                alike.setdefault((first.op, first.parents[0].shape), []).append(term)
        for (op, _), sums in alike.items():
            if len(sums) > 1:
                inner = [
                    part.times(term.coefficient)
                    for term in sums
                    for part in self._terms[term.factors[0].parents[0]]
                ]
                rest = [term for term in terms if term not in sums]
                terms = [*rest, Term(1.0, (op(written(inner)),))]
        return terms

    def _turned(self, node: Tensor) -> list[Term]:
        """A matrix turned over; turned over twice, it is itself."""
        inner = self[node.parents[0]]
        swaps = not isinstance(node.op, Permute) or tuple(k % 2 for k in node.op.axes) == (1, 0)
        if not swaps:
            return [Term(1.0, (inner,))]
        if isinstance(inner.op, Permute | Transpose) and not inner.name:
            return [Term(1.0, (inner.parents[0],))]
        if isinstance(inner.op, MatMul) and isinstance(inner.parents[0].op, Permute):
            a, b = inner.parents
            return [Term(1.0, (MatMul()(Permute((1, 0))(b), a.parents[0]),))]
        return [Term(1.0, (Permute((1, 0))(inner),))]

    def _linear(self, node: Tensor) -> list[Term]:
        """An op that is linear in each input: numbers before the inputs stand before it."""
        coefficient, images = 1.0, []
        for parent in node.parents:
            terms, number = self._terms[parent], 1.0
            if len(terms) == 1 and terms[0].coefficient:
                number = terms[0].coefficient
            images.append(written([Term(1.0, terms[0].factors)]) if number != 1 else self[parent])
            coefficient *= number
        same = all(a is b for a, b in zip(images, node.parents))
        return [Term(coefficient, (node if same else node.op(*images),))]  # type: ignore[misc]

    def _reshaped(self, node: Tensor) -> list[Term] | None:
        """A reshape that changes nothing, or only drops the axes that a sum has kept."""
        (inner,) = node.parents
        if inner.shape == node.shape:
            return self._terms[inner]
        terms = self._terms[inner]
        if len(terms) != 1 or len(terms[0].factors) != 1:
            return None
        (total,) = terms[0].factors
        if not isinstance(total.op, Sum) or total.name:
            return None
        axes = total.op.axis
        axes = axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes
        short = Sum(axes)(total.parents[0])
        return [Term(terms[0].coefficient, (short,))] if short.shape == node.shape else None

    def _product(self, parents: tuple[Tensor, ...]) -> list[Term]:
        coefficient, factors = 1.0, []
        for parent in parents:
            terms = self._terms[parent]
            if not terms:
                return []
            if len(terms) > 1:
                terms = [Term(1.0, (self[parent],))]
            coefficient *= terms[0].coefficient
            factors += terms[0].factors
        return [Term(coefficient, tuple(factors))]

    def _written(self, terms: list[Term], like: Tensor) -> Tensor:
        if not terms:
            return Filled(0.0)(like)
        terms = self._sums_joined(terms)
        if like in self._seeded:
            seed = Term(1.0, (self._seeded[like],))
            return CAdd()(*seed.factors, written([term for term in terms if term != seed]))
        return written(terms)


def _named(image: Tensor, node: Tensor) -> Tensor:
    """The image under the node's name; what has another name already stays what it is."""
    if node.name and image is not node:
        if image.name or image.op is None:
            image = Identity()(image)
        image.name, image.scope = node.name, node.scope
    return image
