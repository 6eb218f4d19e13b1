"""An Op is a rule of the derivative table: value, derivative, shape and LaTeX side by side.

Called on arrays an op computes; called on tensors it adds a node.  So one rule serves for numbers
and for graphs, and the derivative of an op (`vjp`), written with ops, serves for both as well.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from .backend import asarray, namespace
from .checks import check_kin, explained, is_complex, is_real
from .errors import ArgumentError, ShapeError, TinygradError
from .settings import LOCAL
from .steps import value
from .tensor import OPS, Tensor
from .where import ANY, Shape, both, written_at


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Op:
    """A rule of the derivative table: value, derivative, shape and LaTeX side by side.

    Subclasses are frozen dataclasses; their fields are the op's attributes, and they keep no state.
    """

    kind: ClassVar[str] = "elementwise"
    """The colour family in drawings: linear, gate, slice, elementwise, reduce, loss, flow."""
    latex: ClassVar[str] = ""
    """The formula: `{0}` is the first input, `{0:2}` the same with parentheses if it binds looser
    than 2, `{0:base}` the base of a superscript, `{all:, }` all inputs with commas between."""
    numpy: ClassVar[str] = ""
    """The spelling in NumPy: `{0}` as above, in brackets by itself, `{op.axis}` a field of the op,
    `{axis}` its axis, -1 if it is the last, and `{length}` the size of the input along it."""
    binds: ClassVar[int] = 9
    """How tightly it holds: 1 a sum, 2 a product, 3 a matrix product, 8 a power, 9 an atom."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The names of the inputs; where `more` is true, any number may follow."""
    more: ClassVar[bool] = False
    whole: ClassVar[tuple[int, ...]] = ()
    """Which inputs are no real numbers but numbers of rows or classes, or true and false."""
    repeatable: ClassVar[bool] = True
    """Whether the same inputs give the same value again; False for what is drawn at random."""
    lettered: ClassVar[tuple[str, ...]] = ()
    """Fields that may hold letters ("N"); they are replaced by numbers when data arrive."""

    def __init_subclass__(cls) -> None:
        if cls.forward is not Op.forward:  # a family of ops is no op
            OPS[cls.__name__] = cls
        code = cls.forward.__code__
        cls.reads = code.co_varnames[2 : code.co_argcount]
        cls.more = bool(code.co_flags & inspect.CO_VARARGS)

    def __init__(self, *inputs: Any) -> None:
        if inputs:
            name = type(self).__name__
            raise ArgumentError(
                f"{name} has no settings; the first call makes the op, the second applies it: "
                f"{name}()(x)\n  written at {written_at()}"
            )

    def forward(self, xp: Any, *inputs: Any) -> Any:
        """The value, from arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def vjp(self, g: Any, y: Any, *inputs: Any) -> tuple[Any, ...]:
        """The contribution to each input, from the arriving gradient g, the value y, the inputs.

        None where no gradient flows.  A contribution may be a function without arguments: it is
        called only if that input's gradient is wanted, which saves a matrix product.
        """
        raise NotImplementedError(f"{type(self).__name__} has no vjp")

    add_vjp: ClassVar[Any] = None
    """Optional, for an op of one input: `add_vjp(total, g)` adds the contribution in place."""

    def shape(self, *shapes: Shape) -> Shape:
        """The shape of the value; raises ShapeError("... {0} ...") where the inputs do not fit."""
        if any(s != shapes[0] for s in shapes):
            raise ShapeError(f"the inputs need one shape, got {both(shapes)}")
        return shapes[0]

    def bind(self, letters: dict[str, Any]) -> Op:
        """This op with numbers (or other letters) in place of letters."""
        if not self.lettered:
            return self
        new = {name: bound(getattr(self, name), letters) for name in self.lettered}
        return replace(self, **new)

    def waits(self) -> bool:
        """Whether letters stand in this op's attributes."""
        return any(_letters_in(getattr(self, name)) for name in self.lettered)

    def __call__(self, *inputs: Any) -> Any:
        xp: Any = np
        for x in inputs:
            if type(x) is not np.ndarray:
                if any(isinstance(x, Tensor) for x in inputs):
                    return record(self, inputs)
                inputs = tuple(x if hasattr(x, "dtype") else _as_array(self, x) for x in inputs)
                xp = namespace(x if hasattr(x, "dtype") else inputs[0])
                break
        if hasattr(xp, "write"):  # a plan is being made: terms, not numbers
            return xp.write(self, inputs)
        try:
            return self.forward(xp, *inputs)
        except Exception as error:
            _check_count(self, inputs)
            if not isinstance(error, TinygradError):
                raise
            raise explained(error, self, [Tensor(x) for x in inputs], written_at(), None) from None

    # Here once, for dataclass would write them anew for every op, and that costs time to import.
    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        shown = (f for f in fields(self) if getattr(self, f.name) != f.default)
        attributes = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in shown)
        return f"{type(self).__name__}({attributes})"


