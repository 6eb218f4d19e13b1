"""Where a backward pass begins to go wrong: in time, on the way back, and among the gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...graph import Graph
from .case import Case, Gradients, differentiate
from .mistakes import Anatomy, listed
from .verdict import agrees

Returned = Mapping[str, np.ndarray]


def right_for(gradients: Gradients, key: str, yours: np.ndarray) -> np.ndarray:
    """The right array for a key; by timestep if that is how it was returned."""
    if key == "hs":
        return gradients.case.hs
    parts = gradients.parts.get(key)
    return parts if parts is not None and yours.shape == parts.shape else gradients.of(key)


def first_deviation(cell: Graph, case: Case, bad: Returned) -> str:
    """Of the arrays by timestep the first wrong number on the way back; else the wrong gates."""
    truth = differentiate(case)
    order = [n.name or "" for n in reversed(list(case.copies)) if n.name in bad]
    order += [key for key in bad if key not in order and key != "hs"]
    for t in range(case.T, 0, -1):
        for key in order:
            yours, right = bad[key], right_for(truth, key, bad[key])
            timed = right is not truth.nodes.get(key) or key not in case.start_names
            if key in truth.parts:
                timed = right is truth.parts[key]
            if timed and yours.shape == right.shape and not agrees(yours[t - 1], right[t - 1]):
                return f"the first wrong number on the way back is in {key} at t = {t}"
    blocks = Anatomy(cell).blocks()
    gates = set(_wrong_gates(blocks[1], truth, bad)) if blocks else set()
    if blocks and 0 < len(gates) < len(blocks[1]):
        return f"the wrong rows are those of {listed(g for g in blocks[1] if g in gates)}"
    return ""


def _wrong_gates(starts: Mapping[str, int], truth: Gradients, bad: Returned) -> Iterator[str]:
    """In matrices that hold several gates, the gates whose rows are wrong."""
    H = truth.case.hs.shape[-1]
    for key, yours in bad.items():
        right = truth.of(key) if key in truth.parts else np.zeros(0)
        if yours.shape == right.shape and len(right) == H * len(starts):
            for gate, s in starts.items():
                if not agrees(yours[s : s + H], right[s : s + H]):
                    yield gate
