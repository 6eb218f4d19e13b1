"""Calls written down as terms: equal ones once, what is superfluous (x + 0, x * 1) not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .terms import BINARY, COMPARISONS, UNARY, Shape, Term, is_number

if TYPE_CHECKING:
    from .tape import Tape


class Recorder:
    """Makes terms, and knows those that it has made."""

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
        term.dtype, term.tape = np.dtype(dtype), cast("Tape", self)
        term.next, term.name = None, None
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

    def broadcast_to(self, x: Term, shape: Any) -> Term:
        shape = tuple(shape)
        if x.shape == shape:
            return x
        if x.fn == "broadcast_to":
            x = x.args[0]
        return self.make("broadcast_to", (x,), shape, shape, x.dtype)

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
