"""The array namespace that ops are handed while a plan is made: it writes calls down.

What an op's `forward` does with it becomes terms; functions that arrays have and plans do not are
refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import TinygradError
from ..ops.choice import Equal
from ..ops.gates import Heaviside
from ..ops.linear import Lookup, Scatter
from ..ops.shape import Embed
from .arrangements import Arrangements
from .terms import BINARY, UNARY, Term, Untraceable


class Tape(Arrangements):
    """The `xp` that an op's `forward` sees."""

    __name__ = "plan"
    bool, int64, int32, float32, float64 = (np.dtype(n) for n in ("?", "i8", "i4", "f4", "f8"))
    inf, nan, pi = math.inf, math.nan, math.pi

    def write(self, op: Any, inputs: Sequence[Any]) -> Term:
        """What an op does, by its own code; kept whole if it wants to look at numbers."""
        args = [self.term(x) for x in inputs]
        rule = WRITTEN.get(type(op))
        if rule is not None:
            return rule(self, op, *args)
        try:
            y = op.forward(self, *args)
            return y if isinstance(y, Term) else self.const(y)
        except TinygradError:
            raise
        except Exception:
            shape = op.shape(*[a.shape for a in args])
            real = [a.dtype for a in args if a.dtype.kind == "f"]
            dtype = np.result_type(*real) if real else args[0].dtype
            return self.make("call", args, op, shape, dtype)

    def __getattr__(self, fn: str) -> Any:
        if fn in UNARY | BINARY:
            return lambda *inputs: self.call(fn, *inputs)
        if fn.startswith("_"):
            raise AttributeError(fn)
        raise Untraceable(f"{fn} is not an array function that plans are made of")

    def power(self, x: Term, p: Any) -> Term:
        if p == 2:
            return self.call("multiply", x, x)
        if p == -1:
            return self.call("divide", 1.0, x)
        return x if p == 1 else self.call("power", x, p)

    def abs(self, x: Term) -> Term:
        return self.call("absolute", x)

    def where(self, condition: Any, a: Any, b: Any) -> Term:
        return self.call("where", self.term(condition), a, b)

    def clip(self, x: Term, low: float, high: float) -> Term:
        return self.make("clip", (x,), (low, high), x.shape, x.dtype)

    def astype(self, x: Term, dtype: Any) -> Term:
        dtype = np.dtype(bool if dtype is self.bool else dtype)
        return x if x.dtype == dtype else self.make("astype", (x,), None, x.shape, dtype)

    def isdtype(self, dtype: Any, kind: str) -> Any:
        return np.isdtype(dtype, kind) if hasattr(np, "isdtype") else _is_kind(dtype, kind)

    def zeros(self, shape: Any, dtype: Any = None, device: Any = None) -> Term:
        return self.filled(0, tuple(shape), dtype)

    def zeros_like(self, x: Term) -> Term:
        return self.filled(0, x.shape, x.dtype)

    def ones_like(self, x: Term) -> Term:
        return self.filled(1, x.shape, x.dtype)

    def full_like(self, x: Term, value: float) -> Term:
        return self.filled(value, x.shape, x.dtype)

    def arange(self, n: int, device: Any = None) -> Term:
        return self.const(np.arange(n))

    def asarray(self, x: Any) -> Term:
        return self.term(x)

    def sum(self, x: Term, axis: Any = None, keepdims: bool = False) -> Term:
        return self._reduce("sum", x, axis, keepdims)

    def max(self, x: Term, axis: Any = None, keepdims: bool = False) -> Term:
        return self._reduce("max", x, axis, keepdims)

    def min(self, x: Term, axis: Any = None, keepdims: bool = False) -> Term:
        return -self.max(-x, axis, keepdims)

    def mean(self, x: Term, axis: Any = None, keepdims: bool = False) -> Term:
        y = self.sum(x, axis, keepdims)
        return self.call("multiply", y, y.size / x.size)

    def _reduce(self, fn: str, x: Term, axis: Any, keepdims: bool) -> Term:
        axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(int(k) % x.ndim for k in axes))
        kept = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
        left = tuple(n for k, n in enumerate(x.shape) if k not in axes)
        if not axes:
            return x
        if all(x.shape[k] == 1 for k in axes):
            return self.reshape(x, kept if keepdims else left)
        back = tuple(k - x.ndim for k in axes)  # counted from the end, so that time may stand first
        y = self.make(fn, (x,), back, kept, x.dtype)
        return y if keepdims else self.reshape(y, left)

    def matmul(self, a: Any, b: Any) -> Term:
        a, b = self.term(a), self.term(b)
        if a.ndim == 1:
            y = self.matmul(self.reshape(a, (1, *a.shape)), b)
            return self.reshape(y, (*y.shape[:-2], y.shape[-1]))
        if b.ndim == 1:
            y = self.matmul(a, self.reshape(b, (*b.shape, 1)))
            return self.reshape(y, y.shape[:-1])
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        shape = (*lead, a.shape[-2], b.shape[-1])
        return self.make("matmul", (a, b), None, shape, np.result_type(a.dtype, b.dtype))

    def take(self, W: Term, ids: Term, axis: int = 0) -> Term:
        if axis != 0:
            raise Untraceable("rows are taken along axis 0")
        return self.make("take", (W, ids), None, (*ids.shape, *W.shape[1:]), W.dtype)

    def scatter(self, g: Term, ids: Term, count: int) -> Term:
        """Rows of g added up at their numbers: (count, ...)."""
        shape = (count, *g.shape[ids.ndim :])
        return self.make("scatter", (g, ids), None, shape, g.dtype)


def _heaviside(tape: Tape, op: Any, x: Term) -> Term:
    y = tape.astype(x > 0, x.dtype)
    zero = tape.astype(tape.call("equal", x, 0.0), x.dtype)
    return y + op.at_zero * zero if op.at_zero else y


WRITTEN: dict[type, Any] = {
    Equal: lambda tape, op, a, b: tape.astype(tape.call("equal", a, b), a.dtype),
    Heaviside: _heaviside,
    Embed: lambda tape, op, x: tape.embed(x, op.axis, op.start, op.size, op.step),
    Lookup: lambda tape, op, W, ids: tape.take(W, ids),
    Scatter: lambda tape, op, g, ids: tape.scatter(g, ids, op.count),
}
"""Ops whose code changes arrays in place, looks at numbers or compares by ==; none that a user
wrote, whatever its name."""


def _is_kind(dtype: Any, kind: str) -> bool:
    kinds = {"integral": "iu", "real floating": "f", "bool": "b", "complex floating": "c"}
    return np.dtype(dtype).kind in kinds[kind]
