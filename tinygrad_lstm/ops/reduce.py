r"""The derivative table, part 6: sums, means and maxima over axes, and their broadcasting reverse.

A sum collects what an expansion spreads: `Sum` and `Expand` are each other's derivative, and so
are `Mean` and `Spread`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..backend import total
from ..errors import ShapeError
from ..op import Op
from ..where import shape_text
from .choice import Equal
from .shape import Reshape, axis_of


def axes_of(axis: Any, shape: tuple) -> tuple[int, ...]:
    """None, one axis or several, as a sorted tuple counted from 0."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = tuple(axis_of(k, shape) for k in (axis if isinstance(axis, tuple) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names one axis of {{0}} twice")
    return tuple(sorted(axes))


def reduced(shape: tuple, axes: tuple[int, ...], keepdims: bool) -> tuple:
    """The shape that is left when `axes` have been summed away."""
    if keepdims:
        return tuple(1 if k in axes else n for k, n in enumerate(shape))
    return tuple(n for k, n in enumerate(shape) if k not in axes)


def refuse_nothing(x: Any, axis: Any, what: str) -> None:
    """ShapeError if there are no entries along these axes; a sum would be 0, but not these."""
    if 0 in x.shape and any(x.shape[k] == 0 for k in axes_of(axis, x.shape)):
        raise ShapeError(f"{{0}} has no entries there; the {what} of nothing is undefined")


@dataclass(frozen=True, eq=False, repr=False)
class Reduction(Op):
    """What sums, means and maxima share: which axes go, and whether they stay as size 1."""

    axis: Any = None
    keepdims: bool = False
    kind: ClassVar = "reduce"

    def __post_init__(self) -> None:
        if isinstance(self.axis, list):
            object.__setattr__(self, "axis", tuple(self.axis))

    def shape(self, x):
        return reduced(x, axes_of(self.axis, x), self.keepdims)

    def kept(self, g, x):
        """g (or y) with the axes that went back in place, as size 1."""
        if self.keepdims:
            return g
        return Reshape(reduced(x.shape, axes_of(self.axis, x.shape), True))(g)


class Sum(Reduction):
    r"""$y = \sum x$ over axes, so $\bar x$ is $\bar y$, expanded to the shape of $x$."""

    latex: ClassVar = r"\textstyle\sum {0:2}"
    numpy: ClassVar = "np.sum({0}, axis={op.axis}, keepdims={op.keepdims})"
    binds: ClassVar = 1

    def forward(self, xp, x):
        return total(xp, x, self.axis, self.keepdims)

    def vjp(self, g, y, x):
        return (Expand(x.shape)(self.kept(g, x)),)


class Mean(Reduction):
    r"""$y$ = the mean of $x$ over axes, so each entry of $\bar x$ is an equal share of $\bar y$."""

    latex: ClassVar = r"\operatorname{{mean}}({0})"
    numpy: ClassVar = "np.mean({0}, axis={op.axis}, keepdims={op.keepdims})"

    def forward(self, xp, x):
        refuse_nothing(x, self.axis, "mean")
        return xp.mean(x, axis=self.axis, keepdims=self.keepdims)

    def vjp(self, g, y, x):
        return (Spread(x.shape)(self.kept(g, x)),)


class Max(Reduction):
    r"""$y = \max x$ over axes; $\bar y$ goes to the largest entry, in equal parts if they tie."""

    latex: ClassVar = r"\max({0})"
    numpy: ClassVar = "np.max({0}, axis={op.axis}, keepdims={op.keepdims})"

    def forward(self, xp, x):
        refuse_nothing(x, self.axis, "maximum")
        return xp.max(x, axis=self.axis, keepdims=self.keepdims)

    def vjp(self, g, y, x):
        hit = Equal()(x, Expand(x.shape)(self.kept(y, x)))
        share = self.kept(g, x) / Sum(self.axis, True)(hit)
        return (Expand(x.shape)(share) * hit,)


