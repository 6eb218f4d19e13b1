"""Which memory arrays have in common, from addresses, shapes and strides alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from .device import Device
from .spread import Spread


class Place(NamedTuple):
    """Where an array lies: from `low` to `high`, its axes of one entry left out."""

    first: int
    low: int
    high: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    itemsize: int


def place(first: int, array: Any, lead: int = 0) -> Place:
    """The place of an array of that address, behind its first `lead` axes."""
    axes = [(n, s) for n, s in zip(array.shape[lead:], array.strides[lead:]) if n != 1]
    spans = [s * (n - 1) for n, s in axes]
    low, high = sum(s for s in spans if s < 0), sum(s for s in spans if s > 0) + array.itemsize
    shape, strides = tuple(n for n, _ in axes), tuple(s for _, s in axes)
    return Place(first, first + low, first + high, shape, strides, array.itemsize)


def places(s: Spread, device: Device, stepwise: bool) -> tuple[Place, ...]:
    """The place of all steps at once; `stepwise` of each of two steps that follow each other."""
    first = device.pointer(s.array)
    if not (stepwise and s.slotted):
        return (place(first, s.array),)
    slots = [(t + s.shift) % 2 if s.kind == "ring" else t for t in range(min(2, len(s.array)))]
    return tuple(place(first + k * s.array.strides[0], s.array, 1) for k in slots)


def crossed(a: Place, b: Place) -> bool:
    """Whether they share memory in another way than that they are the same entries."""
    if 0 in a.shape or 0 in b.shape or a == b:
        return False
    return a.low < b.high and b.low < a.high and not _side_by_side(a, b)


def _side_by_side(a: Place, b: Place) -> bool:
    """Whether they are other columns of the same rows."""
    if a[3:] != b[3:] or len(a.shape) < 2 or a.strides[-1] != a.itemsize:
        return False
    row, width = min(a.strides[:-1]), a.shape[-1] * a.itemsize
    apart = (b.first - a.first) % row if row > 0 else 0
    return width <= apart <= row - width and not any(s % row for s in a.strides[:-1])
