"""Modules that read or make tables, and the containers among them."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ops
from ..errors import ArgumentError, ShapeError
from ..op import Op
from ..tensor import Tensor
from .late import Late
from .module import Module
from .modules import axis_from, chained, paired
from .node import Node
from .table import Element, OnTable, Pack, Slices, entry


class CAddTable(Module):
    """The sum of one or more tensors of one shape."""

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return chained(ops.CAdd(), xs)


class CMulTable(Module):
    """The product of one or more tensors of one shape, entry by entry."""

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return chained(ops.CMul(), xs)


class CSubTable(Module):
    """The first of two tensors minus the second."""

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return paired(ops.CSub(), xs, "CSubTable")


class CDivTable(Module):
    """The first of two tensors divided by the second, entry by entry."""

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return paired(ops.CDiv(), xs, "CDivTable")


class Dimensional(Module):
    """A module on one dimension, counted from 1.

    Args:
        dim: negative counts from the last dimension, -1.
        nInputDims: how many dimensions one example has; an input with one more is a batch, and
            `dim` then means the next dimension.
    """

    def __init__(self, dim: int, nInputDims: int | None = None) -> None:
        super().__init__()
        axis_from(dim)
        self.dim, self.nInputDims = dim, nInputDims

    def op(self) -> Op:
        """The core's op, or one that waits until the number of dimensions is known."""
        late = self.nInputDims is not None and self.dim > 0
        return Late(self) if late else self.along(axis_from(self.dim))

    def along(self, axis: int) -> Op:
        """The core's op on an axis counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no along")

    def chosen(self, shape: tuple) -> Op:
        """The core's op for an input of this shape."""
        batch = self.nInputDims is not None and len(shape) == self.nInputDims + 1
        return self.along(axis_from(self.dim) + batch)

    def __repr__(self) -> str:
        more = "" if self.nInputDims is None else f", {self.nInputDims}"
        return f"{type(self).__name__}({self.dim}{more})"


class JoinTable(Dimensional):
    """Tensors one after the other along dimension dim."""

    def along(self, axis: int) -> Op:
        return ops.Concat(axis)

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return OnTable(self.op())(xs[0]) if len(xs) == 1 else self.op()(*xs)


class SplitTable(Dimensional):
    """The slices along dimension dim, which is gone, as a table."""

    def along(self, axis: int) -> Op:
        return Slices(axis)

    def build(self, x: Tensor) -> Tensor:
        return self.op()(x)


class SelectTable(Module):
    """Entry `index` of a table, counted from 1; -1 is the last."""

    def __init__(self, index: int) -> None:
        super().__init__()
        if index == 0:
            raise ShapeError("SelectTable(0): Torch counts from 1; -1 is the last")
        self.index = index

    def build(self, x: Tensor) -> Tensor:
        return Element(axis_from(self.index))(x)

    def __repr__(self) -> str:
        return f"SelectTable({self.index})"


class NarrowTable(Module):
    """`length` entries of a table, from number `offset`, counted from 1."""

    def __init__(self, offset: int, length: int = 1) -> None:
        super().__init__()
        if offset < 1 or length < 1:
            raise ShapeError(f"NarrowTable({offset}, {length}): Torch counts from 1")
        self.offset, self.length = offset, length

    def build(self, x: Tensor) -> Tensor:
        first = self.offset - 1
        return Pack()(*(Element(k)(x) for k in range(first, first + self.length)))

    def __repr__(self) -> str:
        return f"NarrowTable({self.offset}, {self.length})"


class JustTable(Module):
    """A table of one entry."""

    def joined(self, xs: Sequence[Tensor]) -> Tensor:
        return Pack()(*xs)


class Part(Module):
    """Entry k, counted from 0, of a node split into `count` parts."""

    def __init__(self, k: int, count: int) -> None:
        super().__init__()
        self.k, self.count = k, count

    def build(self, x: Tensor) -> Tensor:
        return entry(x, self.k, self.count)

    def on(self, nodes: Sequence[Node]) -> Node:
        part = super().on(nodes)
        nodes[0].parts = (*nodes[0].parts, part)
        return part

    def __repr__(self) -> str:
        return f"part {self.k + 1} of {self.count}"


class Container(Module):
    """Modules in order; `add` returns the container, so that adding chains."""

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        for module in modules:
            self.add(module)

    def add(self, module: Module) -> Container:
        if not isinstance(module, Module):
            raise ArgumentError(f"{type(self).__name__}: {module!r} is no module")
        self.modules.append(module)
        self._forget()
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.modules))})"


class Sequential(Container):
    """Each module reads what the one before it made."""

    def build(self, x: Tensor) -> Tensor:
        for module in self.modules:
            x = module.joined([x])
        return x


class ParallelTable(Container):
    """Module k reads entry k of the table; the results are a table."""

    def build(self, x: Tensor) -> Tensor:
        count = len(self.modules)
        return Pack()(*(m.joined([Element(k, count)(x)]) for k, m in enumerate(self.modules)))


class ConcatTable(Container):
    """Every module reads the same input; the results are a table."""

    def build(self, x: Tensor) -> Tensor:
        return Pack()(*(module.joined([x]) for module in self.modules))