@dataclass(frozen=True, eq=False, repr=False)
class Expand(Op):
    r"""$y$ = x repeated along axes of size 1 (broadcasting); $\bar x$ sums over the copies."""

    to: tuple
    kind: ClassVar = "reduce"
    latex: ClassVar = "{0}"
    numpy: ClassVar = "np.broadcast_to({0}, {op.to})"
    lettered: ClassVar = ("to",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", tuple(self.to))

    def forward(self, xp, x):
        return xp.broadcast_to(x, self.to)

    def vjp(self, g, y, x):
        return (Reshape(x.shape)(Sum(grown(x.shape, y.shape), True)(g)),)

    def shape(self, x):
        tail = self.to[len(self.to) - len(x) :]
        if len(x) > len(self.to) or any(n not in (1, m) for n, m in zip(x, tail)):
            raise ShapeError(f"{{0}} does not broadcast to {shape_text(self.to)}")
        return self.to


class Spread(Expand):
    r"""Every copy gets an equal share of x; $\bar x$ is the mean over the copies: see `Mean`."""

    latex: ClassVar = r"\tfrac{{1}}{{n}} {0:2}"
    numpy: ClassVar = "np.broadcast_to({0} * (np.size({0}) / np.prod({op.to})), {op.to})"
    binds: ClassVar = 2

    def forward(self, xp, x):
        y = xp.broadcast_to(x, self.to)
        return y / max(_ratio(self.to, x.shape), 1)

    def vjp(self, g, y, x):
        return (Reshape(x.shape)(Mean(grown(x.shape, y.shape), True)(g)),)


def grown(small: tuple, large: tuple) -> tuple[int, ...]:
    """The axes of `large` along which `small` was repeated."""
    lead = len(large) - len(small)
    small = (None,) * lead + tuple(small)
    return tuple(k for k, (n, m) in enumerate(zip(small, large)) if n is None or n != m)


def _ratio(large: tuple, small: tuple) -> int:
    n = 1
    for axis in grown(small, large):
        n *= large[axis]
    return n


class LogSumExp(Reduction):
    r"""$y = \ln \sum e^x$ over axes, so $\bar x = \bar y \odot e^{x - y}$ (the softmax of x)."""

    latex: ClassVar = r"\ln \textstyle\sum e^{{{0}}}"
    numpy: ClassVar = "np.logaddexp.reduce({0}, axis={op.axis}, keepdims={op.keepdims})"

    def forward(self, xp, x):
        top = finite_max(xp, x, self.axis)
        total = xp.sum(xp.exp(x - top), axis=self.axis, keepdims=True)
        none = total == 0  # the sum over entries that are all -inf, whose logarithm would warn
        y = xp.log(xp.where(none, xp.ones_like(total), total)) + top
        y = xp.where(none, xp.full_like(y, -math.inf), y)
        return y if self.keepdims else xp.reshape(y, self.shape(x.shape))

    def vjp(self, g, y, x):
        from .elementwise import Exp

        likely = Exp()(x - Expand(x.shape)(self.kept(y, x)))
        return (Expand(x.shape)(self.kept(g, x)) * likely,)


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Op):
    r"""$y = e^x / \sum e^x$ along one axis; $\bar x = y \odot (\bar y - \sum \bar y \odot y)$."""

    axis: int = -1
    kind: ClassVar = "reduce"
    latex: ClassVar = r"\operatorname{{softmax}}({0})"
    numpy: ClassVar = "np.exp({0} - np.logaddexp.reduce({0}, axis={op.axis}, keepdims=True))"

    def forward(self, xp, x):
        e = xp.exp(x - finite_max(xp, x, self.axis))
        return e / xp.sum(e, axis=self.axis, keepdims=True)

    def vjp(self, g, y, x):
        return (y * (g - Expand(x.shape)(Sum(self.axis, True)(g * y))),)

    def shape(self, x):
        axis_of(self.axis, x)
        return x


@dataclass(frozen=True, eq=False, repr=False)
class LogSoftmax(Op):
    r"""$y = x - \ln \sum e^x$ along one axis, so $\bar x = \bar y - e^y \odot \sum \bar y$."""

    axis: int = -1
    kind: ClassVar = "reduce"
    latex: ClassVar = r"\operatorname{{log\,softmax}}({0})"
    numpy: ClassVar = "{0} - np.logaddexp.reduce({0}, axis={op.axis}, keepdims=True)"

    def forward(self, xp, x):
        z = x - finite_max(xp, x, self.axis)
        return z - xp.log(xp.sum(xp.exp(z), axis=self.axis, keepdims=True))

    def vjp(self, g, y, x):
        return (g - Softmax(self.axis)(x) * Expand(x.shape)(Sum(self.axis, True)(g)),)

    def shape(self, x):
        axis_of(self.axis, x)
        return x


def finite_max(xp, x, axis):
    """The largest entry along the axis, to subtract before `exp`; 0 where all entries are -inf."""
    refuse_nothing(x, axis, "softmax")
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.where(xp.isfinite(top), top, xp.zeros_like(top))
