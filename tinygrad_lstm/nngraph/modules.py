"""Modules of one input: Linear, the curves, Narrow, Reshape, Dropout, CMul, CAdd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..errors import ArgumentError, ShapeError
from ..layers import parameter, uniform
from ..op import Op
from ..ops.flow import KeepMask
from ..tensor import Tensor
from .late import ExpandAs, Late
from .module import Module
from .table import Chain, OnTable
from .weights import Weight


class Simple(Module):
    """A module that is one op of the core."""

    op: Op

    def build(self, x: Tensor) -> Tensor:
        return self.op(x)


class Identity(Module):
    """$y = x$.  `Identity()()` is an input of a graph; `Identity()([a, b])` is a table."""

    def build(self, x: Tensor) -> Tensor:
        return x


class Tanh(Simple):
    op = ops.Tanh()


class Sigmoid(Simple):
    op = ops.Sigmoid()


class ReLU(Simple):
    op = ops.ReLU()


class SoftMax(Simple):
    op = ops.Softmax()


class LogSoftMax(Simple):
    op = ops.LogSoftmax()


class Linear(Module):
    r"""$y = x W^\top + b$ for rows x: `weight` (output_size, input_size), `bias` (output_size,).

    Both start uniform in $\pm 1 / \sqrt{\text{input\_size}}$; their gradients start at zero.
    """

    weights = ("weight", "bias")

    def __init__(self, input_size: int, output_size: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(max(input_size, 1))
        self.sizes = (input_size, output_size)
        self.weight = Weight(parameter(uniform(bound, output_size, input_size), "W"), "W")
        self.bias = Weight(parameter(uniform(bound, output_size), "b"), "b") if bias else None

    def build(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return ops.Affine(False)(x, self.weight)
        return ops.Affine()(x, self.weight, self.bias)

    def noBias(self) -> Linear:
        self.bias = None
        self._forget()
        return self

    def __repr__(self) -> str:
        return (
            f"Linear({self.sizes[0]}, {self.sizes[1]}{', bias=False' if self.bias is None else ''})"
        )


class Scaling(Module):
    """What CMul and CAdd share: with a size learnable, without one an op on a table."""

    rule: Op
    weight: Weight | None = None
    bias: Weight | None = None

    def __init__(self, *size: int) -> None:
        super().__init__()
        self.size = size
        if size:
            bound = 1 / math.sqrt(math.prod(size))
            name = self.weights[0]
            setattr(self, name, Weight(parameter(uniform(bound, *size), name), name[0]))

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        if not self.size:
            return chained(self.rule, xs)
        return super().joined(xs)

    def build(self, x: Tensor) -> Tensor:
        return self.rule(x, ExpandAs()(getattr(self, self.weights[0]), x))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.size))})"


class CMul(Scaling):
    r"""`CMul(size)`: $y = w \odot x$ with learnable `weight`; `CMul()`: the product of a table."""

    rule = ops.CMul()
    weights = ("weight",)


class CAdd(Scaling):
    r"""`CAdd(size)`: $y = x + b$ with learnable `bias`; `CAdd()`: the sum of a table."""

    rule = ops.CAdd()
    weights = ("bias",)


class Narrow(Module):
    """Entries offset ... offset + length - 1 of dimension dim, all counted from 1.

    Args:
        dim: negative counts from the last dimension, -1.
        offset: negative is Torch's odd case, whatever its value: all but the last `length` entries.
        length: negative counts from the end: -1 is up to the last entry.
    """

    def __init__(self, dim: int, offset: int, length: int = 1) -> None:
        super().__init__()
        if dim == 0 or offset == 0:
            raise ShapeError(f"Narrow({dim}, {offset}, {length}): Torch counts from 1")
        if offset < 0 and length < 0:
            raise ShapeError(
                f"Narrow({dim}, {offset}, {length}): only one of the two may be negative"
            )
        self.dim, self.offset, self.length = dim, offset, length

    def build(self, x: Tensor) -> Tensor:
        if self.offset > 0 and self.length >= 0:
            return ops.Narrow(axis_from(self.dim), self.offset - 1, self.length)(x)
        return Late(self)(x)

    def chosen(self, shape: tuple) -> Op:
        """The core's Narrow for an input of this shape."""
        axis = axis_from(self.dim)
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(f"{{0}} has {len(shape)} dimensions, none is number {self.dim}")
        size = shape[axis]
        if self.offset < 0:
            return ops.Narrow(axis, 0, size - self.length)
        start = self.offset - 1
        return ops.Narrow(axis, start, size - start + self.length + 1)

    def __repr__(self) -> str:
        return f"Narrow({self.dim}, {self.offset}, {self.length})"


class Reshape(Module):
    """The same numbers in another shape.

    Args:
        batchMode: whether the first dimension is kept as it is.  Unless said, it is, except when
            the input has as many entries as `size` and more than one row.
    """

    def __init__(self, *size: int, batchMode: bool | None = None) -> None:
        super().__init__()
        self.size, self.batchMode = size, batchMode

    def build(self, x: Tensor) -> Tensor:
        return ops.Reshape(self.size)(x) if self.batchMode is False else Late(self)(x)

    def chosen(self, shape: tuple) -> Op:
        """The core's Reshape for an input of this shape."""
        whole = math.prod(shape) == math.prod(self.size) and shape[:1] != (1,)
        batch = not whole if self.batchMode is None else self.batchMode
        return ops.Reshape((shape[0], *self.size) if batch else self.size)

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.size))})"


class Dropout(Module):
    """Entries are dropped with probability p, while `training()`.

    Version 2 scales the kept ones by 1 / (1 - p), so `evaluate()` changes nothing; with v1 they
    stay as they are, and `evaluate()` scales all by 1 - p.  p is the probability of *dropping*.
    """

    def __init__(self, p: float = 0.5, v1: bool = False) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ShapeError(f"Dropout({p}): p is the probability of dropping, 0 <= p < 1")
        self.p, self.v1 = p, v1

    def build(self, x: Tensor) -> Tensor:
        y = ops.CMul()(x, KeepMask(self.p)(x))
        return ops.Scale(1 - self.p)(y) if self.v1 else y

    def __repr__(self) -> str:
        return f"Dropout({self.p:g}{', v1=True' if self.v1 else ''})"


def axis_from(dim: int) -> int:
    """The axis, counted from 0, of a dimension counted from 1; -1 is the last in both."""
    if dim == 0:
        raise ShapeError("dimension 0: Torch counts from 1; -1 is the last")
    return dim - 1 if dim > 0 else dim


def chained(rule: Op, xs: Sequence[Any]) -> Tensor:
    """The sum (product) of several nodes, or of the entries of one table."""
    if len(xs) == 1:
        return OnTable(Chain(rule))(xs[0])
    return rule(*xs) if len(xs) == 2 else Chain(rule)(*xs)


def paired(rule: Op, xs: Sequence[Any], name: str) -> Tensor:
    """An op on exactly two nodes, or on a table of two."""
    if len(xs) > 2:
        raise ArgumentError(f"{name} takes a table of exactly 2; it got {len(xs)}")
    return OnTable(rule, 2)(xs[0]) if len(xs) == 1 else rule(*xs)
