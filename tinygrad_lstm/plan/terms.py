"""The language plans are made in: terms, each one call of an array function.

A `Term` looks like an array to an op: `Sigmoid().forward(tape, x)` on a term writes down four terms
(`0.5 * x`, its tanh, and so on) instead of computing.  So every op, also one that a user wrote, is
taken apart into array functions by its own code, and its `vjp` likewise.

A term stands either for one array, or for one array in every timestep of a loop (`steps` of them).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tape import Tape

Shape = tuple[int, ...]

COMPARISONS = {
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "isfinite", "isnan",
    "logical_and", "logical_or", "logical_not",
}  # fmt: skip
UNARY = {
    "tanh", "exp", "log", "log1p", "expm1", "sqrt", "absolute", "sign", "sin", "cos", "negative",
    "floor", "isfinite", "isnan", "logical_not", "square", "reciprocal", "arctan", "sinh", "cosh",
}  # fmt: skip
BINARY = {
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "greater",
    "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or",
}  # fmt: skip
POINTWISE = UNARY | BINARY | {"where", "clip", "astype", "copy"}
"""Entry by entry: these may be computed for all timesteps at once, and cut into blocks."""
VIEWS = {"reshape", "permute", "getitem", "broadcast_to", "rows", "whole", "flip", "at", "alias"}
"""No numbers are computed: the same memory, looked at in another way."""
LEAVES = {"input", "inputs", "seed", "seeds", "parameter", "const", "carry", "draw", "given"}


class Untraceable(TypeError):
    """The op wants to look at numbers; it is kept whole and called when they are there."""


class Term:
    """One call of an array function: `fn` on `args` with the settings `how`.

    Attributes:
        shape: of one timestep's array.
            steps: the number of timesteps that have one each; 0 for a term outside time.
        next: of a carry, what it becomes in the next step; `how` is +1 forward in time, -1 back.
    """

    __slots__ = ("args", "born", "dtype", "fn", "how", "name", "next", "shape", "steps", "tape")
    __array_ufunc__ = None
    args: tuple[Term, ...]
    next: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def device(self) -> str:
        return "plan"

    def __array_namespace__(self, api_version: Any = None) -> Tape:
        return self.tape

    def __repr__(self) -> str:
        args = ", ".join(f"{a.fn}#{a.born}" for a in self.args[:6])
        time = f"{self.steps} x " if self.steps else ""
        return f"#{self.born} {self.fn}({args}) {self.how or ''} {time}{self.shape}"

    def __bool__(self) -> bool:
        raise Untraceable("the numbers are not there yet")

    __int__ = __float__ = __index__ = __len__ = __iter__ = __array__ = __bool__  # type: ignore

    def _two(self, fn: str, other: Any, swapped: bool = False) -> Term:
        pair = (other, self) if swapped else (self, other)
        return self.tape.call(fn, *pair)

    def __add__(self, other: Any) -> Term:
        return self._two("add", other)

    def __radd__(self, other: Any) -> Term:
        return self._two("add", other, True)

    def __sub__(self, other: Any) -> Term:
        return self._two("subtract", other)

    def __rsub__(self, other: Any) -> Term:
        return self._two("subtract", other, True)

    def __mul__(self, other: Any) -> Term:
        return self._two("multiply", other)

    def __rmul__(self, other: Any) -> Term:
        return self._two("multiply", other, True)

    def __truediv__(self, other: Any) -> Term:
        return self._two("divide", other)

    def __rtruediv__(self, other: Any) -> Term:
        return self._two("divide", other, True)

    def __pow__(self, other: Any) -> Term:
        return self.tape.power(self, other)

    def __matmul__(self, other: Any) -> Term:
        return self.tape.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Term:
        return self.tape.matmul(other, self)

    def __neg__(self) -> Term:
        return self.tape.call("negative", self)

    def __abs__(self) -> Term:
        return self.tape.call("absolute", self)

    def __gt__(self, other: Any) -> Term:
        return self._two("greater", other)

    def __ge__(self, other: Any) -> Term:
        return self._two("greater_equal", other)

    def __lt__(self, other: Any) -> Term:
        return self._two("less", other)

    def __le__(self, other: Any) -> Term:
        return self._two("less_equal", other)

    def __and__(self, other: Any) -> Term:
        return self._two("logical_and", other)

    def __or__(self, other: Any) -> Term:
        return self._two("logical_or", other)

    def __invert__(self) -> Term:
        return self.tape.call("logical_not", self)

    def __getitem__(self, key: Any) -> Term:
        return self.tape.getitem(self, key)

    @property
    def T(self) -> Term:
        return self.tape.permute_dims(self, tuple(reversed(range(self.ndim))))


def is_number(term: Term, value: float | None = None) -> bool:
    """Whether the term is one known number everywhere (that number, if `value` is given)."""
    while term.fn == "broadcast_to":
        term = term.args[0]
    if term.fn != "const" or term.how.size != 1:
        return False
    return value is None or bool(term.how.item() == value)
