"""What a count of characters knows: the numbers that an LSTM has to beat."""

from __future__ import annotations

import numpy as np

from .text import Text

PRIOR = 5.0
"""How many imagined readings of each character speak for the unigram in the bigram."""


def unigram(training: np.ndarray, V: int) -> np.ndarray:
    r"""$p(b) = (n_b + 1) / (n + V)$, from the counts of characters: (V,), add-one smoothed."""
    counts = np.bincount(training, minlength=V)
    return (counts + 1.0) / (counts.sum() + V)


def bigram(training: np.ndarray, V: int) -> np.ndarray:
    r"""$p(b \mid a) = (n_{ab} + \kappa\, p(b)) / (n_a + \kappa)$: (V, V), row a, column b.

    $\kappa$ is `PRIOR`, so pairs that never occurred fall back on the unigram.
    """
    pairs = np.bincount(training[:-1] * V + training[1:], minlength=V * V).reshape(V, V)
    return (pairs + PRIOR * unigram(training, V)) / (pairs.sum(axis=1, keepdims=True) + PRIOR)


def baseline_bits(text: Text) -> dict[str, float]:
    r"""Held-out bits per character, $-\text{mean} \log_2 p$, for every character but the first."""
    V = len(text.vocabulary)
    before, after = text.held_out[:-1], text.held_out[1:]
    return {
        "unigram": float(-np.log2(unigram(text.training, V)[after]).mean()),
        "bigram": float(-np.log2(bigram(text.training, V)[before, after]).mean()),
    }
