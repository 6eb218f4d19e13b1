"""Numbers of rows and classes: none may lie outside of its table, and nobody waits to know.

Those that arrive as NumPy arrays are looked at before they are carried to the device.  Those that
lie there already are looked at by a kernel, which notes what is wrong for a later step to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import DtypeError, RangeError
from ..graph import Graph
from ..ops.linear import check_ids
from ..ops.loss import CrossEntropy, class_numbers
from .passes.kernels import origin
from .program import Program
from .terms import Term

ROW, CLASS, BROKEN = range(3)
WORDS = ("row number", "class")
NOBODY = -(1 << 62)
"""The number that is ignored where none is."""


class Numbers(NamedTuple):
    """Inputs of the graph that are row or class numbers below `count`."""

    inputs: tuple[int, ...]
    count: int
    kind: int
    ignored: int | None = None

    def check(self, graph: Graph, arrays: Sequence[Any]) -> None:
        """Raise RangeError or DtypeError for those that lie on the host."""
        for k in self.inputs:
            if hasattr(arrays[k], "dtype") and not isinstance(arrays[k], np.ndarray):
                continue
            ids = np.asarray(arrays[k])
            try:
                self._check(ids)
            except (RangeError, DtypeError) as error:
                name = f"step: {graph.inputs[k].name or f'input {k + 1}'} {ids.shape}"
                raise type(error)(str(error).replace("{1}", name)) from None

    def _check(self, ids: np.ndarray) -> None:
        ids = class_numbers(np, ids) if self.kind == CLASS else ids
        check_ids(np, ids, self.count, WORDS[self.kind], self.ignored)


def numbers_of(program: Program) -> list[Numbers]:
    """All that a program takes rows by, and the classes of its losses, as far as they arrive."""
    found = []
    for x in program.terms():
        if x.fn == "take":
            found.append(Numbers(_arriving(x.args[1]), x.args[0].shape[0], ROW))
        elif x.fn == "call" and type(x.how) is CrossEntropy:
            arriving, count = _arriving(x.args[1]), x.args[0].shape[-1]
            found.append(Numbers(arriving, count, CLASS, x.how.ignore_index))
    return [numbers for numbers in dict.fromkeys(found) if numbers.inputs]


def _arriving(ids: Term) -> tuple[int, ...]:
    x = origin(ids)
    return {"input": lambda: (x.how,), "inputs": lambda: x.how}.get(x.fn, tuple)()


class Faults:
    """What kernels have noted, in memory of the host that the device writes to as well.

    Reading it copies nothing and waits for nothing.

    Attributes:
        there: the array of the device: whether there is a fault, of which kind, what, and how many
            there are.
    """

    def __init__(self, xp: Any) -> None:
        pinned = xp.cuda.alloc_pinned_memory(4 * 8)
        self._here = np.ndarray((4,), np.int64, pinned)
        self._here[:] = 0
        memory = xp.cuda.UnownedMemory(self._here.ctypes.data, self._here.nbytes, pinned)
        self.there = xp.ndarray((4,), np.int64, xp.cuda.MemoryPointer(memory, 0))

    def tell(self) -> None:
        """Raise RangeError if a step that is done has met a number that does not exist."""
        found, kind, number, count = self._here.tolist()
        if not found:
            return
        self._here[0] = 0
        if kind == BROKEN:
            raise RangeError("step: targets are class numbers; these are not whole")
        raise RangeError(
            f"step: {WORDS[kind]} {number} does not exist; there are {count}, counted from 0 to "
            f"{count - 1}\n  it was met on the device, in an earlier step: what was computed since "
            "is worth nothing"
        )
