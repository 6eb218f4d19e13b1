"""Terms of one step and of all steps: from the one to the other."""

from __future__ import annotations

from collections.abc import Sequence

from .recorder import Recorder
from .terms import Term


class Timewise(Recorder):
    """Makes what stands between a loop and what lies around it."""

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
