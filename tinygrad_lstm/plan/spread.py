"""An array, and how its slots stand for timesteps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .device import strided


@dataclass(eq=False)
class Spread:
    """An array, and how its slots stand for the steps: `kind` as in storage.

    Attributes:
        shift: in a ring, how far the slot of a step lies from the step itself.
        flat: whether blocks lie side by side in the last axis (joined), instead of having an axis.
    """

    array: Any
    kind: str
    shift: int = 0
    flat: bool = False

    @property
    def slotted(self) -> bool:
        return self.kind in ("full", "chunk", "ring")

    @property
    def step_shape(self) -> tuple[int, ...]:
        return self.array.shape[1:] if self.slotted else self.array.shape

    @property
    def ndim(self) -> int:
        return len(self.step_shape)

    @property
    def contiguous(self) -> bool:
        """Whether the array of one step is in one piece, rows first."""
        one = self.array[0] if self.slotted and len(self.array) else self.array
        return bool(one.flags.c_contiguous)

    @property
    def dot_takes(self) -> bool:
        """Whether BLAS takes one step's matrix as it is, perhaps transposed."""
        one = self.array[0] if self.slotted and len(self.array) else self.array
        return bool(one.flags.c_contiguous or one.flags.f_contiguous)

    def mapped(self, change: Any) -> Spread:
        """The same with `change(array, number of leading slot axes)` done to the array."""
        return Spread(change(self.array, int(self.slotted)), self.kind, self.shift)

    def part(self, index: tuple[int, ...]) -> Spread:
        """That part of every step's array."""
        return self.mapped(lambda array, lead: array[(slice(None),) * lead + index])

    def during(self, lo: int, hi: int, ndim: int) -> Any:
        """The slots of steps lo ... hi - 1, with size-1 axes up to `ndim` behind the time."""
        if not self.slotted:
            return self.array
        part = self.array[: hi - lo] if self.kind == "chunk" else self.array[lo:hi]
        missing = ndim + 1 - part.ndim
        return part.reshape(part.shape[0], *(1,) * missing, *part.shape[1:]) if missing else part

    def beside(self, ndim: int) -> Spread:
        """With an axis of size 1 for the blocks, to meet arrays that have several."""
        lead = self.array.shape[: int(self.slotted)]
        own = self.step_shape
        return Spread(
            self.array.reshape(*lead, 1, *(1,) * (ndim - len(own)), *own), self.kind, self.shift
        )

    def padded(self, ndim: int) -> Spread:
        """With axes of size 1 behind that of the blocks, until a step has `ndim` axes."""
        missing = ndim - self.ndim
        if not missing:
            return self
        lead = int(self.slotted) + 1
        shape = (*self.array.shape[:lead], *(1,) * missing, *self.array.shape[lead:])
        return Spread(self.array.reshape(shape), self.kind, self.shift)

    def window(self, axis: int, start: int, length: int, step: int) -> Spread:
        """A slice along an axis counted from the end."""
        stop = start + length * step
        key = [slice(None)] * self.array.ndim
        key[axis] = slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0)
        return Spread(self.array[tuple(key)], self.kind, self.shift)

    def rows(self) -> Any:
        """All steps' rows one below the other, as a view; None where they lie apart."""
        a = self.array
        if self.kind != "full" or a.ndim not in (3, 4):
            return None
        (T, *blocks, N, H), (t, *apart, n, h) = a.shape, a.strides
        if N > 1 and T > 1 and t != N * n:
            return None
        return strided(a, (*blocks, T * N, H), (*apart, n if N > 1 else t, h))


def slots_of(array: Any) -> list[Any]:
    """The array of each slot; also a single number is an array, that can be written to."""
    return list(array) if array.ndim > 1 else [array[(t, ...)] for t in range(len(array))]


def flat_rows(array: Any) -> Any:
    """All rows (..., N, K) one below the other, as a view; None where they lie apart."""
    *lead, K = array.shape
    *apart, along = array.strides
    axes = [(n, s) for n, s in zip(lead, apart) if n > 1]
    if any(s != m * t for (_, s), (m, t) in pairwise(axes)):
        return None
    return strided(array, (math.prod(lead), K), (axes[-1][1] if axes else K * along, along))


class Each:
    """Operands that differ from step to step."""

    def __init__(self, spreads: list[Spread]) -> None:
        self.arrays = [s.array for s in spreads]
