"""A finished run, and what is measured on the trained model for pictures and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .loop import History, Recipe
from .model import CharModel
from .probe import Probe, Split, find_sentence, gradient_norms, run_probe, split_by_timestep, tail
from .text import Text

SPLIT_STEPS = 11
"""Over how many timesteps the gradient of a shared weight is split."""


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
        last, mean: state name -> norms over t, for the loss of the last character and of all.
        short: the last `SPLIT_STEPS` characters of the sentence.
        split: a shared weight's gradient by timestep, of `short`.
    """

    probe: Probe
    last: dict[str, list[float]]
    mean: dict[str, list[float]]
    short: Probe
    split: Split


def measure(run: Run) -> Evidence:
    """Read a sentence of the held-out text, forward and backward."""
    sentence = find_sentence(run.text)
    probe = run_probe(run.model, run.text, sentence)
    last, mean = gradient_norms(probe, last_only=True), gradient_norms(probe, last_only=False)
    short = run_probe(run.model, run.text, tail(sentence, SPLIT_STEPS))
    return Evidence(probe, last, mean, short, split_by_timestep(short))
