"""Torch's tables: a Table is to the core one value like any other; these ops pack and unpack it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from ..backend import asarray, namespace, to_numpy
from ..checks import is_real
from ..errors import ArgumentError, ShapeError
from ..op import Op
from ..ops import Filled, Select, Stack
from ..steps import called
from ..where import Shape


class Table:
    """Arrays and tables in order.  Tables add leaf by leaf, so gradients of several uses sum up."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = tuple(items)

    @property
    def shape(self) -> Shape:
        """The shapes of the entries."""
        return tuple(tuple(x.shape) for x in self.items)

    @property
    def ndim(self) -> int:
        return len(self.items)

    @property
    def dtype(self) -> Any:
        """That of the first real leaf: the precision in which the table counts."""
        leaves = list(self.leaves())
        return next((x for x in leaves if is_real(x)), leaves[0]).dtype

    def leaves(self) -> Iterator[Any]:
        for x in self.items:
            yield from x.leaves() if isinstance(x, Table) else (x,)

    def get(self) -> np.ndarray:
        """All numbers in a row: what pictures take norms of (`to_numpy` calls it)."""
        return np.concatenate([to_numpy(x).ravel() for x in self.leaves()])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __add__(self, other: Table) -> Table:
        return Table(a + b for a, b in zip(self.items, other.items, strict=True))

    def __mul__(self, k: Any) -> Table:
        return Table(x * k for x in self.items)

    def __array_namespace__(self, api_version: Any = None) -> Any:
        return namespace(next(self.leaves()))


def boxed(value: Any, dtype: Any = None) -> Any:
    """User data as the core takes it: lists and tuples as tables, real numbers in this dtype."""
    if isinstance(value, list | tuple):
        if not value:
            raise ArgumentError("an empty table holds no data")
        return Table(boxed(x, dtype) for x in value)
    value = getattr(value, "data", value) if hasattr(value, "op") else value
    if not hasattr(value, "dtype"):
        raise ArgumentError(f"a table holds arrays; {value!r} is {type(value).__name__}")
    array = asarray(value)
    if dtype is None or not is_real(array) or array.dtype == dtype:
        return array
    return namespace(array).astype(array, dtype)


def unboxed(value: Any) -> Any:
    """What the user gets: tables as fresh tuples."""
    return tuple(map(unboxed, value)) if isinstance(value, Table) else value


def is_table(shape: Shape) -> bool:
    return bool(shape) and all(isinstance(entry, tuple) for entry in shape)


def check_table(shape: Shape, what: str) -> None:
    if not is_table(shape):
        raise ShapeError(f"{{0}} is one tensor, and {what} takes a table")


def entries(x: Any) -> list[Any]:
    """The entries of a table, or of a node that stands for one."""
    return [Element(k)(x) for k in range(len(x.shape))]


def entry(x: Any, k: int, count: int) -> Any:
    """Entry k of a node that stands for a table of `count`; one just packed is not unpacked."""
    packed = type(x.op) is Pack and len(x.parents) == count
    return x.parents[k] if packed else Element(k, count)(x)


def nothing(x: Any) -> Any:
    """Zeros in the structure of x."""
    return Pack()(*map(nothing, entries(x))) if is_table(x.shape) else Filled(0.0)(x)


class Pack(Op):
    r"""$y = \{x_1, x_2, \dots\}$, so $\bar x_k$ is entry $k$ of $\bar y$."""

    kind: ClassVar = "flow"
    latex: ClassVar = r"\{{{all:, }\}}"

    def forward(self, xp, *xs):
        return Table(xs)

    def vjp(self, g, y, *xs):
        return tuple(Element(k)(g) for k in range(len(xs)))

    def shape(self, *xs):
        return xs


@dataclass(frozen=True, eq=False, repr=False)
class Element(Op):
    r"""$y = x_k$, entry $k$ of a table, so $\bar x$ is $\bar y$ in a table of zeros.

    With a count, a table of any other length is an error.
    """

    index: int
    count: int | None = None
    kind: ClassVar = "flow"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return f"{{0:9}}[{self.index}]"

    def forward(self, xp, x):
        return x.items[self.index]

    def vjp(self, g, y, x):
        parts = entries(x)
        taken = self.index % len(parts)
        return (Pack()(*(g if k == taken else nothing(part) for k, part in enumerate(parts))),)

    def shape(self, x):
        check_table(x, "this")
        if self.count is not None and len(x) != self.count:
            raise ShapeError(f"{{0}} is a table of {len(x)}, and split into {self.count}")
        if not -len(x) <= self.index < len(x):
            raise ShapeError(f"{{0}} is a table of {len(x)}: no entry {self.index}, counted from 0")
        return x[self.index]

    def __repr__(self) -> str:
        return f"Element({self.index})"


@dataclass(frozen=True, eq=False, repr=False)
class Slices(Op):
    r"""$y = \{x_1, x_2, \dots\}$ along one axis, which is gone; $\bar x$ stacks $\bar y$."""

    axis: int
    kind: ClassVar = "slice"
    latex: ClassVar = r"\operatorname{{slices}}({0})"

    def forward(self, xp, x):
        return Table(Select(self.axis, k).forward(xp, x) for k in range(x.shape[self.axis]))

    def vjp(self, g, y, x):
        return (Stack(self.axis % len(x.shape))(*entries(g)),)

    def shape(self, x):
        one = Select(self.axis, 0).shape(x)
        return (one,) * x[self.axis]


@dataclass(frozen=True, eq=False, repr=False)
class OnTable(Op):
    """An op of several inputs, on the entries of one table; with a count, of exactly so many."""

    op: Op
    count: int | None = None

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.op.kind

    @property
    def latex(self) -> str:  # type: ignore[override]
        return rf"\operatorname{{{{{type(self.op).__name__}}}}}({{0}})"

    def forward(self, xp, x):
        return self.op.forward(xp, *x)

    def vjp(self, g, y, x):
        parts = entries(x)
        sent = map(called, self.op.vjp(g, y, *parts))
        return (Pack()(*(nothing(x_k) if s is None else s for s, x_k in zip(sent, parts))),)

    def shape(self, x):
        check_table(x, repr(self.op))
        if self.count is not None and len(x) != self.count:
            raise ShapeError(
                f"{{0}} is a table of {len(x)}; {self.op!r} takes exactly {self.count}"
            )
        try:
            return self.op.shape(*x)
        except ShapeError as error:
            raise ShapeError(re.sub(r"\{(\d+)\}", r"entry \1 of {0}", str(error))) from None

    def __repr__(self) -> str:
        return repr(self.op)


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Op):
    r"""$((x_1 \circ x_2) \circ x_3) \circ \dots$ for an op of two inputs: sums, products of many.

    The gradient of a product is made of products, never of quotients: zeros do no harm.
    """

    op: Op

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.op.kind

    @property
    def latex(self) -> str:  # type: ignore[override]
        return rf"\operatorname{{{{{type(self.op).__name__}}}}}({{all:, }})"

    def forward(self, xp, *xs):
        return reduce(lambda a, b: self.op.forward(xp, a, b), xs)

    def vjp(self, g, y, *xs):
        so_far = list(accumulate(xs, self.op))
        sent = []
        for k in range(len(xs) - 1, 0, -1):
            g, g_k = map(called, self.op.vjp(g, so_far[k], so_far[k - 1], xs[k]))
            sent.append(g_k)
        return (g, *reversed(sent))

    def __repr__(self) -> str:
        return repr(self.op)