def record(op: Op, inputs: Sequence[Any]) -> Tensor:
    """Add the node that applies `op` to `inputs`, and its value if they all have theirs."""
    where = written_at()
    _check_count(op, inputs)
    parents = tuple([as_node(op, x, inputs, k in op.whole) for k, x in enumerate(inputs)])
    node = Tensor.made_by(op, parents, where)
    try:
        check_kin(parents, op.whole)
        shapes = [p.shape for p in parents]
        node.declared = ANY if ANY in shapes else op.shape(*shapes)
    except TinygradError as error:
        raise node.explained(error) from None
    if all(p.data is not None for p in parents) and not op.waits():
        node.data = value(op, namespace(parents[0].data), parents, node)
        if not LOCAL.recording:
            node.forget_parents()
    return node


def as_node(op: Op, x: Any, beside: Sequence[Any], whole: bool = False) -> Tensor:
    """x itself if it is a node; numbers become a constant in the dtype of those beside them.

    Whole numbers do so, too, for NumPy would promote float32 to float64; not where they are meant
    as such (`whole`), and not where they meet nothing but whole numbers.
    """
    if isinstance(x, Tensor):
        return x
    array = _as_array(op, x)
    if is_complex(array) or (whole and not is_real(array)):
        return Tensor(array)
    data = [b.data for b in beside if isinstance(b, Tensor)]
    dtype = next((d.dtype for d in data if d is not None and is_real(d)), None)
    if dtype is None and (is_real(array) or (op.kind != "slice" and any(d is None for d in data))):
        dtype = LOCAL.dtype
    return Tensor(array if dtype is None or array.dtype == dtype else asarray(x, dtype))


def _check_count(op: Op, inputs: Sequence[Any]) -> None:
    count, least = len(inputs), max(len(op.reads), 1)
    if count < least or (count > least and not op.more):
        names = ", ".join([*op.reads, *["..."] * op.more])
        raise ArgumentError(
            f"{type(op).__name__} takes {names}; it got {count} inputs\n  written at {written_at()}"
        )


def _as_array(op: Op, x: Any) -> Any:
    if hasattr(x, "is_layer") or isinstance(x, type | Op):
        name = x.__name__ if isinstance(x, type) else repr(x)
        raise ArgumentError(
            f"{type(op).__name__} got {name}, a layer, not a tensor. "
            f"Did you forget the second call: {name}(x)?\n  written at {written_at()}"
        )
    if isinstance(x, tuple | list) and any(isinstance(part, Tensor) for part in x):
        raise ArgumentError(
            f"{type(op).__name__} got a {type(x).__name__} of tensors, not a tensor. Unpack it: "
            f"{type(op).__name__}()(a, b), or a, b = graph(...)\n  written at {written_at()}"
        )
    if x is None or isinstance(x, str):
        raise ArgumentError(
            f"{type(op).__name__} got {x!r}, not a tensor\n  written at {written_at()}"
        )
    return asarray(x)


def bound(value: Any, letters: dict[str, Any]) -> Any:
    """A size, or a tuple of sizes, with letters replaced, also in "2*N" and "N+M"."""
    if isinstance(value, tuple):
        return tuple(bound(n, letters) for n in value)
    if not isinstance(value, str) or value in letters:
        return letters.get(value, value)
    terms = [
        [letters.get(n, int(n) if n.isdigit() else n) for n in term.split("*")]
        for term in value.split("+")
    ]
    if any(isinstance(n, str) for term in terms for n in term):
        return "+".join("*".join(map(str, term)) for term in terms)
    return sum(map(math.prod, terms))


def _letters_in(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, tuple) and any(isinstance(n, str) for n in value)
    )
