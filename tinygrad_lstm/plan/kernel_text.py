"""A kernel's body as text: one line of C for each term, and the same functions as NumPy's.

The lines are also expressions of Python once the type in front is gone, so that the text itself can
be run on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .passes.kernels import Kernel
from .terms import COMPARISONS, Term, is_number

CALLS = "tanh exp log log1p expm1 sqrt sin cos floor sinh cosh isfinite isnan".split()
FORMS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "square": "{0} * {0}",
    "reciprocal": "1 / {0}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "absolute": "np_absolute({0})",
    "sign": "np_sign({0})",
    "power": "pow({0}, {1})",
    "arctan": "atan({0})",
    "maximum": "np_maximum({0}, {1})",
    "minimum": "np_minimum({0}, {1})",
    "logical_and": "np_and({0}, {1})",
    "logical_or": "np_or({0}, {1})",
    "logical_not": "np_not({0})",
    "where": "np_where({0}, {1}, {2})",
    "copy": "{0}",
    "astype": "{0}",
    **{fn: fn + "({0})" for fn in CALLS},
}
"""For every pointwise function its expression, the same in C and in Python (but for "clip")."""

WHOLE = {
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned int",
    "uint64": "unsigned long long",
}
TYPES = {"float32": "float", "float64": "double", "bool": "bool", "float16": "float16"} | {
    name: "np_" + name for name in WHOLE
}
"""The name in C of each type of entry, with which numbers are converted as by a function."""
HELPERS = (
    "\n".join(f"typedef {c} np_{name};" for name, c in WHOLE.items())
    + """
template <class T> DEVICE T np_absolute(T a) { return a < 0 ? -a : a; }
template <class T> DEVICE T np_sign(T a) { return a != a ? a : T((a > 0) - (a < 0)); }
template <class T> DEVICE T np_maximum(T a, T b) { return a > b || a != a ? a : b; }
template <class T> DEVICE T np_minimum(T a, T b) { return a < b || a != a ? a : b; }
template <class T> DEVICE T np_clip(T a, T b, T c) { return a < b ? b : a > c ? c : a; }
template <class T> DEVICE T np_where(bool c, T a, T b) { return c ? a : b; }
template <class T> DEVICE bool np_and(T a, T b) { return a != 0 && b != 0; }
template <class T> DEVICE bool np_or(T a, T b) { return a != 0 || b != 0; }
template <class T> DEVICE bool np_not(T a) { return a == 0; }
template <class S> DEVICE np_int64 np_row(S k, np_int64 n) {
  const np_int64 row = np_int64(k);
  return row < 0 ? 0 : row < n ? row : n - 1;
}
"""
)
"""Functions of the text that C does not have; DEVICE stands for what the compiler wants there."""


@dataclass(frozen=True)
class KernelText:
    """What a kernel is made of: "float32 a0, ..." read, "float32 y0, ..." written, and the body.

    Attributes:
        helpers: functions that the body calls.
    """

    inputs: str
    outputs: str
    body: str
    helpers: str = field(default=HELPERS, repr=False)


def kernel_text(kernel: Kernel, writes: Sequence[Term]) -> KernelText:
    """The text of a kernel: all it reads first, its terms line by line, all it writes last."""
    reads = kernel.reads()
    names = {a: f"a{k}" for k, a in enumerate(reads)}
    lines = []
    for k, x in enumerate(kernel):
        lines.append(f"const {_type(x.dtype)} v{k} = {_expression(x, names)};")
        names[x] = f"v{k}"
    lines += [f"y{k} = {names[y]};" for k, y in enumerate(writes)]
    return KernelText(_listed("a", reads), _listed("y", writes), "\n".join(lines))


def _listed(letter: str, terms: Sequence[Term]) -> str:
    return ", ".join(f"{x.dtype.name} {letter}{k}" for k, x in enumerate(terms))


def _type(dtype: np.dtype) -> str:
    return TYPES[dtype.name]


def _expression(x: Term, names: dict[Term, str]) -> str:
    """One term on the names of its arguments, all taken as of one type."""
    kinds = [a.dtype for a in (x.args[1:] if x.fn == "where" else x.args)]
    dtype = np.result_type(*kinds) if x.fn in COMPARISONS else x.dtype
    wanted = [dtype] * len(x.args)
    if x.fn == "where":
        wanted[0] = np.dtype(bool)
    args = [_operand(a, d, names) for a, d in zip(x.args, wanted)]
    if x.fn == "clip":
        low, high = (literal(bound, dtype) for bound in x.how)
        return f"np_clip({args[0]}, {low}, {high})"
    return FORMS[x.fn].format(*args)


def _operand(a: Term, dtype: np.dtype, names: dict[Term, str]) -> str:
    if a not in names:
        return literal(_number(a), dtype)
    return names[a] if a.dtype == dtype else f"{_type(dtype)}({names[a]})"


def _number(a: Term) -> float:
    assert is_number(a)
    while a.fn == "broadcast_to":
        (a,) = a.args
    return a.how.item()


def literal(value: float, dtype: np.dtype) -> str:
    """A number of that type, the same in C and in Python."""
    if dtype.kind == "b":
        return f"bool({int(value)})"
    if dtype.kind != "f":
        return f"{_type(dtype)}({int(value)})"
    if math.isfinite(value):
        text = repr(float(value)) if dtype.itemsize > 4 else repr(float(np.float32(value)))
    else:
        large = "1e308 * 10"  # CUDA's compiler refuses to read a number that is infinite
        text = {math.inf: large, -math.inf: f"-{large}"}.get(value, f"{large} - {large}")
    return f"{_type(dtype)}({text})"
