"""Known mistakes in a hand-written backward pass: each is a rule applied to the wrong numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...graph import Graph
from ...tensor import OPS, Parameter, Tensor
from ..wording import Wording
from .case import Case, Gradients, Slip, differentiate

Edge = tuple[Tensor, int]
"""A node, and which of its parents."""


@dataclass(frozen=True)
class Mistake:
    """A known mistake.

    Attributes:
        name: what it is called.
        place: the part of the cell in which it sits.
        advice: what to write instead.
        slips: node of the cell -> what it sends by mistake.
        other: the gradients it leads to, where they are not those of slips.
    """

    name: str
    place: str
    advice: str
    slips: Mapping[Tensor, Slip] = field(default_factory=dict)
    other: Callable[[Case], Gradients] | None = None

    def predict(self, case: Case) -> Gradients:
        """What a backward pass with this mistake computes."""
        return self.other(case) if self.other else differentiate(case, self.slips)


class Anatomy:
    """A cell, asked where mistakes can sit."""

    def __init__(self, cell: Graph) -> None:
        self.cell, self.wording = cell, Wording(cell)
        self.states = list(zip(cell.inputs[1:], cell.outputs))
        self.made = [n for n in cell.nodes if n.op is not None]
        self.edges: list[Edge] = [(n, k) for n in self.made for k in range(len(n.parents))]

    def called(self, node: Tensor) -> str:
        """A node's name; one without a name is called by its formula, or by the gate it is for."""
        made = self.wording.formulas.get(node)
        if node.name or made is None:
            return self.wording.name(node)
        readers = self.into(node)
        if len(readers) == 1 and self.is_a(node, "CAdd"):
            gate = readers[0][0]
            if gate.op is not None and gate.op.kind == "gate" and gate.name:
                return f"pre-activation of {self.wording.name(gate)}"
        return made.plain.text

    def formula(self, node: Tensor) -> str:
        """How the node is worked out."""
        return self.wording.formulas[node].plain.text

    def arriving(self, node: Tensor) -> str:
        """What arrives at a node: dc at c, and at a term of the sum that c is."""
        while len(readers := self.into(node)) == 1 and self.is_a(readers[0][0], "CAdd"):
            node = readers[0][0]
        return f"d{self.wording.name(node)}" if node.name else f"d({self.called(node)})"

    def sends(self, edge: Edge) -> str:
        """What travels back along an edge, as a formula: f * dc."""
        node, k = edge
        if self.is_a(node, "CMul"):
            return f"{self.called(node.parents[1 - k])} * {self.arriving(node)}"
        if self.is_a(node, "Affine") and k == 0:
            pre = self.arriving(node)
            return f"{pre} @ {node.parents[1].name or 'W'}"
        made, name = self.wording.contributions(node)[k], self.wording.name(node)
        text = made.plain.text if made else "nothing"
        for long in (f"dL/d({name})", f"dL/d{name}"):
            text = text.replace(long, self.arriving(node))
        return text

    def into(self, node: Tensor) -> list[Edge]:
        """The edges that bring gradients to a node."""
        return [(n, k) for n, k in self.edges if n.parents[k] is node]

    def is_learnt(self, node: Tensor) -> bool:
        """Whether a node is a parameter, maybe spread over the batch."""
        while len(node.parents) == 1:
            node = node.parents[0]
        return isinstance(node, Parameter)

    def is_a(self, node: Tensor, op: str) -> bool:
        return type(node.op).__name__ == op

    def blocks(self) -> tuple[Tensor, dict[str, int]] | None:
        """Of a cell that works its gates out in one product: that node, and where each gate is."""
        found: dict[Tensor, dict[int, str]] = {}
        H = self.cell.outputs[-1].shape[-1]
        for node in self.made:
            root, start, cut = node, 0, False
            while root.op is not None and (self.is_a(root, "Narrow") or root.op.kind == "gate"):
                cut = cut or self.is_a(root, "Narrow")
                start += getattr(root.op, "start", 0)
                root = root.parents[0]
            if cut and node.name and node.shape[-1] == H:
                found.setdefault(root, {})[start] = node.name
        for root, names in found.items():
            if len(names) > 1:
                return root, {names[start]: start for start in sorted(names)}
        return None


def dropped(edges: Iterable[Edge], first: bool = True) -> dict[Tensor, Slip]:
    """Nothing is sent along these edges; unless `first`, they are whole at t = 1."""
    lost: dict[Tensor, set[int]] = {}
    for node, k in edges:
        lost.setdefault(node, set()).add(k)

    def slip(moment, first=first):
        gone = lost[moment.node] if first or moment.t > 1 else ()
        return [np.zeros(p.shape) if k in gone else None for k, p in enumerate(moment.copy.parents)]

    return dict.fromkeys(lost, slip)


def subsets(sites: list, *alike: Callable[[Any], Any]) -> Iterator[list]:
    """Each site alone, those that are alike together, and all: helpers are used many times."""
    groups = [[site] for site in sites]
    for same in alike:
        kinds: dict[Any, list] = {}
        for site in sites:
            kinds.setdefault(same(site), []).append(site)
        groups += kinds.values()
    seen: list[list] = [[]]
    for group in (*groups, sites):
        if group not in seen:
            seen.append(group)
            yield group


def listed(words: Iterable[str]) -> str:
    """a, b and c."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}" if most else last


def permutations(count: int, most: int = 24) -> list[tuple[int, ...]]:
    """Every order of so many things but the given one; none if there are too many."""
    orders = list(itertools.islice(itertools.permutations(range(count)), 1, most + 1))
    return orders if len(orders) < most else []


def activation(name: str) -> Any:
    """An op of the derivative table by name."""
    return OPS[name]()
