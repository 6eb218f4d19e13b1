r"""The derivative table, part 4: products with matrices, and the row lookup that is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..backend import add_rows
from ..errors import DtypeError, RangeError, ShapeError
from ..op import Op
from .reduce import Sum
from .shape import Reshape

_sum_rows = Sum(0)


def rows(x):
    """x as a matrix: every axis but the last folded into one."""
    return x if len(x.shape) == 2 else Reshape((-1, x.shape[-1]))(x)


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Op):
    r"""$y = x W^\top + b$ for rows $x$ (..., D): the node that a `Linear` layer adds.

    $\bar x = \bar y W, \quad \bar W = \bar y^\top x, \quad \bar b = \textstyle\sum_n \bar y_n$
    """

    bias: bool = True
    kind: ClassVar = "linear"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return "{1:3} {0:4} + {2}" if self.bias else "{1:3} {0:4}"

    @property
    def numpy(self) -> str:  # type: ignore[override]
        return "{0} @ {1}.T + {2}" if self.bias else "{0} @ {1}.T"

    @property
    def binds(self) -> int:  # type: ignore[override]
        return 1 if self.bias else 3

    def forward(self, xp, x, W, *b):
        y = xp.matmul(x, W.T)
        if not b:
            return y
        if y.dtype != b[0].dtype:  # one of them complex: a derivative by complex step
            return y + b[0]
        y += b[0]  # ours alone, and large: no need for another
        return y

    def vjp(self, g, y, x, W, *b):
        x_bar = lambda: g @ W
        W_bar = lambda: rows(g).T @ rows(x)
        b_bar = lambda: _sum_rows(rows(g))
        return (x_bar, W_bar, b_bar) if b else (x_bar, W_bar)

    def shape(self, x, W, *b):
        if not x or x[-1] != W[1]:
            has = f"has {x[-1]}" if x else "has no axis"
            raise ShapeError(f"{{1}} takes {W[1]} features, {{0}} {has}")
        return (*x[:-1], W[0])


class MatMul(Op):
    r"""$y = a b$, (..., n, k)(..., k, m); $\bar a = \bar y b^\top$ and $\bar b = a^\top \bar y$."""

    kind: ClassVar = "linear"
    latex: ClassVar = "{0:3} {1:4}"
    numpy: ClassVar = "{0} @ {1}"
    binds: ClassVar = 3

    def forward(self, xp, a, b):
        return xp.matmul(a, b)

    def vjp(self, g, y, a, b):
        return lambda: g @ Transpose()(b), lambda: Transpose()(a) @ g

    def shape(self, a, b):
        if len(a) < 2 or len(a) != len(b) or a[:-2] != b[:-2] or a[-1] != b[-2]:
            raise ShapeError(
                f"{{0}} times {{1}}: the last axis of the first, {a[-1:]}, meets the second to "
                f"last of the second, {b[-2:-1]}"
            )
        return (*a[:-1], b[-1])


class Transpose(Op):
    r"""$y = x^\top$ in the last two axes, so $\bar x = \bar y^\top$."""

    kind: ClassVar = "slice"
    latex: ClassVar = r"{0:base}^\top"
    numpy: ClassVar = "np.swapaxes({0}, -2, -1)"
    binds: ClassVar = 8

    def forward(self, xp, x):
        axes = tuple(range(len(x.shape)))
        return xp.permute_dims(x, (*axes[:-2], axes[-1], axes[-2]))

    def vjp(self, g, y, x):
        return (Transpose()(g),)

    def shape(self, x):
        if len(x) < 2:
            raise ShapeError(f"{{0}} has {len(x)} axes; to transpose takes two")
        return (*x[:-2], x[-1], x[-2])


class Lookup(Op):
    r"""$y_n = W_{k_n}$: row $k_n$ of a table (V, D) for every number in ids; a one-hot product.

    $\bar W_k$ is the sum of $\bar y_n$ over the n that looked row k up.
    """

    kind: ClassVar = "linear"
    latex: ClassVar = "{0}[{1}]"
    numpy: ClassVar = "{0}[{1}]"
    whole: ClassVar = (1,)

    def forward(self, xp, W, ids):
        check_ids(xp, ids, W.shape[0], "row number")
        y = xp.take(W, xp.reshape(ids, (-1,)), axis=0)
        return xp.reshape(y, (*ids.shape, *W.shape[1:]))

    def vjp(self, g, y, W, ids):
        return Scatter(W.shape[0])(g, ids), None

    def shape(self, W, ids):
        if not W:
            raise ShapeError("{0} has no rows to look up")
        return (*ids, *W[1:])


@dataclass(frozen=True, eq=False, repr=False)
class Scatter(Op):
    r"""Zeros (V, D) with every row $g_n$ added at row $k_n$: the derivative of `Lookup`."""

    count: Any
    kind: ClassVar = "linear"
    lettered: ClassVar = ("count",)
    latex: ClassVar = r"\operatorname{{scatter}}({0}, {1})"
    numpy: ClassVar = "np.tensordot(np.eye({op.count})[{1}], {0}, (range(np.ndim({1})),) * 2)"
    whole: ClassVar = (1,)

    def forward(self, xp, g, ids):
        tail = g.shape[len(ids.shape) :]
        flat = xp.reshape(g, (int(_size(ids.shape)), *tail))
        return add_rows(xp, xp.reshape(ids, (-1,)), flat, self.count)

    def vjp(self, g, y, rows_, ids):
        return Lookup()(g, ids), None

    def shape(self, g, ids):
        return (self.count, *g[len(ids) :])


def check_ids(xp, ids, count: int, what: str, ignore: int | None = None) -> None:
    """Raise RangeError unless all ids are whole numbers 0 ... count-1 (or the ignored one)."""
    if not xp.isdtype(ids.dtype, "integral"):
        raise DtypeError(f"{{1}}: a {what} is an integer, these are {ids.dtype}")
    bad = (ids < 0) | (ids >= count)
    if ignore is not None:
        bad = bad & (ids != ignore)
    if _size(ids.shape) and bool(xp.any(bad)):
        worst = int(ids[bad][0])
        raise RangeError(
            f"{{1}}: {what} {worst} does not exist; there are {count}, "
            f"counted from 0 to {count - 1}"
        )


def _size(shape) -> int:
    n = 1
    for side in shape:
        n *= side
    return n
