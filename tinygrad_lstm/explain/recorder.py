"""The recorder: steps a graph forward and backward, and writes down what it sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..backend import namespace, to_numpy
from ..checks import check_seeds
from ..errors import ShapeError
from ..graph import Graph
from ..tensor import Tensor
from .keeping import Keeper, Kept
from .recorded import Contribution, RecordedStep
from .sentences import Sentences
from .wording import Wording, place


class Recorder:
    """Looks at a graph while it runs, through the same generators as everybody."""

    def __init__(self, graph: Graph, budget: int) -> None:
        self.graph, self.wording, self.keeper = graph, Wording(graph), Keeper(budget)
        self.values: dict[Tensor, Kept] = {}
        self.planted: dict[Tensor, Kept] = {}
        self.totals: dict[Tensor, Kept] = {}

    def run(self, arrays: Sequence[Any], seeds: Sequence[Any] | None) -> list[RecordedStep]:
        """Forward, then backward; every step of both with its numbers and its words."""
        ran = [step.node for step in self._forward(arrays)]
        planted = check_seeds(self.graph.outputs, self._seeds(seeds), "record")
        drafts = self._backward(planted)
        receivers = [p for *_, sent in drafts for p, g, *_ in sent if g is not None]
        said = Sentences(self.graph, self.wording, receivers, self.planted)
        steps = [self._step(k, "forward", n, None, (), said.forward(n)) for k, n in enumerate(ran)]
        for number, (node, arriving, sent) in enumerate(drafts, start=len(steps)):
            counted = said.counted(node, sent)
            sentence = said.backward(node, counted)
            if number == len(ran):
                sentence = f"{said.beginning()} {sentence}"
            steps.append(self._step(number, "backward", node, arriving, counted, sentence))
        return steps

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
        ones = node.op.vjp(namespace(g).ones_like(g), node.data, *(p.data for p in node.parents))
        found = []
        for (_, contribution, *_), local in zip(sent, ones):
            local = local() if callable(local) else local
            if local is None or not isinstance(contribution, np.ndarray):  # none, or a summary
                found.append(None)
                continue
            local = to_numpy(local)
            with np.errstate(all="ignore"):
                product = to_numpy(g) * local
            fits = np.shape(contribution) == product.shape and np.allclose(
                product, contribution, rtol=1e-4, atol=1e-30, equal_nan=True
            )
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
