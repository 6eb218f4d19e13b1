"""Calls as Python statements: one call, or those of all iterations of a loop as one."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arenas import Arenas, literal
from .emit import Call
from .views import Scope, number

if TYPE_CHECKING:
    from .device import Device
    from .lower import Arrived

WIDTH = 100


class Statements:
    """Writes calls down, and keeps what the text needs for them.

    Attributes:
        given: what cannot be written down, such as ops that look at numbers.
        put: the function that puts down what comes from outside.
    """

    put = "np.copyto"

    def __init__(self, device: Device, arrived: Arrived, arenas: Arenas) -> None:
        self.device, self.arrived, self.arenas = device, arrived, arenas
        self.given: list[Any] = []
        self._helpers: dict[str, Callable] = {}
        self._loops: dict[Any, str] = {}

    def helpers(self) -> list[str]:
        """The functions that are none of NumPy's: of the device, or kernels in NumPy's words."""
        lines: list[str] = []
        for f in self._helpers.values():
            lines += ["", "", *definition(f).splitlines()]
        for f, name in self._loops.items():
            lines += ["", "", *f.in_numpy(name).splitlines()]
        return lines

    def of(self, column: Sequence[Call], scope: Scope, margin: str) -> list[str]:
        """One call, or the calls of all iterations of a loop, as one statement; [] if it cannot."""
        f, args = column[0]
        if f == self.device.check_rows:
            return [f"{margin}# (row numbers are checked here)"]
        own = getattr(f, "__self__", None)
        if isinstance(own, self.device.array):
            owners: list[Any] = [g.__self__ for g, _ in column]
            head = f"{self.operand(owners, scope)}.{f.__name__}"
        else:
            head = self._function(f)
        operands = [self.operand([a[k] for _, a in column], scope) for k in range(len(args))]
        if any(text is None for text in operands) or any(not _alike(f, g) for g, _ in column):
            return []
        if head.startswith("np."):
            operands[-1] = f"out={operands[-1]}"
        return _call(margin, head, operands)  # type: ignore[arg-type]

    def _function(self, f: Callable) -> str:
        if isinstance(f, np.ufunc) or f in (np.dot, np.matmul):
            return f"np.{f.__name__}"
        if hasattr(f, "in_numpy"):
            return self._loops.setdefault(f, f"{f.__name__}_{len(self._loops)}")
        try:
            inspect.getsource(f)
        except (OSError, TypeError):
            return self._handed(f)
        self._helpers[f.__name__] = f
        return f.__name__

    def _handed(self, thing: Any) -> str:
        """What cannot be written down is handed over."""
        known = [k for k, other in enumerate(self.given) if other is thing]
        if not known:
            self.given.append(thing)
        return f"given[{known[0] if known else len(self.given) - 1}]"

    def operand(self, values: Sequence[Any], scope: Scope) -> str | None:
        first = values[0]
        if isinstance(first, self.device.array):
            return self.arenas.spelled(values, scope)
        for kind in ("input", "seed"):
            if first is self.arrived[kind]:
                return kind + "s"
        if isinstance(first, tuple):
            return _numbers(values, scope)
        if any(value is not first and value != first for value in values):
            return None
        return literal(first) if isinstance(first, int | float) else self._handed(first)


def definition(f: Callable) -> str:
    """The text of a function, without its annotations."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(f))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list, tree.returns = [], None
    for argument in (*tree.args.args, tree.args.vararg):
        if argument is not None:
            argument.annotation = None
    return ast.unparse(tree)


def _alike(f: Any, g: Any) -> bool:
    """Whether two calls are of one function, or of one method of two arrays."""
    return f == g or (hasattr(f, "__self__") and f.__name__ == g.__name__)


def _numbers(values: Sequence[tuple], scope: Scope) -> str | None:
    """Tuples of numbers: as they are, or as a range that moves."""
    longest = max(values, key=len)
    size, step = len(longest), _step_of(longest)
    if all(v == longest for v in values) and (size < 9 or not step):
        return literal(longest)
    if size < 3 and all(len(v) == size for v in values):
        parts = [number(column, scope) for column in zip(*values)]
        return None if None in parts else f"({', '.join(map(str, parts))}{',' * (size == 1)})"
    if not step or any(v != _stepping(v[0], step, len(v)) for v in values):
        return None
    first = number([v[0] for v in values], scope)
    last = number([v[-1] + step for v in values], scope)
    if first is None or last is None:
        return None
    return f"range({first}, {last})" if step == 1 else f"range({first}, {last}, {step})"


def _step_of(value: tuple) -> int:
    """The distance between numbers that are a range; 0 if they are none."""
    if len(value) < 2 or any(type(v) is not int for v in value) or value[0] == value[1]:
        return 0
    step = value[1] - value[0]
    return step if value == _stepping(value[0], step, len(value)) else 0


def _stepping(first: int, step: int, count: int) -> tuple[int, ...]:
    return tuple(range(first, first + step * count, step))


def _call(margin: str, head: str, operands: list[str]) -> list[str]:
    line = f"{margin}{head}({', '.join(operands)})"
    if len(line) <= WIDTH:
        return [line]
    inside = f"{margin}    {', '.join(operands)}"
    rows = [inside] if len(inside) <= WIDTH else [f"{margin}    {text}," for text in operands]
    return [f"{margin}{head}(", *rows, f"{margin})"]
