"""What a backward pass is examined on, and how it comes out with a mistake in it.

A mistake is no second backward pass: the graph's own is stepped through, and at the node where the
mistake sits the contribution is exchanged for the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...graph import Graph
from ...steps import called
from ...tensor import Input, Tensor
from ..wording import place


class Case:
    """A cell unrolled and run on random numbers, with a gradient arriving at every timestep.

    Attributes:
        xs: (T, N, D); state: the state before the first step; params: name -> array.
        hs_bar: (T, N, H), dL/dh_t as far as it does not come from later steps.
        end_bar: dL/d(state after the last step); zeros unless `end`.
        cut: the timesteps before which nothing is passed back, as truncated BPTT has it.
    """

    def __init__(
        self, cell: Graph, T: int, N: int, seed: int, end: bool = False, cut: Iterable[int] = ()
    ) -> None:
        draw = np.random.default_rng([seed, T, N])
        self.cell, self.T, self.N = cell, T, N
        x, *states = cell.inputs
        self.xs = draw.standard_normal((T, *_sized(x, N)))
        self.state = tuple(draw.standard_normal(_sized(s, N)) for s in states)
        self.params = {name: p.data for name, p in cell.parameters.items()}
        self.inputs = [Input(f"{x.name}_{t}", *x.shape) for t in range(1, T + 1)]
        self.starts = [Input(start_name(s), *s.shape) for s in states]
        self.ends, hs = tuple(self.starts), []
        for t, x_t in enumerate(self.inputs, start=1):
            self.ends = cell(x_t, *self.ends, scope=f"t={t}")
            hs.append(self.ends[-1])
        self.net = Graph([*self.inputs, *self.starts], [*hs, *self.ends])
        outputs = self.net.forward(*self.xs, *self.state)
        self.hs = np.stack(outputs[:T])
        self.hs_bar = draw.standard_normal(self.hs.shape)
        self.end_bar = tuple(draw.standard_normal(y.shape) * end for y in outputs[T:])
        self.cut = frozenset(cut)
        self.copies = self._copies()
        self.origin = {
            copy: (node, t) for node, row in self.copies.items() for t, copy in enumerate(row, 1)
        }

    def _copies(self) -> dict[Tensor, list[Tensor]]:
        """For every node of the cell, the T nodes that were made of it."""
        fed = {*self.net.inputs, *self.cell.inputs}
        steps: list[list[Tensor]] = [[] for _ in range(self.T)]
        for node in self.net.nodes:
            if node.op is not None and node not in fed:
                steps[(place(node.scope)[0] or 1) - 1].append(node)
        made = [n for n in self.cell.nodes if n.op is not None and n not in fed]
        return {node: list(row) for node, row in zip(made, zip(*steps, strict=True), strict=True)}

    def value(self, node: Tensor, t: int) -> np.ndarray:
        """What a node of the cell (or one of its inputs) is at timestep t."""
        if node in self.copies:
            return self.copies[node][t - 1].data
        if node is self.cell.inputs[0]:
            return self.xs[t - 1]
        k = self.cell.inputs.index(node) - 1
        return self.state[k] if t == 1 else self.value(self.cell.outputs[k], t - 1)

    @property
    def keys(self) -> list[str]:
        """What a backward pass may return: parameters, x, initial state, and every named node."""
        names = [n.name for n in self.copies if n.name]
        return [*self.params, self.cell.inputs[0].name or "x", *self.start_names, *names]

    @property
    def start_names(self) -> list[str]:
        return [start_name(s) for s in self.cell.inputs[1:]]


class Moment(NamedTuple):
    """One node of the cell at one timestep, about to pass its gradient on."""

    case: Case
    t: int
    node: Tensor
    copy: Tensor
    g: np.ndarray

    def sent(self, op: Any = None, g: Any = None, y: Any = None, inputs: Any = None) -> list:
        """What the node's rule sends, or would send from another g, value or inputs."""
        op = self.copy.op if op is None else op
        inputs = [p.data for p in self.copy.parents] if inputs is None else inputs
        given = self.g if g is None else g
        return [called(s) for s in op.vjp(given, self.copy.data if y is None else y, *inputs)]


