"""Products on the device: one call of cuBLAS for each, straight from and into the plan's memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .cublas_library import product_on


class Layout(NamedTuple):
    """How a matrix lies in memory: rows first or `turned`, `ld` entries from line to line."""

    turned: bool
    ld: int


def layout(a: Any) -> Layout | None:
    """The layout of the last two axes; None where neither rows nor columns are in one piece."""
    rows, columns = a.shape[-2:]
    if min(a.strides, default=0) < 0:
        return None
    down, right = (s // a.itemsize for s in a.strides[-2:])
    if (right == 1 or columns == 1) and (rows == 1 or down >= columns):
        return Layout(False, down if rows > 1 else columns)
    if (down == 1 or rows == 1) and (columns == 1 or right >= rows):
        return Layout(True, right if columns > 1 else rows)
    return None


class Products:
    """Writes $A B$ into `out` for matrices, and stacks of them, that are there already.

    CuPy's own `matmul` cannot be captured in a graph, takes memory for copies of what does not lie
    as it wants, and its precision from an environment variable.

    Args:
        copy: copy(out, x), for matrices that lie in pieces.
        tf32: whether float32 products may round their factors to the 10 bits of TF32.
    """

    def __init__(self, xp: Any, copy: Callable[[Any, Any], None], tf32: bool = False) -> None:
        self.xp, self.copy, self.blas = xp, copy, xp.cuda.cublas
        single = "CUBLAS_COMPUTE_32F_FAST_TF32" if tf32 else "CUBLAS_COMPUTE_32F"
        self.compute = {
            "float32": getattr(self.blas, single),
            "float64": self.blas.CUBLAS_COMPUTE_64F,
        }
        runtime = xp.cuda.runtime
        self.kind = {"float32": runtime.CUDA_R_32F, "float64": runtime.CUDA_R_64F}
        self.scale = {n: (np.zeros(1, n), np.ones(1, n)) for n in self.compute}
        self.scratch: dict[Any, Any] = {}

    @cached_property
    def _product(self) -> Callable[..., None]:
        return product_on(self.xp)

    def __call__(self, a: Any, b: Any, out: Any, add: bool = False) -> None:
        """out = a b, or out += a b; leading axes of a and b are broadcast to those of out."""
        if not out.size:
            return
        lead = out.shape[:-2]
        a, b = (self._spread(x, lead) for x in (a, b))
        if len(lead) > 1:
            for k in range(lead[0]):
                self(a[k], b[k], out[k], add)
        elif not a.shape[-1]:
            out.fill(0)
        elif not (a.dtype == b.dtype == out.dtype and out.dtype.name in self.compute):
            self.copy(out, out + self.xp.matmul(a, b) if add else self.xp.matmul(a, b))
        elif layout(out) is None:
            piece = self._piece(out, 2)
            self._lined_up(self._piece(a, 0), self._piece(b, 1), piece, add)
            self.copy(out, piece)
        else:
            self._lined_up(self._piece(a, 0), self._piece(b, 1), out, add)

    def _spread(self, x: Any, lead: tuple[int, ...]) -> Any:
        shape = (*lead, *x.shape[-2:])
        return x if x.shape == shape else self.xp.broadcast_to(x, shape)

    def _piece(self, x: Any, side: int) -> Any:
        """x as cuBLAS takes it: copied, if it lies in pieces, to memory that is kept for that.

        One product comes after the other, so all of one shape may use the same.
        """
        if layout(x) is not None:
            return x
        key = (x.shape, x.dtype.name, side)
        if key not in self.scratch:
            self.scratch[key] = self.xp.zeros(x.shape, x.dtype)
        self.copy(self.scratch[key], x)
        return self.scratch[key]

    def _lined_up(self, a: Any, b: Any, out: Any, add: bool) -> None:
        if layout(out).turned:  # type: ignore[union-attr]
            a, b, out = (x.swapaxes(-1, -2) for x in (b, a, out))
        self._call(a, b, out, add)

    def _call(self, a: Any, b: Any, out: Any, add: bool) -> None:
        """cuBLAS counts columns first: what it takes for $B^T A^T = (A B)^T$ is our product."""
        (m, n), k, name = out.shape[-2:], a.shape[-1], out.dtype.name
        (a_turned, lda), (b_turned, ldb), (_, ldc) = layout(a), layout(b), layout(out)  # type: ignore
        zero, one = (scale.ctypes.data for scale in self.scale[name])
        kind = self.kind[name]
        operation = self.blas.CUBLAS_OP_N, self.blas.CUBLAS_OP_T
        self._product(
            operation[b_turned], operation[a_turned],
            n, m, k, one,
            b.data.ptr, kind, ldb, _apart(b),
            a.data.ptr, kind, lda, _apart(a), one if add else zero,
            out.data.ptr, kind, ldc, _apart(out), math.prod(out.shape[:-2]),
            self.compute[name], -1,
        )  # fmt: skip


def _apart(a: Any) -> int:
    """Entries from one matrix of a stack to the next."""
    return a.strides[0] // a.itemsize if a.ndim == 3 else 0
