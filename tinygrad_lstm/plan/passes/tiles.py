r"""A weight that is multiplied step after step is kept in tiles, which the BLAS takes as they lie.

$(A B)_J = \sum_I A_I \, B_{IJ}$ for any cut of the columns of A, and with them of the rows of B,
into pieces I, and of the columns of B into pieces J.  Before a large product a BLAS copies both
factors into an order of its own: the same weight again at every step, for a few rows on its other
side.  Small products it takes as they lie.  So the weight is cut once into tiles that make small
products, and lie in one piece each; only a weight with many rows is cut along these, too, which
costs sums.

Only where the BLAS has kernels for small products (OpenBLAS on AVX-512) and takes one thread when
the plan is made: a large product may be shared among several, and a small one is not.
"""

from __future__ import annotations

from typing import Any

from ..device import Device, strided
from ..spread import Spread
from ..terms import Term

SMALL = 100**3
"""Up to so many multiplications OpenBLAS takes a product as it lies."""
NARROW, WIDE, HALF = 256, 448, 128
"""Bytes of a tile's rows: from NARROW to WIDE, NARROW is fastest; HALF of it is next best."""
LINE = 64
"""Bytes of a line of the cache, and of a register."""
DEEP = 96
"""Rows of a tile at least, if a weight is cut along its rows: a sum costs less than this saves."""
STACKED = 512 * 1024
"""Bytes up to which results are stacked and added up; more leave the cache: each is added alone."""
OFTEN = 256
"""Rows on the other side, of all steps together, that pay for the copy."""


def tile(rows: int, depth: int, width: int, itemsize: int) -> tuple[int, int] | None:
    """(depth, width) of the tiles for a product (rows, depth) (depth, width); None for no tiles."""
    if rows < 2 or not depth * width:
        return None
    w = _width(width, itemsize)
    if w is not None:
        k = _largest_divisor(depth, SMALL // (rows * w))
        if k == depth and w == width:
            return None
        if k == depth or k >= DEEP:
            return k, w
    w = HALF // itemsize
    large = rows * depth * width > SMALL
    return (depth, w) if large and width % w == 0 and rows * depth * w <= SMALL else None


def _width(width: int, itemsize: int) -> int | None:
    found = [w for w in range(NARROW // itemsize, WIDE // itemsize + 1) if width % w == 0]
    return min(found, key=lambda w: (w * itemsize % LINE > 0, w), default=None)


def _largest_divisor(n: int, most: int) -> int:
    return max((k for k in range(1, min(n, most) + 1) if n % k == 0), default=0)


class Tiles(tuple[Term, ...]):
    """A unit: weights that are copied into tiles, once for all steps of a loop."""


class Tiled:
    """Products (..., N, K) (..., K, W) of every step by tiles of their right sides.

    Attributes:
        right: the tiles, (parts, ..., columns, k, w), and `source`, what is copied there once: the
            rows of a right side are cut into parts, whose products are to be added up.
    """

    def __init__(self, device: Device, right: Any, shape: tuple[int, int]) -> None:
        self.k, self.w = shape
        *self.blocks, K, W = right.shape
        self.parts, self.columns = K // self.k, W // self.w
        *apart, down, along = right.strides
        cut = (self.parts, *self.blocks, self.columns, self.k, self.w)
        steps = (down * self.k, *apart, along * self.w, down, along)
        self.source = strided(right, cut, steps)
        self.right = device.empty(cut, right.dtype)

    def left(self, a: Spread) -> Spread:
        """The left side in parts, with an axis of size 1 for whatever only the right side has."""

        def cut(array: Any, lead: int) -> Any:
            *own, N, _ = array.shape[lead:]
            *apart, down, along = array.strides[lead:]
            missing = len(self.blocks) - len(own)
            shape = (self.parts, *(1,) * missing, *own, 1, N, self.k)
            steps = (along * self.k, *(0,) * missing, *apart, 0, down, along)
            return strided(array, (*array.shape[:lead], *shape), (*array.strides[:lead], *steps))

        return a.mapped(cut)

    def out(self, out: Spread) -> Spread:
        """The results with their columns cut as those of the right side are."""

        def cut(array: Any, _: int) -> Any:
            *lead, N, _ = array.shape
            *apart, down, along = array.strides
            shape = (*lead, self.columns, N, self.w)
            return strided(array, shape, (*apart, along * self.w, down, along))

        return out.mapped(cut)
