"""The array namespace that ops are handed while a plan is made: it writes calls down.

Equal calls are written down once, and what is plainly superfluous (x + 0, x * 1, a view of a view)
not at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import TinygradError
from .terms import BINARY, COMPARISONS, UNARY, Shape, Term, Untraceable, is_number


class Tape:
    """Makes terms, and is the `xp` that an op's `forward` sees."""

    __name__ = "plan"
    bool, int64, int32, float32, float64 = (np.dtype(n) for n in ("?", "i8", "i4", "f4", "f8"))
    inf, nan, pi = math.inf, math.nan, math.pi

    def __init__(self) -> None:
        self.count = 0
        self.known: dict[Any, Term] = {}

    def make(
        self, fn: str, args: Sequence[Term], how: Any, shape: Shape, dtype: Any, steps: int = -1
    ) -> Term:
        """The term of this call: a new one, or the one that is there already."""
        args = tuple(args)
        if steps < 0:
            steps = max([a.steps for a in args], default=0)
        key = (fn, args, how if fn != "const" else None, shape, dtype, steps)
        old = self.known.get(key)
        if old is not None:
            return old
        term = Term()
        term.fn, term.args, term.how, term.shape, term.steps = fn, args, how, tuple(shape), steps
        term.dtype, term.tape, term.next, term.name = np.dtype(dtype), self, None, None
        self.count += 1
        term.born = self.count
        if fn not in ("carry", "const", "alias", "draw"):
            self.known[key] = term
        return term

    def const(self, value: Any, dtype: Any = None) -> Term:
        """A number or an array that never changes."""
        array = np.asarray(value, dtype)
        key = ("const", array.item(), array.dtype) if array.ndim == 0 else None
        if key is None or key not in self.known:
            term = self.make("const", (), array, array.shape, array.dtype)
            if key is None:
                return term
            self.known[key] = term
        return self.known[key]

    def filled(self, value: float, shape: Shape, dtype: Any) -> Term:
        """One number everywhere."""
        return self.broadcast_to(self.const(value, dtype), shape)

    def write(self, op: Any, inputs: Sequence[Any]) -> Term:
        """What an op does, by its own code; kept whole if it wants to look at numbers."""
        args = [self.term(x) for x in inputs]
        rule = WRITTEN.get(type(op).__name__)
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

    def term(self, x: Any, beside: Term | None = None) -> Term:
        """x as a term; Python numbers take the dtype of what stands beside them."""
        if isinstance(x, Term):
            return x
        if isinstance(x, bool | int | float) and beside is not None:
            kind = beside.dtype
            return self.const(x, np.result_type(kind, type(x)) if kind.kind != "f" else kind)
        return self.const(x)

    def call(self, fn: str, *inputs: Any, how: Any = None) -> Term:
        """One pointwise function."""
        terms = [x for x in inputs if isinstance(x, Term)]
        beside = next((x for x in terms if x.fn != "const"), terms[0])
        args = [self.term(x, beside) for x in inputs]
        shapes = {a.shape for a in args}
        shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        dtype = np.result_type(*{a.dtype for a in (args[1:] if fn == "where" else args)})
        if fn in COMPARISONS:
            dtype = np.dtype(bool)
        elif fn in ("divide", "tanh", "exp", "log", "sqrt") and dtype.kind != "f":
            dtype = np.dtype(np.float64)
        shorter = self._shorter(fn, args, shape, dtype)
        return self.make(fn, args, how, shape, dtype) if shorter is None else shorter

    def _shorter(self, fn: str, args: list[Term], shape: Shape, dtype: Any) -> Term | None:
        """A term that is there already, where the call would only repeat it."""
        if all(a.fn == "const" and a.size == 1 for a in args) and fn in UNARY | BINARY:
            with np.errstate(all="ignore"):
                value = getattr(np, fn)(*[a.how for a in args])
            return self.const(np.asarray(value, dtype)) if value.shape == shape else None
        if fn == "negative" and args[0].fn == "negative":
            return args[0].args[0]
        if fn not in ("add", "subtract", "multiply", "divide"):
            return None
        a, b = args
        same = {"add": 0, "subtract": 0, "multiply": 1, "divide": 1}[fn]
        if is_number(b, same) and a.dtype == dtype:
            return self._spread(a, shape)
        if fn in ("add", "multiply") and is_number(a, same) and b.dtype == dtype:
            return self._spread(b, shape)
        if fn == "multiply" and (is_number(a, 0) or is_number(b, 0)):
            return self.filled(0, shape, dtype)
        if fn == "subtract" and is_number(a, 0):
            return self._spread(self.call("negative", b), shape)
        if fn == "multiply" and is_number(b, -1):
            return self._spread(self.call("negative", a), shape)
        if fn == "multiply" and is_number(a, -1):
            return self._spread(self.call("negative", b), shape)
        return None

    def _spread(self, x: Term, shape: Shape) -> Term:
        return x if x.shape == shape else self.broadcast_to(x, shape)

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

    def broadcast_to(self, x: Term, shape: Any) -> Term:
        shape = tuple(shape)
        if x.shape == shape:
            return x
        if x.fn == "broadcast_to":
            x = x.args[0]
        return self.make("broadcast_to", (x,), shape, shape, x.dtype)

    def reshape(self, x: Term, shape: Any) -> Term:
        shape = tuple(shape)
        if -1 in shape:
            known = math.prod(n for n in shape if n != -1)
            shape = tuple(x.size // max(known, 1) if n == -1 else n for n in shape)
        if x.fn == "reshape":
            x = x.args[0]
        if is_number(x):
            return self.broadcast_to(_single(x), shape)
        return x if x.shape == shape else self.make("reshape", (x,), shape, shape, x.dtype)

    def permute_dims(self, x: Term, axes: Sequence[int]) -> Term:
        axes = tuple(int(k) % x.ndim for k in axes)
        if axes == tuple(range(x.ndim)):
            return x
        if x.fn == "permute":
            return self.permute_dims(x.args[0], [x.how[k] for k in axes])
        shape = tuple(x.shape[k] for k in axes)
        return self.make("permute", (x,), axes, shape, x.dtype)

    def swap(self, x: Term) -> Term:
        """The last two axes exchanged."""
        n = x.ndim
        return self.permute_dims(x, (*range(n - 2), n - 1, n - 2))

    def getitem(self, x: Term, key: Any) -> Term:
        """Slices and whole numbers, one for each axis; anything else is no view."""
        key = key if isinstance(key, tuple) else (key,)
        if any(not isinstance(k, int | slice | np.integer) and k is not Ellipsis for k in key):
            raise Untraceable("only slices and whole numbers can be planned")
        if Ellipsis in key:
            at = key.index(Ellipsis)
            key = key[:at] + (slice(None),) * (x.ndim - len(key) + 1) + key[at + 1 :]
        key = key + (slice(None),) * (x.ndim - len(key))
        ranges = [range(n)[k] for k, n in zip(key, x.shape)]
        shape = tuple(len(r) for r in ranges if isinstance(r, range))
        if shape == x.shape and all(r == range(n) for r, n in zip(ranges, x.shape)):
            return x
        if is_number(x):
            return self.broadcast_to(_single(x), shape)
        return self.make("getitem", (x,), tuple(map(_as_key, ranges)), shape, x.dtype)

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

    def concat(self, xs: Sequence[Term], axis: int = 0) -> Term:
        """One after the other; along axis 0, all steps of one term are the term in another view."""
        xs = [self.term(x) for x in xs]
        axis = int(axis) % xs[0].ndim
        v = all_steps_of(xs) if axis == 0 else None
        size = sum(x.shape[axis] for x in xs)
        shape = (*xs[0].shape[:axis], size, *xs[0].shape[axis + 1 :])
        if v is not None:
            return self.reshape(self.whole(v), shape)
        if len(xs) == 1:
            return xs[0]
        dtype = np.result_type(*[x.dtype for x in xs])
        if all(x.fn == "getitem" and x.how == xs[0].how and not x.steps for x in xs):
            wholes = [x.args[0] for x in xs]
            full = xs[0].how[axis] == (0, wholes[0].shape[axis], 1)
            if full and len(xs[0].how) == xs[0].ndim and all(w.fn == "contract" for w in wholes):
                return self.getitem(
                    self.concat(wholes, axis), index_of(_grown(xs[0].how, axis, shape))
                )
        return self.make("concat", xs, axis - len(shape), shape, dtype)

    def stack(self, xs: Sequence[Term], axis: int = 0) -> Term:
        xs = [self.term(x) for x in xs]
        axis = int(axis) % (xs[0].ndim + 1)
        v = all_steps_of(xs)
        if v is not None:
            order = [*range(1, axis + 1), 0, *range(axis + 1, v.ndim + 1)]
            return self.permute_dims(self.whole(v), order)
        parts = [self.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:])) for x in xs]
        return self.concat(parts, axis)

    def embed(self, x: Term, axis: int, start: int, size: int, step: int = 1) -> Term:
        """x in a field of zeros: what `Embed` does, without a change in place."""
        axis %= x.ndim
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        return self.make("embed", (x,), (axis - x.ndim, start, step), shape, x.dtype)

    def take(self, W: Term, ids: Term, axis: int = 0) -> Term:
        if axis != 0:
            raise Untraceable("rows are taken along axis 0")
        return self.make("take", (W, ids), None, (*ids.shape, *W.shape[1:]), W.dtype)

    def scatter(self, g: Term, ids: Term, count: int) -> Term:
        """Rows of g added up at their numbers: (count, ...)."""
        shape = (count, *g.shape[ids.ndim :])
        return self.make("scatter", (g, ids), None, shape, g.dtype)

    def at(self, x: Term, t: int) -> Term:
        """The array of step t (from 0) alone."""
        return self.make("at", (x,), t, x.shape, x.dtype, 0) if x.steps else x

    def whole(self, x: Term) -> Term:
        """All steps as one array (T, ...)."""
        if x.fn == "rows":
            return x.args[0]
        return self.make("whole", (x,), None, (x.steps, *x.shape), x.dtype, 0)

    def rows(self, x: Term) -> Term:
        """Row t of an array (T, ...) for step t."""
        if x.fn == "whole":
            return x.args[0]
        return self.make("rows", (x,), None, x.shape[1:], x.dtype, x.shape[0])

    def flip(self, x: Term) -> Term:
        """The steps in the opposite order."""
        return x.args[0] if x.fn == "flip" else self.make("flip", (x,), None, x.shape, x.dtype)

    def total(self, x: Term, steps: int) -> Term:
        """The sum over all steps; of the same array in every step, so many times that array."""
        if not x.steps:
            return self.call("multiply", x, float(steps))
        if x.fn in ("reshape", "permute", "negative"):
            inner = self.total(x.args[0], steps)
            return self.make(x.fn, (inner,), x.how, x.shape, x.dtype, 0)
        if x.fn == "broadcast_to":
            inner = self.total(x.args[0], steps)
            return self.broadcast_to(inner, x.shape)
        return self.make("total", (x,), None, x.shape, x.dtype, 0)

    def each(self, xs: Sequence[Term]) -> Term:
        """A term with xs[t] in step t, found as a view where it is one."""
        first, T = xs[0], len(xs)
        v = all_steps_of(xs)
        if v is not None:
            return v
        v = all_steps_of(xs[::-1])
        if v is not None:
            return self.flip(v)
        X = _rows_of(xs)
        if X is not None:
            return self.rows(X)
        for fn in ("input", "seed"):
            if all(x.fn == fn for x in xs):
                return self.make(
                    fn + "s", (), tuple(x.how for x in xs), first.shape, first.dtype, T
                )
        return self.make("each", xs, None, first.shape, first.dtype, T)


