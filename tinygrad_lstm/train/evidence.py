"""A finished run, and what is measured on the trained model for pictures and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..explain import GradientFlow, Ledger, gradient_flow, ledger
from .loop import History, Recipe
from .model import CharModel
from .probe import Probe, find_sentence, recurrent_weight, run_probe, tail
from .text import Text

SHORT = 8
"""How many timesteps the weight's ledger and the step-through page have."""


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
    """

    probe: Probe
    flow: GradientFlow
    short: Probe
    split: Ledger

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
    return Evidence(probe, flow, short, ledger(short.training, recurrent_weight(short)))
