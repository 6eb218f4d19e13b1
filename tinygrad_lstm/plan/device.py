"""What a plan calls: array functions that write into arrays that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import namespace
from ..blas import small_products_are_faster
from ..ops.linear import check_ids
from .bare import copyto, dot, gathering


def strided(array: Any, shape: Sequence[int], strides: Sequence[int]) -> Any:
    """Another view of the same memory."""
    return namespace(array).lib.stride_tricks.as_strided(array, shape, strides)


class Device:
    """NumPy; `cupy` differs in a few spellings only."""

    xp: Any = np
    array: Any = np.ndarray
    """The type of its arrays."""
    fuses = False
    """Whether pointwise calls are kernels of the device's own."""
    only_kernels = False
    """Whether they are so one by one, too, where none are joined."""
    side_by_side = False
    """Whether blocks lie side by side in the last axis wherever products can take them so."""
    tf32 = False
    """Whether products of float32 may round their factors to 10 bits."""
    without: frozenset[str] = frozenset()
    """Passes that bring less here than they cost."""
    cache: int | None = None
    """Bytes that a chunk of time may take; by default those of a processor's cache."""

    def empty(self, shape: Sequence[int], dtype: Any) -> Any:
        return np.zeros(shape, dtype)

    def number(self, value: Any, shape: tuple, dtype: Any) -> Any:
        """A number as an array: filled, if a shape is given."""
        return np.full(shape, value, dtype)

    def constant(self, array: np.ndarray) -> Any:
        return np.ascontiguousarray(array)

    def root(self, array: Any) -> Any:
        """The allocation in which an array lies."""
        while getattr(array, "base", None) is not None:
            array = array.base
        return id(array)

    def pointer(self, array: Any) -> int:
        return array.__array_interface__["data"][0]

    def wait(self) -> None:
        """Return when all that was called is done: at once, where calls are."""

    def replay(self, calls: Sequence[Any], emitters: Sequence[Any]) -> Any:
        """What makes the calls of a step together; None where they are made one by one."""

    def in_tiles(self) -> bool:
        """Whether products by small tiles of a weight are faster than those by the weight."""
        return small_products_are_faster()

    def bare(self, call: tuple[Any, tuple]) -> tuple[Any, tuple]:
        """The same call without detours."""
        f, args = call
        if f == self.dot:
            return dot, args
        if f == self.copy and getattr(args[1], "dtype", None) == args[0].dtype:
            return copyto, args
        if f == self.gather and args[-1].ndim > 1:
            return gathering(*args), ()
        return call

    def takes(self, x: Any) -> bool:
        """Whether a pointwise term may be part of a kernel."""
        return True

    def kernel(self, kernel: Any, writes: Sequence[Any]) -> Any:
        """The function that computes all terms of a kernel, where the device has such."""
        raise NotImplementedError

    dot = staticmethod(np.dot)
    matmul = staticmethod(np.matmul)
    add = staticmethod(np.add)

    put = staticmethod(copyto)

    @staticmethod
    def copy(out: Any, x: Any) -> None:
        np.copyto(out, x, "unsafe")

    @staticmethod
    def fill(out: Any, value: Any) -> None:
        out[...] = value

    @staticmethod
    def choose(condition: Any, a: Any, b: Any, out: Any) -> None:
        np.copyto(out, np.where(condition, a, b))

    @staticmethod
    def clip(x: Any, low: float, high: float, out: Any) -> None:
        np.clip(x, low, high, out)

    @staticmethod
    def sum(x: Any, axes: tuple, out: Any) -> None:
        np.add.reduce(x, axes, None, out)

    @staticmethod
    def sum_kept(x: Any, axes: tuple, out: Any) -> None:
        np.add.reduce(x, axes, None, out, True)  # type: ignore[call-overload]

    @staticmethod
    def max_kept(x: Any, axes: tuple, out: Any) -> None:
        np.maximum.reduce(x, axes, None, out, True)  # type: ignore[call-overload]

    @staticmethod
    def add_up(stack: Any, out: Any) -> None:
        np.add.reduce(stack, 0, None, out)

    @staticmethod
    def swap(x: Any) -> Any:
        return x.swapaxes(-1, -2)

    @staticmethod
    def contract(a: Any, b: Any, out: Any) -> None:
        np.copyto(out, np.tensordot(a, b, ((0, 1), (0, 1))))

    @staticmethod
    def call(op: Any, out: Any, *inputs: Any) -> None:
        """An op that looks at numbers, as a whole."""
        np.copyto(out, op.forward(np, *inputs))

    @staticmethod
    def draw(op: Any, out: Any) -> None:
        np.copyto(out, op.forward(np, out))

    @staticmethod
    def check_rows(ids: Any, count: int) -> None:
        check_ids(np, ids, count, "row number")

    @staticmethod
    def take(W: Any, ids: Any, out: Any) -> None:
        np.take(W, ids, 0, out, "clip")

    @staticmethod
    def scatter(g: Any, ids: Any, out: Any) -> None:
        """Rows of g added up at their numbers, in each of the blocks."""
        width = out[0, :1].size
        places = (ids.reshape(-1, 1) * width + np.arange(width)).reshape(-1)
        for rows, sums in zip(g, out):
            flat = np.zeros(sums.size, sums.dtype)
            np.add.at(flat, places, rows.reshape(-1))
            sums[...] = flat.reshape(sums.shape)

    @staticmethod
    def scatter_sorted(g: Any, ids: Any, out: Any) -> None:
        """The same by one sum for each number, which pays where many long rows have it."""
        order = np.argsort(ids, None, "stable")
        there = ids.reshape(-1)[order]
        rows = g.reshape(len(g), len(order), *out.shape[2:]).take(order, 1)
        out[...], first = 0, 0
        for last in (*(np.flatnonzero(there[1:] != there[:-1]) + 1).tolist(), len(order)):
            np.add.reduce(rows[:, first:last], 1, None, out[:, there[first]])
            first = last

    @staticmethod
    def gather(arrived: list[Any], numbers: tuple[int, ...], out: Any) -> None:
        """Arrays that came from outside, one below the other."""
        parts = [arrived[k] for k in numbers]
        if out.ndim > 1:
            np.concatenate(parts, 0, out.reshape(-1, *out.shape[2:]))
        else:
            out[...] = parts