def _heaviside(tape: Tape, op: Any, x: Term) -> Term:
    y = tape.astype(x > 0, x.dtype)
    zero = tape.astype(tape.call("equal", x, 0.0), x.dtype)
    return y + op.at_zero * zero if op.at_zero else y


WRITTEN: dict[str, Any] = {
    "Equal": lambda tape, op, a, b: tape.astype(tape.call("equal", a, b), a.dtype),
    "Heaviside": _heaviside,
    "Embed": lambda tape, op, x: tape.embed(x, op.axis, op.start, op.size, op.step),
    "Lookup": lambda tape, op, W, ids: tape.take(W, ids),
    "Scatter": lambda tape, op, g, ids: tape.scatter(g, ids, op.count),
}
"""Ops whose code changes arrays in place, looks at numbers or compares by ==, which have a name
here."""


def all_steps_of(xs: Sequence[Term]) -> Term | None:
    """v, if xs are v at step 0, 1, ... up to its last."""
    first = xs[0]
    if first.fn != "at" or first.args[0].steps != len(xs):
        return None
    v = first.args[0]
    ours = all(x.fn == "at" and x.args[0] is v and x.how == t for t, x in enumerate(xs))
    return v if ours else None


def _rows_of(xs: Sequence[Term]) -> Term | None:
    """X, if xs are X[0], X[1], ... up to its last row."""
    first = xs[0]
    if first.fn != "getitem" or first.args[0].steps or first.args[0].shape[0] != len(xs):
        return None
    X = first.args[0]
    rest = first.how[1:]
    whole = all(k == (0, n, 1) for k, n in zip(rest, X.shape[1:]))
    ours = all(
        x.fn == "getitem" and x.args[0] is X and x.how == (t, *rest) for t, x in enumerate(xs)
    )
    return X if whole and ours else None


def _as_key(r: Any) -> Any:
    if not isinstance(r, range):
        return r
    return (r.start, r.stop if r.stop >= 0 else None, r.step)


def _grown(how: tuple, axis: int, shape: Shape) -> tuple:
    """The same window of something longer along one axis, where it is whole."""
    return (*how[:axis], (0, shape[axis], 1), *how[axis + 1 :])


def index_of(how: tuple) -> tuple:
    """The settings of a "getitem" as NumPy wants them."""
    return tuple(slice(*k) if isinstance(k, tuple) else k for k in how)


def _single(x: Term) -> Term:
    while x.fn == "broadcast_to":
        x = x.args[0]
    return x


def _is_kind(dtype: Any, kind: str) -> bool:
    kinds = {"integral": "iu", "real floating": "f", "bool": "b", "complex floating": "c"}
    return np.dtype(dtype).kind in kinds[kind]
