"""Which arrays of a run are kept whole, and what is kept of the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

SMALL = 64
"""Arrays of at most so many numbers are kept whole whatever the budget says."""


class Summary(NamedTuple):
    """What is kept of an array for which the budget was too small."""

    shape: tuple[int, ...]
    norm: float
    min: float
    max: float
    mean: float

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


Kept = Any
"""A read-only array of the recording's own, or its `Summary`."""


class Keeper:
    """Copies arrays as long as the budget lasts; equal arrays are kept once."""

    def __init__(self, budget: int) -> None:
        self.budget, self.used, self.whole = budget, 0, 0
        self.summarised = 0
        self._kept: dict[Any, Kept] = {}

    def keep(self, array: np.ndarray) -> Kept:
        """A copy that nobody can change, or a summary."""
        if array.size > SMALL and self.used + array.nbytes > self.budget:
            self.summarised += 1
            return summary(array)
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._kept:
            copy = array.copy()
            copy.flags.writeable = False
            self._kept[key] = copy
            self.used += array.nbytes
            self.whole += 1
        return self._kept[key]

    @property
    def note(self) -> str:
        """How much was kept whole, and what became of the rest."""
        told = f"{self.whole} arrays kept whole ({_bytes(self.used)} of {_bytes(self.budget)})"
        if self.summarised:
            told += (
                f", {self.summarised} larger ones summarised as shape, norm, min, max and mean; "
                "record(..., budget=...) in bytes keeps more"
            )
        return told


def summary(array: np.ndarray) -> Summary:
    """Shape, norm, min, max and mean of an array."""
    with np.errstate(all="ignore"):
        numbers = array.astype(np.float64)
        norm = float(np.sqrt(np.sum(numbers**2)))
        return Summary(
            array.shape, norm, float(numbers.min()), float(numbers.max()), float(numbers.mean())
        )


def _bytes(count: int) -> str:
    return f"{count / 1e6:.3g} MB"