Slip = Callable[[Moment], Sequence[Any]]
"""What a node sends by mistake: one array for each parent, None for what is right."""


class Gradients:
    """What a backward pass through a case comes to.

    Attributes:
        parts: of every parameter, the contribution of each timestep (T, ...).
        rows: of every vector that is added to all rows, its gradient before summing over the batch.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.parts = {n: np.zeros((case.T, *p.shape)) for n, p in case.params.items()}
        self.rows: dict[str, np.ndarray] = {}
        self.nodes: dict[str, np.ndarray] = {}

    def of(self, key: str) -> np.ndarray:
        """The gradient that goes by this key; KeyError for one that there is not."""
        return self.parts[key].sum(0) if key in self.parts else self.nodes[key]

    def add(self, name: str, t: int, sent: np.ndarray, g: np.ndarray) -> None:
        """One contribution to a parameter."""
        self.parts[name][t - 1] += sent
        if g.ndim == sent.ndim + 1:
            self.rows[name] = self.rows.get(name, 0) + g

    def plus(self, other: Gradients) -> Gradients:
        """The sum of two, entry by entry."""
        total = Gradients(self.case)
        for mine, theirs, sums in (
            (self.parts, other.parts, total.parts),
            (self.nodes, other.nodes, total.nodes),
            (self.rows, other.rows, total.rows),
        ):
            sums.update({name: array + theirs[name] for name, array in mine.items()})
        return total

    def collect(self) -> Gradients:
        """Keep the gradients of inputs and named nodes, before the next pass overwrites them."""
        case = self.case
        self.nodes[case.cell.inputs[0].name or "x"] = _stacked(case.inputs)
        for name, node in zip(case.start_names, case.starts):
            self.nodes[name] = _stacked([node])[0]
        for node, copies in case.copies.items():
            if node.name:
                self.nodes[node.name] = _stacked(copies)
        return self


def differentiate(
    case: Case,
    slips: Mapping[Tensor, Slip] | None = None,
    cut: Iterable[int] | None = None,
    hs_bar: np.ndarray | None = None,
    end: bool = True,
) -> Gradients:
    """The gradients of a case, with slips in them if there are any.

    Args:
        slips: node of the cell -> what it sends by mistake, at every timestep.
        cut: the timesteps before which nothing is passed back; by default the case's.
        hs_bar, end: which gradients arrive; by default the case's.
    """
    cut = case.cut if cut is None else frozenset(cut)
    seeds = case.hs_bar if hs_bar is None else hs_bar
    ends = [e if end else None for e in case.end_bar]
    names: dict[Tensor, str] = {p: name for name, p in case.cell.parameters.items()}
    states = set(case.cell.inputs[1:])
    learning = {node for node in case.copies if any(p in names for p in node.parents)}
    result = Gradients(case)
    for step in case.net.backward_steps(*seeds, *ends):
        node, t = case.origin[step.node]
        slip = (slips or {}).get(node)
        if not slip and t not in cut and node not in learning:
            continue
        moment = Moment(case, t, node, step.node, step.node.adjoint)
        wrong = slip(moment) if slip else [None] * len(node.parents)
        for parent, (held, sent), instead in zip(node.parents, step.sent, wrong):
            if t in cut and parent in states:
                instead = np.zeros(held.shape)
            if sent is not None and instead is not None:
                held.adjoint, sent = held.adjoint - sent + instead, instead
            if sent is not None and parent in names:
                result.add(names[parent], t, sent, moment.g)
    return result.collect()


def start_name(state: Tensor) -> str:
    """c_prev is c_0 before the first step."""
    return f"{(state.name or 'state').removesuffix('_prev')}_0"


def _sized(node: Tensor, N: int) -> tuple[int, ...]:
    return tuple(N if isinstance(n, str) else n for n in node.shape)


def _stacked(nodes: Iterable[Tensor]) -> np.ndarray:
    return np.stack(
        [np.zeros(n.shape) if n.adjoint is None else np.array(n.adjoint) for n in nodes]
    )
