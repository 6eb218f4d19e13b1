"""What `a + b`, `2 * x`, `x @ y` and `x[:, 2:5]` add to the graph.

A plain number becomes a `Scale`; a difference in shape becomes an `Expand`.
"""

from __future__ import annotations

import math
import numbers
from functools import partial
from typing import Any

import numpy as np

from ..checks import is_whole, whole_beside_floats
from ..errors import ArgumentError, DtypeError, RangeError, ShapeError
from ..op import as_node
from ..tensor import INFIX, Tensor
from ..where import both, written_at
from .choice import AtLeast, Greater
from .elementwise import CAdd, CDiv, CMul, CSub, Exp, Log, Pow, Scale
from .linear import Lookup, MatMul
from .reduce import Expand
from .shape import Narrow, Reshape, Select


def common_shape(shapes: list[tuple]) -> tuple:
    """The shape to which all of these broadcast: sizes agree or are 1, aligned at the right."""
    ndim = max(map(len, shapes))
    result = []
    for sides in zip(*((1,) * (ndim - len(s)) + s for s in shapes)):
        wanted = {n for n in sides if n != 1}
        if len(wanted) > 1:
            raise ShapeError(f"shapes {both(shapes)} do not broadcast to one")
        result.append(wanted.pop() if wanted else 1)
    return tuple(result)


def broadcast(op: Any, *inputs: Any) -> Tensor:
    """Apply the op to its inputs, each expanded to their common shape."""
    nodes = [as_node(op, x, inputs, k in op.whole) for k, x in enumerate(inputs)]
    shapes = [node.shape for node in nodes]
    try:
        shape = common_shape(shapes)
    except ShapeError:
        return op(*nodes)  # its own shape rule says what does not fit, and where
    return op(*(node if node.shape == shape else Expand(shape)(node) for node in nodes))


def arithmetic(op: Any, a: Any, b: Any) -> Tensor:
    """As `broadcast`, but whole numbers wait for nothing that may turn out to be floats."""
    for x, beside in ((a, b), (b, a)):
        if _is_whole_tensor(x) and not _is_whole_tensor(beside):
            error = whole_beside_floats(x)
            raise DtypeError(f"{error}\n  written at {written_at()}")
    return broadcast(op, a, b)


def _is_whole_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) and x.data is not None and is_whole(x.data)


def number(x: Any) -> float | None:
    """x as a Python number if it is one (also a NumPy scalar: it must not promote the graph)."""
    if isinstance(x, numbers.Real | np.generic) and not isinstance(x, bool | np.bool_):
        return float(x)
    if isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind in "fiu":
        return float(x)
    return None


def _add(a: Any, b: Any) -> Tensor:
    k = number(b)
    if k is not None:
        return Scale(1.0, k)(a)
    return _add(b, a) if number(a) is not None else arithmetic(CAdd(), a, b)


def _sub(a: Any, b: Any) -> Tensor:
    if (k := number(b)) is not None:
        return Scale(1.0, -k)(a)
    if (k := number(a)) is not None:
        return Scale(-1.0, k)(b)
    return arithmetic(CSub(), a, b)


def _mul(a: Any, b: Any) -> Tensor:
    k = number(b)
    if k is not None:
        return Scale(k)(a)
    return _mul(b, a) if number(a) is not None else arithmetic(CMul(), a, b)


def _div(a: Any, b: Any) -> Tensor:
    if (k := number(b)) is not None:
        return Scale(1.0 / k)(a)
    if (k := number(a)) is not None:
        return Scale(k)(Pow(-1.0)(b))
    return arithmetic(CDiv(), a, b)


def _pow(a: Any, b: Any) -> Tensor:
    if (k := number(b)) is not None:
        return Pow(k)(a)
    if (k := number(a)) is not None:
        if k <= 0:
            raise RangeError(f"{k:g} ** {b.title}: a power of a tensor needs a base above 0")
        return Exp()(Scale(math.log(k))(b))
    return Exp()(_mul(b, Log()(a)))


def _compare(op: Any, a: Any, b: Any) -> Tensor:
    k = number(a) if isinstance(b, Tensor) else number(b)
    if k is not None:
        a, b = (np.asarray(k), b) if isinstance(b, Tensor) else (a, np.asarray(k))
    return broadcast(op, a, b)


def matmul(a: Any, b: Any) -> Tensor:
    """a @ b for vectors, matrices and stacks of matrices; stacks broadcast."""
    op = MatMul()
    a, b = as_node(op, a, (a, b)), as_node(op, b, (a, b))
    row, column = a.ndim == 1, b.ndim == 1
    a = Reshape((1, *a.shape))(a) if row else a
    b = Reshape((*b.shape, 1))(b) if column else b
    if a.shape[:-2] != b.shape[:-2]:
        try:
            lead = common_shape([a.shape[:-2], b.shape[:-2]])
        except ShapeError:
            return op(a, b)
        a = a if a.shape[:-2] == lead else Expand((*lead, *a.shape[-2:]))(a)
        b = b if b.shape[:-2] == lead else Expand((*lead, *b.shape[-2:]))(b)
    y = op(a, b)
    y = Select(-1, 0)(y) if column else y
    return Select(-1 if column else -2, 0)(y) if row else y


def index(x: Tensor, key: Any) -> Tensor:
    """x[key]: integers, slices (negative steps too), None, `...`, or one array of row numbers."""
    if isinstance(key, list | np.ndarray) or (isinstance(key, Tensor)):
        return Lookup()(x, as_node(Lookup(), key, (x,), whole=True))
    keys = key if isinstance(key, tuple) else (key,)
    full = _without_ellipsis(keys, x.ndim)
    axis, y = 0, x
    for k in full:
        if k is None:
            y = Reshape((*y.shape[:axis], 1, *y.shape[axis:]))(y)
            axis += 1
        elif isinstance(k, slice):
            y = _narrowed(y, axis, k)
            axis += 1
        elif isinstance(k, int | np.integer):
            y = Select(axis, int(k))(y)
        else:
            raise ArgumentError(f"{x.title}: cannot be indexed by {k!r}; slices and integers can")
    return y


def _without_ellipsis(keys: tuple, ndim: int) -> tuple:
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if any(k is Ellipsis for k in keys):
        at = next(n for n, k in enumerate(keys) if k is Ellipsis)
        return keys[:at] + (slice(None),) * (ndim - used) + keys[at + 1 :]
    return keys


def _narrowed(y: Tensor, axis: int, key: slice) -> Tensor:
    if key == slice(None):
        return y
    size = y.shape[axis] if axis < y.ndim else 0
    if isinstance(size, str):
        if key.stop is None or min(key.start or 0, key.stop) < 0 or (key.step or 1) < 0:
            raise ShapeError(f"{y.title}: axis {axis} waits for data; slice it as [start:stop]")
        size = key.stop
    start, stop, step = key.indices(size)
    return Narrow(axis, start, len(range(start, stop, step)), step)(y)


INFIX.update(CAdd=_add, CSub=_sub, CMul=_mul, CDiv=_div, Pow=_pow, MatMul=matmul)
INFIX.update(Greater=partial(_compare, Greater()), AtLeast=partial(_compare, AtLeast()))
INFIX.update(index=index)
