"""One step of backpropagation through time, as a graph: what every reading of it starts from."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

from ..errors import ArgumentError, GraphError
from ..graph import Graph
from ..listing import parameter_names
from ..ops import Filled, Identity
from ..settings import Setting
from ..steps import below
from ..tensor import Input, Tensor
from .tidy import Tidied


class State(NamedTuple):
    """One state of a cell, forward and backward.

    Attributes:
        before: s_{t-1}, an input of the cell.
        now: s_t, an output.
        seed: what reaches s_t from outside the step: from the loss at t and from step t+1.
        total: the whole gradient of s_t: the seed, and what this step adds to it.
        sent: what this step sends to s_{t-1}.
    """

    before: Tensor
    now: Tensor
    seed: Tensor
    total: Tensor
    sent: Tensor

    @property
    def added(self) -> Tensor | None:
        """What this step adds to the seed, if anything."""
        return None if self.total is self.seed else self.total.parents[1]


class Recurrence:
    """A cell beside its backward pass, with a name for everything that a book would name.

    The nodes are those of `cell.differentiate()` after the rewriting of `tidy`.

    Attributes:
        cell: a copy of the cell whose preactivations are called a_i, a_f ...
        states: one `State` for each state of the cell; the last one is h.
        x_bar: the gradient of the input x, None if there is none.
        weights: (name, parameter, its gradient at one step) in the order of the parameters.
        backward: the nodes of the backward pass, eldest first.
    """

    def __init__(self, cell: Graph, call: str) -> None:
        check_cell(cell, call)
        with Setting(recording=True):  # also within no_grad(): this is about nodes, not numbers
            self.cell = named_copy(cell)
            states, parameters = self.cell.inputs[1:], parameter_names(self.cell.nodes)
            seeds, totals, bars = self._bars((*self.cell.inputs, *parameters.values()))
        x_bar, sent, weight_bars = bars[0], bars[1 : 1 + len(states)], bars[1 + len(states) :]
        self.x_bar = None if _is_zero(x_bar) else x_bar
        self.states = [State(*s) for s in zip(states, self.cell.outputs, seeds, totals, sent)]
        named = zip(parameters.items(), weight_bars)
        self.weights = [(name, p, bar) for (name, p), bar in named if not _is_zero(bar)]
        ends = [*totals, *(bar for _, bar in self.leaving), *(bar for *_, bar in self.weights)]
        forward = set(self.cell.nodes)
        self.backward = [node for node in below(ends) if node not in forward]

    def _bars(self, leaves: tuple[Tensor, ...]) -> tuple[list, list, list]:
        """The seeds, the gradients of the outputs, and those of the leaves, which lose their names.

        A gradient that leaves the step is written where it arrives, one step earlier.
        """
        outputs = self.cell.outputs
        derivative = self.cell.differentiate(wrt=(*outputs, *leaves))
        seeds = list(derivative.inputs[len(self.cell.inputs) :])
        seeded = {bar: seed for bar, seed in zip(derivative.outputs, seeds) if bar is not seed}
        tidy = Tidied(derivative, set(self.cell.nodes), seeded)
        bars = [tidy[node] for node in derivative.outputs]
        totals, bars = bars[: len(outputs)], bars[len(outputs) :]
        names = {f"{leaf.name}_bar" for leaf in leaves}
        for bar in set(bars) - {*seeds, *totals}:
            if bar.op is not None and bar.name in names:
                bar.name = None
        for now, seed in zip(outputs, seeds):
            seed.name, seed.scope = f"{now.name}_bar", now.scope
        return seeds, totals, bars

    @property
    def leaving(self) -> list[tuple[Tensor, Tensor]]:
        """(input, its gradient): what goes to x, if anything does, and to the state before."""
        x = [] if self.x_bar is None else [(self.cell.inputs[0], self.x_bar)]
        return [*x, *((state.before, state.sent) for state in self.states)]


def check_cell(cell: Any, call: str) -> None:
    """A cell is a Graph from (x, *state) to (*state); say what else this is."""
    if not isinstance(cell, Graph):
        built = f"; build it first: {cell.__name__}(3, 2)" if callable(cell) else ""
        raise ArgumentError(f"{call} takes a cell, a Graph; it got {cell!r}{built}")
    if len(cell.inputs) != len(cell.outputs) + 1 or not cell.outputs:
        raise GraphError(
            f"{call}: a cell is a Graph from (x, *state) to (*state), last output h; "
            f"{cell!r} has {len(cell.inputs)} inputs and {len(cell.outputs)} outputs"
        )


def named_copy(cell: Graph) -> Graph:
    """The cell applied to inputs of its own, so that names can be given without touching it."""
    inputs = [Input(node.name or "x", *node.shape) for node in cell.inputs]
    outputs = list(cell(*inputs))
    for k, (before, now) in enumerate(zip(inputs[1:], outputs)):
        if now.op is None or now in outputs[:k]:
            outputs[k] = Identity()(now)
        _pair(before, outputs[k])
    graph = Graph(inputs, outputs, name=cell.name)
    _name_preactivations(graph)
    return graph


def _pair(before: Tensor, now: Tensor) -> None:
    """The state that comes is what the state that leaves was one step ago; so say their names."""
    base = (before.name or "state").removesuffix("_prev")
    for layer in re.findall(r"layer=(\d+)", now.scope or ""):
        base = base.removesuffix(layer)
    if not now.name or now.name.startswith("new_"):
        now.name = (now.name or base).removeprefix("new_")
    before.name = f"{now.name.removeprefix('next_')}_prev"
    before.scope = now.scope


def _name_preactivations(graph: Graph) -> None:
    """What i is the sigmoid of is called a_i."""
    readers = Counter(parent for node in graph.nodes for parent in node.parents)
    taken = {(node.scope, node.name) for node in graph.nodes}
    for node in graph.nodes:
        curve = node.op is not None and node.op.kind in ("gate", "elementwise")
        if not node.name or not curve or len(node.parents) != 1:
            continue
        (inner,) = node.parents
        name = f"a_{node.name.removeprefix('next_')}"
        if inner.name or readers[inner] > 1 or (inner.scope, name) in taken:
            continue
        if inner.op is not None and inner.op.binds in (1, 3):  # a sum, or a product with a matrix
            inner.name = name


def _is_zero(bar: Tensor) -> bool:
    return isinstance(bar.op, Filled) and bar.op.value == 0
