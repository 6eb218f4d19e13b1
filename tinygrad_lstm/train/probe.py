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
        graph: from k_1 ... k_T, target_1 ... target_T and state to the loss of every character,
            and last the mean of them.
        states: the nodes of each state over time, such as "c" -> [c_1, ..., c_T].
    """

    sentence: Sentence
    graph: Graph
    states: dict[str, list[Tensor]]

    @property
    def training(self) -> Graph:
        """The same nodes with the mean loss as the only output, as in training."""
        return Graph(self.graph.inputs, self.graph.outputs[-1:], name="the trained model")


def run_probe(model: CharModel, text: Text, sentence: Sentence) -> Probe:
    """Build the network of the sentence's length, and run it forward."""
    T, reads = len(sentence.characters), reader_with_loss(model)
    ids, start = model.inputs(T)
    targets = [Input(f"target_{t}", "N") for t in range(1, T + 1)]
    state, steps, losses = list(start), [], []
    for t, (k, target) in enumerate(zip(ids, targets), start=1):
        *state, loss = reads(k, target, *state, scope=f"t={t}")
        steps.append(state)
        losses.append(loss)
    outputs = [*losses, stacked(losses).mean()]
    graph = Graph([*ids, *targets, *start], outputs, {"loss_mean": outputs[-1]})
    read = text.encode(sentence.characters)[:, None]
    foresee = text.encode(sentence.characters[1:] + sentence.after)[:, None]
    graph.forward(*read, *foresee, *state_after(model, text, sentence.before))
    names = [(node.name or f"state {n}").removesuffix("_prev") for n, node in enumerate(start)]
    return Probe(sentence, graph, {n: [s[k] for s in steps] for k, n in enumerate(names)})


def reader_with_loss(model: CharModel) -> Graph:
    """One timestep: from k, target and state to the state after, and the loss of its prediction."""
    (k,), start = model.inputs(1)
    target = Input("target", "N")
    end = model.reader(k, *start)
    logits = model.readout(end[-1])
    loss = cross_entropy(logits, target)
    return Graph([k, target, *start], [*end, loss], {"logits": logits, "loss": loss})


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


def recurrent_weight(probe: Probe) -> Parameter:
    """The first weight matrix that the second timestep applies to h of the first."""
    h = next(reversed(probe.states.values()))[0]
    second = [n for n in probe.graph.nodes if (n.scope or "").split("/")[0] == "t=2"]
    read = {p for n in second if h in n.parents for p in n.parents}
    return next(p for p in probe.graph.parameters.values() if p in read and p.ndim == 2)


def _is_gate(node: Tensor) -> bool:
    if type(node.op).__name__ == "Narrow":
        node = node.parents[0]
    return node.op is not None and node.op.kind == "gate"


def _untimed(node: Tensor) -> str:
    place = (node.scope or "").partition("/")[2]
    return f"{node.name} ({place.replace('=', ' ')})" if place else str(node.name)
