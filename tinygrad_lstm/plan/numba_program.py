"""A step as a program of compiled loops, with NumPy's calls in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Any

import numpy as np

from .passes.kernels import Kernel
from .terms import POINTWISE


class NumbaProgram:
    """Makes the calls of a step; the first time it compiles the loops that were not known yet.

    Attributes:
        calls: (f, args): what is called from Python; None before the first step.
        loops: how many loops a step runs.
        seconds: what it took to put this together, mostly for compiling.
    """

    def __init__(self, given: Sequence[Any], emitters: Sequence[Any], device: Any) -> None:
        self.given, self.emitters, self.device = given, emitters, device
        self.calls: list[tuple[Any, tuple]] | None = None
        self.loops, self.seconds = 0, 0.0

    def __call__(self) -> None:
        for f, args in self.calls or self._made():
            f(*args)

    def _made(self) -> list[tuple[Any, tuple]]:
        """Loops that follow each other lie in one table, and are one call."""
        from .numba_machine import run_between

        start = perf_counter()
        rows = [self.device.row(f, args) for f, args in self.given]
        self.table = np.array([number for row in rows for number in row or ()], np.int64)
        calls: list[tuple[Any, tuple]] = []
        end = self.table.ctypes.data
        for call, row in zip(self.given, rows):
            if row is None:
                calls.append(call)
                continue
            first, end = end, end + 8 * len(row)
            if calls and calls[-1][0] is run_between:
                _, (first, _) = calls.pop()
            calls.append((run_between, (first, end)))
        self.calls, self.loops = calls, sum(row is not None for row in rows)
        self.seconds = perf_counter() - start
        return calls

    def turn(self) -> AbstractContextManager[None]:
        """Nothing has to be prepared."""
        return nullcontext()

    def __str__(self) -> str:
        """How much is done by loops, and which pointwise functions are NumPy's."""
        units = dict.fromkeys(unit for emitter in self.emitters for unit in emitter.owners)
        left = Counter(u[0].fn for u in units if u[0].fn in POINTWISE and type(u) is not Kernel)
        kernels = sum(type(u) is Kernel for u in units)
        told = f"{kernels} kernels of numba"
        if self.calls is not None:
            told += (
                f" and what is small: {self.loops:,} loops a step, ready in {self.seconds:.2g} s"
            )
        return told + "".join(f"; by NumPy: {fn}" for fn in left)
