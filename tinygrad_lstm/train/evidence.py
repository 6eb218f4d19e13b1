"""A finished run, and what is measured on the trained model for pictures and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..explain import (
    GradientFlow,
    Jacobians,
    Ledger,
    Paths,
    Saliency,
    Truncation,
    gradient_flow,
    jacobians,
    ledger,
    paths,
    saliency,
    truncation,
)
from .loop import History, Recipe
from .model import CharModel
from .probe import Probe, find_sentence, recurrent_weight, run_probe, tail
from .speed import Speed, measure_speed
from .text import Text

SHORT = 8
"""How many timesteps the weight's ledger and the step-through page have."""
MIDDLE = 24
"""How many timesteps the Jacobians have, whose number grows with the square."""


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        baselines: held-out bits per character of "unigram" and "bigram".
        version, seed: of the package, and of its random numbers.
    """

    model: CharModel
    text: Text
    recipe: Recipe
    history: History
    baselines: dict[str, float]
    version: str
    seed: int

    @property
    def bits(self) -> float:
        """Held-out bits per character at the end."""
        return self.history.held_out[-1]


class Evidence(NamedTuple):
    """What was measured on the trained model.

    Attributes:
        probe: the sentence that the gates and the gradients belong to.
        flow: the gradient of each of its characters' losses at every state.
        short: the last `SHORT` characters of the sentence.
        split: a shared weight's gradient by timestep, of `short` and its mean loss.
        ways: the gradient of the last character's loss, by the gate it came through.
        slopes: how the states of the last `MIDDLE` characters depend on each other.
        cuts: what the weight's gradient, of the mean loss, loses when it is truncated.
        heard: how the loss of each character depends on what was read.
        speed: what the plan did for training; None if it was off.
    """

    probe: Probe
    flow: GradientFlow
    short: Probe
    split: Ledger
    ways: Paths
    slopes: Jacobians
    cuts: Truncation
    heard: Saliency
    speed: Speed | None

    @property
    def last(self) -> dict[str, np.ndarray]:
        """State -> norms over t of the gradient of the last character's loss."""
        return {state: norms[-1] for state, norms in self.flow.norms.items()}

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """State -> norms over t of the gradient of the mean loss."""
        return {state: norms / len(norms) for state, norms in self.flow.total.items()}


def measure(run: Run) -> Evidence:
    """Read a sentence of the held-out text, forward and backward."""
    sentence = find_sentence(run.text)
    probe = run_probe(run.model, run.text, sentence)
    flow = gradient_flow(probe.graph, *[1.0] * len(sentence.characters), None)
    short = run_probe(run.model, run.text, tail(sentence, SHORT))
    graph, T = probe.graph, len(sentence.characters)
    return Evidence(
        probe,
        flow,
        short,
        ledger(short.training, recurrent_weight(short)),
        paths(graph, *[None] * (T - 1), 1.0, None),
        jacobians(run.model.cell, read_vectors(probe)[-MIDDLE:]),
        truncation(graph, recurrent_weight(probe), *[None] * T, 1.0),
        saliency(graph, text=sentence.characters),
        measure_speed(run.model, run.text, run.recipe),
    )


def read_vectors(probe: Probe) -> np.ndarray:
    """What the cell read in each timestep: (T, embedding_size)."""
    looked_up = [n for n in probe.graph.nodes if n.name == "x" and type(n.op).__name__ == "Lookup"]
    return np.stack([node.numpy()[0] for node in looked_up])
