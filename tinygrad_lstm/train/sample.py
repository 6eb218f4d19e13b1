"""Text that the model writes: each character drawn from what it expects, then read."""

from __future__ import annotations

import numpy as np

from ..settings import evaluating, stream
from .model import CharModel
from .text import Text

TEMPERATURE = 0.7
"""Below 1 what is likely is drawn more often than the model says."""


def generate(model: CharModel, text: Text, beginning: str, length: int) -> str:
    r"""`length` characters after `beginning`, each drawn from $p^{1/\tau}$, $\tau$ the temperature.

    Class 0 (unknown) is never drawn.  Uses the random stream "sample".
    """
    predictor, draws = model.predictor(), stream("sample")
    state, drawn = model.start(1), list(text.encode(beginning))
    probabilities = np.empty(0)
    with evaluating():
        for k in list(drawn):
            probabilities, *state = predictor.forward(np.array([k]), *state)
        for _ in range(length):
            weights = probabilities[0, 1:].astype("float64") ** (1 / TEMPERATURE)
            k = 1 + int(draws.choice(len(weights), p=weights / weights.sum()))
            drawn.append(k)
            probabilities, *state = predictor.forward(np.array([k]), *state)
    return text.decode(np.array(drawn[len(beginning) :]))
