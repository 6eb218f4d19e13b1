"""What calls cost, counted from their arrays: operations of products, bytes of everything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .device import Device
    from .emit import Call
    from .memory import Memory


@dataclass(frozen=True)
class Cost:
    """Of some calls.

    Attributes:
        flops: of products: $2 M K N$ for (M, K) times (K, N).
        moved: bytes that the calls which are no products read and write.
    """

    calls: int = 0
    flops: int = 0
    moved: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.calls + other.calls, self.flops + other.flops, self.moved + other.moved)


def cost(calls: Iterable[Call], device: Device, often: Iterable[int] = repeat(1)) -> Cost:
    """The cost of all these calls, each of them made so often."""
    products = (device.dot, device.matmul, device.contract)
    count = flops = moved = 0
    for (f, args), times in zip(calls, often):
        count += times
        if f in products:
            flops += times * _operations(args, f == device.contract)
        elif f == device.gather:
            moved += times * 2 * _bytes(args[-1])  # what arrives is not there before the first step
        else:
            moved += times * sum(_bytes(a) for a in args)
    return Cost(count, flops, moved)


def _operations(args: tuple[Any, ...], over_steps: bool) -> int:
    left, out = args[0], args[-1]
    return 2 * out.size * (left.shape[0] * left.shape[1] if over_steps else left.shape[-1])


def _bytes(a: Any) -> int:
    """The memory that an array takes; what it only repeats is not counted twice."""
    strides = getattr(a, "strides", None)
    if strides is None:
        return 0
    size = a.itemsize
    for n, stride in zip(a.shape, strides):
        if stride:
            size *= n
    return size


def memory_of(memory: Memory) -> int:
    """The bytes of all arrays of a plan: its buffers, and scratch for single calls."""
    return sum(a.nbytes for a in (*memory.arrays.values(), *memory.extra))
