"""Calls as compiled loops and rows of numbers for them: sizes, strides, addresses.

The text of a loop is the same for all sizes, so it is compiled once for a kind of cell; only
whether entries follow each other is written into it, for this decides whether they are computed
several at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .kernel_text import TYPES, KernelText

MOST = 16
"""So many arrays at most are added up by one loop."""
KINDS = {"float32", "float64", "bool", "int32", "int64"}

PRODUCT = """
def entries(B, M, N, K, ab, ai, ak, bb, bk, bj, yb, yi, yj, a, b, y):
    for l in range(B):
        for i in range(M):
            for j in range(N):
                total = {0}(0)
                for k in range(K):
                    x = load(a, l * ab + i * ai + k * ak)
                    total += x * load(b, l * bb + k * bk + j * bj)
                store(y, l * yb + i * yi + j * yj, total)
"""


class Loop:
    """A function of arrays that computes a kernel, entry after entry."""

    __name__ = "loop"

    def __init__(self, text: KernelText) -> None:
        self.text = text
        self._parameters = [part for part in f"{text.inputs}, {text.outputs}".split(", ") if part]
        self.kinds = [part.split()[0] for part in self._parameters]
        self._rows: dict[tuple[int, ...], Any] = {}

    def __call__(self, *arrays: Any) -> None:
        from .numba_machine import run_rows

        key = tuple(map(id, arrays))
        if key not in self._rows:
            self._rows[key] = np.array(self.row(arrays), np.int64), arrays
        run_rows(self._rows[key][0])

    def in_numpy(self, name: str) -> str:
        """A function that does the same with NumPy's calls."""
        parameters = [part.split()[1] for part in self._parameters]
        lines = [f"def {name}({', '.join(parameters)}):"]
        for line in self.text.body.splitlines():
            written = re.fullmatch(r"(y\d+) = (\w+);", line)
            text = f"{written[1]}[...] = {written[2]}" if written else _in_python(line)
            lines.append("    " + re.sub(r"\b[a-z]\w+(?=\()", lambda m: in_numpy(m[0]), text))
        return "\n".join(lines)

    def row(self, arrays: Sequence[Any]) -> list[int]:
        """Arrays that are the same memory are one, so that no two of them meet."""
        shape = arrays[-1].shape
        places = [(_address(a), _strides(a, shape)) for a in arrays]
        distinct = list(dict.fromkeys(places))
        which = tuple(distinct.index(place) for place in places)
        sizes, strides = merged(shape, [own for _, own in distinct])
        last = tuple(own[-1] if own[-1] in (0, 1) else None for own in strides)
        kinds = [self.kinds[which.index(k)] for k in range(len(distinct))]
        numbers = [*sizes, *(s for own in strides for s in own)]
        text = _text(self.text, which, len(sizes), last)
        return _row(text, numbers, kinds, [address for address, _ in distinct])


@cache
def _text(
    kernel: KernelText, which: tuple[int, ...], ndim: int, last: tuple[int | None, ...]
) -> str:
    """`entries`, of sizes, strides and pointers: a loop for each axis, and in it the kernel.

    Args:
        which: for each array of the kernel the number of its pointer.
        last: for each pointer its stride along the last axis, where that is 0 or 1.
    """
    sizes = [f"n{k}" for k in range(ndim)]
    strides = [f"s{p}_{k}" for p in range(len(last)) for k in range(ndim)]
    pointers = [f"p{p}" for p in range(len(last))]
    lines = [f"def entries({', '.join([*sizes, *strides, *pointers])}):"]
    for k, size in enumerate(sizes):
        lines.append("    " * (k + 1) + f"for i{k} in range({size}):")
    places = [f"p{p}, {_index(p, ndim, step)}" for p, step in enumerate(last)]
    reads = kernel.inputs.count(" a")
    inner = [f"a{k} = load({places[p]})" for k, p in enumerate(which[:reads])]
    for line in kernel.body.splitlines():
        written = re.fullmatch(r"y(\d+) = (\w+);", line)
        inner.append(
            f"store({places[which[reads + int(written[1])]]}, {written[2]})"
            if written
            else re.sub(r"= float\(tanh\(", "= float(tanh32(", _in_python(line))
        )
    return "\n".join([*lines, *("    " * (ndim + 1) + line for line in inner), ""])


def _index(p: int, ndim: int, step: int | None) -> str:
    """Where an entry lies behind pointer p."""
    last = ndim - 1
    parts = [f"i{k} * s{p}_{k}" for k in range(last)]
    if step != 0:
        parts.append(f"i{last}" if step else f"i{last} * s{p}_{last}")
    return " + ".join(parts) or "0"


def _in_python(line: str) -> str:
    """A line of C as one of Python, its value of the same type."""
    found = re.fullmatch(r"const (\w+) (\w+) = (.*);", line)
    assert found, line
    kind, name, value = found.groups()
    return f"{name} = {kind}({value})"


def in_numpy(word: str) -> str:
    """A function or type of a kernel's text in NumPy's words."""
    words = {"float": "float32", "double": "float64", "bool": "bool_", "pow": "power"}
    logical = {f"np_{word}": f"logical_{word}" for word in ("and", "or", "not")}
    return "np." + {**words, **logical, "atan": "arctan"}.get(word, word.removeprefix("np_"))


