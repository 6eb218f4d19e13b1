"""The same entries in another shape or order, and arrays side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .terms import Shape, Term, Untraceable, is_number
from .timewise import Timewise, all_steps_of


class Arrangements(Timewise):
    """Makes views, of which a view of a view is one, and joins arrays."""

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
