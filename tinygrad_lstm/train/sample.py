"""Text that the model writes: each character drawn from what it expects, then read."""

from __future__ import annotations

import numpy as np

from ..settings import stream
from .model import CharModel
from .text import Text


def generate(model: CharModel, text: Text, beginning: str, length: int, temperature: float) -> str:
    r"""`length` characters after `beginning`, drawn from $p^{1/\tau}$, from the stream "sample".

    A temperature $\tau$ below 1 prefers what is likely; class 0 (unknown) is never drawn.
    """
    predictor, draws = model.predictor(), stream("sample")
    state, drawn = model.start(1), list(text.encode(beginning))
    probabilities = np.empty(0)
    for k in list(drawn):
        probabilities, *state = predictor.forward(np.array([k]), *state)
    for _ in range(length):
        weights = probabilities[0, 1:].astype("float64") ** (1 / temperature)
        k = 1 + int(draws.choice(len(weights), p=weights / weights.sum()))
        drawn.append(k)
        probabilities, *state = predictor.forward(np.array([k]), *state)
    return text.decode(np.array(drawn[len(beginning) :]))
