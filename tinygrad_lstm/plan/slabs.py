"""Large matrices are turned in slabs: whole lines of the cache are used before they are lost.

A row of the turned matrix is a column of the other, whose entries lie a whole row apart.  Where
that distance is a power of two they all fall into the same few places of the cache, and each line
of it is fetched again for every entry.  Sixteen columns at a time use every line at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

WIDTH = 16
"""Columns of a slab: the float32 numbers in a line of 64 bytes."""
LARGE = 1 << 16
"""Entries from which on a matrix is turned in slabs; a smaller one stays in the cache."""

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def in_slabs(call: Call) -> list[Call]:
    """The call itself, or one for each slab of columns if it turns a large matrix."""
    f, args = call
    arrays = [a for a in args if getattr(a, "ndim", 0) > 1]
    if not arrays or not any(map(_is_turned, arrays)):
        return [call]
    shape = arrays[0].shape
    if math.prod(shape) < LARGE or any(a.shape != shape for a in arrays):
        return [call]
    slabs = []
    for k in range(0, shape[-1], WIDTH):
        parts = [a[..., k : k + WIDTH] if getattr(a, "ndim", 0) > 1 else a for a in args]
        slabs.append((f, tuple(parts)))
    return slabs


def _is_turned(array: Any) -> bool:
    return array.strides[-1] > array.strides[-2]
