"""`record`: one run forward and one backward, every step of both kept to be looked at."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..backend import to_numpy
from ..checks import check_seeds
from ..errors import ArgumentError, GraphError, ShapeError
from ..graph import Graph
from ..tensor import Tensor
from .keeping import Keeper, Kept, Summary
from .sentences import Sentences
from .wording import Wording, place

__all__ = ["Contribution", "RecordedStep", "Recording", "Summary", "record"]

BUDGET = 64_000_000


class Contribution(NamedTuple):
    """What one step of the backward pass sent to one parent.

    Attributes:
        parent: the node that receives it.
        sent: the contribution, in the parent's shape; None where no gradient flows.
        before: the running total at the parent before this step; None if it was the first.
        after: the running total with it.
        local: the local derivative, where the contribution is `arriving * local` entry by entry.
        number, of: this is the `number`-th of `of` contributions from readers of the parent.
        plain, latex: the formula of the contribution.
    """

    parent: Tensor
    sent: Kept | None
    before: Kept | None
    after: Kept | None
    local: Kept | None
    number: int
    of: int
    plain: str
    latex: str


@dataclass(frozen=True)
class RecordedStep:
    """One node run, or one node differentiated, with all the numbers that took part.

    Attributes:
        number: its place in `Recording.steps`.
        phase: "forward" or "backward".
        node, name: whose turn it was, and what the sentence calls it, such as "f_3".
        scope, t, layer: where the node stands in time and depth; None outside.
        inputs, value: the values of `node.parents`, and of the node.
        arriving: backward: dL/d(node), complete; None in the forward phase.
        contributions: backward: one for each parent.
        plain, latex: the formula of the node, "f_3 = sigmoid(z_3)".
        sentence: what happens, in words.
    """

    number: int
    phase: str
    node: Tensor
    name: str
    scope: str | None
    t: int | None
    layer: int | None
    inputs: tuple[Kept | None, ...]
    value: Kept
    arriving: Kept | None
    contributions: tuple[Contribution, ...]
    plain: str
    latex: str
    sentence: str


def record(
    graph: Graph, *arrays: Any, seeds: Sequence[Any] | None = None, budget: int = BUDGET
) -> Recording:
    """Run the graph forward, then backward, and keep every step of both.

    Args:
        arrays: one for each input of the graph, as `graph.forward` takes them.
        seeds: dL/d(output) for each output, None counting as zeros; a single scalar output needs
            none.
        budget: how many bytes of arrays are kept whole; beyond it large arrays are summarised as
            shape, norm, min, max and mean, and `Recording.note` says so.

    Raises:
        ShapeError: if no seeds are given though the outputs are no single scalar.
    """
    if not isinstance(graph, Graph):
        raise ArgumentError(
            f"record takes a Graph, not {type(graph).__name__}; "
            "make one of a cell with through_time(cell, T)"
        )
    return _Recorder(graph, budget).run(arrays, seeds)


class Recording:
    """The steps of one run: `.steps`, `.at(t=3, node="f")`, and a page to step through them."""

    def __init__(self, graph: Graph, steps: Sequence[RecordedStep], made: _Recorder) -> None:
        self.graph = graph
        self.steps = tuple(steps)
        self.wording = made.wording
        self.values = made.values
        self.planted = made.planted
        self.gradients = made.totals
        self.note = made.keeper.note

    def at(
        self, t: int | None = None, node: str | Tensor | None = None, phase: str | None = None
    ) -> RecordedStep:
        """The first step at this timestep, of this node, in this phase ("forward", "backward").

        A node is meant by its name ("f"), by its name in time ("f_3") or by itself.

        Raises:
            GraphError: if there is none; it names the nearest.
        """
        if phase not in (None, "forward", "backward"):
            raise ArgumentError(f"at: phase={phase!r}; there is 'forward' and 'backward'")
        for step in self.steps:
            here = (t is None or step.t == t) and (phase is None or step.phase == phase)
            if here and (node is None or _is_called(step, node)):
                return step
        asked = ", ".join(
            f"{k}={v!r}" for k, v in (("t", t), ("node", node), ("phase", phase)) if v is not None
        )
        raise GraphError(f"at({asked}): there is no such step; {self._nearest(t, node)}")

    def page(self) -> str:
        """The step-through page: one HTML text that needs nothing else, not even a network."""
        from ..show.page import stepper_page

        return stepper_page(self)

    def save(self, path: str | os.PathLike) -> None:
        """Write the page; a failure leaves an older file as it was."""
        from ..show.page import write_page

        write_page(self.page(), path)

    def widget(self) -> Any:
        """The page as a notebook widget whose `.step` Python can read and set.

        Raises:
            BackendError: if anywidget is not installed.
        """
        from ..show.page import widget

        return widget(self)

    def _repr_html_(self) -> str:
        from ..show.page import embedded

        return embedded(self.page())

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        forward = sum(step.phase == "forward" for step in self.steps)
        backward = len(self.steps) - forward
        name = self.graph.name or "graph"
        return f"Recording({name}: {forward} steps forward, {backward} backward; {self.note})"

    def _nearest(self, t: int | None, node: Any) -> str:
        times = [step.t for step in self.steps if step.t is not None]
        if t is not None and t not in times:
            return f"t goes from {min(times)} to {max(times)}" if times else "it has no timesteps"
        names = list(dict.fromkeys(step.name for step in self.steps if t in (None, step.t)))
        near = difflib.get_close_matches(str(node), names, 4, 0.3) or names[:8]
        return f"try one of {', '.join(near)}"


class _Recorder:
    """Looks at a graph while it runs."""

    def __init__(self, graph: Graph, budget: int) -> None:
        self.graph, self.wording, self.keeper = graph, Wording(graph), Keeper(budget)
        self.values: dict[Tensor, Kept] = {}
        self.planted: dict[Tensor, Kept] = {}
        self.totals: dict[Tensor, Kept] = {}

    def run(self, arrays: Sequence[Any], seeds: Sequence[Any] | None) -> Recording:
        ran = [step.node for step in self._forward(arrays)]
        planted = check_seeds(self.graph.outputs, self._seeds(seeds), "record")
        drafts = self._backward(planted)
        said = Sentences(self.graph, self.wording, [node for node, *_ in drafts])
        steps = [self._step(k, "forward", n, None, (), said.forward(n)) for k, n in enumerate(ran)]
        for number, (node, arriving, sent) in enumerate(drafts, start=len(steps)):
            counted = said.counted(node, sent)
            sentence = said.backward(node, counted)
            if number == len(ran):
                sentence = f"{said.beginning(self.planted)} {sentence}"
            steps.append(self._step(number, "backward", node, arriving, counted, sentence))
        return Recording(self.graph, steps, self)

    def _forward(self, arrays: Sequence[Any]) -> Iterable[Any]:
        for step in self.graph.forward_steps(*arrays):
            for node in (*step.node.parents, step.node):
                if node not in self.values:
                    self.values[node] = self.keeper.keep(to_numpy(node.data))
            yield step

    def _seeds(self, seeds: Sequence[Any] | None) -> Sequence[Any]:
        outputs = self.graph.outputs
        if seeds is not None:
            return seeds
        if len(outputs) == 1 and outputs[0].shape == ():
            return (None,)
        names = ", ".join(node.title for node in outputs[:6]) + (", ..." if outputs[6:] else "")
        raise ShapeError(
            f"record: the outputs are {names}: no single number, so say what L is\n"
            "  pass seeds=[dL/d(output), ...], one for each output, None for one that L does not "
            "read,\n  or end the graph in a loss"
        )

    def _backward(self, seeds: Sequence[Any]) -> list[tuple]:
        """For each step: node, arriving gradient, and (parent, sent, before, after, local)."""
        for node, seed in zip(self.graph.outputs, seeds):
            if seed is not None:
                before, more = self.totals.get(node), np.array(to_numpy(seed))
                total = more if before is None else before + more  # type: ignore[operator]
                self.totals[node] = self.keeper.keep(total)
        self.planted = dict(self.totals)
        drafts = []
        for step in self.graph.backward_steps(*seeds):
            arriving = self.totals[step.node]
            sent = [self._received(step.node, p, g) for p, g in step.sent]
            locals_ = self._locals(step.node, sent)
            drafts.append((step.node, arriving, [(*s, d) for s, d in zip(sent, locals_)]))
        return drafts

    def _received(self, node: Tensor, parent: Tensor, sent: Any) -> tuple:
        if sent is None:
            return parent, None, self.totals.get(parent), self.totals.get(parent)
        before, sent = self.totals.get(parent), self.keeper.keep(to_numpy(sent))
        if sum(p is parent for p in node.parents) > 1 and isinstance(sent, np.ndarray):
            # It is read twice by one node: the graph has added both parts already.
            after = sent if before is None else self.keeper.keep(before + sent)
        else:
            after = self.keeper.keep(to_numpy(parent.adjoint))
        self.totals[parent] = after
        return parent, sent, before, after

    def _locals(self, node: Tensor, sent: list[tuple]) -> list[Kept | None]:
        """The rule with ones arriving, where that times the arriving gradient is what it sent."""
        g, shapes = node.grad, {node.shape, *(p.shape for p in node.parents)}
        if node.op is None or node.op.kind not in ("elementwise", "gate") or len(shapes) > 1:
            return [None] * len(sent)
        ones = node.op.vjp(g * 0 + 1, node.data, *(p.data for p in node.parents))
        found = []
        for (_, contribution, *_), local in zip(sent, ones):
            local = local() if callable(local) else local
            if local is None or not isinstance(contribution, np.ndarray):  # none, or a summary
                found.append(None)
                continue
            local = to_numpy(local)
            product = to_numpy(g) * local
            fits = np.shape(contribution) == product.shape and np.allclose(
                product, contribution, rtol=1e-4, atol=1e-30, equal_nan=True
            )  # fmt: skip
            found.append(self.keeper.keep(local) if fits else None)
        return found

    def _step(self, number, phase, node, arriving, contributions, sentence) -> RecordedStep:
        wording, (t, layer) = self.wording, place(node.scope)
        name, made = wording.names[node], wording.formulas[node]
        same = name is made
        return RecordedStep(
            number, phase, node, wording.name(node), node.scope, t, layer,
            tuple(self.values[p] for p in node.parents), self.values[node], arriving,
            tuple(Contribution(*c) for c in contributions),
            plain=made.plain.text if same else f"{name.plain.text} = {made.plain.text}",
            latex=made.latex.text if same else f"{name.latex.text} = {made.latex.text}",
            sentence=sentence,
        )  # fmt: skip


def _is_called(step: RecordedStep, node: str | Tensor) -> bool:
    if isinstance(node, Tensor):
        return step.node is node
    name = step.node.name or ""
    return node in (name, name.removeprefix("next_"), step.name)
