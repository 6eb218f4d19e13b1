"""A trained model, looked into: one sentence, its gates, and its gradients through time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..graph import Graph
from ..ops.functions import cross_entropy, stacked
from ..tensor import Input, Parameter, Tensor
from .model import CharModel
from .text import Text

SENTENCE = re.compile(r"(?<=[.!?]\s)[^\W\d_a-z][^.!?]{38,58}[.!?](?=\s)")
BEFORE = 200
"""How many characters the model has read before the sentence begins."""


class Sentence(NamedTuple):
    """Characters of the held-out text, the one that follows, and those before.

    Attributes:
        characters: T of them, each read in one timestep.
        after: the character that the last timestep has to foresee.
        before: what leads up to them.
    """

    characters: str
    after: str
    before: str


def find_sentence(text: Text) -> Sentence:
    """The first whole sentence of 40 to 60 characters in the held-out text, else its beginning."""
    held_out = text.decode(text.held_out)
    found = SENTENCE.search(held_out)
    start, stop = found.span() if found else (0, min(60, len(held_out) - 1))
    before = held_out[max(0, start - BEFORE) : start]
    return Sentence(held_out[start:stop], held_out[stop], before)


def tail(sentence: Sentence, T: int) -> Sentence:
    """The last T characters of the sentence; the others have been read before."""
    cut = max(0, len(sentence.characters) - T)
    before = (sentence.before + sentence.characters[:cut])[-BEFORE:]
    return Sentence(sentence.characters[cut:], sentence.after, before)


@dataclass
class Probe:
    """A sentence that was run through the model, one timestep a character.

    Attributes:
        graph: from k_1 ... k_T, targets (T, 1) and state to two losses: that of the last
            character alone, and the mean over all.
        states: the nodes of each state over time, such as "c" -> [c_1, ..., c_T].
    """

    sentence: Sentence
    graph: Graph
    states: dict[str, list[Tensor]]


def run_probe(model: CharModel, text: Text, sentence: Sentence) -> Probe:
    """Build the network of the sentence's length, and run it forward."""
    T = len(sentence.characters)
    ids, start = model.inputs(T)
    targets, state, steps = Input("targets", T, "N"), tuple(start), []
    for t, k in enumerate(ids, start=1):
        state = model.reader(k, *state, scope=f"t={t}")
        steps.append(state)
    logits = model.readout(stacked([state[-1] for state in steps]))
    losses = cross_entropy(logits[T - 1], targets[T - 1]), cross_entropy(logits, targets)
    graph = Graph([*ids, targets, *start], losses, {"loss_last": losses[0], "loss_mean": losses[1]})
    read = text.encode(sentence.characters)[:, None]
    foresee = text.encode(sentence.characters[1:] + sentence.after)[:, None]
    graph.forward(*read, foresee, *state_after(model, text, sentence.before))
    names = [(node.name or f"state {n}").removesuffix("_prev") for n, node in enumerate(start)]
    return Probe(sentence, graph, {n: [s[k] for s in steps] for k, n in enumerate(names)})


def state_after(model: CharModel, text: Text, characters: str) -> list[np.ndarray]:
    """The state that the model is in when it has read the characters."""
    predictor, state = model.predictor(), model.start(1)
    for k in text.encode(characters):
        _, *state = predictor.forward(np.array([k]), *state)
    return state


def gates(probe: Probe) -> dict[str, np.ndarray]:
    """The values (T, H) of every named gate, found by what its node is and not by its name.

    A gate is a sigmoid, or a tanh, or a part that `Narrow` cuts from one; a node that is cut up is
    represented by its parts.
    """
    named = [n for n in probe.graph.nodes if n.name and (n.scope or "").startswith("t=")]
    found = [n for n in named if _is_gate(n)]
    cut = {p for n in found if type(n.op).__name__ == "Narrow" for p in n.parents}
    values: dict[str, list[np.ndarray]] = {}
    for node in found:
        if node not in cut:
            values.setdefault(_untimed(node), []).append(node.numpy()[0])
    return {name: np.stack(rows) for name, rows in values.items()}


def gradient_norms(probe: Probe, last_only: bool) -> dict[str, list[float]]:
    r"""$\lVert \partial L / \partial s_t \rVert_2$ for every state s and timestep t.

    L is the loss of the last character alone, or the mean over all.
    """
    probe.graph.backward(*((1.0, None) if last_only else (None, 1.0)))
    return {
        name: [0.0 if n.grad is None else float(np.linalg.norm(n.grad)) for n in nodes]
        for name, nodes in probe.states.items()
    }


class Split(NamedTuple):
    """The gradient of a shared weight, timestep by timestep.

    Attributes:
        name: of the weight.
        parts: the contribution of each timestep, t = 1 first, each in the weight's shape.
        grad: what `backward` put into `.grad`.
    """

    name: str
    parts: list[np.ndarray]
    grad: np.ndarray

    @property
    def title(self) -> str:
        """The weight's name in words: layer=2/W_h is W_h of layer 2."""
        layer, _, name = self.name.rpartition("/")
        return f"{name} of {layer.replace('=', ' ')}" if layer else name

    @property
    def difference(self) -> float:
        """The largest |sum of the parts - grad|, as a share of the largest |grad|."""
        gap = np.abs(np.sum(self.parts, axis=0, dtype="float64") - self.grad).max()
        return float(gap / max(np.abs(self.grad).max(), 1e-300))


def split_by_timestep(probe: Probe) -> Split:
    """What each timestep adds to dL/dW, L the mean loss of all characters.

    W is the weight matrix that multiplies h of the step before; every step reads the same one.
    """
    name, W = recurrent_weight(probe)
    parts = {
        step.node.scope: g
        for step in probe.graph.backward_steps(None, 1.0)
        for node, g in step.sent
        if node is W
    }
    return Split(name, list(reversed(parts.values())), W.numpy() * 0 if W.grad is None else W.grad)


def recurrent_weight(probe: Probe) -> tuple[str, Parameter]:
    """The first weight matrix that a node applies to h of the first timestep."""
    h = next(reversed(probe.states.values()))[0]
    read = {p for n in probe.graph.nodes if n.scope and h in n.parents for p in n.parents}
    return next((n, p) for n, p in probe.graph.parameters.items() if p in read and p.ndim == 2)


def _is_gate(node: Tensor) -> bool:
    if type(node.op).__name__ == "Narrow":
        node = node.parents[0]
    return node.op is not None and node.op.kind == "gate"


def _untimed(node: Tensor) -> str:
    place = (node.scope or "").partition("/")[2]
    return f"{node.name} ({place.replace('=', ' ')})" if place else str(node.name)