def _row(text: str, numbers: Sequence[int], kinds: Sequence[str], places: list[int]) -> list[int]:
    code = _address_of_code(text, len(numbers), tuple(kinds))
    return [2 + len(numbers) + len(places), code, *numbers, *places]


@cache
def _address_of_code(text: str, count: int, kinds: tuple[str, ...]) -> int:
    """Where the compiled function lies that takes a row and calls `entries`."""
    from .numba_functions import NAMES
    from .numba_machine import compiled

    types = ["boolean" if kind == "bool" else kind for kind in kinds]
    args = [f"number(row, {2 + k})" for k in range(count)]
    args += [f"pointer(number(row, {2 + count + k}), {kind})" for k, kind in enumerate(types)]
    return compiled(f"{text}\ndef kernel(row):\n    entries({', '.join(args)})\n", NAMES)


def _address(a: Any) -> int:
    return a.__array_interface__["data"][0]


def _strides(a: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """In entries, for each axis of that shape; 0 where the array only repeats itself."""
    own = [0 if n == 1 else s // a.itemsize for n, s in zip(a.shape, a.strides)]
    return (0,) * (len(shape) - a.ndim) + tuple(own)


def merged(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[int], list[list[int]]]:
    """The same entries with as few axes as possible, but one at least."""
    sizes: list[int] = []
    found: list[list[int]] = [[] for _ in strides]
    for axis, n in enumerate(shape):
        here = [own[axis] for own in strides]
        if n == 1:
            continue
        if sizes and all(own[-1] == n * s for own, s in zip(found, here)):
            sizes[-1] *= n
            for own, s in zip(found, here):
                own[-1] = s
        else:
            sizes.append(n)
            for own, s in zip(found, here):
                own.append(s)
    return (sizes, found) if sizes else ([1], [[1] for _ in strides])


def product_row(a: Any, b: Any, y: Any) -> list[int] | None:
    """(B, M, K) times (B, K, N), or without B."""
    if y.ndim not in (2, 3) or not _alike(a, b, y):
        return None
    batch = y.shape[:-2] or (1,)
    strides = [s for x in (a, b, y) for s in _strides(x, (*batch, *x.shape[-2:]))]
    sizes = [*batch, *y.shape[-2:], a.shape[-1]]
    places = [_address(x) for x in (a, b, y)]
    return _row(PRODUCT.format(y.dtype), [*sizes, *strides], [y.dtype.name] * 3, places)


def sum_row(x: Any, axes: Sequence[int], y: Any) -> list[int] | None:
    r"""A sum over one axis as a product with ones: $y_{bi} = \sum_k x_{bik} \cdot 1$."""
    axes = [k % x.ndim for k in axes]
    kept = [k for k in range(x.ndim) if k not in axes and x.shape[k] > 1]
    left = [k for k in range(y.ndim) if y.shape[k] > 1]
    shape = [x.shape[k] for k in kept]
    if not _alike(x, y) or shape != [y.shape[k] for k in left]:
        return None
    of_x, of_y = _strides(x, x.shape), _strides(y, y.shape)
    sizes, strides = merged(shape, [[of_x[k] for k in kept], [of_y[k] for k in left]])
    (length, *more), ((step, *_),) = merged([x.shape[k] for k in axes], [[of_x[k] for k in axes]])
    if more or len(sizes) > 2:
        return None
    (B, M), (xb, xi), (yb, yi) = ([0] * (2 - len(s)) + s for s in (sizes, *strides))
    numbers = [max(B, 1), M, 1, length, xb, xi, step, 0, 0, 0, yb, yi, 0]
    places = [_address(x), _address(_one(x.dtype)), _address(y)]
    return _row(PRODUCT.format(y.dtype), numbers, [y.dtype.name] * 3, places)


def stack_row(stack: Any, y: Any) -> list[int] | None:
    """The sum of a few arrays, entry by entry."""
    if len(stack) > MOST or not _alike(*stack, y):
        return None
    names = [f"a{k}" for k in range(len(stack))]
    body = f"const {TYPES[y.dtype.name]} v0 = {' + '.join(names)};\ny0 = v0;"
    reads = ", ".join(f"{y.dtype.name} {name}" for name in names)
    return Loop(KernelText(reads, f"{y.dtype.name} y0", body)).row((*stack, y))


def copy_row(y: Any, x: Any) -> list[int] | None:
    """x put down in y, in its type."""
    kinds = x.dtype.name, y.dtype.name
    if not set(kinds) <= KINDS or np.broadcast_shapes(x.shape, y.shape) != y.shape:
        return None
    body = f"const {TYPES[kinds[1]]} v0 = a0;\ny0 = v0;"
    return Loop(KernelText(f"{kinds[0]} a0", f"{kinds[1]} y0", body)).row((x, y))


def _alike(*arrays: Any) -> bool:
    return len({a.dtype for a in arrays}) == 1 and arrays[0].dtype.name in ("float32", "float64")


@cache
def _one(dtype: Any) -> np.ndarray:
    return np.ones((), dtype)
