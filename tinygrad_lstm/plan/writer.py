"""What everyone who writes calls needs: the schedule, the memory, and the functions to call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .buffers import Storage
from .device import Device
from .memory import Memory
from .schedule import Schedule, Unit
from .terms import Term

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Writer:
    """Writes the calls of a schedule; what kinds of calls there are, its subclasses know.

    Attributes:
        tiles: whether weights are kept in tiles where products of every step are faster so.
        calls: (f, args), to be called one after the other.
        owners: for each call the unit that it computes.
        loads: what is copied in before: (fn, k, array) for input, seed, parameter or leaf number k.
        filled: arrays that hold one number from the beginning and are never written to.
    """

    tiles = False

    def __init__(self, plan: Schedule, storage: Storage, device: Device) -> None:
        self.plan, self.device = plan, device
        self.memory = Memory(plan, storage, device)
        self.calls: list[Call] = []
        self.owners: list[Unit] = []
        self.loads: list[tuple[str, Any, Any]] = []
        self.filled: list[tuple[Any, Any]] = []
        self.arrived: dict[str, list[Any]] = {"input": [], "seed": []}

    def _append(self, unit: Unit, calls: Sequence[Call]) -> None:
        self.calls.extend(calls)
        self.owners.extend([unit] * len(calls))

    def _fill(self, array: Any, value: Any) -> None:
        self.device.fill(array, value)
        self.filled.append((array, value))


def number_of(x: Term) -> Any:
    while x.fn == "broadcast_to":
        (x,) = x.args
    return x.how.item()
