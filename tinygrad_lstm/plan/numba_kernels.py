"""Pointwise regions of a step as one loop each, compiled by numba (the extra "numba").

Small products and sums are loops as well; and loops that follow each other are one call of Python,
so that a step in which everything is small is hardly more than one call altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .device import Device
from .kernel_text import kernel_text
from .numba_loops import KINDS, Loop, copy_row, product_row, stack_row, sum_row
from .passes.kernels import Kernel
from .terms import Term

FEW = 256
"""Up to so many entries a loop calls C's functions one by one; for more NumPy's are faster."""
SMALL = 1024
"""Up to so many multiplications a product is a loop; for more BLAS is faster."""
QUICK = (
    "add subtract multiply divide negative square reciprocal absolute sign sqrt floor maximum "
    "minimum greater greater_equal less less_equal equal not_equal isfinite isnan logical_and "
    "logical_or logical_not where clip astype copy"
).split()
"""What a loop does for several entries at once; tanh of float32 too."""


class NumbaDevice(Device):
    """NumPy, but for pointwise terms and what is small."""

    fuses = True

    def kernel(self, kernel: Kernel, writes: Sequence[Term]) -> Loop:
        """The loop that computes all terms of a kernel."""
        return Loop(kernel_text(kernel, writes))

    def takes(self, x: Term) -> bool:
        """Whether a loop computes x, and not more slowly than NumPy."""
        kinds = {y.dtype.name for y in (x, *x.args)}
        quick = x.fn in QUICK or (x.fn == "tanh" and x.dtype == np.float32)
        return kinds <= KINDS and (quick or x.size <= FEW)

    def replay(self, calls: Sequence[Any], emitters: Sequence[Any]) -> Any:
        """The calls of a step, as few as possible of them made from Python."""
        from .numba_program import NumbaProgram

        return NumbaProgram(calls, emitters, self)

    def row(self, f: Any, args: Sequence[Any]) -> list[int] | None:
        """A call as a row of numbers for a compiled loop; None where it stays a call."""
        if isinstance(f, Loop):
            return f.row(args)
        if f in (self.dot, self.matmul) and args[2].size * args[0].shape[-1] <= SMALL:
            return product_row(*args)
        if f in (self.sum, self.sum_kept) and args[0].size <= SMALL:
            return sum_row(*args)
        if f in (self.add_up, self.add):
            *parts, out = args
            return stack_row(parts[0] if f == self.add_up else parts, out)
        if f in (self.copy, self.put) and args[0].size <= SMALL:
            return copy_row(*args)
        return None
