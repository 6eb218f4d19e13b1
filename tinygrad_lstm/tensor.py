"""A Tensor is a node of the graph: some numbers, the op that made them, and its parents."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .backend import asarray, keep_freed_memory, move, to_numpy
from .checks import blamed, check_seeds, explained
from .errors import ArgumentError, GraphError, ShapeError
from .steps import backward_program, backward_steps, below
from .where import ANY, Shape, shape_text, written_at

if TYPE_CHECKING:
    from .op import Op

OPS: dict[str, Callable[..., Any]] = {}
"""Every op class by its name: the derivative table."""

INFIX: dict[str, Callable[[Any, Any], Tensor]] = {}
"""What the infix operators do; `ops` fills it in, for it knows about numbers and broadcasting."""

_births = itertools.count(1)
_new = object.__new__

UNRECORDED = object()
"""The turn of a node that was computed inside `no_grad()`."""


class Tensor:
    """A node: some numbers (or a place for them), the op that made them, and its parents.

    Attributes:
        data: the array, or None in a node that waits for data.
        op: the `Op` that made this node; None for a leaf.
        parents: the nodes that the op read, in order.
        grad: dL/d(this node), None until `backward` has computed it.
        name: what its author called it.
        scope: where it stands in time and depth, such as "t=3".
        where: the line that wrote it.
        born: its serial number; a node is younger than its parents.
    """

    __slots__ = (
        "__weakref__", "adjoint", "born", "data", "declared", "layer", "name", "op", "parents",
        "scope", "turn", "where",
    )  # fmt: skip
    __array_ufunc__ = None  # so that `array * tensor` is a node and not an array of nodes

    op: Op | None
    parents: tuple[Tensor, ...]
    data: Any
    adjoint: Any
    turn: object
    layer: Any

    def __init__(self, data: Any, name: str | None = None, dtype: Any = None) -> None:
        if isinstance(data, Tensor):
            data = data.data
        elif isinstance(data, list | tuple) and any(isinstance(part, Tensor) for part in data):
            raise ArgumentError(
                "Tensor got a list of tensors; to keep their gradients, join them in the graph: "
                f"stacked([...]) or concat([...])\n  written at {written_at()}"
            )
        self._set(None, (), asarray(data, dtype), name, written_at())

    def _set(self, op: Op | None, parents: tuple, data: Any, name: Any, where: Any) -> None:
        self.op = op
        self.parents = parents
        self.data = data
        self.name = name
        self.where = where
        self.adjoint = self.scope = self.layer = self.turn = None
        self.declared: Shape = ()
        self.born = next(_births)

    def again(self, op: Op, parents: tuple, data: Any, scope: str | None) -> Tensor:
        """This node once more: the same op, name and line, on new parents."""
        node = _new(Tensor)
        node.op = op
        node.parents = parents
        node.data = data
        node.name = self.name
        node.where = self.where
        node.layer = self.layer
        node.scope = scope
        node.adjoint = node.turn = None
        node.declared = ()
        node.born = next(_births)
        return node

    @classmethod
    def made_by(cls, op: Op, parents: tuple, where: Any) -> Tensor:
        """A new node, without its value."""
        node = cls.__new__(cls)
        node._set(op, parents, None, None, where)
        return node

    def forget_parents(self) -> None:
        """Make a leaf of a node that was not to be recorded."""
        self.op, self.parents, self.turn = None, (), UNRECORDED

    @property
    def shape(self) -> Shape:
        return self.declared if self.data is None else tuple(self.data.shape)

    @property
    def axes(self) -> Shape:
        """The shape as written: its letters are still letters when data have arrived."""
        return self.declared or self.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        return None if self.data is None else self.data.dtype

    @property
    def grad(self) -> Any:
        """dL/d(this node), in the shape of the node; None while it is not computed.

        A leaf's gradient is an array of its own.  Inner nodes may share one (`CAdd` passes what
        arrives to both parents), so theirs cannot be written to.
        """
        if self.op is None or not isinstance(self.adjoint, np.ndarray):
            return self.adjoint
        view = self.adjoint.view()
        view.flags.writeable = False
        return view

    @grad.setter
    def grad(self, value: Any) -> None:
        self.adjoint = value

    def backward(self, seed: Any = None) -> None:
        """Fill `.grad` of every node below this one with dL/d(node), L = <seed, this node>.

        Args:
            seed: array in the shape of this node; not needed for a scalar, where it is 1.

        Raises:
            ShapeError: for a missing or a misshapen seed.  Gradients start fresh at every call.
        """
        if self.turn is UNRECORDED:
            text = f"backward: {self.title} was computed inside no_grad(), so nothing leads back"
            raise blamed(self, text)
        keep_freed_memory()
        seeds = check_seeds((self,), (seed,), "backward")
        nodes = below((self,))
        for _ in backward_steps(nodes, backward_program(nodes), [(self, seeds[0])]):
            pass

    def numpy(self) -> np.ndarray:
        """The numbers as a NumPy array, fetched from the device if they are on one."""
        if self.data is None:
            raise GraphError(f"numpy: {self.title} waits for data; run graph.forward(...) first")
        return to_numpy(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """For `np.asarray(x)` and plots; without it NumPy would make an array of nodes."""
        return np.array(self.numpy(), dtype, copy=copy)

    def item(self) -> float:
        """The number in a one-element tensor."""
        if self.data is not None and math.prod(self.data.shape) != 1:
            raise ShapeError(f"{self.title} is no single number; reduce it first, as in x.sum()")
        return self.numpy().item()

    def detach(self) -> Tensor:
        """The same numbers in a new leaf, through which no gradient flows."""
        if self.data is None:
            return OPS["Detach"]()(self)
        return Tensor(self.data, name=self.name)

    def to(self, backend: Any, device: Any = None) -> Tensor:
        """This tensor's numbers on another backend, as a new leaf; a Parameter moves itself."""
        moved = move(self.data, backend, device)
        if isinstance(self, Parameter):
            self.data, self.adjoint = moved, None
            return self
        leaf = Tensor.__new__(Tensor)
        leaf._set(None, (), moved, self.name, written_at())
        return leaf

    @property
    def title(self) -> str:
        """How messages call it: its name, or what made it, and its shape."""
        made = "leaf" if self.op is None else repr(self.op)
        return f"{self.name or made} {shape_text(self.shape)}"

    def explained(self, error: Exception, op: Op | None = None) -> Exception:
        """The error with what a reader needs to mend it: op, inputs, line; `.node` is set."""
        return explained(error, op or self.op, self.parents, self.where, self)

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        value = "waits for data" if self.data is None else np.array2string(
            self.numpy(), precision=4, threshold=20, separator=", "
        )  # fmt: skip
        made = f", by {self.op}" if self.op else ""
        return f"{type(self).__name__}({name}{shape_text(self.shape)}: {value}{made})"

    def __len__(self) -> int:
        if not self.shape or not isinstance(self.shape[0], int):
            raise TypeError(f"{self.title} has no length")
        return self.shape[0]

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __getitem__(self, index: Any) -> Tensor:
        return INFIX["index"](self, index)

    def __add__(self, other: Any) -> Tensor:
        return INFIX["CAdd"](self, other)

    def __radd__(self, other: Any) -> Tensor:
        return INFIX["CAdd"](other, self)

    def __sub__(self, other: Any) -> Tensor:
        return INFIX["CSub"](self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return INFIX["CSub"](other, self)

    def __mul__(self, other: Any) -> Tensor:
        return INFIX["CMul"](self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return INFIX["CMul"](other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return INFIX["CDiv"](self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return INFIX["CDiv"](other, self)

    def __pow__(self, other: Any) -> Tensor:
        return INFIX["Pow"](self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return INFIX["Pow"](other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return INFIX["MatMul"](self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return INFIX["MatMul"](other, self)

    def __neg__(self) -> Tensor:
        return OPS["Neg"]()(self)

    def __abs__(self) -> Tensor:
        return OPS["Abs"]()(self)

    def __gt__(self, other: Any) -> Tensor:
        return INFIX["Greater"](self, other)

    def __lt__(self, other: Any) -> Tensor:
        return INFIX["Greater"](other, self)

    def __ge__(self, other: Any) -> Tensor:
        return INFIX["AtLeast"](self, other)

    def __le__(self, other: Any) -> Tensor:
        return INFIX["AtLeast"](other, self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPS["Sum"](axis, keepdims)(self)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPS["Mean"](axis, keepdims)(self)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return OPS["Max"](axis, keepdims)(self)

    def reshape(self, *shape: Any) -> Tensor:
        return OPS["Reshape"](_unpacked(shape))(self)

    def permute(self, *axes: Any) -> Tensor:
        return OPS["Permute"](_unpacked(axes))(self)

    @property
    def T(self) -> Tensor:
        return OPS["Permute"](tuple(reversed(range(self.ndim))))(self)


def _unpacked(numbers: tuple) -> Any:
    """(2, 3) of both x.reshape(2, 3) and x.reshape((2, 3))."""
    alone = len(numbers) == 1 and isinstance(numbers[0], tuple | list)
    return numbers[0] if alone else numbers


class Parameter(Tensor):
    """A leaf that training changes.  Graphs that are applied anew read the same parameters."""

    __slots__ = ()


class Input(Tensor):
    """A leaf that waits for data: `Input("x", "N", 3)` takes arrays (N, 3) for any N.

    `Input("x", ...)` takes any array; what reads it has its shape checked when the graph is run.
    """

    __slots__ = ()

    def __init__(self, name: str, *shape: Any) -> None:
        self._set(None, (), None, name, written_at())
        if not isinstance(name, str):
            raise ArgumentError(f"Input({name!r}, ...): first the name, as in Input('x', 'N', 3)")
        shape = tuple(_unpacked(shape))
        wrong = [n for n in shape if not (isinstance(n, str) or (isinstance(n, int) and n >= 0))]
        if wrong and shape != ANY:
            raise ShapeError(f"Input({name!r}): an axis is a letter or a size, not {wrong[0]!r}")
        self.declared = tuple(shape)
